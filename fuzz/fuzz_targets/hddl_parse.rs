//! Any text is read, or refused with a report; nothing panics. A domain that compiles also reads the text as a problem.
#![no_main]

use astraea_htn::{CompiledDomain, Source, parse_problem};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let source = Source { name: "fuzz", text };
    if let Err(report) = parse_problem(source) {
        let _ = report.to_string();
    }
    match CompiledDomain::from_standard(source) {
        Ok(domain) => {
            let _ = domain.problem(source);
        }
        Err(error) => {
            let _ = error.to_string();
        }
    }
});
