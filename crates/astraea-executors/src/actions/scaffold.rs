//! scaffold: a start that fails its test and says so.

use std::sync::Arc;

use astraea_code_access::{EditSet, RepoPath};
use astraea_engine::{Outcome, TaskContext};
use async_trait::async_trait;
use serde_json::json;

use super::answer::edited;
use super::args::Args;
use super::languages::languages;
use super::{Action, syntax};
use crate::runners::{Tree, join};
use crate::workspace::blocking;
use crate::{Error, Workspace};

/// Where generated files go unless a path is given.
const GENERATED: &str = "tests/generated";

/// Writes a failing test in the repository's language. It never claims to be more than a start.
#[derive(Debug)]
pub(super) struct Scaffold;

#[async_trait]
impl Action for Scaffold {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let args = Args::of(cx);
        let what = args.text(&["what"])?.unwrap_or("feature").to_owned();
        if !matches!(what.as_str(), "feature" | "tests") {
            return Err(args.wrong("what", "must be feature or tests"));
        }
        let name = args.text(&["feature_name", "name"])?.unwrap_or(&what).to_owned();
        let description = args.text(&["description"])?.unwrap_or(&name).to_owned();
        let path = args.path(&["path"])?;
        let language = args.text(&["language"])?.map(str::to_owned);
        // the same goal gives the same file, another one another
        let key = cx.task.idempotency_key();
        let mark = key.get(..8).unwrap_or("00000000").to_owned();
        let base = ws.edits_so_far(cx)?;
        let host = ws.clone();
        let edits = blocking(move || {
            let tree = host.tree(&base)?;
            let scope = host.scope().dir_text();
            let language = match language {
                Some(language) => language,
                None => languages(&tree, &scope).into_iter().next().ok_or_else(|| {
                    Error::argument(
                        "scaffold",
                        "language",
                        "is missing, and no source file tells it",
                    )
                })?,
            };
            let plan = Plan { what, name, description, mark, language, scope };
            let edits = plan.write(&host, &base, &tree, path)?;
            syntax::check(&host, &base, &edits)?;
            Ok(edits)
        })
        .await?;
        let value = json!({
            "outcome": "scaffold",
            "note": "a start: its test fails until somebody fills it in",
        });
        Ok(Outcome::Succeeded(edited(&edits, value)?))
    }
}

struct Plan {
    what: String,
    name: String,
    description: String,
    mark: String,
    language: String,
    scope: String,
}

impl Plan {
    fn write(
        &self,
        ws: &Workspace,
        base: &EditSet,
        tree: &dyn Tree,
        path: Option<RepoPath>,
    ) -> Result<EditSet, Error> {
        let given = path.is_some();
        let path = match path {
            Some(path) => path,
            None => RepoPath::new(join(&self.dir(tree), &self.file_name()))?,
        };
        if given && path.as_str().is_some_and(|name| tree.read(name).is_some()) {
            let problem = format!("names {path}, which exists: a scaffold is a new file");
            return Err(Error::argument("scaffold", "file_path", problem));
        }
        let mut builder = ws.repo().edit(ws.snapshot(), base);
        let stub = self.stub().ok_or_else(|| {
            let problem = format!("is {}, for which there is no scaffold", self.language);
            Error::argument("scaffold", "language", problem)
        })?;
        builder.write(&path, stub.as_bytes())?;
        if self.language == "rust" && !given {
            // cargo finds `tests/generated/main.rs` by itself, and nothing else in that folder
            let main = join(&self.dir(tree), "main.rs");
            let old = tree.read(&main).unwrap_or_else(|| {
                "//! Generated tests; each fails until somebody fills it in.\n\n".to_owned()
            });
            let text = format!("{old}mod {};\n", self.stem());
            builder.write(&RepoPath::new(&main)?, text.as_bytes())?;
        }
        Ok(builder.finish()?)
    }

    fn dir(&self, tree: &dyn Tree) -> String {
        if self.language != "rust" {
            return join(&self.scope, GENERATED);
        }
        // a test belongs to a package: the one of the scope, or the first there is
        let package = crate::runners::find(tree, &self.scope, None)
            .into_iter()
            .find(|r| r.kind == crate::runners::RunnerKind::Cargo)
            .map(|r| r.dir)
            .unwrap_or_default();
        let own = |dir: &str| {
            tree.read(&join(dir, "Cargo.toml")).is_some_and(|text| text.contains("[package]"))
        };
        let dir = if own(&package) {
            package
        } else {
            tree.paths()
                .iter()
                .filter_map(|p| p.strip_suffix("/Cargo.toml"))
                .filter(|d| crate::runners::below(&package, d).is_some())
                .find(|d| own(d))
                .map_or(package, str::to_owned)
        };
        join(&dir, GENERATED)
    }

