//! A small git repository of its own for each test, with state and settings beside it.
#![expect(clippy::disallowed_methods, reason = "the tests play the user, who has files and git")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use astraea_goals::{Astra, AstraOptions, Envelope, ExecuteGoal, GoalResult, Watch};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// A repository with one commit.
pub(crate) struct Repo {
    home: TempDir,
}

impl Repo {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let repo = Self { home };
        std::fs::create_dir_all(repo.root()).unwrap();
        repo.git(&["init", "-q", "-b", "main"]);
        repo.git(&["config", "user.name", "A User"]);
        repo.git(&["config", "user.email", "user@example.org"]);
        for (path, text) in files {
            repo.write(path, text);
        }
        repo.git(&["add", "-A"]);
        repo.git(&["commit", "-q", "-m", "start"]);
        repo
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.home.path().join("work")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.root().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap()
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(args)
            .current_dir(self.root())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Everything of the user's that a run must leave alone.
    pub(crate) fn fingerprint(&self) -> String {
        let index = std::fs::read(self.root().join(".git/index")).unwrap();
        let head = self.git(&["rev-parse", "HEAD"]);
        let symbolic = self.git(&["symbolic-ref", "HEAD"]);
        let status = self.git(&["status", "--porcelain=v2", "--ignored"]);
        format!("{head} {symbolic} {} {status}", index.len())
    }

    pub(crate) fn branches(&self) -> Vec<String> {
        let list = self.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/astra"]);
        list.lines().map(str::to_owned).collect()
    }

    pub(crate) fn options(&self) -> AstraOptions {
        let mut env = BTreeMap::new();
        for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            if let Ok(value) = std::env::var(name) {
                env.insert(name.to_owned(), value);
            }
        }
        AstraOptions::new(self.root())
            .with_state_home(self.home.path().join("state"))
            .with_config_home(self.home.path().join("config"))
            .with_env(env)
    }

    pub(crate) fn config(&self, text: &str) {
        let dir = self.home.path().join("config/astra");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("config.toml"), text).unwrap();
    }

    pub(crate) fn beside(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn astra(&self) -> Astra {
        Astra::open(self.options()).unwrap()
    }

    /// Carries a goal out; the checkout must be as it was.
    pub(crate) async fn run(&self, goal: ExecuteGoal) -> (GoalResult, Vec<Envelope>) {
        self.run_with(self.options(), goal).await
    }

    /// The same with options of the caller's.
    pub(crate) async fn run_with(
        &self,
        options: AstraOptions,
        goal: ExecuteGoal,
    ) -> (GoalResult, Vec<Envelope>) {
        let before = self.fingerprint();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let watch = Watch { events: Some(sender), ..Watch::default() };
        let astra = Astra::open(options).unwrap();
        let result = astra.execute_goal(goal, &watch).await.unwrap();
        drop(watch);
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
        assert_eq!(before, self.fingerprint(), "the checkout is as it was");
        (result, events)
    }
}

/// Whether a program is on the path.
pub(crate) fn has(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|dir| Path::new(&dir).join(program).exists())
    })
}

pub(crate) const AREA: &[(&str, &str)] = &[
    ("area.py", "def area(width, height):\n    return width + height\n"),
    (
        "test_area.py",
        "import unittest\n\nfrom area import area\n\n\nclass AreaTest(unittest.TestCase):\n    \
         def test_area(self):\n        self.assertEqual(area(3, 4), 12)\n        \
         self.assertEqual(area(2, 5), 10)\n",
    ),
];

/// A goal that is achieved without a search: the caller gives the edit.
pub(crate) fn mend() -> ExecuteGoal {
    ExecuteGoal::new("fix_bug: area").with_context(serde_json::json!({
        "file_path": "area.py", "search": "width + height", "replace": "width * height"
    }))
}
