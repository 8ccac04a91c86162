//! Tests of opening a repository, or refusing it with a reason.

use astraea_code_access::{Error, OpenOptions, Repository, StateDir, fs};

use crate::world::{World, git, path, try_git};

fn refused(dir: &std::path::Path, state: &std::path::Path) -> Error {
    let error = Repository::open(dir, OpenOptions::new(state)).unwrap_err();
    assert!(error.to_string().contains("; "), "it says what to do: {error}");
    error
}

#[test]
fn what_is_no_usable_repository_has_its_own_error() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let state = root.join("state");
    assert!(matches!(refused(&root.join("nothing"), &state), Error::NotADirectory { .. }));
    std::fs::write(root.join("file"), "").unwrap();
    assert!(matches!(refused(&root.join("file"), &state), Error::NotADirectory { .. }));
    assert!(matches!(refused(&root, &state), Error::NoGit { .. }));
    git(&root, &["init", "-q", "--bare", "bare"]);
    assert!(matches!(refused(&root.join("bare"), &state), Error::Bare { .. }));
    git(&root, &["init", "-q", "--object-format=sha256", "sha"]);
    assert!(matches!(refused(&root.join("sha"), &state), Error::Sha256 { .. }));
    if try_git(&root, &["init", "-q", "--ref-format=reftable", "tab"]).0 {
        assert!(matches!(refused(&root.join("tab"), &state), Error::Reftable { .. }));
    }
    git(&root, &["init", "-q", "inner"]);
    assert!(matches!(refused(&root.join("inner/.git"), &state), Error::Unsupported { .. }));
    git(&root.join("inner"), &["config", "extensions.somethingNew", "true"]);
    git(&root, &["init", "-q", "new"]);
    let config = root.join("new/.git/config");
    std::fs::write(
        &config,
        "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tfuture = true\n",
    )
    .unwrap();
    assert!(matches!(refused(&root.join("new"), &state), Error::Unsupported { .. }));
    std::fs::write(&config, "[broken").unwrap();
    assert!(matches!(refused(&root.join("new"), &state), Error::Unsupported { .. }));
    assert!(!state.join("astra").exists(), "nothing is made for a repository that is refused");
}

#[test]
fn case_43_a_git_file_that_points_elsewhere() {
    let world = World::with(&[("a", "a\n")]);
    let linked = world.dir.path().canonicalize().unwrap().join("linked");
    world.git(&["worktree", "add", "-q", linked.to_str().unwrap()]);
    let stranger = linked.parent().unwrap().join("stranger");
    std::fs::create_dir(&stranger).unwrap();
    std::fs::copy(linked.join(".git"), stranger.join(".git")).unwrap();
    let state = world.state_home();
    assert!(matches!(refused(&stranger, &state), Error::Redirected { .. }));
    std::fs::write(stranger.join(".git"), "gitdir: /nowhere\n").unwrap();
    assert!(matches!(refused(&stranger, &state), Error::Unsupported { .. }));
    std::fs::write(stranger.join(".git"), "nonsense").unwrap();
    assert!(matches!(refused(&stranger, &state), Error::Unsupported { .. }));
    // Redirected while it is open: the remembered directory stays in use.
    let repo = Repository::open(&linked, OpenOptions::new(&state)).unwrap();
    let head = repo.head().unwrap();
    std::fs::write(linked.join(".git"), format!("gitdir: {}\n", stranger.display())).unwrap();
    assert_eq!(repo.head().unwrap(), head);
}

#[test]
fn submodules_and_separate_git_directories_open() {
    let world = World::with(&[("a", "a\n")]);
    let other = World::with(&[("lib.c", "x\n")]);
    world.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        other.root.to_str().unwrap(),
        "sub",
    ]);
    let repo = Repository::open(&world.root.join("sub"), world.options()).unwrap();
    assert_eq!(repo.name(), "sub");
    let apart = world.dir.path().join("apart");
    git(world.dir.path(), &["init", "-q", "--separate-git-dir", apart.to_str().unwrap(), "here"]);
    Repository::open(&world.dir.path().join("here"), world.options()).unwrap();
}

#[test]
fn case_50_a_repository_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can give a file away; the root run of the suite has this case.
    }
    let world = World::with(&[("a", "a\n")]);
    let chown = std::process::Command::new("chown")
        .args(["-R", "12345"])
        .arg(&world.root)
        .status()
        .unwrap();
    assert!(chown.success());
    let error = refused(&world.root, &world.state_home());
    assert!(matches!(error, Error::ForeignOwned { .. }));
    assert!(error.to_string().contains("safe.directory"));
}

/// Run in a process of its own by the test below: libgit2 looks for the user's configuration once.
#[test]
fn child() {
    let Some(root) = std::env::var_os("ASTRA_OPEN_ROOT") else { return };
    let root = std::path::PathBuf::from(root);
    Repository::open(&root, OpenOptions::new(root.parent().unwrap().join("state"))).unwrap();
}

