//! What a model proposes, task by task: what becomes an edit, what is put aside, what is refused.

use std::sync::Arc;
use std::time::Duration;

use astraea_engine::{CancellationToken, ErrorClass, Outcome};
use astraea_executors::testing::TestRepo;
use astraea_executors::{Model, WorkspaceOptions};
use astraea_llm::{
    ChatRequest, Client, ClientOptions, LlmError, Provider, Reply, RetryOptions, Scripted, Sink,
};
use astraea_redact::Redactor;
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::support::Run;

fn client(provider: Arc<dyn Provider>) -> Client {
    let options = ClientOptions::new(Redactor::default()).with_retry(RetryOptions::none());
    Client::new(provider, options)
}

fn over(files: &[(&str, &str)], model: Model) -> Run {
    Run::over(TestRepo::new(files), WorkspaceOptions::default().with_model(Some(model)))
}

fn scripted(files: &[(&str, &str)], answers: &[&str]) -> (Run, Arc<Scripted>) {
    let model = Arc::new(Scripted::new(answers.iter().map(|text| Ok(Scripted::text(*text)))));
    (over(files, Model::new(client(model.clone())).with_cross_check(false)), model)
}

/// What was asked, the turns of each request in one.
fn asked(model: &Scripted) -> Vec<String> {
    let whole = |request: &ChatRequest| request.messages.iter().map(|m| m.text()).collect();
    model.requests().iter().map(whole).collect()
}

fn file(path: &str) -> Value {
    json!({ "goal": "implement_feature", "goal_text": "it", "file": { "path": path, "what": "all of it" } })
}

