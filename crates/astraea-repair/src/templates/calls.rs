//! Calls and what they are made of: callee, attribute, arguments, wrapping and unwrapping, elements of lists.

use rustc_hash::FxHashSet;
use tree_sitter::Node;

use super::Maker;
use super::values::visible;
use crate::Language;
use crate::dialect::{self, kids};

/// Names of the same shape that are easily taken for one another.
const FAMILIES: &[&[&str]] = &[
    &["min", "max", "sum"],
    &["any", "all"],
    &["floor", "ceil", "round", "trunc"],
    &["lower", "upper", "title", "capitalize", "swapcase"],
    &["islower", "isupper", "isalpha", "isdigit", "isalnum", "isspace", "isnumeric"],
    &["strip", "lstrip", "rstrip"],
    &["startswith", "endswith"],
    &["find", "rfind", "index", "count", "rindex"],
    &["append", "extend", "insert", "add", "appendleft"],
    &["remove", "discard", "pop", "popleft"],
    &["keys", "values", "items"],
    &["split", "rsplit", "splitlines", "partition"],
    &["list", "set", "tuple", "sorted", "sum", "len", "max", "min"],
    &["int", "float", "str", "bool", "round", "abs", "len"],
    &["ord", "chr"],
    &["sin", "cos", "tan"],
    &["union", "intersection", "difference", "symmetric_difference", "issubset", "issuperset"],
    &["get", "setdefault", "pop"],
    &["is_lowercase", "is_uppercase", "is_alphabetic", "is_numeric", "is_alphanumeric"],
    &[
        "is_ascii_lowercase",
        "is_ascii_uppercase",
        "is_ascii_digit",
        "is_ascii_alphabetic",
        "is_ascii_alphanumeric",
    ],
    &["to_lowercase", "to_uppercase", "to_ascii_lowercase", "to_ascii_uppercase"],
    &["is_positive", "is_negative"],
    &["first", "last"],
    &["first_mut", "last_mut"],
    &["push", "push_str", "push_back", "push_front", "insert"],
    &["pop_front", "pop_back", "pop"],
    &["front", "back"],
    &["take", "skip"],
    &["take_while", "skip_while", "filter"],
    &["is_some", "is_none"],
    &["is_ok", "is_err"],
    &["starts_with", "ends_with", "contains"],
    &["trim", "trim_start", "trim_end"],
    &["min_by_key", "max_by_key"],
    &["min_by", "max_by"],
    &["wrapping_add", "wrapping_sub", "saturating_add", "saturating_sub"],
    &["checked_add", "checked_sub"],
    &["sum", "product", "count"],
    &["and", "or"],
    &["and_then", "map", "or_else"],
    &["len", "capacity"],
    &["or_insert", "or_default"],
    &["div_euclid", "rem_euclid"],
    &["position", "rposition", "find", "rfind"],
    &["next", "last", "next_back"],
    &["toLowerCase", "toUpperCase"],
    &["startsWith", "endsWith", "includes"],
    &["indexOf", "lastIndexOf", "findIndex"],
    &["push", "unshift"],
    &["pop", "shift"],
    &["some", "every", "filter", "find", "map"],
    &["trimStart", "trimEnd", "trim"],
    &["slice", "splice", "substring"],
    &["replace", "replaceAll"],
    &["ceil", "floor", "round", "abs"],
];

