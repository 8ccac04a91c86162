//! What holds for every text.

use std::cell::RefCell;

use astraea_repair::schemata::{Plan, instrument};
use astraea_repair::{
    FailingTest, Language, Request, SearchOptions, SourceFile, localise, search, syntax, templates,
};
use proptest::prelude::*;

use crate::support::Judge;

/// Pieces of programs, so that the soup reaches the templates.
fn piece(language: Language) -> BoxedStrategy<String> {
    let known: &'static [&'static str] = match language {
        Language::Rust => &[
            "fn a(x: i32, y: &mut Vec<u8>) -> i32 { ",
            " }",
            "if x < 3 { return x; }",
            "let z = x + 1;",
            "y.push(2);",
            "for i in 0..=x { ",
            "match x { 1 => 2, _ => { 3 } }",
            "const K: u8 = 4;",
            "println!(\"{}\", x);",
            "#![warn(dead_code)]\n",
            "//! words\n",
            "#[test]\n",
            "mod m { ",
            "x",
            "?",
            "&mut ",
            "|a| a + x",
            "ünï",
            "\n",
            "\"",
            "'",
        ],
        _ => &[
            "def f(a, b=1):\n",
            "    return a[1:b]\n",
            "    if a < b:\n",
            "        a += 1\n",
            "class C:\n",
            "    def m(self): pass\n",
            "x = [1, 2]\n",
            "f\"{x}\"",
            "(",
            "é",
            "\r\n",
            "\t",
            "lambda q: q",
            "'''",
            "#c\n",
        ],
    };
    prop_oneof![4 => proptest::sample::select(known).prop_map(str::to_owned), 1 => ".{0,6}"].boxed()
}

fn soup(language: Language) -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(language), 0..14).prop_map(|parts| parts.concat())
}

fn request(language: Language, text: &str) -> Request {
    let files = vec![SourceFile::new("a", text)];
    Request::new(language, files, vec![FailingTest::new("t::f", "?")])
        .with_options(SearchOptions::default().with_max_candidates(60))
}

/// Whatever the text: no panic, nothing outside the spans changes, nothing parses worse.
fn law(language: Language, text: &str) -> Result<(), TestCaseError> {
    let request = request(language, text);
    let lines = localise::rank(&request).unwrap();
    let before = syntax::errors(language, text).unwrap();
    let candidates = templates::candidates(&request, &lines).unwrap();
    for candidate in &candidates {
        let edited = candidate.edited_text(&request.files).unwrap();
        for edit in &candidate.edits {
            prop_assert!(edited.starts_with(&text[..edit.range.start]));
            prop_assert!(edited.ends_with(&text[edit.range.end..]));
        }
        prop_assert_ne!(&edited, text);
        prop_assert!(syntax::errors(language, &edited).unwrap() <= before);
    }
    let seen = RefCell::new(0_u32);
    let mut oracle = Judge {
        files: request.files.clone(),
        passes: |_: &str| {
            *seen.borrow_mut() += 1;
            false
        },
    };
    let report = search(&request, &mut oracle).unwrap();
    prop_assert_eq!(report.tried, *seen.borrow());
    if language == Language::Rust {
        for trace in [false, true] {
            let built = instrument(&request.files, &candidates, &Plan::default().with_trace(trace))
                .unwrap();
            prop_assert_eq!(built.switched.len() + built.individual.len(), candidates.len());
            for file in &built.files {
                prop_assert!(syntax::errors(language, &file.text).unwrap() <= before);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rust(text in soup(Language::Rust)) {
        law(Language::Rust, &text)?;
    }

    #[test]
    fn python(text in soup(Language::Python)) {
        law(Language::Python, &text)?;
    }
}
