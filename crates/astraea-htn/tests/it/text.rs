//! Plans read from text: what is accepted, and what is wrong with the others.

use astraea_htn::{CompiledDomain, Error, FaultKind, Network, Options, Problem, Source};
use expect_test::{Expect, expect};

use crate::support::{compile, rounds};

/// Boxes are fetched in any order, each in two legs; a box may be there already.
const DOMAIN: &str = "(define (domain fetch) (:types box place - object crate - box)
  (:predicates (at ?b - box ?p - place) (held ?b - box) (free) (open ?p - place) (marked ?b - box))
  (:task all :parameters ()) (:task fetch :parameters (?b - box)) (:task pack :parameters (?c - crate))
  (:method both :parameters (?a ?b - box) :task (all) :precondition (and (marked ?a) (not (= ?a ?b)))
    :subtasks (and (x (fetch ?a)) (y (fetch ?b)) (z (lock))) :ordering (and (< x z) (< y z)))
  (:method take :parameters (?b - box ?p - place) :task (fetch ?b) :precondition (and (at ?b ?p) (free) (open ?p))
    :ordered-subtasks (and (grab ?b) (drop ?b)))
  (:method there :parameters (?b - box) :task (fetch ?b) :precondition (held ?b) :ordered-subtasks ())
  (:method wrap :parameters (?c - crate) :task (pack ?c) :ordered-subtasks (and (grab ?c) (lock)))
  (:action grab :parameters (?b - box) :precondition (free) :effect (and (not (free)) (held ?b)))
  (:action drop :parameters (?b - box) :precondition (held ?b) :effect (free))
  (:action lock :precondition (free)))";

fn problem(domain: &CompiledDomain, tasks: &str) -> Problem {
    let text = format!(
        "(define (problem p) (:domain fetch) (:objects a b - box c - crate hall attic - place)
           (:htn :parameters (?x - box) {tasks})
           (:init (at a hall) (at a attic) (open attic) (at b attic) (free) (marked a) (marked b)))"
    );
    domain.problem(Source { name: "p", text: &text }).unwrap()
}

/// What is said about a plan for the tasks.
fn judge(tasks: &str, plan: &str) -> Result<String, (Option<FaultKind>, String)> {
    let domain = compile(DOMAIN);
    let problem = problem(&domain, tasks);
    let plan = match domain.read_plan(&problem.state, &problem.tasks, plan) {
        Ok(plan) => plan,
        Err(Error::WrongPlan(fault)) => return Err((Some(fault.kind), fault.to_string())),
        Err(error) => return Err((None, error.to_string())),
    };
    match domain.verify(&problem.state, &problem.tasks, &plan) {
        Ok(()) => Ok(plan.to_tree()),
        Err(fault) => Err((Some(fault.kind), fault.to_string())),
    }
}

fn wrong(tasks: &str, plan: &str, kind: FaultKind, expected: &Expect) {
    let (found, text) = judge(tasks, plan).unwrap_err();
    expected.assert_eq(&text);
    assert_eq!(found, Some(kind), "{text}");
}

fn bad_file(plan: &str, expected: &Expect) {
    let (found, text) = judge(ALL, plan).unwrap_err();
    expected.assert_eq(&text);
    assert_eq!(found, None, "{text}");
}

const ALL: &str = ":ordered-subtasks (all)";

const GOOD: &str = "==>
0 grab a
1 drop a
2 grab b
3 drop b
4 lock
root 5
5 all -> both 6 7 4
6 fetch a -> take 0 1
7 fetch b -> take 2 3
<==
";

#[test]
fn every_plan_that_is_printed_reads_back() {
    let (domain, state, tasks) = rounds();
    let plan = domain.plan(&state, &tasks, &Options::default()).unwrap();
    let again = domain.read_plan(&state, &tasks, &plan.to_ipc()).unwrap();
    assert_eq!((&again.steps.len(), again.to_tree()), (&9, plan.to_tree()));
    domain.verify(&state, &tasks, &again).unwrap();
    let json = serde_json::to_string_pretty(&plan.to_json()).unwrap();
    assert_eq!(domain.read_plan(&state, &tasks, &json).unwrap(), plan);
}

