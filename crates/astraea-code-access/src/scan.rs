//! Our own walker over the user's checkout: what lies there, against the index.
//!
//! Where the index's times, size and inode say that a file is unchanged, its id is taken from there and the file is not
//! opened. Everything else is read through our door and hashed as it lies on the disk, line endings included.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use git2::{Index, IndexEntry};

use crate::dir::{Dir, FileKind, ReadError, Stat};
use crate::door::explain;
use crate::eol::{self, Conversion};
use crate::error::Error;
use crate::fs::read_user_file;
use crate::ids::{BlobId, FileMode, TreeId};
use crate::ignores::Rules;
use crate::path::RepoPath;
use crate::policy::{Access, is_dot_git};
use crate::repository::Repository;
use crate::snapshot::LeftOut;
use crate::store::Store;
use crate::trees::{self, Leaf};

const STAGE: u16 = 0x3000;
const INTENT_TO_ADD: u16 = 0x2000;
const SKIP_WORKTREE: u16 = 0x4000;

/// Directories that builds and tests need and nobody commits.
const DEPENDENCIES: &[&str] = &[
    "node_modules",
    ".venv",
    "venv",
    ".virtualenv",
    "__pypackages__",
    "target",
    "vendor",
    ".tox",
    ".nox",
    "bower_components",
    ".yarn",
    ".pnpm-store",
    ".bundle",
    "deps",
    "_build",
    ".gradle",
    ".eggs",
];

/// A file of the checkout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) leaf: Leaf,
    pub(crate) mtime: (i64, u32),
}

/// The checkout as it lies there.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) tree: TreeId,
    pub(crate) files: BTreeMap<RepoPath, Seen>,
    /// Files that differ from the index by their line endings only, with the id the index has.
    pub(crate) converted: BTreeMap<RepoPath, BlobId>,
    pub(crate) submodules: Vec<RepoPath>,
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) dependency_dirs: Vec<RepoPath>,
    pub(crate) dependency_files: Vec<RepoPath>,
}

/// The index, taken apart.
struct Tracked {
    entries: HashMap<Vec<u8>, Rc<IndexEntry>>,
    conflicts: HashSet<Vec<u8>>,
    dirs: HashSet<Vec<u8>>,
    written: Option<(i64, u32)>,
    tree: TreeId,
}

pub(crate) fn read_index(repo: &Repository) -> Result<Index, Error> {
    Index::open(&repo.git_dir().join("index")).map_err(|e| Error::Unsupported {
        path: repo.root().to_owned(),
        reason: format!(
            "its index cannot be read ({}); a split or sparse index is converted by `git update-index --no-split-index` or `git sparse-checkout reapply --no-sparse-index`",
            e.message()
        ),
    })
}

fn tracked(repo: &Repository) -> Result<Tracked, Error> {
    let written = Dir::open_path(repo.git_dir())
        .and_then(|dir| dir.look(b"index"))
        .map_err(|e| Error::io("look at the index", e))?
        .map(|stat| stat.mtime);
    let mut index = read_index(repo)?;
    let mut found = Tracked {
        entries: HashMap::with_capacity(index.len()),
        conflicts: HashSet::new(),
        dirs: HashSet::new(),
        written,
        tree: git2::Oid::ZERO_SHA1.into(),
    };
    let mut drop_later = Vec::new();
    for entry in index.iter() {
        let mut path = entry.path.as_slice();
        if entry.flags & STAGE != 0 {
            drop_later.push((path.to_vec(), i32::from((entry.flags & STAGE) >> 12)));
            found.conflicts.insert(path.to_vec());
        } else if entry.flags_extended & INTENT_TO_ADD != 0 {
            drop_later.push((path.to_vec(), 0));
            found.conflicts.insert(path.to_vec());
        }
        while let Some(slash) = path.iter().rposition(|b| *b == b'/') {
            path = &path[..slash];
            if !found.dirs.insert(path.to_vec()) {
                break;
            }
        }
        if entry.flags & STAGE == 0 && entry.flags_extended & INTENT_TO_ADD == 0 {
            found.entries.insert(entry.path.clone(), Rc::new(entry));
        }
    }
    for (path, stage) in &drop_later {
        index
            .remove(crate::dir::path_of(path), *stage)
            .map_err(|e| Error::git("read the index", &e))?;
    }
    let git = repo.store.git();
    let tree =
        index.write_tree_to(&git.0).map_err(|e| Error::git("write the index as a tree", &e))?;
    found.tree = tree.into();
    Ok(found)
}

