//! The report as text, in the shape of the system that this project re-creates.
//!
//! What ours adds stands below, in sections of its own, and only where there is something to say.

use std::fmt::Write as _;

use super::{GoalResult, TaskResult};

/// The most errors that are shown.
const MAX_ERRORS: usize = 5;
/// The most rows of evidence and lines that are shown.
const MAX_ROWS: usize = 10;

pub(super) fn report(result: &GoalResult) -> String {
    let mut out = String::from("🎯 Goal Execution Complete\n\n");
    let status = if result.success { "✓ SUCCESS" } else { "✗ FAILED" };
    let _ = writeln!(out, "GOAL: {}", goal(result));
    let _ = writeln!(out, "STATUS: {status}");
    let _ = writeln!(out, "EXECUTION TIME: {:.1}ms", result.execution_time_ms);
    let _ = writeln!(out, "\n📊 TASKS:");
    let _ = writeln!(out, "  Total: {}", result.total_tasks);
    let _ = writeln!(out, "  Completed: {}", result.completed_tasks.len());
    let _ = writeln!(out, "  Failed: {}", result.failed_tasks.len());

    section(&mut out, "✓ COMPLETED TASKS:", result.completed_tasks.iter().map(completed));
    section(&mut out, "✗ FAILED TASKS:", result.failed_tasks.iter().map(failed));
    section(
        &mut out,
        "↺ SUPERSEDED TASKS (of an earlier plan, replaced):",
        result.superseded_tasks.iter().map(|task| format!("{} [{}]", failed(task), task.plan_id)),
    );
    section(&mut out, "⚠️ ERRORS:", result.errors.iter().take(MAX_ERRORS).map(|e| one_line(e)));

    let mut summary = result.summary.lines();
    let first = one_line(summary.next().unwrap_or_default());
    let _ = writeln!(out, "\nOUTCOME: {} — {first}", result.outcome);
    for line in summary {
        // Indented, so that no line of it passes for one of ours.
        let indent = line.len() - line.trim_start().len();
        let _ = writeln!(out, "  {}{}", " ".repeat(indent), one_line(line));
    }
    if let Some(evidence) = &result.evidence {
        let _ = writeln!(
            out,
            "\n🧪 EVIDENCE: {} of {} tests pass ({}, sandbox tier {})",
            evidence.passed, evidence.tests_run, evidence.runner, evidence.tier
        );
        for row in evidence.rows.iter().take(MAX_ROWS) {
            let word = |o: &Option<String>| o.as_deref().map_or("absent".to_owned(), one_line);
            let _ = writeln!(
                out,
                "  - {}: {} → {}",
                one_line(&row.test),
                word(&row.before),
                word(&row.after)
            );
        }
        more(&mut out, evidence.rows.len());
        if let Some(coverage) = &evidence.coverage {
            let _ = writeln!(out, "  coverage: {}", one_line(coverage));
        }
    }
    if let Some(branch) = &result.branch {
        let commit = result.commit.as_deref().map(|c| c.get(..12).unwrap_or(c)).unwrap_or("?");
        let _ = writeln!(out, "\n🌿 BRANCH: {branch} ({commit})");
        for file in &result.files {
            let _ = writeln!(out, "  - {}", one_line(file));
        }
        for file in &result.overlaps {
            let file = one_line(file);
            let _ = writeln!(out, "  ! {file} also has changes of yours that are not committed");
        }
    }
    if !result.suspicious.is_empty() {
        out.push_str("\n🔎 SUSPICIOUS LINES:\n");
        for line in result.suspicious.iter().take(MAX_ROWS) {
            let (file, text) = (one_line(&line.file), one_line(&line.text));
            let _ = writeln!(out, "  - {file}:{} ({:.2}) {text}", line.line, line.score);
        }
        more(&mut out, result.suspicious.len());
    }
    if let Some(input) = &result.ambiguous_input {
        let _ = writeln!(out, "\n⚖️ CANDIDATES DISAGREE ON: {}", one_line(input));
        for one in result.alternatives.iter().take(MAX_ROWS) {
            let branch = one.branch.as_deref().unwrap_or("not kept");
            let (gives, after) = (one_line(&one.gives), one_line(&one.after));
            let _ = writeln!(out, "  - {branch} gives {gives}: {}:{} {after}", one.file, one.line);
        }
    }
    if !result.held.is_empty() {
        out.push_str(
            "\n✋ PUT ASIDE FOR YOUR APPROVAL (changes of tests, not part of the branch):\n",
        );
        for one in result.held.iter().take(MAX_ROWS) {
            let (id, files) = (&one.change_id, one_line(&one.files.join(", ")));
            let _ = writeln!(out, "  - {files}: astra changes show {id}, then approve or reject");
        }
        more(&mut out, result.held.len());
    }
    section(&mut out, "🧩 MISSING HERE:", result.missing.iter().map(|m| one_line(m)));
    section(&mut out, "ℹ️ NOTES:", result.notes.iter().map(|n| one_line(n)));
    if let Some(model) = &result.model {
        let calls = if model.calls == 1 { "call" } else { "calls" };
        let tokens = if model.estimated { "tokens, estimated" } else { "tokens" };
        let cost =
            if model.cost > 0.0 { format!(", cost {:.4}", model.cost) } else { String::new() };
        let _ = writeln!(
            out,
            "\n🤖 MODEL: {}, {} {calls}, {} + {} {tokens}{cost}",
            one_line(&model.name),
            model.calls,
            model.input,
            model.output
        );
    }
    let head = result.ledger_head.as_deref().map(|h| h.get(..12).unwrap_or(h)).unwrap_or("none");
    let model = if result.model.is_some() { "" } else { " · MODEL: none configured" };
    let _ = writeln!(out, "\nRUN: {} · LEDGER: {head}{model}", result.run);
    out
}

/// The name of the goal, with the text if there is one.
fn goal(result: &GoalResult) -> String {
    let text = one_line(&result.goal_text);
    let text = text.strip_prefix(result.goal.as_str()).unwrap_or(&text);
    match text.trim_start_matches([':', ' ']) {
        "" => result.goal.clone(),
        text => format!("{}: {text}", result.goal),
    }
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        let _ = writeln!(out, "\n{title}");
        for line in lines {
            let _ = writeln!(out, "  - {line}");
        }
    }
}

fn more(out: &mut String, len: usize) {
    if len > MAX_ROWS {
        let _ = writeln!(out, "  … and {} more", len - MAX_ROWS);
    }
}

fn completed(task: &TaskResult) -> String {
    if task.artifacts.is_empty() {
        task.action_name.clone()
    } else {
        format!("{} ({})", task.action_name, one_line(&task.artifacts.join(", ")))
    }
}

fn failed(task: &TaskResult) -> String {
    let why = task.error.clone().unwrap_or_else(|| task.state.clone());
    format!("{}: {}", task.action_name, one_line(&why))
}

/// The first line, so that nobody's output can forge a section of the report.
fn one_line(text: &str) -> String {
    let mut line: String =
        text.trim().lines().next().unwrap_or_default().chars().take(300).collect();
    line.retain(|c| !c.is_control());
    line
}
