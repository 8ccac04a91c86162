//! The search itself.

use crate::templates::CandidateStream;
use crate::variations::variations;
use crate::{
    Candidate, Comparison, Disagreement, NearMiss, Oracle, OracleError, Outcome, Patch,
    RepairError, Report, Request, VerdictKind, apply_edits, localise,
};

/// Looks for single edits that make all tests pass.
///
/// Candidates go to the oracle in batches, the likeliest first. After the first patch the search goes on for a
/// while to find rivals; then the patches are compared with each other on generated inputs, and variations of the
/// best one show whether the tests hold on to it. Candidates that ran out of time are tried again only if nothing
/// else passes.
///
/// # Errors
/// [`RepairError::NoFailingTest`] and [`RepairError::NoEditableFile`] for a request that cannot be searched,
/// [`RepairError::LanguageUnavailable`] for a missing grammar, [`RepairError::Oracle`] when the oracle breaks.
pub fn search(request: &Request, oracle: &mut dyn Oracle) -> Result<Report, RepairError> {
    if request.failing.is_empty() {
        return Err(RepairError::NoFailingTest);
    }
    if !request.files.iter().any(|file| file.editable) {
        return Err(RepairError::NoEditableFile);
    }
    let suspicious = localise::rank(request)?;
    let mut stream = CandidateStream::new(request, &suspicious)?;
    let mut run = Run::new(request);
    run.first_pass(&mut stream, oracle)?;
    if run.patches.is_empty() {
        run.second_pass(oracle)?;
    }
    let comparison = run.compare(oracle)?;
    let held = run.vary(&comparison, oracle)?;
    let listed = request.options.listed as usize;
    Ok(run.report(comparison, held, suspicious.into_iter().take(listed).collect()))
}

/// Variations that a test must have rejected before the tests are said to hold on to a patch.
const ENOUGH: u32 = 12;
/// Variations that are compared with the patch, at most; where more pass, the tests do not hold on to it.
const COMPARED: usize = 16;

/// What variations of the best patch came to.
#[derive(Debug, Default)]
struct Held {
    run: u32,
    rejected: u32,
    /// How those that pass behave; `None` when none does.
    passing: Option<Comparison>,
    /// More pass than were compared: the tests do not hold on to the patch.
    loose: bool,
}

struct Run<'a> {
    request: &'a Request,
    patches: Vec<Candidate>,
    slow: Vec<Candidate>,
    near: Vec<(u32, Candidate, Vec<String>)>,
    tried: u32,
    broken: u32,
    stopped: bool,
}

impl<'a> Run<'a> {
    fn new(request: &'a Request) -> Self {
        Self {
            request,
            patches: Vec::new(),
            slow: Vec::new(),
            near: Vec::new(),
            tried: 0,
            broken: 0,
            stopped: false,
        }
    }

    fn first_pass(
        &mut self,
        stream: &mut CandidateStream<'_>,
        oracle: &mut dyn Oracle,
    ) -> Result<(), RepairError> {
        let options = &self.request.options;
        let mut last = options.max_candidates;
        while self.tried < last && self.patches.len() < options.max_patches as usize {
            if oracle.should_stop() {
                self.stopped = true;
                break;
            }
            let size = options.batch.max(1).min(last - self.tried);
            let batch = stream.next_batch(size as usize);
            if batch.is_empty() {
                return Ok(());
            }
            let had = !self.patches.is_empty();
            if !self.ask(batch, oracle, false)? {
                break;
            }
            if !had && !self.patches.is_empty() {
                last = last.min(self.tried + options.after_first);
            }
        }
        self.stopped |= self.patches.is_empty();
        Ok(())
    }

