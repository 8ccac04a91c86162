//! Edits as text: what a person or a model writes down when it says how files should change.
//!
//! Three forms are read, in one text and in any order; everything around them is talk and is passed over:
//!
//! - a **search/replace block** below the name of its file,
//! - a **whole file**: between `<<<<<<< WHOLE` and `>>>>>>> END`, or in a code fence below the name of the file,
//! - a **unified diff** (the format of GNU diffutils; the counts in its `@@` lines are not relied upon).
//!
//! Reading touches no file. [`EditBuilder::propose`](crate::EditBuilder::propose) places an edit: a text to replace must
//! occur exactly once, line for line.

mod apply;
mod place;
mod unified;

use serde::{Deserialize, Serialize};

pub use place::Near;
use place::{Placed, in_the_manner_of, place};

/// The longest text that is read, in bytes.
const MAX_TEXT: usize = 4 << 20;
/// The most edits that one text may propose.
const MAX_EDITS: usize = 500;

/// One edit of one file, as it was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedEdit {
    /// The file, as it was written: not checked in any way.
    pub path: String,
    /// What is to happen to it.
    pub change: ProposedChange,
}

/// What is to happen to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ProposedChange {
    /// These lines are to become those lines. An empty search makes a new file.
    Replace {
        /// The lines that are there, each with its line feed.
        search: String,
        /// The lines that shall be there.
        replace: String,
        /// The line where they begin, from 1, if it was given: it decides between places that are alike.
        at: Option<usize>,
    },
    /// The file is to say this.
    Whole {
        /// Its contents.
        content: String,
    },
    /// The file is to go.
    Delete,
}

/// A text that begins an edit and does not end it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the proposal: {problem}")]
#[non_exhaustive]
pub struct Unreadable {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what is expected.
    pub problem: String,
}

/// Reads the edits that a text proposes; none is an answer too.
///
/// ```
/// use astraea_code_access::{ProposedChange, read_proposal};
///
/// let text = "The sum is wrong.\n\nsrc/a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n";
/// let edits = read_proposal(text)?;
/// assert_eq!(edits[0].path, "src/a.py");
/// assert!(matches!(&edits[0].change, ProposedChange::Replace { search, .. } if search == "x = 1\n"));
/// # Ok::<(), astraea_code_access::Unreadable>(())
/// ```
///
/// # Errors
/// [`Unreadable`] for a block without its end, or without the name of a file.
pub fn read_proposal(text: &str) -> Result<Vec<ProposedEdit>, Unreadable> {
    if text.len() > MAX_TEXT {
        return Err(Unreadable { line: 1, problem: format!("it is longer than {MAX_TEXT} bytes") });
    }
    let lines: Vec<&str> =
        text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let mut reader = Reader { lines: &lines, at: 0, path: None, edits: Vec::new() };
    while reader.at < lines.len() {
        reader.step()?;
        if reader.edits.len() > MAX_EDITS {
            return Err(reader.wrong(format!("there are more than {MAX_EDITS} edits")));
        }
    }
    Ok(reader.edits)
}

struct Reader<'a> {
    lines: &'a [&'a str],
    at: usize,
    /// The file that was named last.
    path: Option<String>,
    edits: Vec<ProposedEdit>,
}

