//! One bug each: the edit that mends it is among the candidates, and early.

use astraea_repair::{Language, Outcome};

use crate::support::find;

/// Replaces `right` by `wrong` in a program and looks for the way back.
fn check(language: Language, program: &str, right: &str, wrong: &str) {
    assert_eq!(program.matches(right).count(), 1, "{right} names one place");
    let broken = program.replace(right, wrong);
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let goal = squeezed(program);
    let report = find(language, &broken, "test_it", |text| squeezed(text) == goal);
    assert!(report.outcome.has_patch(), "{wrong} → {right}: {} tried", report.tried);
    assert!(report.tried <= 2000, "{wrong} → {right}: only after {}", report.tried);
}

#[test]
fn python() {
    const QUEUE: &str = "class Queue:\n    def __init__(self, most):\n        self.most = most\n        self.items = []\n\n    \
        def push(self, item):\n        if len(self.items) >= self.most:\n            return False\n        self.items.append(item)\n        \
        return True\n\n    def newest(self, count):\n        return self.items[-count:]\n";
    for (right, wrong) in [
        (">= self.most", "> self.most"),
        ("return False", "return True"),
        ("append(item)", "append(self)"),
        ("self.items[-count:]", "self.items[count:]"),
        ("        return True", "        return None"),
    ] {
        check(Language::Python, QUEUE, right, wrong);
    }
    const MEAN: &str = "def mean(values):\n    total = 0\n    for value in values:\n        total += value\n    return total / len(values)\n";
    for (right, wrong) in [("+= value", "-= value"), ("/ len", "* len"), ("total = 0", "total = 1")]
    {
        check(Language::Python, MEAN, right, wrong);
    }
}

#[test]
fn rust() {
    const SPAN: &str = "pub struct Span {\n    start: usize,\n    end: usize,\n}\n\nimpl Span {\n    pub fn holds(&self, at: usize) -> bool {\n        \
        at >= self.start && at < self.end\n    }\n\n    pub fn len(&self) -> usize {\n        if self.end <= self.start {\n            return 0;\n        \
        }\n        self.end - self.start\n    }\n}\n";
    for (right, wrong) in [
        ("at < self.end", "at <= self.end"),
        ("&&", "||"),
        ("self.end - self.start", "self.end + self.start"),
        ("self.end - self.start", "self.start - self.end"),
        ("at >= self.start", "at >= self.end"),
        ("return 0", "return 1"),
    ] {
        check(Language::Rust, SPAN, right, wrong);
    }
    const EVEN: &str = "pub fn odd(all: &[i64]) -> Vec<i64> {\n    let mut found = Vec::new();\n    for item in all {\n        if !is_even(*item) {\n            \
        found.push(*item);\n        }\n    }\n    found\n}\n\nfn is_even(item: i64) -> bool {\n    item % 2 == 0\n}\n";
    for (right, wrong) in [("!is_even", "is_even"), ("== 0", "!= 0"), ("% 2", "% 3")] {
        check(Language::Rust, EVEN, right, wrong);
    }
}

#[test]
fn tests_that_stand_beside_the_code_are_left_alone() {
    let text = "pub fn one() -> u32 { 1 }\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn test_it() {\n        assert_eq!(super::one(), 2);\n    }\n}\n";
    let report = find(Language::Rust, text, "tests::test_it", |text| {
        !text.contains("assert_eq!(super::one(), 2)")
    });
    assert_eq!(report.outcome, Outcome::NoPatch);
    assert!(report.suspicious.iter().all(|line| line.line == 1), "{:?}", report.suspicious);
}
