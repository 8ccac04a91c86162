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
        missing_element(maker, node);
    }
    if let Some((value, indices)) = dialect::subscript(node) {
        let text = maker.view.text(value).to_owned();
        maker.replace(node, &text, false, "unwrap", 0.4);
        let slice = indices.iter().any(|index| index.kind() == "slice");
        if !slice {
            aggregate(maker, node, value);
        }
        if let [index] = indices.as_slice()
            && index.kind() == "identifier"
        {
            let text = maker.view.text(*index).to_owned();
            maker.replace(node, &text, false, "unwrap", 0.3);
        }
    }
    wrap(maker, node);
}

/// All members at once instead of one of them.
fn aggregate(maker: &mut Maker<'_>, node: Node<'_>, value: Node<'_>) {
    let words = maker.view.text(value).to_owned();
    if words.len() > 120 {
        return;
    }
    let forms: &[(&str, &str, f64)] = match maker.view.language {
        Language::Python => &[
            ("sum(", ")", 0.3),
            ("max(", ")", 0.26),
            ("min(", ")", 0.26),
            ("len(", ")", 0.24),
            ("sorted(", ")[0]", 0.16),
            ("sorted(", ")[-1]", 0.16),
        ],
        Language::JavaScript => {
            &[("Math.max(...", ")", 0.22), ("Math.min(...", ")", 0.22), ("", ".length", 0.22)]
        }
        Language::Rust => &[("", ".len()", 0.2)],
    };
    for (head, tail, prior) in forms {
        maker.push(node.byte_range(), format!("{head}{words}{tail}"), "aggregate", *prior);
    }
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

/// An element that a literal lacks: of the kind that it has, as the tests and the file spell it.
fn missing_element(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let members = kids(node);
    if matches!(node.kind(), "tuple" | "tuple_expression") && members.is_empty() {
        return;
    }
    let Some(last) = members.last() else {
        let at = node.start_byte() + 1;
        let names = visible(maker, node, 4).into_iter();
        let constants = [("0".to_owned(), 0.2), ("1".to_owned(), 0.16)];
        let named = names.enumerate().map(|(at, name)| (name, 0.3 / (1.0 + at as f64 * 0.2)));
        for (text, prior) in named.chain(constants) {
            maker.push(at..at, text, "element-insert", prior);
        }
        return;
    };
    let literal = |n: &Node<'_>| {
        matches!(
            n.kind(),
            "string" | "integer" | "number" | "string_literal" | "integer_literal" | "char_literal"
        )
    };
    if members.len() < 2 || !members.iter().all(|n| literal(n) && n.kind() == last.kind()) {
        return;
    }
    let present: FxHashSet<&str> = members.iter().map(|n| view.text(*n)).collect();
    let numbers = matches!(last.kind(), "integer" | "number" | "integer_literal");
    let known: Vec<String> = match numbers {
        true => view.pool.integers.iter().chain(&view.facts.integers).cloned().collect(),
        false => view.pool.strings.iter().chain(&view.facts.strings).cloned().collect(),
    };
    let mut tries: Vec<(String, f64)> = Vec::new();
    let values: Vec<i64> =
        members.iter().filter_map(|n| Some(dialect::integer(view.text(*n))?.0)).collect();
    for pair in values.windows(2) {
        // what lies between two neighbours, and what comes next in a row of equal steps
        let step = pair[1].saturating_sub(pair[0]);
        tries.push((pair[0].saturating_add(step / 2).to_string(), 0.4));
        tries.push((pair[1].saturating_add(step).to_string(), 0.35));
    }
    tries.extend(known.into_iter().take(30).map(|text| (text, 0.3)));
    let mut seen = FxHashSet::default();
    tries.retain(|(text, _)| !present.contains(text.as_str()) && seen.insert(text.clone()));
    for (rank, (text, prior)) in tries.into_iter().take(12).enumerate() {
        let prior = prior / (1.0 + rank as f64 * 0.08);
        for member in members.iter().take(14) {
            let at = member.start_byte();
            maker.push(at..at, format!("{text}, "), "element-insert", prior * 0.8);
        }
        let end = last.end_byte();
        maker.push(end..end, format!(", {text}"), "element-insert", prior);
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

/// At most or at least another value.
fn limited(maker: &mut Maker<'_>, node: Node<'_>, words: &str, boost: f64) {
    let kind = node.parent().map_or("", |parent| parent.kind());
    if !matches!(
        kind,
        "return_statement"
            | "return_expression"
            | "assignment"
            | "augmented_assignment"
            | "assignment_expression"
            | "variable_declarator"
            | "let_declaration"
            | "argument_list"
            | "arguments"
            | "block"
    ) {
        return;
    }
    let mut others = vec![("0".to_owned(), 0.24), ("1".to_owned(), 0.16)];
    // `x = e` to `x = max(x, e)`
    let own = node.parent().and_then(|parent| parent.child_by_field_name("left"));
    if let Some(own) = own.filter(|own| own.id() != node.id() && kind.starts_with("assignment")) {
        others.push((maker.view.text(own).to_owned(), 0.5));
    }
    others.extend(visible(maker, node, 3).into_iter().map(|name| (name, 0.14)));
    let object = if dialect::is_compound(node) { format!("({words})") } else { words.to_owned() };
    for (other, prior) in others {
        if other == words {
            continue;
        }
        for choice in ["max", "min"] {
            let text = match maker.view.language {
                Language::Python => format!("{choice}({other}, {words})"),
                Language::JavaScript => format!("Math.{choice}({other}, {words})"),
                Language::Rust => format!("{object}.{choice}({other})"),
            };
            let prior = if choice == "max" { prior } else { prior * 0.9 };
            maker.push(node.byte_range(), text, "min-max", prior * boost);
        }
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
    limited(maker, node, &words, boost);
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
            if view.language == Language::JavaScript {
                for (text, prior) in [
                    (format!("[...new Set({words})]"), 0.3),
                    (format!("new Set({words})"), 0.14),
                    (format!("[...{words}]"), 0.2),
                    (format!("{object}.sort((a, b) => a - b)"), 0.2),
                    (format!("{object}.join('')"), 0.16),
                    (format!("{object}.split('')"), 0.16),
                ] {
                    maker.push(node.byte_range(), text, "wrap", prior * boost);
                }
            }
        }
        Language::Rust => {
            maker.push(node.byte_range(), format!("Some({words})"), "list-wrap", 0.14);
            maker.push(node.byte_range(), format!("vec![{words}]"), "list-wrap", 0.08);
        }
    }
}
