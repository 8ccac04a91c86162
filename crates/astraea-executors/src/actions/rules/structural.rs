//! Rules of ast-grep: patterns over the syntax, in its YAML form.
//!
//! Each rule is applied until it finds nothing more to do, so that a second run makes no edit; one that never comes to rest is
//! refused.

use std::collections::BTreeMap;
use std::path::Path;

use ast_grep_config::{
    GlobalRules, RuleCollection, RuleConfig, SerializableRuleConfig, from_multiple,
};
use ast_grep_core::tree_sitter::LanguageExt as _;
use ast_grep_language::SupportLang;

/// How often a rule may find something in what it made.
const PASSES: usize = 12;

/// The languages whose grammars are built in.
const LANGUAGES: [(SupportLang, &str); 6] = [
    (SupportLang::Python, "Python"),
    (SupportLang::Rust, "Rust"),
    (SupportLang::JavaScript, "JavaScript"),
    (SupportLang::TypeScript, "TypeScript"),
    (SupportLang::Tsx, "Tsx"),
    (SupportLang::Go, "Go"),
];

/// Rules that come with this crate.
const BUNDLED: [&str; 3] = [
    include_str!("bundled/python.yml"),
    include_str!("bundled/rust.yml"),
    include_str!("bundled/javascript.yml"),
];

/// A set of structural rules.
pub(super) struct Structural {
    rules: RuleCollection<SupportLang>,
}

impl Structural {
    /// Reads YAML documents, each a rule with a `fix`; `name` is for messages.
    ///
    /// # Errors
    /// In words, with the name: what cannot be read, has no fix, or speaks of a language without a grammar here.
    pub(super) fn parse(sources: &[(String, String)]) -> Result<Self, String> {
        let globals = GlobalRules::default();
        let mut rules = Vec::new();
        for (name, text) in sources {
            let documents: Vec<SerializableRuleConfig<SupportLang>> =
                from_multiple(text).map_err(|e| {
                    format!("{name} is no file of ast-grep rules: {}", first_line(&e.to_string()))
                })?;
            if documents.is_empty() {
                return Err(format!("{name} holds no rule"));
            }
            for document in documents {
                let id = document.id.clone();
                if !LANGUAGES.iter().any(|(language, _)| *language == document.language) {
                    let known: Vec<&str> = LANGUAGES.iter().map(|(_, name)| *name).collect();
                    return Err(format!(
                        "{name}: rule `{id}` is for {}, whose grammar is not here; known are {}",
                        document.language,
                        known.join(", ")
                    ));
                }
                let rule = RuleConfig::try_from(document, &globals)
                    .map_err(|e| format!("{name}: rule `{id}`: {}", chain(&e)))?;
                if rule.fixer.len() != 1 {
                    return Err(format!(
                        "{name}: rule `{id}` must have one `fix`: a rule that only finds rewrites nothing"
                    ));
                }
                rules.push(rule);
            }
        }
        let rules = RuleCollection::try_new(rules).map_err(|e| format!("a rule's `files`: {e}"))?;
        Ok(Self { rules })
    }

    /// Rewrites one file; `counts` gets how often each rule did something.
    ///
    /// # Errors
    /// When a rule never comes to rest.
    pub(super) fn rewrite(
        &self,
        path: &str,
        old: &str,
        counts: &mut BTreeMap<String, usize>,
    ) -> Result<String, String> {
        let mut text = old.to_owned();
        let rules = self.rules.for_path(Path::new(path));
        // one rule may make work for another
        for _ in 0..PASSES {
            let before = text.clone();
            for rule in &rules {
                text = to_rest(rule, path, text, counts)?;
            }
            if text == before {
                return Ok(text);
            }
        }
        Err(format!("the rules make work for each other in {path} without end"))
    }
}

