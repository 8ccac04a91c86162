//! Where choices are made, and who is blamed.

use std::collections::BTreeSet;

use astraea_repair::schemata::{Blame, Instrumented, Plan, TRACE_MARK, instrument};
use astraea_repair::{Candidate, CandidateId, RepairError, SourceFile, SpanEdit, syntax};

/// Candidates that replace the n-th text by another, numbered from 1.
fn built(text: &str, changes: &[(&str, &str)], plan: &Plan) -> Instrumented {
    let files = [SourceFile::new("a.rs", text)];
    let candidates: Vec<Candidate> = changes
        .iter()
        .zip(1..)
        .map(|((old, new), id)| {
            let at = text.find(old).unwrap();
            let edit = SpanEdit {
                file: "a.rs".into(),
                range: at..at + old.len(),
                text: (*new).to_owned(),
            };
            Candidate { id: CandidateId(id), edits: vec![edit], template: "x", score: 1.0, line: 1 }
        })
        .collect();
    let built = instrument(&files, &candidates, plan).unwrap();
    for file in &built.files {
        assert_eq!(
            syntax::errors(astraea_repair::Language::Rust, &file.text).unwrap(),
            0,
            "{}",
            file.text
        );
    }
    built
}

fn text(built: &Instrumented) -> String {
    built.files[0].text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn choices_nest_and_share_their_place() {
    let built = built(
        "fn f(a: i32, b: i32) -> i32 {\n    let c = a * 2;\n    a - b + c\n}\n",
        &[(" - ", " + "), (" - ", " * "), ("+ c", "- c"), ("* 2", "* 3")],
        &Plan::default(),
    );
    assert_eq!(built.switched.len(), 4);
    let text = text(&built);
    assert!(text.contains("2u32 => "), "{text}");
    assert!(text.contains("4u32 => { __astra_v = (a * 3 ); }"), "{text}");
}

#[test]
fn constants_are_left_to_builds_of_their_own() {
    let built = built(
        "const A: u8 = 1;\nconst fn f() -> u8 { 2 }\nfn g(x: [u8; 3]) -> u8 { x[0] + 4 }\nstatic S: u8 = 5;\n",
        &[("1", "9"), ("2", "9"), ("3", "9"), ("4", "9"), ("5", "9")],
        &Plan::default(),
    );
    assert_eq!(built.individual, [1, 2, 3, 5].map(CandidateId));
    assert_eq!(built.switched.keys().copied().collect::<Vec<_>>(), [CandidateId(4)]);
}

#[test]
fn macros_and_patterns_are_chosen_whole() {
    let built = built(
        "fn f(x: u8) -> u8 {\n    assert!(x < 3, \"{}\", x);\n    match x {\n        1 => 7,\n        _ => 8,\n    }\n}\n",
        &[("x < 3", "x < 4"), ("1 =>", "2 =>")],
        &Plan::default(),
    );
    assert_eq!(built.switched.len(), 2);
    let text = text(&built);
    assert!(text.contains("assert!(x < 4, \"{}\", x);"), "{text}");
    assert!(text.contains("match x { 2 => 7, _ => 8, }"), "{text}");
}

#[test]
fn modules_reach_the_switch_of_their_file() {
    let built = built(
        "mod a {\n    mod b {\n        fn f() -> u8 { 1 }\n    }\n}\n",
        &[("1", "2")],
        &Plan::default(),
    );
    assert!(built.files[0].text.contains("super::super::__astra_switch()"));
}

#[test]
fn the_innermost_is_blamed() {
    let source = "fn f(a: i32) -> i32 {\n    let b = a + 1;\n    b\n}\n";
    let fine = built(source, &[("a + 1", "a - 1")], &Plan::default());
    let out = &fine.files[0].text;
    let at = out.find("a - 1").unwrap();
    assert_eq!(fine.blame("a.rs", at..at + 1), Blame::Candidate(CandidateId(1)));
    let at = out.find("a + 1").unwrap();
    assert_eq!(fine.blame("a.rs", at..at + 1), Blame::Choice(vec![CandidateId(1)]));
    let at = out.find("fn f").unwrap();
    assert_eq!(fine.blame("a.rs", at..at + 2), Blame::Function(vec![CandidateId(1)]));
    assert_eq!(fine.blame("a.rs", 0..1), Blame::Nobody);
    assert_eq!(fine.blame("b.rs", at..at + 2), Blame::Nobody);
    let coarse = built(
        source,
        &[("a + 1", "a - 1")],
        &Plan::default().with_coarse(BTreeSet::from([CandidateId(1)])),
    );
    assert!(text(&coarse).contains("1u32 => { let b = a - 1; b }"), "{}", text(&coarse));
}

#[test]
fn every_block_tells_that_it_ran_and_lines_stay_where_they_are() {
    let source = "//! Words.\n#![warn(dead_code)]\nfn f(a: bool) -> u8 {\n    if a {\n        1\n    } else {\n        2\n    }\n}\nconst fn g() {}\n";
    let built = built(source, &[], &Plan::default().with_trace(true));
    let lines: Vec<&[u32]> = built.sites.iter().map(|site| site.lines.as_slice()).collect();
    assert_eq!(lines, [&[3, 4, 6, 8, 9][..], &[5], &[7]]);
    let row = |text: &str, what: &str| text.lines().position(|line| line.contains(what));
    assert_eq!(row(&built.files[0].text, "if a"), row(source, "if a"));
    assert_eq!(built.site(&format!("{TRACE_MARK}1")).unwrap().lines, [5]);
    assert_eq!(built.site("anything"), None);
    assert_eq!(built.site(&format!("{TRACE_MARK}99")), None);
}

#[test]
fn what_does_not_fit_is_refused() {
    let edit = SpanEdit { file: "b.rs".into(), range: 0..1, text: String::new() };
    let stray = Candidate {
        id: CandidateId(1),
        edits: vec![edit.clone()],
        template: "x",
        score: 1.0,
        line: 1,
    };
    let files = [SourceFile::new("a.rs", "fn a() {}")];
    assert!(matches!(
        instrument(&files, std::slice::from_ref(&stray), &Plan::default()),
        Err(RepairError::UnknownFile { .. })
    ));
    let edit = SpanEdit { file: "a.rs".into(), range: 5..99, ..edit };
    let wide = Candidate { edits: vec![edit], ..stray };
    assert!(matches!(
        instrument(&files, &[wide], &Plan::default()),
        Err(RepairError::BadSpan { .. })
    ));
}
