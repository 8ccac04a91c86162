//! Finds where the choice between a candidate and the original can be made.

use std::ops::Range;

use tree_sitter::{InputEdit, Node, Parser, Point, Tree};

use crate::dialect::{kids, text};
use crate::{Candidate, RepairError, SourceFile, apply_edits};

/// Where the choice is made and what stands there for the candidate.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The bytes of the original that are one side of the choice.
    pub(super) range: Range<usize>,
    /// The other side.
    pub(super) mutant: String,
    /// How it is written.
    pub(super) form: Form,
}

/// How a choice is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// In place of an expression, in parentheses.
    Expression,
    /// In place of statements, or of all that a block holds.
    Statements,
    /// In place of all that the body of a function holds.
    Body,
}

/// Finds the place; `None` if no run-time choice can be made.
pub(super) fn place(
    parser: &mut Parser,
    file: &SourceFile,
    tree: &Tree,
    candidate: &Candidate,
    coarse: bool,
) -> Result<Option<Place>, RepairError> {
    let source = file.text.as_str();
    let edited = apply_edits(source, &candidate.edits)?;
    let Some(start) = candidate.edits.iter().map(|edit| edit.range.start).min() else {
        return Ok(None);
    };
    let end = candidate.edits.iter().map(|edit| edit.range.end).max().unwrap_or(start);
    let Some(new_end) = (end + edited.len()).checked_sub(source.len()) else { return Ok(None) };
    let mut old = tree.clone();
    old.edit(&InputEdit {
        start_byte: start,
        old_end_byte: end,
        new_end_byte: new_end,
        start_position: point(source, start),
        old_end_position: point(source, end),
        new_end_position: point(&edited, new_end),
    });
    let Some(after) = parser.parse(&edited, Some(&old)) else { return Ok(None) };
    if crate::syntax::count(&after) > crate::syntax::count(tree) {
        return Ok(None);
    }
    let shift = Shift { from: source.len(), to: edited.len() };
    let mut at = tree.root_node().descendant_for_byte_range(start, end);
    while let Some(node) = at {
        if is_constant(node, source) {
            return Ok(None);
        }
        let found = if coarse { None } else { fine(node, source, &after, shift) };
        let found = found.or_else(|| whole(node, &after, shift, start, end, coarse));
        if let Some((range, form)) = found {
            if constant_around(node, source) {
                return Ok(None);
            }
            let Some(mutant) = edited.get(range.start..shift.end(range.end)) else {
                return Ok(None);
            };
            return Ok(Some(Place { range, mutant: mutant.to_owned(), form }));
        }
        at = node.parent();
    }
    Ok(None)
}

/// Positions behind the edit, before and after it.
#[derive(Clone, Copy)]
struct Shift {
    from: usize,
    to: usize,
}

impl Shift {
    fn end(self, at: usize) -> usize {
        (at + self.to).saturating_sub(self.from)
    }
}

/// This very node as an expression or a statement, if both sides can stand there.
fn fine(node: Node<'_>, source: &str, after: &Tree, shift: Shift) -> Option<(Range<usize>, Form)> {
    let parent = node.parent()?;
    let (start, end) = (node.start_byte(), node.end_byte());
    let (outer_start, outer_end) = (parent.start_byte(), shift.end(parent.end_byte()));
    if is_value(node) && stands_as_value(node, parent, source) {
        // the same place must be one whole expression after the edit, too
        let twin = exact(after, start, shift.end(end), is_value)?;
        let above = twin.parent()?;
        let same = above.kind() == parent.kind()
            && above.start_byte() == outer_start
            && above.end_byte() == outer_end;
        if same && stands_as_value(twin, above, "") {
            return Some((start..end, Form::Expression));
        }
    }
    if parent.kind() == "block" && is_plain_statement(node) {
        let block = exact(after, outer_start, outer_end, |n| n.kind() == "block")?;
        let new = start..shift.end(end);
        let members = kids(block);
        let inside: Vec<&Node<'_>> = members
            .iter()
            .filter(|n| n.start_byte() < new.end && n.end_byte() > new.start)
            .collect();
        let cut = inside.iter().any(|n| n.start_byte() < new.start || n.end_byte() > new.end);
        if !cut && inside.iter().all(|n| is_plain_statement(**n)) {
            return Some((start..end, Form::Statements));
        }
    }
    None
}

/// All that a block holds.
fn whole(
    node: Node<'_>,
    after: &Tree,
    shift: Shift,
    start: usize,
    end: usize,
    coarse: bool,
) -> Option<(Range<usize>, Form)> {
    let parent = node.parent()?;
    let body = parent.kind() == "function_item"
        && parent.child_by_field_name("body").is_some_and(|body| body.id() == node.id());
    if node.kind() != "block" || (coarse && !body) || matches!(parent.kind(), "const_block") {
        return None;
    }
    let inner = node.start_byte() + 1..node.end_byte().checked_sub(1)?;
    if start < inner.start || end > inner.end {
        return None;
    }
    let inner_attribute =
        kids(node).first().is_some_and(|first| first.kind() == "inner_attribute_item");
    exact(after, node.start_byte(), shift.end(node.end_byte()), |n| n.kind() == "block")?;
    let form = if coarse { Form::Body } else { Form::Statements };
    (!inner_attribute).then_some((inner, form))
}

