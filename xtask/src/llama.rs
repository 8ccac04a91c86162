//! `cargo xtask llama`: fifty exchanges with llama.cpp's own HTTP server, its model of random weights.
//!
//! It is not part of `cargo xtask test`: the wheel of llama.cpp is large. The text that such a model writes is nonsense and its tool calls are
//! broken in ways that nobody would write down; the protocol is real.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use xshell::{Shell, cmd};

use crate::{flags, root};

const SERVER: &str = include_str!("llama/server.py");

/// Makes the model and the server, and lets the end-to-end harness talk to them: once with a model that is eager to call tools, once with one
/// that is not.
///
/// # Errors
/// When Python or the packages `xllamacpp` and `gguf` cannot be had, or an exchange fails.
pub(crate) fn run(sh: &Shell, flags: &flags::Llama) -> anyhow::Result<()> {
    let exchanges = flags.exchanges.unwrap_or(50).div_ceil(2).to_string();
    let venv = root().join("target/llama-venv");
    let python = venv.join("bin/python");
    let there = cmd!(sh, "{python} -c 'import xllamacpp, gguf'").quiet().ignore_stderr().run();
    if there.is_err() {
        eprintln!("xtask: making target/llama-venv with xllamacpp and gguf");
        cmd!(sh, "python3 -m venv {venv}").quiet().run().context("python3 with venv is needed")?;
        cmd!(sh, "{python} -m pip install --quiet --disable-pip-version-check xllamacpp gguf")
            .quiet()
            .run()
            .context("pip could not install xllamacpp and gguf: there is no wheel for this machine, or no network")?;
    }
    cmd!(sh, "cargo build --package astraea-cli --package astraea-e2e").run()?;
    for mood in ["eager", "plain"] {
        let model = root().join(format!("target/random-{mood}.gguf"));
        let mut server = Command::new(&python)
            .args(["-c", SERVER])
            .arg(&model)
            .arg(mood)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let url = BufReader::new(server.stdout.take().context("piped")?)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        let Some(url) = url else { bail!("llama.cpp's server does not start") };
        eprintln!("xtask: a model that is {mood}, at {url}");
        let url = format!("{url}/v1");
        let talked =
            cmd!(sh, "cargo run --quiet --package astraea-e2e -- --real-model {url} {exchanges}")
                .run();
        // It ends when its stdin is closed.
        drop(server.stdin.take());
        server.wait()?;
        talked?;
    }
    Ok(())
}
