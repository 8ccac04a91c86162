//! Proposed edits from any text: no panic, and what is proposed can be placed or is refused; nothing but the named file changes.
#![no_main]

use std::sync::OnceLock;

use astraea_code_access::{Base, EditSet, OpenOptions, RepoPath, Repository, Snapshot, fs, read_proposal};
use libfuzzer_sys::fuzz_target;

fn world() -> &'static (Repository, Snapshot) {
    static WORLD: OnceLock<(Repository, Snapshot)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("astraea-fuzz-proposal-{}", std::process::id()));
        let file = RepoPath::new("a.py").expect("a plain name");
        let text = b"x = 1\ny = 2\n\nx = 1\r\nz".to_vec();
        fs::create_repository(&dir.join("project"), &[(file, text)], "Start").expect("an empty place");
        let repo = Repository::open(&dir.join("project"), OpenOptions::new(dir.join("state"))).expect("it opens");
        let snapshot = repo.snapshot(Base::Worktree).expect("it can be read");
        (repo, snapshot)
    })
}

fuzz_target!(|text: &str| {
    let Ok(edits) = read_proposal(text) else { return };
    let (repo, snapshot) = world();
    for edit in edits.iter().take(4) {
        let none = EditSet::new();
        let mut builder = repo.edit(snapshot, &none);
        let Ok(path) = RepoPath::new(&edit.path) else { continue };
        if builder.propose(&path, &edit.change).is_err() {
            continue;
        }
        let Ok(done) = builder.finish() else { continue };
        assert!((&done).into_iter().all(|edit| edit.path == path), "{edit:?} changes {done:?}");
    }
});
