//! Builds instrumented sources in the sandbox and takes the executables out of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use astraea_code_access::{Policy, PolicyOptions, RepoPath};
use astraea_repair::SourceFile;
use astraea_sandbox::{Mount, Stdin};
use serde_json::Value;

use super::super::meter::Meter;
use super::super::{Job, Refused};
use super::binaries::{Binaries, Binary};
use crate::runners::{Runner, from_root, join};
use crate::workspace::blocking;
use crate::{Error, Workspace};

/// Below the state directory: executables of the search that goes on.
const SHELF: &str = "cache/repair";
/// Runs cargo, says how it ended, then copies what it is told to.
const SCRIPT: &str = "cargo \"$@\"; echo \"@astra-built $?\"; \
     while IFS= read -r from && IFS= read -r to; do cp -f -- \"$from\" \"$to\" && echo @astra-ok || echo @astra-no; done";

/// How many processes run at the same time.
pub(super) fn parallel() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(4)
}

/// What a build gave.
pub(super) enum Built {
    /// The test binaries.
    Binaries(Arc<Binaries>),
    /// What the compiler said.
    Errors(Vec<CompileError>),
}

/// An error of the compiler.
#[derive(Debug, Clone)]
pub(super) struct CompileError {
    pub(super) code: String,
    pub(super) message: String,
    /// Where it points, the most important first.
    pub(super) spans: Vec<At>,
}

/// A place in an instrumented file.
#[derive(Debug, Clone)]
pub(super) struct At {
    /// From the repository's root.
    pub(super) file: String,
    /// Bytes.
    pub(super) range: std::ops::Range<usize>,
}

/// Builds the tests of one workspace, again and again.
#[derive(Debug)]
pub(super) struct Builder {
    ws: Arc<Workspace>,
    cx: astraea_engine::TaskContext,
    edits: astraea_code_access::EditSet,
    deadline: std::time::Instant,
    meter: Arc<Meter>,
    runner: Runner,
    shelf: String,
    shelved: Vec<String>,
    pub(super) builds: u32,
}

impl Builder {
    pub(super) fn new(job: &Job, runner: Runner) -> Result<Self, Error> {
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(|e| Error::Internal(format!("no random bytes: {e}")))?;
        let shelf = format!("{SHELF}/{}", hex::encode(name));
        Ok(Self {
            ws: job.ws.clone(),
            cx: job.cx.clone(),
            edits: job.edits.clone(),
            deadline: job.deadline,
            meter: job.meter.clone(),
            runner,
            shelf,
            shelved: Vec::new(),
            builds: 0,
        })
    }

