//! Operators: exchanged, applied the other way round, dropped, negated.

use tree_sitter::Node;

use super::Maker;
use crate::Language;
use crate::dialect::{self, binary, kids, words};

const COMPARISONS: [&str; 6] = ["<", "<=", ">", ">=", "==", "!="];

/// Operators to try instead of one, the likeliest first.
fn rivals(language: Language, operator: &str) -> Vec<(&'static str, f64)> {
    let python = language == Language::Python;
    let near = |near: &[&'static str], all: &[&'static str]| {
        let mut list: Vec<(&'static str, f64)> = near.iter().map(|op| (*op, 0.95)).collect();
        for op in all {
            if !near.contains(op) && *op != operator {
                list.push((op, 0.75));
            }
        }
        list
    };
    match operator {
        "<" => near(&["<=", ">"], &COMPARISONS),
        "<=" => near(&["<", ">="], &COMPARISONS),
        ">" => near(&[">=", "<"], &COMPARISONS),
        ">=" => near(&[">", "<="], &COMPARISONS),
        "==" => near(&["!="], &COMPARISONS),
        "!=" => near(&["=="], &COMPARISONS),
        "===" => vec![("!==", 0.95), ("<", 0.7), (">", 0.7), ("<=", 0.7), (">=", 0.7)],
        "!==" => vec![("===", 0.95), ("<", 0.7), (">", 0.7), ("<=", 0.7), (">=", 0.7)],
        "in" if python => vec![("not in", 0.95), ("==", 0.4)],
        "not in" => vec![("in", 0.95)],
        "is" => vec![("is not", 0.95), ("==", 0.6)],
        "is not" => vec![("is", 0.95), ("!=", 0.6)],
        "and" => vec![("or", 0.95)],
        "or" => vec![("and", 0.95)],
        "&&" => vec![("||", 0.95)],
        "||" if language == Language::JavaScript => vec![("&&", 0.95), ("??", 0.6)],
        "||" => vec![("&&", 0.95)],
        "??" => vec![("||", 0.7), ("&&", 0.5)],
        "+" => near(&["-"], arithmetic(python)),
        "-" => near(&["+"], arithmetic(python)),
        "*" if python => near(&["/", "//", "**"], arithmetic(python)),
        "*" => near(&["/", "+"], arithmetic(python)),
        "/" if python => near(&["//", "*"], arithmetic(python)),
        "/" => near(&["*", "%"], arithmetic(python)),
        "//" => near(&["/", "%"], arithmetic(python)),
        "%" => near(&["//", "/"], arithmetic(python)),
        "**" => near(&["*"], arithmetic(python)),
        "&" => vec![("|", 0.9), ("^", 0.8)],
        "|" => vec![("&", 0.9), ("^", 0.8)],
        "^" if python => vec![("&", 0.8), ("|", 0.8), ("**", 0.8)],
        "^" => vec![("&", 0.8), ("|", 0.8)],
        "<<" => vec![(">>", 0.9)],
        ">>" => vec![("<<", 0.9)],
        _ => Vec::new(),
    }
}

fn arithmetic(python: bool) -> &'static [&'static str] {
    if python { &["+", "-", "*", "/", "//", "%", "**"] } else { &["+", "-", "*", "/", "%"] }
}

fn template_of(operator: &str) -> &'static str {
    match operator {
        "<" | "<=" | ">" | ">=" | "==" | "!=" | "in" | "not in" | "is" | "is not" | "==="
        | "!==" => "comparison-operator",
        "and" | "or" | "&&" | "||" | "??" => "logic-operator",
        "&" | "|" | "^" | "<<" | ">>" => "bit-operator",
        _ => "arithmetic-operator",
    }
}

/// Edits of one expression.
pub(super) fn expression(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let language = view.language;
    if let Some((left, span, right)) = binary(&view.file.text, node) {
        let operator = view.slice(span.clone()).to_owned();
        for (rival, prior) in rivals(language, &operator) {
            if rival == "//" && language != Language::Python {
                continue;
            }
            maker.push(span.clone(), rival, template_of(&operator), prior);
        }
        let (l, r) = (view.text(left), view.text(right));
        let between = view.slice(left.end_byte()..right.start_byte());
        if !matches!(operator.as_str(), "==" | "!=" | "*" | "and" | "or" | "&&" | "||") {
            maker.push(node.byte_range(), format!("{r}{between}{l}"), "operand-swap", 0.7);
        }
        if template_of(&operator) != "comparison-operator" {
            let clause = template_of(&operator) == "logic-operator";
            let name = if clause { "drop-clause" } else { "drop-operand" };
            maker.replace(node, l, false, name, 0.85);
            maker.replace(node, r, false, name, 0.8);
        }
        if template_of(&operator) == "comparison-operator" {
            both_sides(maker, node, left, right);
        }
        middle(maker, node, left, right);
        round_up(maker, node, left, right, &operator);
        regroup(maker, node, left, right, &operator);
        whole_chain(maker, node, &operator);
    } else if node.kind() == "comparison_operator" {
        chain(maker, node);
    }
    unary(maker, node);
}

