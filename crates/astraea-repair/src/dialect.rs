//! What the node kinds of each grammar mean, so that templates are written once for all languages.

use std::ops::Range;

use tree_sitter::Node;

use crate::Language;

/// Named children that are not comments.
pub(crate) fn kids<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
}

/// The text of a node.
pub(crate) fn text<'s>(source: &'s str, node: Node<'_>) -> &'s str {
    source.get(node.byte_range()).unwrap_or("")
}

/// Whether the node is an expression that can be replaced by another.
pub(crate) fn is_expression(language: Language, node: Node<'_>) -> bool {
    if !node.is_named() {
        return false;
    }
    let kind = node.kind();
    match language {
        Language::Python => matches!(
            kind,
            "identifier"
                | "integer"
                | "float"
                | "string"
                | "true"
                | "false"
                | "none"
                | "binary_operator"
                | "comparison_operator"
                | "boolean_operator"
                | "not_operator"
                | "unary_operator"
                | "call"
                | "attribute"
                | "subscript"
                | "list"
                | "tuple"
                | "dictionary"
                | "set"
                | "parenthesized_expression"
                | "conditional_expression"
                | "list_comprehension"
                | "set_comprehension"
                | "dictionary_comprehension"
                | "generator_expression"
                | "lambda"
        ),
        Language::Rust => matches!(
            kind,
            "identifier"
                | "self"
                | "integer_literal"
                | "float_literal"
                | "string_literal"
                | "raw_string_literal"
                | "char_literal"
                | "boolean_literal"
                | "binary_expression"
                | "unary_expression"
                | "reference_expression"
                | "call_expression"
                | "field_expression"
                | "index_expression"
                | "array_expression"
                | "tuple_expression"
                | "parenthesized_expression"
                | "range_expression"
                | "type_cast_expression"
                | "macro_invocation"
                | "if_expression"
                | "match_expression"
                | "closure_expression"
                | "try_expression"
                | "scoped_identifier"
                | "struct_expression"
        ),
        Language::JavaScript => matches!(
            kind,
            "identifier"
                | "number"
                | "string"
                | "template_string"
                | "true"
                | "false"
                | "null"
                | "undefined"
                | "this"
                | "binary_expression"
                | "unary_expression"
                | "call_expression"
                | "member_expression"
                | "subscript_expression"
                | "array"
                | "object"
                | "parenthesized_expression"
                | "ternary_expression"
                | "arrow_function"
                | "new_expression"
                | "await_expression"
        ),
    }
}

/// Whether nothing below this node may change: types, imports, attributes, patterns, comments.
pub(crate) fn is_frozen(language: Language, node: Node<'_>) -> bool {
    let kind = node.kind();
    match language {
        Language::Python => matches!(
            kind,
            "type"
                | "import_statement"
                | "import_from_statement"
                | "future_import_statement"
                | "decorator"
                | "comment"
                | "global_statement"
                | "nonlocal_statement"
                | "type_alias_statement"
        ),
        Language::Rust => matches!(
            kind,
            "use_declaration"
                | "extern_crate_declaration"
                | "attribute_item"
                | "inner_attribute_item"
                | "macro_definition"
                | "type_arguments"
                | "type_parameters"
                | "where_clause"
                | "type_item"
                | "struct_item"
                | "enum_item"
                | "union_item"
                | "parameters"
                | "line_comment"
                | "block_comment"
                | "generic_type"
                | "reference_type"
                | "scoped_type_identifier"
                | "array_type"
                | "tuple_type"
                | "visibility_modifier"
        ),
        Language::JavaScript => {
            matches!(kind, "import_statement" | "comment" | "export_clause" | "decorator")
        }
    }
}

