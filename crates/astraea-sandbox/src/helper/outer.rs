//! Overlays below the sandbox: a mount namespace (and a user namespace when unprivileged) of our
//! own, the overlays in it, then bubblewrap inside.

#![expect(
    clippy::disallowed_methods,
    reason = "sets up namespaces and becomes bubblewrap: this crate is the door to processes"
)]

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::thread::UnshareFlags;

use super::{adopt, setup_failed};
use crate::plan::{OuterPlan, OverlayPlan};

pub(super) fn run(plan: &OuterPlan) -> i32 {
    let Ok(status) = adopt(plan.status_fd) else { return 2 };
    if let Err((what, error)) = prepare(plan) {
        return setup_failed(status.as_fd(), format!("could not {what}: {error}"));
    }
    // bubblewrap and the inner helper need the status pipe.
    if let Err(error) = rustix::io::fcntl_setfd(&status, rustix::io::FdFlags::empty()) {
        return setup_failed(status.as_fd(), format!("could not pass the status pipe on: {error}"));
    }
    let error = Command::new(&plan.bwrap).args(&plan.bwrap_args).exec();
    setup_failed(status.as_fd(), format!("could not start {}: {error}", plan.bwrap.display()))
}

type Step<T> = Result<T, (&'static str, io::Error)>;

fn step<T, E: Into<io::Error>>(what: &'static str, result: Result<T, E>) -> Step<T> {
    result.map_err(|error| (what, error.into()))
}

fn prepare(plan: &OuterPlan) -> Step<()> {
    let privileged = rustix::process::geteuid().is_root();
    own_namespaces(privileged)?;
    step(
        "keep the mounts to itself",
        rustix::mount::mount_change(
            "/",
            MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
        ),
    )?;
    let scratch = Path::new(&plan.scratch);
    let size = format!("size={},mode=0700", plan.tmp_bytes.max(1 << 20));
    let size = step("build mount options", std::ffi::CString::new(size))?;
    step(
        "mount memory for the throw-away layers",
        rustix::mount::mount(
            "tmpfs",
            scratch,
            "tmpfs",
            MountFlags::NOSUID | MountFlags::NODEV,
            Some(size.as_c_str()),
        ),
    )?;
    for overlay in &plan.overlays {
        mount_overlay(scratch, overlay, privileged)?;
    }
    Ok(())
}

/// Root makes the overlays as itself, so that files of any owner can be copied up; anyone else
/// needs a user namespace first.
fn own_namespaces(privileged: bool) -> Step<()> {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    let flags =
        if privileged { UnshareFlags::NEWNS } else { UnshareFlags::NEWUSER | UnshareFlags::NEWNS };
    // SAFETY: the flags do not include FILES, the one that could pull descriptors away from
    // other threads; there is one thread here.
    step("make a mount namespace", unsafe { rustix::thread::unshare_unsafe(flags) })?;
    if !privileged {
        step("write the group policy", fs::write("/proc/self/setgroups", "deny"))?;
        let (uid, gid) = (uid.as_raw(), gid.as_raw());
        step("map the user", fs::write("/proc/self/uid_map", format!("{uid} {uid} 1")))?;
        step("map the group", fs::write("/proc/self/gid_map", format!("{gid} {gid} 1")))?;
    }
    // The change of credentials above cleared it.
    step(
        "follow its parent's death",
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)),
    )
}

fn mount_overlay(scratch: &Path, overlay: &OverlayPlan, privileged: bool) -> Step<()> {
    let home = match &overlay.upper {
        Some(upper) => PathBuf::from(upper),
        None => scratch.join(format!("{}.rw", overlay.name)),
    };
    let target = scratch.join(&overlay.name);
    for dir in [&target, &home.join("upper"), &home.join("work")] {
        step("make the folders of a layer", fs::create_dir_all(dir))?;
    }
    // Descriptors instead of paths: mount options give meaning to commas and colons.
    let lower: Vec<OwnedFd> = step(
        "open the lower layer",
        overlay.lower.iter().map(|path| open_dir(Path::new(path))).collect::<Result<_, _>>(),
    )?;
    let upper = step("open the upper layer", open_dir(&home.join("upper")))?;
    let work = step("open the work folder", open_dir(&home.join("work")))?;
    if let Some(Ok(stat)) = lower.last().map(rustix::fs::fstat) {
        let mode = stat.st_mode;
        // The root of the layer shows the mode of the upper one.
        let _ = rustix::fs::chmod(home.join("upper"), Mode::from_raw_mode(mode & 0o7777 | 0o700));
    }
    let lower: Vec<String> =
        lower.iter().map(|fd| format!("/proc/self/fd/{}", fd.as_raw_fd())).collect();
    let options = format!(
        "lowerdir={},upperdir=/proc/self/fd/{},workdir=/proc/self/fd/{}{}",
        lower.join(":"),
        upper.as_raw_fd(),
        work.as_raw_fd(),
        if privileged { "" } else { ",userxattr" },
    );
    let options = step("build mount options", std::ffi::CString::new(options))?;
    step(
        "mount an overlay",
        rustix::mount::mount(
            "overlay",
            &target,
            "overlay",
            MountFlags::NOSUID | MountFlags::NODEV,
            Some(options.as_c_str()),
        ),
    )
}

fn open_dir(path: &Path) -> Result<OwnedFd, rustix::io::Errno> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}
