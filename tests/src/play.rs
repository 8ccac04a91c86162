//! Plays a scenario: one step after the other, commands and requests alike.

use std::{
    collections::BTreeMap,
    net::{Shutdown, SocketAddr},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    expect,
    fingerprint::Fingerprint,
    http::{self, Request},
    scenario::{Scenario, Step, Stop},
    serve::Serving,
    world::{Finished, Job, MODEL_KEY, Running, World, search_path},
};

impl World {
    /// Plays the steps.
    ///
    /// # Errors
    /// At the first expectation that does not hold.
    pub(crate) fn play(&mut self, scenario: &Scenario) -> anyhow::Result<()> {
        self.before = Some(Fingerprint::take(&self.repo())?);
        for (number, step) in scenario.step.iter().enumerate() {
            self.step(step).with_context(|| format!("step {} ({})", number + 1, name(step)))?;
        }
        ensure!(self.background.is_empty(), "a step in the background was never joined");
        if let Some(serving) = self.serving.take() {
            let said = serving.stop(Signal::INT).context("the end of the server")?;
            ensure!(!said.contains(MODEL_KEY), "the server's log holds the model's key");
        }
        expect::reports(self)?;
        expect::no_secret(self)?;
        expect::nothing_finished_ran_again(self)
    }

    fn step(&mut self, step: &Step) -> anyhow::Result<()> {
        for line in &step.before {
            self.shell(line)?;
        }
        let before = Fingerprint::take(&self.repo())?;
        if step.background {
            let job = self.begin(step)?;
            self.background.push_back(job);
            return Ok(());
        }
        let finished = self.carry_out(step)?;
        self.save(step, &finished.stdout)?;
        expect::step(self, step, &finished).with_context(|| {
            format!("stdout:\n{}\nstderr:\n{}", finished.stdout, finished.stderr)
        })?;
        let after = Fingerprint::take(&self.repo())?;
        if !step.touches && before != after {
            bail!("the user's checkout changed:\n{}", before.difference(&after));
        }
        if step.restored {
            let first = self.before.as_ref().context("the scenario has begun")?;
            ensure!(
                first.content() == after.content(),
                "not restored:\n{}",
                first.difference(&after)
            );
        }
        Ok(())
    }

    fn carry_out(&mut self, step: &Step) -> anyhow::Result<Finished> {
        if let Some(arguments) = &step.serve {
            let mut line: Vec<String> = ["serve", "--port", "0"].map(str::to_owned).into();
            line.extend(arguments.iter().cloned());
            let mut command = self.astra(&line);
            command.envs(&step.env);
            let serving = Serving::start(command)?;
            // So that a line written for port 8000 reaches this server as it stands.
            let curl = format!("silent\nconnect-to = \"localhost:8000:{}\"\n", serving.address);
            std::fs::write(self.path("config").join(".curlrc"), curl)?;
            self.serving = Some(serving);
            return Ok(Finished::default());
        }
        if let Some(stop) = step.stop {
            let signal = if stop == Stop::Kill { Signal::KILL } else { Signal::INT };
            let stderr = self.serving.take().context("no server runs")?.stop(signal)?;
            return Ok(Finished { stderr, ..Finished::default() });
        }
        let finished = if step.join {
            self.background.pop_front().context("no step is in the background")?.join()?
        } else {
            self.begin(step)?.join()?
        };
        if step.http.is_some() && !step.kill_on.is_empty() {
            self.serving.take().context("no server runs")?.stop(Signal::KILL)?;
        }
        Ok(finished)
    }

