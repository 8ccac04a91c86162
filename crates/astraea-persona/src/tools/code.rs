//! Tools that read the repository, through its one door: what the policy forbids is refused here too.

use std::sync::Arc;

use astraea_code_access::{Base, EditSet, RepoPath, Repository, Snapshot};
use astraea_llm::Tool;
use async_trait::async_trait;
use serde_json::{Value, json};

use super::{CallContext, NOT_AVAILABLE, ToolAnswer, ToolHandler};

/// Entries of a listing, and matches of a search.
const MAX_ENTRIES: usize = 300;
/// Files larger than this are not searched, in bytes.
const MAX_SEARCHED: usize = 1 << 20;

/// The tools `read_file`, `list_files`, `search_code`; without a repository they say that they are not available.
#[must_use]
pub fn code_tools(repository: Option<Arc<Repository>>) -> Vec<Arc<dyn ToolHandler>> {
    [What::Read, What::List, What::Search]
        .map(|what| {
            Arc::new(CodeTool { what, repository: repository.clone() }) as Arc<dyn ToolHandler>
        })
        .to_vec()
}

#[derive(Debug, Clone, Copy)]
enum What {
    Read,
    List,
    Search,
}

#[derive(Debug, Clone)]
struct CodeTool {
    what: What,
    repository: Option<Arc<Repository>>,
}

#[async_trait]
impl ToolHandler for CodeTool {
    fn tool(&self) -> Tool {
        let (name, description, required, properties) = match self.what {
            What::Read => (
                "read_file",
                "Read a text file of the repository, as the user sees it now.",
                json!(["path"]),
                json!({
                    "path": {"type": "string", "description": "relative to the repository's root"},
                    "first_line": {"type": "integer", "minimum": 1}, "last_line": {"type": "integer", "minimum": 1}
                }),
            ),
            What::List => (
                "list_files",
                "List the files of the repository, or of a directory in it. Ignored files are left out.",
                json!([]),
                json!({"directory": {"type": "string"}}),
            ),
            What::Search => (
                "search_code",
                "Find the lines that contain a text, as path:line: text.",
                json!(["text"]),
                json!({"text": {"type": "string", "minLength": 1}, "directory": {"type": "string"}}),
            ),
        };
        Tool {
            name: name.into(),
            description: description.into(),
            parameters: json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties}),
        }
    }

    async fn call(&self, _cx: &CallContext, arguments: Value) -> ToolAnswer {
        let Some(repository) = self.repository.clone() else {
            return ToolAnswer::refusal(NOT_AVAILABLE);
        };
        let what = self.what;
        let work = tokio::task::spawn_blocking(move || look(what, &repository, &arguments));
        match work.await {
            Ok(Ok(text)) => ToolAnswer::text(text),
            Ok(Err(error)) => ToolAnswer::refusal(format!("refused: {error}")),
            Err(error) => ToolAnswer::refusal(format!("not carried out: {error}")),
        }
    }
}

fn look(what: What, repository: &Repository, arguments: &Value) -> Result<String, String> {
    let snapshot = repository.snapshot(Base::Worktree).map_err(|error| error.to_string())?;
    match what {
        What::Read => read(repository, &snapshot, arguments),
        What::List => list(repository, &snapshot, arguments),
        What::Search => search(repository, &snapshot, arguments),
    }
}

fn read(repository: &Repository, snapshot: &Snapshot, arguments: &Value) -> Result<String, String> {
    let path = RepoPath::new(arguments["path"].as_str().unwrap_or_default())
        .map_err(|error| error.to_string())?;
    let bytes =
        repository.read(snapshot, &EditSet::new(), &path).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{path} is not a text file"))?;
    let line = |name: &str| arguments[name].as_u64().and_then(|n| usize::try_from(n).ok());
    let first = line("first_line").unwrap_or(1).max(1);
    let count = line("last_line").map_or(usize::MAX, |last| (last + 1).saturating_sub(first));
    Ok(text.split_inclusive('\n').skip(first - 1).take(count).collect())
}

fn list(repository: &Repository, snapshot: &Snapshot, arguments: &Value) -> Result<String, String> {
    let paths = paths(repository, snapshot, arguments)?;
    let mut text: String = paths.iter().take(MAX_ENTRIES).map(|path| format!("{path}\n")).collect();
    if paths.len() > MAX_ENTRIES {
        text.push_str(&format!("… and {} more; name a directory\n", paths.len() - MAX_ENTRIES));
    }
    if text.is_empty() {
        text.push_str("no files there\n");
    }
    Ok(text)
}

fn search(
    repository: &Repository,
    snapshot: &Snapshot,
    arguments: &Value,
) -> Result<String, String> {
    let wanted = arguments["text"].as_str().unwrap_or_default();
    let mut found = Vec::new();
    for path in paths(repository, snapshot, arguments)? {
        // What may not be read is not searched; what is no text has no lines.
        let Ok(bytes) = repository.read(snapshot, &EditSet::new(), &path) else { continue };
        if bytes.len() > MAX_SEARCHED {
            continue;
        }
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        for (number, line) in text.lines().enumerate().filter(|(_, line)| line.contains(wanted)) {
            found.push(format!("{path}:{}: {}\n", number + 1, line.trim()));
            if found.len() == MAX_ENTRIES {
                found.push("… and more; name a directory or a longer text\n".into());
                return Ok(found.concat());
            }
        }
    }
    if found.is_empty() { Ok(format!("no line contains `{wanted}`\n")) } else { Ok(found.concat()) }
}

fn paths(
    repository: &Repository,
    snapshot: &Snapshot,
    arguments: &Value,
) -> Result<Vec<RepoPath>, String> {
    let directory = match arguments["directory"].as_str().map(|text| text.trim_matches('/')) {
        None | Some("" | ".") => None,
        Some(text) => Some(RepoPath::new(text).map_err(|error| error.to_string())?),
    };
    let entries = repository.list(snapshot, &EditSet::new()).map_err(|error| error.to_string())?;
    let inside =
        |path: &RepoPath| directory.as_ref().is_none_or(|directory| path.is_within(directory));
    Ok(entries.into_iter().map(|entry| entry.path).filter(inside).collect())
}
