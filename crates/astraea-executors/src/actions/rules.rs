//! apply_rules: rewrite rules, over the syntax (ast-grep) or over the text, bundled or the user's own.

mod structural;
mod textual;

use std::collections::BTreeMap;
use std::sync::Arc;

use astraea_code_access::{EditSet, RepoPath};
use astraea_engine::{ErrorClass, Outcome, TaskContext};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::answer::{edited, failed};
use super::args::Args;
use super::{Action, syntax};
use crate::runners::{Tree, below};
use crate::workspace::blocking;
use crate::{Error, Workspace};
use structural::{Structural, bundled};
use textual::{Rule, RuleFile, RuleText};

/// Rewrites every file that a rule names.
///
/// The argument `rules` is a list, or one item: an object is a rule over the text (`find` or `regex`, `replace`, `files`); a
/// string names bundled rules (an id, a language, `bundled`) or a file of the repository, `.yml` with ast-grep rules or `.toml`
/// with `[[rule]]` tables. Without it the rules of the workspace's options are meant. Rules are applied until they rest: a
/// second run has nothing to do.
#[derive(Debug)]
pub(super) struct ApplyRules;

/// Everything to apply.
struct Rules {
    textual: Vec<Rule>,
    structural: Structural,
}

#[async_trait]
impl Action for ApplyRules {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let base = ws.edits_so_far(cx)?;
        let given = Args::of(cx).get("rules").cloned();
        if given.is_none() && ws.options().rules.is_empty() {
            return Err(Args::of(cx).wrong(
                "rules",
                "is missing; give a list of rules, the name of bundled ones, or the path of a file",
            ));
        }
        let host = ws.clone();
        let (edits, counts) = blocking(move || apply(&host, &base, given.as_ref())).await?;
        let output = edited(&edits, json!({ "replaced": counts, "changed": edits.len() }))?;
        if edits.is_empty() {
            return Ok(failed(ErrorClass::NoPatch, "no rule matched anything", output));
        }
        Ok(Outcome::Succeeded(output))
    }
}

fn apply(
    ws: &Workspace,
    base: &EditSet,
    given: Option<&Value>,
) -> Result<(EditSet, BTreeMap<String, usize>), Error> {
    let tree = ws.tree(base)?;
    let rules = match given {
        Some(given) => rules(given, &tree)?,
        None => sources(Vec::new(), ws.options().rules.clone())?,
    };
    let mut counts = BTreeMap::new();
    let mut by_number = vec![0; rules.textual.len()];
    let scope = ws.scope().dir_text();
    let mut builder = ws.repo().edit(ws.snapshot(), base);
    for path in tree.paths().iter().filter(|p| below(&scope, p).is_some()) {
        let Some(old) = tree.read(path) else { continue };
        let new = rules.rewrite(path, &old, &mut by_number, &mut counts)?;
        if new != old {
            builder.write(&RepoPath::new(path)?, new.as_bytes())?;
        }
    }
    let edits = builder.finish()?;
    syntax::check(ws, base, &edits)?;
    for (at, count) in by_number.into_iter().enumerate() {
        counts.insert(format!("rule {}", at + 1), count);
    }
    Ok((edits, counts))
}

impl Rules {
    fn rewrite(
        &self,
        path: &str,
        old: &str,
        by_number: &mut [usize],
        counts: &mut BTreeMap<String, usize>,
    ) -> Result<String, Error> {
        let text = textual::rewrite(&self.textual, by_number, path, old).map_err(wrong)?;
        self.structural.rewrite(path, &text, counts).map_err(wrong)
    }
}

fn wrong(problem: impl Into<String>) -> Error {
    Error::argument("apply_rules", "rules", problem)
}

fn rules(given: &Value, tree: &dyn Tree) -> Result<Rules, Error> {
    let one;
    let items = match given {
        Value::Array(items) => items.as_slice(),
        Value::String(_) | Value::Object(_) => {
            one = [given.clone()];
            &one
        }
        _ => {
            return Err(wrong(
                "must be a list of rules, the name of bundled ones or the path of a file",
            ));
        }
    };
    let (mut texts, mut documents): (Vec<RuleText>, Vec<(String, String)>) = Default::default();
    for item in items {
        let Value::String(name) = item else {
            texts.push(serde_json::from_value(item.clone()).map_err(|e| {
                wrong(format!("holds what is no rule {{find|regex, replace, files}}: {e}"))
            })?);
            continue;
        };
        if let Some(text) = bundled(name) {
            documents.push((name.clone(), text));
            continue;
        }
        let text = tree.read(name).ok_or_else(|| {
            wrong(format!("names {name}, which is neither bundled nor a file that can be read"))
        })?;
        if name.ends_with(".yml") || name.ends_with(".yaml") {
            documents.push((name.clone(), text));
        } else {
            let file: RuleFile =
                toml::from_str(&text).map_err(|e| wrong(format!("{name}: {}", e.message())))?;
            texts.extend(file.rule);
        }
    }
    sources(texts, documents)
}

fn sources(texts: Vec<RuleText>, documents: Vec<(String, String)>) -> Result<Rules, Error> {
    if texts.is_empty() && documents.is_empty() {
        return Err(wrong("holds no rule"));
    }
    Ok(Rules {
        textual: textual::compile(texts).map_err(wrong)?,
        structural: Structural::parse(&documents).map_err(wrong)?,
    })
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
        let mut by_number = vec![0; rules.textual.len()];
        rules.rewrite(path, text, &mut by_number, &mut BTreeMap::new()).map_err(|e| e.to_string())
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
    fn bundled_rules_and_rules_of_ones_own_go_together() {
        let given = json!(["python-is-none", { "find": "colour", "replace": "color" }]);
        assert_eq!(check(given, "a.py", "colour == None\n").unwrap(), "color is None\n");
        assert_eq!(check(json!("python"), "a.py", "x != None\n").unwrap(), "x is not None\n");
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
            json!([{ "regex": "a", "replace": "ab" }]),
        ] {
            assert!(check(given.clone(), "a.py", "a").is_err(), "{given}");
        }
    }
}
