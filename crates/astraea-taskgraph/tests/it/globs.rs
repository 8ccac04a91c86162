//! The overlap of globs never misses one: two globs that match the same path overlap.

use astraea_taskgraph::globs_overlap;
use proptest::prelude::*;

/// A matcher of the plainest kind, on characters.
fn matches(glob: &[char], path: &[char]) -> bool {
    match glob {
        [] => path.is_empty(),
        ['*', '*', '/', rest @ ..] => {
            matches(rest, path)
                || (0..path.len()).any(|n| path[n] == '/' && matches(rest, &path[n + 1..]))
        }
        ['*', '*', rest @ ..] => (0..=path.len()).any(|n| matches(rest, &path[n..])),
        ['*', rest @ ..] => (0..=path.len())
            .take_while(|n| *n == 0 || path[n - 1] != '/')
            .any(|n| matches(rest, &path[n..])),
        ['?', rest @ ..] => path.first().is_some_and(|c| *c != '/') && matches(rest, &path[1..]),
        ['[', 'a', 'b', ']', rest @ ..] => {
            matches!(path.first(), Some('a' | 'b')) && matches(rest, &path[1..])
        }
        ['{', 'a', ',', 'b', '}', rest @ ..] => {
            matches!(path.first(), Some('a' | 'b')) && matches(rest, &path[1..])
        }
        [c, rest @ ..] => path.first() == Some(c) && matches(rest, &path[1..]),
    }
}

fn glob() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("a"), 4 => Just("b"), 2 => Just("*"), 1 => Just("?"),
        1 => Just("[ab]"), 1 => Just("{a,b}"),
    ];
    let segment = prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat());
    let segment = prop_oneof![3 => segment, 1 => Just("**".to_owned())];
    prop::collection::vec(segment, 1..4).prop_map(|segments| segments.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_overlap_is_never_missed(
        a in glob(), b in glob(), path in "[ab]{1,3}(/[ab]{1,3}){0,3}"
    ) {
        let of = |text: &str| text.chars().collect::<Vec<char>>();
        if matches(&of(&a), &of(&path)) {
            prop_assert!(globs_overlap(&a, &path));
            if matches(&of(&b), &of(&path)) {
                prop_assert!(globs_overlap(&a, &b));
            }
        }
        prop_assert_eq!(globs_overlap(&a, &b), globs_overlap(&b, &a));
        prop_assert!(globs_overlap(&a, &a));
    }

    #[test]
    fn any_text_is_taken(a in ".{0,12}", b in ".{0,12}") {
        prop_assert_eq!(globs_overlap(&a, &b), globs_overlap(&b, &a));
        prop_assert!(globs_overlap(&a, &a), "{}", a);
    }
}
