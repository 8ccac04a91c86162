//! What a model may not decide: whether it passed.
//!
//! A file that tests are in, or that says how they are run, is held apart when a model changes it, and a person decides.
//! A change of code that reaches for the test framework, or that touches a test which stands among the code, is refused.

use std::collections::BTreeMap;

use astraea_repair::{Language, symbols};

/// The placeholders that stand for what a model was not shown.
const MASKS: [&str; 4] = ["[secret]", "[email]", "[ip]", "[id]"];

/// Directories whose files are tests or what tests rest on.
const TEST_DIRS: [&str; 8] =
    ["test", "tests", "__tests__", "spec", "specs", "testing", "__snapshots__", "e2e"];

/// Files that say how tests are found, run and judged.
const HARNESS: [&str; 24] = [
    "conftest.py",
    "pytest.ini",
    "tox.ini",
    "setup.cfg",
    "noxfile.py",
    "sitecustomize.py",
    "usercustomize.py",
    ".coveragerc",
    "jest.config",
    "vitest.config",
    "vite.config",
    "karma.conf",
    "playwright.config",
    "cypress.config",
    ".mocharc",
    ".nycrc",
    "nextest.toml",
    "babel.config",
    ".babelrc",
    "makefile",
    "justfile",
    "build.rs",
    "setup.py",
    "pytest.toml",
];

/// Whether a path is that of a test, or of something that tests rest on.
pub(super) fn is_test(path: &str) -> bool {
    let path = path.to_lowercase();
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let stem = name.split('.').next().unwrap_or(name);
    let marks = [".test.", ".spec.", "_test.", "_spec.", "-test.", "-spec."];
    dir.split('/').any(|part| TEST_DIRS.contains(&part))
        || stem.starts_with("test_")
        || matches!(stem, "test" | "tests")
        || marks.iter().any(|mark| name.contains(mark))
        || is_harness(&path)
}

/// Whether a path is that of a file which says how tests are run.
pub(super) fn is_harness(path: &str) -> bool {
    let path = path.to_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    HARNESS.iter().any(|known| *known == name || *known == stem)
        || path.ends_with(".cargo/config.toml")
        || name.ends_with(".pth")
}

/// Whether a new Python module would stand in for one that tests are run with.
pub(super) fn shadows(path: &str) -> bool {
    const FRAMEWORKS: [&str; 6] =
        ["unittest", "pytest", "_pytest", "pluggy", "iniconfig", "doctest"];
    const STANDARD: [&str; 36] = [
        "abc",
        "argparse",
        "ast",
        "asyncio",
        "builtins",
        "codecs",
        "collections",
        "contextlib",
        "copy",
        "dataclasses",
        "difflib",
        "enum",
        "functools",
        "importlib",
        "inspect",
        "io",
        "itertools",
        "json",
        "linecache",
        "logging",
        "operator",
        "os",
        "pathlib",
        "pprint",
        "re",
        "runpy",
        "shutil",
        "signal",
        "site",
        "sys",
        "tempfile",
        "time",
        "traceback",
        "types",
        "warnings",
        "weakref",
    ];
    let Some(module) = path.strip_suffix(".py") else { return false };
    let parts: Vec<&str> = module.split('/').collect();
    let top = if parts.first() == Some(&"src") { parts.get(1) } else { parts.first() };
    parts.iter().any(|part| FRAMEWORKS.contains(part))
        || top.is_some_and(|top| STANDARD.contains(top))
}

/// Whether a change of a manifest changes how tests are run.
pub(super) fn changes_harness(path: &str, before: &str, after: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name {
        "package.json" => {
            let read =
                |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
            let (before, after) = (read(before), read(after));
            ["scripts", "jest", "mocha", "vitest", "ava", "tap", "c8", "nyc"]
                .iter()
                .any(|key| before.get(key) != after.get(key))
        }
        "pyproject.toml" => {
            let read = |text: &str| text.parse::<toml::Table>().unwrap_or_default();
            let tool = |table: &toml::Table, key: &str| {
                table.get("tool").and_then(|tool| tool.get(key)).cloned()
            };
            let (before, after) = (read(before), read(after));
            ["pytest", "tox", "nox", "hatch", "coverage"]
                .iter()
                .any(|key| tool(&before, key) != tool(&after, key))
        }
        "Cargo.toml" => {
            let read = |text: &str| text.parse::<toml::Table>().unwrap_or_default();
            let (before, after) = (read(before), read(after));
            let of = |table: &toml::Table, section: &str, key: &str| {
                table.get(section).and_then(|section| section.get(key)).cloned()
            };
            before.get("test") != after.get("test")
                || before.get("profile") != after.get("profile")
                || ["test", "doctest", "harness"]
                    .iter()
                    .any(|key| of(&before, "lib", key) != of(&after, "lib", key))
        }
        _ => false,
    }
}

