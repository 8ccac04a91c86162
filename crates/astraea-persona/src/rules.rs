//! The persona without a model: recognises the four goals in a message, and says that it is rule-based.
//!
//! It takes the same path through the same tool as a model would. What it does not recognise it does not guess.

use astraea_goals::{BUILT_IN_GOALS, classify};
use serde_json::{Value, json};

/// What the rules make of a message.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Intent {
    /// Carry a goal out: the arguments of `execute_goal`.
    Execute(Value),
    /// Plan a goal: the arguments of `plan_goal`.
    Plan(Value),
    /// List the goals.
    ListGoals,
    /// Nothing that the rules know.
    Unknown,
}

/// What is said after every answer of the rules.
pub const NOTICE: &str = "(No model is configured: this answer comes from fixed rules that know the goals fix_bug, \
implement_feature, refactor_code and add_tests.)";

/// What is said to a message that the rules do not know.
pub const HELP: &str = "I did not recognise a goal in that. Say for example \"fix the failing test\", \"implement a feature: export as CSV\", \
\"refactor this\" or \"add tests\".";

/// Words of courtesy and of the tool's own name that say nothing about the goal.
const NOISE: [&str; 12] = [
    "use your execute_goal tool to",
    "use the execute_goal tool to",
    "call execute_goal to",
    "with execute_goal",
    "could you please",
    "can you please",
    "please",
    "could you",
    "can you",
    "i want you to",
    "i would like you to",
    "hey astra,",
];

/// Reads a message.
#[must_use]
pub fn intent(message: &str) -> Intent {
    let wish = without_noise(message);
    let lower = wish.to_lowercase();
    if lower.contains("list") && lower.contains("goal") {
        return Intent::ListGoals;
    }
    let planning =
        ["plan ", "plan: ", "how would you "].iter().find_map(|word| strip_prefix(&wish, word));
    let text = planning.unwrap_or(&wish);
    let Some(goal) = goal(text) else { return Intent::Unknown };
    let goal_text = if text.to_lowercase().starts_with(goal) {
        text.to_owned()
    } else {
        format!("{goal}: {text}")
    };
    let mut context = json!({});
    if goal == "implement_feature" {
        context = json!({ "feature_name": feature_name(text), "description": text });
    }
    let arguments = json!({ "goal_text": goal_text, "context": context });
    if planning.is_some() { Intent::Plan(arguments) } else { Intent::Execute(arguments) }
}

fn goal(text: &str) -> Option<&'static str> {
    let known: Vec<String> = BUILT_IN_GOALS.iter().map(|&name| name.to_owned()).collect();
    let classified = classify(text, &known).ok()?;
    BUILT_IN_GOALS.iter().copied().find(|name| *name == classified.task)
}

fn without_noise(message: &str) -> String {
    let mut text = message.split_whitespace().collect::<Vec<_>>().join(" ");
    while let Some(rest) = NOISE.iter().find_map(|noise| strip_prefix(&text, noise)) {
        text = rest.trim_start().to_owned();
    }
    text
}

/// The rest of `text` after `prefix`, whatever the case of its ASCII letters.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// A name in snake case out of what the user says: its last words that mean something.
fn feature_name(text: &str) -> String {
    const EMPTY: [&str; 14] = [
        "a",
        "an",
        "the",
        "implement",
        "implement_feature",
        "feature",
        "add",
        "simple",
        "new",
        "to",
        "for",
        "that",
        "me",
        "build",
    ];
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_lowercase);
    let words: Vec<_> =
        words.filter(|word| !word.is_empty() && !EMPTY.contains(&word.as_str())).take(4).collect();
    if words.is_empty() { "feature".to_owned() } else { words.join("_") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executes(message: &str) -> String {
        match intent(message) {
            Intent::Execute(arguments) => arguments["goal_text"].as_str().unwrap().to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_four_goals_are_recognised() {
        for (message, goal) in [
            ("Use your execute_goal tool to implement a simple feature", "implement_feature"),
            ("please fix the failing test", "fix_bug"),
            ("Could you refactor this code?", "refactor_code"),
            ("add tests for the parser", "add_tests"),
            ("fix_bug: the total is wrong", "fix_bug: the total is wrong"),
        ] {
            assert!(executes(message).starts_with(goal), "{message}: {}", executes(message));
        }
    }

    #[test]
    fn what_is_not_a_goal_is_not_guessed() {
        for message in ["hello", "what is the weather?", "", "ß"] {
            assert_eq!(intent(message), Intent::Unknown, "{message}");
        }
        assert_eq!(intent("list my goals"), Intent::ListGoals);
        assert!(matches!(intent("plan fix_bug: x"), Intent::Plan(_)));
    }

    #[test]
    fn a_feature_gets_a_name() {
        assert_eq!(feature_name("implement a simple feature"), "feature");
        assert_eq!(feature_name("implement a feature: export as CSV"), "export_as_csv");
    }
}
