//! A small HTTP/1.1 client: enough to ask the server under test, to listen to its events, and to go away in the middle.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, ensure};
use serde_json::Value;

/// No answer takes longer; a bound, not a measure.
const PATIENCE: Duration = Duration::from_secs(180);

/// A request that is ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    /// A request without headers of its own.
    pub(crate) fn new(method: &str, path: &str, body: Option<Value>) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body }
    }

    /// Adds the bearer token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        self
    }

    /// Connects and writes the request; the answer is yet to be read.
    pub(crate) fn send(&self, address: SocketAddr) -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(address).context("connecting to the server")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut text = format!(
            "{} {} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.method,
            self.path,
            body.len()
        );
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text.push_str("Host: localhost:8000\r\n");
        }
        if self.body.is_some() {
            text.push_str("Content-Type: application/json\r\n");
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{text}\r\n{body}").as_bytes())?;
        Ok(stream)
    }

    /// Sends it and reads the whole answer.
    pub(crate) fn ask(&self, address: SocketAddr) -> anyhow::Result<Reply> {
        read(self.send(address)?).with_context(|| format!("{} {}", self.method, self.path))
    }
}

/// Reads an answer to its end.
///
/// # Errors
/// When the connection breaks off before.
pub(crate) fn read(stream: TcpStream) -> anyhow::Result<Reply> {
    let mut reader = BufReader::new(stream);
    let mut reply = head(&mut reader)?;
    let header = |name: &str| {
        reply.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let mut body = Vec::new();
    if header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        while let Some(chunk) = chunk(&mut reader)? {
            body.extend(chunk);
        }
    } else {
        reader.read_to_end(&mut body)?;
        if let Some(length) = header("content-length") {
            ensure!(length.parse() == Ok(body.len()), "{} of {length} bytes came", body.len());
        }
    }
    reply.body = String::from_utf8(body)?;
    Ok(reply)
}

/// Reads a stream of events line by line until `enough` says so; false where the stream ended before.
///
/// # Errors
/// When the server refuses.
pub(crate) fn follow(
    stream: TcpStream,
    mut enough: impl FnMut(&str) -> bool,
) -> anyhow::Result<bool> {
    let mut reader = BufReader::new(stream);
    let reply = head(&mut reader)?;
    ensure!(reply.status == 200, "the events answer with {}", reply.status);
    let mut rest = String::new();
    while let Ok(Some(bytes)) = chunk(&mut reader) {
        rest.push_str(&String::from_utf8_lossy(&bytes));
        while let Some(end) = rest.find('\n') {
            let line: String = rest.drain(..=end).collect();
            if enough(line.trim_end()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn head(reader: &mut BufReader<TcpStream>) -> anyhow::Result<Reply> {
    let mut reply = Reply::default();
    let mut line = String::new();
    ensure!(reader.read_line(&mut line)? > 0, "the connection broke off before any answer");
    reply.status =
        line.split(' ').nth(1).and_then(|text| text.parse().ok()).context("a status line")?;
    loop {
        line.clear();
        ensure!(reader.read_line(&mut line)? > 0, "the connection broke off in the head");
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                reply.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => return Ok(reply),
        }
    }
}

/// The next chunk (RFC 9112, section 7.1); nothing after the last.
fn chunk(reader: &mut BufReader<TcpStream>) -> anyhow::Result<Option<Vec<u8>>> {
    let mut line = String::new();
    ensure!(reader.read_line(&mut line)? > 0, "the connection broke off between chunks");
    let length = usize::from_str_radix(line.trim(), 16).context("the length of a chunk")?;
    let mut bytes = vec![0; length + 2];
    reader.read_exact(&mut bytes).context("the connection broke off in a chunk")?;
    bytes.truncate(length);
    Ok((length > 0).then_some(bytes))
}