/// Why new text for a file that is no test is refused, if it is.
pub(super) fn refusal(path: &str, before: Option<&str>, after: &str) -> Option<String> {
    let old = before.unwrap_or_default();
    if let Some(mask) =
        MASKS.iter().find(|mask| after.matches(**mask).count() > old.matches(**mask).count())
    {
        return Some(format!(
            "{path}: `{mask}` stands for a text that is hidden from you and is not what the file says; leave those \
             lines out of the change"
        ));
    }
    if let Some(name) = framework(path, old, after) {
        return Some(format!(
            "{path}: code that is tested must not use the test framework (`{name}`), which decides about it"
        ));
    }
    changed_test(path, old, after).map(|name| {
        format!("{path}: the test `{name}` was there before; leave the tests as they are and change the code")
    })
}

/// Why a file that is written anew is refused, if it is: a model that gives a piece of a file for the whole of it would
/// throw the rest away.
pub(super) fn left_out(path: &str, before: &str, after: &str, may_rename: bool) -> Option<String> {
    let elided = |line: &str| {
        let line = line.trim();
        let comment = ["#", "//", "/*", "<!--", "--"].iter().any(|mark| line.starts_with(mark));
        let line = line.to_lowercase();
        comment
            && (line.contains("...") || line.contains('…'))
            && ["rest", "existing", "unchanged", "remain", "same", "previous", "omitted", "other"]
                .iter()
                .any(|word| line.contains(word))
    };
    if let Some(line) = after.lines().find(|line| elided(line) && !before.contains(line.trim())) {
        return Some(format!(
            "{path}: `{}` stands for something; give the file with all of it, or replace a part of it",
            line.trim()
        ));
    }
    let names = |text: &str| -> Vec<String> {
        let found = Language::of_path(path).and_then(|language| symbols(language, text).ok());
        found.unwrap_or_default().into_iter().map(|symbol| symbol.name).collect()
    };
    let new = names(after);
    let gone: Vec<String> = names(before).into_iter().filter(|name| !new.contains(name)).collect();
    (!may_rename && !gone.is_empty()).then(|| {
        format!(
            "{path}: written anew without {}; give the file with all of it, or take a part of it away with a replacement",
            gone.join(", ")
        )
    })
}

/// The part of a test framework that a file uses now and did not use before.
fn framework(path: &str, before: &str, after: &str) -> Option<&'static str> {
    // Ending the process is no way around: a run that does not reach its end is no pass.
    const PYTHON: [&str; 4] = ["unittest", "pytest", "_pytest", "doctest"];
    const NODE: [&str; 9] = [
        "node:test",
        "node:assert",
        "'assert'",
        "\"assert\"",
        "vitest",
        "@jest",
        "jest.",
        "mocha",
        "chai",
    ];
    let words: &[&'static str] = match Language::of_path(path) {
        Some(Language::Python) => &PYTHON,
        Some(Language::JavaScript) => &NODE,
        _ => return None,
    };
    let code = |text: &str, word: &str| {
        text.lines()
            .map(|line| line.split(['#']).next().unwrap_or(line))
            .any(|line| uses(line, word))
    };
    words.iter().copied().find(|word| code(after, word) && !code(before, word))
}

/// Whether a line has the word, not as a part of a longer one.
fn uses(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && (word.ends_with('.') || !after.is_some_and(part))
    })
}

