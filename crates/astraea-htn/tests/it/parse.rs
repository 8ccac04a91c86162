//! Reading and printing: what is accepted, and what the errors say.

use astraea_htn::{CompiledDomain, Source, parse_domain, parse_problem};
use expect_test::{Expect, expect};

use crate::support::{ROUNDS, compile, rounds};

fn errors(text: &str, expected: &Expect) {
    let shown = match CompiledDomain::from_hddl(text) {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn several_errors_each_with_its_place() {
    errors(
        "(define (domain d)
  (:types car)
  (:predicates (at ?c - car))
  (:task go :parameters (?c - car))
  (:method m :parameters (?c - car)
    :task (go ?c)
    :precondition (att ?c)
    :ordered-subtasks (and (drive ?d) (gp ?c)))
  (:action drive :parameters (?c - cart)))",
        &expect![[r#"
            error: unknown predicate `att`
             --> domain.hddl:7:20
              |
            7 |     :precondition (att ?c)
              |                    ^^^
              |
              = help: did you mean `at`?

            error: unknown variable `?d`
             --> domain.hddl:8:35
              |
            8 |     :ordered-subtasks (and (drive ?d) (gp ?c)))
              |                                   ^^
              |
              = help: did you mean `?c`?

            error: unknown task `gp`
             --> domain.hddl:8:40
              |
            8 |     :ordered-subtasks (and (drive ?d) (gp ?c)))
              |                                        ^^
              |
              = help: did you mean `go`?

            error: unknown type `cart`
             --> domain.hddl:9:36
              |
            9 |   (:action drive :parameters (?c - cart)))
              |                                    ^^^^
              |
              = help: did you mean `car`?"#]],
    );
}

#[test]
fn types_and_orderings() {
    errors(
        "(define (domain d) (:types a - b b - a))",
        &expect![[r#"
        error: type `a` is its own ancestor
         --> domain.hddl:1:28
          |
        1 | (define (domain d) (:types a - b b - a))
          |                            ^ part of a cycle
          |
          = help: remove one of the `-` that form the cycle

        error: type `b` is its own ancestor
         --> domain.hddl:1:34
          |
        1 | (define (domain d) (:types a - b b - a))
          |                                  ^ part of a cycle
          |
          = help: remove one of the `-` that form the cycle"#]],
    );
    errors(
        "(define (domain d) (:task t :parameters ()) (:action x)
  (:method m :parameters () :task (t)
    :subtasks (and (p (x)) (q (x))) :ordering (and (< p q) (< q p))))",
        &expect![[r#"
            error: the ordering of the subtasks is cyclic
             --> domain.hddl:3:55
              |
            3 |     :subtasks (and (p (x)) (q (x))) :ordering (and (< p q) (< q p))))
              |                                                       ^^^ `x` would have to come before itself
              |
              = help: remove one of the orderings on the cycle"#]],
    );
    errors(
        "(define (domain d) (:types a b) (:predicates (p ?x - a)) (:constants k - b)
  (:action x :parameters (?y - b) :precondition (and (p ?y) (p k) (p))))",
        &expect![[r#"
            error: `?y` is of type `b`, which is not a `a`, as predicate `p` wants
             --> domain.hddl:2:57
              |
            2 |   (:action x :parameters (?y - b) :precondition (and (p ?y) (p k) (p))))
              |                                                         ^^ expected `a`
              |
              = help: pass something of that type, or widen the declaration

            error: `k` is not a `a`, as predicate `p` wants
             --> domain.hddl:2:64
              |
            2 |   (:action x :parameters (?y - b) :precondition (and (p ?y) (p k) (p))))
              |                                                                ^ expected `a`
              |
              = help: pass something of that type, or widen the declaration

            error: predicate `p` takes 1 argument, not 0
             --> domain.hddl:2:68
              |
            2 |   (:action x :parameters (?y - b) :precondition (and (p ?y) (p k) (p))))
              |                                                                    ^
              |
              = help: it is declared as `(p a)`"#]],
    );
}

