//! A model as data: what a scripted OpenAI-compatible server answers, over real HTTP on the loopback interface.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use astraea_llm::testing::{Answer, Script, ScriptedServer};
use serde::Deserialize;
use serde_json::Value;

/// One answer. Of those that are left, the first whose `when` fits the request is given.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Said {
    /// Only for a request whose messages hold all these texts.
    when: Vec<String>,
    /// Not for a request whose messages hold one of these texts.
    unless: Vec<String>,
    /// How often it is given; 0 for without end.
    times: Option<usize>,
    /// Text, streamed in pieces.
    say: Option<String>,
    /// Calls of tools in one turn. Arguments that are a text are sent as they stand, valid or not.
    call: Vec<Call>,
    /// The beginning of a text, then the connection breaks off.
    cut: Option<String>,
    /// Anything at all, as the body of the stream.
    raw: Option<String>,
    /// No answer: the connection stays open until the client gives up.
    silence: bool,
    /// Another status than 200, with headers and body.
    status: Option<u16>,
    headers: BTreeMap<String, String>,
    body: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    tool: String,
    arguments: toml::Value,
}

/// The server, with a runtime of its own.
#[derive(Debug)]
pub(crate) struct Model {
    server: Option<ScriptedServer>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Model {
    /// A server with this script.
    ///
    /// # Errors
    /// When an answer is none, or no port can be had.
    pub(crate) fn start(script: &[Said]) -> anyhow::Result<Self> {
        let mut left: Vec<(Said, Answer, usize)> = script
            .iter()
            .map(|said| Ok((said.clone(), said.answer()?, said.times.unwrap_or(1))))
            .collect::<anyhow::Result<_>>()?;
        Self::serve(Box::new(move |request| {
            let text = texts(request).join("\n");
            let fits = |said: &Said| {
                said.when.iter().all(|word| text.contains(word))
                    && !said.unless.iter().any(|word| text.contains(word))
            };
            let Some(at) = left.iter().position(|(said, ..)| fits(said)) else {
                return Answer::Status {
                    status: 410,
                    headers: Vec::new(),
                    body: "the script has no further answer".to_owned(),
                };
            };
            let answer = left[at].1.clone();
            match left[at].2 {
                0 => {}
                1 => drop(left.remove(at)),
                _ => left[at].2 -= 1,
            }
            answer
        }))
    }

    /// A server that answers by a function.
    ///
    /// # Errors
    /// When no port can be had.
    pub(crate) fn serve(script: Script) -> anyhow::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let server = runtime.block_on(ScriptedServer::serve(script))?;
        Ok(Self { server: Some(server), runtime: Some(runtime) })
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        self.server.as_ref().map(ScriptedServer::base_url).unwrap_or_default()
    }

    /// What it was asked so far: for each request the texts of its messages.
    pub(crate) fn asked(&self) -> Vec<Vec<String>> {
        self.server.iter().flat_map(ScriptedServer::requests).map(|body| texts(&body)).collect()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.server.take();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Said {
    fn answer(&self) -> anyhow::Result<Answer> {
        if let Some(status) = self.status {
            let headers = self.headers.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            return Ok(Answer::Status { status, headers, body: self.body.clone() });
        }
        if !self.call.is_empty() {
            let calls = self.call.iter().map(|call| {
                let arguments = match &call.arguments {
                    toml::Value::String(text) => text.clone(),
                    value => serde_json::to_string(value).context("arguments are JSON")?,
                };
                Ok((call.tool.clone(), arguments))
            });
            return Ok(Answer::Calls(calls.collect::<anyhow::Result<_>>()?));
        }
        match (&self.say, &self.cut, &self.raw) {
            (Some(text), None, None) => Ok(Answer::Text(text.clone())),
            (None, Some(text), None) => Ok(Answer::Cut(text.clone())),
            (None, None, Some(text)) => Ok(Answer::Raw(text.clone())),
            (None, None, None) if self.silence => Ok(Answer::Silence),
            _ => bail!("an answer is one of say, call, cut, raw, silence, status"),
        }
    }
}

/// The texts of a request's messages.
pub(crate) fn texts(request: &Value) -> Vec<String> {
    let messages = request["messages"].as_array().into_iter().flatten();
    messages.map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
}
