//! rename: through a tool that knows the scopes, or not at all.
//!
//! Python: rope, JavaScript and TypeScript: TypeScript's language service, each found in the repository's environment
//! or on the machine, never brought along. Rust: over the syntax tree, where the name is the only one of its kind.

mod rust;

use std::collections::BTreeMap;
use std::sync::Arc;

use astraea_code_access::{EditSet, RepoPath};
use astraea_engine::{ErrorClass, Outcome, Output, TaskContext};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::Action;
use super::answer::{edited, failed};
use super::args::Args;
use super::languages::languages;
use super::suite::own_python;
use super::syntax;
use crate::runners::{Tree, below, join};
use crate::workspace::blocking;
use crate::{Error, Ran, RepoTree, Workspace};

const PYTHON: &str = include_str!("rename/python.py");
const JAVASCRIPT: &str = include_str!("rename/javascript.cjs");

/// Renames what `from` names (qualified where that is needed: `Cart.total`) to `to`; `file` says where it is defined.
#[derive(Debug)]
pub(super) struct Rename;

/// How one language answered.
enum Answer {
    Renamed {
        edits: EditSet,
        definition: String,
    },
    /// Not defined there, or not to be told apart.
    No(String),
    /// The tool is not there: what to do about it.
    Missing(String),
}

#[async_trait]
impl Action for Rename {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let args = Args::of(cx);
        let (from, to) = (args.need_text(&["from"])?, args.need_text(&["to"])?);
        let file = args.text(&["file"])?;
        let bad = |text: &str| {
            text.is_empty() || text.starts_with('-') || text.chars().any(char::is_whitespace)
        };
        for (name, text) in [("from", from), ("to", to)] {
            if bad(text) {
                return Err(args.wrong(name, "must be a name"));
            }
        }
        let base = ws.edits_so_far(cx)?;
        let (host, of) = (ws.clone(), base.clone());
        let tree = blocking(move || host.tree(&of)).await?;
        let scope = ws.scope().dir_text();
        let (mut no, mut missing) = (Vec::new(), Vec::new());
        for language in languages(&tree, &scope) {
            let fits = file.is_none_or(|file| {
                languages(&One(vec![file.to_owned()]), "") == [language.clone()]
            });
            if !fits {
                continue;
            }
            let job = Job { ws, cx, base: &base, tree: &tree, scope: &scope, from, to, file };
            let answer = match language.as_str() {
                "python" => job.python().await?,
                "javascript" | "typescript" => job.javascript().await?,
                "rust" => job.rust().await?,
                other => Answer::Missing(format!("no tool that renames in {other} is known here")),
            };
            match answer {
                Answer::Renamed { edits, definition } => {
                    syntax::check(ws, &base, &edits)?;
                    let left = left_over(ws, &base, &edits, from).await?;
                    let value = json!({
                        "renamed": { "from": from, "to": to, "definition": definition }, "changed": edits.len(),
                        "left": left,
                    });
                    return Ok(Outcome::Succeeded(edited(&edits, value)?));
                }
                Answer::No(why) => no.push(format!("{language}: {why}")),
                Answer::Missing(how) => missing.push(how),
            }
            if language == "javascript" && no.iter().any(|why| why.starts_with("typescript")) {
                break;
            }
        }
        no.dedup();
        missing.dedup();
        let output = Output::of(json!({ "renamed": null, "why": no, "missing": missing }));
        if !missing.is_empty() {
            let message = format!("{from} was not renamed: {}", missing.join("; "));
            return Ok(failed(ErrorClass::Environment, message, output));
        }
        let why =
            if no.is_empty() { "there is no source code here".to_owned() } else { no.join("; ") };
        Ok(failed(ErrorClass::NoPatch, format!("{from} was not renamed: {why}"), output))
    }
}

/// What is to be renamed, and where.
struct Job<'a> {
    ws: &'a Arc<Workspace>,
    cx: &'a TaskContext,
    base: &'a EditSet,
    tree: &'a RepoTree,
    scope: &'a str,
    from: &'a str,
    to: &'a str,
    file: Option<&'a str>,
}