    fn stem(&self) -> String {
        format!("{}_{}", self.what, self.mark)
    }

    fn file_name(&self) -> String {
        match self.language.as_str() {
            "python" => format!("test_{}.py", self.stem()),
            "rust" => format!("{}.rs", self.stem()),
            "go" => format!("{}_test.go", self.stem()),
            "typescript" => format!("{}.test.ts", self.stem()),
            _ => format!("{}.test.mjs", self.stem()),
        }
    }

    fn stub(&self) -> Option<String> {
        let (slug, name, text) = (slug(&self.name), line(&self.name), line(&self.description));
        let note = format!("scaffold, not implemented: {text}");
        let quoted = serde_json::to_string(&note).unwrap_or_else(|_| "\"scaffold\"".to_owned());
        Some(match self.language.as_str() {
            "python" => {
                let class: String = slug.split('_').map(capital).collect();
                format!(
                    "# Scaffold for {name}. It fails until somebody fills it in.\nimport unittest\n\n\nclass {class}Scaffold(unittest.TestCase):\n    def test_{slug}(self):\n        self.fail({quoted})\n"
                )
            }
            "rust" => {
                // `{` means something to panic!
                let quoted = quoted.replace('{', "{{").replace('}', "}}");
                format!(
                    "//! Scaffold for {name}. It fails until somebody fills it in.\n\n#[test]\nfn {slug}() {{\n    panic!({quoted});\n}}\n"
                )
            }
            "javascript" | "typescript" => {
                let title =
                    serde_json::to_string(&name).unwrap_or_else(|_| "\"scaffold\"".to_owned());
                format!(
                    "// Scaffold for {name}. It fails until somebody fills it in.\nimport test from \"node:test\";\nimport assert from \"node:assert\";\n\ntest({title}, () => {{\n  assert.fail({quoted});\n}});\n"
                )
            }
            "go" => {
                let title: String = slug.split('_').map(capital).collect();
                format!(
                    "// Scaffold for {name}. It fails until somebody fills it in.\npackage generated\n\nimport \"testing\"\n\nfunc Test{title}(t *testing.T) {{\n\tt.Fatal({quoted})\n}}\n"
                )
            }
            _ => return None,
        })
    }
}

/// A name that every language takes.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('_') && !slug.is_empty() {
            slug.push('_');
        }
    }
    let slug: String = slug.trim_end_matches('_').chars().take(60).collect();
    match slug.chars().next() {
        None => "feature".to_owned(),
        Some(c) if c.is_ascii_digit() => format!("feature_{slug}"),
        // no keyword of any of the languages has an underscore and a digit
        _ if RESERVED.contains(&slug.as_str()) => format!("{slug}_1"),
        _ => slug,
    }
}

const RESERVED: [&str; 12] = [
    "fn", "mod", "self", "super", "crate", "type", "match", "impl", "move", "loop", "async", "use",
];

/// One line without anything that could end a comment.
fn line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|c| c.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(language: &str, name: &str, description: &str) -> Plan {
        Plan {
            what: "feature".into(),
            name: name.into(),
            description: description.into(),
            mark: "67ac1964".into(),
            language: language.into(),
            scope: String::new(),
        }
    }

    proptest! {
        #[test]
        fn whatever_the_names_a_stub_parses(name in ".{0,40}", description in ".{0,80}") {
            for (language, file) in [("python", "a.py"), ("rust", "a.rs"), ("javascript", "a.mjs")] {
                let stub = plan(language, &name, &description).stub().unwrap();
                prop_assert_eq!(syntax::regression(file, None, &stub), None, "{}", stub);
            }
        }
    }

    #[test]
    fn a_stub_says_what_it_is() {
        let stub = plan("python", "CSV export", "Write rows {as} \"CSV\".").stub().unwrap();
        assert!(
            stub.contains("class CsvExportScaffold") && stub.contains("scaffold, not implemented")
        );
        assert_eq!(plan("python", "x", "x").file_name(), "test_feature_67ac1964.py");
        assert_eq!(slug("match"), "match_1");
        assert_eq!(slug("3D"), "feature_3d");
        assert!(plan("cobol", "x", "x").stub().is_none());
    }
}
