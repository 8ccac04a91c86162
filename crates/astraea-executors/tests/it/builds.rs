//! Builds: kept for the untouched snapshot, never taken for another set of edits.

use astraea_executors::testing::has;
use serde_json::json;

use crate::support::{Run, report};

const FILES: [(&str, &str); 3] = [
    (".gitignore", "/target\n"),
    ("Cargo.toml", "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
    (
        "src/lib.rs",
        "pub fn add(a: i32, b: i32) -> i32 { a - b }\n#[test]\nfn sum() { assert_eq!(add(1, 2), 3); }\n#[test]\nfn zero() { assert_eq!(add(0, 0), 0); }\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_build_of_one_set_of_edits_is_never_taken_for_anothers() {
    if !has("cargo") {
        return;
    }
    let mut run = Run::new(&FILES);
    let output = run.good("observe", json!({})).await;
    assert_eq!(report(&output).counts.failed, 1);
    let fix = json!({ "path": "src/lib.rs", "search": "a - b", "replace": "a + b" });
    let back = json!({ "path": "src/lib.rs", "search": "a + b", "replace": "a - b" });
    run.good("modify_code", fix.clone()).await;
    let output = run.good("run_tests", json!({ "require": "improve" })).await;
    assert!(report(&output).passed());
    // the first contents again, with their old times: a stale build would pass
    run.good("modify_code", back).await;
    assert!(run.bad("run_tests", json!({ "require": "improve" })).await.contains("still failing"));
    run.good("modify_code", fix).await;
    run.good("run_tests", json!({ "require": "improve" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_crate_is_not_built_twice() {
    if !has("cargo") {
        return;
    }
    let mut run = Run::new(&FILES);
    let first = run.good("observe", json!({})).await;
    assert!(first.stdout.contains("Compiling calc"), "{}", first.stdout);
    let second = run.good("observe", json!({})).await;
    assert!(!second.stdout.contains("Compiling calc"), "{}", second.stdout);
    assert!(run.repo.read("target/CACHEDIR.TAG").is_none(), "the user's checkout was built in");
}

/// A docker that writes down what it is asked, where no daemon is needed.
const DOCKER: &str = r#"#!/bin/sh
echo "$@" >> "$0.log"
case "$1 $2" in
  "version --format") [ -e "$0.down" ] && exit 1; echo 28.0 ;;
  "build --quiet")
    tar -tf - > "$0.context"
    while [ $# -gt 0 ]; do [ "$1" = --iidfile ] && printf 'sha256:abc' > "$2"; shift; done
    [ ! -e "$0.bad" ] ;;
  "image inspect") echo 4242 ;;
esac
"#;

#[tokio::test(flavor = "multi_thread")]
async fn docker_builds_on_the_host_where_it_is_allowed_and_sends_no_secret() {
    use astraea_executors::WorkspaceOptions;
    use astraea_executors::testing::TestRepo;
    let repo = TestRepo::new(&[
        ("app/Dockerfile", "FROM scratch\nCOPY . /\n"),
        ("app/main.txt", "one\n"),
        ("tools/docker", DOCKER),
    ]);
    repo.write("app/.env", "KEY=secret\n");
    repo.write_program("../docker", DOCKER);
    let program = repo.root().join("../docker").to_string_lossy().into_owned();
    let build = json!({ "tool": "docker", "directory": "app" });
    let mut run = Run::over(repo, WorkspaceOptions::default());
    let refused = run.bad("build", build.clone()).await;
    assert!(refused.starts_with("NeedsApproval: building with docker is off"), "{refused}");
    let Run { repo, .. } = run;
    let mut run = Run::over(repo, WorkspaceOptions::default().with_docker(Some(program)));
    run.good("modify_code", json!({ "path": "app/main.txt", "search": "one", "replace": "two" }))
        .await;
    let built = run.good("build", build.clone()).await;
    assert_eq!(
        (&built.value["tier"], &built.value["artifacts"][0]["size"]),
        (&json!("host"), &json!(4242))
    );
    let beside = |name: &str| run.repo.read(&format!("../docker{name}")).unwrap_or_default();
    let mut sent: Vec<String> = beside(".context").lines().map(str::to_owned).collect();
    sent.sort();
    assert_eq!(sent, ["./", "./Dockerfile", "./main.txt"]);
    let log = beside(".log");
    assert!(log.contains("build --quiet --network none --file Dockerfile"), "{log}");
    assert!(log.trim_end().ends_with("image rm sha256:abc"), "{log}");
    run.repo.write("../docker.bad", "");
    assert!(run.bad("build", build.clone()).await.contains("`docker build`: exit status 1"));
    run.repo.write("../docker.down", "");
    assert_eq!(
        run.bad("build", build).await,
        "Environment: `docker build` cannot be run here: no docker daemon answers"
    );
}
