//! Writes the instrumented text.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use tree_sitter::{Node, Tree};

use super::place::{Form, Place, constant_around};
use super::{SWITCH, Site, Span, TRACE, TRACE_MARK, What};
use crate::dialect::kids;
use crate::facts::preorder;
use crate::{CandidateId, SourceFile};

/// Lints that are errors by default and that a candidate, or the choice around it, may set off.
const ALLOWED: &str = "warnings, overflowing_literals, arithmetic_overflow, unconditional_panic, \
     invalid_from_utf8_unchecked, for_loops_over_fallibles, ambiguous_associated_items, \
     useless_deprecated, let_underscore_lock, never_type_fallback_flowing_into_unsafe";

/// The attribute that silences them; in the instrumented text only.
const ALLOW: &str = "allow";

/// One written file.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) sites: Vec<Site>,
    pub(super) spans: Vec<Span>,
}

/// A candidate, the number that switches it on, and its text.
type Arm = (CandidateId, u32, String);

/// A choice at one place, between all candidates that meet there.
struct Choice {
    range: Range<usize>,
    form: Form,
    arms: Vec<Arm>,
    path: String,
}

/// Something written into the original text at a position.
struct Mark {
    at: usize,
    text: String,
}

struct Writer<'a> {
    file: &'a SourceFile,
    out: String,
    spans: Vec<Span>,
    choices: Vec<Choice>,
    marks: Vec<Mark>,
    functions: Vec<Range<usize>>,
    starts: BTreeMap<usize, usize>,
    next_choice: usize,
    next_mark: usize,
}

/// Writes the choices and, if wanted, the sites of a file; sites are numbered from `first_site`.
pub(super) fn emit(
    file: &SourceFile,
    tree: &Tree,
    placed: Vec<(CandidateId, u32, Place)>,
    trace: bool,
    first_site: usize,
) -> Written {
    let source = file.text.as_str();
    let mut grouped: BTreeMap<(usize, Reverse<usize>, Form), Vec<Arm>> = BTreeMap::new();
    for (id, number, place) in placed {
        let key = (place.range.start, Reverse(place.range.end), place.form);
        grouped.entry(key).or_default().push((id, number, place.mutant));
    }
    let choices: Vec<Choice> = grouped
        .into_iter()
        .map(|((start, Reverse(end), form), arms)| Choice {
            range: start..end,
            form,
            arms,
            path: path_to_top(tree, start, end),
        })
        .collect();
    let functions: Vec<Range<usize>> = preorder(tree)
        .into_iter()
        .filter(|node| node.kind() == "function_item")
        .map(|node| node.byte_range())
        .collect();
    let blocks = if trace && file.editable { traced(tree, source) } else { Vec::new() };
    let marks = blocks
        .iter()
        .enumerate()
        .map(|(index, block)| Mark {
            at: block.start_byte() + 1,
            text: format!(
                " {}__astra_trace({index}); ",
                path_to_top(tree, block.start_byte(), block.end_byte())
            ),
        })
        .collect();
    let sites = sites(file, &blocks);
    let used = !choices.is_empty() || !sites.is_empty();
    let mut writer = Writer {
        file,
        out: String::with_capacity(source.len() * 2),
        spans: Vec::new(),
        choices,
        marks,
        functions,
        starts: BTreeMap::new(),
        next_choice: 0,
        next_mark: 0,
    };
    let head = if used { head_end(tree, source) } else { 0 };
    if used {
        writer.out.push_str(source.get(..head).unwrap_or(""));
        writer.out.push_str(&format!("#![{ALLOW}({ALLOWED})] "));
    }
    writer.range(head..source.len());
    writer.function_spans();
    if used {
        writer.helpers(sites.len(), first_site);
    }
    Written { text: writer.out, sites, spans: writer.spans }
}

