//! Values: another variable, another constant, one more or one less, an expression from the same function.

use rustc_hash::FxHashSet;
use tree_sitter::Node;

use super::{Maker, View};
use crate::Language;
use crate::dialect::{self, binds_tighter, integer, is_compound, kids, words};

/// Edits of one expression.
pub(super) fn expression(maker: &mut Maker<'_>, node: Node<'_>) {
    let callee = node
        .parent()
        .and_then(|parent| parent.child_by_field_name("function"))
        .is_some_and(|callee| callee.id() == node.id());
    if callee {
        return;
    }
    match node.kind() {
        "identifier" => variable(maker, node, 0.8),
        "integer" | "integer_literal" | "number" => number(maker, node),
        "float" | "float_literal" => float(maker, node),
        "string" | "string_literal" | "char_literal" => string(maker, node),
        "true" | "false" | "boolean_literal" => boolean(maker, node),
        "none" | "null" => {
            for value in visible(maker, node, 4) {
                maker.push(node.byte_range(), value, "variable", 0.4);
            }
        }
        _ => {}
    }
    if matches!(
        node.kind(),
        "call"
            | "call_expression"
            | "attribute"
            | "subscript"
            | "index_expression"
            | "field_expression"
            | "member_expression"
            | "subscript_expression"
    ) || is_compound(node)
    {
        for (rank, value) in visible(maker, node, 5).into_iter().enumerate() {
            maker.replace(node, &value, false, "variable", 0.35 / (1.0 + rank as f64 * 0.2));
        }
    }
    from_function(maker, node);
    off_by_one(maker, node);
    joined(maker, node);
}

/// A token of a Rust macro: only what a single token can become.
pub(super) fn leaf_in_macro(maker: &mut Maker<'_>, node: Node<'_>) {
    match node.kind() {
        "identifier" => {
            let next = node.next_sibling().map(|n| n.kind());
            let before = node.prev_sibling().map(|n| maker.view.text(n).to_owned());
            if next != Some("token_tree") && before.as_deref() != Some(".") {
                variable(maker, node, 0.5);
            }
        }
        "integer_literal" => number(maker, node),
        "string_literal" | "char_literal" => string(maker, node),
        "boolean_literal" => boolean(maker, node),
        _ => {}
    }
}

/// Names that could stand here, without the one that does.
pub(super) fn visible(maker: &Maker<'_>, node: Node<'_>, most: usize) -> Vec<String> {
    let view = maker.view;
    let current = view.text(node);
    view.facts
        .visible(view.language, node.start_byte())
        .into_iter()
        .filter(|name| *name != current && *name != "self" && *name != "cls")
        .take(most)
        .map(str::to_owned)
        .collect()
}

fn variable(maker: &mut Maker<'_>, node: Node<'_>, prior: f64) {
    let bound = maker.view.facts.visible(maker.view.language, node.start_byte());
    if !bound.contains(&maker.view.text(node)) && maker.view.language == Language::Rust {
        return;
    }
    for (rank, name) in visible(maker, node, 12).into_iter().enumerate() {
        maker.push(node.byte_range(), name, "variable", prior / (1.0 + rank as f64 * 0.06));
    }
}

