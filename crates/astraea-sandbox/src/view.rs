//! Tier A: the file system as the command sees it, as arguments for bubblewrap.

#![expect(
    clippy::disallowed_methods,
    reason = "looks at system paths: this crate is the door to processes"
)]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

use crate::descriptors::Inherited;
use crate::host::Host;
use crate::litter::Litter;
use crate::plan::OverlayPlan;
use crate::{CommandSpec, Mount, SandboxError, Upper};

/// The private home where the caller has none that exists.
const SPARE_HOME: &str = "/run/home";

/// What of `/proc` changes the host and not the process that writes to it.
const KERNEL_KNOBS: &[&str] = &[
    "/proc/sys",
    "/proc/sysrq-trigger",
    "/proc/irq",
    "/proc/bus",
    "/proc/fs",
    "/proc/acpi",
    "/proc/scsi",
    "/proc/mtrr",
    "/proc/dynamic_debug",
];

/// Files that only root can read, hidden when the command runs as root.
pub(crate) const ROOT_ONLY: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/ssl/private",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/kubelet",
];

/// Everything bubblewrap, the overlays and Landlock must know.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) args: Vec<OsString>,
    pub(crate) overlays: Vec<OverlayPlan>,
    pub(crate) writable: Vec<OsString>,
    pub(crate) in_memory: Vec<OsString>,
    /// Paths for the inner helper to hide.
    pub(crate) masks: Vec<OsString>,
    pub(crate) on_disk: Vec<OsString>,
    pub(crate) home: OsString,
    pub(crate) litter: Vec<Litter>,
}

/// Lays out the view. `scratch` is where overlays will be mounted on the outside.
pub(crate) fn view(
    host: &Host,
    spec: &CommandSpec,
    scratch: &Path,
    fds: &mut Inherited,
) -> Result<View, SandboxError> {
    let mut builder = Builder {
        view: View {
            args: Vec::with_capacity(96),
            overlays: Vec::new(),
            writable: Vec::new(),
            in_memory: Vec::new(),
            masks: Vec::new(),
            on_disk: Vec::new(),
            home: host.homes.first().map_or(SPARE_HOME.into(), |home| home.clone().into()),
            litter: Vec::new(),
        },
        tmp_bytes: spec.limits.tmp_bytes.max(1 << 16),
        masked: Vec::new(),
        // Bubblewrap gives an ordinary user's command a user namespace below that of the mounts.
        from_inside: host.is_root,
        inside: Vec::new(),
        fds,
    };
    builder.namespaces(spec.network);
    builder.system(host, spec)?;
    for (at, mount) in spec.mounts.iter().enumerate() {
        check_path(mount.dst())?;
        builder.mount(host, spec, scratch, at, mount)?;
    }
    for (path, outside) in sockets(host, spec) {
        builder.mask(&path, &outside)?;
    }
    for path in &spec.masks {
        check_path(path)?;
        if let Some(outside) = outside(host, &spec.mounts, path) {
            builder.mask(path, &outside)?;
        }
    }
    if !builder.inside.is_empty() {
        // Only for the inner helper, which gives them up before it starts the command.
        for capability in ["CAP_SYS_ADMIN", "CAP_SETPCAP"] {
            builder.push(["--cap-add".as_ref(), capability.as_ref()]);
        }
    }
    let Builder { mut view, inside, .. } = builder;
    view.masks = inside.into_iter().map(Into::into).collect();
    Ok(view)
}

/// Paths inside the sandbox are absolute and plain.
pub(crate) fn check_path(path: &Path) -> Result<(), SandboxError> {
    let plain = path.is_absolute()
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
        && !path.as_os_str().as_bytes().contains(&0);
    if plain && path != Path::new("/") {
        return Ok(());
    }
    let path = path.display();
    Err(SandboxError::InvalidSpec(format!(
        "`{path}` cannot be a place inside the sandbox; give an absolute path without `..`"
    )))
}

