//! From an answer to edits: all of it, or nothing and the reasons.

use std::collections::BTreeSet;

use astraea_code_access::{
    Edit, EditSet, Error as AccessFailure, ProposedChange, ProposedEdit, RepoPath, Unreadable,
    read_proposal,
};

use super::guard;
use crate::actions::check_syntax;
use crate::{Error, Workspace};

/// The most files that one answer may change.
const MOST_FILES: usize = 30;

/// What an answer may change.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules<'a> {
    /// Files that stay as they are.
    pub(super) protected: &'a [String],
    /// The one file that may change; any when absent.
    pub(super) only: Option<&'a str>,
    /// Whether nothing but tests may change or be made.
    pub(super) tests_only: bool,
    /// Whether a file that is written anew may lack names that were in it.
    pub(super) may_rename: bool,
}

/// What an answer makes.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    /// The change of the code, and new tests.
    pub(super) code: EditSet,
    /// The change of what judges the code: apart, for a person to decide.
    pub(super) held: EditSet,
}

/// Why an answer is of no use, in words for the model.
pub(super) type Refusals = Vec<String>;

/// Makes edits of what an answer proposes, on top of `base`.
///
/// # Errors
/// Only what is no fault of the answer.
pub(super) fn make(
    ws: &Workspace,
    base: &EditSet,
    answer: &str,
    rules: Rules<'_>,
) -> Result<Result<Made, Refusals>, Error> {
    let proposed = match read_proposal(answer) {
        Ok(proposed) => proposed,
        Err(error @ Unreadable { .. }) => return Ok(Err(vec![error.to_string()])),
    };
    if proposed.is_empty() {
        return Ok(Err(vec![
            "there is no edit in your answer; write edits in the form that was described".into(),
        ]));
    }
    let files: BTreeSet<&str> = proposed.iter().map(|one| one.path.as_str()).collect();
    if files.len() > MOST_FILES {
        return Ok(Err(vec![format!(
            "{} files change at once; change at most {MOST_FILES}",
            files.len()
        )]));
    }
    let mut refusals = Vec::new();
    let mut code = ws.repo().edit(ws.snapshot(), base);
    let mut held = ws.repo().edit(ws.snapshot(), base);
    for one in &proposed {
        let path = match path(ws, one) {
            Ok(path) => path,
            Err(refusal) => {
                refusals.push(refusal);
                continue;
            }
        };
        let apart = match place(ws, &path, rules)? {
            Place::Code => false,
            Place::Apart => true,
            Place::Refused(refusal) => {
                refusals.push(refusal);
                continue;
            }
        };
        if let ProposedChange::Whole { content } = &one.change
            && let Some(before) = there(ws, base, &path)?
            && let Some(refusal) =
                guard::left_out(&path.to_string(), &before, content, rules.may_rename)
        {
            refusals.push(refusal);
            continue;
        }
        let builder = if apart { &mut held } else { &mut code };
        if let Err(error) = builder.propose(&path, &one.change) {
            refusals.push(refused(error)?);
        }
    }
    if !refusals.is_empty() {
        refusals.dedup();
        return Ok(Err(refusals));
    }
    let (code, held) = (code.finish()?, held.finish()?);
    for edit in &code {
        if let Some(refusal) = look(ws, base, edit)? {
            refusals.push(refusal);
        }
    }
    for edits in [&code, &held] {
        match check_syntax(ws, base, edits) {
            Ok(()) => {}
            Err(error @ Error::Syntax { .. }) => refusals.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    if !refusals.is_empty() {
        return Ok(Err(refusals));
    }
    // A manifest is code until it says how tests are run.
    let (code, moved) = part(ws, base, code)?;
    let held = held.then(&moved).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(Ok(Made { code, held }))
}

/// The path of an edit; an absolute one below the repository is what a model has read in the output of tests.
fn path(ws: &Workspace, one: &ProposedEdit) -> Result<RepoPath, String> {
    let root = ws.repo().root().to_string_lossy();
    let text = one.path.strip_prefix(root.as_ref()).and_then(|rest| rest.strip_prefix('/'));
    let text = text.unwrap_or(&one.path);
    let text = text.strip_prefix("./").unwrap_or(text);
    RepoPath::new(text)
        .map_err(|error| format!("{}: not a path inside the repository: {error}", one.path))
}

enum Place {
    Code,
    Apart,
    Refused(String),
}

fn place(ws: &Workspace, path: &RepoPath, rules: Rules<'_>) -> Result<Place, Error> {
    let name = path.to_string();
    if let Some(only) = rules.only.filter(|only| *only != name) {
        return Ok(Place::Refused(format!("{name}: only {only} is to be written here")));
    }
    if rules.protected.contains(&name) {
        return Ok(Place::Refused(format!(
            "{name}: this file is given and stays as it is; change the code so that it passes"
        )));
    }
    // The policy answers first, also about what would be held apart.
    if let Err(error) = ws.policy().check(path, astraea_code_access::Access::Write) {
        return Ok(Place::Refused(error.to_string()));
    }
    if rules.tests_only && !guard::is_test(&name) {
        return Ok(Place::Refused(format!(
            "{name}: only tests are to be added; leave the code as it is"
        )));
    }
    let there = ws.repo().lookup(ws.snapshot(), &EditSet::new(), path)?.is_some();
    if !there && guard::shadows(&name) {
        return Ok(Place::Refused(format!(
            "{name}: a module of this name would stand in for one that the tests are run with; choose another name"
        )));
    }
    let judges = guard::is_harness(&name) || (there && guard::is_test(&name));
    Ok(if judges { Place::Apart } else { Place::Code })
}

/// What is wrong with an edit, for the model; errors that are no fault of its edits pass through.
fn refused(error: AccessFailure) -> Result<String, Error> {
    match error {
        AccessFailure::Access(_)
        | AccessFailure::Path(_)
        | AccessFailure::Conflict(_)
        | AccessFailure::Binary { .. }
        | AccessFailure::Ambiguous { .. }
        | AccessFailure::NoMatch { .. }
        | AccessFailure::Filtered { .. } => Ok(error.to_string()),
        other => Err(other.into()),
    }
}

/// The text of a file as it is, if it is there and is one.
fn there(ws: &Workspace, base: &EditSet, path: &RepoPath) -> Result<Option<String>, Error> {
    match ws.repo().lookup(ws.snapshot(), base, path)? {
        Some((id, mode)) if mode.is_file() => Ok(String::from_utf8(ws.repo().blob(id)?).ok()),
        _ => Ok(None),
    }
}

fn texts(
    ws: &Workspace,
    base: &EditSet,
    edit: &Edit,
) -> Result<(Option<String>, Option<String>), Error> {
    let text =
        |id| -> Result<Option<String>, Error> { Ok(String::from_utf8(ws.repo().blob(id)?).ok()) };
    let before = match ws.repo().lookup(ws.snapshot(), base, &edit.path)? {
        Some((id, _)) => text(id)?,
        None => None,
    };
    Ok((before, edit.after.map(text).transpose()?.flatten()))
}

fn look(ws: &Workspace, base: &EditSet, edit: &Edit) -> Result<Option<String>, Error> {
    let name = edit.path.to_string();
    let (before, after) = texts(ws, base, edit)?;
    // a new test file is made of the test framework
    if guard::is_test(&name) && edit.after.is_some() {
        return Ok(None);
    }
    Ok(guard::refusal(&name, before.as_deref(), after.as_deref().unwrap_or_default()))
}

/// Parts edits into those of code and those that change how tests are run.
fn part(ws: &Workspace, base: &EditSet, edits: EditSet) -> Result<(EditSet, EditSet), Error> {
    let mut judges = Vec::new();
    for edit in &edits {
        if let (Some(before), after) = texts(ws, base, edit)?
            && guard::changes_harness(
                &edit.path.to_string(),
                &before,
                after.as_deref().unwrap_or_default(),
            )
        {
            judges.push(edit.path.clone());
        }
    }
    Ok(edits.partition(|path| !judges.contains(path)))
}
