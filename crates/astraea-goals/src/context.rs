//! The caller's context: facts for the planner, values for the tasks.

use astraea_htn::Atom;
use serde_json::{Map, Value};

use crate::error::GoalError;
use crate::request::kind;

/// Values that have to be text.
const TEXTS: [&str; 16] = [
    "feature_name",
    "description",
    "file_path",
    "test_path",
    "new_content",
    "content",
    "test_content",
    "search",
    "replace",
    "language",
    "reason",
    "message",
    "error_log",
    "template",
    "expect_stdout",
    "base",
];

/// Values that are contents of files: they are kept as blobs, and only their ids are written down.
const CONTENTS: [&str; 4] = ["new_content", "test_content", "search", "replace"];

/// The key of a value that stands for a blob.
const BLOB: &str = "blob";

/// Values that have to be a list of texts (one text stands for a list of one).
const LISTS: [&str; 2] = ["tests", "test_ids"];

/// A context that was checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GoalContext {
    values: Map<String, Value>,
}

impl GoalContext {
    /// Checks the types of the values that are known, and that they fit together.
    ///
    /// # Errors
    /// [`GoalError::ContextNotAnObject`], [`GoalError::ContextField`].
    pub(crate) fn new(context: &Value) -> Result<Self, GoalError> {
        let Value::Object(given) = context else {
            return Err(GoalError::ContextNotAnObject { found: kind(context) });
        };
        let wrong = |field: &str, problem: String| {
            Err(GoalError::ContextField { field: field.to_owned(), problem })
        };
        let mut values = Map::new();
        for (name, value) in given {
            if value.is_null() {
                continue;
            }
            let pinned =
                CONTENTS.contains(&name.as_str()) && value.get(BLOB).is_some_and(Value::is_string);
            if TEXTS.contains(&name.as_str()) && !value.is_string() && !pinned {
                return wrong(name, format!("must be a string, not {}", kind(value)));
            }
            if LISTS.contains(&name.as_str()) && texts(value).is_none() {
                return wrong(name, format!("must be a list of strings, not {}", kind(value)));
            }
            if (name.starts_with("has_") || name.starts_with("tests_"))
                && !(value.is_boolean() || value.is_number())
            {
                return wrong(
                    name,
                    format!("is a fact: give true, false or a confidence, not {}", kind(value)),
                );
            }
            if name == "rename"
                && !["from", "to"].iter().all(|key| value.get(key).is_some_and(Value::is_string))
            {
                return wrong(
                    name,
                    "must be an object such as {\"from\": \"old_name\", \"to\": \"new_name\"}"
                        .to_owned(),
                );
            }
            if name == "rules" && !(value.is_array() || value.is_object() || value.is_string()) {
                return wrong(
                    name,
                    format!("must be a list of rules, or the name of one, not {}", kind(value)),
                );
            }
            if let Value::Number(number) = value
                && (name.starts_with("has_") || name.starts_with("tests_"))
                && !number.as_f64().is_some_and(|n| (0.0..=1.0).contains(&n))
            {
                return wrong(name, format!("is a confidence of {number}; give one from 0 to 1"));
            }
            values.insert(name.clone(), value.clone());
        }
        // `content` is another name for `new_content`, `test_ids` for `tests`.
        for (other, name) in [("content", "new_content"), ("test_ids", "tests")] {
            if let Some(value) = values.remove(other) {
                values.entry(name).or_insert(value);
            }
        }
        let context = Self { values };
        for (has, needs) in [("search", "replace"), ("replace", "search")] {
            if context.has(has) && !context.has(needs) {
                return wrong(needs, format!("is missing: `{has}` is given"));
            }
        }
        for has in ["search", "new_content"] {
            if context.has(has) && !context.has("file_path") {
                return wrong("file_path", format!("is missing: `{has}` is given"));
            }
        }
        if context.has("test_content") && !context.has("test_path") {
            return wrong("test_path", "is missing: `test_content` is given".to_owned());
        }
        if context.text("search") == Some("") {
            return wrong("search", "is empty: give the text that is to be replaced".to_owned());
        }
        Ok(context)
    }

