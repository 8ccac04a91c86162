//! observe: runs the tests once and turns the repository into facts.

use std::sync::Arc;

use astraea_code_access::EditSet;
use astraea_engine::{Outcome, Output, TaskContext};
use async_trait::async_trait;
use serde_json::json;

use super::Action;
use super::args::Args;
use super::languages::languages;
use super::suite::{mark_flaky, run_suite};
use crate::evidence::{TestId, TestReport, Verdict, report_table};
use crate::runners::{self, RunnerKind};
use crate::{Error, Workspace};

/// The share of the time that the first run of the tests may take.
const SHARE: f64 = 0.4;

/// Looks at the repository as it is.
#[derive(Debug)]
pub(super) struct Observe;

#[async_trait]
impl Action for Observe {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let wanted = match Args::of(cx).texts("tests")? {
            given if given.is_empty() => ws.scope().tests.clone(),
            given => given,
        };
        let nothing = EditSet::new();
        let host = ws.clone();
        let tree = crate::workspace::blocking(move || host.tree(&EditSet::new())).await?;
        let languages = languages(&tree, &ws.scope().dir_text());
        // made once, before two ask for it at the same time
        let _copy = ws.copy(&nothing).await?;
        // A test that never ends must leave time to mend it.
        let mut looking = cx.clone();
        looking.budget = cx.budget.mul_f64(SHARE);
        let (run, tools) = tokio::join!(
            run_suite(ws, &looking, &nothing, &[], &[]),
            super::toolbox::look(ws, cx, &languages)
        );
        let (mut run, tools) = (run?, tools?);
        mark_flaky(ws, &looking, &nothing, &[], &mut run).await?;
        let report = &run.report;
        let failing = failing(report, &wanted);
        let verdict = report.verdict();
        let ran = !run.runners.is_empty();
        let broken_load = verdict == Verdict::CollectionError;
        let facts = json!({
            "has_codebase": !languages.is_empty(),
            "has_test_framework": ran,
            "tests_failing": !failing.is_empty() || (broken_load && wanted.is_empty()),
            "tests_green": verdict == Verdict::Passed,
            "no_tests": !ran || verdict == Verdict::NoTests,
            "tests_blocked": verdict == Verdict::Environment,
            "repairer_available": cfg!(feature = "repair")
                && languages.iter().any(|l| match l.as_str() {
                    "python" | "rust" => true,
                    "javascript" => run.runners.iter().any(|r| r.kind == RunnerKind::Node),
                    _ => false,
                }),
            "characteriser_available": cfg!(feature = "characterise")
                && languages.iter().any(|l| match l.as_str() {
                    "python" => true,
                    "javascript" => run.runners.iter().any(|r| r.kind == RunnerKind::Node),
                    _ => false,
                }),
            "rules_given": !ws.options().rules.is_empty(),
            "fixer_available": tools.fixer,
            "formatter_available": tools.formatter,
            "model_available": ws.options().has_model(),
            // Each command is looked at once more when it is to run.
            "shell_allowed": ws.options().allow_shell || !ws.options().approvals.is_empty(),
            "language": languages,
            "runner": run.runners.iter().map(|r| r.kind.name()).collect::<Vec<_>>(),
        });
        let evidence = serde_json::to_value(report)
            .map_err(|e| Error::Internal(format!("evidence as JSON: {e}")))?;
        let value = json!({
            "facts": facts,
            "evidence": evidence,
            "verdict": verdict,
            "failing": failing,
            "runners": run.runners,
            "tools": tools.found,
            "missing": report.environment.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "remedy": runners::remedy(&tree, &run.runners, report),
            "table": report_table(report),
            "timings": run.timings,
        });
        Ok(Outcome::Succeeded(ws.with_tails(Output::of(value), &run.stdout, &run.stderr)))
    }
}

/// The failing tests that are asked about: all, or those a person named.
fn failing(report: &TestReport, wanted: &[String]) -> Vec<TestId> {
    report
        .failing()
        .filter(|id| wanted.is_empty() || wanted.iter().any(|typed| id.matches(typed)))
        .cloned()
        .collect()
}