    /// Builds with these texts in place of the files of the same names.
    ///
    /// # Errors
    /// When cargo cannot be run, or the time is over.
    pub(super) async fn build(&mut self, files: &[SourceFile]) -> Result<Built, Refused> {
        self.builds += 1;
        let mounts = self.ws.has_mounts();
        let copy = if mounts {
            self.ws.copy(&self.edits).await?
        } else {
            let (ws, base, texts) = (self.ws.clone(), self.edits.clone(), files.to_vec());
            let edits = blocking(move || {
                let policy = Policy::new(PolicyOptions::default().with_max_file_bytes(64 << 20))
                    .map_err(|e| Error::Internal(e.to_string()))?;
                let mut editor = ws.repo().edit(ws.snapshot(), &base).with_policy(policy);
                for file in &texts {
                    editor.write(&RepoPath::new(&file.path)?, file.text.as_bytes())?;
                }
                let edits = editor.finish()?;
                base.then(&edits).map_err(|e| Error::Internal(e.to_string()))
            })
            .await?;
            self.ws.private_copy(&edits).await?
        };
        let root = copy.seen_at().to_owned();
        let mut argv: Vec<String> =
            ["sh", "-c", SCRIPT, "sh", "test", "--no-run", "--message-format=json"]
                .map(str::to_owned)
                .to_vec();
        argv.extend(self.runner.words.iter().cloned());
        let mut prepared = self.ws.command(&copy, argv, &self.runner.dir).await?;
        for (key, value) in [
            ("CARGO_TERM_COLOR", "never"),
            ("CARGO_TERM_PROGRESS_WHEN", "never"),
            ("CARGO_NET_OFFLINE", "true"),
        ] {
            prepared = prepared.with_env(key, value);
        }
        let shelf = self.ws.repo().state().path().join(&self.shelf);
        if mounts {
            for file in files {
                prepared.spec.mounts.push(Mount::File {
                    dst: root.join(&file.path),
                    contents: file.text.clone().into_bytes(),
                    executable: false,
                });
            }
            self.ws
                .repo()
                .state()
                .write_atomic(&format!("{}/.keep", self.shelf), b"")
                .map_err(Error::from)?;
            prepared.spec.mounts.push(Mount::ReadWrite { src: shelf.clone(), dst: shelf.clone() });
        }
        prepared.spec.stdin = Stdin::Pipe;
        prepared.spec.limits.line_bytes = 64 << 20;
        let left = self.deadline.saturating_duration_since(std::time::Instant::now());
        prepared.spec.limits.wall =
            Some(prepared.spec.limits.wall.map_or(left, |wall| wall.min(left)));
        let session = prepared.spawn().await?;
        let mut talk = Talk { session, root: root.clone(), dir: self.runner.dir.clone() };
        let told = tokio::select! {
            biased;
            () = self.cx.cancel.cancelled() => return Err(Error::Cancelled.into()),
            told = talk.cargo() => told?,
        };
        if !told.good {
            if told.errors.is_empty() {
                let ended = talk.session.wait().await.map_err(Error::from)?;
                self.meter.ended(ended.cpu);
                let said = crate::evidence::clip(ended.stderr.text().trim(), 2000);
                if self.cx.cancel.is_cancelled() {
                    return Err(Error::Cancelled.into());
                }
                return Err(Refused::Environment(format!(
                    "cargo does not build the tests here: {said}"
                )));
            }
            if let Ok(ended) = talk.session.wait().await {
                self.meter.ended(ended.cpu);
            }
            return Ok(Built::Errors(told.errors));
        }
        // in the same order every time: they are known by their place
        let mut told = told;
        told.artifacts.sort_by(|a, b| a.executable.cmp(&b.executable));
        let mut tests = Vec::new();
        let mut shown = Vec::new();
        for (number, artifact) in told.artifacts.iter().enumerate() {
            let name = format!("{number}");
            if mounts {
                let to = shelf.join(&name);
                if !talk.copy(&artifact.executable, &to).await? {
                    return Err(Error::Internal(format!(
                        "{} could not be kept",
                        artifact.executable
                    ))
                    .into());
                }
                if !self.shelved.contains(&name) {
                    self.shelved.push(name);
                }
                shown.push(Mount::ReadOnly { src: to, dst: PathBuf::from(&artifact.executable) });
            }
            if artifact.test {
                tests.push(artifact.clone());
            }
        }
        if let Ok(ended) = talk.session.wait().await {
            self.meter.ended(ended.cpu);
        }
        let binaries = tests.iter().map(|artifact| artifact.binary(&tests)).collect();
        let run = self.ws.command(&copy, ["true"], &self.runner.dir).await?;
        let built = Binaries::new(self.ws.clone(), self.meter.clone(), run, shown, binaries);
        built
            .list(&self.cx.cancel)
            .await
            .map(|all| Built::Binaries(Arc::new(all)))
            .map_err(Refused::from)
    }

    fn clear(&mut self) {
        let state = self.ws.repo().state();
        self.shelved.push(".keep".to_owned());
        for name in self.shelved.drain(..) {
            let _ = state.remove(&format!("{}/{name}", self.shelf));
        }
    }
}

