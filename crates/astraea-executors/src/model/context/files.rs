//! Which files a model is shown, how much of each, and a map of the others.

use std::collections::{BTreeMap, BTreeSet};

use astraea_repair::{Language, Symbol, symbols};

use super::Subject;
use crate::RepoTree;
use crate::runners::{Tree, below};

/// A file up to this many bytes is shown whole.
const WHOLE: usize = 16_000;
/// Lines above and below a place that matters in a longer file.
const AROUND: u32 = 40;
/// The most files that are shown, and the most that are looked into for words.
const MOST_SHOWN: usize = 25;
const MOST_READ: usize = 400;

/// A file that may matter.
#[derive(Debug, Default, Clone)]
pub(super) struct Wanted {
    pub(super) path: String,
    score: u32,
    /// Lines that matter, from 1.
    lines: BTreeSet<u32>,
}

/// The text files of the tree, those that matter most first.
pub(super) fn rank(subject: &Subject<'_>, tree: &RepoTree) -> Vec<Wanted> {
    let Subject { ws, job, report, first, .. } = *subject;
    let scope = ws.scope().dir_text();
    let names: Vec<String> = tree.paths().iter().filter(|path| readable(path)).cloned().collect();
    let mut wanted: BTreeMap<&str, Wanted> = BTreeMap::new();
    for path in &names {
        let inside = scope.is_empty() || below(&scope, path).is_some();
        let code = Language::of_path(path).is_some() || is_code(path);
        let score = u32::from(inside) + 2 * u32::from(code);
        wanted.insert(path, Wanted { path: path.clone(), score, ..Wanted::default() });
    }
    let mut add = |path: &str, score: u32, line: Option<u32>| {
        if let Some(one) = wanted.get_mut(path) {
            one.score += score;
            one.lines.extend(line);
        }
    };
    for path in first.iter().chain(&job.protected) {
        add(path, 1000, None);
    }
    for value in job.context.values().filter_map(|value| value.as_str()) {
        add(value, 400, None);
    }
    for (at, one) in job.hints.suspicious.iter().take(20).enumerate() {
        add(&one.file, if at == 0 { 150 } else { 20 }, Some(one.line));
    }
    let mut said = format!("{} ", job.goal_text);
    if let Some(report) = report {
        let listed =
            |id: &crate::TestId| job.tests.is_empty() || job.tests.iter().any(|t| id.matches(t));
        let failing: Vec<_> = report.failing().filter(|id| listed(id)).take(20).collect();
        for id in &failing {
            let file = id.as_str().split("::").next().unwrap_or_default();
            let file = file.split(" > ").next().unwrap_or_default();
            add(file, 120, None);
        }
        let details = failing.iter().filter_map(|id| report.details.get(*id));
        let errors = report.collection_errors.iter().map(|error| &error.message);
        for text in details.chain(errors) {
            for (path, line) in places(tree, text) {
                add(&path, 60, Some(line));
            }
        }
        // what a failing test reads by name is close to the bug
        let tests: Vec<String> = failing
            .iter()
            .filter_map(|id| {
                tree.read(id.as_str().split("::").next().unwrap_or_default().split(" > ").next()?)
            })
            .collect();
        for text in tests.iter().take(5) {
            said.push_str(text);
        }
    }
    for value in job.context.values().filter_map(|value| value.as_str()) {
        said.push_str(value);
        said.push(' ');
    }
    let words = words(&said);
    for path in &names {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = name.split('.').next().unwrap_or(name).to_lowercase();
        if words.contains(&stem) && stem.len() > 2 {
            add(path, 50, None);
        }
    }
    for path in names.iter().take(MOST_READ) {
        let Some(found) = defined(tree, path) else { continue };
        for symbol in found {
            let name = symbol.name.rsplit('.').next().unwrap_or_default().to_lowercase();
            if name.len() > 2 && words.contains(&name) {
                add(path, 25, Some(symbol.line));
            }
        }
    }
    let mut list: Vec<Wanted> = wanted.into_values().collect();
    list.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.path.cmp(&b.path)));
    list
}

