//! Slices and ranges: their bounds, their kind, and whether they are there at all.

use tree_sitter::Node;

use super::Maker;
use super::values::visible;
use crate::Language;
use crate::dialect::kids;

/// Adds a slice to an expression that has none.
pub(super) fn expression(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    if !matches!(
        node.kind(),
        "identifier" | "call" | "attribute" | "list_comprehension" | "call_expression"
    ) {
        return;
    }
    let Some(parent) = node.parent() else { return };
    let callee = parent.child_by_field_name("function").is_some_and(|f| f.id() == node.id());
    if callee
        || matches!(
            parent.kind(),
            "expression_statement" | "attribute" | "subscript" | "slice" | "keyword_argument"
        )
    {
        return;
    }
    let words = view.text(node).to_owned();
    if words.len() > 120 || words.contains('\n') {
        return;
    }
    let near = matches!(
        parent.kind(),
        "for_in_clause" | "for_statement" | "argument_list" | "return_statement" | "assignment"
    );
    let boost = if near { 1.0 } else { 0.6 };
    match view.language {
        Language::Python => {
            for (slice, prior) in [
                ("[1:]", 0.4),
                ("[:-1]", 0.4),
                ("[::-1]", 0.4),
                ("[:]", 0.15),
                ("[::2]", 0.15),
                ("[2:]", 0.15),
            ] {
                maker.push(
                    node.byte_range(),
                    format!("{words}{slice}"),
                    "slice-bound",
                    prior * boost,
                );
            }
            for (rank, name) in visible(maker, node, 4).into_iter().enumerate() {
                let prior = 0.32 / (1.0 + rank as f64 * 0.25) * boost;
                maker.push(node.byte_range(), format!("{words}[:{name}]"), "slice-bound", prior);
                maker.push(node.byte_range(), format!("{words}[{name}:]"), "slice-bound", prior);
            }
        }
        Language::JavaScript => {
            for (slice, prior) in [(".slice(1)", 0.35), (".slice(0, -1)", 0.35)] {
                maker.push(
                    node.byte_range(),
                    format!("{words}{slice}"),
                    "slice-bound",
                    prior * boost,
                );
            }
        }
        Language::Rust => {}
    }
}

/// Edits of the bounds of a slice or range that is there.
pub(super) fn bounds(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    match node.kind() {
        "slice" => {
            let words = view.text(node).to_owned();
            let inner = kids(node);
            let parts: Vec<&str> = words.split(':').collect();
            // A nested slice or a dictionary inside would be cut at the wrong colon.
            if inner.iter().any(|part| view.text(*part).contains(':')) || parts.len() > 3 {
                return;
            }
            let start = parts.first().copied().unwrap_or("").trim();
            let stop = parts.get(1).copied().unwrap_or("").trim();
            let step = parts.get(2).map(|step| format!(":{}", step.trim())).unwrap_or_default();
            let mut tries: Vec<(String, f64)> = Vec::new();
            for (bound, prior) in [("", 0.6), ("1", 0.5), ("0", 0.3), ("2", 0.3), ("-1", 0.3)] {
                tries.push((format!("{bound}:{stop}{step}"), prior));
                tries.push((format!("{start}:{bound}{step}"), prior));
            }
            for name in visible(maker, node, 5) {
                tries.push((format!("{name}:{stop}{step}"), 0.35));
                tries.push((format!("{start}:{name}{step}"), 0.35));
            }
            let turned = |bound: &str| match bound.strip_prefix('-') {
                Some(bound) => bound.to_owned(),
                None => format!("-{bound}"),
            };
            let plain = |bound: &str| {
                !bound.is_empty() && bound.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c))
            };
            if plain(start) {
                tries.push((format!("{}:{stop}{step}", turned(start)), 0.35));
            }
            if plain(stop) {
                tries.push((format!("{start}:{}{step}", turned(stop)), 0.35));
            }
            if !start.is_empty() && !stop.is_empty() {
                tries.push((format!("{stop}:{start}{step}"), 0.4));
            }
            if step.is_empty() {
                tries.push((format!("{start}:{stop}:-1"), 0.4));
                tries.push((format!("{start}:{stop}:2"), 0.25));
                tries.push((format!("{stop}:{start}"), 0.35));
            } else {
                tries.push((format!("{start}:{stop}"), 0.5));
            }
            for (text, prior) in tries {
                maker.push(node.byte_range(), text, "slice-bound", prior);
            }
        }
        "range_expression" => {
            let words = view.text(node);
            let mut cursor = node.walk();
            let Some(operator) = node
                .children(&mut cursor)
                .find(|child| matches!(child.kind(), ".." | "..=" | "..."))
            else {
                return;
            };
            let span = operator.byte_range();
            if operator.kind() == ".." && !words.ends_with("..") {
                maker.push(span.clone(), "..=", "range-bound", 0.9);
            } else if operator.kind() == "..=" {
                maker.push(span.clone(), "..", "range-bound", 0.9);
            }
            let reversed = node.parent().is_some_and(|p| p.kind() == "for_expression");
            if reversed {
                maker.push(node.byte_range(), format!("({words}).rev()"), "range-bound", 0.4);
                maker.push(node.byte_range(), format!("({words}).skip(1)"), "range-bound", 0.15);
            }
            for part in kids(node) {
                for (bound, prior) in [("0", 0.4), ("1", 0.5), ("2", 0.3)] {
                    maker.push(part.byte_range(), bound, "range-bound", prior);
                }
            }
        }
        _ => {}
    }
}
