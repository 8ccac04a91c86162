//! push and pull_request: against a local bare remote, a git server over http, and a scripted forge.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests play the user, the remote and its server, who go through no door"
)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use astraea_engine::CancellationToken;
use astraea_executors::WorkspaceOptions;
use astraea_executors::publish::{
    ForgeKind, ForgeOptions, PublishOptions, Publisher, PullRequest, Token,
};
use astraea_executors::testing::{TestRepo, everything, sandbox};
use astraea_redact::Redactor;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::Run;

const BRANCH: &str = "astra/goal-1a2b3c4d-000001";
const SECRET: &str = "tok-5eCr3t-value";

/// A repository whose remote `origin` has its first commit, and a branch with one more.
struct World {
    repo: TestRepo,
    remote: PathBuf,
}

impl World {
    fn new() -> Self {
        let repo = TestRepo::new(&[("a.py", "x = 1\n")]);
        let remote = repo.root().parent().unwrap().join("remote.git");
        repo.git(&["init", "-q", "--bare", "-b", "main", remote.to_str().unwrap()]);
        repo.git(&["remote", "add", "origin", remote.to_str().unwrap()]);
        repo.git(&["push", "-q", "origin", "main"]);
        let world = Self { repo, remote };
        world.branch("x = 2\n");
        world
    }

    /// One commit on top of `main`, on the branch; the checkout goes back to `main`.
    fn branch(&self, text: &str) {
        self.repo.git(&["checkout", "-q", "-B", BRANCH, "main"]);
        self.repo.write("a.py", text);
        self.repo.git(&["commit", "-q", "-am", "two"]);
        self.repo.git(&["checkout", "-q", "main"]);
    }

    fn publisher(&self, options: PublishOptions) -> Publisher {
        Publisher::new(self.repo.open(), sandbox(), Redactor::default(), options)
    }

    async fn push(&self, options: PublishOptions) -> String {
        let tip = self.repo.git(&["rev-parse", BRANCH]).trim().to_owned();
        self.push_as(options, &tip).await
    }

    /// The same where this commit is the one that was delivered.
    async fn push_as(&self, options: PublishOptions, ours: &str) -> String {
        match self.publisher(options).push(BRANCH, &[ours], &CancellationToken::new()).await {
            Ok(pushed) => format!("{} commits, was there: {}", pushed.commits, pushed.was_there),
            Err(error) => error.to_string().replace(self.remote.to_str().unwrap(), "REMOTE"),
        }
    }

