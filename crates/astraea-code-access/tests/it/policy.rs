//! Tests of which paths may be read and written.

use astraea_code_access::{Access, Policy, PolicyOptions, RepoPath};

use crate::world::path;

fn check(options: PolicyOptions, name: &str, access: Access) -> &'static str {
    match Policy::new(options).unwrap().check(&path(name), access) {
        Ok(()) => "ok",
        Err(error) => error.code(),
    }
}

#[test]
fn case_17_every_spelling_of_the_git_directory() {
    for name in [
        ".git/config",
        ".GIT/config",
        ".Git",
        ".git./config",
        ".git /config",
        ".git . /x",
        "git~1/config",
        "GIT~1",
        ".git::$INDEX_ALLOCATION/x",
        ".git:x",
        "sub/.git/hooks/pre-commit",
        ".g\u{200c}it/config",
        "a/.gi\u{feff}t",
    ] {
        for access in [Access::Read, Access::Write] {
            assert_eq!(
                check(PolicyOptions::default(), name, access),
                "access_denied:forbidden_path",
                "{name}"
            );
        }
    }
    for name in [".gitignore", "git/x", ".github/x", "agit~1", "git~x"] {
        assert_eq!(check(PolicyOptions::default(), name, Access::Write), "ok", "{name}");
    }
}

#[test]
fn case_19_composed_and_decomposed_names_are_one() {
    let options = || PolicyOptions::default().with_forbid(["caf\u{e9}"]);
    assert_eq!(check(options(), "cafe\u{301}/x", Access::Read), "access_denied:forbidden_path");
    let options = || PolicyOptions::default().with_forbid(["cafe\u{301}"]);
    assert_eq!(check(options(), "CAF\u{c9}", Access::Read), "access_denied:forbidden_path");
}

#[test]
fn case_26_forbidden_beats_allowed() {
    let options = || {
        PolicyOptions::default().with_allow(["src", "config"]).with_forbid(["src/secret", "*.lock"])
    };
    assert_eq!(check(options(), "src/secret/x", Access::Write), "access_denied:forbidden_path");
    assert_eq!(check(options(), "SRC/Secret/x", Access::Read), "access_denied:forbidden_path");
    assert_eq!(check(options(), "src/secret./x", Access::Read), "access_denied:forbidden_path");
    assert_eq!(check(options(), "src/Cargo.lock", Access::Write), "access_denied:forbidden_path");
    assert_eq!(check(options(), "src/secrets", Access::Write), "ok");
}

#[test]
fn case_27_a_rule_that_can_never_match_is_an_error() {
    for rule in
        ["", "/", "../x", "a/../b", "./a", "a//b", "~/x", "$HOME/x", "!a", "a\0", "x.", "a /b"]
    {
        let error = Policy::new(PolicyOptions::default().with_allow([rule])).unwrap_err();
        assert!(error.to_string().contains("never match"), "{rule}: {error}");
        assert!(Policy::new(PolicyOptions::default().with_forbid([rule])).is_err(), "{rule}");
    }
    for rule in [".git", ".git/config", "a/.env", "keys/id_rsa"] {
        assert!(Policy::new(PolicyOptions::default().with_allow([rule])).is_err(), "{rule}");
    }
    let both = PolicyOptions::default().with_allow(["venv/lib"]).with_forbid(["venv"]);
    assert!(Policy::new(both).is_err());
    assert!(Policy::new(PolicyOptions::default().with_allow(["a[b"])).is_err());
}

#[test]
fn defect_04_prefixes_are_whole_components() {
    // Never reaches a policy: it is no path.
    assert!(RepoPath::new("src/services/../../config/x").is_err());
    let options = || PolicyOptions::default().with_allow(["src"]).with_forbid(["config"]);
    assert_eq!(check(options(), "src2/x", Access::Write), "access_denied:not_in_allowed_paths");
    assert_eq!(
        check(options(), "configuration/x", Access::Write),
        "access_denied:not_in_allowed_paths"
    );
    assert_eq!(check(options(), "src/config/x", Access::Write), "access_denied:forbidden_path");
}

#[test]
fn options_are_checked_when_they_are_read() {
    assert!(serde_json::from_str::<PolicyOptions>(r#"{"allowed": []}"#).is_err());
    let options: PolicyOptions =
        serde_json::from_str(r#"{"allow": ["src"], "max_file_bytes": 10}"#).unwrap();
    let policy = Policy::new(options).unwrap();
    assert_eq!(policy.check_size(&path("src/a"), 11).unwrap_err().code(), "file_too_large");
}
