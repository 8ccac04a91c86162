//! Scripts that are known only by their command: jest and vitest by their JSON, anything else by TAP or
//! its exit.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::evidence::{CollectionError, DETAIL_BYTES, TestId, TestOutcome, TestReport, clip};

use super::{
    Ended, Invocation, Ran, Runner, RunnerKind, Selection, Surroundings, below, from_root,
};

/// jest or vitest with its JSON reporter; `words[0]` says which.
pub(super) fn jest(runner: &Runner, selection: &Selection) -> Invocation {
    let tool = runner.words.first().map_or("jest", String::as_str);
    // npx finds the tool here or in a folder above, and never fetches it
    let mut argv: Vec<String> = ["npx", "--no-install", tool].map(str::to_owned).to_vec();
    if tool == "vitest" {
        // vitest 4 writes the report into a file of the project unless it is told where
        argv.extend(["run", "--reporter=json", "--outputFile=/dev/stdout"].map(str::to_owned));
    } else {
        argv.extend(["--json", "--ci", "--colors=false"].map(str::to_owned));
    }
    argv.extend(runner.words.iter().skip(1).cloned());
    let mut names = Vec::new();
    for id in &selection.tests {
        let (file, name) = id.as_str().split_once(" > ").unwrap_or(("", id.as_str()));
        let file = below(&runner.dir, file).unwrap_or(file).to_owned();
        if !file.is_empty() && !argv.contains(&file) {
            argv.push(file);
        }
        names.push(regex::escape(&name.replace(" > ", " ")));
    }
    if !names.is_empty() {
        argv.push(format!("--testNamePattern=^({})$", names.join("|")));
    }
    let env = [("CI", "1"), ("NO_COLOR", "1")];
    Invocation {
        shown: argv.clone(),
        argv,
        dir: runner.dir.clone(),
        env: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        stdin: String::new(),
    }
}

/// Reads the one JSON object that jest and vitest print.
pub(super) fn parse_jest(report: &mut TestReport, at: &Surroundings, ran: &Ran) {
    // vitest says something more on the line on which its report ends
    let report_from = |text: &str| {
        let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        values.take(1).filter_map(Result::ok).find(|value| value["testResults"].is_array())
    };
    let json = ran.stdout.lines().rev().find_map(|line| report_from(&line[line.find("{\"")?..]));
    let json = json.or_else(|| report_from(&ran.stdout[ran.stdout.find('{')?..]));
    let Some(files) = json.as_ref().and_then(|j| j["testResults"].as_array()) else {
        if !report.timed_out {
            report.collection_errors.push(whole(report, ran));
        }
        return;
    };
    for file in files {
        let path = file["name"].as_str().unwrap_or("");
        let path = from_root(&at.root, path).unwrap_or(path).to_owned();
        let tests = file["assertionResults"].as_array().cloned().unwrap_or_default();
        if tests.is_empty() && file["status"] == "failed" {
            report.collection_errors.push(CollectionError {
                what: path.clone(),
                message: clip(file["message"].as_str().unwrap_or(""), DETAIL_BYTES),
            });
        }
        for test in tests {
            let mut names: Vec<&str> = test["ancestorTitles"]
                .as_array()
                .map(|a| a.iter().filter_map(Value::as_str).filter(|s| !s.is_empty()).collect())
                .unwrap_or_default();
            names.push(test["title"].as_str().unwrap_or(""));
            let id = TestId::from(format!("{path} > {}", names.join(" > ")));
            let outcome = match test["status"].as_str() {
                Some("passed") => TestOutcome::Passed,
                Some("failed") => TestOutcome::Failed,
                _ => TestOutcome::Skipped,
            };
            if outcome.is_bad() {
                let said: Vec<&str> = test["failureMessages"]
                    .as_array()
                    .map(|a| a.iter().filter_map(Value::as_str).collect())
                    .unwrap_or_default();
                report.explain(id.clone(), &said.join("\n"));
            }
            report.record(id, outcome);
        }
    }
    report.complete = true;
}

