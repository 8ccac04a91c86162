//! The disagreement check for a model's change: a second one, asked for without knowledge of the first, is run beside it
//! on generated inputs. Agreement makes a change `verified`, an input on which they differ makes it `ambiguous`.

use std::time::Duration;

use astraea_code_access::EditSet;
use astraea_llm::LlmError;
use astraea_repair::Comparison;
use serde_json::{Value, json};

use super::guard;
use super::make::Made;
use super::prompt;
use super::talk::{Stop, Talk};
use super::write_code::{Kind, Work};
use crate::actions::deliver;
use crate::repair::{can_compare, compare};
use crate::workspace::blocking;
use crate::{Error, Workspace};

/// How long the comparison may take, as a share of the task's time, and at most.
const SHARE: f64 = 0.2;
const MOST: Duration = Duration::from_secs(60);

/// What the check says.
#[derive(Debug)]
pub(super) enum Crossed {
    /// It was not possible; why, in words.
    Not(String),
    /// Both did the same on this many inputs.
    Agree(u32),
    /// They differ: the input, and each change as it is kept.
    Differ { input: String, alternatives: Vec<Value> },
}

impl Work {
    /// Cross-checks a change that passes.
    ///
    /// # Errors
    /// When it was called off, or something of ours failed; a model that does not answer only leaves the check out.
    pub(super) async fn cross_check(&mut self, made: &Made) -> Result<Crossed, Stop> {
        let Some(file) = self.comparable(made) else {
            return Ok(Crossed::Not("changes like this one cannot be compared".into()));
        };
        let Some(baseline) = self.baseline.clone() else {
            return Ok(Crossed::Not("nothing is known of the tests before".into()));
        };
        let mut beside = Talk::beside(&self.ws, &self.cx, prompt::rules(&self.mark, self.what()))?;
        let question = self.opening(Some(baseline.clone()), String::new(), beside.context_bytes());
        let answered = beside.ask(question.await?).await;
        if let Some(talk) = &mut self.talk {
            talk.charge(beside);
        }
        let answer = match answered {
            Ok(answer) => answer,
            Err(stop @ (Stop::Error(_) | Stop::Model(LlmError::Cancelled))) => return Err(stop),
            Err(_) => return Ok(Crossed::Not("a second change could not be asked for".into())),
        };
        let rival = match self.made(&answer, None).await? {
            Ok(rival) if self.comparable(&rival).as_ref() == Some(&file) => rival,
            _ => return Ok(Crossed::Not("the second change cannot be compared".into())),
        };
        if rival.code.id() == made.code.id() {
            return Ok(Crossed::Not("the second change is the same".into()));
        }
        if self.trial(&rival.code).await?.problem.is_some() {
            return Ok(Crossed::Not("the second change does not pass".into()));
        }
        let texts = self.texts(&[&made.code, &rival.code], &file).await?;
        let within = self.cx.budget.mul_f64(SHARE).min(MOST);
        let (start, pair) = ((&self.base, &baseline), (file.as_str(), texts.as_slice()));
        self.cx.progress("comparing two changes on generated inputs");
        Ok(match compare(&self.ws, &self.cx, start, pair, within).await? {
            Comparison::Agree { inputs } if inputs > 0 => Crossed::Agree(inputs),
            Comparison::Disagree { input, results, .. } => {
                let mut alternatives = Vec::new();
                for ((letter, change), gives) in ["a", "b"].iter().zip([made, &rival]).zip(results)
                {
                    alternatives.push(self.keep(letter, &change.code, &file, &gives).await?);
                }
                Crossed::Differ { input: mask(&self.ws, &input), alternatives }
            }
            Comparison::Unsupported { reason } => Crossed::Not(reason),
            _ => Crossed::Not("no generated input gave a result".into()),
        })
    }

    /// The one file of a change that can be compared.
    fn comparable(&self, made: &Made) -> Option<String> {
        let [edit] = made.code.edits() else { return None };
        let name = edit.path.to_string();
        let fits = self.kind == Kind::Change
            && self.job.goal == "fix_bug"
            && self.talk.as_ref().is_some_and(Talk::cross_checks)
            && made.held.is_empty()
            && edit.before.is_some()
            && edit.after.is_some()
            && !guard::is_test(&name)
            && can_compare(&name);
        fits.then_some(name)
    }

    async fn texts(&self, changes: &[&EditSet], file: &str) -> Result<Vec<String>, Error> {
        let ids: Vec<_> = changes
            .iter()
            .flat_map(|change| change.edits())
            .filter(|edit| edit.path.to_string() == file)
            .filter_map(|edit| edit.after)
            .collect();
        let ws = self.ws.clone();
        blocking(move || {
            let text = |id| -> Result<String, Error> {
                Ok(String::from_utf8_lossy(&ws.repo().blob(id)?).into_owned())
            };
            ids.into_iter().map(text).collect()
        })
        .await
    }

    /// Keeps one of two changes on a branch, so that a person can choose.
    async fn keep(
        &self,
        letter: &str,
        change: &EditSet,
        file: &str,
        gives: &str,
    ) -> Result<Value, Error> {
        let all = self.base.then(change).map_err(|e| Error::Internal(e.to_string()))?;
        let kept = deliver(&self.ws, &self.cx, all, &format!("-{letter}")).await?;
        Ok(json!({
            "branch": kept.as_ref().map(|kept| &kept["branch"]), "commit": kept.as_ref().map(|kept| &kept["commit"]),
            "file": file, "line": 1, "after": "", "gives": mask(&self.ws, gives),
        }))
    }
}

fn mask(ws: &Workspace, text: &str) -> String {
    ws.redactor().redact(text).into_owned()
}
