//! From plan to graph: steps become tasks, and only what must wait waits.
//!
//! An edge stands where a step produces a fact that another needs, or would destroy one that it
//! relies on (the planner knows), and where what a step writes overlaps what another reads or
//! writes (their declarations say). Everything else runs together.

use std::collections::BTreeMap;

use astraea_htn::{Atom, CompiledDomain, Plan, State};
use astraea_taskgraph::{Task, TaskId, globs_overlap};
use serde_json::{Map, Value, json};

use crate::context::GoalContext;
use crate::hints::Hints;

/// The task that every plan starts from.
pub(crate) const OBSERVE: &str = "observe";

/// Actions that change files.
const EDITS: &[&str] = &[
    "create_file",
    "modify_code",
    "delete_file",
    "repair",
    "apply_fixes",
    "format",
    "apply_rules",
    "rename",
    "scaffold",
    "characterise",
    "shell_command",
    "design_implementation",
    "write_file",
    "write_code",
    "fix_issues",
];
/// Actions of a chat model that the domain may name.
const MODEL: [&str; 3] = ["design_implementation", "write_code", "fix_issues"];
/// Actions that judge what others did.
const CHECKS: &[&str] =
    &["run_tests", "pytest", "npm_test", "build", "check_output", "verify_state"];

/// Every action that there is an executor for.
pub(crate) const ACTIONS: &[&str] = &[
    "create_file",
    "modify_code",
    "delete_file",
    "repair",
    "apply_fixes",
    "format",
    "apply_rules",
    "rename",
    "scaffold",
    "characterise",
    "shell_command",
    "bash",
    "run_tests",
    "pytest",
    "npm_test",
    "build",
    "check_output",
    "verify_state",
    "commit",
    "push",
    "pull_request",
    "design_implementation",
    "write_code",
    "fix_issues",
];

/// Whether an action changes files.
pub(crate) fn is_edit(action: &str) -> bool {
    EDITS.contains(&action) || action == "bash"
}

/// Whether an action judges what others did, so that its failure speaks against them.
pub(crate) fn is_check(action: &str) -> bool {
    CHECKS.contains(&action)
}

/// What lowering needs to know about the goal.
#[derive(Debug, Clone)]
pub(crate) struct Lowering<'a> {
    pub(crate) context: &'a GoalContext,
    /// The goal task.
    pub(crate) goal: &'a str,
    /// The goal in words.
    pub(crate) text: &'a str,
    pub(crate) goal_id: &'a str,
    pub(crate) run: &'a str,
    /// The tests that matter; empty means all.
    pub(crate) tests: &'a [String],
    /// The tests that failed before.
    pub(crate) failing: &'a [String],
    /// Actions of the user's own, and whether they edit.
    pub(crate) custom: &'a BTreeMap<String, bool>,
    /// The longest that one task may take, in milliseconds.
    pub(crate) timeout_ms: u64,
    /// Whether there is a model, which needs time when a search has found nothing.
    pub(crate) model: bool,
    /// What ways that failed have left behind.
    pub(crate) hints: &'a Hints,
}

/// Makes the tasks of a plan, each with the tasks it waits for; the first wait for `observe`.
pub(crate) fn lower(
    domain: &CompiledDomain,
    state: &State,
    plan: &Plan,
    how: &Lowering<'_>,
) -> Vec<(Task, Vec<TaskId>)> {
    let edits = plan.steps.iter().any(|step| {
        let action = step.action.as_str().to_lowercase();
        is_edit(&action) || how.custom.get(&action) == Some(&true)
    });
    let scaffold = plan.steps.iter().any(|step| step.action.eq_ignore_ascii_case("scaffold"));
    // Where nothing is edited the tests have to pass as they are, which is what no demand means.
    let written = plan.steps.iter().any(|step| MODEL.contains(&&*step.action.to_lowercase()));
    let require = if scaffold {
        Some("scaffold")
    } else if !edits {
        None
    } else if how.goal == "fix_bug" && !how.failing.is_empty() {
        Some("improve")
    } else if written && matches!(how.goal, "implement_feature" | "add_tests") {
        // What a model adds has to be shown by a test that was not there.
        Some("grow")
    } else {
        Some("hold")
    };

    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let tasks: Vec<Task> = plan
        .steps
        .iter()
        .map(|step| {
            let action = step.action.as_str().to_lowercase();
            let count = seen.entry(action.clone()).or_default();
            *count += 1;
            let id = if *count == 1 { action.clone() } else { format!("{action}-{count}") };
            task(id, &action, &step.atom(), require, how)
        })
        .collect();

    let mut waits = vec![vec![false; tasks.len()]; tasks.len()];
    for link in domain.dependencies(state, plan) {
        if let Some(cell) = waits.get_mut(link.after).and_then(|row| row.get_mut(link.before)) {
            *cell = true;
        }
    }
    for later in 0..tasks.len() {
        for earlier in 0..later {
            let (a, b) = (&tasks[earlier], &tasks[later]);
            // What is delivered is everything that was done and judged before, whatever the domain says.
            if b.action == "commit"
                || overlap(&a.writes, &b.writes)
                || overlap(&a.writes, &b.reads)
                || overlap(&a.reads, &b.writes)
            {
                waits[later][earlier] = true;
            }
        }
    }
    reduce(&mut waits);

    let ids: Vec<TaskId> = tasks.iter().map(|task| task.id.clone()).collect();
    tasks
        .into_iter()
        .zip(waits)
        .map(|(task, row)| {
            let mut after: Vec<TaskId> = row
                .iter()
                .zip(&ids)
                .filter(|(waits, _)| **waits)
                .map(|(_, id)| id.clone())
                .collect();
            if after.is_empty() {
                after.push(TaskId::from(OBSERVE));
            }
            (task, after)
        })
        .collect()
}

