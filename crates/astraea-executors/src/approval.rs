//! What may run without asking: a person's word for commands of a form.

use serde::{Deserialize, Serialize};

/// A person's word that commands of a form may run, in the sandbox.
///
/// # Contract
/// A command is covered when every one of its words fits: a word of the pattern stands for itself, with `*` for any characters
/// within that one word; `**` as the last word stands for any further words, none too. The first word names the program and
/// has no star. A line for a shell is covered as the words that it is when nothing in it is special to a shell, else only by a
/// pattern for `sh -c` itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its id.
    pub id: String,
    /// The words of the pattern.
    pub argv: Vec<String>,
    /// The directory, from the repository's top level, in or below which it holds; `None` is everywhere.
    pub dir: Option<String>,
    /// The goal task, such as `fix_bug`, that it holds for; `None` is every one.
    pub goal: Option<String>,
    /// When it was given, in milliseconds since 1970.
    pub given_ms: u64,
    /// Until when it holds, in milliseconds since 1970; `None` is until it is revoked.
    pub until_ms: Option<u64>,
}

impl Approval {
    /// Why a pattern cannot be used, if it cannot.
    #[must_use]
    pub fn fault(argv: &[String]) -> Option<&'static str> {
        match argv {
            [] => Some("there is no command"),
            [program, ..] if program.trim().is_empty() || program.contains('*') => {
                Some("the program has to be named, without a star")
            }
            [.., _] if argv.iter().rev().skip(1).any(|word| word == "**") => {
                Some("`**` stands for the rest of the words and can only be the last")
            }
            _ => None,
        }
    }

    /// Whether it holds for this command, in this directory (from the top level, empty there), for this goal, now.
    #[must_use]
    pub fn covers(&self, argv: &[String], dir: &str, goal: &str, now_ms: u64) -> bool {
        let within = |parent: &str| {
            let parent = parent.trim_matches('/');
            parent.is_empty()
                || dir
                    .strip_prefix(parent)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        Self::fault(&self.argv).is_none()
            && self.until_ms.is_none_or(|until| now_ms < until)
            && self.goal.as_deref().is_none_or(|own| own == goal)
            && self.dir.as_deref().is_none_or(within)
            && self.fits(argv)
    }

    fn fits(&self, argv: &[String]) -> bool {
        let (words, open) = match self.argv.split_last() {
            Some((last, words)) if last == "**" => (words, true),
            _ => (&*self.argv, false),
        };
        let enough = if open { argv.len() >= words.len() } else { argv.len() == words.len() };
        enough && words.iter().zip(argv).all(|(pattern, word)| fits(pattern, word))
    }

    /// What it allows, in words.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("`{}`", self.argv.join(" "));
        match self.dir.as_deref().map(|dir| dir.trim_matches('/')) {
            None | Some("") => text.push_str(" anywhere in the repository"),
            Some(dir) => text.push_str(&format!(" in {dir} and below")),
        }
        match &self.goal {
            None => text.push_str(", for every goal"),
            Some(goal) => text.push_str(&format!(", for {goal}")),
        }
        if matches!(
            self.argv.first().map(|p| p.rsplit('/').next().unwrap_or(p)),
            Some("sh" | "bash" | "dash" | "zsh")
        ) {
            text.push_str(" (a shell: whatever it is told)");
        }
        text
    }
}

/// Whether a word fits a pattern in which `*` stands for any characters.
fn fits(pattern: &str, word: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == word };
    let Some(mut word) = word.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = word.find(part) else { return false };
        word = &word[at + part.len()..];
    }
    word.ends_with(tail)
}

/// The words of a line in which nothing is special to a shell.
pub(crate) fn plain_words(line: &str) -> Option<Vec<String>> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " _@%+:,./-".contains(c);
    let words: Vec<String> = line.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect();
    (line.chars().all(plain) && !words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn approval(pattern: &str) -> Approval {
        Approval {
            id: "a".into(),
            argv: words(pattern),
            dir: None,
            goal: None,
            given_ms: 0,
            until_ms: None,
        }
    }

    #[test]
    fn every_word_has_to_fit() {
        for (pattern, command, covered) in [
            ("make lint", "make lint", true),
            ("make lint", "make lint install", false),
            ("make lint", "make", false),
            ("make *", "make lint", true),
            ("make *", "make lint install", false),
            ("make **", "make", true),
            ("make **", "make lint install", true),
            ("cargo fmt --package=*", "cargo fmt --package=a", true),
            ("cargo fmt --package=*", "cargo fmt --pack", false),
            ("a*b*c", "axxbc", false),
            ("tool a*b*c", "tool axxbyyc", true),
            ("tool a*b*c", "tool abbc", true),
            ("tool a*a", "tool a", false),
            ("make lint", "/tmp/make lint", false),
            ("make", "make2", false),
        ] {
            let covers = approval(pattern).covers(&words(command), "", "fix_bug", 1);
            assert_eq!(covers, covered, "{pattern} over {command}");
        }
    }

    #[test]
    fn directory_goal_and_time_bound_it() {
        let mut given = approval("make");
        given.dir = Some("a/b/".into());
        given.goal = Some("fix_bug".into());
        given.until_ms = Some(10);
        let covers = |dir: &str, goal: &str, now| given.covers(&words("make"), dir, goal, now);
        assert!(covers("a/b", "fix_bug", 9) && covers("a/b/c", "fix_bug", 9));
        assert!(
            !covers("a/bc", "fix_bug", 9)
                && !covers("a", "fix_bug", 9)
                && !covers("", "fix_bug", 9)
        );
        assert!(!covers("a/b", "add_tests", 9) && !covers("a/b", "fix_bug", 10));
    }

    #[test]
    fn what_is_special_to_a_shell_is_never_plain() {
        assert_eq!(plain_words("make  lint"), Some(words("make lint")));
        for line in [
            "make; rm x",
            "make && x",
            "make $X",
            "make `x`",
            "make > f",
            "make\nx",
            "make *",
            "make 'x'",
            "a=b make",
            "~/x",
            "make #x",
            "",
            " ",
            "make\tx",
            "!x",
            "{a,b}",
        ] {
            assert_eq!(plain_words(line), None, "{line:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_said_and_never_holds() {
        for pattern in ["* lint", "**", "ma*e", "make ** lint", " x"] {
            let given = approval(pattern);
            assert!(Approval::fault(&given.argv).is_some(), "{pattern}");
            assert!(!given.covers(&words("make lint"), "", "", 0), "{pattern}");
        }
        assert!(Approval::fault(&[]).is_some());
    }

    proptest! {
        /// Each star stands for what is between the parts around it.
        #[test]
        fn a_pattern_covers_what_it_was_made_of(parts in proptest::collection::vec("[a-c]{0,3}", 1..5), between in proptest::collection::vec("[a-c*]{0,3}", 4)) {
            let mut word = parts[0].clone();
            for (part, between) in parts[1..].iter().zip(&between) {
                word += between;
                word += part;
            }
            prop_assert!(fits(&parts.join("*"), &word), "{} over {word}", parts.join("*"));
        }
    }
}
