//! Scores what was delivered, in a fresh copy, and adds up.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::data::Task;
use super::language::Lang;
use super::{Bench, Row, emptied, process};

/// Whether the delivered source passes the task's `test`, with the language's own runner and nothing of ours.
pub(super) fn passes(bench: &Bench, lang: Lang, task: &Task, source: &str) -> anyhow::Result<bool> {
    let place = bench.work.join("score").join(lang.word());
    let at = place.join("copy");
    emptied(&at)?;
    match lang {
        // the exports and the tests are already in the delivered file: they are not written a second time
        Lang::JavaScript => {
            let tail = format!("\nmodule.exports = {{ {} }};\n", task.entry_point);
            let own = source.strip_suffix(tail.as_str()).unwrap_or(source);
            lang.write(bench, &at, task, own, &task.test)?;
        }
        Lang::Rust => {
            let tail = format!("\n{}\n", task.test);
            let own = source.strip_suffix(tail.as_str()).unwrap_or(source);
            lang.write(bench, &at, task, own, &task.test)?;
        }
        Lang::Python => lang.write(bench, &at, task, source, &task.test)?,
    }
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (program, argv) = match lang {
        Lang::Python => {
            let python = bench.python.clone().unwrap_or_else(|| "python3".to_owned());
            (python, words(&["-c", "import test_solution; test_solution.test_solution()"]))
        }
        Lang::Rust => {
            ("cargo".to_owned(), words(&["test", "--quiet", "--offline", "--target-dir", "target"]))
        }
        Lang::JavaScript => ("node".to_owned(), words(&["--test"])),
    };
    let ended = process::run_in(Path::new(&program), &argv, Some(&at), &place, 60)?;
    Ok(ended.success)
}

/// Outcomes, how many of each were right, and the median to the first patch.
pub(super) fn summary(rows: &[Row]) -> String {
    let mut by: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in rows {
        let entry = by.entry(row.outcome.as_str()).or_default();
        entry.0 += 1;
        entry.1 += usize::from(row.correct == Some(true));
    }
    let mut text = String::new();
    let _ = writeln!(text, "{:<16} {:>5} {:>16}", "outcome", "tasks", "correct on test");
    for (word, (tasks, correct)) in &by {
        let _ = writeln!(text, "{word:<16} {tasks:>5} {correct:>16}");
    }
    let exposed = rows
        .iter()
        .filter(|row| !matches!(row.outcome.as_str(), "not-exposed" | "no-search-tests"))
        .count();
    let count = |words: &[&str]| {
        words.iter().filter_map(|word| by.get(word)).map(|(tasks, _)| tasks).sum::<usize>()
    };
    let patched = count(&["verified", "plausible", "ambiguous"]);
    let correct = rows.iter().filter(|row| row.correct == Some(true)).count();
    let share = |part: usize| 100.0 * part as f64 / exposed.max(1) as f64;
    let _ = writeln!(
        text,
        "exposed {exposed}; with a patch {patched} ({:.0} %); verified {} ({:.0} %); correct on test {correct} ({:.0} %)",
        share(patched),
        count(&["verified"]),
        share(count(&["verified"])),
        share(correct)
    );
    let mut firsts: Vec<f64> = rows.iter().filter_map(|row| row.first_s).collect();
    firsts.sort_by(f64::total_cmp);
    let mut cpu: Vec<f64> = rows.iter().map(|row| row.cpu_s).collect();
    cpu.sort_by(f64::total_cmp);
    let middle = |list: &[f64]| list.get(list.len() / 2).copied().unwrap_or(0.0);
    let _ = writeln!(
        text,
        "median CPU seconds to the first patch {:.2}, of a task {:.2}, most {:.2}",
        middle(&firsts),
        middle(&cpu),
        cpu.last().copied().unwrap_or(0.0)
    );
    text
}