const WRAPS_PYTHON: &[(&str, f64)] = &[
    ("abs", 0.42),
    ("len", 0.36),
    ("sorted", 0.36),
    ("set", 0.36),
    ("list", 0.3),
    ("int", 0.34),
    ("str", 0.34),
    ("sum", 0.3),
    ("min", 0.22),
    ("max", 0.22),
    ("float", 0.2),
    ("bool", 0.16),
    ("tuple", 0.16),
    ("round", 0.16),
    ("reversed", 0.14),
];
const METHODS_PYTHON: &[(&str, f64)] = &[
    (".lower()", 0.34),
    (".upper()", 0.26),
    (".strip()", 0.3),
    (".copy()", 0.22),
    (".split()", 0.2),
    (".keys()", 0.08),
    (".values()", 0.12),
    (".items()", 0.16),
    (".encode()", 0.12),
    ("[0]", 0.22),
    ("[-1]", 0.22),
];
const METHODS_RUST: &[(&str, f64)] = &[
    (".abs()", 0.42),
    (".rev()", 0.36),
    (".len()", 0.24),
    (".to_lowercase()", 0.26),
    (".to_ascii_lowercase()", 0.2),
    (".to_uppercase()", 0.18),
    (".trim()", 0.24),
    (".skip(1)", 0.26),
    (".clone()", 0.1),
    (".unwrap_or_default()", 0.08),
    (".to_string()", 0.12),
    (".enumerate()", 0.08),
    (".is_empty()", 0.1),
    (".max(0)", 0.12),
    (".saturating_sub(1)", 0.1),
];
const METHODS_JAVASCRIPT: &[(&str, f64)] = &[
    (".length", 0.3),
    (".toLowerCase()", 0.32),
    (".toUpperCase()", 0.2),
    (".trim()", 0.28),
    (".slice(1)", 0.24),
    (".reverse()", 0.24),
    (".sort()", 0.2),
    (".toString()", 0.2),
    ("[0]", 0.2),
];
const WRAPS_JAVASCRIPT: &[(&str, f64)] = &[
    ("Math.abs", 0.4),
    ("Math.floor", 0.34),
    ("Math.ceil", 0.24),
    ("Number", 0.24),
    ("String", 0.24),
    ("parseInt", 0.24),
    ("Math.round", 0.2),
];

/// Edits of one expression.
pub(super) fn expression(maker: &mut Maker<'_>, node: Node<'_>) {
    if let Some((callee, arguments)) = dialect::call(node) {
        rename(maker, callee, kids(arguments).len());
        list(maker, arguments, "argument");
        insert_argument(maker, callee, arguments);
        unwrap(maker, node, callee, arguments);
    } else if let Some((_, name)) = dialect::attribute(node) {
        let called = node
            .parent()
            .and_then(|p| p.child_by_field_name("function"))
            .is_some_and(|f| f.id() == node.id());
        if !called {
            field(maker, name);
        }
    }
    if matches!(
        node.kind(),
        "list" | "tuple" | "set" | "array" | "array_expression" | "tuple_expression"
    ) {
        list(maker, node, "element");
    }
    if let Some((value, indices)) = dialect::subscript(node) {
        let text = maker.view.text(value).to_owned();
        maker.replace(node, &text, false, "unwrap", 0.4);
        if let [index] = indices.as_slice()
            && index.kind() == "identifier"
        {
            let text = maker.view.text(*index).to_owned();
            maker.replace(node, &text, false, "unwrap", 0.3);
        }
    }
    wrap(maker, node);
}

fn rename(maker: &mut Maker<'_>, callee: Node<'_>, arity: usize) {
    let view = maker.view;
    let (name, method) = match dialect::attribute(callee) {
        Some((_, name)) => (name, true),
        None if matches!(callee.kind(), "identifier" | "scoped_identifier") => (callee, false),
        None if callee.kind() == "generic_function" => return,
        None => return,
    };
    let name = match name.child_by_field_name("name") {
        Some(last) if name.kind() == "scoped_identifier" => last,
        _ => name,
    };
    let current = view.text(name).to_owned();
    let mut seen = FxHashSet::from_iter([current.clone()]);
    for family in FAMILIES.iter().filter(|family| family.contains(&current.as_str())) {
        for (rank, rival) in family.iter().enumerate() {
            if seen.insert((*rival).to_owned()) {
                let prior = 0.85 / (1.0 + rank as f64 * 0.1);
                let template = if matches!(*rival, "min" | "max") { "min-max" } else { "callee" };
                maker.push(name.byte_range(), *rival, template, prior);
            }
        }
    }
    let mut rank = 0.0;
    for other in view.facts.callees.iter().chain(&view.pool.callees) {
        if other.method == method && other.arity == arity && seen.insert(other.name.clone()) {
            maker.push(name.byte_range(), other.name.clone(), "callee", 0.5 / (1.0 + rank * 0.08));
            rank += 1.0;
            if rank > 24.0 {
                break;
            }
        }
    }
}

