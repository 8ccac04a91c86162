//! Which runners a repository has, by its manifests and its test files.

use std::collections::BTreeSet;

use serde_json::Value;

use super::cargo::nextest;
use super::{Runner, RunnerKind, Tree, below, join};

/// Directories that hold other people's code or samples: nothing in them is this repository's suite.
const NOT_OURS: [&str; 9] = [
    "node_modules",
    "vendor",
    "third_party",
    "fixtures",
    "testdata",
    "target",
    ".venv",
    "venv",
    "site-packages",
];

/// The most runners one search gives.
const MOST: usize = 8;
/// The most test files that are read to tell pytest from unittest.
const READ: usize = 40;

/// The runners for a directory (empty for the whole repository), shallow ones first.
///
/// The user's own command replaces the search. A manifest below the directory counts; if there is none,
/// the nearest one above does, as in a monorepo whose packages share one. Empty if there is nothing to run.
pub fn find(tree: &dyn Tree, dir: &str, command: Option<&[String]>) -> Vec<Runner> {
    if let Some(words) = command.filter(|w| !w.is_empty()) {
        return vec![Runner {
            kind: RunnerKind::Command,
            dir: dir.to_owned(),
            why: "the configured test command".to_owned(),
            words: words.to_vec(),
            paths: Vec::new(),
        }];
    }
    let search = Search { tree, dir };
    let mut found = Vec::new();
    found.extend(search.cargo());
    found.extend(search.node());
    found.extend(search.go());
    let python = search.python(found.is_empty());
    found.splice(0..0, python);
    // a Makefile says how only where nothing says it better
    if found.iter().all(|r| {
        r.kind == RunnerKind::Unittest
            && r.why.ends_with(".py")
            && !is_python_test(r.why.rsplit('/').next().unwrap_or(&r.why))
    }) {
        let make = search.make();
        if !make.is_empty() {
            found = make;
        }
    }
    found.sort_by_key(|r| r.dir.split('/').filter(|p| !p.is_empty()).count());
    found.truncate(MOST);
    found
}

struct Search<'a> {
    tree: &'a dyn Tree,
    dir: &'a str,
}

