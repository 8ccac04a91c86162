//! What tests are written for, and where they go.

use astraea_repair::Language;

use crate::runners::{Runner, RunnerKind, Tree, below, join};

/// The most files that one goal writes tests for.
const MOST_FILES: usize = 8;
/// The longest file that is looked at, in lines.
const MOST_LINES: usize = 1500;

/// A source file, with the runner whose tests will cover it.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// From the repository's root.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) runner: Runner,
}

/// The files that are meant: those that were named, else all that hold code and no tests, the untested first.
pub(super) fn subjects(
    tree: &dyn Tree,
    scope: &str,
    named: &[String],
    words: &str,
    runners: &[Runner],
) -> Vec<Subject> {
    let sources: Vec<&String> = tree
        .paths()
        .iter()
        .filter(|path| language(path).is_some() && !is_test(path) && below(scope, path).is_some())
        .collect();
    let said: Vec<&str> = words
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'' | '`' | '(' | ')'))
        .map(|word| word.trim_matches(|c: char| matches!(c, '.' | ':' | '!' | '?')))
        .filter(|word| !word.is_empty())
        .collect();
    let is_meant = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        named
            .iter()
            .any(|given| given == path || below(given.trim_end_matches('/'), path).is_some())
            || said.iter().any(|word| *word == path || *word == name)
    };
    let mut meant: Vec<&String> = sources.iter().copied().filter(|path| is_meant(path)).collect();
    if meant.is_empty() && named.is_empty() {
        meant = sources;
    }
    let tests: String = tree
        .paths()
        .iter()
        .filter(|path| language(path).is_some() && is_test(path))
        .take(60)
        .filter_map(|path| tree.read(path))
        .collect();
    let mut found: Vec<(bool, Subject)> = meant
        .into_iter()
        .filter_map(|path| {
            let text = tree.read(path)?;
            let fits = text.lines().count() <= MOST_LINES && holds_code(path, &text);
            let runner = runner(runners, path)?.clone();
            let stem = path.rsplit('/').next()?.split('.').next()?;
            fits.then(|| (tests.contains(stem), Subject { path: path.clone(), text, runner }))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.path.cmp(&b.1.path)));
    found.truncate(MOST_FILES);
    found.into_iter().map(|(_, subject)| subject).collect()
}

/// The language of a file that tests can be written for.
pub(super) fn language(path: &str) -> Option<Language> {
    match Language::of_path(path)? {
        Language::Python => path.ends_with(".py").then_some(Language::Python),
        Language::JavaScript => [".js", ".mjs", ".cjs"]
            .iter()
            .any(|ending| path.ends_with(ending))
            .then_some(Language::JavaScript),
        _ => None,
    }
}

fn holds_code(path: &str, text: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    if language(path) == Some(Language::JavaScript) {
        let config =
            name.contains(".config.") || name.starts_with('.') || name.ends_with(".min.js");
        return !config
            && ["function", "=>", "class "].iter().any(|word| text.contains(word))
            && ["exports", "export "].iter().any(|word| text.contains(word));
    }
    !matches!(name, "setup.py" | "conftest.py" | "__main__.py")
        && text.lines().any(|line| {
            let line = line.trim_start();
            line.starts_with("def ") || line.starts_with("async def ") || line.starts_with("class ")
        })
}

/// The nearest runner of the file's language above it.
fn runner<'r>(runners: &'r [Runner], path: &str) -> Option<&'r Runner> {
    let kinds: &[RunnerKind] = match language(path)? {
        Language::JavaScript => &[RunnerKind::Node],
        _ => &[RunnerKind::Pytest, RunnerKind::Unittest],
    };
    runners
        .iter()
        .filter(|r| kinds.contains(&r.kind))
        .filter(|r| below(&r.dir, path).is_some())
        .max_by_key(|r| r.dir.len())
}

/// Whether a file holds tests, or what belongs to them.
pub(super) fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let folder = |part: &str| matches!(part, "tests" | "test" | "testing" | "__tests__");
    if path.ends_with("js") {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        return path.split('/').rev().skip(1).any(folder)
            || [".test", "-test", "_test", ".spec"].iter().any(|end| stem.ends_with(end))
            || stem == "test"
            || stem.starts_with("test-");
    }
    path.split('/').rev().skip(1).any(folder)
        || name.starts_with("test_")
        || name.ends_with("_test.py")
        || name == "tests.py"
        || name == "conftest.py"
}

/// The test files of a runner, seen from its directory.
pub(super) fn tests_of(tree: &dyn Tree, runner: &Runner) -> Vec<String> {
    let javascript = runner.kind == RunnerKind::Node;
    tree.paths()
        .iter()
        .filter(|path| language(path).is_some_and(|l| (l == Language::JavaScript) == javascript))
        .filter(|path| !path.split('/').any(|part| part == "node_modules"))
        .filter_map(|path| below(&runner.dir, path))
        .filter(|path| is_test(path) && path.rsplit('/').next() != Some("conftest.py"))
        .map(str::to_owned)
        .collect()
}