    fn at_remote(&self) -> Vec<String> {
        let dir = format!("--git-dir={}", self.remote.display());
        let refs = self.repo.git(&[&dir, "for-each-ref", "--format=%(refname)"]);
        refs.lines().map(str::to_owned).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_is_pushed_once_and_nothing_of_the_repositorys_runs() {
    let world = World::new();
    let planted = world.repo.root().parent().unwrap().join("planted");
    let hook = format!("#!/bin/sh\ntouch {}\n", planted.display());
    for name in ["pre-push", "reference-transaction"] {
        world.repo.write_program(&format!(".git/hooks/{name}"), &hook);
    }
    for name in ["pre-receive", "update", "post-receive", "reference-transaction", "post-update"] {
        let path = world.remote.join("hooks").join(name);
        std::fs::copy(world.repo.root().join(".git/hooks/pre-push"), path).unwrap();
    }
    let touch = format!("touch {}; false", planted.display());
    for (key, value) in [
        ("core.sshCommand", touch.as_str()),
        ("credential.helper", &format!("!{touch}")),
        ("core.gitProxy", &touch),
        ("core.askPass", &touch),
        ("remote.origin.receivepack", &touch),
        ("remote.origin.uploadpack", &touch),
    ] {
        world.repo.git(&["config", key, value]);
    }
    let dir = format!("--git-dir={}", world.remote.display());
    world.repo.git(&[&dir, "config", "core.alternateRefsCommand", &touch]);
    let before = everything(&world.repo.root());
    let _ = std::fs::remove_file(&planted);
    assert_eq!(world.push(PublishOptions::default()).await, "1 commits, was there: false");
    assert_eq!(world.at_remote(), [format!("refs/heads/{BRANCH}"), "refs/heads/main".to_owned()]);
    assert_eq!(world.push(PublishOptions::default()).await, "0 commits, was there: true");
    assert!(!planted.exists(), "a hook or a setting ran");
    assert!(everything(&world.repo.root()) == before, "something of the user's changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_the_users_go_along_only_when_they_say_so() {
    let world = World::new();
    world.repo.write("b.py", "y = 1\n");
    world.repo.git(&["add", "-A"]);
    world.repo.git(&["commit", "-q", "-m", "mine"]);
    world.branch("x = 3\n");
    assert_eq!(
        world.push(PublishOptions::default()).await,
        "the branch has 1 commit of yours that `origin` does not have: push them first, or say that they may go along (--with-my-commits)"
    );
    assert_eq!(world.at_remote(), ["refs/heads/main"]);
    let ours = world.repo.git(&["rev-parse", "main"]).trim().to_owned();
    assert!(world.push_as(PublishOptions::default(), &ours).await.contains("2 commits of yours"));
    let along = PublishOptions::default().with_my_commits(true);
    assert_eq!(world.push(along).await, "2 commits, was there: false");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_not_delivered_is_the_users_also_when_it_is_the_only_one() {
    let world = World::new();
    let delivered = world.repo.git(&["rev-parse", BRANCH]).trim().to_owned();
    // The user puts a commit of theirs in its place.
    world.branch("x = 4\n");
    let said = world.push_as(PublishOptions::default(), &delivered).await;
    assert!(said.contains("1 commit of yours"), "{said}");
    assert_eq!(world.at_remote(), ["refs/heads/main"]);
    let along = PublishOptions::default().with_my_commits(true);
    assert_eq!(world.push_as(along, &delivered).await, "1 commits, was there: false");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_pushed_is_told_and_what_is_there_is_left_alone() {
    let world = World::new();
    assert_eq!(world.push(PublishOptions::default()).await, "1 commits, was there: false");
    let there = world.repo.git(&["rev-parse", BRANCH]);
    world.branch("x = 4\n");
    let said = world.push(PublishOptions::default()).await;
    assert!(said.contains("the branch is there with other commits"), "{said}");
    let dir = format!("--git-dir={}", world.remote.display());
    assert_eq!(world.repo.git(&[&dir, "rev-parse", BRANCH]), there);

    let elsewhere = PublishOptions::default().with_remote("upstream");
    assert_eq!(
        world.push(elsewhere).await,
        "there is no remote `upstream` here (there is origin); name another, or add it with `git remote add`"
    );
    for (url, said) in [
        ("ext::sh -c touch% x", "names a helper program"),
        ("./x.git", "inside the checkout"),
        ("https://me:pa55word-long@127.0.0.1:1/a/b.git", "127.0.0.1:1/a/b.git"),
        ("/nowhere/x.git", "does not"),
    ] {
        world.repo.git(&["config", "remote.origin.url", url]);
        let error = world.push(PublishOptions::default()).await;
        assert!(error.contains(said) && !error.contains("pa55word"), "{url}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shallow_clone_can_push() {
    let world = World::new();
    let clone = world.repo.root().parent().unwrap().join("clone");
    world.repo.write("b.py", "y = 1\n");
    world.repo.git(&["add", "-A"]);
    world.repo.git(&["commit", "-q", "-m", "more"]);
    world.repo.git(&["push", "-q", "origin", "main"]);
    let url = format!("file://{}", world.remote.display());
    world.repo.git(&["clone", "-q", "--depth", "1", &url, clone.to_str().unwrap()]);
    std::fs::rename(world.repo.root(), world.repo.root().with_extension("old")).unwrap();
    std::fs::rename(clone, world.repo.root()).unwrap();
    world.repo.git(&["config", "user.name", "T"]);
    world.repo.git(&["config", "user.email", "t@localhost"]);
    world.branch("x = 9\n");
    assert_eq!(world.push(PublishOptions::default()).await, "1 commits, was there: false");
    assert_eq!(world.at_remote().len(), 2);
}

/// What a scripted server was asked: the line of the request, its headers in small letters, and its body.
type Seen = Arc<Mutex<Vec<(String, String, Value)>>>;

/// A forge that answers by function. It stops with the runtime.
async fn forge(answer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static) -> (String, Seen) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let (told, answer) = (seen.clone(), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (told, answer) = (told.clone(), answer.clone());
            tokio::spawn(async move {
                let (head, body) = request(&mut stream).await;
                let line = head.lines().next().unwrap_or_default().to_owned();
                let (status, value) = answer(&line);
                let body = serde_json::from_slice(&body).unwrap_or_default();
                told.lock().unwrap().push((line, head.to_lowercase(), body));
                let text = value.to_string();
                let reply = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
                    text.len()
                );
                let _ = stream.write_all(reply.as_bytes()).await;
            });
        }
    });
    (address, seen)
}

/// Head and body of one request.
async fn request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
            let length = head
                .lines()
                .find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0_usize);
            while bytes.len() < at + 4 + length {
                let n = stream.read(&mut chunk).await.unwrap_or(0);
                if n == 0 {
                    break;
                }
                bytes.extend_from_slice(&chunk[..n]);
            }
            return (head, bytes.split_off(at + 4));
        }
        match stream.read(&mut chunk).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
            _ => return (String::new(), Vec::new()),
        }
    }
}