/// The name of a function: its own, or that of the variable it is bound to.
pub(crate) fn function_name(node: Node<'_>) -> Option<Node<'_>> {
    if !is_function(node) {
        return None;
    }
    let bound = || {
        let around = node.parent().filter(|parent| parent.kind() == "variable_declarator")?;
        around.child_by_field_name("name")
    };
    node.child_by_field_name("name").or_else(bound)
}

/// A function or method with a name, also one that is bound to a variable; a callback is part of what it stands in.
pub(crate) fn is_function(node: Node<'_>) -> bool {
    if node.kind() == "arrow_function" {
        return node.parent().is_some_and(|parent| parent.kind() == "variable_declarator");
    }
    matches!(
        node.kind(),
        "function_definition"
            | "function_item"
            | "function_declaration"
            | "method_definition"
            | "function_expression"
            | "generator_function_declaration"
    )
}

/// The blocks whose children are statements.
pub(crate) fn is_block(node: Node<'_>) -> bool {
    matches!(node.kind(), "block" | "module" | "statement_block" | "program" | "switch_case")
}

/// JavaScript: a statement that is the whole body of a loop or branch, without braces.
fn is_body(parent: Node<'_>, node: Node<'_>) -> bool {
    let is = |field: &str| parent.child_by_field_name(field).is_some_and(|n| n.id() == node.id());
    match parent.kind() {
        "for_statement" | "for_in_statement" | "while_statement" => {
            is("body") && node.kind().ends_with("_statement")
        }
        "if_statement" => is("consequence") && node.kind().ends_with("_statement"),
        _ => false,
    }
}

/// Whether the node stands where a statement stands and is one that may be moved or deleted.
pub(crate) fn is_statement(language: Language, node: Node<'_>) -> bool {
    if !node.is_named() || node.is_extra() {
        return false;
    }
    let Some(parent) = node.parent() else { return false };
    if !(is_block(parent) || is_body(parent, node)) || is_function(node) {
        return false;
    }
    match language {
        Language::Python => {
            !matches!(
                node.kind(),
                "class_definition"
                    | "decorated_definition"
                    | "import_statement"
                    | "import_from_statement"
                    | "future_import_statement"
            ) && parent.kind() == "block"
        }
        Language::Rust => !node.kind().ends_with("_item") && node.kind() != "use_declaration",
        Language::JavaScript => {
            let label = parent.kind() == "switch_case" && is_expression(language, node);
            let apart = matches!(
                node.kind(),
                "import_statement" | "export_statement" | "class_declaration"
            );
            !(label || apart)
        }
    }
}

/// Left, operator span and right of a binary node with exactly two operands.
pub(crate) fn binary<'t>(
    source: &str,
    node: Node<'t>,
) -> Option<(Node<'t>, Range<usize>, Node<'t>)> {
    if !matches!(
        node.kind(),
        "binary_operator" | "boolean_operator" | "comparison_operator" | "binary_expression"
    ) {
        return None;
    }
    let operands = kids(node);
    let [left, right] = operands.as_slice() else { return None };
    let gap = source.get(left.end_byte()..right.start_byte())?;
    let start = left.end_byte() + (gap.len() - gap.trim_start().len());
    let end = start + gap.trim().len();
    (start < end && !gap.contains(['#', '\n'])).then_some((*left, start..end, *right))
}

/// Callee and arguments of a call.
pub(crate) fn call<'t>(node: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
    if !matches!(node.kind(), "call" | "call_expression") {
        return None;
    }
    let arguments = node.child_by_field_name("arguments")?;
    if !matches!(arguments.kind(), "argument_list" | "arguments") {
        return None;
    }
    Some((node.child_by_field_name("function")?, arguments))
}

/// Object and name of an attribute access.
pub(crate) fn attribute<'t>(node: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
    let (object, name) = match node.kind() {
        "attribute" => ("object", "attribute"),
        "field_expression" => ("value", "field"),
        "member_expression" => ("object", "property"),
        _ => return None,
    };
    Some((node.child_by_field_name(object)?, node.child_by_field_name(name)?))
}

/// The indexed value and the indices.
pub(crate) fn subscript<'t>(node: Node<'t>) -> Option<(Node<'t>, Vec<Node<'t>>)> {
    if !matches!(node.kind(), "subscript" | "index_expression" | "subscript_expression") {
        return None;
    }
    let mut all = kids(node);
    (all.len() >= 2).then(|| {
        let value = all.remove(0);
        (value, all)
    })
}

/// Target, operator span and value of an assignment statement or expression.
pub(crate) fn assignment<'t>(
    source: &str,
    node: Node<'t>,
) -> Option<(Node<'t>, Range<usize>, Node<'t>)> {
    if !matches!(
        node.kind(),
        "assignment"
            | "augmented_assignment"
            | "assignment_expression"
            | "compound_assignment_expr"
            | "augmented_assignment_expression"
    ) {
        return None;
    }
    let left = node.child_by_field_name("left")?;
    let right = node.child_by_field_name("right")?;
    if node.child_by_field_name("type").is_some() {
        return None;
    }
    let gap = source.get(left.end_byte()..right.start_byte())?;
    let start = left.end_byte() + (gap.len() - gap.trim_start().len());
    Some((left, start..start + gap.trim().len(), right))
}

/// The condition that decides at this node, if it is a branch, a loop or a filter.
pub(crate) fn condition<'t>(language: Language, node: Node<'t>) -> Option<Node<'t>> {
    let found = match node.kind() {
        "if_statement" | "elif_clause" | "while_statement" | "if_expression"
        | "while_expression" | "ternary_expression" | "do_statement" => {
            node.child_by_field_name("condition")?
        }
        "match_pattern" => node.child_by_field_name("condition")?,
        "if_clause" => node.named_child(0)?,
        "conditional_expression" => node.named_child(1)?,
        _ => return None,
    };
    let inner = if found.kind() == "parenthesized_expression" && language == Language::JavaScript {
        found.named_child(0)?
    } else {
        found
    };
    (!matches!(inner.kind(), "let_condition" | "let_chain")).then_some(inner)
}

