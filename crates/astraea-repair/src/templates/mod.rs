//! Turns suspicious lines into candidates.
//!
//! Each template makes one edit of one kind. Templates are written over the meaning of syntax nodes, not over one
//! grammar, so the same ones serve every language; what is special to a language says so where it stands.
//!
//! | module | templates |
//! |---|---|
//! | `operators` | comparison, arithmetic, logic, bit and augmented operators, operand swap and drop, negation |
//! | `values` | variable from scope, constants, strings, booleans, off by one, expression from the same function |
//! | `calls` | callee, attribute, arguments, unwrap, wrap, list wrap, tuple elements |
//! | `ranges` | slice and range bounds |
//! | `conditions` | extra clause, dropped clause, negation, branch swap, filter |
//! | `statements` | insert, delete, move, replace, dedent, indent, return under a condition, assignment target |

mod calls;
mod conditions;
mod operators;
mod ranges;
mod statements;
mod stream;
mod values;

use std::ops::Range;

use tree_sitter::{Node, Tree};

pub use stream::{CandidateStream, candidates};

use crate::dialect::{self, binds_tighter, is_compound};
use crate::facts::Facts;
use crate::{Language, SourceFile};

/// An edit before it has a number.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
    pub(crate) template: &'static str,
    pub(crate) score: f64,
    pub(crate) line: u32,
}

/// Material from all files: constants of the tests, callees defined anywhere.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    pub(crate) integers: Vec<String>,
    pub(crate) strings: Vec<String>,
    pub(crate) callees: Vec<crate::facts::Callee>,
    pub(crate) attributes: Vec<String>,
}

/// One file while candidates are made for it.
pub(crate) struct View<'a> {
    pub(crate) language: Language,
    pub(crate) file: &'a SourceFile,
    pub(crate) tree: &'a Tree,
    pub(crate) facts: &'a Facts,
    pub(crate) pool: &'a Pool,
}

impl View<'_> {
    pub(crate) fn text(&self, node: Node<'_>) -> &str {
        dialect::text(&self.file.text, node)
    }

    pub(crate) fn slice(&self, range: Range<usize>) -> &str {
        self.file.text.get(range).unwrap_or("")
    }

    pub(crate) fn newline(&self) -> &'static str {
        if self.file.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// White space before the first character of the line that a byte stands on.
    pub(crate) fn indent(&self, at: usize) -> &str {
        let line = self.file.text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |n| n + 1);
        let rest = self.file.text.get(line..).unwrap_or("");
        let width = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        rest.get(..width).unwrap_or("")
    }

    /// One step of indentation, guessed from the file.
    pub(crate) fn step(&self) -> &'static str {
        let mut step = usize::MAX;
        for line in self.file.text.lines().take(400) {
            if line.starts_with('\t') {
                return "\t";
            }
            let width = line.len() - line.trim_start_matches(' ').len();
            if width > 0 && width < line.len() {
                step = step.min(width);
            }
        }
        match step {
            1..=2 => "  ",
            3 => "   ",
            _ => "    ",
        }
    }
}

/// Collects edits for the nodes of one file.
pub(crate) struct Maker<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) out: Vec<Raw>,
    suspicion: f64,
    line: u32,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(view: &'a View<'a>) -> Self {
        Self { view, out: Vec::new(), suspicion: 0.0, line: 0 }
    }

    /// Adds an edit; the prior is at most about 1.
    pub(crate) fn push(
        &mut self,
        range: Range<usize>,
        text: impl Into<String>,
        template: &'static str,
        prior: f64,
    ) {
        let text = text.into();
        if self.view.slice(range.clone()) == text {
            return;
        }
        let score = self.suspicion * prior;
        self.out.push(Raw { range, text, template, score, line: self.line });
    }

    /// Replaces an expression by a text that may need parentheses where it stands.
    pub(crate) fn replace(
        &mut self,
        node: Node<'_>,
        text: &str,
        compound: bool,
        template: &'static str,
        prior: f64,
    ) {
        let wrap = compound && node.parent().is_some_and(binds_tighter) && !self.is_argument(node);
        let text = if wrap { format!("({text})") } else { text.to_owned() };
        self.push(node.byte_range(), text, template, prior);
    }

    /// The text of a node as an operand, in parentheses where needed.
    pub(crate) fn operand(&self, node: Node<'_>) -> String {
        let words = self.view.text(node);
        if is_compound(node) { format!("({words})") } else { words.to_owned() }
    }

    /// Whether it stands between brackets of its own: as an argument, or as the index of a subscript.
    fn is_argument(&self, node: Node<'_>) -> bool {
        node.parent().is_some_and(|parent| match parent.kind() {
            "argument_list" | "arguments" => true,
            "subscript" => {
                parent.child_by_field_name("subscript").is_some_and(|index| index.id() == node.id())
            }
            _ => false,
        })
    }
}

/// All edits for the lines with a score above zero; `scores[0]` belongs to line 1.
pub(crate) fn make(view: &View<'_>, scores: &[f64]) -> Vec<Raw> {
    let mut maker = Maker::new(view);
    let mut cursor = view.tree.walk();
    loop {
        let node = cursor.node();
        let frozen = dialect::is_frozen(view.language, node) || is_test(view, node);
        if !frozen {
            let row = node.start_position().row;
            maker.suspicion = scores.get(row).copied().unwrap_or(0.0);
            maker.line = row as u32 + 1;
            if maker.suspicion > 0.0 && node.is_named() && !node.has_error() {
                visit(&mut maker, node);
            }
            if cursor.goto_first_child() {
                continue;
            }
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return maker.out;
            }
        }
    }
}

/// Rust: tests that stand beside the code are what must not change.
fn is_test(view: &View<'_>, node: Node<'_>) -> bool {
    view.language == Language::Rust
        && matches!(node.kind(), "mod_item" | "function_item" | "impl_item")
        && crate::localise::has_test_attribute(node, &view.file.text)
}

fn visit(maker: &mut Maker<'_>, node: Node<'_>) {
    let language = maker.view.language;
    let in_macro = node.parent().is_some_and(|parent| parent.kind() == "token_tree");
    if dialect::is_expression(language, node) {
        if in_macro {
            values::leaf_in_macro(maker, node);
            return;
        }
        if dialect::is_read(node) {
            values::expression(maker, node);
            calls::expression(maker, node);
            ranges::expression(maker, node);
            operators::expression(maker, node);
        }
    }
    operators::assignment(maker, node);
    ranges::bounds(maker, node);
    conditions::visit(maker, node);
    if dialect::is_statement(language, node) {
        statements::visit(maker, node);
    }
    if node.kind() == "token_tree" {
        operators::in_macro(maker, node);
    }
}
