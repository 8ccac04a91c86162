//! `cargo test`: the text of libtest, binary by binary, with the artifacts' JSON between it.

pub(super) mod nextest;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::evidence::{CollectionError, DETAIL_BYTES, TestId, TestOutcome, TestReport, clip};

use super::{Invocation, Ran, Runner, Selection};

/// All tests, doctests included, or exactly these. Both streams are one pipe: cargo names the
/// binaries on one and libtest speaks on the other, and only their order says who speaks.
pub(super) fn invocation(runner: &Runner, selection: &Selection) -> Invocation {
    let mut cargo: Vec<String> =
        ["cargo", "test", "--no-fail-fast", "--message-format=json-render-diagnostics"]
            .map(str::to_owned)
            .to_vec();
    cargo.extend(runner.words.iter().cloned());
    if !selection.tests.is_empty() {
        cargo.push("--".to_owned());
        // a doctest's full name has its line, which our id has not
        if !selection.tests.iter().any(|id| id.as_str().contains(" doc ")) {
            cargo.push("--exact".to_owned());
        }
        cargo.extend(selection.tests.iter().map(|id| in_binary(id.as_str()).to_owned()));
    }
    let env = [
        ("CARGO_TERM_COLOR", "never"),
        ("CARGO_TERM_PROGRESS_WHEN", "never"),
        ("CARGO_NET_OFFLINE", "true"),
        ("RUST_BACKTRACE", "0"),
    ];
    let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let doctest = selection.tests.iter().any(|id| id.as_str().contains(" doc "));
    if nextest::wanted(runner) && !doctest {
        return nextest::invocation(runner, selection, env);
    }
    let mut argv: Vec<String> = ["sh", "-c", "exec \"$@\" 2>&1", "sh"].map(str::to_owned).to_vec();
    argv.extend(cargo.iter().cloned());
    Invocation { argv, shown: cargo, dir: runner.dir.clone(), env, stdin: String::new() }
}

/// The name libtest knows a test by: our id without the binary in front.
fn in_binary(id: &str) -> &str {
    if let Some((_, name)) = id.split_once(" doc ") {
        return name.split(" #").next().unwrap_or(name);
    }
    id.split_once("::").map_or(id, |(_, name)| name)
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}
pattern!(RUNNING, r"^\s+Running (?:unittests )?(\S+) \((.+)\)$");
pattern!(DOCTESTS, r"^\s+Doc-tests (\S+)$");
pattern!(TEST, r"^test (.+?)(?: - should panic| - compile(?: fail)?)? \.\.\. ?(.*)$");
pattern!(COUNTS, r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored");
pattern!(PLAN, r"^running (\d+) tests?$");
pattern!(LINE, r"^(.*?) ?\(line (\d+)\)$");
pattern!(UNCOMPILED, r"^error: could not compile `([^`]+)` \(([^)]*)\)");

fn captures<'t>(
    pattern: &'static LazyLock<Option<Regex>>,
    line: &'t str,
) -> Option<regex::Captures<'t>> {
    LazyLock::force(pattern).as_ref()?.captures(line)
}

/// One test binary, or the doctests of one crate.
#[derive(Default)]
struct Section {
    prefix: String,
    planned: Option<usize>,
    seen: BTreeMap<String, TestOutcome>,
    pending: Option<String>,
    said: BTreeMap<String, String>,
    telling: Option<String>,
    failed_names: Vec<String>,
    in_list: bool,
    counts: Option<(usize, usize, usize)>,
    tail: String,
}

/// Reads the merged output.
pub(super) fn parse(report: &mut TestReport, ran: &Ran) {
    if let Some(rest) = nextest::parse(report, ran) {
        // what nextest had no part in: the doctests
        if !rest.stdout.is_empty() {
            let whole = report.complete;
            cargo(report, &rest);
            report.complete &= whole;
        }
        return;
    }
    cargo(report, ran);
}

