//! An image built by docker: on the host, since a daemon does the work, and only where the user's options allow it.
//!
//! What is sent is the copy without the files that no command may see. The image is looked at and taken away again.

use std::sync::Arc;
use std::time::Duration;

use astraea_engine::{ErrorClass, Outcome, Output, TaskContext};
use astraea_sandbox::{CommandSpec, Exit, SandboxError};
use serde_json::{Value, json};

use super::answer::failed;
use crate::{Error, Workspace};

/// Arguments: the docker program, `--network` of the build, the directory, its Dockerfile from there, then the paths that stay here.
const SCRIPT: &str = r#"set -u
docker=$1; network=$2; dir=$3; file=$4; shift 4
if ! "$docker" version --format '{{.Server.Version}}' >/dev/null 2>&1; then
  echo "@daemon"; exit 69
fi
for path in "$@"; do printf '%s\n' "./$path"; done > "$TMPDIR/left-out"
if ! tar -C "$dir" --anchored --no-wildcards -X "$TMPDIR/left-out" -cf "$TMPDIR/context.tar" .; then
  echo "@context"; exit 70
fi
"$docker" build --quiet --network "$network" --file "$file" --iidfile "$TMPDIR/image" - < "$TMPDIR/context.tar" >&2 || exit $?
id=$(cat "$TMPDIR/image")
echo "@image $id $("$docker" image inspect --format '{{.Size}}' "$id")"
"$docker" image rm "$id" >/dev/null 2>&1
exit 0"#;

/// Builds the `Dockerfile` of a directory over the edits so far.
pub(super) async fn build(
    ws: &Arc<Workspace>,
    cx: &TaskContext,
    dir: &str,
) -> Result<Outcome, Error> {
    let Some(program) = &ws.options().docker else {
        let message = "building with docker is off: its daemon works outside the sandbox; allow it with `docker = true` under [commands] in your own config.toml";
        return Ok(failed(ErrorClass::NeedsApproval, message, Output::default()));
    };
    let edits = ws.edits_so_far(cx)?;
    let copy = ws.private_copy(&edits).await?;
    let context = copy.path().join(dir);
    let seen = copy.seen_at().join(dir);
    let left_out = copy.masks().iter().filter_map(|mask| mask.strip_prefix(&seen).ok());
    let mut argv: Vec<std::ffi::OsString> =
        ["sh", "-c", SCRIPT, "sh", program].iter().map(Into::into).collect();
    argv.push(if ws.options().network { "default" } else { "none" }.into());
    argv.push(context.into());
    argv.push("Dockerfile".into());
    argv.extend(left_out.map(Into::into));
    let shown = ["docker", "build", if dir.is_empty() { "." } else { dir }].map(str::to_owned);
    cx.progress(&shown.join(" "));
    let mut spec = CommandSpec::new(argv)
        .with_cwd(copy.path())
        .with_network(true)
        .with_limits(ws.options().limits.clone())
        .with_env("DOCKER_BUILDKIT", "1");
    let budget = cx.budget.mul_f64(0.95).max(Duration::from_millis(1));
    spec.limits.wall = Some(spec.limits.wall.map_or(budget, |wall| wall.min(budget)));
    let finished = match ws.sandbox().run_on_host(&spec, &cx.cancel).await {
        Ok(finished) => finished,
        Err(SandboxError::CommandNotFound { .. }) => return Ok(no_daemon(Output::default())),
        Err(error) => return Err(error.into()),
    };
    let (out, err) = (finished.stdout.text(), finished.stderr.text());
    let image = out.lines().find_map(|line| {
        let mut words = line.strip_prefix("@image ")?.split(' ');
        let id = words.next()?;
        Some(json!({ "path": id, "size": words.next()?.trim().parse::<u64>().ok()?, "sha256": id.strip_prefix("sha256:") }))
    });
    let made: Vec<Value> = image.into_iter().collect();
    let value = json!({
        "command": shown, "tier": finished.tier.to_string(), "exit": finished.exit.to_string(),
        "duration_ms": u64::try_from(finished.wall.as_millis()).unwrap_or(u64::MAX),
        "checked": 1 + made.len(), "artifacts": made,
    });
    let output = ws.with_tails(Output::of(value), "", &err);
    Ok(match finished.exit {
        Exit::Code(0) if !made.is_empty() => Outcome::Succeeded(output),
        Exit::Code(0) => failed(
            ErrorClass::PostconditionFailed,
            "docker went through, but made no image",
            output,
        ),
        Exit::Cancelled => return Err(Error::Cancelled),
        Exit::Code(_) if out.contains("@daemon") => no_daemon(output),
        Exit::TimedOut => failed(ErrorClass::TimeoutError, "docker did not end in time", output),
        exit => failed(ErrorClass::CommandFailure, format!("`docker build`: {exit}"), output),
    })
}

fn no_daemon(output: Output) -> Outcome {
    let message = "`docker build` cannot be run here: no docker daemon answers";
    failed(ErrorClass::Environment, message, output)
}
