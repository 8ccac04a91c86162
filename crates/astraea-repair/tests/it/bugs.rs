//! One bug each: the edit that mends it is among the candidates, and early.

use astraea_repair::{FailingTest, Language, Outcome, Request, SourceFile, search};

use crate::support::{Judge, find};

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
fn python_one_idea_of_each_kind() {
    for (program, right, wrong) in [
        (
            "def pages(n, size):\n    return (n + size - 1) // size\n",
            "(n + size - 1) // size",
            "n // size",
        ),
        (
            "def same(a, b):\n    return sorted(a) == sorted(b)\n",
            "sorted(a) == sorted(b)",
            "a == b",
        ),
        (
            "def power(base, n, k):\n    return base ** len(k)\n",
            "base ** len(k)",
            "base ** n * len(k)",
        ),
        ("def total(row):\n    return sum(row)\n", "sum(row)", "row[0]"),
        ("def opens(c):\n    return c == '['\n", "'['", "'('"),
        ("def digest(text, f):\n    return f(text)\n", "f(text)", "f('text')"),
        (
            "def best(rows):\n    most = 0\n    for row in rows:\n        most = max(most, row)\n    return most\n",
            "max(most, row)",
            "row",
        ),
        ("def steps():\n    return [1, 3, 5, 7, 9]\n", "5, 7", "7"),
        ("def upper(c):\n    return 65 <= ord(c) <= 90\n", "<= 90", "<= 99"),
        (
            "def digits(n):\n    out = []\n    while n:\n        out.append(n % 10)\n        n = n // 10\n    print(n // 10)\n    return out\n",
            "        n = n // 10\n",
            "",
        ),
    ] {
        check(Language::Python, program, right, wrong);
    }
}

#[test]
fn the_same_text_in_several_places_is_one_idea() {
    let program = "def mark(found):\n    if not found:\n        return \"no\"\n    if len(found) > 9:\n        return \"no\"\n    return found[0]\n";
    let broken = program.replace("\"no\"", "\"n\"");
    let report = find(Language::Python, &broken, "test_it", |text| {
        !text.contains("\"n\"") && text.matches("\"\"").count() == 2
    });
    assert!(report.outcome.has_patch(), "{} tried", report.tried);
}

#[cfg(feature = "javascript")]
#[test]
fn javascript_functions_that_are_bound_to_a_name() {
    const BELOW: &str = "const below = (all, most) => {\n  for (const one of all)\n    if (one >= most) return false;\n  return true;\n};\n";
    for (right, wrong) in
        [("return false", "return true"), (">= most", "> most"), ("one >=", "most >=")]
    {
        check(Language::JavaScript, BELOW, right, wrong);
    }
    const UNIQUE: &str = "const unique = (all) => {\n  return [...new Set(all)];\n};\n";
    check(Language::JavaScript, UNIQUE, "[...new Set(all)]", "all");
    // what is turned round in two places of the function
    let broken = BELOW.replace("false", "FALSE").replace("true", "false").replace("FALSE", "true");
    let report = find(Language::JavaScript, &broken, "test_it", |text| text == BELOW);
    assert!(report.outcome.has_patch(), "{} tried", report.tried);
}

#[test]
fn a_loop_that_does_not_end_is_given_its_step_first() {
    let text = "def halve(n):\n    out = []\n    while n:\n        out.append(n % 2)\n        print(n // 2, len(out), sum(out))\n    return out\n";
    let tried = |endless: bool| {
        let files = vec![SourceFile::new("code.py", text)];
        let failing = vec![FailingTest::new("test_it", "")];
        let request = Request::new(Language::Python, files.clone(), failing).with_endless(endless);
        let passes = |text: &str| text.contains("n = n // 2");
        search(&request, &mut Judge { files, passes }).unwrap().tried
    };
    assert!(tried(true) < tried(false));
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
