//! A rename in Rust where it can be proved to be one: the name has a single definition in the whole scope and nothing
//! else there is called so; the compiler, which runs with the tests, has the last word.

use std::collections::BTreeMap;

use ast_grep_core::tree_sitter::LanguageExt as _;
use ast_grep_language::SupportLang;

/// Kinds of nodes that define their `name` field for others to use.
const ITEMS: [&str; 11] = [
    "function_item",
    "function_signature_item",
    "struct_item",
    "enum_item",
    "union_item",
    "type_item",
    "const_item",
    "static_item",
    "trait_item",
    "enum_variant",
    "field_declaration",
];
/// Kinds of nodes whose text is a name.
const NAMES: [&str; 4] =
    ["identifier", "type_identifier", "field_identifier", "shorthand_field_identifier"];

/// What the texts become, and where the definition is (`path:line`).
///
/// # Errors
/// In words: why it cannot be shown to be a rename and nothing else.
pub(super) fn rename(
    files: &[(String, String)],
    old: &str,
    new: &str,
    file: Option<&str>,
) -> Result<(BTreeMap<String, String>, String), String> {
    let name = old.rsplit("::").next().unwrap_or(old).rsplit('.').next().unwrap_or(old);
    if !is_name(new) {
        return Err(format!("{new} is no name in Rust"));
    }
    let mut definitions: Vec<(String, usize, String)> = Vec::new();
    let mut locals: Vec<String> = Vec::new();
    let mut spans: BTreeMap<String, Vec<(usize, usize, bool)>> = BTreeMap::new();
    for (path, text) in files {
        if !text.contains(name) && !text.contains(new) {
            continue;
        }
        let root = SupportLang::Rust.ast_grep(text);
        for node in root.root().dfs() {
            if !NAMES.contains(&&*node.kind()) {
                continue;
            }
            let said = node.text();
            if said != name && said != new {
                continue;
            }
            let line = node.start_pos().line() + 1;
            let place = format!("{path}:{line}");
            if said == new {
                return Err(format!("{new} is a name that is used already ({place})"));
            }
            let parent = node.parent();
            let kind = parent.as_ref().map(|p| p.kind().into_owned()).unwrap_or_default();
            let is_name_of = parent
                .as_ref()
                .and_then(|p| p.field("name"))
                .is_some_and(|n| n.range() == node.range());
            if is_name_of && ITEMS.contains(&&*kind) {
                definitions.push((path.clone(), line, kind.clone()));
            } else if matches!(
                &*kind,
                "let_declaration"
                    | "parameter"
                    | "closure_parameters"
                    | "mut_pattern"
                    | "tuple_pattern"
                    | "tuple_struct_pattern"
                    | "slice_pattern"
                    | "or_pattern"
                    | "reference_pattern"
                    | "field_pattern"
                    | "let_condition"
                    | "captured_pattern"
                    | "for_expression"
                    | "match_pattern"
                    | "ref_pattern"
                    | "type_parameter"
                    | "const_parameter"
                    | "macro_definition"
                    | "mod_item"
                    | "use_as_clause"
            ) && is_pattern(&node)
            {
                locals.push(place);
            }
            if kind == "token_tree" {
                // inside a macro's arguments nothing is known but the word
                spans.entry(path.clone()).or_default().push((
                    node.range().start,
                    node.range().end,
                    false,
                ));
                continue;
            }
            let shorthand = node.kind() == "shorthand_field_identifier"
                || (kind == "shorthand_field_initializer");
            spans.entry(path.clone()).or_default().push((
                node.range().start,
                node.range().end,
                shorthand,
            ));
        }
    }
    if let Some(place) = locals.first() {
        return Err(format!(
            "{name} is the name of something else too ({place}), and only rust-analyzer could tell them apart: use its rename in your editor"
        ));
    }
    let own: Vec<_> =
        definitions.iter().filter(|(path, ..)| file.is_none_or(|file| file == path)).collect();
    let Some((path, line, kind)) = own.first() else {
        return Err(format!("nothing is defined by the name {name}"));
    };
    if definitions.len() > 1 {
        let places: Vec<String> =
            definitions.iter().take(5).map(|(path, line, _)| format!("{path}:{line}")).collect();
        return Err(format!(
            "{name} is defined more than once ({}), and only rust-analyzer could tell them apart: use its rename in your editor",
            places.join(", ")
        ));
    }
    let field = kind == "field_declaration";
    let mut changed = BTreeMap::new();
    for (path, text) in files {
        let Some(spans) = spans.get(path) else { continue };
        let mut out = text.clone();
        let mut spans = spans.clone();
        spans.sort_unstable();
        for (start, end, shorthand) in spans.into_iter().rev() {
            // `S { name }` names a field and a variable at once
            let with = match shorthand {
                true if field => format!("{new}: {name}"),
                true => format!("{name}: {new}"),
                false => new.to_owned(),
            };
            out.replace_range(start..end, &with);
        }
        changed.insert(path.clone(), out);
    }
    Ok((changed, format!("{path}:{line}")))
}

