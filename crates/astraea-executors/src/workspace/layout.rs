//! What a command sees where: the copy at the user's path, dependencies below a throw-away layer, a
//! decoy `.git`, the build cache.

use std::path::Path;

use astraea_code_access::{EditSet, Lock, RepoPath};
use astraea_sandbox::{CommandSpec, Mount, Upper};

use super::{TaskCopy, Workspace};
use crate::Error;
use crate::runners::{self, RunnerKind};

/// Where builds of the untouched snapshot are kept, below the state directory.
const BUILDS: &str = "cache/builds";
/// What shows through where the user has never built.
const EMPTY: &str = "cache/empty";

impl Workspace {
    /// Dependency directories of the user's checkout that git ignores.
    ///
    /// Blocks the first time.
    ///
    /// # Errors
    /// [`Error::Access`] when the checkout cannot be read.
    pub fn dependency_dirs(&self) -> Result<&[RepoPath], Error> {
        if let Some(dirs) = self.dependency_dirs.get() {
            return Ok(dirs);
        }
        let dirs = self.repo.dependency_dirs(&self.snapshot)?;
        Ok(self.dependency_dirs.get_or_init(|| dirs))
    }

    /// Generated files of the checkout that git ignores and imports need (`_version.py`, `*.so`).
    fn dependency_files(&self) -> Result<&[RepoPath], Error> {
        if let Some(files) = self.dependency_files.get() {
            return Ok(files);
        }
        let files = self.repo.dependency_files(&self.snapshot)?;
        Ok(self.dependency_files.get_or_init(|| files))
    }

    /// Where cargo will build: beside the topmost manifests of the snapshot.
    fn build_dirs(&self) -> Result<&[RepoPath], Error> {
        if let Some(dirs) = self.build_dirs.get() {
            return Ok(dirs);
        }
        let tree = self.tree(&EditSet::new())?;
        let dirs: Vec<RepoPath> = runners::find(&tree, "", None)
            .into_iter()
            .filter(|r| r.kind == RunnerKind::Cargo)
            .filter_map(|r| RepoPath::new(runners::join(&r.dir, "target")).ok())
            .collect();
        if !dirs.is_empty() {
            self.repo.state().write_atomic(&format!("{EMPTY}/.keep"), b"")?;
        }
        Ok(self.build_dirs.get_or_init(|| dirs))
    }

    /// Adds the mounts and masks that show `copy`. The lock, if any, is held while the command runs.
    pub(super) fn lay_out(
        &self,
        copy: &TaskCopy,
        mut spec: CommandSpec,
        writable: bool,
    ) -> Result<(CommandSpec, Option<Lock>), Error> {
        let dirs = self.dependency_dirs()?;
        let seen = copy.seen_at();
        if !self.has_mounts() {
            if let Some(dir) = dirs.iter().find(|d| d.file_name() != b"target") {
                return Err(Error::NotSeparate {
                    tier: self.sandbox.tier().to_string(),
                    reason: format!(
                        "the dependencies in {dir} refer to the user's path, which cannot be shown as the copy"
                    ),
                });
            }
            spec.mounts
                .push(Mount::ReadWrite { src: copy.path().to_owned(), dst: seen.to_owned() });
            spec.masks.extend(copy.masks().iter().cloned());
            return Ok((self.sandbox.toolchains().apply(spec), None));
        }
        let base = copy.path().to_owned();
        spec.mounts.push(if writable {
            Mount::ReadWrite { src: base, dst: seen.to_owned() }
        } else {
            Mount::Overlay { lower: base, upper: Upper::Throwaway, dst: seen.to_owned() }
        });
        let mut lock = None;
        for dir in dirs {
            let at = self.repo.root().join(dir.as_path());
            let upper = if dir.file_name() == b"target" {
                self.build_layer(copy, dir, writable, &mut lock)?
            } else {
                Upper::Throwaway
            };
            spec.mounts.push(Mount::Overlay { lower: at.clone(), upper, dst: at });
        }
        for file in self.dependency_files()? {
            let at = self.repo.root().join(file.as_path());
            spec.mounts.push(Mount::ReadOnly { src: at.clone(), dst: at });
        }
        if self.options.keep_builds {
            for dir in self.build_dirs()?.iter().filter(|d| !dirs.contains(d)) {
                let upper = self.build_layer(copy, dir, writable, &mut lock)?;
                let dst = self.repo.root().join(dir.as_path());
                let lower = self.repo.state().path().join(EMPTY);
                spec.mounts.push(Mount::Overlay { lower, upper, dst });
            }
        }
        if !writable {
            spec.mounts.extend(decoy_git(seen));
        }
        spec.masks.extend(copy.masks().iter().cloned());
        Ok((self.sandbox.toolchains().apply(spec), lock))
    }

    /// Builds of the untouched snapshot are kept over the user's own warm ones; builds of anything else
    /// see both and are thrown away. So no build of one set of edits is ever taken for another's.
    fn build_layer(
        &self,
        copy: &TaskCopy,
        dir: &RepoPath,
        writable: bool,
        lock: &mut Option<Lock>,
    ) -> Result<Upper, Error> {
        if !self.options.keep_builds {
            return Ok(Upper::Throwaway);
        }
        let name = hex::encode(dir.as_bytes());
        let kept = self.repo.state().path().join(BUILDS).join(name);
        if copy.is_untouched() && !writable {
            if lock.is_none() {
                *lock = self.repo.state().lock("builds")?;
            }
            if lock.is_some() {
                return Ok(Upper::Dir(kept));
            }
        }
        Ok(Upper::ThrowawayOver(kept))
    }
}

/// Just enough of a `.git` for tools that look for one: an empty repository on an unborn branch.
fn decoy_git(root: &Path) -> Vec<Mount> {
    let git = root.join(".git");
    let file = |name: &str, text: &str| Mount::File {
        dst: git.join(name),
        contents: text.as_bytes().to_vec(),
        executable: false,
    };
    vec![
        Mount::Tmpfs { dst: git.clone(), size: 1 << 20 },
        file("HEAD", "ref: refs/heads/main\n"),
        file("config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"),
        file("objects/info/.keep", ""),
        file("refs/heads/.keep", ""),
    ]
}