    fn second_pass(&mut self, oracle: &mut dyn Oracle) -> Result<(), RepairError> {
        let slow = std::mem::take(&mut self.slow);
        for batch in slow.chunks(self.request.options.batch.max(1) as usize) {
            if oracle.should_stop() || !self.patches.is_empty() {
                self.slow.extend_from_slice(batch);
                continue;
            }
            self.tried = self.tried.saturating_sub(batch.len() as u32);
            self.ask(batch.to_vec(), oracle, true)?;
        }
        Ok(())
    }

    /// Gives one batch to the oracle; false when it was told to stop.
    fn ask(
        &mut self,
        batch: Vec<Candidate>,
        oracle: &mut dyn Oracle,
        slowly: bool,
    ) -> Result<bool, RepairError> {
        let answer = if slowly { oracle.evaluate_slowly(&batch) } else { oracle.evaluate(&batch) };
        let verdicts = match answer {
            Ok(verdicts) => verdicts,
            Err(error) if error.stopped => {
                self.stopped = true;
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        if verdicts.len() != batch.len() {
            return Err(OracleError::new(format!(
                "it was given {} candidates and answered {}: each needs one verdict",
                batch.len(),
                verdicts.len()
            ))
            .into());
        }
        for (candidate, verdict) in batch.into_iter().zip(verdicts) {
            self.tried += 1;
            match verdict.kind {
                VerdictKind::Pass => self.patches.push(candidate),
                VerdictKind::TimedOut => self.slow.push(candidate),
                VerdictKind::Broken(_) => self.broken += 1,
                VerdictKind::Fail => {
                    if verdict.fixed > 0 {
                        self.near.push((verdict.fixed, candidate, verdict.failed_tests));
                    }
                }
            }
        }
        Ok(true)
    }

    fn compare(&mut self, oracle: &mut dyn Oracle) -> Result<Comparison, RepairError> {
        self.patches.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.patches.truncate(self.request.options.max_patches.max(1) as usize);
        if self.patches.len() < 2 {
            return Ok(Comparison::Unsupported { reason: "fewer than two patches".to_owned() });
        }
        match oracle.compare(&self.patches) {
            Ok(comparison) => Ok(comparison),
            Err(error) if error.stopped => Ok(Comparison::Unsupported { reason: error.message }),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs variations of the best patch, unless the patches are known to differ.
    fn vary(
        &mut self,
        comparison: &Comparison,
        oracle: &mut dyn Oracle,
    ) -> Result<Held, RepairError> {
        let mut held = Held::default();
        let options = &self.request.options;
        let Some(best) = self.patches.first().cloned() else { return Ok(held) };
        if matches!(comparison, Comparison::Disagree { .. }) || options.variations == 0 {
            return Ok(held);
        }
        let first_id = self.patches.iter().map(|c| c.id.0).max().unwrap_or(0).max(1 << 24);
        let made = variations(self.request, &best, options.variations as usize, first_id + 1)?;
        let mut passing = vec![best];
        for batch in made.chunks(options.batch.max(1) as usize) {
            if oracle.should_stop() || passing.len() > COMPARED {
                break;
            }
            let verdicts = match oracle.evaluate(batch) {
                Ok(verdicts) => verdicts,
                Err(error) if error.stopped => break,
                Err(error) => return Err(error.into()),
            };
            for (variation, verdict) in batch.iter().zip(verdicts) {
                match verdict.kind {
                    VerdictKind::Pass => passing.push(variation.clone()),
                    VerdictKind::Fail => held.rejected += 1,
                    // No test has said anything about one that ran out of time, whoever's that was.
                    VerdictKind::TimedOut => {}
                    VerdictKind::Broken(_) => continue,
                }
                held.run += 1;
            }
        }
        if passing.len() > 1 {
            held.loose = passing.len() > COMPARED + 1;
            passing.truncate(COMPARED + 1);
            held.passing = Some(match oracle.compare(&passing) {
                Ok(comparison) => comparison,
                Err(error) if error.stopped => Comparison::Unsupported { reason: error.message },
                Err(error) => return Err(error.into()),
            });
        }
        Ok(held)
    }

    fn report(
        self,
        comparison: Comparison,
        held: Held,
        suspicious: Vec<crate::Suspicious>,
    ) -> Report {
        let mut disagreement = None;
        let mut doubt = None;
        let mut inputs_compared = 0;
        if let Some(Comparison::Disagree { groups, input, results }) = &held.passing
            && groups.len() > 1
        {
            doubt = Some(Disagreement {
                input: input.clone(),
                groups: groups.clone(),
                results: results.clone(),
            });
        }
        let outcome = if self.patches.is_empty() {
            Outcome::NoPatch
        } else {
            match comparison {
                Comparison::Agree { inputs } if inputs > 0 => {
                    inputs_compared = inputs;
                    let held = doubt.is_none() && !held.loose;
                    if held { Outcome::Verified } else { Outcome::Plausible }
                }
                Comparison::Disagree { groups, input, results } if groups.len() > 1 => {
                    disagreement = Some(Disagreement { input, groups, results });
                    Outcome::Ambiguous
                }
                // Without a second candidate nothing has agreed with the patch, however many variations the tests reject.
                _ if self.patches.len() == 1 && held.rejected >= ENOUGH && !held.loose => {
                    match held.passing {
                        Some(Comparison::Agree { inputs }) if inputs > 0 => {
                            inputs_compared = inputs;
                            Outcome::Verified
                        }
                        _ => Outcome::Plausible,
                    }
                }
                _ => Outcome::Plausible,
            }
        };
        let mut patches: Vec<Patch> = self.patches.iter().map(|c| self.patch(c)).collect();
        if let Some(found) = &disagreement {
            // One of each group first, so that the rivals are the first things seen.
            let leader = |patch: &Patch| {
                found.groups.iter().position(|group| group.first() == Some(&patch.id))
            };
            patches.sort_by_key(|patch| leader(patch).unwrap_or(usize::MAX));
        }
        let mut near = self.near.clone();
        near.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.score.total_cmp(&a.1.score)));
        let near_misses = near
            .into_iter()
            .take(self.request.options.listed as usize)
            .map(|(fixed, candidate, failed_tests)| {
                let patch = self.patch(&candidate);
                NearMiss {
                    file: candidate.file().to_owned(),
                    line: patch.line,
                    template: patch.template,
                    before: patch.before,
                    after: patch.after,
                    fixed,
                    failed_tests,
                }
            })
            .collect();
        Report {
            outcome,
            patches,
            disagreement,
            inputs_compared,
            variations: held.run,
            variations_rejected: held.rejected,
            doubt,
            suspicious,
            near_misses,
            tried: self.tried,
            broken: self.broken,
            timed_out: self.slow.len() as u32,
            stopped_early: self.stopped,
        }
    }

    fn patch(&self, candidate: &Candidate) -> Patch {
        let text = self
            .request
            .files
            .iter()
            .find(|file| file.path == candidate.file())
            .map_or("", |file| file.text.as_str());
        let start = candidate.edits.iter().map(|e| e.range.start).min().unwrap_or(0);
        let end = candidate.edits.iter().map(|e| e.range.end).max().unwrap_or(0);
        let first = text.get(..start).and_then(|head| head.rfind('\n')).map_or(0, |n| n + 1);
        let rest = |text: &str, at: usize| {
            text.get(at..).and_then(|tail| tail.find('\n')).map_or(text.len(), |n| at + n)
        };
        let last = rest(text, end);
        let before = text.get(first..last).unwrap_or("").to_owned();
        let edited = apply_edits(text, &candidate.edits).unwrap_or_default();
        let after_end = rest(&edited, (end + edited.len()).saturating_sub(text.len()).max(first));
        let after = edited.get(first..after_end).unwrap_or("").to_owned();
        Patch {
            id: candidate.id,
            edits: candidate.edits.clone(),
            template: candidate.template.to_owned(),
            score: candidate.score,
            line: candidate.line,
            before,
            after,
        }
    }
}