/// Whether a name stands where something is bound, and not where it is used.
fn is_pattern<D: ast_grep_core::Doc>(node: &ast_grep_core::Node<'_, D>) -> bool {
    let Some(parent) = node.parent() else { return false };
    let kind = parent.kind();
    let field = match &*kind {
        "let_declaration" | "parameter" | "for_expression" | "let_condition" => "pattern",
        // the first name is that of the struct, the others are bound
        "tuple_struct_pattern" => {
            return parent.field("type").is_none_or(|part| part.range() != node.range());
        }
        "type_parameter" | "const_parameter" | "macro_definition" | "mod_item" => "name",
        "use_as_clause" => "alias",
        _ => return true,
    };
    parent.field(field).is_some_and(|part| part.range() == node.range())
}

fn is_name(text: &str) -> bool {
    const WORDS: [&str; 39] = [
        "as", "break", "const", "continue", "crate", "else", "enum", "extern", "false", "fn",
        "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref",
        "return", "self", "Self", "static", "struct", "super", "trait", "true", "type", "unsafe",
        "use", "where", "while", "async", "await", "dyn", "gen",
    ];
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
        && text != "_"
        && !WORDS.contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], old: &str, new: &str) -> Result<String, String> {
        let files: Vec<(String, String)> =
            files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
        let (changed, _) = rename(&files, old, new, None)?;
        Ok(changed.values().cloned().collect::<Vec<_>>().join("---\n"))
    }

    #[test]
    fn a_name_with_one_definition_is_renamed_wherever_it_is_used() {
        let lib = "pub fn total(x: i32) -> i32 { x } // total\nfn f() { let s = \"total\"; total(1); println!(\"{}\", total(2)); }\n";
        let test = "use a::total;\n#[test]\nfn t() { assert_eq!(total(1), a::total(1)); }\n";
        assert_eq!(
            check(&[("src/lib.rs", lib), ("tests/t.rs", test)], "total", "sum").unwrap(),
            "pub fn sum(x: i32) -> i32 { x } // total\nfn f() { let s = \"total\"; sum(1); println!(\"{}\", sum(2)); }\n---\nuse a::sum;\n#[test]\nfn t() { assert_eq!(sum(1), a::sum(1)); }\n"
        );
    }

    #[test]
    fn a_field_keeps_the_variable_that_it_is_made_of() {
        let text = "struct P { width: u32 }\nfn w(p: &P) -> u32 { p.width }\nfn m() -> P { P { width: 3 } }\n";
        assert_eq!(
            check(&[("a.rs", text)], "P::width", "w2").unwrap(),
            "struct P { w2: u32 }\nfn w(p: &P) -> u32 { p.w2 }\nfn m() -> P { P { w2: 3 } }\n"
        );
    }

    #[test]
    fn a_variant_is_renamed_in_patterns_too() {
        let text = "enum E { One(u8), Two }\nfn f(e: E) -> u8 { match e { E::One(n) => n, E::Two => 0 } }\n";
        assert_eq!(
            check(&[("a.rs", text)], "E::One", "Single").unwrap(),
            "enum E { Single(u8), Two }\nfn f(e: E) -> u8 { match e { E::Single(n) => n, E::Two => 0 } }\n"
        );
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        for (text, why) in [
            ("fn a() {}\nmod m { fn a() {} }\n", "defined more than once"),
            ("fn a() {}\nfn f(a: i32) -> i32 { a }\n", "something else too (x.rs:2)"),
            ("fn a() {}\nfn f() { let a = 1; }\n", "something else too"),
            ("fn a() {}\nfn f() { if let Some(a) = g() {} }\n", "something else too"),
            ("fn a() {}\nfn b() {}\n", "used already (x.rs:2)"),
            ("fn a() {}\nfn f((a, c): (u8, u8)) {}\n", "something else too"),
            ("fn a() {}\nfn f() { g(|a| a); }\n", "something else too"),
            ("fn c() {}\n", "nothing is defined by the name a"),
        ] {
            let said = check(&[("x.rs", text)], "a", "b").unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        assert!(check(&[("x.rs", "fn a() {}\n")], "a", "fn").is_err());
    }
}
