//! What a model is shown: the goal, what the tests say, what a search suspects, and the files that matter, within a bound.

mod files;

use astraea_code_access::EditSet;
use serde_json::Value;

use super::job::Job;
use super::prompt::data;
use crate::evidence::{TestReport, clip};
use crate::runners::{Tree, join};
use crate::{Error, RepoTree, Workspace};

/// The most failing tests that are shown, and the most bytes of each.
const TESTS: usize = 10;
const TEST_BYTES: usize = 1_500;
/// The most suspicious lines and near misses that are shown.
const SUSPECTS: usize = 15;
const MISSES: usize = 5;
/// The most bytes of AGENTS.md, and of one value that the caller gave.
const PROSE_BYTES: usize = 4_000;
/// The most bytes of the list of files and names.
const MAP_BYTES: usize = 6_000;

/// What there is to show about a task.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) ws: &'a Workspace,
    /// The edits so far.
    pub(super) base: &'a EditSet,
    pub(super) job: &'a Job,
    /// What the tests said last.
    pub(super) report: Option<&'a TestReport>,
    /// Files that are shown before all others.
    pub(super) first: &'a [String],
    /// What tells data apart.
    pub(super) mark: &'a str,
    /// The bound, in bytes.
    pub(super) bytes: usize,
}

/// Writes the question that opens a conversation.
///
/// Blocks while files are read.
///
/// # Errors
/// When the repository cannot be read.
pub(super) fn opening(subject: &Subject<'_>) -> Result<String, Error> {
    let Subject { ws, base, job, report, mark, bytes, .. } = *subject;
    let tree = ws.tree(base)?;
    let mut out = goal(job);
    let mut add = |title: &str, text: String| {
        if !text.trim().is_empty() && out.len() + text.len() <= bytes {
            out.push_str(&format!("\n{}", data(mark, title, &text)));
        }
    };
    // names of tests are the repository's words
    add("the tests that have to pass", job.tests.join("\n"));
    if let Some(report) = report {
        add("what the tests say", failing(ws, report, &job.tests));
    }
    add("lines that a search for the bug suspects, the worst first", suspects(job));
    add("edits that were tried and did not do", misses(job));
    add("AGENTS.md", agents(&tree, &ws.scope().dir_text()));
    let wanted = files::rank(subject, &tree);
    let map = files::map(&tree, &wanted, MAP_BYTES.min(bytes / 4));
    let left = bytes.saturating_sub(out.len() + map.len() + 200);
    let shown = files::show(subject, &tree, &wanted, left);
    for (title, text) in shown {
        out.push_str(&format!("\n{}", data(mark, &title, &text)));
    }
    out.push_str(&format!("\n{}", data(mark, "files and what they define", &map)));
    Ok(out)
}

/// The goal in the user's words: the one part that is an instruction.
pub(super) fn goal(job: &Job) -> String {
    let mut out = format!("The goal: {}", job.goal);
    if !job.goal_text.trim().is_empty() {
        out.push_str(&format!(": {}", clip(job.goal_text.trim(), PROSE_BYTES)));
    }
    out.push('\n');
    for (name, value) in &job.context {
        let text = match value {
            Value::String(text) => text.clone(),
            // a value that is kept as a blob stands in a file by now
            Value::Object(_) | Value::Null => continue,
            other => other.to_string(),
        };
        if !text.trim().is_empty() {
            out.push_str(&format!("{name}: {}\n", clip(text.trim(), PROSE_BYTES)));
        }
    }
    if !job.protected.is_empty() {
        out.push_str(&format!("Given, and not to be changed: {}\n", job.protected.join(", ")));
    }
    out
}

/// The failing tests, those that matter first, with what they said.
pub(super) fn failing(ws: &Workspace, report: &TestReport, listed: &[String]) -> String {
    let root = format!("{}/", ws.repo().root().to_string_lossy());
    let plain = |text: &str| clip(&text.replace(&root, ""), TEST_BYTES);
    let mut out = String::new();
    let matters = |id: &&crate::TestId| listed.iter().any(|typed| id.matches(typed));
    let (mut first, rest): (Vec<_>, Vec<_>) = report.failing().partition(matters);
    first.extend(rest);
    for id in first.iter().take(TESTS) {
        let word = report.outcomes.get(*id).map_or("failed", |outcome| outcome.word());
        out.push_str(&format!("{word}: {id}\n"));
        if let Some(said) = report.details.get(*id) {
            out.push_str(&format!("{}\n", plain(said).trim_end()));
        }
    }
    if first.len() > TESTS {
        out.push_str(&format!("and {} more\n", first.len() - TESTS));
    }
    for error in report.collection_errors.iter().take(TESTS) {
        out.push_str(&format!(
            "cannot be loaded: {}\n{}\n",
            error.what,
            plain(&error.message).trim_end()
        ));
    }
    for missing in report.environment.iter().take(TESTS) {
        out.push_str(&format!("missing here: {missing}\n"));
    }
    out
}

fn suspects(job: &Job) -> String {
    let lines = job.hints.suspicious.iter().take(SUSPECTS);
    lines.map(|one| format!("{}:{}: {}\n", one.file, one.line, one.text)).collect()
}

fn misses(job: &Job) -> String {
    let misses = job.hints.near_misses.iter().take(MISSES).map(|one| {
        format!(
            "{}:{}: `{}` for `{}` mends {} test(s); these still fail: {}\n",
            one.file,
            one.line,
            one.after.trim(),
            one.before.trim(),
            one.fixed,
            one.failed_tests.join(", ")
        )
    });
    let tried = job.hints.tried.iter().take(MISSES).map(|text| format!("{text}\n"));
    misses.chain(tried).collect()
}

/// AGENTS.md of the scope and those above it, the nearest last.
fn agents(tree: &RepoTree, scope: &str) -> String {
    let mut dirs = vec![String::new()];
    let mut at = String::new();
    for part in scope.split('/').filter(|part| !part.is_empty()) {
        at = join(&at, part);
        dirs.push(at.clone());
    }
    let texts = dirs.iter().filter_map(|dir| tree.read(&join(dir, "AGENTS.md")));
    clip(&texts.collect::<Vec<_>>().join("\n"), PROSE_BYTES)
}
