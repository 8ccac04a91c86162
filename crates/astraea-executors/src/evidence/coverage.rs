//! Which lines the tests reach, where a tool is there that knows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Lines (of Go: statements) that can run, and those that did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Those that ran.
    pub covered: u64,
    /// Those that can run.
    pub of: u64,
}

impl Reach {
    /// In percent, rounded down: 100 means all of them.
    pub fn percent(self) -> u64 {
        (self.covered * 100).checked_div(self.of).unwrap_or(100)
    }
}

/// What a tool measured while the tests ran once more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The tool, as it is called.
    pub tool: String,
    /// File by file, from the repository's root; tests are not among them.
    pub files: BTreeMap<String, Reach>,
}

impl Coverage {
    /// All files together.
    pub fn total(&self) -> Reach {
        self.files.values().fold(Reach::default(), |sum, one| Reach {
            covered: sum.covered + one.covered,
            of: sum.of + one.of,
        })
    }

    /// Puts what two tools measured together.
    pub fn merge(&mut self, other: Self) {
        if self.tool.is_empty() {
            self.tool = other.tool;
        } else if !self.tool.split(", ").any(|tool| tool == other.tool) {
            self.tool = format!("{}, {}", self.tool, other.tool);
        }
        for (path, reach) in other.files {
            let mine = self.files.entry(path).or_default();
            if reach.of > 0 && (mine.of == 0 || reach.covered > mine.covered) {
                *mine = reach;
            }
        }
    }

    /// One line for people: the whole, and the files that matter to them.
    pub fn line(&self, files: &[String]) -> String {
        let total = self.total();
        let word = if total.of == 1 { "line" } else { "lines" };
        let mut out = format!("{} % of {} {word} ({})", total.percent(), total.of, self.tool);
        let mine = files.iter().filter_map(|path| Some((path, self.files.get(path)?)));
        let mine: Vec<String> =
            mine.take(5).map(|(path, reach)| format!("{path} {} %", reach.percent())).collect();
        if !mine.is_empty() {
            out.push_str(&format!("; of what changed: {}", mine.join(", ")));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_what_its_files_are() {
        let reach = |covered, of| Reach { covered, of };
        let mut one = Coverage {
            tool: "coverage.py".into(),
            files: [("a.py".into(), reach(1, 3)), ("b.py".into(), reach(2, 2))].into(),
        };
        assert_eq!(
            one.line(&["a.py".into(), "c.py".into()]),
            "60 % of 5 lines (coverage.py); of what changed: a.py 33 %"
        );
        let other = Coverage { tool: "node".into(), files: [("a.js".into(), reach(5, 5))].into() };
        one.merge(other);
        assert_eq!(one.line(&[]), "80 % of 10 lines (coverage.py, node)");
        assert_eq!(Reach::default().percent(), 100);
    }
}
