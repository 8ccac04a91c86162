//! The languages of a tree, by the endings of its files.

use std::collections::BTreeMap;

use crate::runners::{Tree, below};

/// File name endings of the languages that are told apart.
const LANGUAGES: [(&str, &[&str]); 5] = [
    ("python", &["py"]),
    ("rust", &["rs"]),
    ("javascript", &["js", "mjs", "cjs", "jsx"]),
    ("typescript", &["ts", "tsx", "mts"]),
    ("go", &["go"]),
];

/// The languages of the source files below a directory, the most used first.
pub(super) fn languages(tree: &dyn Tree, dir: &str) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for path in tree.paths().iter().filter(|p| below(dir, p).is_some()) {
        let ending = path.rsplit_once('.').map_or("", |(_, e)| e);
        if let Some((name, _)) = LANGUAGES.iter().find(|(_, ends)| ends.contains(&ending)) {
            *counts.entry(name).or_default() += 1;
        }
    }
    let mut found: Vec<(&str, usize)> = counts.into_iter().collect();
    found.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    found.into_iter().map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Names(Vec<String>);

    impl Tree for Names {
        fn paths(&self) -> &[String] {
            &self.0
        }
        fn read(&self, _path: &str) -> Option<String> {
            None
        }
    }

    #[test]
    fn languages_are_counted_in_the_scope() {
        let tree =
            Names(["a.py", "b.py", "src/x.rs", "web/c.ts", "README"].map(str::to_owned).to_vec());
        assert_eq!(languages(&tree, ""), ["python", "rust", "typescript"]);
        assert_eq!(languages(&tree, "web"), ["typescript"]);
    }
}