fn overlap(a: &[String], b: &[String]) -> bool {
    a.iter().any(|a| b.iter().any(|b| globs_overlap(a, b)))
}

/// Drops the edges that follow from others, so that the graph shows only what matters.
fn reduce(waits: &mut [Vec<bool>]) {
    let n = waits.len();
    if n > 256 {
        return;
    }
    let direct = waits.to_vec();
    // Steps are in a total order, so reachability grows from the front.
    let mut reach = direct.clone();
    for later in 0..n {
        for middle in 0..later {
            if direct[later][middle] {
                let through = reach[middle].clone();
                for (cell, through) in reach[later].iter_mut().zip(through) {
                    *cell |= through;
                }
            }
        }
    }
    for later in 0..n {
        for earlier in 0..later {
            let through =
                (earlier + 1..later).any(|middle| direct[later][middle] && reach[middle][earlier]);
            if direct[later][earlier] && through {
                waits[later][earlier] = false;
            }
        }
    }
}

fn task(id: String, action: &str, atom: &Atom, require: Option<&str>, how: &Lowering<'_>) -> Task {
    let context = how.context;
    let mut args = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            args.insert(name.to_owned(), value);
        }
    };
    let everything = || vec!["**".to_owned()];
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    match action {
        "create_file" | "modify_code" | "delete_file" => {
            let path = context.resolve(atom, 0);
            if let Some(path) = path.as_ref().and_then(Value::as_str) {
                let glob = literal(path);
                reads.push(glob.clone());
                writes.push(glob);
            }
            put("path", path);
            if action != "delete_file" {
                let slot = atom.args.first().map(|arg| arg.as_str()).unwrap_or_default();
                let content = match slot.strip_suffix("_path") {
                    Some("file") | None => "new_content".to_owned(),
                    Some(stem) => format!("{stem}_content"),
                };
                put("content", context.value(&content).cloned());
                if action == "modify_code" && context.value(&content).is_none() {
                    put("search", context.value("search").cloned());
                    put("replace", context.value("replace").cloned());
                }
            }
        }
        "scaffold" => {
            put("what", atom.args.first().map(|what| json!(what.to_lowercase())));
            for name in ["feature_name", "description", "language"] {
                put(name, context.value(name).cloned());
            }
            put("path", context.value("file_path").cloned());
            if !how.text.is_empty() && context.value("description").is_none() {
                put("description", Some(json!(how.text)));
            }
            (reads, writes) = (everything(), everything());
        }
        "repair" => {
            // candidates that disagree are kept on branches that name the goal
            for (name, value) in whose(how) {
                put(name, Some(value));
            }
            put("description", Some(json!(how.text)));
            put("tests", Some(json!(how.tests)));
            put("error_log", context.value("error_log").cloned());
            (reads, writes) = (everything(), everything());
        }
        "characterise" => {
            put("paths", context.value("file_path").cloned());
            put("test_path", context.value("test_path").cloned());
            put("description", Some(json!(how.text)));
            (reads, writes) = (everything(), everything());
        }
        "apply_rules" => {
            put("rules", context.value("rules").cloned());
            (reads, writes) = (everything(), everything());
        }
        "design_implementation" | "write_code" | "fix_issues" => {
            for (name, value) in whose(how) {
                put(name, Some(value));
            }
            put("require", require.map(|require| json!(require)));
            put("tests", Some(json!(wanted(require, how))));
            put("context", Some(Value::Object(told(context))));
            put("protected", given_tests(context).map(|path| json!([path])));
            put("hints", (how.hints != &Hints::default()).then(|| json!(how.hints)));
            (reads, writes) = (everything(), everything());
        }
        "rename" => {
            for (name, value) in
                context.value("rename").and_then(Value::as_object).into_iter().flatten()
            {
                put(name, Some(value.clone()));
            }
            (reads, writes) = (everything(), everything());
        }
        "apply_fixes" | "format" => (reads, writes) = (everything(), everything()),
        "run_tests" | "pytest" | "npm_test" => {
            put("require", require.map(|require| json!(require)));
            put("tests", Some(json!(wanted(require, how))));
            reads = everything();
        }
        "check_output" => {
            put("command", context.resolve(atom, 0));
            put("expect_stdout", context.value("expect_stdout").cloned());
            put("expect_exit", context.value("expect_exit").cloned());
            reads = everything();
        }
        "build" => {
            put("tool", context.value("build_tool").cloned());
            put("artifacts", context.value("artifacts").cloned());
            reads = everything();
        }
        "verify_state" => {
            // `expect` of the context: files, absent, patterns, json, facts
            for (name, value) in
                context.value("expect").and_then(Value::as_object).into_iter().flatten()
            {
                put(name, Some(value.clone()));
            }
            reads = everything();
        }
        "shell_command" | "bash" => {
            put("command", context.resolve(atom, 0));
            (reads, writes) = (everything(), everything());
        }
        "pull_request" => {
            for (name, value) in whose(how) {
                put(name, Some(value));
            }
        }
        "push" => {}
        "commit" => {
            for (name, value) in whose(how) {
                put(name, Some(value));
            }
            put("run", Some(json!(how.run)));
            put("message", context.value("message").cloned());
            reads = everything();
        }
        _ => {
            if let Some(edits) = how.custom.get(action) {
                let given: Vec<Value> =
                    (0..atom.args.len()).filter_map(|at| context.resolve(atom, at)).collect();
                put("arguments", Some(json!(given)));
                if *edits {
                    writes = everything();
                }
            }
            reads = everything();
        }
    }
    let timeout_ms = match action {
        // what the search leaves of the time is the model's
        "repair" if how.model => how.timeout_ms / 5 * 2,
        "repair" | "characterise" => how.timeout_ms,
        _ if MODEL.contains(&action) => how.timeout_ms,
        _ => how.timeout_ms.min(300_000),
    };
    Task::new(id, action)
        .with_args(Value::Object(args))
        .with_reads(reads)
        .with_writes(writes)
        .with_timeout_ms(timeout_ms.max(1))
}

