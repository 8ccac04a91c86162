//! The record of an unfinished change and the history as anything at all: opening ends it or says why, and never panics,
//! and no file that the user has changes.
#![no_main]

use std::sync::OnceLock;

use astraea_code_access::{OpenOptions, RepoPath, Repository, fs};
use libfuzzer_sys::fuzz_target;

fn world() -> &'static std::path::Path {
    static DIR: OnceLock<std::path::PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("astraea-fuzz-{}", std::process::id()));
        let file = RepoPath::new("a.txt").expect("a plain name");
        fs::create_repository(&dir.join("project"), &[(file, b"mine\n".to_vec())], "Start").expect("an empty place");
        dir
    })
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (intent, history) = input;
    let dir = world();
    let open = || Repository::open(&dir.join("project"), OpenOptions::new(dir.join("state")));
    let repo = open().expect("a whole state opens");
    let state = repo.state();
    state.write_atomic("history.json", history).expect("a record");
    state.write_atomic("transaction.json", intent).expect("a record");
    if let Ok(again) = open() {
        drop(again.undo());
        drop(again.redo());
    }
    drop(state.remove("transaction.json"));
    drop(state.remove("history.json"));
    assert_eq!(std::fs::read(dir.join("project/a.txt")).expect("it is there"), b"mine\n");
});
