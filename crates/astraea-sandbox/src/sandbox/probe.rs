//! Finding out what works, by trying it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Inner, Sandbox};
use crate::host::Host;
use crate::{
    Capability, CommandSpec, Limits, Mount, SandboxError, SandboxOptions, Tier, Upper, cgroup,
};

/// The one command that brings bubblewrap, by the tool that is there.
const INSTALLERS: &[(&str, &str)] = &[
    ("/usr/bin/apt-get", "sudo apt-get install bubblewrap"),
    ("/usr/bin/dnf", "sudo dnf install bubblewrap"),
    ("/usr/bin/zypper", "sudo zypper install bubblewrap"),
    ("/usr/bin/pacman", "sudo pacman -S bubblewrap"),
    ("/sbin/apk", "sudo apk add bubblewrap"),
];

pub(super) fn probe(options: SandboxOptions) -> Sandbox {
    crate::helper::keep();
    crate::launch::remove_stale();
    let make = |tier, host, reasons| {
        Sandbox(Arc::new(Inner {
            tier,
            host,
            options: options.clone(),
            reasons,
            toolchains: OnceLock::new(),
        }))
    };
    let mut host = match Host::look(&options) {
        Ok(host) => host,
        Err(error) => return make(Tier::D, None, vec![(Tier::A, error.to_string())]),
    };
    let mut reasons = Vec::new();
    for tier in [Tier::A, Tier::B] {
        if options.max_tier.is_some_and(|strongest| tier < strongest) {
            reasons.push((tier, "the options ask for a weaker one".to_owned()));
            continue;
        }
        let plain = CommandSpec::new(["/bin/true"]);
        let trial = |host: &Host, spec| try_run(&make(tier, Some(host.clone()), vec![]), spec);
        match possible(tier, &host).and_then(|()| trial(&host, plain.clone())) {
            Ok(()) => {
                let layered = plain.with_mount(Mount::Overlay {
                    lower: "/etc".into(),
                    upper: Upper::Throwaway,
                    dst: "/tmp/layer".into(),
                });
                host.overlay &= tier == Tier::A && trial(&host, layered).is_ok();
                return make(tier, Some(host), reasons);
            }
            Err(reason) => reasons.push((tier, reason)),
        }
    }
    make(Tier::D, Some(host), reasons)
}

fn possible(tier: Tier, host: &Host) -> Result<(), String> {
    match tier {
        Tier::A if host.bwrap.is_none() => Err("bubblewrap is not installed".to_owned()),
        Tier::B if host.landlock == 0 => Err("this kernel has no Landlock".to_owned()),
        _ => Ok(()),
    }
}

/// Runs the command in it, on a thread and runtime of its own: the caller may be inside one.
fn try_run(sandbox: &Sandbox, spec: CommandSpec) -> Result<(), String> {
    let sandbox = sandbox.clone();
    let tried = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let limits = Limits::default().with_wall(Duration::from_secs(10));
        let spec = spec.with_limits(limits);
        runtime.block_on(async {
            match sandbox.run(&spec, &CancellationToken::new()).await {
                Ok(finished) if finished.success() => Ok(()),
                Ok(finished) => Err(format!("a trial ended with {}", finished.exit)),
                Err(SandboxError::Setup(reason)) => Err(reason),
                Err(error) => Err(error.to_string()),
            }
        })
    });
    tried.join().unwrap_or_else(|_| Err("the trial broke off".to_owned()))
}

/// What would raise the tier, as a sentence.
pub(super) fn raise(sandbox: &Sandbox) -> String {
    let commands = report(sandbox).into_iter().filter_map(|capability| capability.raise);
    commands.into_iter().next().map_or_else(
        || "nothing known would make it stronger on this system".to_owned(),
        |command| format!("to raise the tier: {command}"),
    )
}

