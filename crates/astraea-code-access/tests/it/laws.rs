//! Laws, tried on random input.

use astraea_code_access::{Access, EditSet, Policy, PolicyOptions, RepoPath};
use proptest::prelude::*;

use crate::world::{World, path};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(120) })]

    #[test]
    fn a_path_never_leaves_and_round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(path) = RepoPath::new(&bytes) {
            prop_assert!(path.components().all(|c| !c.is_empty() && c != b"." && c != b".."));
            prop_assert!(!path.as_bytes().starts_with(b"/"));
            let json = serde_json::to_string(&path).unwrap();
            prop_assert_eq!(serde_json::from_str::<RepoPath>(&json).unwrap(), path.clone());
            prop_assert!(!path.to_string().contains(|c: char| c.is_control()));
        }
    }

    #[test]
    fn dressing_up_a_forbidden_name_does_not_help(
        upper in proptest::collection::vec(any::<bool>(), 6),
        tail in "[ .]{0,4}",
        above in "[a-z]{1,5}",
    ) {
        let policy = Policy::new(PolicyOptions::default().with_forbid(["secret"])).unwrap();
        let name: String =
            "secret".chars().zip(upper).map(|(c, up)| if up { c.to_ascii_uppercase() } else { c }).collect();
        let path = RepoPath::new(format!("{above}/{name}{tail}/x")).unwrap();
        prop_assert!(policy.check(&path, Access::Read).is_err());
    }

    #[test]
    fn a_policy_never_panics(rule in ".{0,20}", bytes in proptest::collection::vec(any::<u8>(), 1..30)) {
        let options = PolicyOptions::default().with_forbid([rule.clone()]);
        if let (Ok(policy), Ok(path)) = (Policy::new(options), RepoPath::new(&bytes)) {
            let _ = policy.check(&path, Access::Write);
        }
        let _ = Policy::new(PolicyOptions::default().with_allow([rule]));
    }
}

/// A random sequence of edits, applied in steps and at once, gives the same files as a plain map does.
#[test]
fn edit_sets_compose() {
    let world = World::with(&[("a", "0\n"), ("b", "0\n"), ("d/c", "0\n")]);
    let repo = world.open();
    let snapshot = repo.snapshot(astraea_code_access::Base::Worktree).unwrap();
    let names = ["a", "b", "d/c", "e", "f/g"];
    let step = (0..names.len(), proptest::option::of(0..4u8));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(20)
    });
    let list = proptest::collection::vec(step, 0..12);
    let result = runner.run(&list, |steps| {
        let mut model: std::collections::BTreeMap<&str, Vec<u8>> =
            ["a", "b", "d/c"].into_iter().map(|name| (name, b"0\n".to_vec())).collect();
        let mut sum = EditSet::new();
        for (at, value) in steps {
            let name = names[at];
            let mut builder = repo.edit(&snapshot, &sum);
            match value {
                Some(n) => {
                    let bytes = format!("{n}\n").into_bytes();
                    builder.write(&path(name), &bytes).unwrap();
                    model.insert(name, bytes);
                }
                None => {
                    let there = model.remove(name).is_some();
                    prop_assert_eq!(builder.delete(&path(name)).is_ok(), there);
                }
            }
            let more = builder.finish().unwrap();
            sum = sum.then(&more).unwrap();
        }
        let mut found = std::collections::BTreeMap::new();
        for entry in repo.list(&snapshot, &sum).unwrap() {
            found.insert(entry.path.to_string(), repo.blob(entry.id).unwrap());
        }
        let model: std::collections::BTreeMap<_, _> =
            model.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        prop_assert_eq!(found, model);
        Ok(())
    });
    result.unwrap();
}