fn cargo(report: &mut TestReport, ran: &Ran) {
    let mut artifacts = Artifacts::default();
    let mut sections: Vec<Section> = Vec::new();
    let mut build = String::new();
    let mut uncompiled: Vec<String> = Vec::new();
    let mut failed_targets: Vec<String> = Vec::new();
    let mut fatal = false;
    for line in ran.stdout.lines().chain(ran.stderr.lines()) {
        if line.starts_with("{\"reason\":") {
            artifacts.take(line);
        } else if let Some(c) = captures(&RUNNING, line) {
            let (source, binary) = (c.get(1), c.get(2));
            let prefix = artifacts
                .prefix(source.map_or("", |m| m.as_str()), binary.map_or("", |m| m.as_str()));
            sections.push(Section { prefix: format!("{prefix}::"), ..Section::default() });
        } else if let Some(c) = captures(&DOCTESTS, line) {
            let name = c.get(1).map_or("", |m| m.as_str());
            sections.push(Section { prefix: format!("{name} doc "), ..Section::default() });
        } else if let Some(c) = captures(&UNCOMPILED, line) {
            let part = |i| c.get(i).map_or("", |m| m.as_str());
            uncompiled.push(format!("{} ({})", part(1), part(2)));
        } else if line.starts_with("error: ") && sections.is_empty() {
            fatal = true;
            push(&mut build, line);
        } else if let Some(target) = line.strip_prefix("error: test failed, to rerun pass ") {
            failed_targets.push(target.trim_matches('`').to_owned());
        } else if let Some(target) =
            line.strip_prefix("    `").and_then(|rest| rest.strip_suffix('`'))
        {
            failed_targets.push(target.to_owned());
        } else if let Some(section) = sections.last_mut() {
            section.line(line);
        } else {
            push(&mut build, line);
        }
    }
    for what in &uncompiled {
        report.collection_errors.push(CollectionError {
            what: what.clone(),
            message: clip(build.trim(), DETAIL_BYTES * 2),
        });
    }
    if fatal && uncompiled.is_empty() && sections.is_empty() {
        report.collection_errors.push(CollectionError {
            what: "cargo".to_owned(),
            message: clip(build.trim(), DETAIL_BYTES * 2),
        });
    }
    let any = !sections.is_empty();
    let mut whole = true;
    for section in sections {
        whole &= section.finish(report, &failed_targets);
    }
    report.complete = whole && any && uncompiled.is_empty();
}

impl Section {
    fn line(&mut self, line: &str) {
        push(&mut self.tail, line);
        if self.planned.is_none()
            && let Some(c) = captures(&PLAN, line)
        {
            self.planned = c.get(1).and_then(|m| m.as_str().parse().ok());
            return;
        }
        if let Some(c) = captures(&COUNTS, line) {
            let part = |i| c.get(i).and_then(|m| m.as_str().parse().ok()).unwrap_or(0);
            self.counts = Some((part(1), part(2), part(3)));
            self.telling = None;
            return;
        }
        if let Some(name) = line.strip_prefix("---- ").and_then(|l| l.strip_suffix(" stdout ----"))
        {
            self.telling = Some(bare(name).to_owned());
            return;
        }
        if line == "failures:" {
            self.in_list = true;
            self.telling = None;
            return;
        }
        if let Some(name) = &self.telling {
            push(self.said.entry(name.clone()).or_default(), line);
            return;
        }
        if self.in_list {
            if let Some(name) = line.strip_prefix("    ") {
                self.failed_names.push(bare(name).to_owned());
            }
            return;
        }
        if let Some(c) = captures(&TEST, line) {
            let name = c.get(1).map_or("", |m| m.as_str()).to_owned();
            match status(c.get(2).map_or("", |m| m.as_str())) {
                Some(outcome) => {
                    self.seen.insert(name, outcome);
                }
                // one thread: the name is printed first, then whatever the test prints
                None => self.pending = Some(name),
            }
        } else if let Some(outcome) = status(line)
            && let Some(name) = self.pending.take()
        {
            self.seen.insert(name, outcome);
        }
    }

    /// Puts the section into the report; false if it did not come to its end.
    fn finish(self, report: &mut TestReport, failed_targets: &[String]) -> bool {
        let Section {
            prefix, planned, mut seen, pending, said, failed_names, counts, tail, ..
        } = self;
        let what = prefix.trim_end_matches("::").trim_end().to_owned();
        if planned.is_none() && counts.is_none() {
            // a binary without libtest (harness = false): its exit is its only outcome
            let short = what.rsplit('/').next().unwrap_or(&what).to_owned();
            let failed = failed_targets.iter().any(|t| {
                t.split_whitespace().any(|w| w.replace('-', "_") == short.replace('-', "_"))
            });
            let id = TestId::from(what);
            if failed {
                report.explain(id.clone(), &tail);
                report.record(id, TestOutcome::Failed);
            } else if report.clean_exit || !failed_targets.is_empty() {
                report.record(id, TestOutcome::Passed);
            } else {
                report.record(id, TestOutcome::Errored);
            }
            return true;
        }
        for name in failed_names {
            seen.insert(name, TestOutcome::Failed);
        }
        let ended = counts.is_some();
        if let Some(name) = pending
            && !seen.contains_key(&name)
        {
            let lost = if report.timed_out { TestOutcome::TimedOut } else { TestOutcome::Errored };
            seen.insert(name, lost);
        }
        if !ended && !report.timed_out {
            report.collection_errors.push(CollectionError {
                what: what.clone(),
                message: clip(tail.trim(), DETAIL_BYTES),
            });
        }
        let agree = counts.is_none_or(|(passed, failed, ignored)| {
            let count = |o| seen.values().filter(|s| **s == o).count();
            count(TestOutcome::Passed) == passed
                && count(TestOutcome::Failed) == failed
                && count(TestOutcome::Skipped) == ignored
        });
        if !agree {
            report.collection_errors.push(CollectionError {
                what,
                message: "the outcomes read do not add up to the summary: a test writes over \
                          the runner's lines"
                    .to_owned(),
            });
        }
        let names = if prefix.ends_with(" doc ") { without_lines(&seen) } else { BTreeMap::new() };
        for (name, outcome) in seen {
            let shown = names.get(&name).unwrap_or(&name);
            let id = TestId::from(format!("{prefix}{shown}"));
            if outcome.is_bad() {
                report.explain(id.clone(), said.get(&name).map_or("", String::as_str));
            }
            report.record(id, outcome);
        }
        ended && agree
    }
}

