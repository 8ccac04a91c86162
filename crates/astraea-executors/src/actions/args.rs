//! A task's arguments, read with errors that say what to give instead.

use astraea_code_access::RepoPath;
use astraea_engine::TaskContext;
use serde_json::Value;

use crate::Error;
#[cfg(feature = "files")]
use crate::Workspace;

/// The arguments of one task.
pub(super) struct Args<'a> {
    action: &'a str,
    value: &'a Value,
}

impl<'a> Args<'a> {
    pub(super) fn of(cx: &'a TaskContext) -> Self {
        Self { action: &cx.task.action, value: &cx.task.args }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name).filter(|v| !v.is_null())
    }

    /// The first of several names for one thing.
    pub(super) fn text(&self, names: &[&str]) -> Result<Option<&'a str>, Error> {
        for name in names {
            match self.get(name) {
                None => {}
                Some(Value::String(text)) => return Ok(Some(text)),
                Some(_) => return Err(self.wrong(name, "must be a text")),
            }
        }
        Ok(None)
    }

    /// Contents of a file: a text, or `{"blob": id}` for one that is kept in the object store.
    #[cfg(feature = "files")]
    pub(super) fn contents(&self, names: &[&str], ws: &Workspace) -> Result<Option<String>, Error> {
        for name in names {
            if let Some(id) = self.get(name).and_then(|value| value.get("blob")) {
                let id = id.as_str().and_then(|id| id.parse().ok());
                let id = id.ok_or_else(|| self.wrong(name, "names a blob by no id"))?;
                let bytes = ws.repo().blob(id)?;
                let text = String::from_utf8(bytes);
                return text
                    .map(Some)
                    .map_err(|_| self.wrong(name, "names a blob that is no text"));
            }
        }
        Ok(self.text(names)?.map(str::to_owned))
    }

    pub(super) fn need_text(&self, names: &[&str]) -> Result<&'a str, Error> {
        self.text(names)?.ok_or_else(|| self.wrong(names[0], "is missing; give it as a text"))
    }

    pub(super) fn need_path(&self, names: &[&str]) -> Result<RepoPath, Error> {
        Ok(RepoPath::new(self.need_text(names)?)?)
    }

    pub(super) fn path(&self, names: &[&str]) -> Result<Option<RepoPath>, Error> {
        Ok(self.text(names)?.map(RepoPath::new).transpose()?)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Error> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_i64().map(Some).ok_or_else(|| self.wrong(name, "must be a whole number"))
            }
        }
    }

    /// A list of texts; one text is a list of one.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Error> {
        let wrong = || self.wrong(name, "must be a list of texts");
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Array(items)) => {
                items.iter().map(|i| i.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    /// A command: a list is its argument vector, a text is cut at blanks with quotes kept together.
    #[cfg(feature = "shell")]
    pub(super) fn argv(&self, names: &[&str]) -> Result<Vec<String>, Error> {
        let name = names.iter().copied().find(|n| self.get(n).is_some()).unwrap_or(names[0]);
        let argv = match self.get(name) {
            Some(Value::String(text)) => {
                words(text).ok_or_else(|| self.wrong(name, "has a quote that is never closed"))?
            }
            _ => self.texts(name)?,
        };
        if argv.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(self.wrong(name, "is missing or empty; give a command"));
        }
        Ok(argv)
    }

    pub(super) fn wrong(&self, name: &str, problem: &str) -> Error {
        Error::argument(self.action, name, problem)
    }
}

/// Cuts a line at blanks; `'…'` and `"…"` keep them, a backslash keeps the next character. `None` for an open quote.
#[cfg(feature = "shell")]
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(chars.next()?),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(all(test, feature = "shell"))]
mod tests {
    use super::words;

    #[test]
    fn a_line_is_cut_at_blanks_outside_quotes() {
        let cut = |line| words(line).map(|w| w.join("|"));
        assert_eq!(cut("a  'b c' \"d\\\"e\" f\\ g ''").as_deref(), Some("a|b c|d\"e|f g|"));
        assert_eq!(cut("a 'b"), None);
        assert_eq!(cut("   ").as_deref(), Some(""));
    }
}
