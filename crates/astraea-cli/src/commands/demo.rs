//! `astra demo`: a small Rust repository with a bug, mended before your eyes. Needs only the Rust toolchain.

use std::path::{Path, PathBuf};

use astraea_code_access::{
    RepoPath,
    fs::{create_repository, hash_tree},
};
use astraea_goals::{Astra, AstraOptions, ExecuteGoal};

use crate::{
    args::Global,
    commands::run::{print_result, watched},
    failure::Failure,
    output,
};

const GOAL: &str = "fix_bug: equal scores should share a place";
const FILES: [(&str, &str); 4] = [
    (".gitignore", "/target\n"),
    ("Cargo.toml", "[package]\nname = \"ladder\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
    ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"ladder\"\nversion = \"0.1.0\"\n"),
    ("src/lib.rs", include_str!("../../demo/lib.rs")),
];

/// Makes the repository, carries the goal out, and shows that the checkout is as it was.
///
/// # Errors
/// When the directory cannot be used or the goal cannot be taken up.
pub(crate) async fn run(global: &Global, dir: Option<PathBuf>) -> Result<u8, Failure> {
    let dir = match dir {
        Some(dir) => dir,
        None => tempfile::Builder::new()
            .prefix("astra-demo-")
            .tempdir()
            .map_err(|error| {
                Failure::new(
                    1,
                    format!("cannot make a temporary directory: {error}; name one: astra demo DIR"),
                )
            })?
            .keep(),
    };
    let mut files = Vec::new();
    for (path, text) in FILES {
        let path = RepoPath::new(path).map_err(|error| Failure::new(1, error.to_string()))?;
        files.push((path, text.as_bytes().to_vec()));
    }
    create_repository(&dir, &files, "A ladder of scores")
        .map_err(|error| Failure::new(2, error.to_string()))?;
    let before = hash(&dir)?;
    if !global.json {
        output::text(&format!(
            "A Rust repository with a bug: {}\n\n$ cd {}\n$ astra run \"{GOAL}\"\n",
            dir.display(),
            dir.display()
        ))?;
    }
    let astra = Astra::open(AstraOptions::new(&dir))?;
    let result =
        watched(
            global,
            |watch| async move { astra.execute_goal(ExecuteGoal::new(GOAL), &watch).await },
        )
        .await?;
    let same = before == hash(&dir)?;
    print_result(global, &result, None)?;
    if !global.json {
        let word =
            if same { "as it was, byte for byte" } else { "CHANGED, which is a bug of Astra" };
        output::text(&format!("\nThe checkout (files, index, HEAD, stash) is {word}.\n"))?;
    }
    Ok(if same { result.exit_code } else { 1 })
}

/// A digest over everything that must not change.
fn hash(dir: &Path) -> Result<String, Failure> {
    hash_tree(dir).map_err(|error| Failure::new(1, error.to_string()))
}
