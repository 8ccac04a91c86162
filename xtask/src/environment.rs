//! Fetches what the tests need and says what it could not get.
//!
//! A fresh machine has git and the Rust toolchain. Everything else is looked for, then installed where this
//! user may: a Python environment with pytest below `target/`, bubblewrap through the system's package manager
//! when running as root. What stays missing is listed; with `CI` set it is an error.

use std::path::PathBuf;

use xshell::{Shell, cmd};

use crate::root;

/// What was found, and what was not.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// Variables for the test processes.
    pub(crate) vars: Vec<(String, String)>,
    /// What is missing, each with its consequence.
    pub(crate) missing: Vec<String>,
}

impl Environment {
    /// Finds or installs what the tests need.
    ///
    /// # Errors
    /// With `CI` set, anything missing is an error.
    pub(crate) fn prepare(sh: &Shell) -> anyhow::Result<Self> {
        let mut environment = Self::default();
        environment.git(sh)?;
        environment.bubblewrap(sh);
        environment.curl(sh);
        environment.python(sh);
        environment.node(sh);
        for line in &environment.missing {
            eprintln!("xtask: missing: {line}");
        }
        if is_ci() && !environment.missing.is_empty() {
            anyhow::bail!(
                "CI is set, so nothing may be skipped: {}",
                environment.missing.join("; ")
            );
        }
        Ok(environment)
    }

    fn git(&self, sh: &Shell) -> anyhow::Result<()> {
        cmd!(sh, "git --version").quiet().ignore_stdout().run().map_err(|error| {
            anyhow::anyhow!(
                "git is needed to make the repositories of the tests; install it ({error})"
            )
        })
    }

    fn bubblewrap(&mut self, sh: &Shell) {
        if cfg!(not(target_os = "linux")) || works(sh, "bwrap") {
            return;
        }
        package(sh, "bubblewrap");
        if !works(sh, "bwrap") {
            self.missing.push("bubblewrap: commands run in a lower sandbox tier (install the package `bubblewrap`)".into());
        }
    }

    fn curl(&mut self, sh: &Shell) {
        if !works(sh, "curl") {
            package(sh, "curl");
        }
        if !works(sh, "curl") {
            self.missing.push("curl: the documented curl line is not tried".into());
        }
    }

    fn python(&mut self, sh: &Shell) {
        let venv = root().join("target/test-venv");
        let python = venv.join("bin/python");
        if cmd!(sh, "{python} -c 'import pytest'")
            .quiet()
            .ignore_stdout()
            .ignore_stderr()
            .run()
            .is_err()
        {
            if !works(sh, "python3") {
                self.missing.push("python3: the Python scenarios do not run".into());
                return;
            }
            eprintln!("xtask: making target/test-venv with pytest");
            let made = cmd!(sh, "python3 -m venv {venv}").quiet().run().is_ok()
                && cmd!(sh, "{python} -m pip install --quiet --disable-pip-version-check pytest")
                    .quiet()
                    .run()
                    .is_ok();
            if !made {
                self.missing.push(
                    "pytest: the pytest scenarios do not run (pip could not install it)".into(),
                );
                return;
            }
        }
        self.vars.push(("ASTRAEA_TEST_PYTHON".into(), display(python)));
    }

    fn node(&mut self, sh: &Shell) {
        if !works(sh, "node") {
            self.missing.push("node: the Node.js scenarios do not run".into());
        }
    }
}

/// Whether a skip is a failure.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

fn works(sh: &Shell, program: &str) -> bool {
    cmd!(sh, "{program} --version").quiet().ignore_stdout().ignore_stderr().run().is_ok()
}

/// Installs a package of the system, where this user may.
fn package(sh: &Shell, name: &str) {
    if works(sh, "apt-get") && is_root(sh) {
        eprintln!("xtask: installing {name}");
        let _ = cmd!(sh, "apt-get update -qq").quiet().ignore_stdout().ignore_stderr().run();
        let install = cmd!(sh, "apt-get install -y -qq {name}");
        let _ = install.quiet().ignore_stdout().ignore_stderr().run();
    }
}

fn is_root(sh: &Shell) -> bool {
    cmd!(sh, "id -u").quiet().read().is_ok_and(|id| id == "0")
}

fn display(path: PathBuf) -> String {
    path.display().to_string()
}