/// The first test among the code that is changed or gone.
fn changed_test(path: &str, before: &str, after: &str) -> Option<String> {
    let language = Language::of_path(path).filter(|language| *language == Language::Rust)?;
    let tests = |text: &str| -> BTreeMap<String, String> {
        let lines: Vec<&str> = text.lines().collect();
        let found = symbols(language, text).unwrap_or_default();
        let tests = found.into_iter().filter(|symbol| symbol.is_test);
        tests
            .map(|symbol| {
                let end = (symbol.end_line as usize).min(lines.len());
                let start = (symbol.line as usize).saturating_sub(1).min(end);
                (symbol.name, lines[start..end].join("\n"))
            })
            .collect()
    };
    let (old, new) = (tests(before), tests(after));
    // a module of tests may grow at its end, and nothing that was in it may change
    let kept = |old: &str, new: &str| {
        let (old, new) = (old.trim_end(), new.trim_end());
        old == new
            || old.strip_suffix('}').filter(|_| old.contains("mod ")).is_some_and(
                |all_but_the_end| new.starts_with(all_but_the_end.trim_end()) && new.ends_with('}'),
            )
    };
    old.into_iter()
        .find(|(name, text)| !new.get(name).is_some_and(|now| kept(text, now)))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_what_runs_them_are_told_from_code() {
        for path in [
            "tests/a.py",
            "test_a.py",
            "pkg/a_test.go",
            "a.test.mjs",
            "src/__tests__/x.js",
            "conftest.py",
            "pytest.ini",
            "jest.config.mjs",
            "web/vitest.config.ts",
            "tests/data/want.json",
            "Makefile",
            "spec/x.rb",
            ".cargo/config.toml",
            "build.rs",
        ] {
            assert!(is_test(path), "{path}");
        }
        for path in [
            "a.py",
            "src/lib.rs",
            "latest/a.py",
            "contest.py",
            "attest.js",
            "pkg/protest/x.go",
            "Cargo.toml",
        ] {
            assert!(!is_test(path), "{path}");
        }
    }

    #[test]
    fn a_module_that_stands_in_for_the_framework_is_known() {
        for path in [
            "unittest.py",
            "unittest/__init__.py",
            "lib/pytest.py",
            "json.py",
            "src/re.py",
            "traceback/x.py",
        ] {
            assert!(shadows(path), "{path}");
        }
        for path in ["app/json.py", "unittests.py", "src/app/io.py", "json/data.json", "reports.py"]
        {
            assert!(!shadows(path), "{path}");
        }
    }

    #[test]
    fn a_manifest_may_change_but_not_how_tests_are_run() {
        let json = r#"{"version": "1", "scripts": {"test": "node --test"}}"#;
        assert!(!changes_harness("package.json", json, &json.replace("\"1\"", "\"2\"")));
        assert!(changes_harness("a/package.json", json, &json.replace("node --test", "true")));
        let toml = "[project]\nversion = \"1\"\n[tool.pytest.ini_options]\naddopts = \"-q\"\n";
        assert!(!changes_harness("pyproject.toml", toml, &toml.replace("\"1\"", "\"2\"")));
        assert!(changes_harness("pyproject.toml", toml, &toml.replace("-q", "-k nothing")));
        assert!(changes_harness("Cargo.toml", "[lib]\n", "[lib]\ntest = false\n"));
        assert!(!changes_harness("Cargo.toml", "[dependencies]\n", "[dependencies]\na = \"1\"\n"));
    }

    #[test]
    fn code_that_reaches_for_the_framework_is_refused() {
        let refused =
            |path: &str, before: &str, after: &str| refusal(path, Some(before), after).is_some();
        assert!(refused(
            "a.py",
            "x = 1\n",
            "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n"
        ));
        assert!(refused("a.mjs", "", "import assert from 'node:assert';\n"));
        assert!(refused("a.cjs", "", "const assert = require('assert');\n"));
        assert!(!refused("cli.mjs", "", "process.exit(1);\n"));
        assert!(!refused("a.py", "import unittest\n", "import unittest\nx = 2\n"));
        assert!(!refused("a.py", "", "# see unittest\nmy_unittests = 1\n"));
        assert!(!refused("notes.md", "", "run pytest\n"));
    }

    #[test]
    fn a_test_among_the_code_stays_and_new_ones_may_come() {
        let old = "fn f() -> u8 { 1 }\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {\n        assert_eq!(super::f(), 2);\n    }\n}\n";
        let refused = |new: &str| refusal("src/lib.rs", Some(old), new);
        assert_eq!(refused(&old.replace("{ 1 }", "{ 2 }")), None);
        assert!(refused(&old.replace(", 2)", ", 1)")).unwrap().contains("`tests`"));
        assert!(refused("fn f() -> u8 { 2 }\n").is_some());
        let more = old.replace("    }\n}\n", "    }\n\n    #[test]\n    fn u() {}\n}\n");
        assert_eq!(refused(&more), None);
        assert!(
            refused(&old.replace("    #[test]\n", concat!("    #[test]\n    #[", "ignore]\n")))
                .is_some()
        );
        assert!(
            refused(&old.replace("        assert", "        return;\n        assert")).is_some()
        );
    }

    #[test]
    fn a_piece_of_a_file_is_not_taken_for_the_whole() {
        let old = "def f():\n    return 1\n\n\ndef g():\n    return 2\n";
        let piece = "def f():\n    return 3\n";
        assert!(left_out("a.py", old, piece, false).unwrap().contains("without g"));
        assert_eq!(left_out("a.py", old, piece, true), None);
        assert_eq!(left_out("a.py", old, &old.replace('1', "3"), false), None);
        let elided = format!("{piece}\n# ... rest of the file unchanged ...\n");
        assert!(left_out("a.py", old, &elided, true).unwrap().contains("stands for something"));
        assert_eq!(left_out("notes.md", "a\n", "b...\n", false), None);
    }

    #[test]
    fn a_mask_is_not_written_over_what_it_hides() {
        assert!(refusal("a.py", Some("key = 'k'\n"), "key = '[secret]'\n").is_some());
        assert!(refusal("a.py", Some("say('[id]')\n"), "say('[id]', 1)\n").is_none());
    }
}