#[test]
fn what_the_text_leaves_out_is_found() {
    expect![[r#"
        (all) by both
        ├─ (fetch a) by take
        │  ├─ (grab a) [step 0]
        │  └─ (drop a) [step 1]
        ├─ (fetch b) by take
        │  ├─ (grab b) [step 2]
        │  └─ (drop b) [step 3]
        └─ (lock) [step 4]
    "#]]
    .assert_eq(&judge(ALL, GOOD).unwrap());
    let domain = compile(DOMAIN);
    let p = problem(&domain, ALL);
    let plan = domain.read_plan(&p.state, &p.tasks, GOOD).unwrap();
    // The place is in no subtask: the hall is not open, so it was the attic.
    assert_eq!(plan.to_json()["tree"][1]["done"]["binding"][1][1], "attic");
}

#[test]
fn other_planners_spellings() {
    let log = "Parsing... (done)\n{\"time\": 3}\n==>\n0 old\n";
    let spelled = GOOD
        .replace("0 grab a", "; a remark\n\n  70:   (GRAB A)")
        .replace(" 0 1", "  70 1")
        .replace("root 5", "Root  5")
        .replace("all -> both 6 7 4", "(all) -> BOTH 4 7 6");
    judge(ALL, &format!("{log}{spelled}\nSTATUS: ok\n")).unwrap();
    judge(ALL, &spelled.replace('\n', "\r\n")).unwrap();
    // Roots, too, are matched with the tasks asked for.
    let roots = "==>\n1 grab c\n2 drop c\n3 lock\nroot 3 9\n9 fetch c -> take 1 2\n<==";
    let text = judge(":ordered-subtasks (and (fetch c) (lock))", roots).unwrap_err().1;
    assert!(text.contains("(at ?b ?p)") || text.contains("(at c"), "{text}");
    let roots = "==>\n1 grab b\n2 drop b\n3 lock\nroot 3 9\n9 fetch b -> take 1 2\n<==";
    judge(":ordered-subtasks (and (fetch b) (lock))", roots).unwrap();
}

#[test]
fn interleavings() {
    let both = ":tasks (and (fetch a) (fetch b))";
    // Held a is enough for a second fetch of it, but only between grab and drop.
    let tasks = ":tasks (and (fetch a) (fetch a))";
    let plan = |first: &str| {
        format!("==>\n0 grab a\n1 drop a\nroot 2 3\n2 fetch a -> {first}\n3 fetch a -> there\n<==")
    };
    judge(tasks, &plan("take 0 1")).unwrap();
    let ordered = ":ordered-subtasks (and (fetch a) (fetch a))";
    judge(ordered, &plan("take 0 1")).unwrap();
    let turned = plan("take 0 1").replace("root 2 3", "root 3 2");
    // The empty one is matched with the second task, where the other order has no moment for it.
    let asked = ":tasks (and (one (fetch a)) (two (fetch a))) :ordering (< two one)";
    judge(asked, &turned).unwrap();
    let mixed = "==>\n0 grab a\n1 grab b\n2 drop a\n3 drop b\nroot 4 5
        4 fetch a -> take 0 2\n5 fetch b -> take 1 3\n<==";
    wrong(
        both,
        mixed,
        FaultKind::ActionPrecondition,
        &expect!["step 1: (free) does not hold, so (grab b) cannot be executed"],
    );
}

#[test]
fn wrong_decompositions() {
    use FaultKind::{BadArguments, UnknownName, WrongMethod, WrongSubtasks};
    let spoil = |from: &str, to: &str, kind, expected: &Expect| {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD);
        wrong(ALL, &text, kind, expected);
    };
    spoil(
        "-> take 0 1",
        "-> wrap 0 1",
        WrongMethod,
        &expect!["method `wrap` refines (pack ?c) with these values, not (fetch a)"],
    );
    spoil("-> take 0 1", "-> tak 0 1", UnknownName, &expect!["there is no method `tak`"]);
    spoil(
        "0 grab a",
        "0 grap a",
        WrongSubtasks,
        &expect!["method `take` asks for (grab a), the plan has (grap a)"],
    );
    spoil(
        "6 fetch a",
        "6 fetsch a",
        WrongSubtasks,
        &expect!["method `both` asks for (fetch a), the plan has (fetsch a)"],
    );
    spoil(
        "0 grab a",
        "0 grab b",
        WrongSubtasks,
        &expect!["method `take` asks for (grab a), the plan has (grab b)"],
    );
    spoil(
        "0 grab a",
        "0 grab x",
        WrongSubtasks,
        &expect!["method `take` asks for (grab a), the plan has (grab x)"],
    );
    spoil(
        "0 grab a",
        "0 grab a b",
        WrongSubtasks,
        &expect!["method `take` asks for (grab a), the plan has (grab a b)"],
    );
    spoil(
        "0 grab a",
        "0 grab hall",
        WrongSubtasks,
        &expect!["method `take` asks for (grab a), the plan has (grab hall)"],
    );
    let missing = GOOD.replace("1 drop a\n", "").replace("take 0 1", "take 0");
    wrong(ALL, &missing, WrongSubtasks, &expect!["method `take` has 2 subtasks, the plan has 1"]);
    let more = GOOD.replace("4 lock\n", "4 lock\n8 lock\n").replace("6 7 4", "6 7 4 8");
    wrong(ALL, &more, WrongSubtasks, &expect!["method `both` has 3 subtasks, the plan has 4"]);
    // The problem leaves the box open, and the plan takes one that is no crate.
    let typed = "==>\n0 grab a\n1 lock\nroot 2\n2 pack a -> wrap 0 1\n<==";
    let open = ":tasks (and (pack ?x)) :constraints ()";
    wrong(open, typed, BadArguments, &expect!["`a` in (pack a) is not a `crate`"]);
    wrong(
        ":tasks (pack c)",
        typed,
        FaultKind::WrongRoots,
        &expect!["(pack c) was asked for, the plan carries out (pack a)"],
    );
    let roots = "==>\n0 grab hall\nroot 0\n<==";
    wrong(
        ":ordered-subtasks (grab a)",
        roots,
        FaultKind::WrongRoots,
        &expect!["(grab a) was asked for, the plan carries out (grab hall)"],
    );
}

#[test]
fn wrong_trees() {
    let spoil = |from: &str, to: &str, expected: &Expect| {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD);
        wrong(ALL, &text, FaultKind::BrokenTree, expected);
    };
    spoil(
        "take 0 1",
        "take 0 99",
        &expect!["(fetch a) has the subtask 99, which no line of the plan gives"],
    );
    spoil(
        "take 0 1",
        "take 0 2",
        &expect!["(fetch b) has the subtask 2, which is part of another task already"],
    );
    spoil(
        "take 0 1",
        "take 0 6",
        &expect!["(fetch a) has the subtask 6, which is part of another task already"],
    );
    spoil(
        "root 5",
        "root 5 5",
        &expect!["the line `root` has the id 5, which is part of another task already"],
    );
    spoil(
        "root 5",
        "root 50",
        &expect!["the line `root` has the id 50, which no line of the plan gives"],
    );
    spoil(
        "both 6 7 4",
        "both 5 7 4",
        &expect!["(all) has the subtask 5, which is part of another task already"],
    );
    spoil("1 drop a", "0 drop a", &expect!["line 3: the id 0 is given twice"]);
    spoil("6 fetch a", "4 fetch a", &expect!["line 9: the id 4 is given twice"]);
    spoil(
        "4 lock\n",
        "4 lock\n8 lock\n",
        &expect!["step 5: line 7: (lock) is not part of any task"],
    );
    spoil(
        "<==",
        "8 fetch a -> there\n<==",
        &expect!["line 11: the task 8 (fetch a) belongs to no root"],
    );
    spoil(
        "<==",
        "8 fetch a -> there 9\n9 fetch a -> there 8\n<==",
        &expect!["line 11: the task 8 (fetch a) is a part of itself"],
    );
    wrong(
        ALL,
        "==>\nroot\n<==",
        FaultKind::WrongRoots,
        &expect!["1 tasks were asked for, the plan has 0"],
    );
    wrong(
        ALL,
        "==>\n4 lock\nroot 4\n<==",
        FaultKind::WrongRoots,
        &expect!["(all) was asked for, the plan carries out (lock)"],
    );
}

