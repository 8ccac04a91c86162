//! verify_state: files are there or not, and match patterns.

use std::sync::Arc;

use astraea_engine::{ErrorClass, Outcome, Output, TaskContext};
use async_trait::async_trait;
use regex::{Regex, RegexBuilder};
use serde_json::{Value, json};

use super::Action;
use super::answer::failed;
use super::args::Args;
use crate::runners::Tree;
use crate::workspace::blocking;
use crate::{Error, Workspace};

/// Checks what the edits so far leave: `files` and `absent` (paths), `patterns` (`[{path, pattern, absent?}]`, `^` and `$`
/// at line ends), `json` (`[{path, schema}]`: a JSON Schema, or the path of one in the repository),
/// `facts` (an object that the facts of `observe` must contain). Asked nothing, it fails: nothing was verified.
#[derive(Debug)]
pub(super) struct VerifyState;

#[async_trait]
impl Action for VerifyState {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let args = Args::of(cx);
        let (files, absent) = (args.texts("files")?, args.texts("absent")?);
        let patterns = patterns(&args)?;
        let schemas = schemas(&args)?;
        let facts = match args.get("facts") {
            None => serde_json::Map::new(),
            Some(Value::Object(facts)) => facts.clone(),
            Some(_) => return Err(args.wrong("facts", "must be an object")),
        };
        let observed = cx
            .inputs()
            .iter()
            .find_map(|(_, output)| output.value.get("facts").cloned())
            .unwrap_or_default();
        let edits = ws.edits_so_far(cx)?;
        let nothing_asked = files.is_empty()
            && absent.is_empty()
            && patterns.is_empty()
            && facts.is_empty()
            && schemas.is_empty();
        // after edits "the state" without a question means that there is something to show for them
        if nothing_asked && edits.is_empty() {
            return Ok(failed(
                ErrorClass::PostconditionFailed,
                "nothing was asked and nothing was changed, so nothing is verified",
                Output::default(),
            ));
        }
        let host = ws.clone();
        let tree = blocking(move || host.tree(&edits)).await?;
        let mut problems = Vec::new();
        for file in &files {
            if !tree.paths().contains(file) {
                problems.push(format!("{file} is not there"));
            }
        }
        for file in absent.iter().filter(|f| tree.paths().contains(f)) {
            problems.push(format!("{file} is there"));
        }
        for (path, pattern, wanted) in &patterns {
            match tree.read(path) {
                None => problems.push(format!("{path} cannot be read")),
                Some(text) if pattern.is_match(&text) != *wanted => {
                    let word = if *wanted { "does not match" } else { "matches" };
                    problems.push(format!("{path} {word} {pattern}"));
                }
                Some(_) => {}
            }
        }
        for (path, schema) in &schemas {
            problems.extend(validate(&tree, path, schema).map_err(|p| args.wrong("json", &p))?);
        }
        for (name, value) in &facts {
            if observed.get(name) != Some(value) {
                problems.push(format!("{name} is not {value}"));
            }
        }
        let checked = files.len() + absent.len() + patterns.len() + facts.len() + schemas.len();
        let output = Output::of(json!({ "checked": checked, "problems": problems }));
        if problems.is_empty() {
            return Ok(Outcome::Succeeded(output));
        }
        Ok(failed(ErrorClass::PostconditionFailed, problems.join("; "), output))
    }
}

fn schemas(args: &Args<'_>) -> Result<Vec<(String, Value)>, Error> {
    let Some(value) = args.get("json") else { return Ok(Vec::new()) };
    let wrong = || args.wrong("json", "must be a list of {path, schema}");
    let items = value.as_array().ok_or_else(wrong)?;
    items
        .iter()
        .map(|item| {
            let path = item["path"].as_str().ok_or_else(wrong)?;
            let schema = &item["schema"];
            if !(schema.is_object() || schema.is_boolean() || schema.is_string()) {
                return Err(wrong());
            }
            Ok((path.to_owned(), schema.clone()))
        })
        .collect()
}

/// What is wrong with a JSON file by its schema; a schema that is none is an error in words.
fn validate(tree: &dyn Tree, path: &str, schema: &Value) -> Result<Vec<String>, String> {
    let from_file;
    let schema = match schema {
        Value::String(at) => {
            let text = tree
                .read(at)
                .ok_or_else(|| format!("names the schema {at}, which cannot be read"))?;
            from_file = serde_json::from_str(&text)
                .map_err(|e| format!("names {at}, which is no JSON: {e}"))?;
            &from_file
        }
        given => given,
    };
    // nothing is fetched: a reference to elsewhere is an error of the schema
    let validator =
        jsonschema::validator_for(schema).map_err(|e| format!("holds no JSON Schema: {e}"))?;
    let Some(text) = tree.read(path) else { return Ok(vec![format!("{path} cannot be read")]) };
    let value: Value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(error) => return Ok(vec![format!("{path} is no JSON: {error}")]),
    };
    let errors = validator.iter_errors(&value).take(5);
    Ok(errors.map(|e| format!("{path} at `{}`: {e}", e.instance_path())).collect())
}

fn patterns(args: &Args<'_>) -> Result<Vec<(String, Regex, bool)>, Error> {
    let Some(value) = args.get("patterns") else { return Ok(Vec::new()) };
    let wrong = || args.wrong("patterns", "must be a list of {path, pattern}");
    let items = value.as_array().ok_or_else(wrong)?;
    items
        .iter()
        .map(|item| {
            let path = item.get("path").and_then(Value::as_str).ok_or_else(wrong)?;
            let pattern = item.get("pattern").and_then(Value::as_str).ok_or_else(wrong)?;
            let regex = RegexBuilder::new(pattern)
                .multi_line(true)
                .build()
                .map_err(|e| args.wrong("patterns", &format!("has no regular expression: {e}")))?;
            let absent = item.get("absent").and_then(Value::as_bool).unwrap_or(false);
            Ok((path.to_owned(), regex, !absent))
        })
        .collect()
}