/// The tests that have to pass. A bug is mended when the tests that showed it pass: all of them, or those that were named.
fn wanted(require: Option<&str>, how: &Lowering<'_>) -> Vec<String> {
    if require == Some("improve") && how.tests.is_empty() {
        return how.failing.to_vec();
    }
    let mut tests = how.tests.to_vec();
    if require == Some("grow")
        && let Some(path) = given_tests(how.context)
        // runners whose tests are named by their file
        && [".py", ".js", ".mjs", ".cjs", ".ts"].iter().any(|ending| path.ends_with(ending))
    {
        tests.push(path.to_owned());
    }
    tests
}

/// The file of the acceptance tests that the caller gives.
fn given_tests(context: &GoalContext) -> Option<&str> {
    context.value("test_content")?;
    context.text("test_path")
}

/// What a model is told of the caller's context: words and lists, no contents of files and no facts.
fn told(context: &GoalContext) -> Map<String, Value> {
    const NOT: [&str; 8] = [
        "new_content",
        "test_content",
        "search",
        "replace",
        "tests",
        "base",
        "message",
        "template",
    ];
    let Value::Object(all) = context.to_value() else { return Map::new() };
    all.into_iter()
        .filter(|(name, value)| {
            !NOT.contains(&name.as_str()) && (value.is_string() || value.is_array())
        })
        .collect()
}

