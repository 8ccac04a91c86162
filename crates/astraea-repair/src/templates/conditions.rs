//! Conditions: negated, extended, shortened; branches exchanged; filters added.

use rustc_hash::FxHashSet;
use tree_sitter::Node;

use super::Maker;
use crate::Language;
use crate::dialect::{self, words};

/// Edits of one node.
pub(super) fn visit(maker: &mut Maker<'_>, node: Node<'_>) {
    if let Some(condition) = dialect::condition(maker.view.language, node) {
        negate(maker, condition);
        extend(maker, condition);
        constant(maker, condition);
        whole(maker, condition);
    } else if matches!(node.kind(), "return_statement" | "return_expression")
        && let Some(value) = node.named_child(0)
        && is_truth(maker, value)
    {
        negate(maker, value);
        extend(maker, value);
    }
    match node.kind() {
        "if_statement" | "if_expression" => branches(maker, node),
        "conditional_expression" | "ternary_expression" => ternary(maker, node),
        "for_in_clause" => filter(maker, node),
        "if_clause" => maker.push(node.byte_range(), "", "drop-filter", 0.5),
        _ => {}
    }
}

fn is_truth(maker: &Maker<'_>, node: Node<'_>) -> bool {
    let w = words(maker.view.language);
    matches!(node.kind(), "comparison_operator" | "boolean_operator" | "not_operator")
        || dialect::binary(&maker.view.file.text, node).is_some_and(|(_, span, _)| {
            let operator = maker.view.slice(span);
            operator == w.and
                || operator == w.or
                || matches!(operator, "==" | "!=" | "<" | ">" | "<=" | ">=" | "===" | "!==")
        })
}

fn negate(maker: &mut Maker<'_>, condition: Node<'_>) {
    let not = words(maker.view.language).not;
    let text = format!("{not}{}", maker.operand(condition));
    maker.push(condition.byte_range(), text, "negate-condition", 0.65);
}

fn constant(maker: &mut Maker<'_>, condition: Node<'_>) {
    let w = words(maker.view.language);
    maker.push(condition.byte_range(), w.yes, "constant-condition", 0.3);
    maker.push(condition.byte_range(), w.no, "constant-condition", 0.35);
}

/// Another condition of the same function instead.
fn whole(maker: &mut Maker<'_>, condition: Node<'_>) {
    for (rank, text) in near_conditions(maker, condition, 8).into_iter().enumerate() {
        maker.push(condition.byte_range(), text, "condition", 0.35 / (1.0 + rank as f64 * 0.1));
    }
}

/// Conditions written in the same function, then in the same file.
fn near_conditions(maker: &Maker<'_>, node: Node<'_>, most: usize) -> Vec<String> {
    let view = maker.view;
    let home = view.facts.home(node.start_byte());
    let current = view.text(node);
    let mut seen = FxHashSet::from_iter([current]);
    let mut list = Vec::new();
    for same in [true, false] {
        for piece in &view.facts.conditions {
            if (piece.home == home) == same && seen.insert(&piece.text) {
                list.push(piece.text.clone());
            }
        }
    }
    list.truncate(most);
    list
}

