//! When a patch is called what.

use astraea_repair::{
    Candidate, Comparison, FailingTest, Language, Oracle, OracleError, Outcome, Report, Request,
    SourceFile, Verdict, search,
};

use crate::support::Judge;

const GOOD: &str = "def adult(age):\n    return age >= 18\n";
const TEXT: &str = "def adult(age):\n    return age > 18\n";

/// Knows which texts pass, and what to say when patches are compared.
struct Comparing<F> {
    judge: Judge<F>,
    /// The answer, given how many patches there are.
    says: fn(&[Candidate]) -> Comparison,
}

impl<F: Fn(&str) -> bool> Oracle for Comparing<F> {
    fn evaluate(&mut self, batch: &[Candidate]) -> Result<Vec<Verdict>, OracleError> {
        self.judge.evaluate(batch)
    }

    fn compare(&mut self, patches: &[Candidate]) -> Result<Comparison, OracleError> {
        Ok((self.says)(patches))
    }
}

fn found(passes: impl Fn(&str) -> bool, says: fn(&[Candidate]) -> Comparison) -> Report {
    let files = vec![SourceFile::new("age.py", TEXT)];
    let request =
        Request::new(Language::Python, files.clone(), vec![FailingTest::new("test_adult", "")]);
    search(&request, &mut Comparing { judge: Judge { files, passes }, says }).unwrap()
}

fn agree(_: &[Candidate]) -> Comparison {
    Comparison::Agree { inputs: 50 }
}

fn differ(patches: &[Candidate]) -> Comparison {
    Comparison::Disagree {
        groups: patches.iter().map(|patch| vec![patch.id]).collect(),
        input: "adult(age=30)".into(),
        results: patches.iter().map(|patch| patch.id.to_string()).collect(),
    }
}

#[test]
fn a_lone_patch_is_plausible_although_the_tests_reject_all_its_variations() {
    let report = found(|text| text == GOOD, differ);
    assert_eq!(report.outcome, Outcome::Plausible);
    assert_eq!(report.patches.len(), 1);
    assert_eq!(report.variations, report.variations_rejected);
    assert!(report.variations >= 12, "{}", report.variations);
    assert!(report.doubt.is_none());
}

#[test]
fn a_variation_that_passes_and_behaves_otherwise_is_a_doubt() {
    let passes = |text: &str| text == GOOD || text == GOOD.replace("age >= 18", "len(age >= 18)");
    let report = found(passes, differ);
    assert_eq!(report.outcome, Outcome::Plausible);
    assert_eq!(report.variations, report.variations_rejected + 1);
    assert_eq!(report.doubt.unwrap().input, "adult(age=30)");
    // the same, but it behaves like the patch
    let report = found(passes, agree);
    assert_eq!(report.outcome, Outcome::Verified);
    assert!(report.doubt.is_none());
}

#[test]
fn patches_that_differ_are_ambiguous_and_not_varied() {
    let passes =
        |text: &str| text.ends_with("return age >= 18\n") || text.ends_with("return age != 18\n");
    let report = found(passes, differ);
    assert_eq!(report.outcome, Outcome::Ambiguous);
    assert_eq!(report.variations, 0);
    assert_eq!(report.disagreement.unwrap().groups.len(), 2);
    assert_eq!(found(passes, agree).outcome, Outcome::Verified);
}

/// Passes the patch; all else runs out of time.
struct Slow(Judge<fn(&str) -> bool>);

impl Oracle for Slow {
    fn evaluate(&mut self, batch: &[Candidate]) -> Result<Vec<Verdict>, OracleError> {
        let verdicts = self.0.evaluate(batch)?.into_iter();
        Ok(verdicts.map(|v| if v == Verdict::pass() { v } else { Verdict::timed_out() }).collect())
    }

    fn compare(&mut self, _: &[Candidate]) -> Result<Comparison, OracleError> {
        Ok(Comparison::Agree { inputs: 50 })
    }
}

#[test]
fn variations_that_ran_out_of_time_were_not_rejected() {
    let files = vec![SourceFile::new("age.py", TEXT)];
    let request =
        Request::new(Language::Python, files.clone(), vec![FailingTest::new("test_adult", "")]);
    let passes: fn(&str) -> bool =
        |text| text == GOOD || text == GOOD.replace("age >= 18", "len(age >= 18)");
    let report = search(&request, &mut Slow(Judge { files, passes })).unwrap();
    assert_eq!((report.outcome, report.variations_rejected), (Outcome::Plausible, 0));
    assert!(report.variations > 12);
}

#[test]
fn where_too_many_variations_pass_to_be_compared_the_tests_do_not_hold_on() {
    // As if no test came near the limit; one patch, then two that agree.
    let report = found(|text| text.contains(">="), agree);
    assert_eq!(report.patches.len(), 1);
    assert!(report.variations - report.variations_rejected > 16, "{report:?}");
    assert_eq!(report.outcome, Outcome::Plausible);
    let report = found(|text| text.contains(">=") || text.contains("!="), agree);
    assert!(report.patches.len() > 1);
    assert_eq!(report.outcome, Outcome::Plausible);
}
