//! The tasks: one JSON object a line, with the fields of HumanEvalFix.

use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

/// Which tests the search may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    /// Those it is scored on.
    Full,
    /// The examples of the task's description.
    Example,
}

/// One bug.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Task {
    #[serde(rename = "task_id")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) bug_type: String,
    /// What stands before the solution.
    #[serde(default)]
    pub(super) declaration: String,
    #[serde(rename = "buggy_solution")]
    buggy: String,
    pub(super) test: String,
    #[serde(rename = "example_test", default)]
    example: Option<String>,
    #[serde(default)]
    pub(super) entry_point: String,
}

impl Task {
    /// The whole source with the bug.
    pub(super) fn buggy(&self) -> String {
        format!("{}{}", self.declaration, self.buggy)
    }

    /// The tests that the search may see, if the task has them.
    pub(super) fn tests(&self, search: Search) -> Option<&str> {
        match search {
            Search::Full => Some(self.test.as_str()),
            Search::Example => self.example.as_deref(),
        }
        .filter(|tests| !tests.trim().is_empty())
    }
}

/// Reads the tasks.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Task>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("line {} of {} is no task", number + 1, path.display()))
        })
        .collect()
}
