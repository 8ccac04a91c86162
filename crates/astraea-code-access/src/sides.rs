//! A file before and after a change: as it lies in the checkout, and as git stores it.

use serde::{Deserialize, Serialize};

use crate::edits::is_binary;
use crate::eol::{self, Conversion};
use crate::error::Error;
use crate::ids::{BlobId, FileMode};
use crate::path::RepoPath;
use crate::repository::Repository;
use crate::store::Store;
use crate::transaction::MAX;

/// One side of a change: the bytes in the checkout, the bytes git stores, the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Side {
    pub(crate) raw: BlobId,
    pub(crate) stored: BlobId,
    pub(crate) mode: FileMode,
}

impl Repository {
    /// The side of a file that lies in the checkout, if `stored` is what git has for it; `Err(())` when it is not.
    pub(crate) fn side_of(
        &self,
        path: &RepoPath,
        stored: Option<(BlobId, FileMode)>,
    ) -> Result<Result<Option<Side>, ()>, Error> {
        let (bytes, stat) = match self.door().read_stat(path, MAX) {
            Ok(read) => read,
            Err(crate::AccessError::FileNotFound { .. }) => {
                return Ok(if stored.is_none() { Ok(None) } else { Err(()) });
            }
            Err(_) => return Ok(Err(())),
        };
        let Some((id, mode)) = stored else { return Ok(Err(())) };
        let executable = mode == FileMode::Executable;
        let modes =
            self.user().0.config().and_then(|c| c.get_bool("core.filemode")).unwrap_or(true);
        if !mode.is_file() || (modes && stat.executable() != executable) {
            return Ok(Err(()));
        }
        let raw = Store::id_of(&bytes);
        if raw == id {
            return Ok(Ok(Some(Side { raw, stored: id, mode })));
        }
        let conversion = eol::rule(&self.user().0, path).conversion;
        if conversion != Conversion::None {
            let clean = eol::clean(&bytes, conversion, Some(&self.blob(id)?)).into_owned();
            if Store::id_of(&clean) == id {
                let raw = self.put_blob(&bytes)?;
                return Ok(Ok(Some(Side { raw, stored: id, mode })));
            }
        }
        Ok(Err(()))
    }

    /// The side of a file to be written: as git would check it out, with the line endings its place has now.
    pub(crate) fn side_for(
        &self,
        path: &RepoPath,
        from: Option<Side>,
        (stored, mode): (BlobId, FileMode),
    ) -> Result<Side, Error> {
        let bytes = self.blob(stored)?;
        let crlf = match from {
            Some(from) if from.raw != from.stored => match eol::endings(&self.blob(from.raw)?) {
                Some(crlf) => crlf,
                None => {
                    return Err(Error::Filtered {
                        path: path.clone(),
                        filter: "a conversion of line endings, and mixes both kinds".into(),
                    });
                }
            },
            Some(_) => false,
            None => eol::rule(&self.user().0, path).crlf,
        };
        let raw =
            if crlf && !is_binary(&bytes) { self.put_blob(&eol::to_crlf(&bytes))? } else { stored };
        Ok(Side { raw, stored, mode })
    }

    /// Whether a file in the checkout is exactly this side.
    pub(crate) fn is_side(&self, path: &RepoPath, side: Option<Side>) -> bool {
        match (self.door().read_stat(path, MAX), side) {
            (Err(crate::AccessError::FileNotFound { .. }), None) => true,
            (Ok((bytes, stat)), Some(side)) => {
                Store::id_of(&bytes) == side.raw
                    && stat.executable() == (side.mode == FileMode::Executable)
            }
            _ => false,
        }
    }
}