/// Gives the tasks that follow a design to it, because they wait for the files that only it will name: it adds them to the
/// graph when it has.
pub(crate) fn deferred(mut tasks: Vec<(Task, Vec<TaskId>)>) -> Vec<(Task, Vec<TaskId>)> {
    let Some(at) = tasks.iter().position(|(task, _)| task.action == "design_implementation") else {
        return tasks;
    };
    let mut following = vec![tasks[at].0.id.clone()];
    let mut then = Vec::new();
    let rest = tasks.split_off(at + 1);
    for (task, after) in rest {
        if after.iter().any(|id| following.contains(id)) {
            following.push(task.id.clone());
            then.push((task, after));
        } else {
            tasks.push((task, after));
        }
    }
    tasks[at].0.args["then"] = json!(then);
    tasks
}

/// A glob that matches exactly this path.
fn literal(path: &str) -> String {
    if path.contains(['*', '?', '[', ']', '{', '}', '\\']) {
        "**".to_owned()
    } else {
        path.to_owned()
    }
}

/// What a task that makes a branch says about the goal it is for.
fn whose(how: &Lowering<'_>) -> [(&'static str, Value); 3] {
    [("goal_id", json!(how.goal_id)), ("goal", json!(how.goal)), ("goal_text", json!(how.text))]
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use crate::context::GoalContext;
    use crate::domain::CodingDomain;
    use crate::planning::{Planner, Tried};

    fn check(goal: &str, context: serde_json::Value, facts: serde_json::Value, want: Expect) {
        let planner = Planner {
            domain: CodingDomain::load(Vec::new()).unwrap(),
            context: GoalContext::new(&context).unwrap(),
            goal: goal.to_owned(),
            text: "in words".to_owned(),
            goal_id: "g".to_owned(),
            run: "r".to_owned(),
            tests: Vec::new(),
            timeout_ms: 60_000,
            missing: Vec::new(),
            learned: Default::default(),
        };
        let seen = json!({ "facts": facts, "failing": ["t::bad"] });
        let planned = planner.plan("plan-1", &seen, &Tried::default()).unwrap();
        let mut out = String::new();
        for (task, after) in &planned.tasks {
            let after: Vec<_> = after.iter().map(ToString::to_string).collect();
            out.push_str(&format!("{} <- {} {}\n", task.id, after.join(" "), task.args));
        }
        want.assert_eq(&out);
    }

    #[test]
    fn defect_06_two_files_wait_for_nothing_but_the_look_at_the_repository() {
        check(
            "implement_feature",
            json!({"file_path": "a.py", "content": "x = 1", "test_path": "t.py", "test_content": "y"}),
            json!({"has_codebase": true}),
            expect![[r#"
                create_file <- observe {"content":"x = 1","path":"a.py"}
                create_file-2 <- observe {"content":"y","path":"t.py"}
                run_tests <- create_file create_file-2 {"require":"hold","tests":[]}
                commit <- run_tests {"goal":"implement_feature","goal_id":"g","goal_text":"in words","run":"r"}
            "#]],
        );
    }

    #[test]
    fn two_writes_of_one_file_keep_their_order() {
        check(
            "implement_feature",
            json!({"file_path": "a.py", "content": "x = 1", "test_path": "a.py", "test_content": "y"}),
            json!({"has_codebase": true}),
            expect![[r#"
                create_file <- observe {"content":"x = 1","path":"a.py"}
                create_file-2 <- create_file {"content":"y","path":"a.py"}
                run_tests <- create_file-2 {"require":"hold","tests":[]}
                commit <- run_tests {"goal":"implement_feature","goal_id":"g","goal_text":"in words","run":"r"}
            "#]],
        );
    }

    #[test]
    fn a_repair_has_to_improve_and_a_scaffold_may_fail() {
        check(
            "fix_bug",
            json!({}),
            json!({"has_test_framework": true, "tests_failing": true, "repairer_available": true}),
            expect![[r#"
                repair <- observe {"description":"in words","goal":"fix_bug","goal_id":"g","goal_text":"in words","tests":[]}
                run_tests <- repair {"require":"improve","tests":["t::bad"]}
                commit <- run_tests {"goal":"fix_bug","goal_id":"g","goal_text":"in words","run":"r"}
            "#]],
        );
        check(
            "add_tests",
            json!({}),
            json!({"language": "python"}),
            expect![[r#"
                scaffold <- observe {"description":"in words","what":"tests"}
                run_tests <- scaffold {"require":"scaffold","tests":[]}
                commit <- run_tests {"goal":"add_tests","goal_id":"g","goal_text":"in words","run":"r"}
            "#]],
        );
    }
}
