//! Brings new objects into the user's store: one pack, written through to the disk, visible at once.

use std::io::Write;

use git2::{Buf, Indexer, Oid};

use crate::dir::{Dir, FileKind, is_gone, temp_name, temp_owner};
use crate::error::Error;
use crate::locate::open_git;
use crate::path::RepoPath;
use crate::repository::Repository;

impl Repository {
    /// Adds to the user's object store those of `ids` that it lacks; they lie in ours.
    ///
    /// The pack is indexed in the state directory first. git sees a pack by its index, which is renamed into place last.
    pub(crate) fn hand_over(&self, ids: &[Oid]) -> Result<(), Error> {
        let git = |doing: &'static str| move |e: git2::Error| Error::git(doing, &e);
        let io = |e: std::io::Error| Error::io("add objects to the repository", e);
        self.sweep_packs();
        let missing: Vec<Oid> = {
            let user = self.user();
            let odb = user.0.odb().map_err(git("open the repository's objects"))?;
            odb.refresh().map_err(git("look at the repository's objects"))?;
            ids.iter().copied().filter(|id| !odb.exists(*id)).collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let pack = {
            let store = self.store.git();
            let mut builder = store.0.packbuilder().map_err(git("make a pack"))?;
            builder.set_threads(1);
            for id in &missing {
                builder.insert_object(*id, None).map_err(git("make a pack"))?;
            }
            let mut bytes = Buf::new();
            builder.write_buf(&mut bytes).map_err(git("make a pack"))?;
            bytes.to_vec()
        };
        let (folder, path) = self.state().folder("tmp")?;
        let mut indexer = Indexer::new(None, &path, 0o600, false).map_err(git("index a pack"))?;
        indexer.write_all(&pack).map_err(io)?;
        let name = indexer.commit().map_err(git("index a pack"))?;
        let idx = format!("pack-{name}.idx");
        let index = folder.read(idx.as_bytes(), 1 << 30).map_err(|e| io(e.into()))?.0;
        for name in [&idx, &format!("pack-{name}.pack")] {
            drop(folder.unlink(name.as_bytes()));
        }
        let objects = Dir::open_path(&self.common_dir().join("objects")).map_err(io)?;
        let mut reopen = false;
        let packs = match objects.child(b"pack") {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                reopen = true;
                objects.mkdir(b"pack").map_err(io)?;
                objects.child(b"pack").map_err(io)?
            }
            other => other.map_err(io)?,
        };
        let parts =
            [("pack", &pack), ("idx", &index)].map(|(end, bytes)| (end, bytes, temp_name(end)));
        let place = || -> std::io::Result<()> {
            for (_, bytes, temp) in &parts {
                self.fault("objects")?;
                packs.create(temp.as_bytes(), bytes, 0o444, None, false)?;
            }
            // Side by side, so that the disk is waited for once.
            std::thread::scope(|scope| {
                let idx = scope.spawn(|| packs.sync_file(parts[1].2.as_bytes()));
                packs.sync_file(parts[0].2.as_bytes())?;
                idx.join().unwrap_or_else(|_| Err(std::io::Error::other("a thread panicked")))
            })?;
            for (end, _, temp) in &parts {
                packs.rename_over(
                    temp.as_bytes(),
                    &packs,
                    format!("pack-{name}.{end}").as_bytes(),
                )?;
            }
            Ok(())
        };
        let placed = place();
        if placed.is_err() {
            for (_, _, temp) in &parts {
                drop(packs.unlink(temp.as_bytes()));
            }
        }
        placed.map_err(io)?;
        packs.sync().map_err(io)?;
        let mut user = self.user();
        if reopen {
            // libgit2 looks for this directory once, when it opens a repository.
            user.0 = open_git(self.git_dir(), self.root())?;
        }
        user.0.odb().and_then(|odb| odb.refresh()).map_err(git("look at the repository's objects"))
    }

    /// Removes what a delivery that was killed has left beside the user's packs. Programs that live keep theirs.
    pub(crate) fn sweep_packs(&self) {
        let run = || -> std::io::Result<()> {
            let packs = Dir::open_path(&self.common_dir().join("objects"))?.child(b"pack")?;
            for (name, kind) in packs.entries()? {
                let ours =
                    ["pack", "idx"].iter().any(|tag| temp_owner(&name, tag).is_some_and(is_gone));
                if ours && kind == FileKind::File {
                    packs.unlink(&name)?;
                }
            }
            Ok(())
        };
        if let Ok(Some(_lock)) = self.state().lock("packs") {
            // What cannot be removed now is next time.
            let _ = run();
        }
    }

    /// Writes a loose ref and the directory it is in through to the disk, if there is one.
    pub(crate) fn sync_ref(&self, name: &str) {
        let base = if name == "HEAD" { self.git_dir() } else { self.common_dir() };
        let run = || -> Option<()> {
            let door = crate::Door::open(base).ok()?;
            let path = RepoPath::new(name).ok()?;
            let (dir, last) = door.parent(&path).ok()?;
            let file =
                dir.open_file(last, rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).ok()?;
            rustix::fs::fsync(file).ok()?;
            dir.sync().ok()
        };
        // The ref is written; whether it survives a power cut is not worth failing for.
        let _ = run();
    }

    /// Removes the lock file of a ref if it is one that we left behind: it holds nothing, or the id we were writing.
    pub(crate) fn clear_ref_lock(&self, name: &str, id: Oid) -> bool {
        self.clear_lock(name, id, true)
    }

    /// As [`clear_ref_lock`](Self::clear_ref_lock), but only one that holds the id: libgit2 links a ref into place and
    /// calls it done though the lock could not be removed.
    pub(crate) fn clear_written_lock(&self, name: &str, id: Oid) {
        self.clear_lock(name, id, false);
    }

    fn clear_lock(&self, name: &str, id: Oid, empty: bool) -> bool {
        let run = || -> Option<()> {
            let base = if name == "HEAD" { self.git_dir() } else { self.common_dir() };
            let door = crate::Door::open(base).ok()?;
            let path = RepoPath::new(format!("{name}.lock")).ok()?;
            let bytes = door.read(&path, 4096).ok()?;
            let ours = empty && bytes.is_empty() || bytes.trim_ascii() == id.to_string().as_bytes();
            if ours { door.remove(&path).ok() } else { None }
        };
        run().is_some()
    }
}