/// The same done to both sides of a comparison.
fn both_sides(maker: &mut Maker<'_>, node: Node<'_>, left: Node<'_>, right: Node<'_>) {
    let view = maker.view;
    let between = view.slice(left.end_byte()..right.start_byte()).to_owned();
    if view.slice(node.byte_range()).len() > 160 {
        return;
    }
    let (calls, methods): (&[_], &[_]) = match view.language {
        Language::Python => (
            &[("set", 0.3), ("sorted", 0.3), ("len", 0.3), ("abs", 0.25), ("str", 0.2)],
            &[(".lower()", 0.3), (".strip()", 0.2)],
        ),
        Language::Rust => (&[], &[(".abs()", 0.25), (".to_lowercase()", 0.25), (".len()", 0.2)]),
        Language::JavaScript => (
            &[("Math.abs", 0.25), ("Number", 0.25), ("String", 0.2)],
            &[(".length", 0.3), (".toLowerCase()", 0.3), (".trim()", 0.2)],
        ),
    };
    for (name, prior) in calls {
        let text = format!("{name}({}){between}{name}({})", view.text(left), view.text(right));
        maker.push(node.byte_range(), text, "wrap-both", *prior);
    }
    for (method, prior) in methods {
        let text =
            format!("{}{method}{between}{}{method}", maker.operand(left), maker.operand(right));
        maker.push(node.byte_range(), text, "wrap-both", *prior);
    }
}

/// The middle of three operands left out, with the operator after it: `a ** b * c` to `a ** c`.
fn middle(maker: &mut Maker<'_>, node: Node<'_>, left: Node<'_>, right: Node<'_>) {
    let view = maker.view;
    if let Some((a, span, _)) = binary(&view.file.text, left) {
        let head = view.slice(a.start_byte()..span.end).to_owned();
        let text = format!("{head} {}", view.text(right));
        maker.push(node.byte_range(), text, "drop-operand", 0.55);
    }
    if let Some((_, span, c)) = binary(&view.file.text, right) {
        let tail = view.slice(span.start..c.end_byte()).to_owned();
        let text = format!("{} {tail}", view.text(left));
        maker.push(node.byte_range(), text, "drop-operand", 0.5);
    }
}

/// A division of whole numbers that rounds up.
fn round_up(
    maker: &mut Maker<'_>,
    node: Node<'_>,
    left: Node<'_>,
    right: Node<'_>,
    operator: &str,
) {
    let up = match maker.view.language {
        Language::Python => operator == "//",
        Language::Rust => operator == "/",
        Language::JavaScript => false,
    };
    if up {
        let (a, b) = (maker.operand(left), maker.operand(right));
        let sign = if maker.view.language == Language::Python { "//" } else { "/" };
        maker.replace(node, &format!("({a} + {b} - 1) {sign} {b}"), true, "round-up", 0.4);
        maker.replace(node, &format!("{a} {sign} {b} + 1"), true, "round-up", 0.35);
    }
}

/// `a - (b + c)` against `(a - b) + c`, and the other way.
fn regroup(maker: &mut Maker<'_>, node: Node<'_>, left: Node<'_>, right: Node<'_>, operator: &str) {
    let view = maker.view;
    if template_of(operator) != "arithmetic-operator" {
        return;
    }
    let tail = view.slice(left.end_byte()..node.end_byte()).to_owned();
    if let Some((a, _, b)) = binary(&view.file.text, left) {
        let inner = view.slice(a.end_byte()..b.start_byte());
        let text = format!("{}{inner}({}{tail})", view.text(a), view.text(b));
        maker.push(node.byte_range(), text, "regroup", 0.45);
    } else if left.kind() == "parenthesized_expression"
        && let Some((a, _, b)) =
            left.named_child(0).and_then(|inner| binary(&view.file.text, inner))
    {
        let inner = view.slice(a.end_byte()..b.start_byte());
        let text = format!("{}{inner}{}{tail}", view.text(a), view.text(b));
        maker.push(node.byte_range(), text, "regroup", 0.4);
    }
    if right.kind() == "parenthesized_expression"
        && let Some(inner) = right.named_child(0)
        && binary(&view.file.text, inner).is_some()
    {
        let head = view.slice(node.start_byte()..right.start_byte());
        let text = format!("{head}{}", view.text(inner));
        maker.push(node.byte_range(), text, "regroup", 0.4);
    }
}

