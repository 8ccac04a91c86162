//! Unified diffs: hunks become texts to replace.

use super::{ProposedChange, ProposedEdit, joined, marker};

/// The edits of the file whose header begins at `at`, and the line after them; nothing if no header begins there.
pub(super) fn read(
    lines: &[&str],
    at: usize,
) -> Option<(Result<Vec<ProposedEdit>, String>, usize)> {
    let old = header(lines.get(at)?, "--- ")?;
    let new = header(lines.get(at + 1)?, "+++ ")?;
    lines.get(at + 2).filter(|line| line.starts_with("@@"))?;
    let mut next = at + 2;
    let mut hunks = Vec::new();
    while lines.get(next).is_some_and(|line| line.starts_with("@@")) {
        let (hunk, after) = hunk(lines, next);
        hunks.push(hunk);
        next = after;
    }
    Some((edits(old, new, hunks), next))
}

/// One hunk: the lines before, the lines after, and where it says that they begin.
#[derive(Debug, Default)]
struct Hunk<'a> {
    before: Vec<&'a str>,
    after: Vec<&'a str>,
    at: Option<usize>,
}

fn edits(old: &str, new: &str, hunks: Vec<Hunk<'_>>) -> Result<Vec<ProposedEdit>, String> {
    const NONE: &str = "/dev/null";
    if new == NONE {
        return Ok(vec![ProposedEdit { path: plain(old), change: ProposedChange::Delete }]);
    }
    let path = plain(new);
    if old != NONE && plain(old) != path {
        return Err(format!("{} is renamed to {path}; write both files whole", plain(old)));
    }
    if old == NONE {
        let lines: Vec<&str> = hunks.into_iter().flat_map(|hunk| hunk.after).collect();
        let change = ProposedChange::Whole { content: joined(&lines) };
        return Ok(vec![ProposedEdit { path, change }]);
    }
    let mut edits = Vec::new();
    for hunk in hunks.into_iter().filter(|hunk| hunk.before != hunk.after) {
        if hunk.before.is_empty() {
            return Err(format!(
                "a hunk of {path} has no line of context, so its place is unknown"
            ));
        }
        let (search, replace) = (joined(&hunk.before), joined(&hunk.after));
        let change = ProposedChange::Replace { search, replace, at: hunk.at };
        edits.push(ProposedEdit { path: path.clone(), change });
    }
    Ok(edits)
}

fn hunk<'a>(lines: &[&'a str], at: usize) -> (Hunk<'a>, usize) {
    let mut hunk = Hunk { at: begins(lines[at]), ..Hunk::default() };
    let mut next = at + 1;
    // Empty lines count only once something follows them: editors strip the blank of an empty line of context.
    let mut empty = 0;
    while let Some(line) = lines.get(next) {
        let header = header(line, "--- ").is_some()
            && lines.get(next + 1).is_some_and(|line| header(line, "+++ ").is_some());
        if header || marker(line, '<', &["SEARCH", "WHOLE"]) {
            break;
        }
        let (sign, text) = match line.chars().next() {
            None => {
                empty += 1;
                next += 1;
                continue;
            }
            Some(sign @ (' ' | '+' | '-')) => (sign, &line[1..]),
            Some('\\') => {
                next += 1;
                continue;
            }
            Some(_) => break,
        };
        for _ in 0..std::mem::take(&mut empty) {
            hunk.before.push("");
            hunk.after.push("");
        }
        if sign != '+' {
            hunk.before.push(text);
        }
        if sign != '-' {
            hunk.after.push(text);
        }
        next += 1;
    }
    (hunk, next)
}

/// The name in a header, without the time that may follow it.
fn header<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let name = line.strip_prefix(mark)?.split('\t').next()?.trim();
    (!name.is_empty()).then_some(name)
}

fn plain(name: &str) -> String {
    let name = name.trim_matches('"');
    let name = name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")).unwrap_or(name);
    name.to_owned()
}

/// The first line before, out of `@@ -12,3 +12,4 @@`.
fn begins(line: &str) -> Option<usize> {
    let old = line.split_whitespace().find_map(|word| word.strip_prefix('-'))?;
    old.split(',').next()?.parse().ok()
}
