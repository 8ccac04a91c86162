//! Names of tests: ours are paths from the repository's root, the worker's are those of its runner.

use crate::evidence::TestId;
use crate::runners::{below, join};

/// Translates between the two.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    /// The directory that the runner runs in.
    pub(super) dir: String,
    /// Whether the runner is unittest, which names tests with dots.
    pub(super) unittest: bool,
}

impl Ids {
    /// As the worker names it.
    pub(super) fn native(&self, id: &TestId) -> String {
        let id = id.as_str();
        let (file, rest) = id.split_once("::").unwrap_or((id, ""));
        let file = below(&self.dir, file).unwrap_or(file);
        if !self.unittest {
            return if rest.is_empty() { file.to_owned() } else { format!("{file}::{rest}") };
        }
        let module = file.strip_suffix(".py").unwrap_or(file).replace('/', ".");
        if rest.is_empty() { module } else { format!("{module}.{}", rest.replace("::", ".")) }
    }

    /// As we name it. For unittest the last two parts are class and method.
    pub(super) fn ours(&self, native: &str) -> TestId {
        if !self.unittest {
            return TestId::new(join(&self.dir, native));
        }
        let parts: Vec<&str> = native.split('.').collect();
        match parts.as_slice() {
            [module @ .., class, method] if !module.is_empty() => {
                let file = format!("{}.py", module.join("/"));
                TestId::new(format!("{}::{class}::{method}", join(&self.dir, &file)))
            }
            _ => TestId::new(native),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for (dir, unittest, ours, native) in [
            ("", false, "tests/test_a.py::test_x[1]", "tests/test_a.py::test_x[1]"),
            ("p/a", false, "p/a/test_a.py::T::test_x", "test_a.py::T::test_x"),
            ("", true, "tests/test_a.py::T::test_x", "tests.test_a.T.test_x"),
            ("p", true, "p/test_a.py::T::test_x", "test_a.T.test_x"),
        ] {
            let ids = Ids { dir: dir.into(), unittest };
            assert_eq!(ids.native(&TestId::new(ours)), native);
            assert_eq!(ids.ours(native).as_str(), ours);
        }
    }
}