fn number(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let Some((value, suffix)) = integer(view.text(node)) else { return };
    let negative = node.parent().is_some_and(|p| {
        matches!(p.kind(), "unary_operator" | "unary_expression") && view.text(p).starts_with('-')
    });
    let step = if negative { -1 } else { 1 };
    let mut tries: Vec<(i64, f64)> = vec![
        (value.saturating_add(step), 0.92),
        (value.saturating_sub(step), 0.92),
        (0, 0.8),
        (1, 0.8),
        (2, 0.6),
        (-1, 0.5),
        (value.saturating_neg(), 0.45),
        (value.saturating_add(2), 0.4),
        (value.saturating_sub(2), 0.4),
        (value.saturating_mul(2), 0.35),
        (value / 2, 0.35),
        (10, 0.3),
        (value.saturating_mul(10), 0.25),
        (value / 10, 0.25),
    ];
    for other in view.facts.integers.iter().chain(&view.pool.integers).take(24) {
        if let Some((other, _)) = integer(other) {
            tries.push((other, 0.38));
        }
    }
    if (30..=130).contains(&value) {
        // what begins and ends the digits and letters among the character codes
        for code in [47, 48, 57, 58, 64, 65, 90, 91, 96, 97, 122, 123] {
            tries.push((code, 0.3));
        }
    }
    let mut seen = FxHashSet::from_iter([value]);
    for (other, prior) in tries {
        if !seen.insert(other) || (other < 0 && negative) {
            continue;
        }
        if other < 0 && view.language == Language::Rust && suffix.starts_with('u') {
            continue;
        }
        // a minus sign binds tighter than any comparison
        let compared = node
            .parent()
            .is_some_and(|p| matches!(p.kind(), "comparison_operator" | "boolean_operator"));
        let loose = other < 0 && !compared;
        // adding nothing is better said by leaving the term out, which another template does
        let prior = if other == 0 && is_added(node, view) { prior * 0.3 } else { prior };
        maker.replace(node, &format!("{other}{suffix}"), loose, "constant", prior);
    }
    if !in_macro(node) {
        for (rank, name) in visible(maker, node, 6).into_iter().enumerate() {
            maker.push(
                node.byte_range(),
                name,
                "constant-to-variable",
                0.45 / (1.0 + rank as f64 * 0.15),
            );
        }
    }
    if view.language == Language::JavaScript {
        return;
    }
    for literal in &view.pool.integers {
        if literal.contains('.') {
            maker.push(node.byte_range(), literal.clone(), "constant", 0.2);
        }
    }
}

/// Whether a number is the right side of a sum or difference.
fn is_added(node: Node<'_>, view: &View<'_>) -> bool {
    node.parent().is_some_and(|parent| {
        let operator = parent.child_by_field_name("operator").map(|operator| view.text(operator));
        let right =
            parent.child_by_field_name("right").is_some_and(|right| right.id() == node.id());
        right && matches!(operator, Some("+" | "-"))
    })
}

fn in_macro(node: Node<'_>) -> bool {
    node.parent().is_some_and(|p| p.kind() == "token_tree")
}

fn float(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let literal = view.text(node);
    let end = literal
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+')))
        .unwrap_or(literal.len());
    let (digits, suffix) = literal.split_at(end);
    let Ok(value) = digits.parse::<f64>() else { return };
    for (other, prior) in [
        (value + 1.0, 0.7),
        (value - 1.0, 0.7),
        (0.0, 0.6),
        (1.0, 0.6),
        (2.0, 0.5),
        (0.5, 0.45),
        (value * 2.0, 0.4),
        (value / 2.0, 0.4),
        (value * 10.0, 0.35),
        (value / 10.0, 0.35),
        (1.0 - value, 0.35),
    ] {
        if other.is_finite() && other != value {
            maker.replace(node, &format!("{other:?}{suffix}"), other < 0.0, "constant", prior);
        }
    }
}

fn boolean(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let w = words(view.language);
    let other = if view.text(node) == w.yes { w.no } else { w.yes };
    maker.push(node.byte_range(), other, "boolean-flip", 0.95);
    if in_macro(node) {
        return;
    }
    for (rank, name) in visible(maker, node, 4).into_iter().enumerate() {
        maker.push(
            node.byte_range(),
            name,
            "constant-to-variable",
            0.35 / (1.0 + rank as f64 * 0.2),
        );
    }
    // Every true and false of the function at once: one idea, several places.
    let Some((_, range)) = view.facts.function_at(node.start_byte()) else { return };
    let mut spots = Vec::new();
    let mut stack = Vec::from_iter(
        view.tree.root_node().descendant_for_byte_range(range.start, range.end.saturating_sub(1)),
    );
    while let Some(n) = stack.pop() {
        if matches!(n.kind(), "true" | "false" | "boolean_literal") {
            spots.push(n);
        }
        if n.byte_range().end <= range.end && n.byte_range().start >= range.start {
            stack.extend(kids(n));
        }
    }
    spots.sort_by_key(|n| n.start_byte());
    if spots.len() < 2 || spots.first().is_some_and(|first| first.id() != node.id()) {
        return;
    }
    let (start, end) = (spots[0].start_byte(), spots[spots.len() - 1].end_byte());
    let mut text = String::new();
    let mut at = start;
    for spot in spots {
        text.push_str(view.slice(at..spot.start_byte()));
        text.push_str(if view.text(spot) == w.yes { w.no } else { w.yes });
        at = spot.end_byte();
    }
    maker.push(start..end, text, "boolean-flip", 0.75);
}

