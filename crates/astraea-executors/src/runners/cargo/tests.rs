//! Recorded outputs of cargo and what they mean.

use super::*;
use crate::evidence::Verdict;
use crate::runners::tests_support::{NoTree, ran, surroundings};
use crate::runners::{Ended, RunnerKind};

fn check(out: &str, ended: Ended) -> TestReport {
    let runner = Runner {
        kind: RunnerKind::Cargo,
        dir: String::new(),
        why: String::new(),
        words: vec![],
        paths: vec![],
    };
    runner.parse(&surroundings(), &ran(ended, out, ""), &NoTree)
}

const GREEN: &str = "\
   Compiling calc v0.1.0 (/w)
    Finished `test` profile [unoptimized] target(s) in 0.5s
     Running unittests src/lib.rs (target/debug/deps/calc-0123456789abcdef)

running 2 tests
test tests::adds ... ok
test tests::slow ... ignored, takes a day

test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/it.rs (target/debug/deps/it-0123456789abcdef)

running 1 test
test panics - should panic ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests calc

running 1 test
test src/lib.rs - add (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.20s
";

#[test]
fn every_binary_and_the_doctests_are_read() {
    let report = check(GREEN, Ended::Code(0));
    let ids: Vec<&str> = report.outcomes.keys().map(TestId::as_str).collect();
    assert_eq!(
        ids,
        ["calc doc src/lib.rs - add", "calc::tests::adds", "calc::tests::slow", "it::panics"]
    );
    assert!(report.passed());
    assert_eq!(in_binary("calc doc src/lib.rs - add #2"), "src/lib.rs - add");
    assert_eq!(in_binary("calc::tests::adds"), "tests::adds");
}

#[test]
fn a_doctest_keeps_its_name_when_its_line_moves() {
    let run = |first: usize| {
        let out = format!(
            "   Doc-tests calc\n\nrunning 2 tests\ntest src/lib.rs - add (line {}) ... ok\ntest src/lib.rs - add (line {}) ... FAILED\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.20s\n",
            first,
            first + 90
        );
        check(&out, Ended::Code(101))
    };
    let (before, after) = (run(9), run(11));
    assert_eq!(before.outcomes, after.outcomes);
    let ids: Vec<&str> = after.failing().map(TestId::as_str).collect();
    assert_eq!(ids, ["calc doc src/lib.rs - add #2"]);
}

#[test]
fn a_failure_keeps_what_it_said() {
    let out = "    Finished
     Running unittests src/lib.rs (target/debug/deps/calc-0123456789abcdef)

running 1 test
test tests::adds ... FAILED

failures:

---- tests::adds stdout ----
thread 'tests::adds' panicked at src/lib.rs:9:9:
assertion `left == right` failed

failures:
    tests::adds

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass `--lib`
";
    let report = check(out, Ended::Code(101));
    assert_eq!(report.verdict(), Verdict::Failed);
    let said = &report.details[&TestId::from("calc::tests::adds")];
    assert!(said.contains("src/lib.rs:9:9"), "{said}");
}

#[test]
fn a_compile_error_is_a_collection_error() {
    let out = "\
   Compiling calc v0.1.0 (/w)
error[E0308]: mismatched types
 --> src/lib.rs:2:5
error: could not compile `calc` (lib test) due to 1 previous error
";
    let report = check(out, Ended::Code(101));
    assert_eq!(report.verdict(), Verdict::CollectionError);
    assert!(report.collection_errors[0].message.contains("E0308"));
    assert_eq!(report.collection_errors[0].what, "calc (lib test)");
}

#[test]
fn a_binary_that_dies_is_never_a_pass() {
    let out = "    Finished
     Running unittests src/lib.rs (target/debug/deps/calc-0123456789abcdef)

running 2 tests
test tests::adds ... ok

thread 'tests::deep' has overflowed its stack
error: test failed, to rerun pass `--lib`
";
    let report = check(out, Ended::Code(101));
    assert_eq!(report.verdict(), Verdict::CollectionError);
    assert!(!report.complete);
}

#[test]
fn outcomes_that_do_not_add_up_are_never_a_pass() {
    let out = "    Finished
     Running unittests src/lib.rs (target/debug/deps/calc-0123456789abcdef)

running 2 tests
test tests::adds ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
    assert_eq!(check(out, Ended::Code(0)).verdict(), Verdict::CollectionError);
}

#[test]
fn a_test_that_prints_on_one_thread_is_still_read() {
    let out = "    Finished
     Running unittests src/lib.rs (target/debug/deps/calc-0123456789abcdef)

running 1 test
test tests::adds ... hello
ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
    assert!(check(out, Ended::Code(0)).passed());
}

#[test]
fn two_packages_with_one_test_name_stay_apart() {
    let artifact = |package: &str, exe: &str| {
        format!(
            "{{\"reason\":\"compiler-artifact\",\"package_id\":\"path+file:///w/{package}#0.1.0\",\"target\":{{\"kind\":[\"test\"],\"name\":\"it\"}},\"profile\":{{\"test\":true}},\"executable\":\"/w/target/debug/deps/{exe}\"}}\n"
        )
    };
    let section = |exe: &str| {
        format!(
            "     Running tests/it.rs (target/debug/deps/{exe})\n\nrunning 1 test\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0s\n"
        )
    };
    let out = artifact("x", "it-1") + &artifact("y", "it-2") + &section("it-1") + &section("it-2");
    let report = check(&out, Ended::Code(0));
    let ids: Vec<&str> = report.outcomes.keys().map(TestId::as_str).collect();
    assert_eq!(ids, ["x/it::a", "y/it::a"]);
}

#[test]
fn a_binary_without_libtest_has_its_exit_for_an_outcome() {
    let out = "     Running tests/plain.rs (target/debug/deps/plain-1)\nfine\n";
    assert!(check(out, Ended::Code(0)).passed());
    let out = format!("{out}error: test failed, to rerun pass `--test plain`\n");
    assert_eq!(check(&out, Ended::Code(101)).verdict(), Verdict::Failed);
}
