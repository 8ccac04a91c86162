//! build: the repository's own build over the edits so far, and the artifacts that must come of it.

use std::sync::Arc;

use astraea_engine::{ErrorClass, Outcome, Output, TaskContext};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::Action;
use super::answer::failed;
use super::args::Args;
use crate::runners::{Ended, Tree, below, join};
use crate::workspace::blocking;
use crate::{Error, Workspace};

/// Builds, in the sandbox, and throws away what was built.
///
/// Arguments: `tool` (cargo, npm, go, make, or docker, which is never found by itself; found by the manifest when absent), `directory` (the scope's when absent),
/// `artifacts` (paths below the directory that must be there afterwards and hold something). The value of its output:
/// `artifacts` with size and SHA-256.
#[derive(Debug)]
pub(super) struct Build;

/// A tool, the manifest it is found by, and its command.
struct Tool {
    name: &'static str,
    manifests: &'static [&'static str],
    command: &'static [&'static str],
}

const TOOLS: [Tool; 4] = [
    Tool { name: "cargo", manifests: &["Cargo.toml"], command: &["cargo", "build", "--offline"] },
    Tool { name: "npm", manifests: &["package.json"], command: &["npm", "run", "build"] },
    Tool { name: "go", manifests: &["go.mod"], command: &["go", "build", "./..."] },
    Tool { name: "make", manifests: &["GNUmakefile", "makefile", "Makefile"], command: &["make"] },
];

/// The package managers that a lock file speaks for, instead of npm.
const MANAGERS: [(&str, &str); 4] =
    [("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"), ("bun.lockb", "bun")];

/// Runs the command after the artifacts' count and names, then tells of each artifact: size, hash, name.
const SCRIPT: &str = r#"n=$1; shift; i=0; names=
while [ $i -lt $n ]; do names="$names$1
"; shift; i=$((i + 1)); done
"$@" || exit $?
printf '%s' "$names" | while IFS= read -r name; do
  if [ -s "$name" ] && [ -f "$name" ]; then
    echo "@artifact $(wc -c < "$name") $(sha256sum < "$name" | cut -d ' ' -f 1) $name"
  else
    echo "@missing $name"
  fi
done"#;

#[async_trait]
impl Action for Build {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let args = Args::of(cx);
        let wanted = args.text(&["tool"])?;
        if let Some(name) = wanted
            && name != "docker"
            && !TOOLS.iter().any(|tool| tool.name == name)
        {
            return Err(args.wrong("tool", "must be cargo, npm, go, make or docker"));
        }
        let artifacts = args.texts("artifacts")?;
        let outside = |a: &&String| a.starts_with('/') || a.split('/').any(|part| part == "..");
        if let Some(name) = artifacts.iter().find(outside) {
            return Err(args.wrong("artifacts", &format!("names {name}, which lies outside")));
        }
        let dir = args.text(&["directory"])?.map_or_else(|| ws.scope().dir_text(), str::to_owned);
        if wanted == Some("docker") {
            return super::docker::build(ws, cx, &dir).await;
        }
        let edits = ws.edits_so_far(cx)?;
        let (host, of) = (ws.clone(), edits.clone());
        let tree = blocking(move || host.tree(&of)).await?;
        let Some(command) = command(&tree, &dir, wanted) else {
            let message = format!(
                "there is nothing to build here by {}; name the `tool` or the `directory`",
                wanted.unwrap_or("cargo, npm, go or make")
            );
            return Ok(failed(ErrorClass::Environment, message, Output::default()));
        };
        let copy = ws.copy(&edits).await?;
        let mut argv: Vec<String> = ["sh", "-c", SCRIPT, "sh"].map(str::to_owned).to_vec();
        argv.push(artifacts.len().to_string());
        argv.extend(artifacts.iter().cloned());
        argv.extend(command.iter().cloned());
        cx.progress(&command.join(" "));
        let ran = ws
            .command(&copy, argv, &dir)
            .await?
            .with_env("CI", "1")
            .with_env("CARGO_NET_OFFLINE", "true")
            .within(cx)
            .run(&cx.cancel)
            .await?;
        let (told, stdout): (Vec<&str>, Vec<&str>) =
            ran.stdout.lines().partition(|line| line.starts_with('@'));
        let made: Vec<Value> = told.iter().filter_map(|line| artifact(line)).collect();
        let missing: Vec<&str> = told.iter().filter_map(|l| l.strip_prefix("@missing ")).collect();
        let mut value = ws.account(&command, &ran);
        value["artifacts"] = json!(made);
        value["checked"] = json!(1 + made.len());
        let output = ws.with_tails(Output::of(value), &stdout.join("\n"), &ran.stderr);
        let shown = command.join(" ");
        let problem = match &ran.ended {
            Ended::Code(0) if missing.is_empty() && made.len() == artifacts.len() => None,
            Ended::Code(0) => Some((
                ErrorClass::PostconditionFailed,
                format!("`{shown}` went through, but made no {}", missing.join(", ")),
            )),
            Ended::Code(127) => {
                Some((ErrorClass::Environment, format!("`{shown}` cannot be run here: not found")))
            }
            Ended::NotStarted(why) => Some((ErrorClass::Environment, why.clone())),
            Ended::TimedOut => {
                Some((ErrorClass::TimeoutError, format!("`{shown}` did not end in time")))
            }
            ended => Some((ErrorClass::CommandFailure, format!("`{shown}`: {}", ended.words()))),
        };
        Ok(match problem {
            None => Outcome::Succeeded(output),
            Some((class, message)) => failed(class, ws.redactor().redact(&message), output),
        })
    }
}

