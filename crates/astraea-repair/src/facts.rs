//! What a file offers as material: names in scope, callees, constants, conditions, statements.

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};
use tree_sitter::{Node, Tree};

use crate::Language;
use crate::dialect::{self, kids, text};

/// A name that is bound somewhere.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) from: usize,
    pub(crate) scope: Range<usize>,
}

/// A thing that is called somewhere or defined as a function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Callee {
    pub(crate) name: String,
    pub(crate) arity: usize,
    pub(crate) method: bool,
}

/// A text with the function it stands in.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) home: usize,
    pub(crate) range: Range<usize>,
}

/// The material of one file.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) variables: Vec<Variable>,
    pub(crate) callees: Vec<Callee>,
    pub(crate) attributes: Vec<String>,
    pub(crate) integers: Vec<String>,
    pub(crate) strings: Vec<String>,
    pub(crate) conditions: Vec<Piece>,
    pub(crate) expressions: Vec<Piece>,
    pub(crate) statements: Vec<Piece>,
    pub(crate) functions: Vec<(String, Range<usize>)>,
}

impl Facts {
    /// Reads a file.
    pub(crate) fn gather(language: Language, source: &str, tree: &Tree) -> Self {
        let mut facts = Self::default();
        for node in preorder(tree) {
            facts.look(language, source, node);
        }
        let mut seen = FxHashSet::default();
        facts.callees.retain(|callee| seen.insert(callee.clone()));
        dedup(&mut facts.attributes);
        dedup(&mut facts.integers);
        dedup(&mut facts.strings);
        facts
    }

    /// Start of the innermost function around a byte, or `usize::MAX` outside of any.
    pub(crate) fn home(&self, at: usize) -> usize {
        self.functions
            .iter()
            .filter(|(_, range)| range.contains(&at))
            .min_by_key(|(_, range)| range.len())
            .map_or(usize::MAX, |(_, range)| range.start)
    }

    /// The innermost function around a byte.
    pub(crate) fn function_at(&self, at: usize) -> Option<&(String, Range<usize>)> {
        self.functions
            .iter()
            .filter(|(_, range)| range.contains(&at))
            .min_by_key(|(_, range)| range.len())
    }

    /// Names that can be read at a byte, the nearest first.
    pub(crate) fn visible(&self, language: Language, at: usize) -> Vec<&str> {
        let mut found: FxHashMap<&str, (usize, usize)> = FxHashMap::default();
        for variable in &self.variables {
            let bound = language == Language::Python || variable.from <= at;
            if bound && variable.scope.contains(&at) {
                let key = (variable.scope.len(), at.abs_diff(variable.from));
                let entry = found.entry(&variable.name).or_insert(key);
                *entry = (*entry).min(key);
            }
        }
        let mut names: Vec<(&str, (usize, usize))> = found.into_iter().collect();
        names.sort_by_key(|(name, key)| (*key, *name));
        names.into_iter().map(|(name, _)| name).collect()
    }

    fn look(&mut self, language: Language, source: &str, node: Node<'_>) {
        if let Some(name) = dialect::function_name(node) {
            let name = text(source, name).to_owned();
            let arity = node.child_by_field_name("parameters").map_or(0, |parameters| {
                kids(parameters)
                    .iter()
                    .filter(|p| p.kind() != "self_parameter" && text(source, **p) != "self")
                    .count()
            });
            let method = node.parent().and_then(|p| p.parent()).is_some_and(|p| {
                matches!(p.kind(), "class_definition" | "impl_item" | "trait_item" | "class_body")
            });
            self.callees.push(Callee { name: name.clone(), arity, method });
            self.functions.push((name, node.byte_range()));
        }
        self.bind(language, source, node);
        let home = self.home(node.start_byte());
        if let Some((callee, arguments)) = dialect::call(node) {
            let arity = kids(arguments).len();
            if let Some((_, name)) = dialect::attribute(callee) {
                let name = text(source, name).to_owned();
                self.callees.push(Callee { name, arity, method: true });
            } else if text(source, callee).len() <= 40 {
                let name = text(source, callee).to_owned();
                self.callees.push(Callee { name, arity, method: false });
            }
        } else if let Some((_, name)) = dialect::attribute(node) {
            self.attributes.push(text(source, name).to_owned());
        }
        let words = text(source, node);
        match node.kind() {
            "integer" | "integer_literal" | "number" => self.integers.push(words.to_owned()),
            "string" | "string_literal" | "char_literal"
                if words.len() <= 60 && !is_docstring(node) =>
            {
                self.strings.push(words.to_owned());
            }
            _ => {}
        }
        if let Some(condition) = dialect::condition(language, node) {
            let words = text(source, condition);
            if words.len() <= 120 {
                self.conditions.push(Piece {
                    text: words.to_owned(),
                    home,
                    range: condition.byte_range(),
                });
            }
        }
        if dialect::is_expression(language, node)
            && words.len() <= 48
            && !words.contains('\n')
            && !matches!(
                node.kind(),
                "identifier"
                    | "parenthesized_expression"
                    | "string"
                    | "lambda"
                    | "generator_expression"
                    | "macro_invocation"
            )
            && dialect::is_read(node)
            && !is_callee(node)
        {
            self.expressions.push(Piece { text: words.to_owned(), home, range: node.byte_range() });
        }
        if dialect::is_statement(language, node) && words.len() <= 200 && !is_docstring(node) {
            self.statements.push(Piece { text: words.to_owned(), home, range: node.byte_range() });
        }
    }