/// The walk under way.
struct Walk<'a> {
    repo: &'a Repository,
    tracked: Tracked,
    files: BTreeMap<RepoPath, Seen>,
    converted: BTreeMap<RepoPath, BlobId>,
    left_out: Vec<LeftOut>,
    dependency_dirs: Vec<RepoPath>,
    dependency_files: Vec<RepoPath>,
    converts: bool,
    file_mode: bool,
    case: bool,
}

impl Repository {
    /// The rules of what is ignored that hold for the whole repository, and whether case is ignored.
    pub(crate) fn ignore_base(&self) -> Result<(Rc<Rules>, bool), Error> {
        let user = self.user();
        let config = user.0.config().and_then(|mut c| c.snapshot());
        let config = config.map_err(|e| Error::git("read the configuration", &e))?;
        let home = |name: &str, rest: &str| {
            std::env::var_os(name).map(|dir| PathBuf::from(dir).join(rest))
        };
        let global = config
            .get_path("core.excludesfile")
            .ok()
            .or_else(|| home("XDG_CONFIG_HOME", "git/ignore"))
            .or_else(|| home("HOME", ".config/git/ignore"));
        let read = |path: &Path| read_user_file(path, 1 << 20).ok();
        let case = config.get_bool("core.ignorecase").unwrap_or(false);
        let exclude = read(&self.common_dir().join("info/exclude"));
        Ok((Rules::base(global.as_deref().and_then(read), exclude, case), case))
    }

    /// Looks at the checkout now.
    pub(crate) fn scan_worktree(&self) -> Result<Scan, Error> {
        let (converts, file_mode) = {
            let user = self.user();
            // Attributes are looked up in the index that libgit2 holds; let it see the file of now.
            let _ = user.0.index().and_then(|mut index| index.read(false));
            let config = user.0.config().and_then(|mut c| c.snapshot());
            let config = config.map_err(|e| Error::git("read the configuration", &e))?;
            let converts = config.get_string("core.autocrlf").is_ok_and(|v| v != "false")
                || config.get_path("core.attributesfile").is_ok()
                || read_user_file(&self.common_dir().join("info/attributes"), 1 << 20).is_ok();
            (converts, config.get_bool("core.filemode").unwrap_or(true))
        };
        let (base, case) = self.ignore_base()?;
        let tracked = tracked(self)?;
        let attributes = |path: &Vec<u8>| path.ends_with(b".gitattributes");
        let converts = converts || tracked.entries.keys().any(attributes);
        let mut walk = Walk {
            repo: self,
            tracked,
            files: BTreeMap::new(),
            converted: BTreeMap::new(),
            left_out: Vec::new(),
            dependency_dirs: Vec::new(),
            dependency_files: Vec::new(),
            converts,
            file_mode,
            case,
        };
        walk.run(&base)?;
        walk.finish()
    }
}

