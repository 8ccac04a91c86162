//! Statements: inserted, deleted, moved, replaced, put under a condition, in or out of a block.

use rustc_hash::FxHashSet;
use tree_sitter::Node;

use super::Maker;
use super::conditions::clauses;
use super::values::visible;
use crate::Language;
use crate::dialect::{self, kids, words};
use crate::facts::is_docstring;

/// Edits of one statement.
pub(super) fn visit(maker: &mut Maker<'_>, node: Node<'_>) {
    if is_docstring(node) {
        return;
    }
    delete(maker, node);
    move_past(maker, node);
    jump(maker, node);
    target(maker, node);
    guard(maker, node);
    early_return(maker, node);
    copies(maker, node);
    insert(maker, node);
    if maker.view.language == Language::Python {
        reindent(maker, node);
    }
}

/// Whether the text ends with what ends a statement in this language, so that it can stand before another.
fn whole(maker: &Maker<'_>, text: &str) -> bool {
    match maker.view.language {
        Language::Python => true,
        Language::Rust | Language::JavaScript => text.ends_with([';', '}']),
    }
}

fn is_tail(maker: &Maker<'_>, node: Node<'_>) -> bool {
    maker.view.language == Language::Rust
        && !matches!(node.kind(), "expression_statement" | "let_declaration")
}

fn insert_before(
    maker: &mut Maker<'_>,
    node: Node<'_>,
    text: &str,
    template: &'static str,
    prior: f64,
) {
    let view = maker.view;
    let at = node.start_byte();
    let between = format!("{}{}", view.newline(), view.indent(at));
    maker.push(at..at, format!("{text}{between}"), template, prior);
}

fn insert_after(
    maker: &mut Maker<'_>,
    node: Node<'_>,
    text: &str,
    template: &'static str,
    prior: f64,
) {
    if is_tail(maker, node) || is_jump(node) {
        return;
    }
    let view = maker.view;
    let at = node.end_byte();
    let between = format!("{}{}", view.newline(), view.indent(node.start_byte()));
    maker.push(at..at, format!("{between}{text}"), template, prior);
}

fn is_jump(node: Node<'_>) -> bool {
    let inner = if node.kind() == "expression_statement" {
        node.named_child(0).map_or("", |n| n.kind())
    } else {
        node.kind()
    };
    matches!(
        inner,
        "return_statement"
            | "break_statement"
            | "continue_statement"
            | "raise_statement"
            | "return_expression"
            | "break_expression"
            | "continue_expression"
            | "throw_statement"
    )
}

fn delete(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let alone = node.parent().is_some_and(|parent| kids(parent).len() == 1);
    let prior = if is_jump(node) { 0.45 } else { 0.55 };
    match view.language {
        Language::Python if alone => {
            maker.push(node.byte_range(), "pass", "statement-delete", prior);
        }
        _ => {
            // Take the line with it when nothing else stands there.
            let start =
                node.start_byte() - view.indent(node.start_byte()).len().min(node.start_byte());
            let lead = view.slice(start..node.start_byte());
            let rest = view.file.text.get(node.end_byte()..).unwrap_or("");
            let tail = rest.find('\n').map_or(rest.len(), |n| n + 1);
            let clean = lead.trim().is_empty()
                && rest.get(..tail).is_some_and(|t| t.trim().is_empty())
                && (start == 0 || view.slice(start - 1..start) == "\n");
            let range = if clean { start..node.end_byte() + tail } else { node.byte_range() };
            maker.push(range, "", "statement-delete", prior);
        }
    }
    // The body of a conditional without its condition.
    if matches!(node.kind(), "if_statement")
        && node.child_by_field_name("alternative").is_none()
        && let Some(body) = node.child_by_field_name("consequence")
    {
        let inner = view.slice(body.byte_range());
        let text = if view.language == Language::Python {
            dedented(inner, view.step())
        } else {
            inner.trim_start_matches('{').trim_end_matches('}').trim().to_owned()
        };
        maker.push(node.byte_range(), text, "unwrap", 0.45);
    }
}

