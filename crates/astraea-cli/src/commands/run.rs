//! `astra run` and `astra resume`: carry a goal out, show how it goes, print what came of it.

use astraea_goals::{Astra, Envelope, ExecuteGoal, GoalResult, Outcome, PublishReport, Watch};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    args::{Global, Goal, Publish, Spending},
    commands::{Allowed, open_with, push},
    failure::Failure,
    output,
    progress::Progress,
};

/// `astra run`.
///
/// # Errors
/// What keeps the goal from being taken up.
pub(crate) async fn run(global: &Global, goal: &Goal, publish: &Publish) -> Result<u8, Failure> {
    let request = request(goal)?;
    let astra = open_with(
        global,
        &Allowed { shell: goal.allow_shell, hosts: &goal.hosts },
        &goal.spending,
    )?;
    let wanted = push::wanted(&astra, publish);
    let request = scoped(&astra, request).with_publishing(wanted.0, wanted.1);
    let goes = &astra;
    let result =
        watched(global, |watch| async move { goes.execute_goal(request, &watch).await }).await?;
    match push::after(&astra, &result, wanted).await {
        Ok(published) => {
            print_result(global, &result, published.as_ref())?;
            Ok(result.exit_code.max(published.as_ref().map_or(0, push::code)))
        }
        Err(failure) => {
            print_result(global, &result, None)?;
            Err(failure)
        }
    }
}

/// `astra resume`.
///
/// # Errors
/// When there is no such run, or it is alive.
pub(crate) async fn resume(
    global: &Global,
    run: Option<&str>,
    spending: &Spending,
) -> Result<u8, Failure> {
    let astra = open_with(global, &Allowed { shell: false, hosts: &[] }, spending)?;
    let result = watched(global, |watch| async move { astra.resume(run, &watch).await }).await?;
    print_result(global, &result, None)?;
    Ok(result.exit_code)
}

/// The request that the arguments make.
///
/// # Errors
/// When the context is not JSON, or a limit is out of range.
pub(crate) fn request(goal: &Goal) -> Result<ExecuteGoal, Failure> {
    let mut request = ExecuteGoal::new(&goal.goal).with_tests(goal.tests.iter().cloned());
    if let Some(context) = &goal.context {
        let context: Value = serde_json::from_str(context).map_err(|error| {
            Failure::new(2, format!("--context is not JSON: {error}; quote it as one argument"))
        })?;
        request = request.with_context(context);
    }
    if let Some(timeout) = goal.timeout {
        request = request.with_timeout_ms(timeout);
    }
    if let Some(base) = &goal.base {
        request = request.with_base(base);
    }
    request.check()?;
    Ok(request)
}

/// Narrows a request to the directory that the command was started in.
pub(crate) fn scoped(astra: &Astra, request: ExecuteGoal) -> ExecuteGoal {
    match astra.directory() {
        Some(directory) => request.with_directory(directory),
        None => request,
    }
}

/// Runs `work` while showing its events; Ctrl-C stops it in order, so that it can be resumed.
pub(crate) async fn watched<T, F>(global: &Global, work: impl FnOnce(Watch) -> F) -> T
where
    F: Future<Output = T>,
{
    let (sender, mut receiver) = mpsc::unbounded_channel::<Envelope>();
    let watch = Watch { events: Some(sender), ..Watch::default() };
    let cancel = watch.cancel.clone();
    let mut progress = Progress::new(global.quiet || global.json);
    let json = global.json;
    let show = move |event: &Envelope, progress: &mut Progress| {
        if json && let Ok(value) = serde_json::to_value(event) {
            let _ = output::json(&value);
        }
        progress.show(event);
    };
    let work = work(watch);
    tokio::pin!(work);
    let mut interrupted = false;
    let value = loop {
        tokio::select! {
            biased;
            Some(event) = receiver.recv() => show(&event, &mut progress),
            _ = tokio::signal::ctrl_c(), if !interrupted => {
                interrupted = true;
                eprintln!("astra: stopping; what has finished is kept");
                cancel.cancel();
            }
            value = &mut work => break value,
        }
    };
    while let Ok(event) = receiver.try_recv() {
        show(&event, &mut progress);
    }
    progress.finish();
    value
}

/// Prints a result: the last line of JSON, or the report and what to do next.
///
/// # Errors
/// When stdout cannot be written.
pub(crate) fn print_result(
    global: &Global,
    result: &GoalResult,
    published: Option<&PublishReport>,
) -> Result<(), Failure> {
    if result.outcome == Outcome::NoPlan {
        // the report on stdout has the rest
        eprintln!("astra: {}", result.summary.lines().next().unwrap_or_default());
    }
    if global.json {
        let mut value = result.to_json();
        if let Some(object) = value.as_object_mut() {
            object.insert("v".into(), json!(astraea_goals::ENVELOPE_VERSION));
            object.insert("type".into(), json!("result"));
            if let Some(published) = published {
                object.insert("published".into(), json!(published));
            }
        }
        return output::json(&value);
    }
    let mut text = result.to_text();
    if let Some(branch) = &result.branch {
        text.push_str(&format!(
            "\nlook: astra diff {branch}\ntake: astra apply {branch}   (back: astra undo)\n"
        ));
        if let Some(published) = published {
            text.push_str(&format!("\n{}", published.to_text()));
        }
    } else if result.alternatives.iter().any(|one| one.branch.is_some()) {
        text.push_str("\nThe candidates disagree; choose one:\n");
        for branch in result.alternatives.iter().filter_map(|one| one.branch.as_ref()) {
            text.push_str(&format!("look: astra diff {branch}   take: astra apply {branch}\n"));
        }
    } else if result.outcome.is_resumable() {
        text.push_str(&format!("\ngo on: astra resume {}\n", result.run));
    }
    output::text(&text)
}