/// A name that is free, in the folder where most tests are, else beside the runner's configuration.
pub(super) fn test_path(tree: &dyn Tree, subject: &Subject, given: Option<&str>) -> String {
    if let Some(path) = given {
        return path.to_owned();
    }
    let own = below(&subject.runner.dir, &subject.path).unwrap_or(&subject.path);
    let tests = tests_of(tree, &subject.runner);
    let mut folders: Vec<&str> =
        tests.iter().map(|path| path.rsplit_once('/').map_or("", |(dir, _)| dir)).collect();
    folders.sort_unstable();
    let most = |dir: &&str| folders.iter().filter(|d| *d == dir).count();
    let dir = folders
        .iter()
        .copied()
        .max_by_key(|dir| (most(dir), std::cmp::Reverse(dir.len())))
        .unwrap_or("");
    if language(&subject.path) == Some(Language::JavaScript) {
        let (stem, ending) = own.rsplit_once('.').unwrap_or((own, "js"));
        let stem = stem.replace('/', "-");
        let stem = stem.strip_prefix("src-").or_else(|| stem.strip_prefix("lib-")).unwrap_or(&stem);
        let name = |n: usize| {
            let more = if n > 1 { format!("-{n}") } else { String::new() };
            join(
                &subject.runner.dir,
                &join(dir, &format!("{stem}.characterised{more}.test.{ending}")),
            )
        };
        return (1..).map(name).find(|path| !tree.paths().contains(path)).unwrap_or_default();
    }
    let stem =
        own.strip_suffix(".py").unwrap_or(own).replace("/__init__", "").replace(['/', '-'], "_");
    let stem = stem.strip_prefix("src_").unwrap_or(&stem).trim_matches('_').to_owned();
    let name = |n: usize| {
        let more = if n > 1 { format!("_{n}") } else { String::new() };
        join(&subject.runner.dir, &join(dir, &format!("test_{stem}_characterised{more}.py")))
    };
    (1..).map(name).find(|path| !tree.paths().contains(path)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runners::find;
    use crate::runners::tests_support::Files;

    fn check(files: &[(&str, &str)], words: &str) -> Vec<(String, String)> {
        let tree = Files::new(files);
        let runners = find(&tree, "", None);
        subjects(&tree, "", &[], words, &runners)
            .iter()
            .map(|s| (s.path.clone(), test_path(&tree, s, None)))
            .collect()
    }

    const CODE: &str = "def f():\n    return 1\n";

    #[test]
    fn tests_go_where_tests_are_and_names_are_free() {
        let files = [
            ("pkg/__init__.py", ""),
            ("pkg/a.py", CODE),
            ("pkg/data.py", "X = 1\n"),
            ("tests/test_b.py", "def test_b(): pass\n"),
            ("tests/test_pkg_a_characterised.py", "def test_b(): pass\n"),
        ];
        assert_eq!(
            check(&files, "add tests"),
            [("pkg/a.py".to_owned(), "tests/test_pkg_a_characterised_2.py".to_owned())]
        );
        assert_eq!(check(&[("a.py", CODE)], "")[0].1, "test_a_characterised.py");
    }

    #[test]
    fn javascript_has_its_tests_beside_the_others_and_under_node() {
        let code = "exports.f = () => 1;\n";
        let files = [
            ("package.json", r#"{"scripts":{"test":"node --test"}}"#),
            ("src/a.mjs", "export function f() {}\n"),
            ("src/b.cjs", code),
            ("eslint.config.js", code),
            ("test/b.test.cjs", "require('../src/b.cjs')\n"),
        ];
        assert_eq!(
            check(&files, ""),
            [
                ("src/a.mjs".to_owned(), "test/a.characterised.test.mjs".to_owned()),
                ("src/b.cjs".to_owned(), "test/b.characterised.test.cjs".to_owned()),
            ]
        );
        // what another runner tests is left alone
        let jest = [("package.json", r#"{"scripts":{"test":"jest"}}"#), ("a.js", code)];
        assert_eq!(check(&jest, ""), []);
    }

    #[test]
    fn a_file_that_is_named_is_the_only_one_and_the_untested_come_first() {
        let files = [
            ("a.py", CODE),
            ("b.py", CODE),
            ("test_a.py", "from a import f\ndef test_a(): pass\n"),
        ];
        let paths = |words| check(&files, words).into_iter().map(|(p, _)| p).collect::<Vec<_>>();
        assert_eq!(paths("add_tests: for b.py."), ["b.py"]);
        assert_eq!(paths("more tests"), ["b.py", "a.py"]);
    }
}
