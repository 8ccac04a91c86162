//! From what a person typed to the name of a goal task.
//!
//! Three forms share one field: the bare name (`fix_bug`), the name with free text after a colon
//! (`fix_bug: off by one in the parser`), and free text alone (`the parser drops the last line`).
//! A name is looked up; free text is classified by its words, the verb it opens with counting most.

use crate::error::GoalError;

/// The longest goal text that is accepted, in bytes.
pub const MAX_GOAL_TEXT: usize = 16 * 1024;

/// The goal tasks that the shipped domain defines.
pub const BUILT_IN_GOALS: [&str; 4] =
    ["implement_feature", "fix_bug", "refactor_code", "add_tests"];

/// What a goal text was understood to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// The goal task, one of the domain's compound tasks.
    pub task: String,
    /// The free text, without the name; empty where only a name was given.
    pub text: String,
    /// Whether the task was named, rather than read out of free text.
    pub named: bool,
}

/// Finds the goal task that `text` asks for among `known`.
///
/// # Errors
/// [`GoalError::EmptyGoal`], [`GoalError::GoalTooLong`], and [`GoalError::UnknownGoal`] with the
/// nearest name and the whole list.
pub fn classify(text: &str, known: &[String]) -> Result<Classified, GoalError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(GoalError::EmptyGoal);
    }
    if text.len() > MAX_GOAL_TEXT {
        return Err(GoalError::GoalTooLong { bytes: text.len(), max: MAX_GOAL_TEXT });
    }
    if let Some((head, rest)) = text.split_once(':') {
        let head = head.trim_end();
        if let Some(task) = lookup(head, known) {
            return Ok(Classified { task, text: rest.trim().to_owned(), named: true });
        }
        if looks_like_a_name(head, known) {
            return Err(unknown(head, known));
        }
    } else if let Some(task) = lookup(text, known) {
        return Ok(Classified { task, text: String::new(), named: true });
    } else if looks_like_a_name(text, known) {
        return Err(unknown(text, known));
    }
    match by_words(text) {
        Some(task) if known.iter().any(|k| k == task) => {
            Ok(Classified { task: task.to_owned(), text: text.to_owned(), named: false })
        }
        _ => Err(unknown(text, known)),
    }
}

/// A name matches whatever its case, and with `-` or spaces for `_`.
fn lookup(name: &str, known: &[String]) -> Option<String> {
    let name = normal(name);
    known.iter().find(|k| normal(k) == name).cloned()
}

fn normal(name: &str) -> String {
    name.to_lowercase().replace(['-', ' '], "_")
}

/// One word with an underscore, or one word close to a known name, is a name and not prose.
fn looks_like_a_name(head: &str, known: &[String]) -> bool {
    let one_word = !head.is_empty()
        && head.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
        && head.chars().next().is_some_and(char::is_alphabetic);
    one_word && (head.contains('_') || nearest(head, known).is_some())
}

fn nearest(name: &str, known: &[String]) -> Option<String> {
    let name = normal(name);
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&name, &normal(k)), k))
        .filter(|(distance, k)| *distance <= 1 + k.len() / 5)
        .min()
        .map(|(_, k)| k.clone())
}

fn unknown(name: &str, known: &[String]) -> GoalError {
    let shown: String = name.chars().take(60).collect();
    GoalError::UnknownGoal {
        did_you_mean: nearest(name, known),
        name: if shown.len() < name.len() { format!("{shown}…") } else { shown },
        known: known.to_vec(),
    }
}

const FIX: &[&str] = &[
    "fix",
    "fixes",
    "fixed",
    "bug",
    "bugs",
    "broken",
    "fails",
    "failing",
    "fail",
    "failure",
    "error",
    "errors",
    "crash",
    "crashes",
    "wrong",
    "incorrect",
    "regression",
    "repair",
    "defect",
    "debug",
    "panics",
    "panic",
    "exception",
    "drops",
    "misses",
    "returns",
    "off",
];
const TESTS: &[&str] =
    &["test", "tests", "coverage", "unittest", "unittests", "testcase", "pytest"];
const REFACTOR: &[&str] = &[
    "refactor",
    "refactoring",
    "rename",
    "restructure",
    "simplify",
    "extract",
    "tidy",
    "clean",
    "cleanup",
    "format",
    "reformat",
    "formatting",
    "reorganise",
    "reorganize",
    "modernise",
    "modernize",
    "deduplicate",
    "inline",
];
const IMPLEMENT: &[&str] = &[
    "implement",
    "feature",
    "features",
    "create",
    "build",
    "support",
    "introduce",
    "develop",
    "new",
    "add",
    "make",
    "provide",
    "allow",
    "scaffold",
];
const WRITE: &[&str] = &["write", "add", "create", "increase", "improve", "more", "missing"];