    /// Takes up what the words of a goal say of a rename or of linters, where the context does not say it.
    #[must_use]
    pub(crate) fn with_words(mut self, goal: &str, text: &str) -> Self {
        if goal == "refactor_code"
            && !self.has("rename")
            && let Some((from, to, file)) = rename(text)
        {
            let mut value = serde_json::json!({ "from": from, "to": to });
            if let Some(file) = file {
                value["file"] = Value::String(file);
            }
            self.values.insert("rename".to_owned(), value);
        }
        const LINTERS: [&str; 6] = ["lint", "linter", "ruff", "clippy", "eslint", "biome"];
        let lower = text.to_lowercase();
        let mut words = lower.split(|c: char| !c.is_alphanumeric());
        if goal == "refactor_code"
            && !self.has("fixes_wanted")
            && words.any(|word| LINTERS.contains(&word))
        {
            self.values.insert("fixes_wanted".to_owned(), Value::Bool(true));
        }
        self
    }

    /// Puts contents of files where `keep` puts them, so that the journal holds ids and never contents.
    ///
    /// # Errors
    /// That of `keep`.
    pub(crate) fn pin<E>(
        &mut self,
        mut keep: impl FnMut(&str) -> Result<String, E>,
    ) -> Result<(), E> {
        for name in CONTENTS {
            if let Some(Value::String(text)) = self.values.get(name) {
                let id = keep(text)?;
                self.values.insert(name.to_owned(), serde_json::json!({ BLOB: id }));
            }
        }
        Ok(())
    }

    /// A text value.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }

    /// Any value.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The tests that the context names.
    pub(crate) fn tests(&self) -> Vec<String> {
        self.values.get("tests").and_then(texts).unwrap_or_default()
    }

    /// Facts that follow from which values are there.
    pub(crate) fn derived(&self) -> Vec<&'static str> {
        let mut facts = Vec::new();
        let mut when = |holds: bool, fact: &'static str| {
            if holds {
                facts.push(fact);
            }
        };
        let path = self.has("file_path");
        when(path, "path_given");
        when(path && self.has("new_content"), "content_given");
        when(self.has("test_path") && self.has("test_content"), "test_content_given");
        when(path && (self.has("new_content") || self.has("search")), "edit_given");
        when(self.has("rules"), "rules_given");
        when(self.has("rename"), "rename_given");
        when(self.has("check_command"), "check_given");
        when(self.has("error_log"), "has_error_logs");
        facts
    }

    /// Facts that the caller states: booleans, confidences and lists.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.values.iter().filter(|(name, value)| {
            (value.is_boolean() || value.is_number() || value.is_array())
                && !LISTS.contains(&name.as_str())
                && *name != "rules"
        })
    }

    /// Values that steps may name as an argument, with the type of the object that stands for each.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.values.keys().filter_map(|name| {
            if name.ends_with("_path") {
                Some((name.as_str(), "path"))
            } else if name.ends_with("_command") {
                Some((name.as_str(), "command"))
            } else {
                None
            }
        })
    }

    /// The context as it was checked.
    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.values.clone())
    }

    /// What a step's argument stands for: the value of that name in the context, else the name itself.
    pub(crate) fn resolve(&self, atom: &Atom, position: usize) -> Option<Value> {
        let name = atom.args.get(position)?;
        Some(self.values.get(name.as_str()).cloned().unwrap_or_else(|| Value::from(name.as_str())))
    }
}

