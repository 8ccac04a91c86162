//! Where there are no mount namespaces: a private copy, or a refusal with its reason.

use std::sync::Arc;

use astraea_executors::WorkspaceOptions;
use astraea_executors::testing::{TestRepo, has};
use astraea_sandbox::{Sandbox, SandboxOptions, Tier};
use serde_json::json;

use crate::support::{Run, report};

fn weak() -> Option<Arc<Sandbox>> {
    let sandbox = Sandbox::probe(SandboxOptions::default().with_max_tier(Tier::B));
    (sandbox.tier() == Tier::B).then(|| Arc::new(sandbox))
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_run_in_a_private_copy_and_the_tier_is_said() {
    let (Some(sandbox), true) = (weak(), has("python3")) else { return };
    let repo = TestRepo::new(&[
        ("calc.py", "x = 1\n"),
        (
            "test_calc.py",
            "import unittest\nfrom calc import x\nclass T(unittest.TestCase):\n    def test_a(self):\n        open('calc.py', 'w').write('spoiled')\n        self.assertEqual(x, 1)\n",
        ),
    ]);
    let ws = repo.workspace_in(sandbox, WorkspaceOptions::default());
    let mut run = Run::on(repo, ws);
    for _ in 0..2 {
        let output = run.good("observe", json!({})).await;
        let report = report(&output);
        assert!(report.passed(), "{:#}", output.value);
        assert_eq!(report.tier, "B");
    }
    assert_eq!(run.repo.read("calc.py").as_deref(), Some("x = 1\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_that_point_at_the_users_path_are_refused() {
    let Some(sandbox) = weak() else { return };
    let repo = TestRepo::new(&[
        (".gitignore", "node_modules\n"),
        ("package.json", r#"{"scripts":{"test":"node --test"}}"#),
        ("a.test.js", ""),
    ]);
    repo.write("node_modules/x/index.js", "");
    let ws = repo.workspace_in(sandbox, WorkspaceOptions::default());
    let mut run = Run::on(repo, ws);
    let answer = run.bad("observe", json!({})).await;
    assert!(answer.starts_with("Environment: tier B cannot keep the copy apart"), "{answer}");
}