fn whole(path: &str, text: &str) -> String {
    format!("{path}\n<<<<<<< WHOLE\n{text}>>>>>>> END\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_is_written_and_no_other() {
    let other = whole("b.py", "x = 1\n");
    let broken = whole("a.py", "def f(:\n");
    let right = whole("a.py", "def f():\n    return 1\n");
    let (mut run, model) = scripted(&[("c.py", "import a\n")], &[&other, &broken, &right]);
    let output = run.good("write_file", file("a.py")).await;
    assert_eq!(output.artifacts, ["a.py"]);
    assert_eq!(output.value["model"]["calls"], 3);
    let asked = asked(&model);
    assert!(asked[1].contains("b.py: only a.py is to be written here"), "{}", asked[1]);
    assert!(asked[2].contains("syntax error"), "{}", asked[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_among_the_code_may_not_be_changed() {
    let lib = "pub fn one() -> u8 {\n    2\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn it_is_one() {\n        assert_eq!(super::one(), 1);\n    }\n}\n";
    let weak = "src/lib.rs\n<<<<<<< SEARCH\n        assert_eq!(super::one(), 1);\n=======\n        assert_eq!(super::one(), 2);\n>>>>>>> REPLACE\n";
    let right = "src/lib.rs\n<<<<<<< SEARCH\n    2\n=======\n    1\n>>>>>>> REPLACE\n";
    let (mut run, model) = scripted(&[("src/lib.rs", lib)], &[weak, right]);
    run.good("write_file", file("src/lib.rs")).await;
    assert!(asked(&model)[1].contains("the test `tests` was there before"));
}

const ONE: &[(&str, &str)] = &[
    ("one.py", "def one():\n    return 2\n"),
    (
        "test_one.py",
        "import unittest\n\nfrom one import one\n\n\nclass One(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(one(), 1)\n",
    ),
];

/// Files that would decide about the outcome: each alone makes the failing test pass, or go away.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_judges_the_code_counts_as_its_mending() {
    let cheats = [
        whole("unittest/__init__.py", "class TestCase:\n    pass\n"),
        whole(
            "sitecustomize.py",
            "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n",
        ),
        "--- a/test_one.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-import unittest\n".to_owned(),
        whole(
            "one.py",
            "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n\n\ndef one():\n    return 2\n",
        ),
    ];
    for cheat in &cheats {
        let (mut run, _) = scripted(ONE, &[cheat, "I give up.", "I give up."]);
        run.good("observe", json!({})).await;
        let args = json!({ "goal": "fix_bug", "require": "improve", "tests": ["test_one.py"] });
        let answer = run.bad("write_code", args).await;
        assert!(answer.starts_with("NoPatch"), "{cheat}\n{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_not_asked_again_for_the_same_task() {
    let right = "one.py\n<<<<<<< SEARCH\n    return 2\n=======\n    return 1\n>>>>>>> REPLACE\n";
    let (mut run, model) = scripted(ONE, &["No edit yet.", right]);
    run.good("observe", json!({})).await;
    let args = json!({ "goal": "fix_bug", "require": "improve", "tests": ["test_one.py"] });
    let first = run.good("write_code", args.clone()).await;
    // a crash before it was written down: the same task comes again
    let mut again = Run::over(
        run.repo,
        WorkspaceOptions::default()
            .with_model(Some(Model::new(client(model.clone())).with_cross_check(false))),
    );
    again.good("observe", json!({})).await;
    let second = again.good("write_code", args).await;
    assert_eq!(first.value["edits"], second.value["edits"]);
    assert_eq!(second.value["model"]["calls"], 2);
    assert_eq!(model.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_keeps_to_its_bound() {
    let long: String =
        (0..4000).map(|n| format!("def f{n}(a, b):\n    return a + {n} * b\n")).collect();
    let many: Vec<(String, String)> =
        (0..60).map(|n| (format!("src/m{n}.py"), long[..20_000].to_owned())).collect();
    let mut files: Vec<(&str, &str)> = many.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    files.push(("AGENTS.md", &long));
    let model = Arc::new(Scripted::new([Ok(Scripted::text(whole("a.py", "x = 1\n")))]));
    let mut run = over(&files, Model::new(client(model.clone())).with_context_tokens(3_000));
    run.good("write_file", file("a.py")).await;
    let question = model.requests()[0].messages[1].text().len();
    assert!((4_000..12_500).contains(&question), "{question}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_design_becomes_tasks_and_a_useless_one_is_sent_back_once() {
    let design = |path: &str| json!({ "files": [{ "path": path, "what": "f()" }] }).to_string();
    let then = json!([[{ "id": "fix_issues", "action": "fix_issues", "args": {} }, ["design_implementation-0"]]]);
    let args = json!({ "goal": "implement_feature", "goal_text": "f", "then": then });
    let (mut run, model) =
        scripted(&[("test_a.py", "")], &[&design(".github/workflows/x.yml"), &design("a.py")]);
    let output = run.good("design_implementation", args.clone()).await;
    let grown: Vec<&str> = output.grow.iter().map(|(task, _)| task.action.as_str()).collect();
    assert_eq!(grown, ["write_file", "fix_issues"]);
    assert!(asked(&model)[1].contains("access_denied:forbidden_path"));

    let (mut run, _) = scripted(&[("test_a.py", "")], &[&design("test_a.py"), "no"]);
    let answer = run.bad("design_implementation", args.clone()).await;
    assert!(answer.starts_with("NoPatch: the model's design is of no use"), "{answer}");
    // a model that goes ahead and writes is taken at its word
    let (mut run, _) = scripted(&[("test_a.py", "")], &[&whole("a.py", "x = 1\n")]);
    let output = run.good("design_implementation", args).await;
    assert_eq!((output.artifacts.len(), output.grow.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_the_task_says_what_to_do() {
    let mut run = Run::new(ONE);
    let answer = run.bad("write_file", file("a.py")).await;
    assert!(
        answer.starts_with("Provider: no model is configured: set ASTRA_MODEL_URL"),
        "{answer}"
    );
    let errors = [
        (
            LlmError::Network { url: "h".into(), message: "refused".into() },
            "Provider: the connection",
        ),
        (
            LlmError::Unauthorized { status: 401, message: "no".into() },
            "Provider: the model provider refused the key",
        ),
        (
            LlmError::Budget { what: "calls", spent: "1".into(), limit: "1".into() },
            "Budget: the budget for calls",
        ),
        (
            LlmError::Overloaded {
                status: 429,
                message: "busy".into(),
                retry_after: Some(Duration::from_secs(3600)),
            },
            "Provider: the model provider is overloaded (429): busy; it asks to wait 3600 s",
        ),
    ];
    for (error, want) in errors {
        let mut run = over(ONE, Model::new(client(Arc::new(Scripted::new([Err(error)])))));
        let answer = run.bad("write_file", file("a.py")).await;
        assert!(answer.starts_with(want) && answer.contains("astra resume"), "{answer}");
    }
}

/// Never answers.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Provider for Silent {
    fn model(&self) -> &str {
        "silent"
    }

    async fn chat(
        &self,
        _request: &ChatRequest,
        _sink: Sink<'_>,
        cancel: &CancellationToken,
    ) -> Result<Reply, LlmError> {
        cancel.cancelled().await;
        Err(LlmError::Cancelled)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_provider_does_not_keep_a_cancelled_task() {
    let mut run = over(ONE, Model::new(client(Arc::new(Silent))));
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let (outcome, ()) =
        tokio::join!(run.act_within("write_file", file("a.py"), 60_000, cancel), async move {
            stop.cancel()
        });
    let Outcome::Failed(failure) = outcome else { panic!("it was called off") };
    assert_eq!(failure.class, ErrorClass::Cancelled);
}
