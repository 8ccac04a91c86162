//! Runs test binaries, one process in one sandbox for each run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use astraea_engine::CancellationToken;
use astraea_repair::schemata::{SWITCH, TRACE, TRACE_MARK};
use astraea_sandbox::{CommandSpec, Exit, Mount};

use crate::evidence::{TestId, TestOutcome};
use crate::repair::meter::Meter;
use crate::{Error, Prepared, Workspace};

/// A test binary.
#[derive(Debug, Clone)]
pub(super) struct Binary {
    pub(super) executable: String,
    /// What stands before `::` in our names of its tests.
    pub(super) prefix: String,
    pub(super) package: String,
    /// Where cargo would run it.
    pub(super) home: String,
    /// The names of its tests.
    pub(super) tests: Vec<String>,
}

/// The test binaries of one build.
#[derive(Debug)]
pub(super) struct Binaries {
    ws: Arc<Workspace>,
    meter: Arc<Meter>,
    spec: CommandSpec,
    all: Vec<Binary>,
    /// Holds the copy and its lock.
    _prepared: Prepared,
}

/// What a run showed.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// By the name in the binary.
    pub(super) outcomes: BTreeMap<String, TestOutcome>,
    /// Ended by itself and says that all is well.
    pub(super) good: bool,
    pub(super) timed_out: bool,
    /// Numbers of the sites that ran.
    pub(super) sites: BTreeSet<usize>,
    /// What the failing tests printed.
    pub(super) said: String,
    pub(super) wall: Duration,
}

/// Which tests of a binary.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which<'a> {
    These(&'a [String]),
    AllBut(&'a [String]),
}

impl Binaries {
    pub(super) fn new(
        ws: Arc<Workspace>,
        meter: Arc<Meter>,
        prepared: Prepared,
        shown: Vec<Mount>,
        all: Vec<Binary>,
    ) -> Self {
        let mut spec = prepared.spec.clone();
        spec.mounts.extend(shown);
        spec.limits.output_bytes = spec.limits.output_bytes.min(4 << 20);
        spec.env.insert("RUST_BACKTRACE".into(), "0".into());
        Self { ws, meter, spec, all, _prepared: prepared }
    }

    /// Asks each binary for its tests. One that has no list (`harness = false`) is left out.
    pub(super) async fn list(mut self, cancel: &CancellationToken) -> Result<Self, Error> {
        for index in 0..self.all.len() {
            let mut spec = self.command(index, &["--list".to_owned(), "--format=terse".to_owned()]);
            spec.limits.wall = Some(Duration::from_secs(10));
            let finished = self.ws.sandbox().run(&spec, cancel).await?;
            if finished.exit == Exit::Cancelled {
                return Err(Error::Cancelled);
            }
            let text = finished.stdout.text().into_owned();
            let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
            self.all[index].tests = names.map(str::to_owned).collect();
        }
        Ok(self)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Where these tests are: binary and name in it.
    pub(super) fn find(&self, ids: &[TestId]) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for id in ids {
            let Some((prefix, name)) = id.as_str().split_once("::") else { continue };
            let home = self
                .all
                .iter()
                .position(|b| b.prefix == prefix && b.tests.iter().any(|t| t == name));
            found.extend(home.map(|at| (at, name.to_owned())));
        }
        found
    }

    fn command(&self, index: usize, args: &[String]) -> CommandSpec {
        let binary = &self.all[index];
        let mut spec = self.spec.clone();
        spec.argv = vec![binary.executable.clone().into()];
        spec.argv.extend(args.iter().map(Into::into));
        if !binary.home.is_empty() {
            spec.cwd = Some(binary.home.clone().into());
            spec.env.insert("CARGO_MANIFEST_DIR".into(), binary.home.clone().into());
        }
        spec.env.insert("CARGO_PKG_NAME".into(), binary.package.clone().into());
        spec
    }

    /// Runs some tests of a binary with a candidate switched on.
    ///
    /// # Errors
    /// When the sandbox refuses, or the run is called off. Failing tests are no error.
    pub(super) async fn run(
        &self,
        index: usize,
        which: Which<'_>,
        switch: Option<u32>,
        trace: bool,
        wall: Duration,
        cancel: &CancellationToken,
    ) -> Result<Tried, Error> {
        if self.all.get(index).is_none_or(|binary| binary.tests.is_empty()) {
            return Ok(Tried { good: true, ..Tried::default() });
        }
        let mut args = vec!["--color=never".to_owned(), "--exact".to_owned()];
        match which {
            Which::These(names) => args.extend(names.iter().cloned()),
            Which::AllBut(names) => {
                args.extend(names.iter().flat_map(|name| ["--skip".to_owned(), name.clone()]));
            }
        }
        let mut spec = self.command(index, &args);
        if let Some(number) = switch {
            spec.env.insert(SWITCH.into(), number.to_string().into());
        }
        if trace {
            spec.env.insert(TRACE.into(), "1".into());
        }
        spec.limits.wall = Some(wall);
        let finished = self.ws.sandbox().run(&spec, cancel).await?;
        self.meter.ended(finished.cpu);
        let mut tried = Tried { wall: finished.wall, ..Tried::default() };
        match finished.exit {
            Exit::Cancelled => return Err(Error::Cancelled),
            Exit::TimedOut | Exit::IdleTimedOut | Exit::CpuExceeded => tried.timed_out = true,
            Exit::Code(0) => tried.good = true,
            _ => {}
        }
        tried.read(&finished.stdout.text(), &finished.stderr.text());
        Ok(tried)
    }
}

impl Tried {
    fn read(&mut self, stdout: &str, stderr: &str) {
        let mut telling = false;
        for line in stdout.lines() {
            if line.starts_with("---- ") && line.ends_with(" ----") {
                telling = true;
            } else if line == "failures:" {
                telling = false;
            } else if telling {
                if self.said.len() < 16 << 10 {
                    self.said.push_str(line);
                    self.said.push('\n');
                }
            } else if let Some((name, status)) =
                line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "))
            {
                let name = name.strip_suffix(" - should panic").unwrap_or(name);
                let outcome = match status.split([' ', ',']).next() {
                    Some("ok") => TestOutcome::Passed,
                    Some("ignored") => TestOutcome::Skipped,
                    _ => TestOutcome::Failed,
                };
                self.outcomes.insert(name.to_owned(), outcome);
            }
        }
        for line in stderr.lines() {
            if let Some(number) = line.strip_prefix(TRACE_MARK) {
                self.sites.extend(number.trim_end().parse::<usize>());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_sites_and_words_are_read() {
        let out = "\nrunning 2 tests\ntest a::b ... FAILED\ntest c - should panic ... ok\n\nfailures:\n\n---- a::b stdout ----\n\
            thread 'a::b' panicked at src/lib.rs:3:1:\nno\n\nfailures:\n    a::b\n";
        let mut tried = Tried::default();
        tried.read(out, "\n@astra-site 4\n\n@astra-site x\n@astra-site 4\n");
        assert_eq!(tried.outcomes["a::b"], TestOutcome::Failed);
        assert_eq!(tried.outcomes["c"], TestOutcome::Passed);
        assert_eq!(tried.sites.into_iter().collect::<Vec<_>>(), [4]);
        assert!(tried.said.contains("panicked at src/lib.rs:3:1:"));
    }
}
