//! What is printed of a domain or a problem reads back, and prints the same again.
#![no_main]

use astraea_htn::{Source, parse_domain, parse_problem};

fn source(text: &str) -> Source<'_> {
    Source { name: "fuzz", text }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(domain) = parse_domain(source(text)) {
        let printed = domain.to_string();
        let again = parse_domain(source(&printed)).expect("a printed domain reads back");
        assert_eq!(printed, again.to_string());
    }
    if let Ok(problem) = parse_problem(source(text)) {
        let printed = problem.to_string();
        let again = parse_problem(source(&printed)).expect("a printed problem reads back");
        assert_eq!(printed, again.to_string());
    }
});