/// Constants are exchanged for those of the file and the tests, and varied a little.
fn string(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let literal = view.text(node);
    if crate::facts::is_docstring(node) || literal.len() > 400 {
        return;
    }
    let Some(at) = literal.find(['"', '\'']) else { return };
    let (prefix, rest) = literal.split_at(at);
    let quote_len = if rest.starts_with("\"\"\"") || rest.starts_with("'''") { 3 } else { 1 };
    let (Some(quote), Some(body)) =
        (rest.get(..quote_len), rest.get(quote_len..rest.len().saturating_sub(quote_len)))
    else {
        return;
    };
    let mut tries: Vec<(String, f64)> = Vec::new();
    let swap = |c: &str| match c {
        "(" => Some(")"),
        ")" => Some("("),
        "[" => Some("]"),
        "]" => Some("["),
        "{" => Some("}"),
        "}" => Some("{"),
        "<" => Some(">"),
        ">" => Some("<"),
        "," => Some(" "),
        "-" => Some("_"),
        "_" => Some("-"),
        "/" => Some("\\\\"),
        "0" => Some("1"),
        "1" => Some("0"),
        "a" => Some("A"),
        "A" => Some("a"),
        _ => None,
    };
    if let Some(other) = swap(body) {
        tries.push((other.to_owned(), 0.8));
    }
    for brackets in [["(", "[", "{", "<"], [")", "]", "}", ">"]] {
        if brackets.contains(&body) {
            tries.extend(brackets.map(|other| (other.to_owned(), 0.5)));
        }
    }
    if view.facts.visible(view.language, node.start_byte()).contains(&body) {
        // the name of a variable in quotes
        maker.push(node.byte_range(), body, "unquote", 0.85);
    }
    let char_literal = node.kind() == "char_literal";
    if !char_literal {
        match body {
            "" => tries.extend([(" ".into(), 0.8), (",".into(), 0.3), ("\\n".into(), 0.3)]),
            " " => tries.extend([("".into(), 0.8), (", ".into(), 0.3)]),
            _ => {
                tries.push((String::new(), 0.45));
                let trimmed = body.trim();
                if trimmed.len() < body.len() {
                    tries.push((trimmed.to_owned(), 0.6));
                }
                tries.push((format!("{body} "), 0.25));
                let chars: Vec<char> = body.chars().collect();
                if (2..=12).contains(&chars.len()) && !body.contains(['\\', '{']) {
                    for skip in 0..chars.len() {
                        let text: String = chars
                            .iter()
                            .enumerate()
                            .filter(|(i, _)| *i != skip)
                            .map(|(_, c)| *c)
                            .collect();
                        tries.push((text, 0.33));
                    }
                }
                if chars.len() == 1 {
                    tries.push((format!("{body}{body}"), 0.3));
                }
            }
        }
    }
    if body.chars().any(char::is_alphabetic) && !body.contains(['\\', '{']) {
        tries.push((body.to_lowercase(), 0.4));
        tries.push((body.to_uppercase(), 0.4));
        let mut chars = body.chars();
        if let Some(first) = chars.next() {
            tries.push((first.to_uppercase().chain(chars).collect(), 0.4));
        }
    }
    let spots = equal_strings(maker, node);
    for (other, prior) in tries {
        let text = format!("{prefix}{quote}{other}{quote}");
        if prior >= 0.33
            && let (Some(first), Some(last)) = (spots.first(), spots.last())
        {
            let everywhere = rewritten(view, &spots, first.start..last.end, &text);
            maker.push(first.start..last.end, everywhere, "string-everywhere", prior * 0.6);
        }
        maker.push(node.byte_range(), text, "string", prior);
    }
    let similar = |other: &str| -> f64 {
        let common = body.chars().filter(|c| other.contains(*c)).count() as f64;
        common / (body.chars().count().max(other.chars().count()).max(1) as f64)
    };
    for (index, other) in view.facts.strings.iter().chain(&view.pool.strings).take(60).enumerate() {
        if char_literal != (other.starts_with('\'') && view.language == Language::Rust) {
            continue;
        }
        let decay = 1.0 / (1.0 + index as f64 * 0.02);
        let prior = (0.3 + 0.4 * similar(other)) * decay;
        maker.push(node.byte_range(), other.clone(), "string", prior);
    }
}

