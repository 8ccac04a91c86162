//! apply_fixes and format: what a found tool writes becomes edits; the tests that follow judge them.

use std::sync::Arc;

use astraea_code_access::{Edit, EditSet};
use astraea_engine::{ErrorClass, Outcome, TaskContext};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::answer::{edited, failed};
use super::languages::languages;
use super::toolbox::{self, Use};
use super::{Action, syntax};
use crate::runners::Ended;
use crate::workspace::blocking;
use crate::{Error, Workspace};

/// Runs the tools of one purpose over a private copy.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tools {
    /// Machine-applicable fixes of linters.
    Fix,
    /// Formatters.
    Format,
}

#[async_trait]
impl Action for Tools {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let (purpose, what) = match self {
            Self::Fix => (Use::Fix, "fixer"),
            Self::Format => (Use::Format, "formatter"),
        };
        let base = ws.edits_so_far(cx)?;
        let (host, of) = (ws.clone(), base.clone());
        let tree = blocking(move || host.tree(&of)).await?;
        let spoken = languages(&tree, &ws.scope().dir_text());
        let toolbox = toolbox::look(ws, cx, &spoken).await?;
        let jobs = toolbox::jobs(ws, &tree, &spoken, &toolbox, purpose);
        if jobs.is_empty() {
            let message = format!(
                "no {what} was found for {}; install one (ruff, rustfmt, eslint, gofmt …) where commands can see it",
                if spoken.is_empty() { "this repository".to_owned() } else { spoken.join(", ") }
            );
            return Ok(failed(ErrorClass::Environment, message, Default::default()));
        }
        let copy = ws.private_copy(&base).await?;
        let (mut stdout, mut stderr, mut ran_all) = (String::new(), String::new(), Vec::new());
        let mut all_good = true;
        for job in jobs {
            cx.progress(&job.argv.join(" "));
            let shown = job.argv.clone();
            let ran = ws
                .writing_command(&copy, job.argv, &job.dir)
                .await?
                .with_env("CARGO_NET_OFFLINE", "true")
                .with_env("NO_COLOR", "1")
                .within(cx)
                .run(&cx.cancel)
                .await?;
            ran_all.push(ws.account(&shown, &ran));
            stdout.push_str(&ran.stdout);
            stderr.push_str(&ran.stderr);
            if ran.ended == Ended::TimedOut {
                let output = ws.with_tails(Default::default(), &stdout, &stderr);
                let message = format!("{} did not end in time", shown.join(" "));
                return Ok(failed(ErrorClass::TimeoutError, message, output));
            }
            all_good &= ran.success();
        }
        let (host, before) = (ws.clone(), base);
        let (edits, refused) = blocking(move || {
            let collected = copy.collect(host.policy())?;
            let edits = without_lock_files(&collected.edits)?;
            syntax::check(&host, &before, &edits)?;
            Ok((edits, collected.refused))
        })
        .await?;
        let refused: Vec<Value> = refused.iter().map(|e| json!(e.to_string())).collect();
        let value = json!({ "ran": ran_all, "changed": edits.len(), "refused": refused });
        let output = ws.with_tails(edited(&edits, value)?, &stdout, &stderr);
        if edits.is_empty() && !all_good {
            let message = format!("the {what} failed and changed nothing");
            return Ok(failed(ErrorClass::CommandFailure, message, output));
        }
        if edits.is_empty() && purpose == Use::Fix {
            return Ok(failed(ErrorClass::NoPatch, "the fixers found nothing to change", output));
        }
        Ok(Outcome::Succeeded(output))
    }
}

/// A tool that builds may write a lock file, or bring one to a newer form: that is no fix of anything.
fn without_lock_files(edits: &EditSet) -> Result<EditSet, Error> {
    const LOCKS: [&[u8]; 6] = [
        b"Cargo.lock",
        b"package-lock.json",
        b"npm-shrinkwrap.json",
        b"yarn.lock",
        b"pnpm-lock.yaml",
        b"go.sum",
    ];
    let kept: Vec<&Edit> =
        edits.edits().iter().filter(|e| !LOCKS.contains(&e.path.file_name())).collect();
    // an edit set is made by its own crate only; its JSON is its list of edits
    serde_json::to_value(kept)
        .and_then(serde_json::from_value)
        .map_err(|e| Error::Internal(format!("edits as JSON: {e}")))
}