    /// Begins a command or a request.
    fn begin(&self, step: &Step) -> anyhow::Result<Job> {
        if let Some(line) = &step.http {
            let (method, path) = line.split_once(' ').context("http = \"METHOD /path\"")?;
            let body = step.body.as_ref().map(serde_json::to_value).transpose()?;
            let mut request = Request::new(method, &self.filled(path), body);
            if let Some(body) = &mut request.body {
                self.fill(body);
            }
            let token = self.token()?;
            if step.token != Some(false) {
                request = request.with_token(&token);
            }
            request.headers.extend(step.headers.iter().map(|(k, v)| (k.clone(), v.clone())));
            let serving = self.serving.as_ref().context("no server runs; a step says serve")?;
            let exchange = Exchange {
                address: serving.address,
                request,
                until: step.until.clone(),
                leave_on: step.leave_on.clone(),
                kill_on: step.kill_on.clone(),
                server: serving.pid(),
                token,
            };
            return Ok(Job::Request(std::thread::spawn(move || exchange.run())));
        }
        let command = match &step.shell {
            Some(line) => {
                let mut command = Command::new("sh");
                command
                    .args(["-ec", &self.filled(line)])
                    .env("PATH", search_path())
                    .env("CURL_HOME", self.path("config"))
                    .stdin(Stdio::null());
                command
            }
            None => {
                let args: Vec<_> = step.astra.iter().map(|arg| self.filled(arg)).collect();
                self.astra(&args)
            }
        };
        let mut command = command;
        command.current_dir(self.repo().join(&step.dir)).envs(&step.env);
        let mut running = Running::fed(command, step.kill_on.clone(), step.stdin.as_deref())?;
        if step.background {
            // It is under way when it has said something.
            running.wait_for_output()?;
        }
        Ok(Job::Program(running))
    }

    /// The token of the server.
    pub(crate) fn token(&self) -> anyhow::Result<String> {
        Ok(self.run(&["token"])?.stdout.trim().to_owned())
    }

    fn save(&mut self, step: &Step, stdout: &str) -> anyhow::Result<()> {
        let last: Value = stdout
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok())
            .unwrap_or_default();
        for (name, pointer) in &step.save {
            let value = match last.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Null) | None => bail!("nothing to save at {pointer} in {last}"),
                Some(other) => other.to_string(),
            };
            self.saved.insert(name.clone(), value);
        }
        Ok(())
    }

    /// `{name}` is what was saved under that name.
    pub(crate) fn filled(&self, text: &str) -> String {
        self.saved.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }

    fn fill(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.filled(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.fill(item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.fill(item)),
            _ => {}
        }
    }
}

fn name(step: &Step) -> String {
    match (&step.http, &step.shell) {
        (Some(http), _) => http.clone(),
        (None, Some(line)) => line.clone(),
        (None, None) => format!("astra {}", step.astra.join(" ")),
    }
}

/// A request, and what happens while it waits.
struct Exchange {
    address: SocketAddr,
    request: Request,
    until: BTreeMap<String, toml::Value>,
    leave_on: Vec<String>,
    kill_on: Vec<String>,
    server: Pid,
    token: String,
}

impl Exchange {
    fn run(self) -> anyhow::Result<Finished> {
        let words = if self.leave_on.is_empty() { &self.kill_on } else { &self.leave_on };
        if !words.is_empty() {
            return self.cut_short(words);
        }
        // A bound, not a measure: what is waited for takes a second or two.
        for _ in 0..6000 {
            let reply = self.request.ask(self.address)?;
            let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
            let holds = self.until.iter().all(|(pointer, expected)| {
                let found = body.pointer(pointer).cloned().unwrap_or_default();
                serde_json::to_value(expected).is_ok_and(|expected| found == expected)
            });
            if holds {
                let (exit, status) = (0, Some(reply.status));
                return Ok(Finished { exit, status, stdout: reply.body, stderr: String::new() });
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        bail!("{:?} never held", self.until)
    }

    /// Sends the request, waits for the event, and kills the server or goes away.
    fn cut_short(&self, words: &[String]) -> anyhow::Result<Finished> {
        let get = |path: &str| Request::new("GET", path, None).with_token(&self.token);
        let runs: Value = serde_json::from_str(&get("/v1/runs").ask(self.address)?.body)?;
        let runs = runs["runs"].as_array().cloned().unwrap_or_default();
        let old = |line: &str| {
            runs.iter().any(|run| run["run"].as_str().is_some_and(|run| line.contains(run)))
        };
        let events = get("/api/v1/events").send(self.address)?;
        let stream = self.request.send(self.address)?;
        let seen = http::follow(events, |line| {
            words.iter().all(|word| line.contains(word)) && !old(line)
        })?;
        ensure!(seen, "no event held {words:?}");
        if self.leave_on.is_empty() {
            kill_process(self.server, Signal::KILL)?;
            ensure!(http::read(stream).is_err(), "the answer came before the server was killed");
        } else {
            stream.shutdown(Shutdown::Both)?;
        }
        Ok(Finished::default())
    }
}