impl Reader<'_> {
    fn step(&mut self) -> Result<(), Unreadable> {
        let line = self.lines[self.at];
        if marker(line, '<', &["SEARCH"]) {
            return self.block();
        }
        if marker(line, '<', &["WHOLE"]) {
            return self.whole();
        }
        if let Some((edits, next)) = unified::read(self.lines, self.at) {
            let edits = edits.map_err(|problem| self.wrong(problem))?;
            self.path = edits.last().map(|edit| edit.path.clone()).or(self.path.take());
            self.edits.extend(edits);
            self.at = next;
            return Ok(());
        }
        if let Some((fence, info)) = fence(line) {
            let in_info = info.split(['=', ':', ' ']).find_map(path_in);
            let named = in_info.filter(|path| path.contains(['.', '/'])).or_else(|| self.above());
            return self.fenced(fence, named);
        }
        if let Some(path) = path_in(line) {
            self.path = Some(path);
        }
        self.at += 1;
        Ok(())
    }

    /// The name of a file in the nearest line above that is not empty.
    fn above(&self) -> Option<String> {
        let before = self.lines[..self.at].iter().rev().take(3);
        path_in(before.into_iter().find(|line| !line.trim().is_empty())?)
    }

    /// A code fence: a whole file if a name stands above it, else transparent for the blocks in it.
    fn fenced(&mut self, fence: &str, named: Option<String>) -> Result<(), Unreadable> {
        let body = self.at + 1;
        let closes = |line: &str| {
            let line = line.trim();
            line.len() >= fence.len() && line.chars().all(|c| fence.starts_with(c))
        };
        let end = self.lines[body..].iter().position(|line| closes(line)).map(|n| body + n);
        let inside = &self.lines[body..end.unwrap_or(self.lines.len())];
        let talks = inside.iter().enumerate().any(|(n, line)| {
            marker(line, '<', &["SEARCH", "WHOLE"]) || unified::read(self.lines, body + n).is_some()
        });
        match (named, end) {
            (Some(path), Some(end)) if !talks => {
                self.path = Some(path.clone());
                let content = joined(inside);
                self.edits.push(ProposedEdit { path, change: ProposedChange::Whole { content } });
                self.at = end + 1;
            }
            (Some(path), None) if !talks => {
                return Err(self.wrong(format!("the code fence for {path} is never closed")));
            }
            (named, end) => {
                self.path = named.or(self.path.take());
                // what is only shown is no edit
                self.at = if talks { body } else { end.map_or(self.lines.len(), |end| end + 1) };
            }
        }
        Ok(())
    }

    fn block(&mut self) -> Result<(), Unreadable> {
        let path = self.file()?;
        let start = self.at + 1;
        let middle = self.find(start, |line| marker(line, '=', &[""]), "line of seven `=`")?;
        let end =
            self.find(middle + 1, |line| marker(line, '>', &["REPLACE", ""]), ">>>>>>> REPLACE")?;
        let search = joined(&self.lines[start..middle]);
        let replace = joined(&self.lines[middle + 1..end]);
        let change = ProposedChange::Replace { search, replace, at: None };
        self.edits.push(ProposedEdit { path, change });
        self.at = end + 1;
        Ok(())
    }

    fn whole(&mut self) -> Result<(), Unreadable> {
        let path = self.file()?;
        let start = self.at + 1;
        let end = self.find(start, |line| marker(line, '>', &["END", "WHOLE"]), ">>>>>>> END")?;
        let content = joined(&self.lines[start..end]);
        self.edits.push(ProposedEdit { path, change: ProposedChange::Whole { content } });
        self.at = end + 1;
        Ok(())
    }

    fn file(&self) -> Result<String, Unreadable> {
        self.path.clone().ok_or_else(|| {
            self.wrong(
                "no file is named above this block; write its path on a line of its own".into(),
            )
        })
    }

    fn find(
        &self,
        from: usize,
        is: impl Fn(&str) -> bool,
        what: &str,
    ) -> Result<usize, Unreadable> {
        let begins = |line: &str| marker(line, '<', &["SEARCH", "WHOLE"]);
        for (at, line) in self.lines.iter().enumerate().skip(from) {
            if is(line) {
                return Ok(at);
            }
            if begins(line) {
                break;
            }
        }
        Err(self.wrong(format!("the block that begins here has no {what}")))
    }

    fn wrong(&self, problem: String) -> Unreadable {
        Unreadable { line: self.at + 1, problem }
    }
}

/// Whether a line is a marker: seven of one character (five to nine are read), then one of these words.
fn marker(line: &str, of: char, words: &[&str]) -> bool {
    let line = line.trim_end();
    let rest = line.trim_start_matches(of);
    (5..=9).contains(&(line.len() - rest.len())) && words.contains(&rest.trim())
}

/// The fence that a line opens, and what stands behind it.
fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let len = line.len() - line.trim_start_matches(mark).len();
    let info = &line[len..];
    (len >= 3 && !info.contains('`')).then_some((&line[..len], info.trim()))
}

/// The path that a line consists of, without the decoration that people put around it.
fn path_in(line: &str) -> Option<String> {
    let mut text = line.trim();
    for word in ["File:", "file:", "Path:", "path:", "filename:", "//", "#"] {
        text = text.strip_prefix(word).unwrap_or(text).trim();
    }
    let text = text.trim_matches(|c| matches!(c, '*' | '`' | '"' | '\'' | '#' | ':')).trim();
    let name = text.rsplit('/').next().unwrap_or(text);
    let bare = ["Makefile", "Dockerfile", "Rakefile", "Gemfile", "Procfile", "LICENSE", "README"];
    let looks = text.contains('/') || name.contains('.') || bare.contains(&name);
    let plain = !text.is_empty()
        && text.len() <= 512
        && !name.ends_with('.')
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>|()[]{},;=".contains(c))
        && text.chars().any(char::is_alphanumeric)
        && !text.contains("://");
    (looks && plain).then(|| text.to_owned())
}

