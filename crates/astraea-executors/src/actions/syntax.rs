//! The check after every edit: a file that parsed before must parse after.

use astraea_code_access::{EditSet, RepoPath};
use astraea_repair::{Language, syntax};

use crate::{Error, Workspace};

/// Refuses edits that leave a file less understandable than it was. Languages without a grammar here pass.
pub(crate) fn check(ws: &Workspace, base: &EditSet, edits: &EditSet) -> Result<(), Error> {
    for edit in edits {
        let Some(after) = edit.after else { continue };
        let Some(path) = edit.path.as_str() else { continue };
        let Ok(after) = String::from_utf8(ws.repo().blob(after)?) else { continue };
        let before = match edit.before {
            Some(_) => text(ws, base, &edit.path)?,
            None => None,
        };
        if let Some(message) = regression(path, before.as_deref(), &after) {
            return Err(Error::Syntax { path: edit.path.to_string(), message });
        }
    }
    Ok(())
}

fn text(ws: &Workspace, base: &EditSet, path: &RepoPath) -> Result<Option<String>, Error> {
    let found = ws.repo().lookup(ws.snapshot(), base, path)?;
    let bytes = found.map(|(id, _)| ws.repo().blob(id)).transpose()?;
    Ok(bytes.and_then(|b| String::from_utf8(b).ok()))
}

/// What is wrong with the new text of the file `path` that was not wrong with the old one, if anything.
/// Source files with a grammar here, JSON and TOML are looked at; others pass.
#[must_use]
pub fn regression(path: &str, before: Option<&str>, after: &str) -> Option<String> {
    let old = before.map_or(0, |text| errors(path, text).0);
    let (new, message) = errors(path, after);
    (new > old).then_some(message)
}

/// How many places of a text make no sense, and the first of them.
fn errors(path: &str, text: &str) -> (usize, String) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(language) = Language::of_path(path) {
        return match (syntax::check(language, text), syntax::errors(language, text)) {
            (Ok(Err(error)), Ok(count)) => (count.max(1), error.to_string()),
            _ => (0, String::new()),
        };
    }
    let problem = if path.ends_with(".json") {
        serde_json::from_str::<serde::de::IgnoredAny>(text).err().map(|e| e.to_string())
    } else if path.ends_with(".toml") {
        text.parse::<toml::Table>().err().map(|e| e.message().to_owned())
    } else {
        None
    };
    problem.map_or((0, String::new()), |message| (1, message))
}

#[cfg(test)]
mod tests {
    use super::regression;

    #[test]
    fn a_file_that_parsed_must_still_parse() {
        assert!(regression("a.py", Some("x = 1\n"), "x = (\n").is_some());
        assert!(regression("a.py", None, "def f(:\n").is_some());
        assert!(regression("a.py", Some("x = 1\n"), "x = 2\n").is_none());
        assert!(regression("a.rs", Some("fn f() {}"), "fn f( {}").is_some());
        assert!(regression("a.json", Some("{}"), "{").is_some());
        // it was broken before: an edit that does not make it worse is kept
        assert!(regression("a.json", Some("{"), "{,").is_none());
        assert!(regression("notes.txt", None, "((").is_none());
    }
}