impl Search<'_> {
    /// The topmost directories that have one of these files, at or below the scope; if there is none,
    /// the nearest above.
    fn manifests(&self, names: &[&str]) -> Vec<String> {
        let mut dirs: BTreeSet<String> = BTreeSet::new();
        for path in self.tree.paths() {
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            if names.contains(&name) && ours(dir) {
                dirs.insert(dir.to_owned());
            }
        }
        let inside: Vec<&String> =
            dirs.iter().filter(|d| *d == self.dir || below(self.dir, d).is_some()).collect();
        let topmost: Vec<String> = inside
            .iter()
            .filter(|d| !inside.iter().any(|other| *other != **d && below(other, d).is_some()))
            .map(|d| (*d).clone())
            .collect();
        if !topmost.is_empty() {
            return topmost;
        }
        let mut above = self.dir;
        while !above.is_empty() {
            above = above.rsplit_once('/').map_or("", |(up, _)| up);
            if dirs.contains(above) {
                return vec![above.to_owned()];
            }
        }
        Vec::new()
    }

    fn files(&self, dir: &str, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
        self.tree
            .paths()
            .iter()
            .filter(|path| {
                let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
                below(dir, path).is_some() && ours(parent) && wanted(name)
            })
            .map(String::as_str)
            .collect()
    }

    fn cargo(&self) -> Vec<Runner> {
        self.manifests(&["Cargo.toml"])
            .into_iter()
            .map(|dir| {
                let manifest = join(&dir, "Cargo.toml");
                let text = self.tree.read(&manifest).unwrap_or_default();
                let workspace = text
                    .parse::<toml::Table>()
                    .map_or_else(|_| text.contains("[workspace]"), |t| t.contains_key("workspace"));
                let words = if workspace { vec!["--workspace".to_owned()] } else { Vec::new() };
                let nextest = join(&dir, nextest::CONFIG);
                let why = if self.tree.paths().contains(&nextest) { nextest } else { manifest };
                Runner { kind: RunnerKind::Cargo, dir, why, words, paths: Vec::new() }
            })
            .collect()
    }

    fn make(&self) -> Vec<Runner> {
        let dirs = self.manifests(&["Makefile", "makefile", "GNUmakefile"]);
        dirs.into_iter()
            .filter_map(|dir| {
                let (manifest, text) = ["GNUmakefile", "makefile", "Makefile"]
                    .iter()
                    .map(|name| join(&dir, name))
                    .find_map(|path| self.tree.read(&path).map(|text| (path, text)))?;
                let has = |target: &str| {
                    text.lines().any(|line| {
                        line.strip_prefix(target).is_some_and(|rest| {
                            rest.trim_start().starts_with(':') && !rest.contains(":=")
                        })
                    })
                };
                let target = ["test", "check"].into_iter().find(|target| has(target))?;
                Some(Runner {
                    kind: RunnerKind::Command,
                    dir,
                    why: format!("{manifest} ({target})"),
                    words: vec!["make".to_owned(), target.to_owned()],
                    paths: Vec::new(),
                })
            })
            .collect()
    }

    fn go(&self) -> Vec<Runner> {
        self.manifests(&["go.mod"])
            .into_iter()
            .map(|dir| Runner {
                kind: RunnerKind::Go,
                why: join(&dir, "go.mod"),
                dir,
                words: Vec::new(),
                paths: Vec::new(),
            })
            .collect()
    }

    fn node(&self) -> Vec<Runner> {
        let mut dirs = self.manifests(&["package.json"]);
        if dirs.is_empty() && !self.files(self.dir, is_node_test).is_empty() {
            dirs.push(self.dir.to_owned());
        }
        dirs.into_iter().filter_map(|dir| self.node_in(dir)).collect()
    }

    fn node_in(&self, dir: String) -> Option<Runner> {
        let manifest = join(&dir, "package.json");
        let json: Value = self
            .tree
            .read(&manifest)
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let script = json["scripts"]["test"].as_str().unwrap_or("").trim();
        let real = !script.is_empty() && !script.contains("no test specified");
        let words: Vec<String> = script.split_whitespace().map(str::to_owned).collect();
        let simple = !script.contains(['&', '|', ';', '$', '"', '\'', '>', '<', '*', '(']);
        let runner =
            |kind, why, words| Runner { kind, dir: dir.clone(), why, words, paths: Vec::new() };
        let from_script = format!("{manifest} (scripts.test)");
        if real {
            let tool = words.first().map(String::as_str).unwrap_or("");
            return Some(match tool {
                "node" if simple && words.iter().any(|w| w == "--test") => {
                    let rest = words.into_iter().skip(1);
                    let keep = rest
                        .filter(|w| w != "--test" && !w.starts_with("--test-reporter"))
                        .collect();
                    runner(RunnerKind::Node, from_script, keep)
                }
                "jest" | "vitest" if simple => {
                    let keep = words.into_iter().filter(|w| w != "run" && w != "--watch").collect();
                    runner(RunnerKind::Jest, from_script, keep)
                }
                _ => runner(RunnerKind::Npm, from_script, words),
            });
        }
        let tests = self.files(&dir, is_node_test);
        let first = tests.first()?;
        Some(runner(RunnerKind::Node, (*first).to_owned(), Vec::new()))
    }

    fn python(&self, alone: bool) -> Vec<Runner> {
        const MANIFESTS: [&str; 6] =
            ["pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini", "conftest.py"];
        let mut dirs = self.manifests(&MANIFESTS);
        let covered = |dirs: &[String], path: &str| dirs.iter().any(|d| below(d, path).is_some());
        let loose = self.files(self.dir, is_python_test);
        if loose.iter().any(|path| !covered(&dirs, path)) {
            // test files beside every manifest: the scope itself is the place
            dirs = vec![self.dir.to_owned()];
        } else if dirs.is_empty() && alone {
            dirs.push(self.dir.to_owned());
        }
        dirs.into_iter().filter_map(|dir| self.python_in(dir, alone)).collect()
    }

    fn python_in(&self, dir: String, alone: bool) -> Option<Runner> {
        let scope = if below(&dir, self.dir).is_some() { self.dir } else { dir.as_str() };
        let tests = self.files(scope, is_python_test);
        let sources = self.files(scope, |name| name.ends_with(".py"));
        if tests.is_empty() && (!alone || sources.is_empty()) {
            return None;
        }
        let paths = self.source_layout(&dir);
        let configured = self.pytest_configured(&dir);
        let (mut pytest_sign, mut unittest_sign) = (None, None);
        for path in tests.iter().take(READ) {
            let Some(text) = self.tree.read(path) else { continue };
            if unittest_sign.is_none() && text.contains("TestCase") && text.contains("unittest") {
                unittest_sign = Some((*path).to_owned());
            }
            let speaks = text.lines().any(|line| {
                line.starts_with("def test_")
                    || line.starts_with("async def test_")
                    || line.starts_with("import pytest")
                    || line.starts_with("from pytest")
            });
            if speaks {
                pytest_sign = Some((*path).to_owned());
                break;
            }
        }
        let why = configured.clone().or(pytest_sign.clone());
        let base =
            Runner { kind: RunnerKind::Pytest, dir, why: String::new(), words: vec![], paths };
        if let Some(why) = why {
            return Some(Runner { why, ..base });
        }
        if let Some(why) = unittest_sign {
            let words = starts(&tests, &base.dir, self.tree);
            return Some(Runner { kind: RunnerKind::Unittest, why, words, ..base });
        }
        // classes and plain files without a word of unittest are pytest's; nothing at all is unittest's
        let kind = if tests.is_empty() { RunnerKind::Unittest } else { RunnerKind::Pytest };
        let why = tests.first().or(sources.first()).map(|p| (*p).to_owned()).unwrap_or_default();
        Some(Runner { kind, why, ..base })
    }

    fn pytest_configured(&self, dir: &str) -> Option<String> {
        let has = |name: &str, word: &str| {
            let path = join(dir, name);
            self.tree.read(&path).filter(|text| text.contains(word)).map(|_| path)
        };
        has("pytest.ini", "[pytest]")
            .or_else(|| has("pyproject.toml", "[tool.pytest"))
            .or_else(|| has("setup.cfg", "[tool:pytest]"))
            .or_else(|| has("tox.ini", "[pytest]"))
            .or_else(|| {
                self.files(dir, |name| name == "conftest.py").first().map(|p| (*p).to_owned())
            })
    }

    /// `src` if it holds modules and is no package itself.
    fn source_layout(&self, dir: &str) -> Vec<String> {
        let src = join(dir, "src");
        let package = join(&src, "__init__.py");
        let modules = self.tree.paths().iter().any(|p| {
            below(&src, p)
                .is_some_and(|rest| rest.ends_with(".py") && rest.matches('/').count() <= 1)
        });
        let is_package = self.tree.paths().contains(&package);
        if modules && !is_package { vec![src] } else { Vec::new() }
    }
}