impl Writer<'_> {
    /// Copies a part of the original with the choices and marks in it.
    fn range(&mut self, range: Range<usize>) {
        let mut at = range.start;
        loop {
            let choice = self.choices.get(self.next_choice).map(|choice| choice.range.clone());
            let choice = choice
                .filter(|own| own.start < range.end || (own.start == range.end && own.is_empty()));
            let mark = self.marks.get(self.next_mark).map(|mark| mark.at);
            let mark = mark.filter(|own| *own <= range.end);
            match (mark, choice) {
                (Some(own), choice) if choice.as_ref().is_none_or(|c| own <= c.start) => {
                    self.copy(at..own);
                    at = at.max(own);
                    let index = self.next_mark;
                    self.next_mark += 1;
                    let text = self.marks[index].text.clone();
                    self.out.push_str(&text);
                }
                (_, Some(own)) => {
                    self.copy(at..own.start);
                    at = at.max(own.end);
                    self.choice();
                }
                _ => break,
            }
        }
        self.copy(at..range.end);
    }

    fn copy(&mut self, range: Range<usize>) {
        if range.start < range.end {
            // where functions begin and end is noted on the way
            let base = self.out.len();
            for edge in self.functions.iter().flat_map(|f| [f.start, f.end]) {
                if range.start <= edge && edge <= range.end {
                    self.starts.insert(edge, base + edge - range.start);
                }
            }
            self.out.push_str(self.file.text.get(range).unwrap_or(""));
        }
    }

    fn choice(&mut self) {
        let index = self.next_choice;
        self.next_choice += 1;
        let range = self.choices[index].range.clone();
        let form = self.choices[index].form;
        let arms = std::mem::take(&mut self.choices[index].arms);
        let path = std::mem::take(&mut self.choices[index].path);
        let begin = self.out.len();
        // each side is assigned to one variable: so each is checked for itself, and the compiler tells of all
        // that do not fit at once. Around a whole body the sides are arms, which see the type that is expected.
        let (head, open, close, tail) = match form {
            Form::Expression => {
                ("({ let __astra_v; match ", "{ __astra_v = (", "\n); }", "} __astra_v })")
            }
            Form::Statements => {
                (" { let __astra_v; match ", "{ __astra_v = {", "\n}; }", "} __astra_v } ")
            }
            Form::Body => (" match ", "{", "\n}", "} "),
        };
        self.out.push_str(&format!("{head}{path}__astra_switch() {{ "));
        // the original comes first, because its type is the one that the others must have
        self.out.push_str(&format!("{} => {open}", all_but(arms.iter().map(|(_, n, _)| *n))));
        self.range(range);
        self.out.push_str(&format!("{close} "));
        let mut ids = Vec::new();
        for (id, number, mutant) in arms {
            self.out.push_str(&format!("{number}u32 => "));
            let start = self.out.len();
            self.out.push_str(&format!("{open}{mutant}{close}"));
            let span = start..self.out.len();
            self.spans.push(Span {
                file: self.file.path.clone(),
                range: span,
                what: What::Mutant(id),
            });
            self.out.push(' ');
            ids.push(id);
        }
        self.out.push_str(tail);
        let span = begin..self.out.len();
        self.spans.push(Span {
            file: self.file.path.clone(),
            range: span,
            what: What::Switch(ids),
        });
    }

    fn function_spans(&mut self) {
        for function in std::mem::take(&mut self.functions) {
            let (Some(start), Some(end)) =
                (self.starts.get(&function.start), self.starts.get(&function.end))
            else {
                continue;
            };
            let range = *start..*end;
            let ids: Vec<CandidateId> = self
                .spans
                .iter()
                .filter(|span| range.start <= span.range.start && span.range.end <= range.end)
                .filter_map(|span| match span.what {
                    What::Mutant(id) => Some(id),
                    _ => None,
                })
                .collect();
            if !ids.is_empty() {
                let what = What::Function(ids);
                self.spans.push(Span { file: self.file.path.clone(), range, what });
            }
        }
    }

    /// The functions that the choices and marks call; they stand in the file that calls them.
    fn helpers(&mut self, sites: usize, first: usize) {
        self.out.push_str(&format!(
            "\n#[doc(hidden)] fn __astra_switch() -> u32 {{ extern crate std as __astra_std; \
             static ON: __astra_std::sync::OnceLock<u32> = __astra_std::sync::OnceLock::new(); \
             *ON.get_or_init(|| __astra_std::env::var(\"{SWITCH}\").ok().and_then(|t| t.parse().ok()).unwrap_or(0)) }}\n"
        ));
        if sites == 0 {
            return;
        }
        self.out.push_str(&format!(
            "#[doc(hidden)] fn __astra_trace(site: usize) {{ extern crate std as __astra_std; \
             use __astra_std::sync::atomic::{{AtomicBool, Ordering}}; use __astra_std::io::Write as _; \
             const NO: AtomicBool = AtomicBool::new(false); static RAN: [AtomicBool; {sites}] = [NO; {sites}]; \
             if RAN[site].load(Ordering::Relaxed) || RAN[site].swap(true, Ordering::Relaxed) {{ return; }} \
             if __astra_std::env::var_os(\"{TRACE}\").is_some() {{ \
             let mut line = __astra_std::string::String::from(\"\\n{TRACE_MARK}\"); \
             line.push_str(&__astra_std::string::ToString::to_string(&(site + {first}))); line.push('\\n'); \
             let _ = __astra_std::io::stderr().write_all(line.as_bytes()); }} }}\n"
        ));
    }
}

