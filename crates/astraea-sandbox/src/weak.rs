//! The tiers without a view of their own: what Landlock must allow, and what cannot be had.

#![expect(
    clippy::disallowed_methods,
    reason = "looks at system paths and makes private folders: this crate is the door to processes"
)]

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::host::Host;
use crate::view::{ROOT_ONLY, check_path};
use crate::{CommandSpec, Mount, SandboxError, Tier, Upper};

/// Devices that any program may write to.
const DEVICES: &[&str] =
    &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// The most that is copied in place of an overlay, in bytes.
const COPY_LIMIT: u64 = 2 << 30;

/// Paths for Landlock and the private folders of one command.
#[derive(Debug)]
pub(crate) struct Fenced {
    pub(crate) readable: Vec<OsString>,
    pub(crate) writable: Vec<OsString>,
    pub(crate) on_disk: Vec<OsString>,
    pub(crate) home: OsString,
    pub(crate) tmp: OsString,
    /// Copies and files made inside writable mounts.
    pub(crate) made: Made,
}

/// Things made at their destination, removed when the command has ended.
#[derive(Debug, Default)]
pub(crate) struct Made(Vec<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // The standard library removes trees through descriptors and follows no links.
            let _ = fs::remove_dir_all(path).or_else(|_| fs::remove_file(path));
        }
    }
}

/// Lays out what can be had without namespaces.
pub(crate) fn fence(
    tier: Tier,
    host: &Host,
    spec: &CommandSpec,
    private: &TempDir,
) -> Result<Fenced, SandboxError> {
    let home = private.path().join("home");
    let tmp = private.path().join("tmp");
    for dir in [&home, &tmp] {
        fs::create_dir(dir).map_err(SandboxError::io("made a private folder"))?;
    }
    let mut fenced = Fenced {
        readable: Vec::new(),
        writable: vec![home.clone().into(), tmp.clone().into()],
        on_disk: vec![private.path().into()],
        home: home.into(),
        tmp: tmp.into(),
        made: Made::default(),
    };
    for mount in &spec.mounts {
        check_path(mount.dst())?;
        fenced.mount(tier, spec, mount)?;
    }
    if tier == Tier::B {
        fenced.writable.extend(DEVICES.iter().map(Into::into));
        let mut hidden = host.homes.clone();
        hidden.push("/run".into());
        if host.is_root {
            hidden.extend(ROOT_ONLY.iter().map(PathBuf::from));
        }
        hidden.extend([std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()]);
        for mask in &spec.masks {
            check_path(mask)?;
            if fs::symlink_metadata(mask).is_ok() {
                fenced.refuse_mask_in_writable(mask)?;
                hidden.push(mask.clone());
            }
        }
        readable_except(Path::new("/"), &hidden, &mut fenced.readable);
    }
    Ok(fenced)
}

impl Fenced {
    fn mount(&mut self, tier: Tier, spec: &CommandSpec, mount: &Mount) -> Result<(), SandboxError> {
        let dst = mount.dst();
        let refuse = |reason: &str| {
            Err(SandboxError::CannotSeparate { dst: dst.into(), tier, reason: reason.to_owned() })
        };
        match mount {
            Mount::ReadOnly { src, .. } | Mount::ReadWrite { src, .. } if src != dst => {
                refuse("without a mount namespace nothing else can be shown at this path")
            }
            Mount::ReadOnly { .. } => {
                self.readable.push(dst.into());
                Ok(())
            }
            Mount::ReadWrite { .. } => {
                self.writable.push(dst.into());
                self.on_disk.push(dst.into());
                Ok(())
            }
            Mount::Overlay { upper: Upper::Dir(_) | Upper::ThrowawayOver(_), .. } => {
                refuse("a kept layer needs an overlay, which needs a mount namespace")
            }
            _ if !inside_writable(spec, dst) => {
                refuse("without a mount namespace it can only be made inside a writable directory")
            }
            _ if fs::symlink_metadata(dst).is_ok() => refuse(
                "something is there already, and without a mount namespace it would be changed",
            ),
            Mount::Overlay { lower, .. } => {
                self.made.0.push(dst.into());
                copy_tree(lower, dst).map_err(SandboxError::io("copied a dependency directory"))
            }
            Mount::Tmpfs { .. } => {
                self.made.0.push(dst.into());
                fs::create_dir_all(dst).map_err(SandboxError::io("made a private folder"))
            }
            Mount::File { contents, executable, .. } => {
                self.made.0.push(dst.into());
                let mode = if *executable { 0o555 } else { 0o444 };
                fs::write(dst, contents)
                    .and_then(|()| fs::set_permissions(dst, fs::Permissions::from_mode(mode)))
                    .map_err(SandboxError::io("made a file"))
            }
        }
    }

    fn refuse_mask_in_writable(&self, mask: &Path) -> Result<(), SandboxError> {
        if self.writable.iter().any(|place| mask.starts_with(place)) {
            return Err(SandboxError::CannotSeparate {
                dst: mask.into(),
                tier: Tier::B,
                reason: "Landlock cannot hide a path inside a writable directory".to_owned(),
            });
        }
        Ok(())
    }
}

fn inside_writable(spec: &CommandSpec, dst: &Path) -> bool {
    spec.mounts.iter().any(|mount| {
        matches!(mount, Mount::ReadWrite { src, dst: root } if src == root && dst.starts_with(root))
    })
}

/// Everything below `path` but the hidden places: Landlock can only allow.
fn readable_except(path: &Path, hidden: &[PathBuf], readable: &mut Vec<OsString>) {
    if hidden.iter().any(|place| place == path) {
        return;
    }
    if !hidden.iter().any(|place| place.starts_with(path)) {
        readable.push(path.into());
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        // A link grants what it points at, which the walk visits in its own place.
        if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
            readable_except(&entry.path(), hidden, readable);
        }
    }
}

/// Copies folders, files and links; nothing else, and never through a link.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    let mut left = COPY_LIMIT;
    let mut todo = vec![(from.to_path_buf(), to.to_path_buf())];
    while let Some((from, to)) = todo.pop() {
        fs::create_dir(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
            if kind.is_dir() {
                todo.push((entry.path(), to));
            } else if kind.is_symlink() {
                std::os::unix::fs::symlink(fs::read_link(entry.path())?, to)?;
            } else if kind.is_file() {
                let size = entry.metadata()?.len();
                left = left.checked_sub(size).ok_or_else(|| {
                    io::Error::other(format!("it is larger than {COPY_LIMIT} bytes"))
                })?;
                fs::copy(entry.path(), &to)?;
                let modified = entry.metadata()?.modified()?;
                let _ = fs::OpenOptions::new()
                    .append(true)
                    .open(&to)
                    .and_then(|file| file.set_modified(modified));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_places_are_left_out_and_their_siblings_stay() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a/x", "a/y", "b"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let mut readable = Vec::new();
        readable_except(dir.path(), &[dir.path().join("a/x")], &mut readable);
        readable.sort();
        let expected: Vec<OsString> =
            ["a/y", "b"].iter().map(|name| dir.path().join(name).into()).collect();
        assert_eq!(readable, expected);
    }

    #[test]
    fn a_copy_keeps_links_as_links_and_times() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        fs::create_dir(&from).unwrap();
        fs::write(from.join("file"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", from.join("link")).unwrap();
        let to = dir.path().join("to");
        copy_tree(&from, &to).unwrap();
        assert!(fs::symlink_metadata(to.join("link")).unwrap().is_symlink());
        let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        assert_eq!(time(&from.join("file")), time(&to.join("file")));
    }
}