/// Where unittest's discovery must start so that it sees every test file: it walks packages only.
fn starts(tests: &[&str], dir: &str, tree: &dyn Tree) -> Vec<String> {
    let is_package = |d: &str| tree.paths().contains(&join(d, "__init__.py"));
    let mut found: BTreeSet<String> = BTreeSet::new();
    for path in tests {
        let mut at = path.rsplit_once('/').map_or("", |(d, _)| d).to_owned();
        while at != dir && is_package(&at) {
            at = at.rsplit_once('/').map_or("", |(up, _)| up).to_owned();
        }
        let from = if at == dir { "." } else { below(dir, &at).unwrap_or(".") };
        found.insert(from.to_owned());
    }
    found.into_iter().collect()
}

fn ours(dir: &str) -> bool {
    !dir.split('/').any(|part| NOT_OURS.contains(&part))
}

fn is_python_test(name: &str) -> bool {
    name.strip_suffix(".py")
        .is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test") || stem == "tests")
}

fn is_node_test(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    matches!(extension, "js" | "mjs" | "cjs")
        && (stem.ends_with(".test")
            || stem.ends_with("-test")
            || stem.ends_with("_test")
            || stem.starts_with("test-")
            || stem == "test")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::runners::tests_support::Files;

    fn check(files: &[(&str, &str)], dir: &str, expected: Expect) {
        let mut text = String::new();
        for r in find(&Files::new(files), dir, None) {
            let dir = if r.dir.is_empty() { "." } else { &r.dir };
            text +=
                &format!("{} in {dir} by {} {:?} {:?}\n", r.kind.name(), r.why, r.words, r.paths);
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn python_is_pytest_or_unittest_by_what_the_tests_say() {
        let unittest = "import unittest\nclass T(unittest.TestCase):\n    pass\n";
        check(
            &[("calc.py", ""), ("test_calc.py", "def test_a():\n    pass\n")],
            "",
            expect![[r#"
                pytest in . by test_calc.py [] []
            "#]],
        );
        check(
            &[("calc.py", ""), ("tests/test_calc.py", unittest), ("test_top.py", unittest)],
            "",
            expect![[r#"
                unittest in . by tests/test_calc.py [".", "tests"] []
            "#]],
        );
        check(
            &[
                ("pyproject.toml", "[tool.pytest.ini_options]\n"),
                ("src/calc/__init__.py", ""),
                ("tests/test_calc.py", unittest),
            ],
            "",
            expect![[r#"
                pytest in . by pyproject.toml [] ["src"]
            "#]],
        );
        check(
            &[("tool.py", "")],
            "",
            expect![[r#"
            unittest in . by tool.py [] []
        "#]],
        );
    }

    #[test]
    fn a_monorepo_gives_the_nearest_manifest() {
        let files = [
            ("rust/Cargo.toml", "[workspace]\nmembers = [\"a\"]\n"),
            ("rust/a/Cargo.toml", "[package]\n"),
            (
                "web/package.json",
                r#"{"scripts":{"test":"node --test --test-reporter=spec test/"}}"#,
            ),
            ("py/pyproject.toml", ""),
            ("py/test_a.py", "def test_a(): pass\n"),
            ("web/node_modules/x/package.json", "{}"),
            ("rust/a/tests/fixtures/go.mod", ""),
        ];
        check(
            &files,
            "",
            expect![[r#"
                pytest in py by py/test_a.py [] []
                cargo in rust by rust/Cargo.toml ["--workspace"] []
                node in web by web/package.json (scripts.test) ["test/"] []
            "#]],
        );
        check(
            &files,
            "rust/a",
            expect![[r#"
            cargo in rust/a by rust/a/Cargo.toml [] []
        "#]],
        );
        check(
            &files,
            "rust/a/src",
            expect![[r#"
            cargo in rust/a by rust/a/Cargo.toml [] []
        "#]],
        );
    }

    #[test]
    fn a_makefile_says_how_where_nothing_says_it_better() {
        let makefile = "CC := cc\ntest := no\nall:\n\ttrue\ncheck: all\n\tsh check.sh\n";
        check(
            &[("c/Makefile", makefile), ("c/a.c", ""), ("gen.py", "")],
            "",
            expect![[r#"
                command in c by c/Makefile (check) ["make", "check"] []
            "#]],
        );
        check(
            &[("Makefile", "test:\n\tcargo test\n"), ("Cargo.toml", "[package]\n")],
            "",
            expect![[r#"
                cargo in . by Cargo.toml [] []
            "#]],
        );
        assert!(find(&Files::new(&[("Makefile", "all:\n\ttrue\n")]), "", None).is_empty());
    }

    #[test]
    fn npm_scripts_are_told_apart() {
        for (script, expected) in [
            ("jest --coverage", "Jest [\"jest\", \"--coverage\"]"),
            ("vitest run", "Jest [\"vitest\"]"),
            ("mocha", "Npm [\"mocha\"]"),
            ("node --test && echo done", "Npm [\"node\", \"--test\", \"&&\", \"echo\", \"done\"]"),
            ("node --test", "Node []"),
        ] {
            let json = format!("{{\"scripts\":{{\"test\":\"{script}\"}}}}");
            let found = find(&Files::new(&[("package.json", &json)]), "", None);
            assert_eq!(format!("{:?} {:?}", found[0].kind, found[0].words), expected);
        }
        let nothing = r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#;
        assert!(find(&Files::new(&[("package.json", nothing)]), "", None).is_empty());
    }

    #[test]
    fn the_users_command_replaces_the_search() {
        let words = ["make".to_owned(), "check".to_owned()];
        let found = find(&Files::new(&[("Cargo.toml", "")]), "", Some(&words));
        assert_eq!((found.len(), found[0].kind), (1, RunnerKind::Command));
        assert!(find(&Files::new(&[("README.md", "")]), "", Some(&[])).is_empty());
    }
}
