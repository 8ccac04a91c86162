//! Proposed edits become edits: through the policy, and only where their place is certain.

use super::{Placed, ProposedChange, in_the_manner_of, place};
use crate::edits::{EditBuilder, is_binary};
use crate::error::{AccessError, Error};
use crate::path::RepoPath;

impl EditBuilder<'_> {
    /// Does what was proposed for the file at `path`.
    ///
    /// A text to replace has to occur exactly once, line for line; how lines end does not matter and stays as it is. A
    /// whole file keeps the line ends and the byte order mark of the one it replaces. A search without text makes a file
    /// that must not be there yet.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] when the text occurs more than once, with the lines; [`Error::NoMatch`] when it does not, with
    /// the places most like it; [`AccessError::FileNotFound`]; and those of [`write`](Self::write).
    pub fn propose(
        &mut self,
        path: &RepoPath,
        change: &ProposedChange,
    ) -> Result<&mut Self, Error> {
        let found = self.admit(path)?.map(|(id, _)| id);
        let old = match found {
            Some(id) => Some((id, self.text(id, path)?)),
            None => None,
        };
        match (change, old) {
            (ProposedChange::Delete, _) => self.delete(path),
            (ProposedChange::Whole { content }, None) => self.write(path, content.as_bytes()),
            (ProposedChange::Whole { content }, Some((_, old))) => {
                self.write(path, in_the_manner_of(&old, content).as_bytes())
            }
            (ProposedChange::Replace { search, replace, .. }, None) if search.trim().is_empty() => {
                self.write(path, replace.as_bytes())
            }
            (ProposedChange::Replace { .. }, None) => {
                Err(AccessError::FileNotFound { path: path.clone() }.into())
            }
            (ProposedChange::Replace { search, replace, .. }, Some((_, old)))
                if search.trim().is_empty() && old.is_empty() =>
            {
                self.write(path, replace.as_bytes())
            }
            (ProposedChange::Replace { search, .. }, Some(_)) if search.trim().is_empty() => {
                let reason = "it exists; give the lines that are to be replaced".to_owned();
                Err(AccessError::Write { path: path.clone(), reason }.into())
            }
            (ProposedChange::Replace { search, replace, at }, Some((id, old))) => {
                match place(&old, search, replace, *at) {
                    Placed::At(range, new) => self.replace_span(path, range, id, new.as_bytes()),
                    Placed::Several(lines) => Err(Error::Ambiguous { path: path.clone(), lines }),
                    Placed::Nowhere(candidates) => {
                        Err(Error::NoMatch { path: path.clone(), candidates })
                    }
                }
            }
        }
    }

    fn text(&self, id: crate::ids::BlobId, path: &RepoPath) -> Result<String, Error> {
        let bytes = self.blob(id)?;
        if is_binary(&bytes) {
            return Err(Error::Binary { path: path.clone() });
        }
        String::from_utf8(bytes).map_err(|_| Error::Binary { path: path.clone() })
    }
}