#[test]
fn wrong_moments() {
    use FaultKind::{ActionPrecondition, Goal, MethodPrecondition, WrongOrder};
    let order = GOOD.replace("0 grab a\n1 drop a", "1 drop a\n0 grab a");
    wrong(ALL, &order, WrongOrder, &expect!["(grab a) must be finished before (drop a) begins"]);
    let early = GOOD.replace("4 lock\n", "").replace("==>\n", "==>\n4 lock\n");
    wrong(ALL, &early, WrongOrder, &expect!["(fetch a) must be finished before (lock) begins"]);
    let held = "==>\n0 drop a\nroot 0\n<==";
    wrong(
        ":ordered-subtasks (drop a)",
        held,
        ActionPrecondition,
        &expect!["step 0: (held a) does not hold, so (drop a) cannot be executed"],
    );
    let empty = "==>\nroot 2\n2 fetch a -> there\n<==";
    wrong(
        ":ordered-subtasks (fetch a)",
        empty,
        MethodPrecondition,
        &expect!["(held a) does not hold, so method `there` cannot refine (fetch a) after 0 steps"],
    );
    let closed = "==>\n0 grab c\n1 drop c\nroot 2\n2 fetch c -> take 0 1\n<==";
    wrong(
        ":ordered-subtasks (fetch c)",
        closed,
        MethodPrecondition,
        &expect![
            "(at c hall) does not hold, so method `take` cannot refine (fetch c) after 0 steps"
        ],
    );
    let domain = compile(DOMAIN);
    let mut p = problem(&domain, ALL);
    p.tasks = p.tasks.with_goal(astraea_htn::ast::Formula::no_fact("held a"));
    let plan = domain.read_plan(&p.state, &p.tasks, GOOD).unwrap();
    assert_eq!(domain.verify(&p.state, &p.tasks, &plan).unwrap_err().kind, Goal);
}