pub(super) fn report(sandbox: &Sandbox) -> Vec<Capability> {
    let inner = &sandbox.0;
    let why = |tier| {
        inner.reasons.iter().find(|(tried, _)| *tried == tier).map(|(_, reason)| reason.as_str())
    };
    let mut report = vec![Capability {
        name: "tier".to_owned(),
        available: !matches!(inner.tier, Tier::D),
        detail: describe(inner.tier, inner.options.allow_none).to_owned(),
        raise: None,
    }];
    let Some(host) = &inner.host else {
        report.push(Capability {
            name: "helper".to_owned(),
            available: false,
            detail: why(Tier::A).unwrap_or("there is no helper").to_owned(),
            raise: None,
        });
        return report;
    };
    report.push(match &host.bwrap {
        Some(path) => capability("bubblewrap", true, path.display().to_string()),
        None => Capability {
            raise: installer(),
            ..capability("bubblewrap", false, "no mount, process and network namespaces".into())
        },
    });
    let namespaces = inner.tier == Tier::A;
    let detail = match why(Tier::A) {
        _ if namespaces => "a trial command ran in namespaces of its own".to_owned(),
        Some(reason) => format!("a trial did not work: {reason}"),
        None => "not tried".to_owned(),
    };
    report.push(Capability {
        raise: (!namespaces && host.bwrap.is_some()).then(namespace_switch).flatten(),
        ..capability("namespaces", namespaces, detail)
    });
    report.push(capability(
        "landlock",
        host.landlock > 0,
        match host.landlock {
            0 => "this kernel has none (5.13 or newer, with `landlock` among its security modules)"
                .to_owned(),
            version => format!("version {version}"),
        },
    ));
    report.push(capability(
        "overlay",
        host.overlay,
        if host.overlay {
            "dependencies can be shown writable and stay unchanged".to_owned()
        } else {
            "dependencies are copied or refused".to_owned()
        },
    ));
    let (memory, processes) = cgroup::bounds();
    let on = sandbox.0.options.cgroups;
    report.push(capability("cgroup-memory", memory, bound(memory, on)));
    report.push(capability(
        "cgroup-processes",
        processes || host.nproc_counts,
        bound(processes || host.nproc_counts, on || host.nproc_counts),
    ));
    report
}

fn capability(name: &str, available: bool, detail: String) -> Capability {
    Capability { name: name.to_owned(), available, detail, raise: None }
}

fn bound(possible: bool, used: bool) -> String {
    match (possible, used) {
        (true, true) => "bounded by the kernel and watched",
        (true, false) => {
            "watched every 20 ms; the kernel could bound it, with the option `cgroups`"
        }
        (false, _) => "watched every 20 ms, not bounded by the kernel",
    }
    .to_owned()
}

fn describe(tier: Tier, allow_none: bool) -> &'static str {
    match tier {
        Tier::A => "A: namespaces, Landlock and seccomp",
        Tier::B => {
            "B: Landlock and seccomp only; lost: the copy at the user's path, loopback sockets when \
             the network is off, a process table of its own, protection against chmod and changed \
             times of the user's own files"
        }
        Tier::D if allow_none => "D: no isolation at all, allowed on purpose",
        Tier::D => "D: nothing works, commands are refused",
        _ => "not available",
    }
}

fn installer() -> Option<String> {
    let found = INSTALLERS.iter().find(|(tool, _)| std::path::Path::new(tool).exists());
    found.map(|(_, command)| (*command).to_owned())
}

/// The switch that forbids user namespaces to ordinary users, if that is what is in the way.
fn namespace_switch() -> Option<String> {
    let value = |path: &str| crate::host::read_small(path);
    if value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        return Some("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0".to_owned());
    }
    if value("/proc/sys/kernel/unprivileged_userns_clone").as_deref() == Some("0") {
        return Some("sudo sysctl -w kernel.unprivileged_userns_clone=1".to_owned());
    }
    if value("/proc/sys/user/max_user_namespaces").as_deref() == Some("0") {
        return Some("sudo sysctl -w user.max_user_namespaces=10000".to_owned());
    }
    None
}
