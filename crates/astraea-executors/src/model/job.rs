//! What a task of a model is about: the arguments that the planner's lowering gives it.

use astraea_engine::TaskContext;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Error;

/// The arguments of `write_code`, `write_file`, `fix_issues`, `design_implementation`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Job {
    /// The goal task, such as `fix_bug`.
    pub(super) goal: String,
    /// The goal in the user's words.
    pub(super) goal_text: String,
    /// What the caller said besides: descriptions, names, requirements.
    pub(super) context: Map<String, Value>,
    /// The tests that have to pass, as a person typed them or as their runner names them.
    pub(super) tests: Vec<String>,
    /// Files that must stay as they are: acceptance tests that the user gave.
    pub(super) protected: Vec<String>,
    /// What an earlier search left behind.
    pub(super) hints: Hints,
    /// The one file to write.
    pub(super) file: Option<FilePlan>,
    /// Every file of the design.
    pub(super) files: Vec<FilePlan>,
    /// The tasks that follow once the files are written, each with what it waits for.
    pub(super) then: Vec<(astraea_engine::taskgraph::Task, Vec<astraea_engine::taskgraph::TaskId>)>,
}

/// What a search for a repair left behind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hints {
    /// Lines that it suspects, the worst first.
    pub(super) suspicious: Vec<Suspect>,
    /// Edits that mended something and not everything.
    pub(super) near_misses: Vec<NearMiss>,
    /// What else was tried and did not work, in words.
    pub(super) tried: Vec<String>,
}

/// A line that a search suspects.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Suspect {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) text: String,
}

/// An edit that mended something and not everything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NearMiss {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) fixed: u32,
    pub(super) failed_tests: Vec<String>,
}

/// One file of a design.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(default)]
pub(super) struct FilePlan {
    /// Where it is.
    pub(super) path: String,
    /// What it is to hold.
    pub(super) what: String,
    /// The files that have to be written before it.
    pub(super) after: Vec<String>,
}

impl Job {
    pub(super) fn of(cx: &TaskContext) -> Result<Self, Error> {
        let args =
            if cx.task.args.is_null() { Value::Object(Map::new()) } else { cx.task.args.clone() };
        serde_json::from_value(args).map_err(|error| {
            Error::argument(&cx.task.action, "arguments", format!("are not right: {error}"))
        })
    }
}
