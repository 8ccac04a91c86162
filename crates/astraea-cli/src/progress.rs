//! What a person sees on stderr while a goal is carried out.
//!
//! On a terminal: a line of counts, at most eight running tasks with their time, and failures that stay. Elsewhere: one
//! line for each transition, without colour or cursor movement.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    time::Duration,
};

use astraea_goals::Envelope;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output::shown;

/// Running tasks that are shown at once.
const MAX_RUNNING: usize = 8;

/// Shows events.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Says nothing.
    Quiet,
    /// One line for each transition.
    Lines,
    /// A terminal.
    Terminal(Box<Terminal>),
}

/// The lines of a terminal that change.
#[derive(Debug)]
pub(crate) struct Terminal {
    bars: MultiProgress,
    counts: ProgressBar,
    running: BTreeMap<String, ProgressBar>,
    done: usize,
    failed: usize,
    total: usize,
}

impl Progress {
    /// Chooses by what stderr is and what was asked for.
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet {
            Self::Quiet
        } else if std::io::stderr().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        {
            Self::Terminal(Box::new(Terminal::new()))
        } else {
            Self::Lines
        }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, event: &Envelope) {
        match self {
            Self::Quiet => {}
            Self::Lines => {
                if let Some(line) = line(event) {
                    let _ = writeln!(std::io::stderr(), "{line}");
                }
            }
            Self::Terminal(terminal) => terminal.show(event),
        }
    }

    /// Takes the moving lines away.
    pub(crate) fn finish(&mut self) {
        if let Self::Terminal(terminal) = self {
            terminal.running.values().for_each(ProgressBar::finish_and_clear);
            terminal.counts.finish_and_clear();
        }
    }
}

impl Terminal {
    fn new() -> Self {
        let bars = MultiProgress::new();
        let counts = bars.add(ProgressBar::new_spinner());
        counts.set_style(style("{msg}"));
        Self { bars, counts, running: BTreeMap::new(), done: 0, failed: 0, total: 0 }
    }

    fn show(&mut self, event: &Envelope) {
        let task = field(event, "task");
        match event.kind.as_str() {
            "graph_started" => self.total += tasks(event),
            "task_started" if self.running.len() < MAX_RUNNING => {
                let bar = self.bars.add(ProgressBar::new_spinner());
                bar.set_style(style("  {spinner} {msg} {elapsed}"));
                bar.set_message(field(event, "action"));
                bar.enable_steady_tick(Duration::from_millis(100));
                self.running.insert(task.clone(), bar);
            }
            "task_progress" => {
                if let Some(bar) = self.running.get(&task) {
                    bar.set_message(format!("{}: {}", task, field(event, "note")));
                }
            }
            "task_succeeded" => self.done += 1,
            "task_failed" => self.failed += 1,
            _ => {}
        }
        if matches!(
            event.kind.as_str(),
            "task_succeeded" | "task_failed" | "task_cancelled" | "task_retrying"
        ) && let Some(bar) = self.running.remove(&task)
        {
            bar.finish_and_clear();
        }
        let stays =
            !matches!(event.kind.as_str(), "task_started" | "task_succeeded" | "task_progress");
        if let Some(line) = line(event).filter(|_| stays) {
            let _ = self.bars.println(line);
        }
        let (done, failed, running) = (self.done, self.failed, self.running.len());
        let failures = if failed > 0 { format!(" ✗{failed}") } else { String::new() };
        self.counts.set_message(format!(
            "[{}/{}] ✓{done} ▶{running}{failures}",
            done + failed,
            self.total.max(done + failed)
        ));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// The line for a transition; nothing for what a person need not see.
fn line(event: &Envelope) -> Option<String> {
    let action = field(event, "action");
    if action == "recall" {
        // A later plan begins by taking over what the first one saw; nobody waits for that.
        return None;
    }
    let name = if action.is_empty() { field(event, "task") } else { action };
    Some(match event.kind.as_str() {
        "task_started" => format!("▶ {name}"),
        "task_succeeded" => format!("✓ {name}"),
        "task_failed" => format!("✗ {name}: {}", field(event, "message")),
        "task_retrying" => format!("↻ {name}: {}", field(event, "message")),
        "task_skipped" | "task_aborted" | "task_cancelled" => {
            format!("- {name} {}", event.kind.trim_start_matches("task_"))
        }
        "breaker_opened" => format!("! {name} failed too often and is held back"),
        "planned" if steps(event).is_empty() => return None,
        "planned" => format!("plan: {}", steps(event)),
        "replanned" => format!("plan again: {}", steps(event)),
        "delivered" => format!("delivered: {}", field(event, "branch")),
        _ => return None,
    })
}

/// The steps of a plan, as the event names them.
fn steps(event: &Envelope) -> String {
    let steps = event.fields.get("steps").and_then(serde_json::Value::as_array);
    let name = |step: &serde_json::Value| {
        let name = step.as_str().or_else(|| step["action"].as_str());
        name.map(shown)
    };
    steps.into_iter().flatten().filter_map(name).collect::<Vec<_>>().join(" → ")
}

fn tasks(event: &Envelope) -> usize {
    let graph = event.fields.get("task_graph");
    graph.and_then(|graph| graph["tasks"].as_array()).map_or(1, Vec::len)
}

fn field(event: &Envelope, name: &str) -> String {
    let text = event.fields.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    shown(&first.chars().take(160).collect::<String>())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn event(value: serde_json::Value) -> Envelope {
        let mut whole = json!({"v": 1, "seq": 1, "ts": 0, "run": "r"});
        whole.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn a_line_for_each_transition() {
        let lines: Vec<_> = [
            json!({"type": "graph_started"}),
            json!({"type": "task_started", "task": "t1", "action": "repair"}),
            json!({"type": "task_failed", "task": "t1", "action": "repair", "message": "no patch\nsecond line"}),
            json!({"type": "task_succeeded", "task": "t2", "action": "run_tests"}),
            json!({"type": "planned", "steps": [{"action": "repair"}, {"action": "run_tests"}]}),
            json!({"type": "task_failed", "task": "t3", "message": "\u{1b}[2Jgone"}),
        ]
        .into_iter()
        .filter_map(|value| line(&event(value)))
        .collect();
        expect![[r#"
            ▶ repair
            ✗ repair: no patch
            ✓ run_tests
            plan: repair → run_tests
            ✗ t3: \u{1b}[2Jgone"#]]
        .assert_eq(&lines.join("\n"));
    }
}
