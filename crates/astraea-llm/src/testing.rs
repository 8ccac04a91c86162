//! A scripted HTTP server that speaks the protocol of `openai`: for tests over a real connection.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The largest request that is read, in bytes.
const MAX_REQUEST: usize = 8 << 20;

/// One answer of the server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Answer {
    /// Text, streamed in pieces.
    Text(String),
    /// A call of a tool, its arguments streamed in pieces exactly as given.
    Call {
        /// The tool.
        name: String,
        /// The arguments as the model writes them, valid or not.
        arguments: String,
    },
    /// Several calls in one turn: names and arguments.
    Calls(Vec<(String, String)>),
    /// Another status than 200, with headers and body.
    Status {
        /// The status.
        status: u16,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The beginning of a text, then the connection breaks off.
    Cut(String),
    /// Anything at all, as the body of a stream.
    Raw(String),
    /// No answer: the connection stays open until the client gives up.
    Silence,
}

impl Answer {
    /// A call of a tool with valid arguments.
    pub fn call(name: impl Into<String>, arguments: &Value) -> Self {
        Self::Call { name: name.into(), arguments: arguments.to_string() }
    }
}

/// A function from a request to an answer.
pub type Script = Box<dyn FnMut(&Value) -> Answer + Send>;

/// A server on the loopback interface. It stops when dropped.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

impl ScriptedServer {
    /// A server that answers in this order; beyond the end it answers 410.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> std::io::Result<Self> {
        let mut answers: VecDeque<_> = answers.into_iter().collect();
        let spent = || Answer::Status {
            status: 410,
            headers: Vec::new(),
            body: "the script has no further answer".into(),
        };
        Self::serve(Box::new(move |_| answers.pop_front().unwrap_or_else(spent))).await
    }

    /// A server that answers each request by a function, for scripts that depend on what is asked.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn serve(script: Script) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let script = Arc::new(Mutex::new(script));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                tokio::spawn(async move {
                    // A client that goes away is part of many tests.
                    let _ = exchange(stream, &seen, &script).await;
                });
            }
        });
        Ok(Self { address, requests, task })
    }

    /// What to give to a client as its base URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The bodies of the requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn exchange(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Value>>,
    script: &Mutex<Script>,
) -> std::io::Result<()> {
    let Some(body) = read_request(&mut stream).await? else { return Ok(()) };
    let answer = {
        let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
        script(&body)
    };
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    if matches!(answer, Answer::Silence) {
        // Ends when the client closes its side.
        let mut byte = [0];
        while stream.read(&mut byte).await? > 0 {}
        return Ok(());
    }
    stream.write_all(&response(&answer)).await?;
    stream.shutdown().await
}

/// Reads one request and returns its body; nothing where the client went away.
async fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Value>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 || bytes.len() > MAX_REQUEST {
            return Ok(None);
        }
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        if let Some(body) = bytes.get(end + 4..end + 4 + length.unwrap_or(0)) {
            return Ok(Some(serde_json::from_slice(body).unwrap_or_default()));
        }
    }
}

fn response(answer: &Answer) -> Vec<u8> {
    if let Answer::Status { status, headers, body } = answer {
        let mut head = format!(
            "HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\nConnection: close\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        return format!("{head}\r\n{body}").into_bytes();
    }
    // Chunked, so that a stream that is cut is told from one that has ended.
    let (body, whole) = match answer {
        Answer::Cut(text) => (events(&pieces(text), None), false),
        Answer::Raw(text) => (text.clone(), true),
        Answer::Text(text) => (events(&pieces(text), Some("stop")), true),
        Answer::Call { name, arguments } => {
            (events(&call(0, name, arguments), Some("tool_calls")), true)
        }
        Answer::Calls(calls) => {
            let deltas: Vec<_> = calls
                .iter()
                .enumerate()
                .flat_map(|(index, (name, text))| call(index, name, text))
                .collect();
            (events(&deltas, Some("tool_calls")), true)
        }
        Answer::Status { .. } | Answer::Silence => (String::new(), true),
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let end = if whole { "0\r\n\r\n" } else { "" };
    format!("{head}{:x}\r\n{body}\r\n{end}", body.len()).into_bytes()
}

fn pieces(text: &str) -> Vec<Value> {
    split(text).into_iter().map(|piece| json!({ "content": piece })).collect()
}

fn call(index: usize, name: &str, arguments: &str) -> Vec<Value> {
    let id = format!("call_{index}");
    let mut deltas = vec![json!({"tool_calls": [{"index": index, "id": id, "type": "function",
        "function": {"name": name, "arguments": ""}}]})];
    deltas.extend(
        split(arguments).into_iter().map(
            |piece| json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}),
        ),
    );
    deltas
}

fn events(deltas: &[Value], finish: Option<&str>) -> String {
    let chunk = |delta: &Value, finish: Option<&str>| {
        let chunk = json!({"object": "chat.completion.chunk", "model": "scripted",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        format!("data: {chunk}\n\n")
    };
    let mut body: String = deltas.iter().map(|delta| chunk(delta, None)).collect();
    if finish.is_some() {
        body.push_str(&chunk(&json!({}), finish));
        let usage = json!({"model": "scripted", "choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}});
        body.push_str(&format!("data: {usage}\n\ndata: [DONE]\n\n"));
    }
    body
}

/// Pieces of seven characters, so that every text is split somewhere.
fn split(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(7).map(|piece| piece.iter().collect()).collect()
}