fn at(kind: ForgeKind, api: &str) -> PublishOptions {
    let forge = ForgeOptions::new(kind, api)
        .with_project("group/sub.name")
        .with_token(Some(Token::new(SECRET)));
    PublishOptions::default().with_forge(forge)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_on_github_is_opened_once() {
    let world = World::new();
    let open = Arc::new(Mutex::new(false));
    let (api, seen) = forge(move |line| {
        let pull = json!({ "html_url": "https://forge.example/pull/7", "number": 7 });
        if line.starts_with("POST") {
            *open.lock().unwrap() = true;
            return (201, pull);
        }
        match line.contains("/pulls?") {
            true if *open.lock().unwrap() => (200, json!([pull])),
            true => (200, json!([])),
            false => (200, json!({ "default_branch": "trunk" })),
        }
    })
    .await;
    let publisher = world.publisher(at(ForgeKind::GitHub, &api));
    let wanted = PullRequest::new("Mend it").with_body("Why: it was broken").with_draft(true);
    let opened = publisher.pull_request(BRANCH, &wanted).await.unwrap();
    assert_eq!((opened.number, opened.into.as_str(), opened.was_open), (7, "trunk", false));
    assert_eq!(opened.url, "https://forge.example/pull/7");
    let again = publisher.pull_request(BRANCH, &wanted).await.unwrap();
    assert!(again.was_open && again.url == opened.url);
    let seen = seen.lock().unwrap();
    let lines: Vec<&str> = seen.iter().map(|(line, ..)| line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /repos/group/sub.name HTTP/1.1",
            "GET /repos/group/sub.name/pulls?state=open&head=group%3Aastra%2Fgoal-1a2b3c4d-000001&base=trunk HTTP/1.1",
            "POST /repos/group/sub.name/pulls HTTP/1.1",
            "GET /repos/group/sub.name HTTP/1.1",
            "GET /repos/group/sub.name/pulls?state=open&head=group%3Aastra%2Fgoal-1a2b3c4d-000001&base=trunk HTTP/1.1",
        ]
    );
    assert_eq!(
        seen[2].2,
        json!({
            "title": "Mend it", "body": "Why: it was broken", "head": BRANCH, "base": "trunk", "draft": true,
        })
    );
    for (_, head, _) in seen.iter() {
        assert!(head.contains(&format!("authorization: bearer {}", SECRET.to_lowercase())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_request_on_gitlab_is_opened() {
    let world = World::new();
    let (api, seen) = forge(|line| match line.split(' ').next() {
        Some("POST") => (201, json!({ "web_url": "https://lab.example/mr/3", "iid": 3 })),
        _ => (200, json!([])),
    })
    .await;
    let publisher = world.publisher(at(ForgeKind::GitLab, &format!("{api}/api/v4")));
    let wanted = PullRequest::new("Mend it").with_draft(true).with_into(Some("main".to_owned()));
    let opened = publisher.pull_request(BRANCH, &wanted).await.unwrap();
    assert_eq!((opened.number, opened.url.as_str()), (3, "https://lab.example/mr/3"));
    let seen = seen.lock().unwrap();
    let (line, head, body) = &seen[1];
    assert_eq!(line, "POST /api/v4/projects/group%2Fsub.name/merge_requests HTTP/1.1");
    assert!(head.contains(&format!("private-token: {}", SECRET.to_lowercase())));
    assert_eq!(body["title"], "Draft: Mend it");
    assert_eq!(body["target_branch"], "main");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_why_and_holds_no_token() {
    let world = World::new();
    let (api, _) =
        forge(|_| (401, json!({ "message": format!("Bad credentials {SECRET}") }))).await;
    let error = world
        .publisher(at(ForgeKind::GitHub, &api))
        .pull_request(BRANCH, &PullRequest::new("x"))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.ends_with(
        "it answered 401: Bad credentials [secret]; the token is not valid, or has run out"
    ));
    for (options, said) in [
        (PublishOptions::default(), "neither GitHub nor GitLab"),
        (
            PublishOptions::default().with_forge(ForgeOptions::new(ForgeKind::GitLab, api.clone())),
            "tells no project",
        ),
        (
            PublishOptions::default()
                .with_forge(ForgeOptions::new(ForgeKind::GitLab, api.clone()).with_project("a/b")),
            "set GITLAB_TOKEN",
        ),
        (at(ForgeKind::GitHub, "http://forge.example/api"), "must begin with https://"),
    ] {
        let request = PullRequest::new("x");
        let error = world.publisher(options).pull_request(BRANCH, &request).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// git's own server program behind a small http server of ours, which lets nobody in without this user and password.
async fn git_server(root: PathBuf) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let logins = Arc::new(Mutex::new(Vec::new()));
    let seen = logins.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (head, body) = request(&mut stream).await;
            let header = |name: &str| {
                head.lines().find_map(|line| {
                    let (key, value) = line.split_once(": ")?;
                    key.eq_ignore_ascii_case(name).then(|| value.to_owned())
                })
            };
            let Some(login) = header("authorization") else {
                let no = "HTTP/1.1 401 X\r\nwww-authenticate: Basic realm=x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
                let _ = stream.write_all(no.as_bytes()).await;
                continue;
            };
            seen.lock().unwrap().push(login);
            let mut words = head.split(' ');
            let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let mut cgi = Command::new("git");
            cgi.args(["-c", "http.receivepack=true", "http-backend"])
                .env("GIT_PROJECT_ROOT", &root)
                .env("GIT_HTTP_EXPORT_ALL", "1")
                .env("REQUEST_METHOD", method)
                .env("PATH_INFO", path)
                .env("QUERY_STRING", query)
                .env("REMOTE_USER", "x")
                .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
                .env("CONTENT_LENGTH", body.len().to_string())
                .env("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or_default())
                .env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default())
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped());
            let out = tokio::task::spawn_blocking(move || {
                use std::io::Write as _;
                let mut child = cgi.spawn().unwrap();
                child.stdin.take().unwrap().write_all(&body).unwrap();
                child.wait_with_output().unwrap().stdout
            })
            .await
            .unwrap();
            let at = out.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(0);
            let mut reply = b"HTTP/1.1 200 X\r\nconnection: close\r\n".to_vec();
            reply.extend_from_slice(
                format!("content-length: {}\r\n", out.len() - at - 4).as_bytes(),
            );
            reply.extend_from_slice(&out);
            let _ = stream.write_all(&reply).await;
        }
    });
    (address, logins)
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_the_token_goes_to_the_forges_own_host_and_nowhere_else() {
    let world = World::new();
    let (host, logins) = git_server(world.remote.parent().unwrap().to_owned()).await;
    let url = format!("http://{host}/remote.git");
    world.repo.git(&["config", "remote.origin.url", &url]);
    let token = || Some(Token::new(SECRET));
    let forge = ForgeOptions::new(ForgeKind::GitHub, "https://api.example");
    // a token for another host stays here
    let other = forge.clone().with_host("github.com").with_token(token());
    let said = world.push(PublishOptions::default().with_forge(other)).await;
    assert!(said.contains("set GITHUB_TOKEN"), "{said}");
    assert!(logins.lock().unwrap().is_empty(), "a token was sent to the wrong host");
    let own = forge.with_host(&host).with_token(token());
    let said = world.push(PublishOptions::default().with_forge(own)).await;
    assert_eq!(said, "1 commits, was there: false");
    assert_eq!(world.at_remote().len(), 2);
    // `x-access-token:tok-5eCr3t-value`
    let expected = "Basic eC1hY2Nlc3MtdG9rZW46dG9rLTVlQ3IzdC12YWx1ZQ==";
    let logins = logins.lock().unwrap();
    assert!(!logins.is_empty() && logins.iter().all(|login| login == expected), "{logins:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_publishes_only_where_a_person_asked() {
    let world = World::new();
    let remote = world.remote.clone();
    let World { repo, .. } = world;
    let options = PublishOptions::default();
    let publisher = Publisher::new(repo.open(), sandbox(), Redactor::default(), options);
    let mut run = Run::new(&[("a.py", "x = 1\n")]);
    run.good("modify_code", json!({ "path": "a.py", "search": "1", "replace": "2" })).await;
    run.good("commit", json!({ "goal_id": "g" })).await;
    let no = run.bad("push", json!({})).await;
    assert!(no.starts_with("NeedsApproval: push was not asked for in this run"), "{no}");
    let workspace = WorkspaceOptions::default().with_publisher(Some(Arc::new(publisher)));
    let mut run = Run::over(repo, workspace);
    assert!(run.bad("push", json!({})).await.contains("nothing was committed"));
    run.good("modify_code", json!({ "path": "a.py", "search": "1", "replace": "2" })).await;
    let commit = run.good("commit", json!({ "goal_id": "g" })).await;
    let pushed = run.good("push", json!({})).await;
    assert_eq!(pushed.value["published"]["branch"], commit.value["branch"]);
    let no = run.bad("pull_request", json!({})).await;
    assert!(no.starts_with("NeedsApproval: pull_request was not asked for in this run"), "{no}");
    let dir = format!("--git-dir={}", remote.display());
    let branch = commit.value["branch"].as_str().unwrap();
    assert_eq!(run.repo.git(&[&dir, "show", &format!("{branch}:a.py")]), "x = 2\n");
}