#[test]
fn forms_that_are_not_hddl() {
    errors(
        "",
        &expect![[r#"
        error: the text is empty; a domain was expected
         |
         = help: write `(define (domain name) …)`"#]],
    );
    errors(
        "(define (domain d)",
        &expect![[r#"
        error: this parenthesis is never closed
         --> domain.hddl:1:1
          |
        1 | (define (domain d)
          | ^
          |
          = help: add 1 `)`"#]],
    );
    errors(
        "(define (domain d)))",
        &expect![[r#"
        error: this parenthesis closes nothing
         --> domain.hddl:1:20
          |
        1 | (define (domain d)))
          |                    ^
          |
          = help: remove it, or add the `(` that it should close"#]],
    );
    errors(
        "(define (problem p))",
        &expect![[r#"
        error: this is not a domain
         --> domain.hddl:1:10
          |
        1 | (define (problem p))
          |          ^^^^^^^
          |
          = help: this is a problem file; a domain file was expected here"#]],
    );
    errors(
        "(define (domain d) (:actoin x))",
        &expect![[r#"
        error: unknown section `:actoin`
         --> domain.hddl:1:21
          |
        1 | (define (domain d) (:actoin x))
          |                     ^^^^^^^
          |
          = help: did you mean `:action`?"#]],
    );
}

#[test]
fn a_hundred_thousand_parentheses_are_an_error() {
    for text in ["(".repeat(100_000), "(".repeat(100_000) + &")".repeat(100_000)] {
        let error = CompiledDomain::from_hddl(&text).unwrap_err().to_string();
        assert!(error.contains("nested more than"), "{error}");
    }
    let deep = format!(
        "(define (domain d) (:predicates (p)) (:action a :precondition {}(p){}))",
        "(not ".repeat(200),
        ")".repeat(200)
    );
    assert!(CompiledDomain::from_hddl(&deep).is_ok());
}

#[test]
fn spellings() {
    for (subtasks, order) in [
        (":ordered-subtasks (and (x) (y))", ""),
        (":ordered-tasks (and (one (x)) (two (y)))", ""),
        (":subtasks (and (one (x)) (two (y)))", ":ordering (and (< one two))"),
        (":tasks (and (one (x)) (two (y)))", ":order (< one two)"),
        (":tasks (and (one (x)) (two (y)))", ":ORDER (one < two)"),
    ] {
        let domain = compile(&format!(
            "(DEFINE (DOMAIN d) (:task t :parameters ()) ( :action x ) (:action y)
               (:method m :parameters () :task (T) {subtasks} {order}))"
        ));
        let plan = crate::support::check(&domain, &domain.state(), "t");
        assert_eq!(plan, "(x) (y)");
    }
}

#[test]
fn letter_case_is_ignored_and_kept() {
    let domain = compile(
        "(define (domain d) (:types Room) (:predicates (Lit ?r - ROOM)) (:constants Hall - room)
           (:action Switch :parameters (?R - room) :precondition (not (LIT ?r)) :effect (lit ?R)))",
    );
    let state = domain.state();
    assert_eq!(crate::support::check(&domain, &state, "SWITCH HALL"), "(Switch Hall)");
    // Objects that a program declares are told apart by case.
    let mut state = state;
    state.add_object("A.py", "room").unwrap();
    state.add_object("a.py", "room").unwrap();
    state.add("lit A.py").unwrap();
    assert!(!state.holds("lit a.py"));
}

#[test]
fn a_problem_with_everything() {
    let (domain, ..) = rounds();
    let text = "(define (problem p) (:domain rounds)
        (:objects rob - robot hall a b c - room)
        (:htn :parameters (?x - room) :subtasks (and (t1 (visit rob ?x)) (t2 (sweep rob ?x))) :ordering (< t1 t2)
          :constraints (not (= ?x a)))
        (:init (at rob hall) (door hall a) (door hall b) (dirty a) (dirty b))
        (:goal (and (dirty a) (exists (?r - room) (not (dirty ?r))))))";
    let problem = domain.problem(Source { name: "p.hddl", text }).unwrap();
    let plan = domain.plan(&problem.state, &problem.tasks, &Default::default()).unwrap();
    domain.verify(&problem.state, &problem.tasks, &plan).unwrap();
    assert_eq!(plan.steps[1].atom().to_string(), "(sweep rob b)");
    let again = parse_problem(Source { name: "p", text }).unwrap();
    let printed = again.to_string();
    assert_eq!(parse_problem(Source { name: "p", text: &printed }).unwrap(), again);
}

#[test]
fn errors_of_a_problem() {
    let (domain, ..) = rounds();
    let text = "(define (problem p) (:domain rounds)
        (:objects rob - robot hall - rom)
        (:htn :subtasks (and (t1 (visit rob cellar))) :ordering (< t1 t3))
        (:init (at rob hall hall) (dirty rob) (dirty ?x)))";
    let error = domain.problem(Source { name: "p.hddl", text }).unwrap_err().to_string();
    assert!(error.contains("p.hddl:4:54"), "{error}");
    let text = text.replace("(dirty ?x)", "").replace("rom)", "room)");
    let error = domain.problem(Source { name: "p.hddl", text: &text }).unwrap_err().to_string();
    for part in [
        "takes 2 arguments, not 3",
        "not a `room`",
        "unknown object `cellar`",
        "no subtask is labelled `t3`",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn users_methods_extend_a_domain() {
    let own = "(define (domain mine)
        (:method jump :parameters (?r - robot ?from ?to - room) :task (visit ?r ?to) :cost 0.1
          :precondition (at ?r ?from) :ordered-subtasks (leap ?r ?from ?to))
        (:action leap :parameters (?r - robot ?a ?b - room) :precondition (at ?r ?a)
          :effect (and (not (at ?r ?a)) (at ?r ?b))))";
    let base = Source { name: "base.hddl", text: ROUNDS };
    let domain =
        CompiledDomain::from_sources(&[base, Source { name: "mine.hddl", text: own }]).unwrap();
    assert!(domain.has_action("leap") && domain.has_task("tour"));
    assert_eq!(domain.ast().name.text, "rounds");
    let wrong = own.replace("leap ?r ?from ?to", "leap ?r ?from");
    let error = CompiledDomain::from_sources(&[base, Source { name: "mine.hddl", text: &wrong }]);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("mine.hddl:3:"), "{error}");
}

#[test]
fn the_printer_keeps_the_cost() {
    let domain = parse_domain(Source { name: "d", text: ROUNDS }).unwrap();
    let printed = domain.to_string();
    assert!(printed.contains(":cost 0.2"));
    assert_eq!(parse_domain(Source { name: "d", text: &printed }).unwrap(), domain);
}

#[test]
fn warnings() {
    let domain = compile(
        "(define (domain d) (:task t :parameters ()) (:task loop :parameters ()) (:task gone :parameters ())
           (:method a :parameters () :task (loop) :ordered-subtasks (loop))
           (:method b :parameters () :task (t) :ordered-subtasks (gone))
           (:method c :parameters () :task (t) :ordered-subtasks ()))",
    );
    let messages: Vec<String> = domain
        .warnings()
        .iter()
        .map(|w| format!("{}:{} {}", w.line, w.column, w.message))
        .collect();
    expect![[r#"
        1:52 task `loop` can never be carried out
        1:80 no method refines task `gone`
        2:70 method `a` can never be used: its subtask `loop` cannot be carried out
        3:67 method `b` can never be used: its subtask `gone` cannot be carried out"#]]
    .assert_eq(&messages.join("\n"));
}

#[test]
fn texts_that_are_not_meant_well() {
    let long = "x".repeat(2_000_000);
    let error = CompiledDomain::from_hddl(&format!("(define (domain {long}))")).unwrap_err();
    assert!(error.to_string().len() < 1000);
    // Many errors in one long line: they are told in little space.
    let unknown = "(no_such_fact) ".repeat(50_000);
    let text =
        format!("(define (domain d) (:predicates (p)) (:action a :precondition (and {unknown})))");
    let error = CompiledDomain::from_hddl(&text).unwrap_err().to_string();
    assert!(error.len() < 20_000, "{}", error.len());
    assert!(error.contains("at domain.hddl:1:69"), "{error}");
    let error =
        CompiledDomain::from_hddl("(define (domain d) \u{1b}[31m)").unwrap_err().to_string();
    assert!(error.contains("control character 0x1b"), "{error}");
}