#[test]
fn case_50_safe_directory_is_respected() {
    if !rustix::process::geteuid().is_root() {
        return; // As above.
    }
    let world = World::with(&[("a", "a\n")]);
    let chown = std::process::Command::new("chown").args(["-R", "12345"]).arg(&world.root).status();
    assert!(chown.unwrap().success());
    for (value, opens) in [(world.root.to_str().unwrap(), true), ("/elsewhere", false)] {
        let config = format!("[safe]\n\tdirectory = {value}\n");
        std::fs::write(world.dir.path().join(".gitconfig"), config).unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["open::child", "--exact", "--quiet"]).env("HOME", world.dir.path());
        let out = child.env("ASTRA_OPEN_ROOT", &world.root).output().unwrap();
        assert_eq!(out.status.success(), opens, "{}", String::from_utf8_lossy(&out.stdout));
    }
}

#[test]
fn partial_clones_are_refused() {
    let world = World::with(&[("a", "a\n")]);
    world.git(&["config", "core.repositoryFormatVersion", "1"]);
    world.git(&["config", "extensions.partialClone", "origin"]);
    assert!(matches!(refused(&world.root, &world.state_home()), Error::Unsupported { .. }));
}

#[test]
fn a_state_directory_of_a_newer_version_is_refused() {
    let world = World::with(&[("a", "a\n")]);
    let repo = world.open();
    assert_eq!(repo.state().db_path(), repo.state().path().join("state.db"));
    repo.state().write_atomic("version", b"2\n").unwrap();
    match Repository::open(&world.root, world.options()) {
        Err(Error::StateVersion { found, supported: 1, .. }) => assert_eq!(found, "2"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn state_inside_the_checkout_is_refused() {
    let world = World::with(&[("a", "a\n")]);
    let options = OpenOptions::new(world.root.join("state"));
    assert!(matches!(Repository::open(&world.root, options), Err(Error::Config { .. })));
    assert!(!world.root.join("state").exists());
}

#[test]
fn records_and_locks_of_the_state_directory() {
    let dir = tempfile::tempdir().unwrap();
    let state =
        StateDir::open(&dir.path().join("home"), std::path::Path::new("/x/project")).unwrap();
    assert!(state.path().file_name().unwrap().to_str().unwrap().starts_with("project-"));
    assert_eq!(state.read("keys/head").unwrap(), None);
    state.write_atomic("keys/head", b"1").unwrap();
    state.write_atomic("keys/head", b"2").unwrap();
    assert_eq!(state.read("keys/head").unwrap().unwrap(), b"2");
    assert_eq!(state.list("keys").unwrap(), ["head"]);
    assert_eq!(state.list("none").unwrap(), Vec::<String>::new());
    assert!(state.remove("keys/head").unwrap());
    assert!(!state.remove("keys/head").unwrap());
    for name in ["../x", "/etc/passwd", "", "a\0b"] {
        assert!(matches!(state.read(name), Err(Error::Config { .. })), "{name:?}");
        assert!(state.write_atomic(name, b"").is_err());
        assert!(state.lock(name).is_err());
    }
    let lock = state.lock("run").unwrap().unwrap();
    assert!(state.lock("run").unwrap().is_none());
    assert!(state.is_locked("run").unwrap());
    assert!(!state.is_locked("other").unwrap());
    drop(lock);
    assert!(!state.is_locked("run").unwrap());
}

#[test]
fn files_of_the_user() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("astra.toml");
    std::fs::write(&file, "x = 1\n").unwrap();
    assert_eq!(fs::read_user_file(&file, 100).unwrap(), b"x = 1\n");
    assert!(fs::read_user_file(&file, 2).is_err());
    assert!(fs::read_user_file(dir.path(), 100).is_err());
    assert!(fs::read_user_file(std::path::Path::new("/dev/zero"), 100).is_err());
    assert!(fs::read_user_file(&dir.path().join("none"), 100).is_err());
}

#[test]
fn a_repository_is_made_for_the_demonstration() {
    let dir = tempfile::tempdir().unwrap();
    let demo = dir.path().join("demo");
    fs::create_repository(
        &demo,
        &[(path("src/lib.rs"), b"//\n".to_vec()), (path("Cargo.toml"), b"[package]\n".to_vec())],
        "Demo",
    )
    .unwrap();
    assert_eq!(git(&demo, &["status", "--porcelain"]), "");
    assert_eq!(git(&demo, &["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(git(&demo, &["log", "--format=%an %s"]), "Astra Demo");
    git(&demo, &["fsck", "--strict"]);
    assert!(fs::create_repository(&demo, &[], "again").is_err());
    let before = fs::hash_tree(&demo).unwrap();
    assert_eq!(fs::hash_tree(&demo).unwrap(), before);
    std::fs::write(demo.join("x"), "").unwrap();
    assert_ne!(fs::hash_tree(&demo).unwrap(), before);
    let evil =
        fs::create_repository(&dir.path().join("e"), &[(path(".git/config"), Vec::new())], "x");
    assert!(matches!(evil, Err(Error::Config { .. })));
}

#[test]
fn paths_of_the_user_become_paths_of_the_repository() {
    let world = World::with(&[("src/a", "a\n")]);
    let repo = world.open();
    assert_eq!(repo.relative(&world.root.join("src/a")).unwrap(), Some(path("src/a")));
    assert_eq!(repo.relative(std::path::Path::new("src/new")).unwrap(), Some(path("src/new")));
    assert_eq!(repo.relative(&world.root).unwrap(), None);
    assert!(repo.relative(std::path::Path::new("/etc")).is_err());
    assert!(repo.relative(std::path::Path::new("../x")).is_err());
}