    fn bind(&mut self, language: Language, source: &str, node: Node<'_>) {
        let field = |name: &str| node.child_by_field_name(name);
        let function = || enclosing(node, dialect::is_function);
        let (pattern, scope) = match node.kind() {
            "assignment" | "augmented_assignment" | "for_statement" => (field("left"), function()),
            "for_in_clause" => (field("left"), node.parent()),
            "named_expression" => (field("name"), function()),
            "as_pattern_target" => (Some(node), function()),
            "parameters" | "lambda_parameters" | "formal_parameters" | "closure_parameters" => {
                (Some(node), node.parent())
            }
            // `x => …`: the only parameter without a list around it
            "arrow_function" => (field("parameter"), Some(node)),
            "let_declaration" => (field("pattern"), node.parent()),
            "for_expression" => (field("pattern"), Some(node)),
            "for_in_statement" => (field("left"), Some(node)),
            "match_arm" => (field("pattern"), Some(node)),
            "let_condition" => (
                field("pattern"),
                enclosing(node, |n| matches!(n.kind(), "if_expression" | "while_expression")),
            ),
            "const_item" | "static_item" => (field("name"), None),
            "variable_declarator" => (field("name"), enclosing(node, dialect::is_block)),
            _ => return,
        };
        let Some(pattern) = pattern else { return };
        let scope = scope.map_or(0..source.len(), |scope| scope.byte_range());
        let late = matches!(node.kind(), "let_declaration" | "variable_declarator");
        let from = if late { node.end_byte() } else { pattern.start_byte() };
        for name in bound_names(language, source, pattern) {
            self.variables.push(Variable { name, from, scope: scope.clone() });
        }
    }
}

fn dedup(list: &mut Vec<String>) {
    let mut seen = FxHashSet::default();
    list.retain(|item| seen.insert(item.clone()));
}

/// Nearest ancestor that fits.
pub(crate) fn enclosing<'t>(node: Node<'t>, fits: impl Fn(Node<'t>) -> bool) -> Option<Node<'t>> {
    let mut at = node.parent();
    while let Some(candidate) = at {
        if fits(candidate) {
            return Some(candidate);
        }
        at = candidate.parent();
    }
    None
}

/// All named nodes in document order.
pub(crate) fn preorder(tree: &Tree) -> Vec<Node<'_>> {
    let mut all = Vec::new();
    let mut cursor = tree.walk();
    loop {
        if cursor.node().is_named() {
            all.push(cursor.node());
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return all;
            }
        }
    }
}

/// A string that is a statement of its own.
pub(crate) fn is_docstring(node: Node<'_>) -> bool {
    let string =
        if node.kind() == "expression_statement" { node.named_child(0) } else { Some(node) };
    string.is_some_and(|s| {
        s.kind() == "string" && s.parent().is_some_and(|p| p.kind() == "expression_statement")
    })
}

fn is_callee(node: Node<'_>) -> bool {
    node.parent()
        .and_then(|parent| parent.child_by_field_name("function"))
        .is_some_and(|callee| callee.id() == node.id())
}

fn bound_names(language: Language, source: &str, pattern: Node<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut stack = vec![pattern];
    while let Some(node) = stack.pop() {
        let words = text(source, node);
        match node.kind() {
            "identifier"
            | "shorthand_field_identifier"
            | "shorthand_property_identifier_pattern" => {
                let constant = language == Language::Rust
                    && words.starts_with(|c: char| c.is_ascii_uppercase())
                    && !matches!(
                        node.parent().map(|p| p.kind()),
                        Some("const_item" | "static_item")
                    );
                if !constant && words != "_" {
                    names.push(words.to_owned());
                }
            }
            "attribute"
            | "subscript"
            | "type"
            | "field_expression"
            | "index_expression"
            | "member_expression"
            | "subscript_expression"
            | "scoped_identifier"
            | "type_identifier"
            | "keyword_separator" => {}
            "default_parameter"
            | "typed_default_parameter"
            | "parameter"
            | "typed_parameter"
            | "assignment_pattern" => {
                let inner = ["name", "pattern", "left"]
                    .iter()
                    .find_map(|field| node.child_by_field_name(field))
                    .or_else(|| node.named_child(0));
                stack.extend(inner);
            }
            "match_pattern" | "tuple_struct_pattern" => {
                let guard = node.child_by_field_name("condition").map(|n| n.id());
                let head = node.child_by_field_name("type").map(|n| n.id());
                stack.extend(
                    kids(node)
                        .into_iter()
                        .filter(|n| Some(n.id()) != guard && Some(n.id()) != head),
                );
            }
            _ => stack.extend(kids(node)),
        }
    }
    names.sort();
    names.dedup();
    names
}