/// `rename X to Y`, with or without the kind of thing, quotes, and `in FILE`.
fn rename(text: &str) -> Option<(String, String, Option<String>)> {
    const KINDS: [&str; 14] = [
        "the",
        "function",
        "method",
        "class",
        "variable",
        "constant",
        "field",
        "struct",
        "enum",
        "trait",
        "type",
        "module",
        "attribute",
        "parameter",
    ];
    let bare = |word: &str| {
        word.trim_matches(|c: char| {
            matches!(c, '`' | '\'' | '"' | ',' | ';' | ':' | '.' | '(' | ')')
        })
        .to_owned()
    };
    let is_name = |word: &str| {
        word.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == '$')
            && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | ':' | '#'))
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|word| word.to_lowercase().starts_with("renam"))?;
    let mut rest = words[at + 1..]
        .iter()
        .skip_while(|word| KINDS.contains(&word.to_lowercase().as_str()))
        .copied();
    let from = bare(rest.next()?);
    let joined = rest.next().filter(|word| matches!(*word, "to" | "into" | "as" | "->" | "→"));
    let _ = joined?;
    let to = bare(rest.next()?);
    let file = match (rest.next(), rest.next()) {
        (Some("in"), Some(file)) => Some(bare(file)).filter(|file| file.contains('.')),
        _ => None,
    };
    (is_name(&from) && is_name(&to)).then_some((from, to, file))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) => many.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn contents_of_files_are_pinned_and_can_be_read_back() {
        let given =
            json!({"file_path": "a.py", "search": "x = 1", "replace": "x = 2", "reason": "why"});
        let mut context = GoalContext::new(&given).unwrap();
        context.pin(|text| Ok::<_, ()>(format!("id of {}", text.len()))).unwrap();
        let written = context.to_value();
        assert!(!written.to_string().contains("x = "), "{written}");
        assert_eq!(written["replace"], json!({"blob": "id of 5"}));
        assert_eq!(GoalContext::new(&written).unwrap(), context);
        assert!(GoalContext::new(&json!({"reason": {"blob": "1"}})).is_err());
    }

    #[test]
    fn a_rename_is_read_out_of_words() {
        let said = |text: &str| {
            let context = GoalContext::new(&json!({})).unwrap().with_words("refactor_code", text);
            context.value("rename").cloned()
        };
        let plain = Some(json!({ "from": "Cart.total", "to": "sum" }));
        assert_eq!(said("rename `Cart.total` to `sum`."), plain);
        assert_eq!(said("please rename the method Cart.total() to sum"), plain);
        assert_eq!(
            said("Renaming function f into g in src/a.py"),
            Some(json!({ "from": "f", "to": "g", "file": "src/a.py" }))
        );
        for other in ["rename things sensibly", "format the code", "rename to x", "rename a-b to c"]
        {
            assert_eq!(said(other), None, "{other}");
        }
        let lint = GoalContext::new(&json!({})).unwrap();
        let lint = lint.with_words("refactor_code", "apply the fixes of clippy");
        assert_eq!(lint.value("fixes_wanted"), Some(&json!(true)));
        let other = GoalContext::new(&json!({})).unwrap().with_words("fix_bug", "rename a to b");
        assert_eq!(other.derived(), Vec::<&str>::new());
    }

    #[test]
    fn values_of_the_wrong_type_are_refused_by_name() {
        for (bad, field) in [
            (json!({"file_path": 5}), "file_path"),
            (json!({"has_codebase": "yes"}), "has_codebase"),
            (json!({"has_error_logs": 1.5}), "has_error_logs"),
            (json!({"tests": [1]}), "tests"),
            (json!({"search": "a"}), "replace"),
            (json!({"search": "a", "replace": "b"}), "file_path"),
            (json!({"search": "", "replace": "b", "file_path": "x"}), "search"),
            (json!({"test_content": "x"}), "test_path"),
            (json!({"rules": 5}), "rules"),
        ] {
            match GoalContext::new(&bad) {
                Err(GoalError::ContextField { field: found, .. }) => assert_eq!(found, field),
                other => panic!("{bad}: {other:?}"),
            }
        }
        assert!(matches!(
            GoalContext::new(&json!([1])),
            Err(GoalError::ContextNotAnObject { found: "an array" })
        ));
    }

    #[test]
    fn facts_follow_from_the_values_that_are_there() {
        let context = GoalContext::new(&json!({
            "file_path": "a.py", "search": "x", "replace": "y", "has_codebase": true
        }))
        .unwrap();
        assert_eq!(context.derived(), ["path_given", "edit_given"]);
        let content =
            GoalContext::new(&json!({"file_path": "a.py", "content": "x", "test_ids": "t"}))
                .unwrap();
        assert_eq!(content.derived(), ["path_given", "content_given", "edit_given"]);
        assert_eq!(content.tests(), ["t"]);
        assert_eq!(content.text("new_content"), Some("x"));
    }
}