/// The node with exactly these bytes that is of the kind wanted, the outermost of them.
fn exact<'t>(
    tree: &'t Tree,
    start: usize,
    end: usize,
    wanted: impl Fn(Node<'t>) -> bool,
) -> Option<Node<'t>> {
    let mut node = tree.root_node().descendant_for_byte_range(start, end)?;
    let mut found = None;
    while node.start_byte() == start && node.end_byte() == end {
        if wanted(node) {
            found = Some(node);
        }
        match node.parent() {
            Some(parent) => node = parent,
            None => break,
        }
    }
    found
}

/// A place in memory rather than a value made here.
fn is_place(node: Node<'_>) -> bool {
    match node.kind() {
        "identifier" | "self" | "field_expression" | "index_expression" | "scoped_identifier" => {
            true
        }
        "unary_expression" => node.child(0).is_some_and(|operator| operator.kind() == "*"),
        "parenthesized_expression" => node.named_child(0).is_some_and(is_place),
        _ => false,
    }
}

fn is_value(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "integer_literal"
            | "float_literal"
            | "string_literal"
            | "raw_string_literal"
            | "char_literal"
            | "boolean_literal"
            | "binary_expression"
            | "unary_expression"
            | "reference_expression"
            | "call_expression"
            | "array_expression"
            | "tuple_expression"
            | "unit_expression"
            | "parenthesized_expression"
            | "range_expression"
            | "type_cast_expression"
            | "macro_invocation"
            | "if_expression"
            | "match_expression"
            | "try_expression"
            | "await_expression"
            | "struct_expression"
            | "return_expression"
            | "break_expression"
            | "continue_expression"
    ) || is_place(node)
}

/// Whether a value is taken here: a choice in parentheses can stand in its place.
fn stands_as_value(node: Node<'_>, parent: Node<'_>, source: &str) -> bool {
    let is = |field: &str| parent.child_by_field_name(field).is_some_and(|n| n.id() == node.id());
    let place = is_place(node);
    if node.kind() == "macro_invocation" && text(source, node).starts_with("format_args") {
        return false;
    }
    match parent.kind() {
        "return_expression" => true,
        "arguments" | "tuple_expression" | "try_expression" | "await_expression" => !place,
        // comparisons borrow their operands, so a place there is left where it is
        "binary_expression" => !place,
        "unary_expression" => {
            !place
                && !node.kind().ends_with("_literal")
                && parent.child(0).is_some_and(|operator| operator.kind() != "*")
        }
        "parenthesized_expression" => {
            !place && parent.parent().is_some_and(|up| up.kind() != "macro_invocation")
        }
        "let_declaration" => is("value"),
        "assignment_expression" => is("right") && !place,
        "compound_assignment_expr" => is("right") && !place,
        "if_expression" | "while_expression" => is("condition") && !place,
        "match_pattern" => is("condition") && !place,
        "match_expression" | "let_condition" => is("value") && !place,
        "match_arm" => is("value"),
        "field_initializer" => is("value") && !place,
        "array_expression" => !is("length") && !place,
        "range_expression" => !place,
        "index_expression" => {
            !place && parent.named_child(0).is_some_and(|first| first.id() != node.id())
        }
        "type_cast_expression" => is("value") && !place,
        "reference_expression" | "field_expression" => is("value") && !place,
        "for_expression" => is("value") && !place,
        "closure_expression" => is("body") && !place,
        "block" => true,
        _ => false,
    }
}

/// A statement that binds no name which later ones could use.
fn is_plain_statement(node: Node<'_>) -> bool {
    !matches!(
        node.kind(),
        "let_declaration"
            | "use_declaration"
            | "attribute_item"
            | "inner_attribute_item"
            | "empty_statement"
            | "macro_definition"
            | "label"
    ) && !node.kind().ends_with("_item")
        && node.prev_named_sibling().is_none_or(|before| before.kind() != "attribute_item")
}

/// Whether what is below is evaluated by the compiler, or is not code.
fn is_constant(node: Node<'_>, source: &str) -> bool {
    match node.kind() {
        "const_item"
        | "static_item"
        | "const_block"
        | "enum_variant"
        | "attribute_item"
        | "inner_attribute_item"
        | "macro_definition"
        | "use_declaration"
        | "array_type"
        | "type_arguments"
        | "const_parameter" => true,
        "function_item" => {
            let mut cursor = node.walk();
            node.children(&mut cursor).any(|child| {
                child.kind() == "function_modifiers"
                    && text(source, child).split_whitespace().any(|word| word == "const")
            })
        }
        _ => false,
    }
}

/// The same for everything around a node.
pub(super) fn constant_around(node: Node<'_>, source: &str) -> bool {
    let mut at = Some(node);
    while let Some(here) = at {
        if is_constant(here, source) {
            return true;
        }
        at = here.parent();
    }
    false
}

fn point(text: &str, at: usize) -> Point {
    let head = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    let row = head.iter().filter(|byte| **byte == b'\n').count();
    let column = head.iter().rev().take_while(|byte| **byte != b'\n').count();
    Point { row, column }
}