/// `a and b and c`: every operator of the chain at once.
fn whole_chain(maker: &mut Maker<'_>, node: Node<'_>, operator: &str) {
    let view = maker.view;
    let w = words(view.language);
    let other = if operator == w.and {
        w.or
    } else if operator == w.or {
        w.and
    } else {
        return;
    };
    let same = |n: Node<'_>| {
        binary(&view.file.text, n).is_some_and(|(_, span, _)| view.slice(span) == operator)
    };
    if !same(node) || node.parent().is_some_and(same) {
        return;
    }
    let mut spans = Vec::new();
    let mut stack = vec![node];
    while let Some(n) = stack.pop() {
        if let Some((l, span, r)) = binary(&view.file.text, n)
            && view.slice(span.clone()) == operator
        {
            spans.push(span);
            stack.extend([l, r]);
        }
    }
    if spans.len() < 2 {
        return;
    }
    spans.sort_by_key(|span| span.start);
    let mut text = String::new();
    let mut at = node.start_byte();
    for span in spans {
        text.push_str(view.slice(at..span.start));
        text.push_str(other);
        at = span.end;
    }
    text.push_str(view.slice(at..node.end_byte()));
    maker.push(node.byte_range(), text, "logic-operator", 0.9);
}

/// Python's `a < b <= c`.
fn chain(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let operands = kids(node);
    for pair in operands.windows(2) {
        let gap = view.slice(pair[0].end_byte()..pair[1].start_byte());
        let start = pair[0].end_byte() + gap.len() - gap.trim_start().len();
        let operator = gap.trim().to_owned();
        for (rival, prior) in rivals(view.language, &operator) {
            maker.push(start..start + operator.len(), rival, "comparison-operator", prior);
        }
    }
}

fn unary(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    match node.kind() {
        "not_operator" => {
            if let Some(inner) = node.named_child(0) {
                let text = view.text(inner).to_owned();
                maker.replace(node, &text, false, "negate-condition", 0.9);
            }
        }
        "unary_operator" | "unary_expression" => {
            if let Some(inner) = kids(node).into_iter().next_back() {
                let text = view.text(inner).to_owned();
                maker.replace(node, &text, false, "drop-sign", 0.75);
            }
        }
        "call"
        | "call_expression"
        | "identifier"
        | "subscript"
        | "attribute"
        | "parenthesized_expression"
        | "index_expression"
        | "field_expression"
        | "member_expression"
        | "subscript_expression" => {
            let sign = node.parent().is_some_and(|p| {
                matches!(
                    p.kind(),
                    "return_statement"
                        | "return_expression"
                        | "assignment"
                        | "binary_operator"
                        | "binary_expression"
                        | "argument_list"
                        | "arguments"
                        | "generator_expression"
                        | "list_comprehension"
                        | "lambda"
                )
            });
            if sign {
                let text = format!("-{}", view.text(node));
                maker.replace(node, &text, true, "add-sign", 0.28);
            }
        }
        _ => {}
    }
}

/// Augmented assignments, and plain ones made augmented.
pub(super) fn assignment(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    if node.kind() == "update_expression" {
        let words = view.text(node);
        let other = match words.contains("++") {
            true => words.replace("++", "--"),
            false => words.replace("--", "++"),
        };
        maker.push(node.byte_range(), other, "augmented-assignment", 0.7);
        return;
    }
    let Some((left, span, right)) = dialect::assignment(&view.file.text, node) else { return };
    let operator = view.slice(span.clone()).to_owned();
    if operator == "=" {
        if matches!(left.kind(), "pattern_list" | "tuple_pattern") {
            return;
        }
        for rival in ["+=", "-=", "*="] {
            maker.push(span.clone(), rival, "augmented-assignment", 0.45);
        }
        return;
    }
    let Some(base) = operator.strip_suffix('=') else { return };
    for (rival, prior) in rivals(view.language, base) {
        maker.push(span.clone(), format!("{rival}="), "augmented-assignment", prior);
    }
    maker.push(span, "=", "augmented-assignment", 0.7);
    let flipped =
        format!("{} = {} {base} {}", view.text(left), maker.operand(right), view.text(left));
    maker.push(node.byte_range(), flipped, "operand-swap", 0.35);
}

/// Operators between tokens of a Rust macro, where the grammar shows no expressions.
pub(super) fn in_macro(maker: &mut Maker<'_>, node: Node<'_>) {
    let view = maker.view;
    let mut cursor = node.walk();
    let tokens: Vec<Node<'_>> = node.children(&mut cursor).collect();
    for token in tokens.iter().filter(|token| !token.is_named()) {
        let operator = view.text(*token).to_owned();
        if matches!(operator.as_str(), "<" | ">" | "&" | "|" | "*")
            && token.prev_sibling().is_none()
        {
            continue;
        }
        for (rival, prior) in rivals(view.language, &operator) {
            maker.push(token.byte_range(), rival, template_of(&operator), prior * 0.6);
        }
    }
}
