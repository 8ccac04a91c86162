//! create_file, modify_code, delete_file.

use std::sync::Arc;

use astraea_code_access::{EditSet, RepoPath};
use astraea_engine::{Outcome, TaskContext};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::answer::edited;
use super::args::Args;
use super::{Action, syntax};
use crate::workspace::blocking;
use crate::{Error, Workspace};

/// One change of one file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// A file that is not there yet.
    Create,
    /// A file that is there: new contents, one text for another, or a span.
    Modify,
    /// A file that is there, gone.
    Delete,
}

/// What is to be done, read from the arguments.
enum How {
    Whole(String),
    Replace { search: String, replace: String },
    Span { start: usize, end: usize, text: String, expected: Option<String> },
    Gone,
}

#[async_trait]
impl Action for Change {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let args = Args::of(cx);
        let path = args.need_path(&["path", "file_path"])?;
        let how = how(*self, &args, ws)?;
        let base = ws.edits_so_far(cx)?;
        let (ws, change) = (ws.clone(), *self);
        let edits = blocking(move || {
            let edits = apply(&ws, &base, &path, change, how)?;
            syntax::check(&ws, &base, &edits)?;
            Ok(edits)
        })
        .await?;
        let changed = !edits.is_empty();
        Ok(Outcome::Succeeded(edited(&edits, json!({ "changed": changed }))?))
    }
}

fn how(change: Change, args: &Args<'_>, ws: &Workspace) -> Result<How, Error> {
    const CONTENT: [&str; 2] = ["content", "new_content"];
    match change {
        Change::Delete => return Ok(How::Gone),
        Change::Create => {
            let content = args.contents(&CONTENT, ws)?;
            let content =
                content.ok_or_else(|| args.wrong("content", "is missing; give it as a text"))?;
            return Ok(How::Whole(content));
        }
        Change::Modify => {}
    }
    if let Some(content) = args.contents(&CONTENT, ws)? {
        return Ok(How::Whole(content));
    }
    if let Some(search) = args.contents(&["search"], ws)? {
        if search.is_empty() {
            return Err(args.wrong("search", "is empty; give the text to replace"));
        }
        let replace = args.contents(&["replace"], ws)?;
        let replace =
            replace.ok_or_else(|| args.wrong("replace", "is missing; give it as a text"))?;
        return Ok(How::Replace { search, replace });
    }
    let Some(span) = args.get("span") else {
        return Err(args.wrong(
            "content",
            "is missing; give `content`, or `search` and `replace`, or `span` {start, end, text}",
        ));
    };
    let number =
        |name: &str| span.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    match (number("start"), number("end"), span.get("text").and_then(Value::as_str)) {
        (Some(start), Some(end), Some(text)) => Ok(How::Span {
            start,
            end,
            text: text.to_owned(),
            expected: span.get("expected").and_then(Value::as_str).map(str::to_owned),
        }),
        _ => Err(args.wrong("span", "must have `start`, `end` (bytes) and `text`")),
    }
}

fn apply(
    ws: &Workspace,
    base: &EditSet,
    path: &RepoPath,
    change: Change,
    how: How,
) -> Result<EditSet, Error> {
    let repo = ws.repo();
    let found = repo.lookup(ws.snapshot(), base, path)?;
    let mut builder = repo.edit(ws.snapshot(), base);
    match how {
        How::Whole(content) => {
            let old = match (found, change) {
                (Some((id, _)), _) => Some(repo.blob(id)?),
                (None, Change::Modify) => {
                    // the policy answers first: a forbidden path does not tell whether it is there
                    ws.policy().check(path, astraea_code_access::Access::Write)?;
                    let missing =
                        astraea_code_access::AccessError::FileNotFound { path: path.clone() };
                    return Err(missing.into());
                }
                (None, _) => None,
            };
            let bytes = match (&old, change) {
                (Some(old), Change::Create) if old != content.as_bytes() => {
                    ws.policy().check(path, astraea_code_access::Access::Write)?;
                    let reason = "it exists with other contents; use modify_code".to_owned();
                    let exists =
                        astraea_code_access::AccessError::Write { path: path.clone(), reason };
                    return Err(exists.into());
                }
                (Some(old), _) => like(old, &content),
                (None, _) => content.into_bytes(),
            };
            builder.write(path, &bytes)?;
        }
        How::Replace { search, replace } => {
            builder.replace_text(path, &search, &replace)?;
        }
        How::Span { start, end, text, expected } => {
            let expected = match expected {
                Some(id) => {
                    id.parse().map_err(|e: String| Error::argument("modify_code", "span", e))?
                }
                None => match found {
                    Some((id, _)) => id,
                    None => {
                        ws.policy().check(path, astraea_code_access::Access::Write)?;
                        let missing =
                            astraea_code_access::AccessError::FileNotFound { path: path.clone() };
                        return Err(missing.into());
                    }
                },
            };
            builder.replace_span(path, start..end, expected, text.as_bytes())?;
        }
        How::Gone => {
            builder.delete(path)?;
        }
    }
    Ok(builder.finish()?)
}

/// New contents in the manner of the old ones: byte order mark and line endings stay what they were.
fn like(old: &[u8], content: &str) -> Vec<u8> {
    const BOM: &str = "\u{feff}";
    let crlf = old.windows(2).filter(|w| w == b"\r\n").count();
    let lf = old.iter().filter(|b| **b == b'\n').count();
    let mut text = content.to_owned();
    if crlf > 0 && crlf == lf && !text.contains('\r') {
        text = text.replace('\n', "\r\n");
    }
    if old.starts_with(BOM.as_bytes()) && !text.starts_with(BOM) {
        text.insert_str(0, BOM);
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn line_endings_and_the_mark_stay_what_they_were() {
        assert_eq!(like(b"a\r\nb\r\n", "x\ny\n"), b"x\r\ny\r\n");
        assert_eq!(like(b"a\nb\r\n", "x\n"), b"x\n");
        assert_eq!(like("\u{feff}a".as_bytes(), "b"), "\u{feff}b".as_bytes());
        assert_eq!(like(b"", "b\n"), b"b\n");
    }
}