/// Clauses that could be missing, the likeliest first.
pub(super) fn clauses(maker: &Maker<'_>, node: Node<'_>) -> Vec<(String, f64)> {
    let view = maker.view;
    let python = view.language == Language::Python;
    let names: Vec<String> = view
        .facts
        .visible(view.language, node.start_byte())
        .into_iter()
        .filter(|name| !matches!(*name, "self" | "cls"))
        .take(6)
        .map(str::to_owned)
        .collect();
    let mut list: Vec<(String, f64)> = near_conditions(maker, node, 8)
        .into_iter()
        .enumerate()
        .map(|(rank, text)| {
            let compound = text.contains([' ', '<', '>']);
            let text = if compound { format!("({text})") } else { text };
            (text, 0.4 / (1.0 + rank as f64 * 0.1))
        })
        .collect();
    for (rank, text) in shifted(&list).into_iter().take(16).enumerate() {
        list.push((text, 0.26 / (1.0 + rank as f64 * 0.06)));
    }
    let not = words(view.language).not;
    for (rank, name) in names.iter().enumerate() {
        let decay = 1.0 / (1.0 + rank as f64 * 0.25);
        match view.language {
            Language::Python => {
                for (text, prior) in [
                    (format!("not {name}"), 0.3),
                    (name.clone(), 0.25),
                    (format!("{name} is None"), 0.25),
                    (format!("{name} is not None"), 0.22),
                    (format!("len({name}) == 0"), 0.1),
                    (format!("len({name}) == 1"), 0.1),
                ] {
                    list.push((text, prior * decay));
                }
            }
            Language::Rust => {
                list.push((format!("{name}.is_empty()"), 0.25 * decay));
                list.push((format!("!{name}.is_empty()"), 0.2 * decay));
                list.push((format!("{not}{name}"), 0.12 * decay));
            }
            Language::JavaScript => {
                list.push((format!("{not}{name}"), 0.3 * decay));
                list.push((format!("{name}.length === 0"), 0.2 * decay));
            }
        }
        let equal = if view.language == Language::JavaScript { "===" } else { "==" };
        for (text, prior) in [
            (format!("{name} {equal} 0"), 0.25),
            (format!("{name} > 0"), 0.2),
            (format!("{name} < 0"), 0.2),
            (format!("{name} {equal} 1"), 0.14),
            (format!("{name} % 2 {equal} 0"), 0.14),
            (format!("{name} % 4 {equal} 0"), 0.06),
        ] {
            list.push((text, prior * decay));
        }
        for other in names.iter().skip(rank + 1).take(3) {
            for (operator, prior) in
                [(equal, 0.22), ("!=", 0.16), ("<", 0.18), (">", 0.18), ("<=", 0.1), (">=", 0.1)]
            {
                list.push((format!("{name} {operator} {other}"), prior * decay));
            }
            if python {
                list.push((format!("{name} in {other}"), 0.12 * decay));
                list.push((format!("{name} not in {other}"), 0.12 * decay));
            }
        }
    }
    list.sort_by(|a, b| b.1.total_cmp(&a.1));
    list
}

/// Clauses with one of their whole numbers one more or one less.
fn shifted(clauses: &[(String, f64)]) -> Vec<String> {
    let mut out = Vec::new();
    for (text, _) in clauses.iter().take(4) {
        let mut at = 0;
        while let Some(from) = text.get(at..).and_then(|t| t.find(|c: char| c.is_ascii_digit())) {
            let start = at + from;
            let rest = text.get(start..).unwrap_or("");
            let len = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            at = start + len;
            let head = text.get(..start).unwrap_or("");
            let part_of_name =
                head.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.'));
            let Some(value) = rest.get(..len).and_then(|digits| digits.parse::<u32>().ok()) else {
                continue;
            };
            if part_of_name {
                continue;
            }
            let tail = text.get(at..).unwrap_or("");
            out.push(format!("{head}{}{tail}", value.saturating_add(1)));
            if value > 0 {
                out.push(format!("{head}{}{tail}", value - 1));
            }
        }
    }
    out
}

fn extend(maker: &mut Maker<'_>, condition: Node<'_>) {
    let view = maker.view;
    let w = words(view.language);
    let current = view.text(condition).to_owned();
    let head = |operator: &str| {
        let mixed = dialect::binary(&view.file.text, condition).is_some_and(|(_, span, _)| {
            let inner = view.slice(span);
            (inner == w.or || inner == w.and) && inner != operator
        });
        if mixed || condition.kind() == "conditional_expression" {
            format!("({current})")
        } else {
            current.clone()
        }
    };
    // The clause itself with one name exchanged: `a == b or a == c`.
    let mut variants: Vec<(String, f64)> = Vec::new();
    let pieces = clause_variants(maker, condition);
    variants.extend(pieces.into_iter().map(|text| (text, 0.42)));
    variants.extend(clauses(maker, condition));
    for (text, prior) in variants.into_iter().take(70) {
        for operator in [w.and, w.or] {
            let first = head(operator);
            maker.push(
                condition.byte_range(),
                format!("{first} {operator} {text}"),
                "extra-clause",
                prior * 0.8,
            );
        }
        if prior > 0.3 {
            let first = head(w.and);
            maker.push(
                condition.byte_range(),
                format!("{text} {} {first}", w.and),
                "extra-clause",
                prior * 0.5,
            );
        }
    }
}

