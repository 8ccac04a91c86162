//! Rules over the text: a literal or a regular expression, and what stands there instead.

use globset::{Glob, GlobMatcher};
use regex::Regex;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleText {
    find: Option<String>,
    regex: Option<String>,
    replace: String,
    files: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    #[serde(default)]
    pub(super) rule: Vec<RuleText>,
}

pub(super) struct Rule {
    find: Find,
    replace: String,
    files: Option<GlobMatcher>,
}

enum Find {
    Literal(String),
    Pattern(Regex),
}

/// Rewrites one text; `counts` has a place for each rule.
///
/// # Errors
/// When a rule finds something in what it made: a second run would edit again.
pub(super) fn rewrite(
    rules: &[Rule],
    counts: &mut [usize],
    path: &str,
    old: &str,
) -> Result<String, String> {
    let mut text = old.to_owned();
    for (at, (rule, count)) in rules.iter().zip(counts).enumerate() {
        if rule.files.as_ref().is_some_and(|g| !g.is_match(path)) {
            continue;
        }
        let (new, hits) = rule.once(&text);
        if hits == 0 {
            continue;
        }
        if rule.once(&new).0 != new {
            return Err(format!(
                "rule {} would edit {path} again in a second run; write it so that it leaves alone what it made",
                at + 1
            ));
        }
        *count += hits;
        text = new;
    }
    Ok(text)
}

impl Rule {
    fn once(&self, text: &str) -> (String, usize) {
        match &self.find {
            Find::Literal(find) => {
                (text.replace(find.as_str(), &self.replace), text.matches(find.as_str()).count())
            }
            Find::Pattern(regex) => (
                regex.replace_all(text, self.replace.as_str()).into_owned(),
                regex.find_iter(text).count(),
            ),
        }
    }
}

/// Compiles rules, numbered from 1 in messages.
///
/// # Errors
/// In words.
pub(super) fn compile(texts: Vec<RuleText>) -> Result<Vec<Rule>, String> {
    texts.into_iter().enumerate().map(|(at, text)| rule(at + 1, text)).collect()
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