struct Builder<'a> {
    view: View,
    tmp_bytes: u64,
    /// What is hidden so far.
    masked: Vec<PathBuf>,
    /// Whether the inner helper can hide things, which is quicker.
    from_inside: bool,
    /// What it is to hide.
    inside: Vec<PathBuf>,
    fds: &'a mut Inherited,
}

impl Builder<'_> {
    fn push<const N: usize>(&mut self, args: [&OsStr; N]) {
        self.view.args.extend(args.iter().map(|arg| (*arg).to_owned()));
    }

    fn option(&mut self, name: &str) {
        self.view.args.push(name.into());
    }

    fn tmpfs(&mut self, dst: &Path, size: u64) {
        let size = OsString::from(size.to_string());
        self.push(["--size".as_ref(), &size, "--tmpfs".as_ref(), dst.as_ref()]);
        self.view.writable.push(dst.into());
        self.view.in_memory.push(dst.into());
    }

    fn namespaces(&mut self, network: bool) {
        for option in [
            "--unshare-user",
            "--unshare-ipc",
            "--unshare-pid",
            "--unshare-uts",
            "--unshare-cgroup-try",
            "--die-with-parent",
            "--new-session",
            "--as-pid-1",
            "--cap-drop",
            "ALL",
            "--hostname",
            "sandbox",
        ] {
            self.option(option);
        }
        if !network {
            self.option("--unshare-net");
        }
    }

    fn system(&mut self, host: &Host, spec: &CommandSpec) -> Result<(), SandboxError> {
        for option in ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"] {
            self.option(option);
        }
        // The device folder is memory without a bound; the shared memory in it gets one.
        self.tmpfs(Path::new("/dev/shm"), self.tmp_bytes);
        self.push(["--remount-ro".as_ref(), "/dev".as_ref()]);
        self.view.writable.extend(["/dev".into(), "/proc".into()]);
        for place in ["/tmp", "/run", "/var/tmp"] {
            let place = Path::new(place);
            if fs::symlink_metadata(place).is_ok_and(|metadata| metadata.is_dir()) {
                self.tmpfs(place, self.tmp_bytes);
            }
        }
        for home in &host.homes {
            self.tmpfs(home, self.tmp_bytes);
        }
        if host.homes.is_empty() {
            self.push(["--dir".as_ref(), SPARE_HOME.as_ref()]);
        }
        if spec.network {
            self.resolver();
        }
        if host.is_root {
            // Root's files are the command's own files, capabilities or not, and these reach the kernel
            // of the host: a core_pattern is a command that it runs as root, outside. bubblewrap asks
            // whether the folder can be written, which says nothing of the files in it.
            for path in KERNEL_KNOBS.iter().map(Path::new) {
                if fs::symlink_metadata(path).is_ok() {
                    self.push(["--ro-bind".as_ref(), path.as_ref(), path.as_ref()]);
                }
            }
            for path in ROOT_ONLY.iter().map(Path::new) {
                if !host.homes.iter().any(|home| home == path) && fs::symlink_metadata(path).is_ok()
                {
                    self.mask(path, path)?;
                }
            }
        }
        Ok(())
    }

    /// The list of name servers is often a link into the hidden `/run`.
    fn resolver(&mut self) {
        if let Ok(real) = fs::canonicalize("/etc/resolv.conf")
            && real.starts_with("/run")
        {
            self.push(["--ro-bind".as_ref(), real.as_ref(), real.as_ref()]);
        }
    }

    fn mount(
        &mut self,
        host: &Host,
        spec: &CommandSpec,
        scratch: &Path,
        at: usize,
        mount: &Mount,
    ) -> Result<(), SandboxError> {
        let before = spec.mounts.get(..at).unwrap_or_default();
        let is_dir = match mount {
            Mount::ReadOnly { src, .. } | Mount::ReadWrite { src, .. } => is_dir(src)?,
            Mount::Overlay { lower, .. } => is_dir(lower)?,
            Mount::Tmpfs { .. } => true,
            Mount::File { .. } => false,
        };
        self.view.litter.extend(mount_point(before, mount.dst(), is_dir)?);
        let dst = mount.dst();
        // What was hidden there shows again.
        self.masked.retain(|hidden| !hidden.starts_with(dst));
        self.inside.retain(|hidden| !hidden.starts_with(dst));
        match mount {
            Mount::ReadOnly { src, .. } => {
                self.push(["--ro-bind".as_ref(), src.as_ref(), dst.as_ref()]);
            }
            Mount::ReadWrite { src, .. } => {
                self.push(["--bind".as_ref(), src.as_ref(), dst.as_ref()]);
                self.view.writable.push(dst.into());
                self.view.on_disk.push(dst.into());
            }
            Mount::Overlay { lower, upper, .. } => {
                if !host.overlay {
                    return Err(SandboxError::Setup(format!(
                        "this kernel has no overlay file system, needed for {}",
                        dst.display()
                    )));
                }
                let name = format!("o{at}");
                let source = scratch.join(&name);
                let mut layers = vec![lower.into()];
                let upper = match upper {
                    Upper::Throwaway => None,
                    Upper::ThrowawayOver(dir) => {
                        let kept = dir.join("upper");
                        if kept.is_dir() {
                            layers.insert(0, kept.into());
                        }
                        None
                    }
                    Upper::Dir(dir) => {
                        self.view.on_disk.push(dst.into());
                        Some(dir.clone().into())
                    }
                };
                // All such layers lie in one file system, which any of them shows.
                if upper.is_none() && !self.view.overlays.iter().any(|known| known.upper.is_none())
                {
                    self.view.in_memory.push(dst.into());
                }
                self.view.overlays.push(OverlayPlan { name, lower: layers, upper });
                self.push(["--bind".as_ref(), source.as_ref(), dst.as_ref()]);
                self.view.writable.push(dst.into());
            }
            Mount::Tmpfs { size, .. } => self.tmpfs(dst, *size),
            Mount::File { contents, executable, .. } => {
                self.file(dst, contents, if *executable { "0555" } else { "0444" })?;
            }
        }
        Ok(())
    }

    fn file(&mut self, dst: &Path, contents: &[u8], mode: &str) -> Result<(), SandboxError> {
        let fd = self.fds.add_file(contents).map_err(SandboxError::io("made a file in memory"))?;
        let fd = OsString::from(fd.to_string());
        self.push([
            "--perms".as_ref(),
            mode.as_ref(),
            "--ro-bind-data".as_ref(),
            &fd,
            dst.as_ref(),
        ]);
        Ok(())
    }

    /// Hides `path`, which on the outside is `outside`.
    fn mask(&mut self, path: &Path, outside: &Path) -> Result<(), SandboxError> {
        let Ok(metadata) = fs::symlink_metadata(outside) else { return Ok(()) };
        if metadata.is_symlink() {
            return Err(SandboxError::InvalidSpec(format!(
                "`{}` is a symbolic link and cannot be hidden; name its target",
                path.display()
            )));
        }
        if self.masked.iter().any(|hidden| path.starts_with(hidden)) {
            return Ok(());
        }
        self.masked.push(path.into());
        if self.from_inside {
            self.inside.push(path.into());
            return Ok(());
        }
        if !metadata.is_dir() {
            return self.file(path, b"", "0444");
        }
        let size = OsString::from("4096");
        self.push(["--size".as_ref(), &size, "--tmpfs".as_ref(), path.as_ref()]);
        self.push(["--remount-ro".as_ref(), path.as_ref()]);
        Ok(())
    }
}