/// Removes what was kept for the search.
impl Drop for Builder {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A conversation with the script.
struct Talk {
    session: astraea_sandbox::Session,
    root: PathBuf,
    dir: String,
}

/// What cargo told.
#[derive(Default)]
struct Told {
    good: bool,
    errors: Vec<CompileError>,
    artifacts: Vec<Artifact>,
}

/// Something that can be executed.
#[derive(Debug, Clone)]
struct Artifact {
    executable: String,
    package: String,
    name: String,
    is_bin: bool,
    test: bool,
    /// The package's directory as seen inside.
    home: String,
}

impl Artifact {
    /// As tests are named after it; twins have their package in front.
    fn binary(&self, all: &[Self]) -> Binary {
        let name = if self.is_bin { format!("{}[bin]", self.name) } else { self.name.clone() };
        let twins = all.iter().filter(|a| a.name == self.name && a.is_bin == self.is_bin).count();
        let prefix = if twins > 1 { format!("{}/{name}", self.package) } else { name };
        Binary {
            executable: self.executable.clone(),
            prefix,
            package: self.package.clone(),
            home: self.home.clone(),
            tests: Vec::new(),
        }
    }
}

impl Talk {
    async fn cargo(&mut self) -> Result<Told, Error> {
        let mut told = Told::default();
        while let Some(line) = self.session.read_line().await? {
            if let Some(status) = line.strip_prefix(b"@astra-built ") {
                told.good = status == b"0";
                break;
            }
            let Ok(message) = serde_json::from_slice::<Value>(&line) else { continue };
            match message["reason"].as_str() {
                Some("compiler-message") if message["message"]["level"] == "error" => {
                    told.errors.push(self.error(&message["message"]));
                }
                Some("compiler-artifact") => told.artifacts.extend(artifact(&message)),
                _ => {}
            }
        }
        Ok(told)
    }

    async fn copy(&mut self, from: &str, to: &Path) -> Result<bool, Error> {
        self.session.write_line(from).await?;
        self.session.write_line(&to.to_string_lossy()).await?;
        Ok(self.session.read_line().await?.is_some_and(|line| line == b"@astra-ok"))
    }

    fn error(&self, message: &Value) -> CompileError {
        let mut spans: Vec<(bool, At)> = Vec::new();
        for span in message["spans"].as_array().into_iter().flatten() {
            // inside of a macro of somebody else the call is what is ours
            let mut at = Some(span);
            while let Some(here) = at.filter(|here| !here.is_null()) {
                spans.extend(self.at(here).map(|place| (span["is_primary"] == true, place)));
                at = here.get("expansion").and_then(|expansion| expansion.get("span"));
            }
        }
        spans.sort_by_key(|(primary, _)| !primary);
        CompileError {
            code: message["code"]["code"].as_str().unwrap_or_default().to_owned(),
            message: message["message"].as_str().unwrap_or_default().to_owned(),
            spans: spans.into_iter().map(|(_, at)| at).collect(),
        }
    }

    fn at(&self, span: &Value) -> Option<At> {
        let name = span["file_name"].as_str()?;
        let file = if name.starts_with('/') {
            from_root(&self.root.to_string_lossy(), name)?.to_owned()
        } else {
            join(&self.dir, name)
        };
        let byte = |key: &str| span[key].as_u64().and_then(|n| usize::try_from(n).ok());
        Some(At { file, range: byte("byte_start")?..byte("byte_end")? })
    }
}

fn artifact(message: &Value) -> Option<Artifact> {
    let executable = message["executable"].as_str()?.to_owned();
    let package = message["package_id"].as_str().unwrap_or_default();
    // `path+file:///a/b#0.1.0` or `path+file:///a/b#name@0.1.0`
    let (place, tag) = package.rsplit_once('#').unwrap_or((package, ""));
    let package = tag
        .split_once('@')
        .map_or_else(|| place.rsplit('/').next().unwrap_or(place), |(name, _)| name);
    let home = message["manifest_path"].as_str().unwrap_or_default();
    Some(Artifact {
        executable,
        package: package.to_owned(),
        name: message["target"]["name"].as_str().unwrap_or_default().replace('-', "_"),
        is_bin: message["target"]["kind"]
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin")),
        test: message["profile"]["test"] == true,
        home: home.rsplit_once('/').map_or("", |(home, _)| home).to_owned(),
    })
}