/// Lines as a text, each with its line feed.
fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, want: Expect) {
        let got = match read_proposal(text) {
            Ok(edits) => edits
                .iter()
                .map(|edit| match &edit.change {
                    ProposedChange::Replace { search, replace, at } => {
                        format!("{}: {search:?} -> {replace:?} at {at:?}\n", edit.path)
                    }
                    ProposedChange::Whole { content } => {
                        format!("{}: whole {content:?}\n", edit.path)
                    }
                    ProposedChange::Delete => format!("{}: delete\n", edit.path),
                })
                .collect(),
            Err(error) => format!("{error}\n"),
        };
        want.assert_eq(&got);
    }

    #[test]
    fn blocks_stand_below_the_name_of_their_file() {
        check(
            "I mend it.\n\n**`src/a.py`**\n```python\n<<<<<<< SEARCH\n    x = 1\n=======\n    x = 2\n>>>>>>> REPLACE\n```\n\
             and\n<<<<<<< SEARCH\ny\n=======\n>>>>>>> REPLACE\n### b.rs:\n<<<<<<< SEARCH\n=======\nnew\n>>>>>>> REPLACE\n",
            expect![[r#"
                src/a.py: "    x = 1\n" -> "    x = 2\n" at None
                src/a.py: "y\n" -> "" at None
                b.rs: "" -> "new\n" at None
            "#]],
        );
    }

    #[test]
    fn a_whole_file_is_marked_or_fenced_below_its_name() {
        check(
            "a/b.py\n<<<<<<< WHOLE\nx\n\n```\n>>>>>>> END\nFile: c.py\n```python\ny = 1\n```\n```js d.mjs\nz\n```\n\
             For example:\n```python\nnot an edit\n```\n",
            expect![[r#"
                a/b.py: whole "x\n\n```\n"
                c.py: whole "y = 1\n"
                d.mjs: whole "z\n"
            "#]],
        );
    }

    #[test]
    fn a_unified_diff_is_read_whatever_its_counts_say() {
        check(
            "```diff\ndiff --git a/x.py b/x.py\nindex 1..2 100644\n--- a/x.py\n+++ b/x.py\n@@ -3,9 +3,9 @@ def f():\n a\n-b\n+c\n\n d\n\
             @@ -20 +20 @@\n-e\n+f\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1,2 @@\n+one\n+two\n--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n```\n",
            expect![[r#"
                x.py: "a\nb\n\nd\n" -> "a\nc\n\nd\n" at Some(3)
                x.py: "e\n" -> "f\n" at Some(20)
                new.py: whole "one\ntwo\n"
                old.py: delete
            "#]],
        );
    }

    #[test]
    fn what_begins_and_does_not_end_is_refused_with_its_line() {
        check(
            "a.py\n<<<<<<< SEARCH\nx\n",
            expect![[r#"
                line 2 of the proposal: the block that begins here has no line of seven `=`
            "#]],
        );
        check(
            "a.py\n<<<<<<< SEARCH\nx\n=======\ny\n<<<<<<< SEARCH\n",
            expect![[r#"
                line 2 of the proposal: the block that begins here has no >>>>>>> REPLACE
            "#]],
        );
        check(
            "<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n",
            expect![[r#"
                line 1 of the proposal: no file is named above this block; write its path on a line of its own
            "#]],
        );
        check(
            "a.py\n```python\nx = 1\n",
            expect![[r#"
                line 2 of the proposal: the code fence for a.py is never closed
            "#]],
        );
        check("I do not know how. See area.py for more.\n", expect![""]);
    }

    proptest! {
        #[test]
        fn nothing_that_is_written_makes_it_panic(text in "([a-c./ ]{0,6}|<<<<<<< SEARCH|=======|>>>>>>> REPLACE|<<<<<<< WHOLE|>>>>>>> END|--- a/x|\\+\\+\\+ b/x|@@ -1 \\+1 @@|```|[-+ ]y|\n){0,30}") {
            let _ = read_proposal(&text);
        }
    }
}
