//! The verifier against plans that are wrong in every way.

use astraea_htn::{Atom, Done, FaultKind, Network, Options, Plan, State, Word};

use crate::support::{compile, rounds};

fn good() -> (astraea_htn::CompiledDomain, State, Network, Plan) {
    let (domain, state, tasks) = rounds();
    let plan = domain.plan(&state, &tasks, &Options::default()).unwrap();
    (domain, state, tasks, plan)
}

/// Spoils the plan and says what the verifier makes of it.
fn spoil(spoil: impl FnOnce(&mut Plan)) -> (FaultKind, String) {
    let (domain, state, tasks, mut plan) = good();
    domain.verify(&state, &tasks, &plan).unwrap();
    spoil(&mut plan);
    let fault = domain.verify(&state, &tasks, &plan).unwrap_err();
    (fault.kind, fault.to_string())
}

/// The node of a task.
fn node(plan: &Plan, task: &str) -> usize {
    plan.tree.iter().position(|n| n.task == Atom::from(task)).unwrap()
}

/// Swaps two steps with everything that points to them.
fn swap(plan: &mut Plan, a: usize, b: usize) {
    plan.steps.swap(a, b);
    for node in &mut plan.tree {
        if let Done::Step { step } = &mut node.done {
            *step = if *step == a {
                b
            } else if *step == b {
                a
            } else {
                *step
            };
        }
    }
}

fn method(
    plan: &mut Plan,
    task: &str,
    f: impl FnOnce(&mut Word, &mut Vec<(Word, Word)>, &mut smallvec::SmallVec<[usize; 4]>, &mut usize),
) {
    let id = node(plan, task);
    if let Done::Method { method, binding, children, at } = &mut plan.tree[id].done {
        f(method, binding, children, at);
    }
}

#[test]
fn broken_trees() {
    use FaultKind::BrokenTree;
    assert_eq!(spoil(|p| p.roots.push(99)).0, BrokenTree);
    assert_eq!(spoil(|p| p.roots.push(0)).0, BrokenTree);
    assert_eq!(spoil(|p| p.tree[0].parent = Some(1)).0, BrokenTree);
    assert_eq!(spoil(|p| p.tree[2].parent = None).0, BrokenTree);
    assert_eq!(spoil(|p| method(p, "clean rob a", |_, _, c, _| c[0] = 500)).0, BrokenTree);
    assert_eq!(spoil(|p| method(p, "clean rob a", |_, _, c, _| c[0] = c[1])).0, BrokenTree);
    assert_eq!(spoil(|p| p.steps[0].node = 0).0, BrokenTree);
    assert_eq!(spoil(|p| p.steps[0].method = Some("clean_room".into())).0, BrokenTree);
    assert_eq!(spoil(|p| p.steps[0].args[2] = "b".into()).0, BrokenTree);
    let extra = |p: &mut Plan| p.steps.push(p.steps[0].clone());
    assert_eq!(spoil(extra).1, "step 9: (move rob hall a) is not part of any task");
    let orphan = |p: &mut Plan| p.tree.push(p.tree[0].clone());
    assert_eq!(spoil(orphan).0, BrokenTree);
    let cycle = |p: &mut Plan| {
        let child = node(p, "clean rob a");
        method(p, "clean rob a", |_, _, c, _| c[0] = child);
    };
    assert_eq!(spoil(cycle).0, BrokenTree);
}

#[test]
fn other_tasks_than_asked_for() {
    assert_eq!(spoil(|p| p.roots.clear()).0, FaultKind::BrokenTree);
    let (kind, text) = spoil(|p| p.tree[0].task = Atom::from("clean rob a"));
    assert_eq!(kind, FaultKind::WrongRoots);
    assert_eq!(text, "(tour rob) was asked for, the plan carries out (clean rob a)");
}

#[test]
fn names_that_are_not_there() {
    use FaultKind::UnknownName;
    assert_eq!(
        spoil(|p| method(p, "clean rob a", |m, _, _, _| *m = "magic".into())).0,
        UnknownName
    );
    assert_eq!(spoil(|p| p.tree[0].task.args[0] = "bob".into()).0, UnknownName);
    let action = |p: &mut Plan| {
        let n = p.steps[0].node;
        p.tree[n].task.name = "fly".into();
    };
    assert_eq!(spoil(action).0, FaultKind::WrongSubtasks);
    let value = |p: &mut Plan| method(p, "clean rob a", |_, b, _, _| b[1].1 = "attic".into());
    assert_eq!(spoil(value).0, UnknownName);
}