fn is_dir(src: &Path) -> Result<bool, SandboxError> {
    fs::metadata(src).map(|metadata| metadata.is_dir()).map_err(|error| {
        SandboxError::InvalidSpec(format!("cannot mount `{}`: {error}", src.display()))
    })
}

/// The place of the host that shows at `path`; `None` when it lies in a hidden place.
fn outside(host: &Host, mounts: &[Mount], path: &Path) -> Option<PathBuf> {
    if let Some((source, rest)) = covering(mounts, path) {
        return Some(source?.join(rest));
    }
    let mut hidden = ["/tmp", "/run", "/var/tmp", "/dev", "/proc"].iter().map(Path::new);
    let hidden = hidden.any(|place| path.starts_with(place))
        || host.homes.iter().any(|home| path.starts_with(home));
    (!hidden).then(|| path.to_path_buf())
}

/// The last mount that covers `path`: its source, if it has one on the host, and the rest.
fn covering<'a>(mounts: &'a [Mount], path: &'a Path) -> Option<(Option<&'a Path>, &'a Path)> {
    mounts.iter().rev().find_map(|mount| {
        let rest = path.strip_prefix(mount.dst()).ok()?;
        let source = match mount {
            Mount::ReadOnly { src, .. } | Mount::ReadWrite { src, .. } => Some(src.as_path()),
            Mount::Overlay { lower, .. } => Some(lower.as_path()),
            Mount::Tmpfs { .. } | Mount::File { .. } => None,
        };
        Some((source, rest))
    })
}