/// Doctests without the line they begin at, which every edit above them moves; the second example of an
/// item is its `#2`.
fn without_lines(seen: &BTreeMap<String, TestOutcome>) -> BTreeMap<String, String> {
    let mut parts: Vec<(String, usize, &String)> = seen
        .keys()
        .map(|name| match captures(&LINE, name) {
            Some(c) => {
                let part = |i| c.get(i).map_or("", |m| m.as_str());
                (part(1).to_owned(), part(2).parse().unwrap_or(0), name)
            }
            None => (name.clone(), 0, name),
        })
        .collect();
    parts.sort();
    let mut names = BTreeMap::new();
    let (mut last, mut count) = (String::new(), 0);
    for (item, _, name) in parts {
        count = if item == last { count + 1 } else { 1 };
        let shown = if count > 1 { format!("{item} #{count}") } else { item.clone() };
        names.insert(name.clone(), shown);
        last = item;
    }
    names
}

/// Which binary is which target, from the JSON lines.
#[derive(Default)]
struct Artifacts {
    /// executable → (package, target name, is a binary)
    known: Vec<(String, String, String, bool)>,
}

impl Artifacts {
    fn take(&mut self, line: &str) {
        let Ok(value) = serde_json::from_str::<Value>(line) else { return };
        let Some(executable) = value["executable"].as_str() else { return };
        if value["reason"] != "compiler-artifact" || value["profile"]["test"] != true {
            return;
        }
        let name = value["target"]["name"].as_str().unwrap_or("").replace('-', "_");
        let is_bin = value["target"]["kind"]
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(|k| k == "bin"));
        let package = value["package_id"].as_str().unwrap_or("");
        // `path+file:///a/b#0.1.0` or `path+file:///a/b#name@0.1.0`
        let (place, tag) = package.rsplit_once('#').unwrap_or((package, ""));
        let package = match tag.split_once('@') {
            Some((name, _)) => name,
            None => place.rsplit('/').next().unwrap_or(place),
        };
        self.known.push((executable.to_owned(), package.to_owned(), name, is_bin));
    }

    fn prefix(&self, source: &str, binary: &str) -> String {
        let file = binary.rsplit('/').next().unwrap_or(binary);
        let found = self.known.iter().find(|(exe, ..)| exe.ends_with(&format!("/{file}")));
        let Some((_, package, name, is_bin)) = found else {
            let name = file.rsplit_once('-').map_or(file, |(name, _)| name);
            let bin = source.ends_with("main.rs") || source.contains("src/bin/");
            return if bin { format!("{name}[bin]") } else { name.to_owned() };
        };
        let twins = self.known.iter().filter(|(_, _, n, b)| n == name && b == is_bin).count();
        let name = if *is_bin { format!("{name}[bin]") } else { name.clone() };
        if twins > 1 { format!("{package}/{name}") } else { name }
    }
}

fn bare(name: &str) -> &str {
    name.trim_end_matches(" - should panic")
        .trim_end_matches(" - compile fail")
        .trim_end_matches(" - compile")
}

fn status(word: &str) -> Option<TestOutcome> {
    let word = word.trim_end();
    // a time may follow: `ok <0.001s>`
    let first = word.split([' ', ',']).next().unwrap_or(word);
    match first {
        "ok" => Some(TestOutcome::Passed),
        "FAILED" => Some(TestOutcome::Failed),
        "ignored" => Some(TestOutcome::Skipped),
        // printed by the test itself, without a line end, before the verdict
        _ if word.ends_with("FAILED") => Some(TestOutcome::Failed),
        _ => None,
    }
}

fn push(text: &mut String, line: &str) {
    // bounded: only the end of it is ever shown
    if text.len() > 64 * 1024 {
        *text = clip(text, 16 * 1024);
    }
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests;
