//! Texts that a model wrote for one file, compared on generated inputs.

use astraea_repair::{Candidate, CandidateId, Comparison, Oracle as _, SourceFile, SpanEdit};

use super::{Begun, begin, question};
use crate::repair::worker::Tests;
use crate::repair::{Job, Refused};
use crate::runners::{Tree, below};
use crate::workspace::blocking;

/// Runs texts for one file on generated inputs and says whether they agree.
///
/// # Errors
/// [`Refused`] where the worker cannot run the tests as they ran before.
pub(in crate::repair) async fn compare(
    job: &Job,
    file: &str,
    texts: &[String],
) -> Result<Comparison, Refused> {
    let Begun { tree, runner, dir, root, mut worker, .. } = begin(job).await?;
    let wanted: Vec<String> =
        job.failing.iter().filter_map(|id| below(&dir, id.as_str())).map(str::to_owned).collect();
    let Some(own) = below(&dir, file) else {
        let reason = format!("{file} does not lie where the tests run");
        return Ok(Comparison::Unsupported { reason });
    };
    worker.baseline(question(job, &root, &runner, (&[own], &wanted))).await?;
    let before = SourceFile::new(file, tree.read(file).unwrap_or_default());
    let one = |(at, text): (usize, &String)| Candidate {
        id: CandidateId(u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1)),
        edits: vec![SpanEdit {
            file: file.to_owned(),
            range: 0..before.text.len(),
            text: text.clone(),
        }],
        template: "given",
        score: 1.0,
        line: 1,
    };
    let candidates: Vec<Candidate> = texts.iter().enumerate().map(one).collect();
    let tests = Tests { failing: wanted, passing: Vec::new(), seconds: 0.0, endless: false };
    let (cx, deadline, files) = (job.cx.clone(), job.deadline, vec![before]);
    let compared = blocking(move || {
        let mut oracle = worker.oracle(dir, files, tests, cx, deadline);
        oracle
            .compare(&candidates)
            .or_else(|error| Ok(Comparison::Unsupported { reason: error.to_string() }))
    });
    Ok(compared.await?)
}