/// Scores each goal by the words it owns; the opening verb decides a tie.
fn by_words(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let first = words.iter().find(|w| !POLITE.contains(w)).copied().unwrap_or_default();
    let count = |list: &[&str]| words.iter().filter(|w| list.contains(w)).count();
    let opens = |list: &[&str]| if list.contains(&first) { 3 } else { 0 };
    let tests = count(TESTS);
    let writes = count(WRITE) > 0;
    let scores = [
        ("fix_bug", count(FIX) * 2 + opens(FIX)),
        ("add_tests", if tests > 0 && writes { tests * 2 + opens(WRITE) + 1 } else { 0 }),
        ("refactor_code", count(REFACTOR) * 2 + opens(REFACTOR)),
        ("implement_feature", count(IMPLEMENT) + opens(IMPLEMENT)),
    ];
    let best = scores.iter().map(|(_, s)| *s).max()?;
    if best == 0 {
        return None;
    }
    scores.iter().find(|(_, s)| *s == best).map(|(task, _)| *task)
}

/// Words that open a request without saying what it is.
const POLITE: &[&str] = &[
    "please", "can", "could", "you", "would", "i", "want", "need", "to", "we", "should", "the",
    "a", "an", "use", "your", "execute", "goal", "tool", "now", "hi", "hello", "astra",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<String> {
        BUILT_IN_GOALS.iter().map(|s| (*s).to_owned()).collect()
    }

    fn task(text: &str) -> String {
        classify(text, &known()).unwrap().task
    }

    #[test]
    fn the_three_forms() {
        let named = classify("fix_bug", &known()).unwrap();
        assert_eq!((named.task.as_str(), named.text.as_str(), named.named), ("fix_bug", "", true));
        let both = classify("fix_bug: last line lost", &known()).unwrap();
        assert_eq!((both.task.as_str(), both.text.as_str()), ("fix_bug", "last line lost"));
        let free = classify("the parser drops the last line", &known()).unwrap();
        assert_eq!((free.task.as_str(), free.named), ("fix_bug", false));
        assert_eq!(task("Fix-Bug: x"), "fix_bug");
    }

    #[test]
    fn free_text_is_classified_by_its_words() {
        for (text, want) in [
            ("fix the failing test in parser.py", "fix_bug"),
            ("Bug: totals are wrong", "fix_bug"),
            ("test_total fails since yesterday", "fix_bug"),
            ("add tests for the tokenizer", "add_tests"),
            ("please write more unit tests", "add_tests"),
            ("refactor the tokenizer", "refactor_code"),
            ("clean up and format the code", "refactor_code"),
            ("implement a simple feature", "implement_feature"),
            ("Use your execute_goal tool to implement a simple feature", "implement_feature"),
            ("add support for TOML", "implement_feature"),
        ] {
            assert_eq!(task(text), want, "{text}");
        }
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest_and_the_list() {
        match classify("fix_bugs", &known()) {
            Err(GoalError::UnknownGoal { did_you_mean, known: list, .. }) => {
                assert_eq!(did_you_mean.as_deref(), Some("fix_bug"));
                assert_eq!(list.len(), 4);
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(classify("brew_coffee", &known()), Err(GoalError::UnknownGoal { .. })));
        assert!(matches!(
            classify("brew_coffee: now", &known()),
            Err(GoalError::UnknownGoal { .. })
        ));
        assert!(matches!(classify("lorem ipsum", &known()), Err(GoalError::UnknownGoal { .. })));
    }

    #[test]
    fn empty_and_endless_text_are_refused() {
        assert!(matches!(classify(" \n", &known()), Err(GoalError::EmptyGoal)));
        let endless = "fix ".repeat(10_000);
        assert!(matches!(classify(&endless, &known()), Err(GoalError::GoalTooLong { .. })));
    }

    #[test]
    fn a_users_goal_task_is_known_too() {
        let mut list = known();
        list.push("release".to_owned());
        assert_eq!(classify("release", &list).unwrap().task, "release");
        assert_eq!(classify("release: 1.2", &list).unwrap().text, "1.2");
    }
}