fn field(maker: &mut Maker<'_>, name: Node<'_>) {
    let view = maker.view;
    let mut seen = FxHashSet::from_iter([view.text(name).to_owned()]);
    let mut rank = 0.0;
    for other in view.facts.attributes.iter().chain(&view.pool.attributes) {
        if seen.insert(other.clone()) {
            maker.push(name.byte_range(), other.clone(), "attribute", 0.6 / (1.0 + rank * 0.08));
            rank += 1.0;
            if rank > 24.0 {
                break;
            }
        }
    }
}

/// Members of an argument list, a list or a tuple: exchanged, dropped, doubled.
pub(super) fn list(maker: &mut Maker<'_>, node: Node<'_>, what: &str) {
    let view = maker.view;
    let members = kids(node);
    let (swap, drop) = if what == "argument" {
        ("argument-swap", "argument-drop")
    } else {
        ("element-swap", "element-drop")
    };
    let limit = members.len().min(14);
    for first in 0..limit {
        for second in first + 1..limit {
            let (a, b) = (members[first], members[second]);
            let between = view.slice(a.end_byte()..b.start_byte());
            let text = format!("{}{between}{}", view.text(b), view.text(a));
            let prior = if second == first + 1 { 0.75 } else { 0.5 };
            maker.push(a.start_byte()..b.end_byte(), text, swap, prior);
        }
    }
    for (index, member) in members.iter().enumerate().take(limit) {
        let range = if let Some(next) = members.get(index + 1) {
            member.start_byte()..next.start_byte()
        } else if index > 0 {
            members[index - 1].end_byte()..member.end_byte()
        } else {
            member.byte_range()
        };
        let prior = if what == "argument" { 0.55 } else { 0.5 };
        maker.push(range, "", drop, prior);
    }
}

fn insert_argument(maker: &mut Maker<'_>, callee: Node<'_>, arguments: Node<'_>) {
    let view = maker.view;
    let members = kids(arguments);
    let name = view.text(callee).to_owned();
    let end = arguments.end_byte().saturating_sub(1);
    let comma = if members.is_empty() { "" } else { ", " };
    if view.language == Language::Python
        && (matches!(name.as_str(), "sorted" | "min" | "max") || name.ends_with(".sort"))
    {
        for (extra, prior) in
            [("reverse=True", 0.5), ("key=len", 0.35), ("key=abs", 0.3), ("key=str", 0.25)]
        {
            maker.push(end..end, format!("{comma}{extra}"), "argument-insert", prior);
        }
        for variable in view.facts.visible(view.language, callee.start_byte()).into_iter().take(2) {
            maker.push(end..end, format!("{comma}key={variable}.count"), "argument-insert", 0.12);
            maker.push(end..end, format!("{comma}key={variable}.index"), "argument-insert", 0.12);
        }
    }
    if members.len() > 3 {
        return;
    }
    let range = name == "range" && members.len() <= 2;
    let mut extras: Vec<(String, f64)> = visible(maker, callee, 5)
        .into_iter()
        .enumerate()
        .map(|(rank, name)| (name, 0.3 / (1.0 + rank as f64 * 0.2)))
        .collect();
    for (constant, prior) in [("1", 0.26), ("0", 0.24), ("2", 0.2), ("-1", 0.2)] {
        extras.push((constant.to_owned(), if range { prior * 2.2 } else { prior }));
    }
    for (extra, prior) in extras {
        maker.push(end..end, format!("{comma}{extra}"), "argument-insert", prior);
        if let Some(first) = members.first() {
            let at = first.start_byte();
            maker.push(at..at, format!("{extra}, "), "argument-insert", prior * 0.95);
        }
    }
}