/// Checks the place of a mount inside an earlier one. Bubblewrap follows symbolic links when it
/// makes mount points, so there may be none on the way; and what it makes in a writable directory
/// of the host is to be removed afterwards.
fn mount_point(before: &[Mount], dst: &Path, is_dir: bool) -> Result<Option<Litter>, SandboxError> {
    let Some((Some(source), rest)) = covering(before, dst) else { return Ok(None) };
    if rest.as_os_str().is_empty() {
        return Ok(None);
    }
    let missing = Litter::missing(source, rest).map_err(|error| {
        SandboxError::InvalidSpec(format!(
            "cannot mount at `{}`: {error}; there is a symbolic link on the way, or it cannot be read",
            dst.display()
        ))
    })?;
    let writable = before
        .iter()
        .rev()
        .find(|mount| dst.starts_with(mount.dst()))
        .is_some_and(|mount| matches!(mount, Mount::ReadWrite { .. }));
    Ok(missing.filter(|_| writable).map(|depth| Litter::new(source, rest, depth, is_dir)))
}

/// Where sockets of the host would be seen inside, and where they are: a read-only mount does not
/// stop anyone from connecting to one.
fn sockets(host: &Host, spec: &CommandSpec) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for socket in bound_sockets() {
        let shown = spec.mounts.iter().filter_map(|mount| {
            let (Mount::ReadOnly { src, dst } | Mount::ReadWrite { src, dst }) = mount else {
                return None;
            };
            // A mount of the socket itself was asked for.
            let rest = socket.strip_prefix(src).ok().filter(|rest| !rest.as_os_str().is_empty());
            rest.map(|rest| dst.join(rest))
        });
        let everywhere: Vec<PathBuf> = shown.chain([socket.clone()]).collect();
        for path in everywhere {
            // Only if it is this file that shows at this place, after all mounts.
            if let Some(outside) = outside(host, &spec.mounts, &path)
                && fs::symlink_metadata(&outside).is_ok_and(|found| found.file_type().is_socket())
            {
                found.push((path, outside));
            }
        }
    }
    found
}

fn bound_sockets() -> Vec<PathBuf> {
    let text = fs::read("/proc/net/unix").unwrap_or_default();
    let mut sockets: Vec<PathBuf> = text
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b'/')?;
            Some(PathBuf::from(OsStr::from_bytes(&line[at..])))
        })
        .filter(|path| check_path(path).is_ok())
        .collect();
    sockets.sort();
    sockets.dedup();
    sockets
}
