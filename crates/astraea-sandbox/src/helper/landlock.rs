//! Landlock: an allow-list of paths, on top of what the mounts already say (tier A) or in their
//! place (tier B).

use std::ffi::OsString;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

/// The newest rights this was written for; older kernels apply those they know.
const RIGHTS: ABI = ABI::V6;

/// Restricts the calling thread and its descendants. Says whether the kernel did anything.
///
/// # Errors
/// When the kernel has Landlock and refuses the rules.
pub(crate) fn restrict(readable: &[OsString], writable: &[OsString]) -> Result<bool, RulesetError> {
    let read = AccessFs::from_read(RIGHTS);
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(RIGHTS))?
        .scope(Scope::from_all(RIGHTS))?;
    let mut created = ruleset.create()?;
    for (paths, access) in [(readable, read), (writable, AccessFs::from_all(RIGHTS))] {
        for path in paths {
            // A path that is gone grants nothing, which is what it should.
            let Ok(fd) = PathFd::new(path) else { continue };
            let is_dir = std::path::Path::new(path).is_dir();
            let access = if is_dir { access } else { access & AccessFs::from_file(RIGHTS) };
            created = created.add_rule(PathBeneath::new(fd, access))?;
        }
    }
    let status = created.restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// The version of Landlock in this kernel; zero when there is none.
pub(crate) fn version() -> u32 {
    const CREATE_RULESET_VERSION: libc::c_ulong = 1;
    // SAFETY: with this flag the call takes no pointer and changes nothing; it returns the version.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<u8>(),
            0_usize,
            CREATE_RULESET_VERSION,
        )
    };
    u32::try_from(version).unwrap_or(0)
}