fn dedented(text: &str, step: &str) -> String {
    text.split('\n')
        .enumerate()
        .map(|(i, line)| if i == 0 { line } else { line.strip_prefix(step).unwrap_or(line) })
        .collect::<Vec<_>>()
        .join("\n")
}

fn indented(text: &str, step: &str) -> String {
    text.split('\n')
        .enumerate()
        .map(|(i, line)| {
            if i == 0 || line.trim().is_empty() { line.to_owned() } else { format!("{step}{line}") }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn move_past(maker: &mut Maker<'_>, node: Node<'_>) {
    let Some(mut next) = node.next_named_sibling() else { return };
    while next.is_extra() {
        match next.next_named_sibling() {
            Some(after) => next = after,
            None => return,
        }
    }
    if !dialect::is_statement(maker.view.language, next) || is_tail(maker, next) {
        return;
    }
    let view = maker.view;
    let between = view.slice(node.end_byte()..next.start_byte());
    let text = format!("{}{between}{}", view.text(next), view.text(node));
    maker.push(node.start_byte()..next.end_byte(), text, "statement-move", 0.5);
}

fn jump(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let end = words(view.language).end;
    if !is_jump(node) {
        return;
    }
    let looped = {
        let mut at = node.parent();
        let mut found = false;
        while let Some(parent) = at {
            if dialect::is_function(parent) {
                break;
            }
            found |= matches!(
                parent.kind(),
                "for_statement"
                    | "while_statement"
                    | "for_expression"
                    | "while_expression"
                    | "loop_expression"
                    | "for_in_statement"
            );
            at = parent.parent();
        }
        found
    };
    if looped {
        maker.push(node.byte_range(), format!("break{end}"), "jump", 0.6);
        maker.push(node.byte_range(), format!("continue{end}"), "jump", 0.6);
    }
    let kind = view.text(node).to_owned();
    if kind.starts_with("return") {
        let w = words(view.language);
        for (value, prior) in [
            (w.yes.to_owned(), 0.3),
            (w.no.to_owned(), 0.3),
            (w.none.to_owned(), 0.2),
            ("0".to_owned(), 0.2),
            ("1".to_owned(), 0.15),
            ("-1".to_owned(), 0.25),
            ("[]".to_owned(), 0.12),
        ] {
            if !may_return(maker, node, &value) {
                continue;
            }
            maker.push(node.byte_range(), format!("return {value}{end}"), "return-value", prior);
        }
        for (rank, name) in visible(maker, node, 5).into_iter().enumerate() {
            let prior = 0.4 / (1.0 + rank as f64 * 0.2);
            maker.push(node.byte_range(), format!("return {name}{end}"), "return-value", prior);
        }
    } else {
        let home = view.facts.home(node.start_byte());
        let returns: Vec<String> = view
            .facts
            .statements
            .iter()
            .filter(|s| s.home == home && s.text.starts_with("return"))
            .map(|s| s.text.clone())
            .take(3)
            .collect();
        for text in returns {
            maker.push(node.byte_range(), text, "jump", 0.45);
        }
    }
}

/// Another target of an assignment.
fn target(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let inner =
        if node.kind() == "expression_statement" { node.named_child(0) } else { Some(node) };
    let Some(inner) = inner else { return };
    let Some((left, span, right)) = dialect::assignment(&view.file.text, inner) else { return };
    if left.kind() == "identifier" {
        for (rank, name) in visible(maker, left, 8).into_iter().enumerate() {
            let prior = 0.65 / (1.0 + rank as f64 * 0.1);
            maker.push(left.byte_range(), name, "assignment-target", prior);
        }
    }
    if dialect::subscript(left).is_some() {
        let home = view.facts.home(left.start_byte());
        let own = view.text(left).to_owned();
        let mut seen = FxHashSet::from_iter([own]);
        let indexed: Vec<String> = view
            .facts
            .expressions
            .iter()
            .filter(|piece| piece.home == home && piece.text.ends_with(']'))
            .filter(|piece| !piece.text.starts_with('[') && seen.insert(piece.text.clone()))
            .map(|piece| piece.text.clone())
            .take(8)
            .collect();
        for text in indexed {
            maker.push(left.byte_range(), text, "assignment-target", 0.35);
        }
    }
    if view.slice(span) == "=" {
        if matches!(left.kind(), "pattern_list" | "tuple_pattern") {
            super::calls::list(maker, left, "element");
        }
        // `x = f(x)` for a method that changes in place and gives nothing, and the reverse.
        if right.kind() == "call" || right.kind() == "call_expression" {
            let text = format!("{}{}", view.text(right), words(view.language).end);
            maker.push(node.byte_range(), text, "drop-assignment", 0.2);
        }
    } else if matches!(inner.kind(), "expression_statement") {
        return;
    }
    if view.language == Language::Python
        && let Some((callee, _)) = dialect::call(right)
        && let Some((object, name)) = dialect::attribute(callee)
        && matches!(view.text(name), "sort" | "reverse" | "append" | "extend" | "update")
    {
        let text =
            format!("{}.{}", view.text(object), view.slice(name.start_byte()..right.end_byte()));
        maker.push(node.byte_range(), text, "drop-assignment", 0.4);
    }
}

/// The statement under a condition.
fn guard(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let kind = node.kind();
    if matches!(kind, "let_declaration" | "lexical_declaration" | "variable_declaration")
        || is_tail(maker, node)
    {
        return;
    }
    let simple = matches!(
        kind,
        "expression_statement"
            | "return_statement"
            | "raise_statement"
            | "continue_statement"
            | "break_statement"
            | "augmented_assignment"
            | "assignment"
    );
    let factor = if simple { 0.75 } else { 0.35 };
    let body = view.text(node).to_owned();
    let step = view.step();
    for (clause, prior) in clauses(maker, node).into_iter().take(if simple { 40 } else { 12 }) {
        let text = match view.language {
            Language::Python => {
                let indent = view.indent(node.start_byte());
                format!("if {clause}:{}{indent}{step}{}", view.newline(), indented(&body, step))
            }
            Language::Rust => format!("if {clause} {{ {body} }}"),
            Language::JavaScript => format!("if ({clause}) {{ {body} }}"),
        };
        maker.push(node.byte_range(), text, "guard", prior * factor);
    }
}

/// Rust: whether a constant can have the type that the function around returns; true for what is not known.
fn may_return(maker: &Maker<'_>, node: Node<'_>, value: &str) -> bool {
    if maker.view.language != Language::Rust {
        return true;
    }
    let mut at = node.parent();
    while let Some(around) = at.filter(|n| n.kind() != "function_item") {
        if matches!(around.kind(), "closure_expression" | "async_block") {
            return true;
        }
        at = around.parent();
    }
    let Some(function) = at else { return true };
    let Some(kind) = function.child_by_field_name("return_type") else { return false };
    let kind = maker.view.text(kind);
    let number = |text: &str| {
        text.strip_prefix(['u', 'i']).is_some_and(|size| {
            size == "size" || (!size.is_empty() && size.bytes().all(|b| b.is_ascii_digit()))
        })
    };
    match value {
        "true" | "false" => kind == "bool",
        "None" => kind.starts_with("Option"),
        "Vec::new()" => kind.starts_with("Vec"),
        "[]" => kind.starts_with('['),
        "\"\"" => kind.starts_with('&') && kind.ends_with("str"),
        "0" | "1" => number(kind),
        "-1" => number(kind) && kind.starts_with('i'),
        _ => true,
    }
}

/// `if condition: return value` before the statement, at the start of a function or of a loop's body.
fn early_return(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let Some(parent) = node.parent() else { return };
    let first = kids(parent)
        .into_iter()
        .find(|child| !is_docstring(*child))
        .is_some_and(|child| child.id() == node.id());
    let last = kids(parent).last().is_some_and(|child| child.id() == node.id());
    if !(first || last || is_jump(node)) {
        return;
    }
    let Some((_, function)) = view.facts.function_at(node.start_byte()) else { return };
    let home = function.start;
    let w = words(view.language);
    let mut values: Vec<String> = Vec::new();
    let mut seen = FxHashSet::default();
    for statement in view.facts.statements.iter().filter(|s| s.home == home) {
        if let Some(rest) = statement.text.strip_prefix("return ") {
            let value = rest.trim_end_matches(';').trim().to_owned();
            if value.len() <= 40 && !value.contains('\n') && seen.insert(value.clone()) {
                values.push(value);
            }
        }
    }
    let truth = values.iter().any(|value| value == w.yes || value == w.no);
    let mut extra: Vec<String> = if truth {
        vec![w.yes.into(), w.no.into()]
    } else {
        vec![w.none.into(), "0".into(), "[]".into(), "1".into(), "\"\"".into()]
    };
    if view.language == Language::Rust && !truth {
        extra = vec!["0".into(), "None".into(), "Vec::new()".into(), "1".into()];
    }
    extra.extend(visible(maker, node, 2));
    for value in extra {
        if seen.insert(value.clone()) {
            values.push(value);
        }
    }
    values.retain(|value| may_return(maker, node, value));
    let step = view.step();
    let newline = view.newline();
    let indent = view.indent(node.start_byte()).to_owned();
    for (clause, prior) in clauses(maker, node).into_iter().take(24) {
        for (rank, value) in values.iter().take(6).enumerate() {
            let text = match view.language {
                Language::Python => {
                    format!("if {clause}:{newline}{indent}{step}return {value}")
                }
                Language::Rust => format!("if {clause} {{ return {value}; }}"),
                Language::JavaScript => format!("if ({clause}) {{ return {value}; }}"),
            };
            let prior = prior * 0.6 / (1.0 + rank as f64 * 0.25);
            insert_before(maker, node, &text, "early-return", prior);
        }
    }
}

/// Statements of the same function, before, after or instead of this one.
fn copies(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let home = view.facts.home(node.start_byte());
    let current = view.text(node);
    let mut seen = FxHashSet::from_iter([current]);
    let mut rank = 0.0;
    let pieces: Vec<String> = view
        .facts
        .statements
        .iter()
        .filter(|s| s.home == home && s.range.start != node.start_byte())
        .filter(|s| !s.text.contains('\n') && seen.insert(&s.text))
        .map(|s| s.text.clone())
        .take(20)
        .collect();
    for text in pieces {
        if !whole(maker, &text) {
            continue;
        }
        let decay = 1.0 / (1.0 + rank * 0.05);
        insert_before(maker, node, &text, "statement-copy", 0.32 * decay);
        insert_after(maker, node, &text, "statement-copy", 0.28 * decay);
        if !is_tail(maker, node) {
            maker.push(node.byte_range(), text, "statement-replace", 0.3 * decay);
        }
        rank += 1.0;
    }
}

/// A small new statement: a step, a reset, a call.
fn insert(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let end = words(view.language).end;
    let names = visible(maker, node, 6);
    let mut news: Vec<(String, f64)> = Vec::new();
    let assigned: FxHashSet<&str> = view
        .facts
        .statements
        .iter()
        .filter(|s| s.home == view.facts.home(node.start_byte()))
        .filter_map(|s| s.text.split(['=', '+', '-', '*', '.']).next())
        .map(str::trim)
        .collect();
    for (rank, name) in names.iter().enumerate() {
        let known = if assigned.contains(name.as_str()) { 1.0 } else { 0.5 };
        let decay = known / (1.0 + rank as f64 * 0.15);
        news.push((format!("{name} += 1{end}"), 0.3 * decay));
        news.push((format!("{name} -= 1{end}"), 0.28 * decay));
        news.push((format!("{name} = 0{end}"), 0.2 * decay));
        news.push((format!("{name} = 1{end}"), 0.1 * decay));
        match view.language {
            Language::Python => {
                news.push((format!("{name} = []"), 0.1 * decay));
                news.push((format!("{name}.sort()"), 0.14 * decay));
                news.push((format!("{name}.reverse()"), 0.14 * decay));
                news.push((format!("{name}.pop()"), 0.12 * decay));
                news.push((format!("{name} = sorted({name})"), 0.12 * decay));
                news.push((format!("{name} = None"), 0.08 * decay));
                news.push((format!("{name} = abs({name})"), 0.08 * decay));
            }
            Language::Rust => {
                for method in ["sort", "dedup", "reverse", "pop", "clear"] {
                    news.push((format!("{name}.{method}();"), 0.22 * decay));
                }
                news.push((format!("{name} = {name}.abs();"), 0.08 * decay));
            }
            Language::JavaScript => {
                for method in ["sort", "reverse", "pop", "shift"] {
                    news.push((format!("{name}.{method}();"), 0.14 * decay));
                }
            }
        }
        for other in names.iter().filter(|other| *other != name).take(4) {
            news.push((format!("{name} = {other}{end}"), 0.22 * decay));
            news.push((format!("{name} += {other}{end}"), 0.14 * decay));
            match view.language {
                Language::Python => {
                    news.push((format!("{name}.append({other})"), 0.16 * decay));
                    news.push((format!("{name}.add({other})"), 0.1 * decay));
                }
                Language::Rust | Language::JavaScript => {
                    news.push((format!("{name}.push({other});"), 0.16 * decay));
                }
            }
        }
    }
    news.extend(updates(maker, node).into_iter().map(|text| (format!("{text}{end}"), 0.24)));
    // A bare call of a method that is used elsewhere on the same receiver.
    for callee in view.facts.callees.iter().filter(|c| c.method && c.arity == 0).take(6) {
        if view.language == Language::Python && view.indent(node.start_byte()).len() > 4 {
            news.push((format!("self.{}(){end}", callee.name), 0.1));
        }
    }
    news.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (text, prior) in news.into_iter().take(70) {
        insert_before(maker, node, &text, "statement-insert", prior * 0.9);
        insert_after(maker, node, &text, "statement-insert", prior);
    }
}

/// `v = v % n` where the function computes `v % n` and keeps it nowhere.
fn updates(maker: &Maker<'_>, node: Node<'_>) -> Vec<String> {
    let view = maker.view;
    let home = view.facts.home(node.start_byte());
    let names = visible(maker, node, 8);
    let mut seen = FxHashSet::default();
    let mut out = Vec::new();
    for piece in view.facts.expressions.iter().filter(|piece| piece.home == home) {
        let Some(rest) = names.iter().find_map(|name| {
            let rest = piece.text.strip_prefix(name.as_str())?.trim_start();
            rest.starts_with(['%', '/', '*', '+', '-']).then_some((name, rest))
        }) else {
            continue;
        };
        let (name, _) = rest;
        if seen.insert(&piece.text) {
            out.push(format!("{name} = {}", piece.text));
        }
    }
    out.truncate(6);
    out
}

/// Python: the statement goes into the block before it, or out of the block it ends.
fn reindent(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let step = view.step();
    let Some(block) = node.parent().filter(|parent| parent.kind() == "block") else { return };
    let members = kids(block);
    let body = view.text(node).to_owned();
    let indent = view.indent(node.start_byte()).to_owned();
    let newline = view.newline();
    // Out: only the last statement of a block keeps the rest in order.
    if members.len() > 1 && members.last().is_some_and(|last| last.id() == node.id()) {
        let start = members[members.len() - 2].end_byte();
        let mut outer = indent.as_str();
        let mut prior = 0.6;
        while let Some(less) = outer.strip_suffix(step) {
            outer = less;
            if outer.is_empty() {
                break;
            }
            let mut text = body.clone();
            let mut width = indent.len();
            while width > outer.len() {
                text = dedented(&text, step);
                width -= step.len();
            }
            let new = format!("{newline}{outer}{text}");
            maker.push(start..node.end_byte(), new, "dedent", prior);
            prior *= 0.6;
        }
    }
    // In: the statement before is a compound one whose block takes it.
    let before = node.prev_named_sibling().filter(|n| {
        matches!(
            n.kind(),
            "if_statement"
                | "for_statement"
                | "while_statement"
                | "try_statement"
                | "with_statement"
        )
    });
    if let Some(before) = before {
        let text = indented(&body, step);
        let new = format!("{newline}{indent}{step}{text}");
        maker.push(before.end_byte()..node.end_byte(), new, "indent", 0.6);
        let inner = indented(&text, step);
        let deeper = format!("{newline}{indent}{step}{step}{inner}");
        maker.push(before.end_byte()..node.end_byte(), deeper, "indent", 0.3);
    }
}
