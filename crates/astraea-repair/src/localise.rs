//! Ranks lines by how likely they are to be wrong.
//!
//! With coverage: Ochiai, `failed / sqrt(all_failed * (failed + passed))` for each line, where `failed` and `passed`
//! count the tests of each kind that ran it. Lines that a failing trace names are lifted. Without coverage: the
//! lines of the trace, the functions around them, the functions that the failing tests name or call, and functions
//! those call in turn; last, every line of the files. Lower circles are kept with a low score, so that a search
//! widens by itself when the likely lines give nothing.

use rustc_hash::{FxHashMap, FxHashSet};
use tree_sitter::{Node, Tree};

use crate::dialect::{self, text};
use crate::facts::preorder;
use crate::{RepairError, Request, Suspicious};

/// Score of a line nobody points at, in a file that somebody points at.
const REST_OF_FILE: f64 = 0.05;
/// Score of a line of a file that nobody points at.
const REST: f64 = 0.01;

/// Ranks the lines of the editable files, worst first.
///
/// # Errors
/// [`RepairError::LanguageUnavailable`] when the grammar is missing.
pub fn rank(request: &Request) -> Result<Vec<Suspicious>, RepairError> {
    let mut scores = ochiai(request);
    let covered = !scores.is_empty();
    let mut trees: FxHashMap<&str, Tree> = FxHashMap::default();
    for file in request.files.iter().filter(|file| file.editable) {
        trees.insert(&file.path, request.language.parse(&file.text)?);
    }
    if !covered {
        let named = named_functions(request)?;
        for file in request.files.iter().filter(|file| file.editable) {
            let Some(tree) = trees.get(file.path.as_str()) else { continue };
            by_names(request, &file.path, &file.text, tree, &named, &mut scores);
        }
    }
    by_frames(request, &trees, &mut scores);
    let mut ranked = Vec::new();
    for file in request.files.iter().filter(|file| file.editable) {
        let mut lines = vec![0.0; file.text.lines().count()];
        let mut touched = false;
        for (index, score) in lines.iter_mut().enumerate() {
            let known = scores.get(&(file.path.as_str(), index as u32 + 1)).copied();
            touched |= known.is_some_and(|known| known > 0.0);
            *score = known.unwrap_or(0.0);
        }
        if let Some(tree) = trees.get(file.path.as_str()) {
            spread(tree, &mut lines);
        }
        let floor = if touched { REST_OF_FILE } else { REST };
        let tests = match (request.language, trees.get(file.path.as_str())) {
            (crate::Language::Rust, Some(tree)) => test_rows(tree, &file.text),
            _ => Vec::new(),
        };
        for (index, (score, line)) in lines.iter().zip(file.text.lines()).enumerate() {
            if line.trim().is_empty() || tests.iter().any(|rows| rows.contains(&index)) {
                continue;
            }
            let score = score.max(floor).min(1.0);
            let text = line.trim().chars().take(200).collect();
            ranked.push(Suspicious {
                file: file.path.clone(),
                line: index as u32 + 1,
                score,
                text,
            });
        }
    }
    ranked.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| a.file.cmp(&b.file)).then(a.line.cmp(&b.line))
    });
    Ok(ranked)
}

type Scores<'a> = FxHashMap<(&'a str, u32), f64>;

fn ochiai(request: &Request) -> Scores<'_> {
    let mut counts: FxHashMap<(&str, u32), (u32, u32)> = FxHashMap::default();
    let editable: FxHashSet<&str> =
        request.files.iter().filter(|file| file.editable).map(|file| file.path.as_str()).collect();
    let mut all_failed = 0_u32;
    for test in &request.coverage {
        all_failed += u32::from(!test.passed);
        for (file, lines) in &test.lines {
            if !editable.contains(file.as_str()) {
                continue;
            }
            for line in lines.iter().collect::<FxHashSet<_>>() {
                let entry = counts.entry((file.as_str(), *line)).or_default();
                if test.passed {
                    entry.1 += 1;
                } else {
                    entry.0 += 1;
                }
            }
        }
    }
    if all_failed == 0 {
        return Scores::default();
    }
    counts
        .into_iter()
        .filter(|(_, (failed, _))| *failed > 0)
        .map(|(place, (failed, passed))| {
            let below = f64::from(all_failed) * f64::from(failed + passed);
            (place, f64::from(failed) / below.sqrt())
        })
        .collect()
}

/// Names that the failing tests mention: their own last identifier leads to their bodies, and these to callees.
fn named_functions(request: &Request) -> Result<FxHashSet<String>, RepairError> {
    let mut wanted: FxHashSet<&str> = FxHashSet::default();
    for test in &request.failing {
        let last = test
            .name
            .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '['))
            .rfind(|word| !word.is_empty())
            .unwrap_or("");
        wanted.insert(last.split('[').next().unwrap_or(last));
    }
    let mut names = FxHashSet::default();
    for file in &request.files {
        let tree = request.language.parse(&file.text)?;
        for node in preorder(&tree) {
            let is_test = dialect::function_name(node)
                .is_some_and(|name| wanted.contains(text(&file.text, name)));
            if is_test {
                collect_words(node, &file.text, &mut names);
            }
        }
    }
    Ok(names)
}