impl Walk<'_> {
    fn run(&mut self, base: &Rc<Rules>) -> Result<(), Error> {
        let io = |e| Error::io("read the checkout", e);
        let root = self.repo.door().root().again().map_err(io)?;
        let rules = Rules::enter(base, &root, None, self.case);
        let mut todo = vec![(None::<RepoPath>, root, rules, false)];
        while let Some((path, dir, rules, ignored)) = todo.pop() {
            let entries = match dir.entries() {
                Ok(entries) => entries,
                Err(error) => {
                    if let Some(path) = path {
                        self.leave_out(path, explain(&error));
                        continue;
                    }
                    return Err(io(error));
                }
            };
            for (name, kind) in entries {
                let child = match &path {
                    None => RepoPath::new(&name),
                    Some(dir) => dir.join(&name),
                };
                let Ok(child) = child else { continue };
                if is_dot_git(&name) {
                    if path.is_some() {
                        self.leave_out(child, "it is a nested git directory".into());
                    }
                    continue;
                }
                if kind == FileKind::Dir {
                    if let Some((next, ignored)) = self.enter(&dir, &name, &child, &rules, ignored)
                    {
                        let rules = Rules::enter(&rules, &next, Some(&child), self.case);
                        todo.push((Some(child), next, rules, ignored));
                    }
                } else {
                    self.file(&dir, &name, child, kind, &rules, ignored)?;
                }
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, path: RepoPath, reason: String) {
        self.left_out.push(LeftOut { path, reason });
    }

    /// The directory, if it is to be entered, and whether it is ignored.
    fn enter(
        &mut self,
        dir: &Dir,
        name: &[u8],
        path: &RepoPath,
        rules: &Rules,
        ignored: bool,
    ) -> Option<(Dir, bool)> {
        if let Some(entry) = self.tracked.entries.get(path.as_bytes())
            && FileMode::from_bits(entry.mode) == Some(FileMode::Submodule)
        {
            if dir.child(name).and_then(|sub| sub.entries()).is_ok_and(|names| names.len() > 1) {
                self.dependency_dirs.push(path.clone());
            }
            return None;
        }
        let ignored = ignored || rules.ignores(path, true);
        let has_tracked = self.tracked.dirs.contains(path.as_bytes());
        let text = String::from_utf8_lossy(name);
        let known = DEPENDENCIES.contains(&&*text) || text.ends_with(".egg-info");
        if ignored && !has_tracked {
            if known {
                self.dependency_dirs.push(path.clone());
            }
            return None;
        }
        let child = match dir.child(name) {
            Ok(child) => child,
            Err(error) => {
                self.leave_out(path.clone(), explain(&error));
                return None;
            }
        };
        if !has_tracked {
            let has = |name: &[u8]| child.look(name).ok().flatten().is_some();
            if has(b".git") {
                self.leave_out(path.clone(), "it is a repository of its own".into());
                return None;
            }
            let unmistakable = matches!(&*text, "node_modules" | "__pycache__" | ".venv")
                || (text == "venv" && has(b"pyvenv.cfg"))
                || (text == "target" && has(b"CACHEDIR.TAG"));
            if unmistakable {
                if known {
                    self.dependency_dirs.push(path.clone());
                }
                let reason = "it holds dependencies or build results; list it in .gitignore".into();
                self.leave_out(path.clone(), reason);
                return None;
            }
        }
        Some((child, ignored))
    }

    fn file(
        &mut self,
        dir: &Dir,
        name: &[u8],
        path: RepoPath,
        kind: FileKind,
        rules: &Rules,
        ignored: bool,
    ) -> Result<(), Error> {
        let entry = self.tracked.entries.get(path.as_bytes()).cloned();
        if entry.is_none() && !self.tracked.conflicts.contains(path.as_bytes()) {
            if ignored || rules.ignores(&path, false) {
                if name == b"_version.py" || name.ends_with(b".so") || name.ends_with(b".pyd") {
                    self.dependency_files.push(path);
                }
                return Ok(());
            }
            if kind == FileKind::File
                && let Err(error) = self.repo.policy().check(&path, Access::Read)
                && error.code() == "access_denied:forbidden_path"
            {
                self.leave_out(path, "the policy forbids to read it".into());
                return Ok(());
            }
        }
        if kind == FileKind::Special {
            self.leave_out(path, format!("it is a {kind}"));
            return Ok(());
        }
        let stat = match dir.stat(name) {
            Ok(stat) => stat,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                self.leave_out(path, explain(&error));
                return Ok(());
            }
        };
        let mode = self.mode(&stat, entry.as_deref());
        let fresh =
            entry.as_ref().filter(|entry| self.fresh(entry, &stat)).map(|entry| entry.id.into());
        let id = match fresh {
            Some(id) if !self.converts || mode == FileMode::Symlink => id,
            Some(id) if self.repo.store.size(id)? == stat.size => id,
            _ => match self.capture(dir, name, &path, &stat, entry.as_deref())? {
                Some(id) => id,
                None => return Ok(()),
            },
        };
        self.files.insert(path, Seen { leaf: (id, mode), mtime: stat.mtime });
        Ok(())
    }

    fn mode(&self, stat: &Stat, entry: Option<&IndexEntry>) -> FileMode {
        if stat.kind == FileKind::Symlink {
            return FileMode::Symlink;
        }
        if !self.file_mode {
            let known = entry.and_then(|entry| FileMode::from_bits(entry.mode));
            return known.unwrap_or(FileMode::Regular);
        }
        if stat.executable() { FileMode::Executable } else { FileMode::Regular }
    }

    /// Whether the index vouches for the file.
    fn fresh(&self, entry: &IndexEntry, stat: &Stat) -> bool {
        let (sec, nsec) = (entry.mtime.seconds(), entry.mtime.nanoseconds());
        let same_time =
            i64::from(sec) == i64::from(stat.mtime.0 as i32) && (nsec == 0 || nsec == stat.mtime.1);
        // A file written in the instant in which the index was written may have changed again in that instant.
        let racy = self.tracked.written.is_none_or(|written| {
            if nsec == 0 { stat.mtime.0 >= written.0 } else { stat.mtime >= written }
        });
        let link = entry.mode & 0o170_000 == 0o120_000;
        same_time
            && !racy
            && entry.file_size == stat.size as u32
            && (entry.ino == 0 || entry.ino == stat.ino as u32)
            && link == (stat.kind == FileKind::Symlink)
    }

    /// Reads and stores a file; `None` when it is left out.
    fn capture(
        &mut self,
        dir: &Dir,
        name: &[u8],
        path: &RepoPath,
        stat: &Stat,
        entry: Option<&IndexEntry>,
    ) -> Result<Option<BlobId>, Error> {
        let limit = self.repo.options.max_capture_bytes;
        let read = if stat.kind == FileKind::Symlink {
            dir.read_link(name).map_err(ReadError::Io)
        } else {
            dir.read(name, limit).map(|(bytes, _)| bytes)
        };
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => {
                let mut reason = match error {
                    ReadError::TooLarge(size) => {
                        format!("it has {size} bytes and {limit} are captured at most")
                    }
                    ReadError::Io(error) => explain(&error),
                };
                if entry.is_some() {
                    reason.push_str("; its contents in the index stand in for it");
                }
                self.leave_out(path.clone(), reason);
                return Ok(entry.map(|entry| entry.id.into()));
            }
        };
        let id = Store::id_of(&bytes);
        if let Some(entry) = entry {
            if entry.id == id.oid() {
                return Ok(Some(id));
            }
            if self.converts && stat.kind == FileKind::File {
                let conversion = eol::rule(&self.repo.user().0, path).conversion;
                if conversion != Conversion::None {
                    let stored = self.repo.store.read(entry.id.into())?;
                    let clean = eol::clean(&bytes, conversion, Some(&stored));
                    if Store::id_of(&clean).oid() == entry.id {
                        self.converted.insert(path.clone(), entry.id.into());
                    }
                }
            }
        }
        self.repo.store.put(&bytes).map(Some)
    }

    fn finish(mut self) -> Result<Scan, Error> {
        let mut changes = Vec::new();
        let mut submodules = Vec::new();
        for (bytes, entry) in &self.tracked.entries {
            let Ok(path) = RepoPath::new(bytes) else { continue };
            let Some(mode) = FileMode::from_bits(entry.mode) else { continue };
            if mode == FileMode::Submodule {
                submodules.push(path);
                continue;
            }
            match self.files.get(&path) {
                Some(seen) if seen.leaf == (entry.id.into(), mode) => {}
                Some(seen) => changes.push((path, Some(seen.leaf))),
                None if entry.flags_extended & SKIP_WORKTREE != 0 => {}
                None if self.left_out.iter().any(|left| left.path == path) => {}
                None => changes.push((path, None)),
            }
        }
        for (path, seen) in &self.files {
            if !self.tracked.entries.contains_key(path.as_bytes()) {
                changes.push((path.clone(), Some(seen.leaf)));
            }
        }
        submodules.sort();
        self.dependency_dirs.sort();
        self.dependency_files.sort();
        self.left_out.sort_by(|a, b| a.path.cmp(&b.path));
        let git = self.repo.store.git();
        let base = Some(self.tracked.tree.oid());
        let tree = if changes.is_empty() {
            self.tracked.tree
        } else {
            trees::update(&git.0, base, &changes, &mut Vec::new())?
        };
        drop(git);
        Ok(Scan {
            tree,
            files: self.files,
            converted: self.converted,
            submodules,
            left_out: self.left_out,
            dependency_dirs: self.dependency_dirs,
            dependency_files: self.dependency_files,
        })
    }
}