#[test]
fn files_that_are_no_plans() {
    bad_file("", &expect!["not a plan: line 1: no line `==>` is there; a plan begins with it"]);
    bad_file(
        "no plan found\n",
        &expect!["not a plan: line 1: no line `==>` is there; a plan begins with it"],
    );
    bad_file(
        "==>\n0 grab a\n1 drop",
        &expect!["not a plan: line 3: the text ends before `<==`; it seems to be cut off"],
    );
    bad_file(
        "==>\n0 grab a\n<==",
        &expect!["not a plan: line 3: the plan ends without a line `root …` that names its tasks"],
    );
    bad_file(
        "==>\nroot 0\nroot 0\n<==",
        &expect!["not a plan: line 3: a second line `root`; one plan has one"],
    );
    bad_file(
        "==>\nx grab a\nroot 0\n<==",
        &expect!["not a plan: line 2: `x` is not an id; ids are whole numbers"],
    );
    bad_file(
        "==>\n-1 grab a\nroot 0\n<==",
        &expect!["not a plan: line 2: `-1` is not an id; ids are whole numbers"],
    );
    bad_file(
        "==>\n99999999999999999999999 grab a\nroot 0\n<==",
        &expect![
            "not a plan: line 2: `99999999999999999999999` is not an id; ids are whole numbers"
        ],
    );
    bad_file("==>\n0\nroot 0\n<==", &expect!["not a plan: line 2: no name after the id"]);
    bad_file(
        "==>\nroot 0\n0 grab a\n<==",
        &expect![
            "not a plan: line 3: `0 …` is a task without ` -> method ids`; actions stand above the line `root`"
        ],
    );
    bad_file("==>\nroot 0\n0 all ->\n<==", &expect!["not a plan: line 3: no method after `->`"]);
    bad_file(
        "==>\nroot 0 one\n<==",
        &expect!["not a plan: line 2: `one` is not an id; ids are whole numbers"],
    );
    bad_file(
        "{\"steps\": 3}",
        &expect![
            "not a plan: line 1: invalid type: integer `3`, expected a sequence at line 1 column 11; this begins like JSON, but is not what `Plan::to_json` gives"
        ],
    );
    bad_file(
        "{\"steps\": [",
        &expect![
            "not a plan: line 1: EOF while parsing a list at line 1 column 11; this begins like JSON, but is not what `Plan::to_json` gives"
        ],
    );
}

#[test]
fn a_long_plan_is_read_at_once() {
    // A chain of twenty thousand tasks, each inside the one before it.
    let domain = compile(
        "(define (domain d) (:predicates (p)) (:task t :parameters ())
           (:method more :parameters () :task (t) :ordered-subtasks (and (a) (t)))
           (:method end :parameters () :task (t) :ordered-subtasks ()) (:action a))",
    );
    let count = 20_000;
    let mut text = String::from("==>\n");
    for i in 0..count {
        text += &format!("{i} a\n");
    }
    text += &format!("root {count}\n");
    for i in 0..count {
        text += &format!("{} t -> more {i} {}\n", count + i, count + i + 1);
    }
    text += &format!("{} t -> end\n<==\n", 2 * count);
    let (state, tasks) = (domain.state(), Network::task("t"));
    let plan = domain.read_plan(&state, &tasks, &text).unwrap();
    domain.verify(&state, &tasks, &plan).unwrap();
    assert_eq!(plan.to_ipc(), text);
}
