//! What to do where the tests need packages that are not here: the command of the manager that the repository uses.

use crate::evidence::{MissingKind, TestReport};

use super::{Runner, Tree, join};

/// Lock files and manifests, the more telling first, with the command that brings what they name to where it is looked for.
const PYTHON: [(&str, &str); 9] = [
    ("uv.lock", "uv sync"),
    ("poetry.lock", "poetry config --local virtualenvs.in-project true && poetry install"),
    ("pdm.lock", "pdm install"),
    ("Pipfile.lock", "PIPENV_VENV_IN_PROJECT=1 pipenv sync --dev"),
    (
        "requirements-dev.txt",
        "python3 -m venv .venv && .venv/bin/pip install -r requirements-dev.txt",
    ),
    ("requirements.txt", "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"),
    ("pyproject.toml", "python3 -m venv .venv && .venv/bin/pip install -e ."),
    ("setup.py", "python3 -m venv .venv && .venv/bin/pip install -e ."),
    ("", "python3 -m venv .venv && .venv/bin/pip install"),
];
const NODE: [(&str, &str); 6] = [
    ("pnpm-lock.yaml", "pnpm install"),
    ("yarn.lock", "yarn install"),
    ("bun.lock", "bun install"),
    ("bun.lockb", "bun install"),
    ("package-lock.json", "npm ci"),
    ("", "npm install"),
];

/// The command that brings the missing packages, and where to run it; `None` where something else is missing.
pub fn remedy(tree: &dyn Tree, runners: &[Runner], report: &TestReport) -> Option<String> {
    let names: Vec<&str> = report
        .environment
        .iter()
        .filter(|one| one.kind == MissingKind::Module)
        .map(|one| one.name.as_str())
        .collect();
    if names.is_empty() {
        return None;
    }
    let runner = runners.iter().find(|r| r.kind.language().is_some())?;
    let (table, more): (&[(&str, &str)], &[&str]) = match runner.kind.language()? {
        "python" => (&PYTHON, &names),
        "javascript" => (&NODE, &[]),
        "rust" => return Some("run `cargo fetch`".to_owned()),
        _ => return Some("run `go mod download`".to_owned()),
    };
    let mut dir = runner.dir.as_str();
    loop {
        let there = |name: &str| tree.paths().contains(&join(dir, name));
        let found = table.iter().find(|(name, _)| !name.is_empty() && there(name));
        if let Some((name, command)) = found {
            // a test runner is seldom among what the package itself needs
            let pytest = more.contains(&"pytest") && command.contains(".venv/bin/pip");
            let with = if pytest { " pytest" } else { "" };
            let place = if dir.is_empty() { String::new() } else { format!(" in {dir}") };
            return Some(format!("{name} is there: run `{command}{with}`{place}"));
        }
        if dir.is_empty() {
            break;
        }
        dir = dir.rsplit_once('/').map_or("", |(up, _)| up);
    }
    let (_, command) = table.last()?;
    let words = if more.is_empty() { String::new() } else { format!(" {}", more.join(" ")) };
    Some(format!("run `{command}{words}`"))
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::Files;
    use super::super::{RunnerKind, find};
    use super::*;

    fn check(files: &[(&str, &str)], missing: &[&str]) -> Option<String> {
        let tree = Files::new(files);
        let mut report = TestReport::default();
        for name in missing {
            report.miss(MissingKind::Module, name, []);
        }
        remedy(&tree, &find(&tree, "", None), &report)
    }

    #[test]
    fn the_lock_file_says_with_what() {
        let test = ("app/test_a.py", "def test_a(): pass\n");
        let run = |files: &[(&str, &str)]| check(files, &["numpy", "pytest"]).unwrap();
        assert_eq!(run(&[test, ("uv.lock", "")]), "uv.lock is there: run `uv sync`");
        assert_eq!(
            run(&[test, ("app/pyproject.toml", ""), ("app/requirements.txt", "")]),
            "requirements.txt is there: run `python3 -m venv .venv && .venv/bin/pip install -r requirements.txt pytest` in app"
        );
        assert_eq!(
            run(&[test]),
            "run `python3 -m venv .venv && .venv/bin/pip install numpy pytest`"
        );
        let node = [("package.json", r#"{"scripts":{"test":"jest"}}"#), ("yarn.lock", "")];
        assert_eq!(check(&node, &["jest"]).unwrap(), "yarn.lock is there: run `yarn install`");
        assert_eq!(check(&[("Cargo.toml", "")], &["serde"]).unwrap(), "run `cargo fetch`");
        assert_eq!(check(&[test], &[]), None);
        assert_eq!(find(&Files::new(&node), "", None)[0].kind, RunnerKind::Jest);
    }
}
