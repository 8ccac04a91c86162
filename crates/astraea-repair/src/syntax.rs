//! Says whether a text parses.

use crate::{Language, RepairError};

/// Where a text stops making sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{language} syntax error at line {line}, column {column}: {message}")]
#[non_exhaustive]
pub struct SyntaxError {
    /// The language the text was read as.
    pub language: Language,
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in bytes.
    pub column: u32,
    /// What is wrong there.
    pub message: String,
}

/// Parses a text and reports the first place that makes no sense.
///
/// A text that had errors before an edit may have them after it: compare with [`errors`] before and after.
///
/// # Errors
/// The outer error is a missing grammar, the inner one the first syntax error.
pub fn check(language: Language, text: &str) -> Result<Result<(), SyntaxError>, RepairError> {
    let tree = language.parse(text)?;
    Ok(match first_error(&tree) {
        None => Ok(()),
        Some((row, column, message)) => {
            Err(SyntaxError { language, line: row as u32 + 1, column: column as u32 + 1, message })
        }
    })
}

/// How many places of a text make no sense.
///
/// # Errors
/// [`RepairError::LanguageUnavailable`] when the grammar is missing.
pub fn errors(language: Language, text: &str) -> Result<usize, RepairError> {
    Ok(count(&language.parse(text)?))
}

/// How many error and missing nodes a tree has.
pub(crate) fn count(tree: &tree_sitter::Tree) -> usize {
    let mut count = 0;
    walk_errors(tree, |_| {
        count += 1;
        true
    });
    count
}

fn first_error(tree: &tree_sitter::Tree) -> Option<(usize, usize, String)> {
    let mut found = None;
    walk_errors(tree, |node| {
        let at = node.start_position();
        let message = if node.is_missing() {
            format!("{} is missing", node.kind())
        } else {
            "this is not understood here".to_owned()
        };
        found = Some((at.row, at.column, message));
        false
    });
    found
}

/// Visits error and missing nodes in document order until the visitor says stop.
pub(crate) fn walk_errors<'t>(
    tree: &'t tree_sitter::Tree,
    mut visit: impl FnMut(tree_sitter::Node<'t>) -> bool,
) {
    if !tree.root_node().has_error() {
        return;
    }
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if (node.is_error() || node.is_missing()) && !visit(node) {
            return;
        }
        if node.has_error() && !node.is_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}
