//! The names that a file defines: for whoever has to find a place in it, or to show it in few lines.

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use crate::{Language, RepairError};

/// The longest signature that is kept, in characters.
const MOST: usize = 160;

/// A function, class, type or the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Symbol {
    /// Its name; of a method with that of what it belongs to, as in `Cart.total`.
    pub name: String,
    /// Its first line, without what follows the opening brace or colon.
    pub signature: String,
    /// Where it begins, counted from 1, decorators and attributes included.
    pub line: u32,
    /// Where it ends.
    pub end_line: u32,
    /// Whether it is a test, or holds nothing but tests: `#[test]`, `#[cfg(test)]`.
    pub is_test: bool,
}

/// The names that a text defines at its top, and one level below, in the order of the text.
///
/// ```
/// use astraea_repair::{Language, symbols};
/// let found = symbols(Language::Python, "class Cart:\n    def total(self):\n        return 0\n")?;
/// let names: Vec<_> = found.iter().map(|symbol| symbol.name.as_str()).collect();
/// assert_eq!(names, ["Cart", "Cart.total"]);
/// # Ok::<(), astraea_repair::RepairError>(())
/// ```
///
/// # Errors
/// [`RepairError::LanguageUnavailable`] when the grammar is missing.
pub fn symbols(language: Language, text: &str) -> Result<Vec<Symbol>, RepairError> {
    let tree = language.parse(text)?;
    let mut found = Vec::new();
    gather(tree.root_node(), text, None, &mut found);
    Ok(found)
}

fn gather(parent: Node<'_>, text: &str, owner: Option<&str>, found: &mut Vec<Symbol>) {
    let mut cursor = parent.walk();
    let mut attributes: Vec<Node<'_>> = Vec::new();
    for child in parent.named_children(&mut cursor) {
        if child.kind() == "attribute_item" {
            attributes.push(child);
            continue;
        }
        if child.kind().ends_with("comment") {
            continue;
        }
        let outer = std::mem::take(&mut attributes);
        let Some((item, name)) = definition(child, text) else { continue };
        let name = owner.map_or_else(|| name.to_owned(), |owner| format!("{owner}.{name}"));
        let is_test = outer.iter().any(|node| says_test(node, text));
        let first = outer.first().copied().unwrap_or(child);
        found.push(Symbol {
            signature: signature(item, text),
            line: first.start_position().row as u32 + 1,
            end_line: child.end_position().row as u32 + 1,
            is_test,
            name: name.clone(),
        });
        if owner.is_none()
            && !is_test
            && let Some(body) = item.child_by_field_name("body")
            && holds_items(item.kind())
        {
            gather(body, text, Some(&name), found);
        }
    }
}

/// Whether the names inside are worth showing.
fn holds_items(kind: &str) -> bool {
    matches!(
        kind,
        "class_definition" | "class_declaration" | "impl_item" | "trait_item" | "mod_item"
    )
}

/// What a node defines, and its name; looks through decorators, exports and the like.
fn definition<'t, 's>(node: Node<'t>, text: &'s str) -> Option<(Node<'t>, &'s str)> {
    let named = |node: Node<'t>, field: &str| {
        let name = node.child_by_field_name(field)?;
        Some((node, text.get(name.byte_range())?))
    };
    match node.kind() {
        "decorated_definition" => definition(node.child_by_field_name("definition")?, text),
        "export_statement" => definition(node.child_by_field_name("declaration")?, text),
        "function_definition"
        | "class_definition"
        | "function_item"
        | "struct_item"
        | "enum_item"
        | "trait_item"
        | "mod_item"
        | "type_item"
        | "const_item"
        | "static_item"
        | "macro_definition"
        | "function_declaration"
        | "generator_function_declaration"
        | "class_declaration"
        | "method_definition"
        | "union_item"
        | "function_signature_item" => named(node, "name"),
        "impl_item" => named(node, "type"),
        "lexical_declaration" | "variable_declaration" => {
            let declared = node.named_child(0)?;
            let value = declared.child_by_field_name("value")?;
            matches!(value.kind(), "arrow_function" | "function_expression" | "class")
                .then(|| named(declared, "name"))
                .flatten()
        }
        _ => None,
    }
}

fn says_test(attribute: &Node<'_>, text: &str) -> bool {
    let said = text.get(attribute.byte_range()).unwrap_or_default();
    said.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "test")
        && !said.contains("not(test")
}

fn signature(node: Node<'_>, text: &str) -> String {
    let start = node.start_byte();
    let end = node.child_by_field_name("body").map_or(node.end_byte(), |body| body.start_byte());
    let said = text.get(start..end).unwrap_or_default();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = said.chars().take(MOST).collect();
    said.trim_end_matches([':', '{', ' ', '=']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, text: &str, want: &[&str]) {
        let found = symbols(language, text).unwrap();
        let got: Vec<String> = found
            .iter()
            .map(|s| {
                let test = if s.is_test { " test" } else { "" };
                format!("{}-{} {}: {}{test}", s.line, s.end_line, s.name, s.signature)
            })
            .collect();
        assert_eq!(got, want);
    }

    #[test]
    fn python_functions_classes_and_methods() {
        check(
            Language::Python,
            "import os\n\n@cache\ndef f(a,\n      b=1):\n    def inner(): pass\n    return a\n\nclass C(B):\n    x = 1\n    def m(self) -> int:\n        return 1\n",
            &["3-7 f: def f(a, b=1)", "9-12 C: class C(B)", "11-12 C.m: def m(self) -> int"],
        );
    }

    #[test]
    fn rust_items_and_which_of_them_are_tests() {
        check(
            Language::Rust,
            "pub struct S { a: u8 }\nimpl S {\n    /// x\n    #[must_use]\n    pub fn f(&self) -> u8 { 1 }\n}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\n#[test]\nfn u() {}\n#[cfg(not(test))]\nfn v() {}\n",
            &[
                "1-1 S: pub struct S",
                "2-6 S: impl S",
                "4-5 S.f: pub fn f(&self) -> u8",
                "7-11 tests: mod tests test",
                "12-13 u: fn u() test",
                "14-15 v: fn v()",
            ],
        );
    }
}
