//! Edits as a unified diff.

use std::fmt::Write;

use diffy::{DiffOptions, PatchFormatter};

use crate::edits::{EditSet, is_binary};
use crate::error::Error;
use crate::repository::Repository;
use crate::snapshot::{Snapshot, tree_of};
use crate::trees::{self, Change, Leaf};

/// Larger files are named only, in bytes.
const MAX: usize = 4 << 20;

impl Repository {
    /// The edits as a unified diff with the headers git writes. Binary and very large files are named only.
    ///
    /// # Errors
    /// [`Error::Git`] when a blob is missing.
    pub fn diff(&self, snapshot: &Snapshot, edits: &EditSet) -> Result<String, Error> {
        let mut out = String::new();
        for edit in edits {
            let old = trees::leaf(&self.store.git().0, snapshot.id.oid(), &edit.path)?;
            let old = edit.before.map(|id| (id, old.map_or(edit.mode, |(_, mode)| mode)));
            let new = edit.after.map(|id| (id, edit.mode));
            self.one(&mut out, &Change { path: edit.path.clone(), old, new })?;
        }
        Ok(out)
    }

    /// What a branch changes since its parent, as a unified diff.
    ///
    /// # Errors
    /// [`Error::NoSuchRevision`], [`Error::Git`].
    pub fn diff_branch(&self, branch: &str) -> Result<String, Error> {
        let commit = self.commit_of(branch)?;
        let changes = {
            let git = self.store.git();
            let fail = |e: git2::Error| Error::git("read the branch", &e);
            let object = git.0.find_commit(commit.oid()).map_err(fail)?;
            let parent = match object.parent_ids().next() {
                Some(parent) => Some(tree_of(&git.0, parent.into())?),
                None => None,
            };
            trees::compare(&git.0, parent, Some(object.tree_id()))?
        };
        let mut out = String::new();
        for change in &changes {
            self.one(&mut out, change)?;
        }
        Ok(out)
    }

    fn one(&self, out: &mut String, change: &Change) -> Result<(), Error> {
        let path = &change.path;
        let mut head = format!("diff --git a/{path} b/{path}\n");
        let bits = |leaf: Leaf| format!("{:06o}", leaf.1.bits());
        let result = match (change.old, change.new) {
            (None, Some(new)) => writeln!(head, "new file mode {}", bits(new)),
            (Some(old), None) => writeln!(head, "deleted file mode {}", bits(old)),
            (Some(old), Some(new)) if old.1 != new.1 => {
                writeln!(head, "old mode {}\nnew mode {}", bits(old), bits(new))
            }
            _ => Ok(()),
        };
        // Writing to a string does not fail.
        let _ = result;
        out.push_str(&head);
        if change.old.map(|l| l.0) == change.new.map(|l| l.0) {
            return Ok(());
        }
        let read = |leaf: Option<Leaf>| match leaf {
            Some((id, mode)) if mode.bits() != 0o160_000 => self.blob(id),
            Some((id, _)) => Ok(format!("Subproject commit {id}\n").into_bytes()),
            None => Ok(Vec::new()),
        };
        let (old, new) = (read(change.old)?, read(change.new)?);
        let name = |side: &str, there: bool| {
            if there { format!("{side}/{path}") } else { "/dev/null".into() }
        };
        let names = (name("a", change.old.is_some()), name("b", change.new.is_some()));
        if is_binary(&old) || is_binary(&new) || old.len().max(new.len()) > MAX {
            out.push_str(&format!("Binary files {} and {} differ\n", names.0, names.1));
            return Ok(());
        }
        let (old, new) = (String::from_utf8_lossy(&old), String::from_utf8_lossy(&new));
        let mut options = DiffOptions::new();
        options.set_original_filename(names.0).set_modified_filename(names.1);
        let patch = options.create_patch(&old, &new);
        out.push_str(&PatchFormatter::new().fmt_patch(&patch).to_string());
        Ok(())
    }
}