/// Every identifier below a node, also those in macro tokens.
fn collect_words(node: Node<'_>, source: &str, into: &mut FxHashSet<String>) {
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        if matches!(
            node.kind(),
            "identifier" | "field_identifier" | "property_identifier" | "type_identifier"
        ) {
            into.insert(text(source, node).to_owned());
        }
        let mut cursor = node.walk();
        stack.extend(node.named_children(&mut cursor));
    }
}

fn by_names<'a>(
    request: &Request,
    path: &'a str,
    source: &str,
    tree: &Tree,
    named: &FxHashSet<String>,
    scores: &mut Scores<'a>,
) {
    let functions: Vec<(String, Node<'_>)> = preorder(tree)
        .into_iter()
        .filter(|node| dialect::is_function(*node))
        .filter_map(|node| {
            let name = dialect::function_name(node)?;
            Some((text(source, name).to_owned(), node))
        })
        .filter(|(_, node)| {
            request.language != crate::Language::Rust || !is_test_code(*node, source)
        })
        .collect();
    let mut circle = named.clone();
    let mut weight = 0.6;
    for _ in 0..3 {
        let mut next = FxHashSet::default();
        for (_, node) in functions.iter().filter(|(name, _)| circle.contains(name)) {
            collect_words(*node, source, &mut next);
            for row in node.start_position().row..=node.end_position().row {
                let entry = scores.entry((path, row as u32 + 1)).or_insert(0.0);
                *entry = entry.max(weight);
            }
        }
        circle = next;
        weight *= 0.6;
    }
}

/// Rust: a function below `#[test]` or in a module below `#[cfg(test)]`.
pub(crate) fn is_test_code(node: Node<'_>, source: &str) -> bool {
    let mut at = Some(node);
    while let Some(here) = at {
        if has_test_attribute(here, source) {
            return true;
        }
        at = here.parent();
    }
    false
}

/// Rust: an attribute of this very item says that it is for tests only.
pub(crate) fn has_test_attribute(node: Node<'_>, source: &str) -> bool {
    let mut before = node.prev_named_sibling();
    while let Some(attribute) = before.filter(|n| n.kind() == "attribute_item" || n.is_extra()) {
        let words = text(source, attribute);
        if attribute.kind() == "attribute_item" && is_test_attribute(words) {
            return true;
        }
        before = attribute.prev_named_sibling();
    }
    false
}

/// `#[test]`, `#[tokio::test(…)]`, `#[rstest]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`; not `#[cfg(not(test))]`.
fn is_test_attribute(words: &str) -> bool {
    let inner = words.trim_start_matches(['#', '[', ' ']).trim_end_matches(']');
    let (path, arguments) = inner.split_once('(').unwrap_or((inner, ""));
    let path = path.trim();
    if path == "cfg" {
        let mut words = arguments.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        return words.any(|word| word == "test") && !arguments.contains("not(test");
    }
    path.rsplit("::").next().is_some_and(|last| last.ends_with("test"))
}

/// Rust: rows of the tests that stand beside the code.
fn test_rows(tree: &Tree, source: &str) -> Vec<std::ops::RangeInclusive<usize>> {
    preorder(tree)
        .into_iter()
        .filter(|node| matches!(node.kind(), "mod_item" | "function_item" | "impl_item"))
        .filter(|node| has_test_attribute(*node, source))
        .map(|node| {
            let mut first = node;
            while let Some(before) =
                first.prev_named_sibling().filter(|n| n.kind() == "attribute_item")
            {
                first = before;
            }
            first.start_position().row..=node.end_position().row
        })
        .collect()
}

fn by_frames<'a>(request: &'a Request, trees: &FxHashMap<&str, Tree>, scores: &mut Scores<'a>) {
    for (depth, frame) in request.frames.iter().enumerate() {
        let lift = 1.0 / (1.0 + depth as f64 * 0.3);
        let entry = scores.entry((frame.file.as_str(), frame.line)).or_insert(0.0);
        *entry = (*entry + 0.3 * lift).max(0.8 * lift).min(1.0);
        let Some(tree) = trees.get(frame.file.as_str()) else { continue };
        let row = (frame.line as usize).saturating_sub(1);
        let function = preorder(tree)
            .into_iter()
            .filter(|node| dialect::is_function(*node))
            .filter(|node| node.start_position().row <= row && row <= node.end_position().row)
            .min_by_key(|node| node.byte_range().len());
        if let Some(function) = function {
            for row in function.start_position().row..=function.end_position().row {
                let entry = scores.entry((frame.file.as_str(), row as u32 + 1)).or_insert(0.0);
                *entry = entry.max(0.5 * lift);
            }
        }
    }
}

/// Gives every line of a statement that spans several the highest score among them.
pub(crate) fn spread(tree: &Tree, scores: &mut [f64]) {
    for node in preorder(tree) {
        let simple = matches!(
            node.kind(),
            "expression_statement"
                | "return_statement"
                | "assert_statement"
                | "raise_statement"
                | "let_declaration"
                | "macro_invocation"
                | "call_expression"
                | "lexical_declaration"
                | "variable_declaration"
        );
        if simple {
            level(node, scores);
        }
        if let Some(condition) = node.child_by_field_name("condition") {
            level(condition, scores);
        }
    }
}

fn level(node: Node<'_>, scores: &mut [f64]) {
    let (first, last) = (node.start_position().row, node.end_position().row);
    if first == last || last - first > 60 {
        return;
    }
    if let Some(rows) = scores.get_mut(first..=last) {
        let most = rows.iter().copied().fold(0.0, f64::max);
        rows.fill(most);
    }
}