/// The files to show, each with its title, within `bytes`.
pub(super) fn show(
    subject: &Subject<'_>,
    tree: &RepoTree,
    wanted: &[Wanted],
    bytes: usize,
) -> Vec<(String, String)> {
    let mut left = bytes;
    let mut shown = Vec::new();
    for one in wanted.iter().filter(|one| one.score > 2).take(MOST_SHOWN) {
        let Some(text) = tree.read(&one.path) else { continue };
        if text.is_empty() || text.contains('\0') {
            continue;
        }
        let always = subject.first.contains(&one.path) && text.len() <= left;
        let (title, text) = if text.len() <= WHOLE || always {
            (format!("file {}", one.path), text)
        } else {
            (format!("file {}, parts of it", one.path), parts(&one.path, &text, &one.lines))
        };
        let size = title.len() + text.len() + 40;
        if size <= left {
            left -= size;
            shown.push((title, text));
        }
    }
    shown
}

/// The windows around the lines that matter, with the names of what lies between.
fn parts(path: &str, text: &str, matter: &BTreeSet<u32>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let known = Language::of_path(path).and_then(|language| symbols(language, text).ok());
    let known = known.unwrap_or_default();
    let near = |line: u32| matter.iter().any(|at| at.abs_diff(line) <= AROUND);
    let (mut out, mut gap) = (String::new(), false);
    for (at, line) in lines.iter().enumerate() {
        let number = at as u32 + 1;
        if near(number) || (matter.is_empty() && number <= 2 * AROUND) {
            if gap {
                out.push_str(&format!("[from line {number}]\n"));
                gap = false;
            }
            out.push_str(line);
            out.push('\n');
        } else if let Some(symbol) = known.iter().find(|symbol| symbol.line == number) {
            out.push_str(&format!("[line {number}: {}]\n", symbol.signature));
            gap = true;
        } else {
            gap = true;
        }
    }
    out
}

/// The paths of the tree with the names that they define, the most wanted first.
pub(super) fn map(tree: &RepoTree, wanted: &[Wanted], bytes: usize) -> String {
    let mut out = String::new();
    for (at, one) in wanted.iter().enumerate() {
        let names: Vec<String> = if at < 60 {
            let found = defined(tree, &one.path).unwrap_or_default();
            found.iter().take(25).map(|symbol| symbol.signature.clone()).collect()
        } else {
            Vec::new()
        };
        let line = match names[..] {
            [] => format!("{}\n", one.path),
            _ => format!("{}: {}\n", one.path, names.join("; ")),
        };
        if out.len() + line.len() > bytes {
            out.push_str(&format!("and {} more files\n", wanted.len() - at));
            break;
        }
        out.push_str(&line);
    }
    out
}

fn defined(tree: &RepoTree, path: &str) -> Option<Vec<Symbol>> {
    let language = Language::of_path(path)?;
    let text = tree.read(path).filter(|text| text.len() <= 200_000)?;
    symbols(language, &text).ok()
}

/// `file:line` and `File "file", line n`, where the file is one of ours.
fn places(tree: &RepoTree, text: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || "\"'(),<>".contains(c)) {
        let (path, rest) = word.split_once(':').unwrap_or((word, ""));
        if !path.contains('.') {
            continue;
        }
        let Some(known) = tree
            .paths()
            .iter()
            .find(|known| path == known.as_str() || path.ends_with(&format!("/{known}")))
        else {
            continue;
        };
        let after = text.find(word).map_or("", |at| &text[at + word.len()..]);
        let python = after.trim_start_matches(['"', ',', ' ']).strip_prefix("line ");
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        let line = digits(rest).parse().ok().or_else(|| digits(python?).parse().ok());
        found.push((known.clone(), line.unwrap_or(1)));
        if found.len() > 50 {
            break;
        }
    }
    found
}

/// The words of a text, in lower case.
fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| word.len() > 2)
        .map(str::to_lowercase)
        .collect()
}

/// Whether a path may be worth reading at all.
fn readable(path: &str) -> bool {
    const NOT: [&str; 8] =
        ["node_modules", "vendor", "third_party", "target", ".venv", "venv", "dist", "build"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    !path.split('/').any(|part| NOT.contains(&part))
        && !name.ends_with(".lock")
        && name != "package-lock.json"
        && !["png", "jpg", "gif", "ico", "pdf", "zip", "gz", "woff", "woff2", "bin", "so", "min"]
            .contains(&ending)
        && !name.contains(".min.")
}

fn is_code(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["ts", "tsx", "mts", "go", "toml", "json", "c", "h", "cpp", "java", "rb", "sh"]
        .contains(&ending)
}
