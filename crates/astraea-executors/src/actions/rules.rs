//! apply_rules: the user's own rewrite rules, literal or regular expressions.

use std::sync::Arc;

use astraea_code_access::{EditSet, RepoPath};
use astraea_engine::{ErrorClass, Outcome, TaskContext};
use async_trait::async_trait;
use globset::{Glob, GlobMatcher};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{edited, failed};
use super::args::Args;
use super::{Action, syntax};
use crate::runners::{Tree, below};
use crate::workspace::blocking;
use crate::{Error, Workspace};

/// Rewrites every file that a rule names.
///
/// The argument `rules` is a list of rules, or the path of a TOML file in the repository with `[[rule]]`
/// tables. A rule has `find` (a literal) or `regex`, `replace` (with `$1` for a regex's groups), and
/// optionally `files`, a glob. Rules are applied in order, and must leave alone what they made: a second run
/// has nothing to do.
#[derive(Debug)]
pub(super) struct ApplyRules;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    find: Option<String>,
    regex: Option<String>,
    replace: String,
    files: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[serde(default)]
    rule: Vec<RuleText>,
}

struct Rule {
    find: Find,
    replace: String,
    files: Option<GlobMatcher>,
}

enum Find {
    Literal(String),
    Pattern(Regex),
}

#[async_trait]
impl Action for ApplyRules {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let base = ws.edits_so_far(cx)?;
        let given = Args::of(cx).get("rules").cloned().ok_or_else(|| {
            Args::of(cx).wrong("rules", "is missing; give a list of rules or the path of a file")
        })?;
        let host = ws.clone();
        let (edits, counts) = blocking(move || apply(&host, &base, &given)).await?;
        let output = edited(&edits, json!({ "replaced": counts, "changed": edits.len() }))?;
        if edits.is_empty() {
            return Ok(failed(ErrorClass::NoPatch, "no rule matched anything", output));
        }
        Ok(Outcome::Succeeded(output))
    }
}

fn apply(ws: &Workspace, base: &EditSet, given: &Value) -> Result<(EditSet, Vec<usize>), Error> {
    let tree = ws.tree(base)?;
    let rules = rules(given, &tree)?;
    let mut counts = vec![0; rules.len()];
    let scope = ws.scope().dir_text();
    let mut builder = ws.repo().edit(ws.snapshot(), base);
    for path in tree.paths().iter().filter(|p| below(&scope, p).is_some()) {
        let wanted = |r: &Rule| r.files.as_ref().is_none_or(|g| g.is_match(path));
        if !rules.iter().any(wanted) {
            continue;
        }
        let Some(old) = tree.read(path) else { continue };
        let new = rewrite(&rules, &mut counts, path, &old);
        if new != old {
            builder.write(&RepoPath::new(path)?, new.as_bytes())?;
        }
    }
    let edits = builder.finish()?;
    syntax::check(ws, base, &edits)?;
    Ok((edits, counts))
}

fn rewrite(rules: &[Rule], counts: &mut [usize], path: &str, old: &str) -> String {
    let mut text = old.to_owned();
    for (rule, count) in rules.iter().zip(counts) {
        if rule.files.as_ref().is_some_and(|g| !g.is_match(path)) {
            continue;
        }
        match &rule.find {
            Find::Literal(find) => {
                let hits = text.matches(find.as_str()).count();
                if hits > 0 {
                    *count += hits;
                    text = text.replace(find.as_str(), &rule.replace);
                }
            }
            Find::Pattern(regex) => {
                let hits = regex.find_iter(&text).count();
                if hits > 0 {
                    *count += hits;
                    text = regex.replace_all(&text, rule.replace.as_str()).into_owned();
                }
            }
        }
    }
    text
}

fn rules(given: &Value, tree: &dyn Tree) -> Result<Vec<Rule>, Error> {
    let wrong = |problem: String| Error::argument("apply_rules", "rules", problem);
    let texts: Vec<RuleText> = match given {
        Value::String(path) => {
            let text = tree
                .read(path)
                .ok_or_else(|| wrong(format!("names {path}, which is no file that can be read")))?;
            let file: RuleFile =
                toml::from_str(&text).map_err(|e| wrong(format!("{path}: {}", e.message())))?;
            file.rule
        }
        Value::Array(_) => serde_json::from_value(given.clone()).map_err(|e| {
            wrong(format!("is no list of rules {{find|regex, replace, files}}: {e}"))
        })?,
        _ => return Err(wrong("must be a list of rules or the path of a file".to_owned())),
    };
    if texts.is_empty() {
        return Err(wrong("holds no rule".to_owned()));
    }
    texts.into_iter().enumerate().map(|(at, text)| rule(at + 1, text).map_err(wrong)).collect()
}

fn rule(at: usize, text: RuleText) -> Result<Rule, String> {
    let find = match (text.find, text.regex) {
        (Some(find), None) if !find.is_empty() => {
            if text.replace.contains(&find) {
                return Err(format!(
                    "rule {at}: `replace` contains `find`, so it would apply again; use a regex that does not match its result"
                ));
            }
            Find::Literal(find)
        }
        (None, Some(pattern)) => {
            let regex = Regex::new(&pattern).map_err(|e| format!("rule {at}: {e}"))?;
            if regex.is_match("") {
                return Err(format!("rule {at}: the regex matches the empty text"));
            }
            Find::Pattern(regex)
        }
        _ => return Err(format!("rule {at}: give either `find` or `regex`, not empty")),
    };
    let files = text
        .files
        .map(|glob| {
            Glob::new(&glob).map(|g| g.compile_matcher()).map_err(|e| format!("rule {at}: {e}"))
        })
        .transpose()?;
    Ok(Rule { find, replace: text.replace, files })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Tree for Nothing {
        fn paths(&self) -> &[String] {
            &[]
        }
        fn read(&self, _path: &str) -> Option<String> {
            None
        }
    }

    fn check(given: Value, path: &str, text: &str) -> Result<String, String> {
        let rules = rules(&given, &Nothing).map_err(|e| e.to_string())?;
        Ok(rewrite(&rules, &mut vec![0; rules.len()], path, text))
    }

    #[test]
    fn rules_are_applied_in_order_to_the_files_they_name() {
        let given = json!([
            { "find": "foo(", "replace": "bar(", "files": "**/*.py" },
            { "regex": "bar\\((\\w+)\\)", "replace": "baz($1, 1)" }
        ]);
        assert_eq!(check(given.clone(), "a.py", "foo(x)").unwrap(), "baz(x, 1)");
        assert_eq!(check(given, "a.rs", "foo(x)").unwrap(), "foo(x)");
    }

    #[test]
    fn rules_that_cannot_work_are_refused() {
        for given in [
            json!([]),
            json!("no/such.toml"),
            json!(3),
            json!([{ "replace": "x" }]),
            json!([{ "find": "", "replace": "x" }]),
            json!([{ "find": "a", "replace": "aa" }]),
            json!([{ "regex": "(", "replace": "x" }]),
            json!([{ "regex": "x*", "replace": "y" }]),
            json!([{ "find": "a", "replace": "b", "files": "[" }]),
            json!([{ "find": "a", "replace": "b", "colour": 1 }]),
        ] {
            assert!(check(given.clone(), "a.py", "a").is_err(), "{given}");
        }
    }
}
