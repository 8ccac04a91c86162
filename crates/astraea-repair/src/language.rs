//! The languages and their grammars.

use std::fmt;

use serde::{Deserialize, Serialize};
use tree_sitter::{Parser, Tree};

use crate::RepairError;

/// A language that can be searched or checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Language {
    /// Python 3.
    Python,
    /// Rust.
    Rust,
    /// JavaScript, modules included.
    JavaScript,
}

impl Language {
    /// The language that a file of this name is written in, by its extension.
    ///
    /// ```
    /// use astraea_repair::Language;
    /// assert_eq!(Language::of_path("src/lib.rs"), Some(Language::Rust));
    /// assert_eq!(Language::of_path("README"), None);
    /// ```
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name.rsplit_once('.')?.1 {
            "py" | "pyi" => Some(Self::Python),
            "rs" => Some(Self::Rust),
            "js" | "mjs" | "cjs" | "jsx" => Some(Self::JavaScript),
            _ => None,
        }
    }

    /// Whether this build has the grammar.
    pub fn is_available(self) -> bool {
        self.grammar().is_ok()
    }

    fn grammar(self) -> Result<tree_sitter::Language, RepairError> {
        match self {
            #[cfg(feature = "python")]
            Self::Python => Ok(tree_sitter_python::LANGUAGE.into()),
            #[cfg(feature = "rust")]
            Self::Rust => Ok(tree_sitter_rust::LANGUAGE.into()),
            #[cfg(feature = "javascript")]
            Self::JavaScript => Ok(tree_sitter_javascript::LANGUAGE.into()),
            #[cfg(not(all(feature = "python", feature = "rust", feature = "javascript")))]
            other => Err(RepairError::LanguageUnavailable(other)),
        }
    }

    /// A parser that is ready for this language.
    pub(crate) fn parser(self) -> Result<Parser, RepairError> {
        let mut parser = Parser::new();
        parser
            .set_language(&self.grammar()?)
            .map_err(|_| RepairError::LanguageUnavailable(self))?;
        Ok(parser)
    }

    /// Parses a text; the tree may hold errors.
    pub(crate) fn parse(self, text: &str) -> Result<Tree, RepairError> {
        self.parser()?.parse(text, None).ok_or(RepairError::LanguageUnavailable(self))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "python",
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
        })
    }
}