#[test]
fn methods_that_do_not_fit() {
    use FaultKind::{BadArguments, WrongMethod, WrongSubtasks};
    assert_eq!(spoil(|p| method(p, "clean rob a", |m, _, _, _| *m = "step".into())).0, WrongMethod);
    assert_eq!(
        spoil(|p| method(p, "clean rob a", |_, b, _, _| b[1].1 = "c".into())).0,
        WrongMethod
    );
    assert_eq!(spoil(|p| method(p, "clean rob a", |_, b, _, _| b.clear())).0, WrongMethod);
    assert_eq!(
        spoil(|p| method(p, "clean rob a", |_, b, _, _| b[1].1 = "rob".into())).0,
        BadArguments
    );
    let reversed = |p: &mut Plan| method(p, "clean rob a", |_, _, c, _| c.reverse());
    assert_eq!(spoil(reversed).0, WrongSubtasks);
    let task = |p: &mut Plan| {
        let id = node(p, "clean rob c");
        p.tree[id].task = Atom::from("clean rob a");
    };
    assert_eq!(spoil(task).0, WrongSubtasks);
}

#[test]
fn fewer_subtasks_than_the_method_asks_for() {
    let (kind, text) = spoil(|p| {
        // Take the last step and its leaf out; the leaf behind it moves up.
        let step = p.steps.pop().unwrap();
        assert_eq!(step.node, 14);
        p.tree.remove(14);
        p.steps[6].node = 14;
        method(p, "visit rob b", |_, _, c, _| c[0] = 14);
        method(p, "clean rob b", |_, _, c, _| {
            c.pop();
        });
    });
    assert_eq!(kind, FaultKind::WrongSubtasks);
    assert_eq!(text, "method `clean_room` has 3 subtasks, the plan has 2");
}

#[test]
fn orders_that_are_not_kept() {
    let (kind, text) = spoil(|p| swap(p, 1, 2));
    assert_eq!(kind, FaultKind::WrongOrder);
    assert_eq!(text, "(sweep rob a) must be finished before (report rob a) begins");
    assert_eq!(
        spoil(|p| method(p, "visit rob c", |_, _, _, at| *at = 99)).0,
        FaultKind::WrongOrder
    );
    assert_eq!(spoil(|p| method(p, "visit rob c", |_, _, _, at| *at = 4)).0, FaultKind::WrongOrder);
    assert_eq!(spoil(|p| method(p, "visit rob c", |_, _, _, at| *at = 2)).0, FaultKind::WrongOrder);
}

#[test]
fn preconditions_that_do_not_hold() {
    let (domain, mut state, tasks, plan) = good();
    state.remove("door c b").unwrap();
    let fault = domain.verify(&state, &tasks, &plan).unwrap_err();
    assert_eq!(fault.kind, FaultKind::MethodPrecondition);
    assert_eq!(
        fault.what,
        "(door c b) does not hold, so method `step` cannot refine (visit rob b) after 6 steps"
    );
    let domain = compile(
        "(define (domain d) (:predicates (p) (q)) (:task t :parameters ())
           (:method m :parameters () :task (t) :ordered-subtasks (and (a) (b)))
           (:action a :effect (p)) (:action b :precondition (and (p) (not (q)))))",
    );
    let tasks = Network::task("t");
    let mut state = domain.state();
    let plan = domain.plan(&state, &tasks, &Options::default()).unwrap();
    state.add("q").unwrap();
    let fault = domain.verify(&state, &tasks, &plan).unwrap_err();
    assert_eq!((fault.kind, fault.step), (FaultKind::ActionPrecondition, Some(1)));
    assert_eq!(fault.to_string(), "step 1: (not (q)) does not hold, so (b) cannot be executed");
}

#[test]
fn goal_and_cost() {
    let (domain, state, tasks, plan) = good();
    let goal = astraea_htn::ast::Formula::fact("dirty b");
    let fault = domain.verify(&state, &tasks.with_goal(goal), &plan).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Goal);
    assert_eq!(spoil(|p| p.cost += 1.0).0, FaultKind::Cost);
}