/// The user's command, or `npm test` with what makes a known tool speak TAP.
pub(super) fn plain(runner: &Runner) -> Invocation {
    let mut argv: Vec<String> = match runner.kind {
        RunnerKind::Npm => ["npm", "test", "--silent"].map(str::to_owned).to_vec(),
        _ => runner.words.clone(),
    };
    if runner.kind == RunnerKind::Npm {
        match runner.words.first().map(String::as_str) {
            Some("mocha") => argv.extend(["--", "--reporter", "tap"].map(str::to_owned)),
            Some("ava") => argv.extend(["--", "--tap"].map(str::to_owned)),
            _ => {}
        }
    }
    let env = [("CI", "1"), ("NO_COLOR", "1")];
    Invocation {
        shown: argv.clone(),
        argv,
        dir: runner.dir.clone(),
        env: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        stdin: String::new(),
    }
}

/// TAP where there is a plan; otherwise the exit is the one outcome.
pub(super) fn parse_plain(report: &mut TestReport, runner: &Runner, ran: &Ran) {
    if let Some(plan) = tap(report, ran) {
        let seen = report.outcomes.len();
        report.complete = plan.is_some_and(|planned| seen >= planned);
        return;
    }
    let name = match runner.kind {
        RunnerKind::Npm => "npm test".to_owned(),
        _ => runner.words.join(" "),
    };
    let id =
        TestId::from(if runner.dir.is_empty() { name } else { format!("{}: {name}", runner.dir) });
    let outcome = match ran.ended {
        Ended::Code(0) => TestOutcome::Passed,
        Ended::Code(_) => TestOutcome::Failed,
        Ended::TimedOut => TestOutcome::TimedOut,
        _ => TestOutcome::Errored,
    };
    if outcome.is_bad() {
        let said = format!("{}{}", ran.stdout, ran.stderr);
        report.explain(id.clone(), said.trim());
    }
    report.record(id, outcome);
    report.complete = true;
}

