//! Reading the plan format of the planning competition, as other planners print it too.

use crate::atom::Atom;
use crate::error::Error;

/// A plan text, line by line: ids are those of the text, and nothing is looked up yet.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) steps: Vec<Listed>,
    pub(crate) roots: Vec<u64>,
    pub(crate) tasks: Vec<Refined>,
}

/// `3 move a b`
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) id: u64,
    pub(crate) atom: Atom,
    pub(crate) line: usize,
}

/// `7 go b -> walk 3 4`
#[derive(Debug)]
pub(crate) struct Refined {
    pub(crate) id: u64,
    pub(crate) atom: Atom,
    pub(crate) method: String,
    pub(crate) subtasks: Vec<u64>,
    pub(crate) line: usize,
}

const BEGIN: &str = "==>";
const END: &str = "<==";

/// Whether the text has the line that begins a plan.
pub(crate) fn is_standard(text: &str) -> bool {
    text.lines().any(|l| l.trim() == BEGIN)
}

fn wrong(line: usize, why: impl Into<String>) -> Error {
    Error::PlanSyntax { line, why: why.into() }
}

impl Outline {
    /// Reads the last plan of the text. Before `==>` and after `<==` there may be anything (planners write their log there); empty lines, lines that begin
    /// with `;`, a colon after an id and parentheses around a task are passed over.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let Some(begin) = lines.iter().rposition(|l| *l == BEGIN) else {
            return Err(wrong(1, format!("no line `{BEGIN}` is there; a plan begins with it")));
        };
        let mut outline = Self::default();
        let mut rooted = false;
        for (i, text) in lines.iter().enumerate().skip(begin + 1) {
            let line = i + 1;
            if text.is_empty() || text.starts_with(';') {
                continue;
            }
            if *text == END {
                return if rooted {
                    Ok(outline)
                } else {
                    Err(wrong(line, "the plan ends without a line `root …` that names its tasks"))
                };
            }
            let mut words = text.split_whitespace();
            let first = words.next().unwrap_or_default();
            if first.eq_ignore_ascii_case("root") {
                if std::mem::replace(&mut rooted, true) {
                    return Err(wrong(line, "a second line `root`; one plan has one"));
                }
                outline.roots = words.map(|w| number(w, line)).collect::<Result<_, _>>()?;
                continue;
            }
            let id = number(first.strip_suffix(':').unwrap_or(first), line)?;
            let rest = text[first.len()..].trim();
            match rest.split_once("->") {
                Some((task, by)) => {
                    let mut by = by.split_whitespace();
                    let method = by.next().ok_or_else(|| wrong(line, "no method after `->`"))?;
                    let subtasks = by.map(|w| number(w, line)).collect::<Result<_, _>>()?;
                    let (atom, method) = (named(task, line)?, method.to_owned());
                    outline.tasks.push(Refined { id, atom, method, subtasks, line });
                }
                None if rooted => {
                    let why = format!("`{first} …` is a task without ` -> method ids`");
                    return Err(wrong(line, why + "; actions stand above the line `root`"));
                }
                None => outline.steps.push(Listed { id, atom: named(rest, line)?, line }),
            }
        }
        let why = format!("the text ends before `{END}`; it seems to be cut off");
        Err(wrong(lines.len().max(1), why))
    }
}

fn named(text: &str, line: usize) -> Result<Atom, Error> {
    let atom = Atom::from(text);
    if atom.name.is_empty() { Err(wrong(line, "no name after the id")) } else { Ok(atom) }
}

fn number(word: &str, line: usize) -> Result<u64, Error> {
    let shown: String = word.chars().take(40).collect();
    word.parse().map_err(|_| wrong(line, format!("`{shown}` is not an id; ids are whole numbers")))
}
