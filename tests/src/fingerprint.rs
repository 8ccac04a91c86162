//! One hash over everything of the user's that a run must not change.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Read as _},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use sha2::{Digest, Sha256};

/// What was there: a line each for every file of the checkout, the index, HEAD, stash and refs not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint(String);

impl Fingerprint {
    /// Reads the checkout at `root`.
    ///
    /// # Errors
    /// When something there cannot be read.
    pub(crate) fn take(root: &Path) -> anyhow::Result<Self> {
        let mut lines = String::new();
        directory(root, root, &mut lines)?;
        let git = root.join(".git");
        if git.is_dir() {
            for file in
                ["index", "HEAD", "config", "ORIG_HEAD", "MERGE_HEAD", "packed-refs", "logs/HEAD"]
            {
                if let Ok(bytes) = fs::read(git.join(file)) {
                    writeln!(lines, ".git/{file} {}", hash(&bytes))?;
                }
            }
            refs(&git, &git.join("refs"), &mut lines)?;
        }
        Ok(Self(lines))
    }

    /// The lines that differ, for a person.
    pub(crate) fn difference(&self, later: &Self) -> String {
        let (before, after): (Vec<_>, Vec<_>) =
            (self.0.lines().collect(), later.0.lines().collect());
        let gone =
            before.iter().filter(|line| !after.contains(line)).map(|line| format!("  - {line}\n"));
        let new =
            after.iter().filter(|line| !before.contains(line)).map(|line| format!("  + {line}\n"));
        gone.chain(new).collect()
    }

    /// The same, without the times of files, which a restored file cannot have.
    pub(crate) fn content(&self) -> Vec<String> {
        let without_time = |line: &str| line.split(" mtime=").next().unwrap_or_default().to_owned();
        let kept = |line: &&str| {
            !line.starts_with(".git/logs")
                && !line.starts_with(".git/index")
                && !line.starts_with(".git/ORIG")
        };
        self.0.lines().filter(kept).map(without_time).collect()
    }
}

fn directory(root: &Path, dir: &Path, lines: &mut String) -> anyhow::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(dir)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = path.strip_prefix(root)?.display();
        let metadata = fs::symlink_metadata(&path)?;
        if path == root.join(".git") {
            continue;
        }
        let mode = metadata.permissions().mode();
        if metadata.is_symlink() {
            writeln!(lines, "{name} -> {}", fs::read_link(&path)?.display())?;
        } else if metadata.is_dir() {
            writeln!(lines, "{name}/ {mode:o}")?;
            directory(root, &path, lines)?;
        } else if metadata.is_file() {
            let content = if metadata.mode() & 0o400 == 0 {
                "unreadable".into()
            } else {
                format!("{} {}", metadata.len(), hash(&beginning(&path)?))
            };
            writeln!(
                lines,
                "{name} {mode:o} {content} mtime={}.{}",
                metadata.mtime(),
                metadata.mtime_nsec()
            )?;
        }
    }
    Ok(())
}

/// Every ref but the branches that Astra makes.
fn refs(git: &Path, dir: &Path, lines: &mut String) -> anyhow::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(dir)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path == git.join("refs/heads/astra") {
            continue;
        }
        if path.is_dir() {
            refs(git, &path, lines)?;
        } else {
            writeln!(
                lines,
                ".git/{} {}",
                path.strip_prefix(git)?.display(),
                fs::read_to_string(&path)?.trim()
            )?;
        }
    }
    Ok(())
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
}

/// As much of a file as is looked at: a scenario may hold ten gigabytes of nothing.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(64 << 20).read_to_end(&mut bytes)?;
    Ok(bytes)
}
