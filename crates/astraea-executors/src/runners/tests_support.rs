//! What the tests of the parsers share.

use super::{Ended, Ran, Surroundings, Tree};

/// A tree without files.
pub(crate) struct NoTree;

impl Tree for NoTree {
    fn paths(&self) -> &[String] {
        &[]
    }
    fn read(&self, _path: &str) -> Option<String> {
        None
    }
}

/// A tree made of names and texts.
pub(crate) struct Files {
    paths: Vec<String>,
    texts: Vec<(String, String)>,
}

impl Files {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self {
            paths: files.iter().map(|(p, _)| (*p).to_owned()).collect(),
            texts: files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect(),
        }
    }
}

impl Tree for Files {
    fn paths(&self) -> &[String] {
        &self.paths
    }
    fn read(&self, path: &str) -> Option<String> {
        self.texts.iter().find(|(p, _)| p == path).map(|(_, t)| t.clone())
    }
}

pub(crate) fn ran(ended: Ended, stdout: &str, stderr: &str) -> Ran {
    Ran {
        ended,
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
        truncated: false,
        wall_ms: 1,
    }
}

pub(crate) fn surroundings() -> Surroundings {
    Surroundings { root: "/w".to_owned(), python: None, nonce: "n".to_owned(), plain: false }
}
