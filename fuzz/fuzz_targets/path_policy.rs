//! Paths and rules from anywhere: no panic, and what the policy refuses to write it refuses in every spelling of the case.
#![no_main]

use astraea_code_access::{Access, Policy, PolicyOptions, RepoPath};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Vec<String>, Vec<String>)| {
    let (name, allow, forbid) = input;
    let Ok(path) = RepoPath::new(&name) else { return };
    assert!(!path.as_bytes().starts_with(b"/") && !path.as_bytes().contains(&0));
    assert!(path.components().all(|part| !part.is_empty() && part != b"." && part != b".."));
    let mut options = PolicyOptions::default();
    options.allow.extend(allow);
    options.forbid.extend(forbid);
    let (Ok(plain), Ok(given)) = (Policy::new(PolicyOptions::default()), Policy::new(options)) else { return };
    // More rules of the user's never open what is forbidden from the start.
    if plain.check(&path, Access::Write).is_err() {
        assert!(given.check(&path, Access::Write).is_err());
        if let Ok(upper) = RepoPath::new(name.to_ascii_uppercase()) {
            assert!(plain.check(&upper, Access::Write).is_err());
        }
    }
});