/// Reads TAP, subtests by their indentation. `None` if it is not TAP; the inner value is the plan.
fn tap(report: &mut TestReport, ran: &Ran) -> Option<Option<usize>> {
    let is_plan = |line: &str| {
        line.strip_prefix("1..")
            .and_then(|n| n.split_whitespace().next())
            .and_then(|n| n.parse::<usize>().ok())
    };
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let version = lines.iter().any(|l| l.starts_with("TAP version "));
    let plan = lines.iter().find_map(|l| is_plan(l));
    if !version && plan.is_none() {
        return None;
    }
    let mut stack: Vec<String> = Vec::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut last_bad: Option<TestId> = None;
    let mut said = String::new();
    let flush = |report: &mut TestReport, bad: &mut Option<TestId>, said: &mut String| {
        if let Some(id) = bad.take() {
            report.explain(id, said);
        }
        said.clear();
    };
    for line in &lines {
        let indent = line.len() - line.trim_start().len();
        let (depth, text) = (indent / 4, line.trim_start());
        if let Some(name) = text.strip_prefix("# Subtest: ") {
            stack.truncate(depth);
            stack.resize(depth, String::new());
            stack.push(name.to_owned());
            continue;
        }
        let (ok, rest) = match (text.strip_prefix("ok "), text.strip_prefix("not ok ")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => {
                if last_bad.is_some() {
                    said.push_str(line);
                    said.push('\n');
                }
                continue;
            }
        };
        flush(report, &mut last_bad, &mut said);
        let (description, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
        let name = description.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let name = name.strip_prefix("- ").unwrap_or(name).trim();
        stack.truncate(depth);
        let mut parts = stack.clone();
        parts.push(if name.is_empty() { description.trim().to_owned() } else { name.to_owned() });
        let mut id = parts.join(" > ");
        // TAP knows no names that are unique: the second of a name is another test
        let count = numbers.entry(id.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            id = format!("{id} #{count}");
        }
        let directive = directive.to_ascii_uppercase();
        let skipped = directive.starts_with("SKIP") || directive.starts_with("TODO");
        let outcome = match (skipped, ok) {
            (true, _) => TestOutcome::Skipped,
            (_, true) => TestOutcome::Passed,
            (_, false) => TestOutcome::Failed,
        };
        let id = TestId::from(id);
        if outcome.is_bad() {
            last_bad = Some(id.clone());
        }
        report.record(id, outcome);
    }
    flush(report, &mut last_bad, &mut said);
    Some(plan)
}

fn whole(report: &TestReport, ran: &Ran) -> CollectionError {
    let said = format!("{}\n{}", ran.stdout, ran.stderr);
    CollectionError { what: report.runner.clone(), message: clip(said.trim(), DETAIL_BYTES) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Verdict;
    use crate::runners::tests_support::{NoTree, ran, surroundings};

    fn check(kind: RunnerKind, out: &str, ended: Ended) -> TestReport {
        let runner = Runner {
            kind,
            dir: String::new(),
            why: String::new(),
            words: vec!["make".into(), "test".into()],
            paths: vec![],
        };
        runner.parse(&surroundings(), &ran(ended, out, ""), &NoTree)
    }

    #[test]
    fn a_command_that_says_nothing_known_has_its_exit_for_an_outcome() {
        assert!(check(RunnerKind::Command, "fine\n", Ended::Code(0)).passed());
        let report = check(RunnerKind::Command, "boom\n", Ended::Code(2));
        assert_eq!(report.verdict(), Verdict::Failed);
        assert_eq!(report.details[&TestId::from("make test")], "boom");
        assert_eq!(check(RunnerKind::Command, "", Ended::TimedOut).verdict(), Verdict::TimedOut);
    }

    #[test]
    fn tap_is_read_test_by_test() {
        let out = "TAP version 13\nok 1 - adds\nnot ok 2 - subtracts\n  ---\n  message: 1 != 2\n  ...\nok 3 - later # SKIP no\n1..3\n";
        let report = check(RunnerKind::Npm, out, Ended::Code(1));
        assert_eq!((report.counts.passed, report.counts.failed, report.counts.skipped), (1, 1, 1));
        assert!(report.details[&TestId::from("subtracts")].contains("1 != 2"));
    }

    #[test]
    fn tap_that_breaks_off_or_plans_nothing_is_no_pass() {
        let cut = check(RunnerKind::Npm, "TAP version 13\n1..3\nok 1 - adds\n", Ended::Code(0));
        assert_eq!(cut.verdict(), Verdict::Crashed);
        let none = check(RunnerKind::Npm, "TAP version 13\n1..0\n", Ended::Code(0));
        assert_eq!(none.verdict(), Verdict::NoTests);
    }

    #[test]
    fn vitests_report_ends_in_the_middle_of_a_line() {
        // as vitest 4 printed it, shortened
        let out = "{\"numTotalTests\":2,\"success\":false,\"testResults\":[{\"assertionResults\":[{\"ancestorTitles\":[\"sums\"],\"fullName\":\"sums adds\",\"status\":\"failed\",\"title\":\"adds\",\"failureMessages\":[\"AssertionError: expected -1 to be 3\"],\"meta\":{}},{\"ancestorTitles\":[\"sums\"],\"fullName\":\"sums zero\",\"status\":\"passed\",\"title\":\"zero\",\"failureMessages\":[],\"meta\":{}}],\"status\":\"failed\",\"message\":\"\",\"name\":\"/w/add.test.js\"}]}JSON report written to /dev/stdout\n";
        let report = check(RunnerKind::Jest, out, Ended::Code(1));
        assert_eq!((report.counts.passed, report.counts.failed), (1, 1));
        assert_eq!(report.verdict(), Verdict::Failed);
    }

    #[test]
    fn jest_json_is_read_test_by_test() {
        let out = r#"noise
{"success":false,"testResults":[{"name":"/w/a.test.js","status":"failed","message":"","assertionResults":[{"ancestorTitles":["sums"],"title":"adds","status":"passed","failureMessages":[]},{"ancestorTitles":[],"title":"bad","status":"failed","failureMessages":["Error: no"]}]},{"name":"/w/b.test.js","status":"failed","message":"Cannot find module","assertionResults":[]}]}"#;
        let report = check(RunnerKind::Jest, out, Ended::Code(1));
        let ids: Vec<&str> = report.outcomes.keys().map(TestId::as_str).collect();
        assert_eq!(ids, ["a.test.js > bad", "a.test.js > sums > adds"]);
        assert_eq!(report.collection_errors[0].what, "b.test.js");
    }
}
