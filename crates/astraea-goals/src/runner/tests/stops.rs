//! Deadlines, kills, resumes, and the events of a run.

use super::*;

#[tokio::test(start_paused = true)]
async fn defect_07_the_timeout_holds_and_the_run_can_be_resumed() {
    let mut world = World::new("fix_bug");
    world.hangs = Some("repair");
    world.timeout_ms = 1_000;
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::TimedOut, 5));
    world.hangs = None;
    let start = Start::Resume { graphs: 1, plans: BTreeMap::new(), prelude: Vec::new() };
    let again = world.drive(Some(start)).await;
    assert_eq!(again.outcome, Outcome::Verified, "{}", again.to_text());
    let observed = world.asked().iter().filter(|task| task.ends_with("observe")).count();
    assert_eq!(observed, 1, "what had finished does not run again");
}

/// A later plan gets what is left of the time; when it is resumed it gets the whole again.
#[tokio::test(start_paused = true)]
async fn defect_07_a_later_plan_is_stopped_too_and_has_time_again_when_resumed() {
    let edit = json!({ "file_path": "a.py", "search": "x", "replace": "y" });
    let mut world = World::new("fix_bug").context(edit).on("run_tests", |cx| {
        if cx.graph.as_str() == "plan-1" {
            Answer::Failed(Failure::new(ErrorClass::TestFailure, "1 test failed"))
        } else {
            Answer::Succeeded(Output::of(tests_say(GREEN)))
        }
    });
    world.hangs = Some("repair");
    world.timeout_ms = 1_000;
    let result = world.run().await;
    assert_eq!((result.outcome, result.replans), (Outcome::TimedOut, 1), "{}", result.to_text());
    world.hangs = None;
    let records = world.journal.inner.records();
    let plan = records.iter().find(|record| record.kind == REPLANNED).unwrap();
    let plan: crate::planning::PlanRecord =
        serde_json::from_value(plan.payload["plan"].clone()).unwrap();
    let plans = [("plan-2".to_owned(), plan)].into();
    let again = world.drive(Some(Start::Resume { graphs: 2, plans, prelude: Vec::new() })).await;
    assert_eq!(again.outcome, Outcome::Verified, "{}", again.to_text());
}

/// The process may die after any commit: what is in the journal then is enough to go on, and
/// nothing that had finished runs again.
#[tokio::test]
async fn a_run_that_was_killed_after_any_commit_goes_on() {
    let script = |cx: &TaskContext| {
        if cx.graph.as_str() == "plan-1" {
            Answer::Failed(
                Failure::new(ErrorClass::TestFailure, "1 failed")
                    .with_output(Output::of(tests_say(FAILING))),
            )
        } else {
            Answer::Succeeded(Output::of(tests_say(GREEN)))
        }
    };
    let world = || {
        World::new("fix_bug")
            .context(json!({ "file_path": "a.py", "search": "x", "replace": "y" }))
            .on("run_tests", script)
    };
    let whole = world();
    assert!(whole.run().await.success);
    let records = whole.journal.inner.records();
    let ends = whole.journal.ends.lock().unwrap().clone();
    assert!(ends.len() >= 7, "{ends:?}");
    for cut in ends {
        let after = world();
        let kept = &records[..cut];
        if kept.iter().all(|record| record.kind != "graph_started") {
            continue;
        }
        for record in kept {
            let new = NewRecord {
                run: record.run.clone(),
                graph: record.graph.clone(),
                kind: record.kind.clone(),
                payload: record.payload.clone(),
            };
            after.journal.append(vec![new]).await.unwrap();
        }
        if kept.iter().any(|record| record.kind == GOAL_FINISHED) {
            continue;
        }
        let graphs = kept.iter().filter(|record| record.kind == "graph_started").count();
        let plans = kept
            .iter()
            .filter(|record| record.kind == REPLANNED)
            .map(|record| serde_json::from_value(record.payload["plan"].clone()).unwrap())
            .map(|plan: crate::planning::PlanRecord| (plan.plan_id.clone(), plan))
            .collect();
        let result = after.drive(Some(Start::Resume { graphs, plans, prelude: Vec::new() })).await;
        assert!(result.success, "after {cut} records: {}", result.to_text());
        for record in kept.iter().filter(|record| record.kind == "task_succeeded") {
            let name = format!(
                "{}/{}",
                record.graph.as_ref().unwrap(),
                record.payload["task"].as_str().unwrap()
            );
            assert!(!after.asked().contains(&name), "after {cut} records {name} ran again");
        }
    }
}

#[tokio::test]
async fn what_stops_a_run_is_no_failure() {
    let world = World::new("fix_bug");
    let cancel = world.cancel.clone();
    let world = world.on("repair", move |_| {
        cancel.cancel();
        Answer::Succeeded(Output::of(json!({ "outcome": "verified" })))
    });
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::Interrupted, 130));
}

#[tokio::test]
async fn every_event_is_as_the_schema_says() {
    let world = World::new("fix_bug")
        .context(json!({ "file_path": "a.py", "search": "x", "replace": "y" }))
        .on("run_tests", |cx| {
            if cx.graph.as_str() == "plan-1" {
                Answer::Failed(Failure::new(ErrorClass::TestFailure, "1 test failed"))
            } else {
                Answer::Succeeded(Output::of(tests_say(GREEN)))
            }
        });
    world.run().await;
    let announced = world.announced.lock().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for envelope in announced.iter().flat_map(Envelope::from_record) {
        let Some((_, fields)) = Envelope::types().iter().find(|(name, _)| *name == envelope.kind)
        else {
            assert!(envelope.kind.starts_with("goal_"), "{envelope:?}");
            continue;
        };
        let known =
            |name: &str| fields.iter().any(|(field, _)| field.trim_end_matches('?') == name);
        for field in envelope.fields.keys() {
            assert!(known(field), "{} has an undeclared field {field}", envelope.kind);
        }
        for (field, ty) in fields.iter().filter(|(field, _)| !field.ends_with('?')) {
            let value = envelope
                .fields
                .get(*field)
                .unwrap_or_else(|| panic!("{} lacks {field}", envelope.kind));
            let fits = match *ty {
                "string" => value.is_string(),
                "string?" => value.is_string() || value.is_null(),
                "strings" => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
                "integer" => value.is_u64(),
                "number" => value.is_number(),
                "boolean" => value.is_boolean(),
                "object" => value.is_object(),
                _ => true,
            };
            assert!(fits, "{}.{field} is {value}, not {ty}", envelope.kind);
        }
        seen.insert(envelope.kind.clone());
    }
    for kind in [
        "goal_started",
        "observed",
        "planned",
        "replanned",
        "delivered",
        "goal_finished",
        "task_failed",
        "task_aborted",
        "graph_finished",
    ] {
        assert!(seen.contains(kind), "{kind}");
    }
}
