//! Our own object store: a bare repository in the state directory that reads through to the user's objects.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use git2::{ObjectType, Oid, RepositoryInitOptions};

use crate::dir::Dir;
use crate::error::Error;
use crate::ids::BlobId;
use crate::locate::open_git;
use crate::path::RepoPath;
use crate::repository::{Handle, locked};
use crate::state::StateDir;

const NAME: &str = "objects.git";

/// The store. Objects are added; none is ever removed or written to the user's store from here.
#[derive(Debug)]
pub(crate) struct Store {
    git: Mutex<Handle>,
    objects: Dir,
}

impl Store {
    pub(crate) fn open(state: &StateDir, commondir: &Path) -> Result<Self, Error> {
        let path = state.path().join(NAME);
        let alternates = format!("{NAME}/objects/info/alternates");
        if state.read(&format!("{NAME}/HEAD"))?.is_none() {
            let mut options = RepositoryInitOptions::new();
            options.bare(true).external_template(false).no_reinit(false);
            git2::Repository::init_opts(&path, &options)
                .map_err(|e| Error::git("create the object store", &e))?;
        }
        let mut line = commondir.join("objects").as_os_str().as_bytes().to_vec();
        if line.contains(&b'\n') {
            return Err(Error::Unsupported {
                path: commondir.to_owned(),
                reason: "its path contains a line break; move it".into(),
            });
        }
        line.push(b'\n');
        if state.read(&alternates)?.as_deref() != Some(&*line) {
            state.write_atomic(&alternates, &line)?;
        }
        let git = open_git(&path, &path)?;
        let (objects, _) = state.folder(&format!("{NAME}/objects"))?;
        Ok(Self { git: Mutex::new(Handle(git)), objects })
    }

    pub(crate) fn git(&self) -> MutexGuard<'_, Handle> {
        locked(&self.git)
    }

    pub(crate) fn put(&self, bytes: &[u8]) -> Result<BlobId, Error> {
        let id = self.git().0.blob(bytes).map_err(|e| Error::git("store a blob", &e))?;
        Ok(id.into())
    }

    pub(crate) fn read(&self, id: BlobId) -> Result<Vec<u8>, Error> {
        let git = self.git();
        let blob =
            git.0.find_blob(id.oid()).map_err(|e| Error::git(format!("read the blob {id}"), &e))?;
        Ok(blob.content().to_vec())
    }

    pub(crate) fn size(&self, id: BlobId) -> Result<u64, Error> {
        let git = self.git();
        let odb = git.0.odb().map_err(|e| Error::git("open the object store", &e))?;
        let (size, _) =
            odb.read_header(id.oid()).map_err(|e| Error::git(format!("read the blob {id}"), &e))?;
        Ok(size as u64)
    }

    pub(crate) fn id_of(bytes: &[u8]) -> BlobId {
        Oid::hash_object(ObjectType::Blob, bytes).unwrap_or(Oid::ZERO_SHA1).into()
    }

    /// Writes the blobs through to the disk, where they are ours.
    pub(crate) fn sync(&self, ids: &[BlobId]) -> Result<(), Error> {
        let fail = |e: std::io::Error| Error::io("write a blob through to the disk", e);
        for id in ids {
            let name = id.to_string();
            let path = RepoPath::new(format!("{}/{}", &name[..2], &name[2..]))?;
            let Ok(dir) = self.objects.child(&path.as_bytes()[..2]) else { continue };
            let flags = rustix::fs::OFlags::RDONLY;
            let Ok(file) = dir.open_file(&name.as_bytes()[2..], flags, rustix::fs::Mode::empty())
            else {
                continue; // The user's store has it.
            };
            rustix::fs::fsync(&file).map_err(|e| fail(e.into()))?;
            dir.sync().map_err(fail)?;
        }
        Ok(())
    }
}