fn to_rest(
    rule: &RuleConfig<SupportLang>,
    path: &str,
    mut text: String,
    counts: &mut BTreeMap<String, usize>,
) -> Result<String, String> {
    let Some(fixer) = rule.fixer.first() else { return Ok(text) };
    for _ in 0..PASSES {
        let root = rule.language.ast_grep(&text);
        let (mut out, mut at, mut hits) = (String::with_capacity(text.len()), 0, 0);
        let mut edits: Vec<_> = root
            .root()
            .find_all(&rule.matcher)
            .map(|m| m.make_edit(&rule.matcher, fixer))
            .collect();
        edits.sort_by_key(|edit| edit.position);
        for edit in edits {
            // what lies inside another match has its turn in the next pass
            let (Some(kept), Ok(new)) =
                (text.get(at..edit.position), String::from_utf8(edit.inserted_text))
            else {
                continue;
            };
            let end = edit.position + edit.deleted_length;
            if text.get(edit.position..end) == Some(new.as_str()) {
                continue;
            }
            out.push_str(kept);
            out.push_str(&new);
            at = end;
            hits += 1;
        }
        if hits == 0 {
            return Ok(text);
        }
        out.push_str(text.get(at..).unwrap_or_default());
        *counts.entry(rule.id.clone()).or_default() += hits;
        text = out;
    }
    Err(format!(
        "rule `{}` finds something in what it made itself, without end, in {path}",
        rule.id
    ))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(cause) = at {
        text = format!("{text}: {cause}");
        at = cause.source();
    }
    text
}

/// Bundled rules by what a caller typed: an id, a language's name, or `bundled` for all; `None` if it means none.
pub(super) fn bundled(typed: &str) -> Option<String> {
    let all = BUNDLED.iter().flat_map(|file| file.split("\n---\n"));
    let wanted: Vec<&str> = all
        .filter(|rule| {
            let id = rule.lines().find_map(|line| line.strip_prefix("id: ")).unwrap_or_default();
            typed == "bundled" || id == typed || id.starts_with(&format!("{typed}-"))
        })
        .collect();
    (!wanted.is_empty()).then(|| wanted.join("\n---\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(typed: &str) -> Structural {
        Structural::parse(&[(typed.to_owned(), bundled(typed).unwrap())]).unwrap()
    }

    fn check(typed: &str, path: &str, old: &str, expected: &str) {
        let mut counts = BTreeMap::new();
        let new = rules(typed).rewrite(path, old, &mut counts).unwrap();
        assert_eq!(new, expected);
        let mut again = BTreeMap::new();
        assert_eq!(rules(typed).rewrite(path, &new, &mut again).unwrap(), new);
        assert!(again.is_empty(), "a second run made edits: {again:?}");
    }

    #[test]
    fn the_bundled_rules_do_what_they_say() {
        check(
            "bundled",
            "a.py",
            "if x == None and not (y != None):  # keep\n    z = list()\nif not a in b: pass\n",
            "if x is None and not (y is not None):  # keep\n    z = []\nif a not in b: pass\n",
        );
        check(
            "rust",
            "a.rs",
            "fn f(v: &[u8]) -> bool {\n    if v.len() > 0 { return false; }\n    return v.len() == 0;\n}\n",
            "fn f(v: &[u8]) -> bool {\n    if !v.is_empty() { return false; }\n    v.is_empty()\n}\n",
        );
        check(
            "javascript",
            "a.mjs",
            "const a = Math.pow(b, 2);\nif (l.indexOf(x) === -1) f(Object.assign({}, o));\n",
            "const a = b ** 2;\nif (!l.includes(x)) f({ ...o });\n",
        );
        // a rule is for the files of its language only
        check("python-is-none", "a.rs", "x == None", "x == None");
        assert!(bundled("no-such-rule").is_none() && bundled("").is_none());
    }

    #[test]
    fn a_rule_that_never_rests_and_one_that_cannot_be_used_are_refused() {
        let parse =
            |text: &str| Structural::parse(&[("r.yml".to_owned(), text.to_owned())]).map(|_| ());
        let grows = "id: grows\nlanguage: Python\nrule: {pattern: f($X)}\nfix: f(f($X))\n";
        let rules = Structural::parse(&[("r.yml".to_owned(), grows.to_owned())]).unwrap();
        let error = rules.rewrite("a.py", "f(1)\n", &mut BTreeMap::new()).unwrap_err();
        assert!(error.contains("`grows`") && error.contains("without end"), "{error}");
        for (text, word) in [
            ("id: a\nlanguage: Python\nrule: {pattern: f($X)}\n", "must have one `fix`"),
            ("id: a\nlanguage: Java\nrule: {pattern: f($X)}\nfix: g\n", "not here"),
            ("id: a\nlanguage: Python\nrule: {patern: f($X)}\nfix: g\n", "`patern`"),
            ("id: a\nlanguage: Nothing\nrule: {pattern: f}\n", "r.yml"),
            ("", "no rule"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(word) && error.contains("r.yml"), "{text}: {error}");
        }
    }
}