/// The places of the same string in the function, if there are several.
fn equal_strings(maker: &Maker<'_>, node: Node<'_>) -> Vec<std::ops::Range<usize>> {
    let view = maker.view;
    let words = view.text(node);
    let Some((_, range)) = view.facts.function_at(node.start_byte()) else { return Vec::new() };
    let mut spots = Vec::new();
    let around =
        view.tree.root_node().descendant_for_byte_range(range.start, range.end.saturating_sub(1));
    let mut stack = Vec::from_iter(around);
    while let Some(n) = stack.pop() {
        if n.kind() == node.kind() && view.text(n) == words {
            spots.push(n.byte_range());
        } else if n.start_byte() < range.end && n.end_byte() > range.start {
            stack.extend(kids(n));
        }
    }
    spots.retain(|spot| spot.start >= range.start && spot.end <= range.end);
    spots.sort_by_key(|spot| spot.start);
    if spots.len() > 1 { spots } else { Vec::new() }
}

/// A stretch of the file with a new text at several spots of it.
fn rewritten(
    view: &View<'_>,
    spots: &[std::ops::Range<usize>],
    whole: std::ops::Range<usize>,
    text: &str,
) -> String {
    let mut out = String::new();
    let mut at = whole.start;
    for spot in spots {
        out.push_str(view.slice(at..spot.start));
        out.push_str(text);
        at = spot.end;
    }
    out.push_str(view.slice(at..whole.end));
    out
}

/// A list or text that lacks what stands in a variable: `names + [..]`.
fn joined(maker: &mut Maker<'_>, node: Node<'_>) {
    let kind = node.parent().map_or("", |parent| parent.kind());
    let listed = matches!(node.kind(), "list" | "list_comprehension" | "array" | "string");
    if maker.view.language != Language::Python
        || !listed
        || !matches!(kind, "return_statement" | "assignment")
    {
        return;
    }
    let text = maker.view.text(node).to_owned();
    for (rank, name) in visible(maker, node, 5).into_iter().enumerate() {
        let prior = 0.3 / (1.0 + rank as f64 * 0.2);
        maker.push(node.byte_range(), format!("{name} + {text}"), "add-operand", prior);
        maker.push(node.byte_range(), format!("{text} + {name}"), "add-operand", prior);
    }
}