impl Job<'_> {
    async fn python(&self) -> Result<Answer, Error> {
        let copy = self.ws.private_copy(self.base).await?;
        let own = own_python(self.ws, &copy, self.scope)?;
        let mut pythons: Vec<String> = own.into_iter().collect();
        pythons.push("python3".to_owned());
        for python in pythons {
            let argv = [python.as_str(), "-c", PYTHON, self.from, self.to, self.file()];
            match self.tool(&copy, &argv).await? {
                Some(answer) if answer["missing"].is_null() => {
                    return self.collect(copy, &answer).await;
                }
                _ => {}
            }
        }
        Ok(Answer::Missing(
            "renaming in Python needs rope, and it is not there; `pip install rope` in the repository's environment"
                .to_owned(),
        ))
    }

    async fn javascript(&self) -> Result<Answer, Error> {
        let copy = self.ws.private_copy(self.base).await?;
        let argv = ["node", "-e", JAVASCRIPT, "--", self.from, self.to, self.file()];
        match self.tool(&copy, &argv).await? {
            Some(answer) if answer["missing"].is_null() => self.collect(copy, &answer).await,
            _ => Ok(Answer::Missing(
                "renaming in JavaScript needs TypeScript's language service, and it is not there; `npm install --save-dev typescript@5`"
                    .to_owned(),
            )),
        }
    }

    /// The file as it is seen from the scope, where the tools run.
    fn file(&self) -> &str {
        self.file.map_or("", |file| below(self.scope, file).unwrap_or(file))
    }

    async fn tool(
        &self,
        copy: &Arc<crate::TaskCopy>,
        argv: &[&str],
    ) -> Result<Option<Value>, Error> {
        let prepared = self.ws.writing_command(copy, argv.iter().copied(), self.scope).await?;
        let ran: Ran = prepared
            .with_env("PYTHONDONTWRITEBYTECODE", "1")
            .within(self.cx)
            .run(&self.cx.cancel)
            .await?;
        let said = ran.stdout.lines().find_map(|line| line.strip_prefix("@rename "));
        if let Some(said) = said {
            return Ok(serde_json::from_str(said).ok());
        }
        if ran.success() || matches!(ran.ended, crate::runners::Ended::NotStarted(_)) {
            return Ok(None);
        }
        let why = ran.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("");
        let why = self.ws.redacted_tail(why);
        Ok(Some(json!({ "error": format!("the tool failed: {}", why.trim()) })))
    }

    async fn collect(&self, copy: Arc<crate::TaskCopy>, answer: &Value) -> Result<Answer, Error> {
        if let Some(error) = answer["error"].as_str() {
            return Ok(Answer::No(error.to_owned()));
        }
        let host = self.ws.clone();
        let edits = blocking(move || Ok(copy.collect(host.policy())?.edits)).await?;
        if edits.is_empty() {
            return Ok(Answer::No("the tool changed nothing".to_owned()));
        }
        let definition = answer["definition"].as_str().unwrap_or_default();
        Ok(Answer::Renamed { edits, definition: join(self.scope, definition) })
    }

    async fn rust(&self) -> Result<Answer, Error> {
        let files: Vec<(String, String)> = self
            .tree
            .paths()
            .iter()
            .filter(|path| path.ends_with(".rs") && below(self.scope, path).is_some())
            .filter_map(|path| Some((path.clone(), self.tree.read(path)?)))
            .collect();
        let (ws, base) = (self.ws.clone(), self.base.clone());
        let (from, to, file) =
            (self.from.to_owned(), self.to.to_owned(), self.file.map(str::to_owned));
        blocking(move || {
            let (changed, definition) = match rust::rename(&files, &from, &to, file.as_deref()) {
                Ok(done) => done,
                Err(why) => return Ok(Answer::No(why)),
            };
            let mut builder = ws.repo().edit(ws.snapshot(), &base);
            for (path, text) in &changed {
                builder.write(&RepoPath::new(path)?, text.as_bytes())?;
            }
            Ok(Answer::Renamed { edits: builder.finish()?, definition })
        })
        .await
    }
}

/// One name as a tree, to ask for its language.
struct One(Vec<String>);

impl Tree for One {
    fn paths(&self) -> &[String] {
        &self.0
    }

    fn read(&self, _path: &str) -> Option<String> {
        None
    }
}

/// Where the old name still stands as a word: in comments, texts, or where a tool was not sure. File → lines.
async fn left_over(
    ws: &Arc<Workspace>,
    base: &EditSet,
    edits: &EditSet,
    from: &str,
) -> Result<BTreeMap<String, Vec<usize>>, Error> {
    /// The most files that are named.
    const MOST: usize = 20;
    let word = from.rsplit(['.', ':', '#']).next().unwrap_or(from).to_owned();
    let merge = |source| Error::Merge { task: "rename".to_owned(), source };
    let all = base.then(edits).map_err(merge)?;
    let host = ws.clone();
    blocking(move || {
        let tree = host.tree(&all)?;
        let mut found = BTreeMap::new();
        for path in tree.paths() {
            let Some(text) = tree.read(path).filter(|text| text.contains(&word)) else { continue };
            let lines: Vec<usize> = (1..)
                .zip(text.lines())
                .filter(|(_, line)| {
                    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
                })
                .map(|(number, _)| number)
                .take(5)
                .collect();
            if !lines.is_empty() && found.len() < MOST {
                found.insert(path.clone(), lines);
            }
        }
        Ok(found)
    })
    .await
}