fn unwrap(maker: &mut Maker<'_>, node: Node<'_>, callee: Node<'_>, arguments: Node<'_>) {
    let view = maker.view;
    let members = kids(arguments);
    for member in members.iter().take(3) {
        if matches!(
            member.kind(),
            "keyword_argument"
                | "list_splat"
                | "dictionary_splat"
                | "closure_expression"
                | "lambda"
        ) {
            continue;
        }
        let text = view.text(*member).to_owned();
        maker.replace(node, &text, dialect::is_compound(*member), "unwrap", 0.5);
    }
    if let Some((object, _)) = dialect::attribute(callee) {
        let text = view.text(object).to_owned();
        maker.replace(node, &text, false, "unwrap", 0.55);
    }
}

fn wrap(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let Some(parent) = node.parent() else { return };
    let callee = parent.child_by_field_name("function").is_some_and(|f| f.id() == node.id());
    if callee || matches!(parent.kind(), "expression_statement" | "keyword_argument") {
        return;
    }
    if matches!(
        node.kind(),
        "integer"
            | "integer_literal"
            | "number"
            | "true"
            | "false"
            | "boolean_literal"
            | "none"
            | "string"
            | "string_literal"
            | "lambda"
            | "closure_expression"
            | "parenthesized_expression"
            | "float"
            | "float_literal"
            | "char_literal"
            | "range_expression"
            | "null"
            | "arrow_function"
            | "reference_expression"
    ) {
        return;
    }
    let words = view.text(node).to_owned();
    if words.len() > 160 || words.contains('\n') {
        return;
    }
    let sole =
        matches!(parent.kind(), "return_statement" | "return_expression" | "assignment" | "block");
    let boost = if sole { 1.2 } else { 1.0 };
    let (wraps, methods) = match view.language {
        Language::Python => (WRAPS_PYTHON, METHODS_PYTHON),
        Language::Rust => (&[][..], METHODS_RUST),
        Language::JavaScript => (WRAPS_JAVASCRIPT, METHODS_JAVASCRIPT),
    };
    for (name, prior) in wraps {
        if !words.starts_with(&format!("{name}(")) {
            maker.push(node.byte_range(), format!("{name}({words})"), "wrap", prior * boost);
        }
    }
    let object = if dialect::is_compound(node) { format!("({words})") } else { words.clone() };
    for (method, prior) in methods {
        maker.push(node.byte_range(), format!("{object}{method}"), "wrap", prior * boost);
    }
    for (rank, other) in view
        .facts
        .callees
        .iter()
        .filter(|c| !c.method && c.arity == 1 && !wraps.iter().any(|(w, _)| *w == c.name))
        .take(8)
        .enumerate()
    {
        let prior = 0.42 / (1.0 + rank as f64 * 0.12) * boost;
        maker.push(node.byte_range(), format!("{}({words})", other.name), "wrap", prior);
    }
    for (rank, other) in view
        .facts
        .callees
        .iter()
        .filter(|c| c.method && c.arity == 0)
        .filter(|c| !methods.iter().any(|(m, _)| m.trim_matches(['.', '(', ')']) == c.name))
        .take(8)
        .enumerate()
    {
        let prior = 0.26 / (1.0 + rank as f64 * 0.12);
        maker.push(node.byte_range(), format!("{object}.{}()", other.name), "wrap", prior);
    }
    match view.language {
        Language::Python | Language::JavaScript => {
            maker.push(node.byte_range(), format!("[{words}]"), "list-wrap", 0.2);
        }
        Language::Rust => {
            maker.push(node.byte_range(), format!("Some({words})"), "list-wrap", 0.14);
            maker.push(node.byte_range(), format!("vec![{words}]"), "list-wrap", 0.08);
        }
    }
}