/// `e + 1` and `e - 1` where an index, a bound or a count stands.
fn off_by_one(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let kind = node.kind();
    if !matches!(
        kind,
        "identifier"
            | "call"
            | "call_expression"
            | "attribute"
            | "field_expression"
            | "binary_operator"
            | "binary_expression"
            | "member_expression"
            | "unary_operator"
            | "subscript"
            | "index_expression"
            | "subscript_expression"
            | "parenthesized_expression"
    ) {
        return;
    }
    let Some(parent) = node.parent() else { return };
    let arithmetic = |n: Node<'_>| {
        dialect::binary(&view.file.text, n).is_some_and(|(_, span, _)| {
            matches!(view.slice(span), "+" | "-" | "*" | "/" | "//" | "%" | "**")
        })
    };
    if matches!(kind, "binary_operator" | "binary_expression") && !arithmetic(node) {
        return;
    }
    let text = view.text(node).to_owned();
    let prior = match parent.kind() {
        "subscript" | "index_expression" | "subscript_expression" => {
            if parent.named_child(0).is_some_and(|first| first.id() == node.id()) {
                return;
            }
            0.7
        }
        "slice" | "range_expression" => 0.75,
        "argument_list" | "arguments" => {
            let name = parent
                .parent()
                .and_then(|call| call.child_by_field_name("function"))
                .map_or("", |callee| view.text(callee));
            if name == "range" { 0.75 } else { 0.4 }
        }
        "comparison_operator" => 0.5,
        "binary_expression" | "binary_operator" => {
            if arithmetic(parent) {
                0.35
            } else {
                0.45
            }
        }
        "return_statement" | "return_expression" => 0.5,
        "assignment"
        | "let_declaration"
        | "assignment_expression"
        | "variable_declarator"
        | "compound_assignment_expr"
        | "augmented_assignment" => 0.4,
        "conditional_expression"
        | "list_comprehension"
        | "parenthesized_expression"
        | "lambda"
        | "block"
        | "for_in_clause"
        | "list"
        | "expression_list"
        | "ternary_expression" => 0.3,
        _ => return,
    };
    let tight = binds_tighter(parent)
        && !matches!(parent.kind(), "comparison_operator" | "range_expression" | "subscript")
        && !matches!(parent.kind(), "index_expression" | "argument_list");
    let wrap = |sum: String| if tight { format!("({sum})") } else { sum };
    maker.push(node.byte_range(), wrap(format!("{text} + 1")), "off-by-one", prior);
    maker.push(node.byte_range(), wrap(format!("{text} - 1")), "off-by-one", prior);
    if !matches!(kind, "binary_operator" | "binary_expression" | "call" | "call_expression") {
        maker.push(node.byte_range(), wrap(format!("2 * {text}")), "factor", 0.12);
        let square = match view.language {
            Language::Rust => format!("{text} * {text}"),
            Language::Python | Language::JavaScript => format!("{text} ** 2"),
        };
        maker.push(node.byte_range(), wrap(square), "factor", 0.12);
    }
    if prior >= 0.5 {
        for name in visible(maker, node, 3) {
            maker.push(node.byte_range(), wrap(format!("{text} + {name}")), "add-operand", 0.2);
            maker.push(node.byte_range(), wrap(format!("{text} - {name}")), "add-operand", 0.2);
        }
    }
}

/// A call, an index or a constant of the same function instead of this expression.
fn from_function(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let home = view.facts.home(node.start_byte());
    let parent = node.parent();
    if parent.is_some_and(|p| p.kind() == "expression_statement") {
        return;
    }
    let own = node.byte_range();
    let current = view.text(node);
    let mut seen = FxHashSet::default();
    let mut rank = 0.0;
    for piece in view.facts.expressions.iter().filter(|piece| piece.home == home) {
        let inside = piece.range.start >= own.start && piece.range.end <= own.end;
        let around = piece.range.start <= own.start && piece.range.end >= own.end;
        if piece.text == current || around || !seen.insert(piece.text.as_str()) {
            continue;
        }
        let literal = piece.text.starts_with(|c: char| c.is_ascii_digit());
        if literal && integer(current).is_some() {
            continue;
        }
        let prior = if inside { 0.45 } else { 0.3 } / (1.0 + rank * 0.03);
        let compound = !piece.text.chars().all(|c| c.is_alphanumeric() || "_.()[]\"'".contains(c));
        maker.replace(node, &piece.text, compound, "expression-from-function", prior);
        rank += 1.0;
        if rank > 30.0 {
            break;
        }
    }
    for other in view.facts.strings.iter().take(6) {
        if node.kind() == "identifier" {
            maker.push(node.byte_range(), other.clone(), "expression-from-function", 0.22);
        }
    }
}