/// What stands around an expression decides whether a compound text needs parentheses there.
pub(crate) fn binds_tighter(parent: Node<'_>) -> bool {
    matches!(
        parent.kind(),
        "binary_operator"
            | "comparison_operator"
            | "boolean_operator"
            | "unary_operator"
            | "not_operator"
            | "binary_expression"
            | "unary_expression"
            | "reference_expression"
            | "attribute"
            | "field_expression"
            | "member_expression"
            | "subscript"
            | "type_cast_expression"
            | "try_expression"
            | "await"
            | "await_expression"
            | "call"
            | "call_expression"
            | "range_expression"
    )
}

/// Whether this identifier or expression is read here, rather than bound, named or assigned.
pub(crate) fn is_read(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    let is = |field: &str| parent.child_by_field_name(field).is_some_and(|n| n.id() == node.id());
    match parent.kind() {
        "attribute" => is("object"),
        "field_expression" => is("value"),
        "member_expression" => is("object"),
        "keyword_argument" => is("value"),
        "default_parameter" | "typed_default_parameter" => is("value"),
        "assignment"
        | "augmented_assignment"
        | "assignment_expression"
        | "compound_assignment_expr"
        | "augmented_assignment_expression"
        | "for_statement"
        | "for_in_clause"
        | "for_in_statement" => !is("left"),
        "for_expression" | "let_declaration" | "let_condition" | "parameter" => !is("pattern"),
        "variable_declarator" => !is("name"),
        "named_expression" => !is("name"),
        "function_definition"
        | "function_item"
        | "class_definition"
        | "function_declaration"
        | "method_definition"
        | "const_item"
        | "static_item"
        | "class_declaration"
        | "macro_invocation"
        | "mod_item"
        | "function_expression" => is("value"),
        "match_arm" => is("value"),
        "field_initializer" => is("value"),
        "parameters"
        | "lambda_parameters"
        | "pattern_list"
        | "tuple_pattern"
        | "list_pattern"
        | "list_splat_pattern"
        | "typed_parameter"
        | "closure_parameters"
        | "match_pattern"
        | "tuple_struct_pattern"
        | "struct_pattern"
        | "or_pattern"
        | "slice_pattern"
        | "mut_pattern"
        | "ref_pattern"
        | "reference_pattern"
        | "captured_pattern"
        | "range_pattern"
        | "remaining_field_pattern"
        | "formal_parameters"
        | "array_pattern"
        | "object_pattern"
        | "scoped_identifier"
        | "scoped_type_identifier"
        | "as_pattern_target"
        | "shorthand_field_initializer"
        | "dotted_name"
        | "label"
        | "break_expression"
        | "continue_expression"
        | "case_pattern"
        | "update_expression"
        | "generic_function"
        | "field_declaration"
        | "lifetime"
        | "string"
        | "interpolation" => parent.kind() == "interpolation",
        _ => true,
    }
}

/// A number literal split into value and suffix, if it is a plain decimal integer.
pub(crate) fn integer(literal: &str) -> Option<(i64, &str)> {
    let end = literal.find(|c: char| !c.is_ascii_digit()).unwrap_or(literal.len());
    let (digits, suffix) = literal.split_at(end);
    if suffix.starts_with(['.', 'e', 'E', 'x', 'X', 'o', 'b', '_', 'j']) {
        return None;
    }
    Some((digits.parse().ok()?, suffix))
}

/// The word of the language.
pub(crate) struct Words {
    pub(crate) and: &'static str,
    pub(crate) or: &'static str,
    pub(crate) not: &'static str,
    pub(crate) yes: &'static str,
    pub(crate) no: &'static str,
    pub(crate) none: &'static str,
    pub(crate) end: &'static str,
}

/// Operators and constants as the language spells them.
pub(crate) fn words(language: Language) -> Words {
    match language {
        Language::Python => Words {
            and: "and",
            or: "or",
            not: "not ",
            yes: "True",
            no: "False",
            none: "None",
            end: "",
        },
        Language::Rust => Words {
            and: "&&",
            or: "||",
            not: "!",
            yes: "true",
            no: "false",
            none: "None",
            end: ";",
        },
        Language::JavaScript => Words {
            and: "&&",
            or: "||",
            not: "!",
            yes: "true",
            no: "false",
            none: "null",
            end: ";",
        },
    }
}

/// Whether a text needs parentheses when it becomes an operand.
pub(crate) fn is_compound(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "binary_operator"
            | "comparison_operator"
            | "boolean_operator"
            | "not_operator"
            | "unary_operator"
            | "binary_expression"
            | "unary_expression"
            | "conditional_expression"
            | "ternary_expression"
            | "lambda"
            | "arrow_function"
            | "range_expression"
            | "type_cast_expression"
            | "closure_expression"
            | "reference_expression"
            | "if_expression"
            | "match_expression"
            | "assignment_expression"
            | "await"
            | "await_expression"
    )
}