/// Clauses of this condition with their names exchanged among each other.
fn clause_variants(maker: &Maker<'_>, condition: Node<'_>) -> Vec<String> {
    let view = maker.view;
    let w = words(view.language);
    let mut leaf = condition;
    while let Some((l, span, _)) = dialect::binary(&view.file.text, leaf) {
        let operator = view.slice(span);
        if operator != w.and && operator != w.or {
            break;
        }
        leaf = l;
    }
    let text = view.text(leaf).to_owned();
    let mut idents = Vec::new();
    let mut stack = vec![leaf];
    while let Some(n) = stack.pop() {
        if n.kind() == "identifier" && dialect::is_read(n) {
            idents.push(n);
        }
        stack.extend(dialect::kids(n));
    }
    idents.sort_by_key(|n| n.start_byte());
    let mut out = Vec::new();
    for a in 0..idents.len().min(6) {
        for b in a + 1..idents.len().min(6) {
            let (x, y) = (idents[a], idents[b]);
            if view.text(x) == view.text(y) {
                continue;
            }
            let base = leaf.start_byte();
            let head = text.get(..x.start_byte() - base).unwrap_or("");
            let middle = text.get(x.end_byte() - base..y.start_byte() - base).unwrap_or("");
            let tail = text.get(y.end_byte() - base..).unwrap_or("");
            out.push(format!("{head}{}{middle}{}{tail}", view.text(y), view.text(x)));
        }
    }
    out.truncate(8);
    out
}

/// `if a: x else: y` with x and y exchanged.
fn branches(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let (Some(yes), Some(other)) =
        (node.child_by_field_name("consequence"), node.child_by_field_name("alternative"))
    else {
        return;
    };
    let no = match other.kind() {
        "else_clause" => other
            .child_by_field_name("body")
            .or_else(|| dialect::kids(other).into_iter().next_back()),
        _ => None,
    };
    if let Some(no) = no.filter(|no| no.kind() == yes.kind()) {
        let between = view.slice(yes.end_byte()..no.start_byte());
        let text = format!("{}{between}{}", view.text(no), view.text(yes));
        maker.push(yes.start_byte()..no.end_byte(), text, "branch-swap", 0.55);
        maker.push(yes.end_byte()..other.end_byte(), "", "drop-else", 0.2);
    }
}

fn ternary(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let parts = dialect::kids(node);
    let [a, b, c] = parts.as_slice() else { return };
    let (x, y) = if node.kind() == "conditional_expression" { (a, c) } else { (b, c) };
    let between = view.slice(x.end_byte()..y.start_byte());
    let text = format!("{}{between}{}", view.text(*y), view.text(*x));
    maker.push(x.start_byte()..y.end_byte(), text, "branch-swap", 0.55);
    for branch in [x, y] {
        let text = view.text(*branch).to_owned();
        maker.replace(node, &text, dialect::is_compound(*branch), "unwrap", 0.4);
    }
}

/// A filter on a comprehension that has none.
fn filter(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    if node.next_named_sibling().is_some_and(|next| next.kind() == "if_clause") {
        return;
    }
    let end = node.end_byte();
    // Seen from inside, so that the loop's own name is in scope.
    let inside = node.child_by_field_name("right").unwrap_or(node);
    let _ = view;
    for (text, prior) in clauses(maker, inside).into_iter().take(40) {
        maker.push(end..end, format!(" if {text}"), "add-filter", prior * 0.7);
    }
}