/// A pattern for every number but these.
fn all_but(numbers: impl Iterator<Item = u32>) -> String {
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    let mut parts = Vec::new();
    let mut from = 0;
    for number in numbers {
        if from < number {
            parts.push(format!("{from}u32..={}u32", number - 1));
        }
        from = number.saturating_add(1);
    }
    parts.push(format!("{from}u32..={}u32", u32::MAX));
    parts.join(" | ")
}

/// How the top module of the file is named from inside this range.
fn path_to_top(tree: &Tree, start: usize, end: usize) -> String {
    let mut depth = 0;
    let mut at = tree.root_node().descendant_for_byte_range(start, end);
    while let Some(node) = at {
        let inside =
            node.kind() == "mod_item" && (node.start_byte() < start || node.end_byte() > end);
        depth += usize::from(inside);
        at = node.parent();
    }
    if depth == 0 { "self::".to_owned() } else { "super::".repeat(depth) }
}

/// Blocks that may tell that they ran.
fn traced<'t>(tree: &'t Tree, source: &str) -> Vec<Node<'t>> {
    preorder(tree)
        .into_iter()
        .filter(|node| node.kind() == "block" && !node.has_error())
        .filter(|node| node.parent().is_some_and(|parent| parent.kind() != "const_block"))
        .filter(|node| {
            kids(*node).first().is_none_or(|first| first.kind() != "inner_attribute_item")
        })
        .filter(|node| !constant_around(*node, source))
        .filter(|node| !crate::localise::is_test_code(*node, source))
        .collect()
}

fn sites(file: &SourceFile, blocks: &[Node<'_>]) -> Vec<Site> {
    let mut owner: BTreeMap<u32, usize> = BTreeMap::new();
    for (index, block) in blocks.iter().enumerate() {
        let (mut first, mut last) = (block.start_position().row, block.end_position().row);
        let body = block.parent().filter(|parent| parent.kind() == "function_item");
        if let Some(function) = body {
            first = function.start_position().row;
        } else {
            // the lines with the braces belong to what is around
            first += 1;
            if first > last {
                continue;
            }
            last -= 1;
        }
        for row in first..=last {
            owner.insert(row as u32 + 1, index);
        }
    }
    let mut sites: Vec<Site> =
        blocks.iter().map(|_| Site { file: file.path.clone(), lines: Vec::new() }).collect();
    for (line, index) in owner {
        sites[index].lines.push(line);
    }
    sites
}

/// Where the file's own inner attributes and documentation end.
fn head_end(tree: &Tree, source: &str) -> usize {
    let mut end = 0;
    let mut cursor = tree.walk();
    for node in tree.root_node().children(&mut cursor) {
        let words = crate::dialect::text(source, node);
        match node.kind() {
            "shebang" | "inner_attribute_item" => end = node.end_byte(),
            "line_comment" if words.starts_with("//!") => end = node.end_byte(),
            "block_comment" if words.starts_with("/*!") => end = node.end_byte(),
            "line_comment" | "block_comment" => {}
            _ => break,
        }
    }
    if end == 0 {
        return if source.starts_with('\u{feff}') { 3 } else { 0 };
    }
    // a line comment ends with its line
    source.get(end..).and_then(|rest| rest.find('\n')).map_or(end, |n| {
        let own = source.get(end..end + n).unwrap_or("");
        if own.trim().is_empty() { end + n + 1 } else { end }
    })
}