fn artifact(line: &str) -> Option<Value> {
    let mut parts = line.strip_prefix("@artifact ")?.splitn(3, ' ');
    let size: u64 = parts.next()?.trim().parse().ok()?;
    let sha256 = parts.next()?;
    Some(json!({ "path": parts.next()?, "size": size, "sha256": sha256 }))
}

/// The build command of a directory: by the tool that is wanted, else by the first manifest there.
fn command(tree: &dyn Tree, dir: &str, wanted: Option<&str>) -> Option<Vec<String>> {
    let there = |name: &str| tree.paths().iter().any(|path| *path == join(dir, name));
    let tool = TOOLS.iter().find(|tool| {
        wanted.is_none_or(|name| name == tool.name)
            && tool.manifests.iter().any(|name| there(name))
            && (tool.name != "npm" || has_build_script(tree, dir))
    })?;
    let mut command: Vec<String> = tool.command.iter().map(|word| (*word).to_owned()).collect();
    if tool.name == "npm"
        && let Some((_, manager)) = MANAGERS.iter().find(|(lock, _)| locked(tree, dir, lock))
    {
        (*manager).clone_into(&mut command[0]);
    }
    Some(command)
}

/// Whether a lock file lies here or above: a workspace has one for all.
fn locked(tree: &dyn Tree, dir: &str, lock: &str) -> bool {
    tree.paths().iter().any(|path| {
        let (at, name) = path.rsplit_once('/').unwrap_or(("", path));
        name == lock && (at == dir || below(at, dir).is_some())
    })
}

fn has_build_script(tree: &dyn Tree, dir: &str) -> bool {
    let manifest = tree.read(&join(dir, "package.json")).unwrap_or_default();
    let json: Value = serde_json::from_str(&manifest).unwrap_or_default();
    json["scripts"]["build"].is_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runners::tests_support::Files;

    fn check(files: &[(&str, &str)], dir: &str, wanted: Option<&str>) -> Option<String> {
        command(&Files::new(files), dir, wanted).map(|words| words.join(" "))
    }

    #[test]
    fn the_manifest_says_how_and_the_lock_file_with_what() {
        let build = r#"{"scripts":{"build":"tsc"}}"#;
        let found = |files: &[(&str, &str)], dir: &str| check(files, dir, None);
        assert_eq!(
            found(&[("Cargo.toml", ""), ("Makefile", "")], "").unwrap(),
            "cargo build --offline"
        );
        assert_eq!(found(&[("package.json", build)], "").unwrap(), "npm run build");
        let files = [("web/package.json", build), ("pnpm-lock.yaml", "")];
        assert_eq!(found(&files, "web").unwrap(), "pnpm run build");
        // a package without a build script is built by what is beside it, if anything
        assert_eq!(found(&[("package.json", "{}"), ("Makefile", "")], "").unwrap(), "make");
        assert_eq!(found(&[("package.json", "{}")], ""), None);
        assert_eq!(
            check(&[("Cargo.toml", ""), ("go.mod", "")], "", Some("go")).unwrap(),
            "go build ./..."
        );
    }
}
