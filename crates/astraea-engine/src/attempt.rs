//! One attempt at one task: hooks, time limit, stop, panics.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use astraea_taskgraph::TaskId;
use tokio::{sync::mpsc, time};

use crate::{ErrorClass, Executor, Failure, Outcome, Output, TaskContext};

/// How an attempt ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) task: TaskId,
    pub(crate) attempt: u32,
    pub(crate) result: Result<Output, Failure>,
}

/// Makes an attempt and reports its end, whatever happens.
pub(crate) async fn run(
    executor: Arc<dyn Executor>,
    cx: TaskContext,
    grace: Duration,
    report: mpsc::UnboundedSender<Done>,
) {
    let mut reporter = Reporter { task: cx.task.id.clone(), attempt: cx.attempt, report };
    let result = perform(&*executor, &cx, grace).await;
    reporter.send(result);
}

/// Reports even if the attempt is torn down by a panic outside the executor's futures.
struct Reporter {
    task: TaskId,
    attempt: u32,
    report: mpsc::UnboundedSender<Done>,
}

impl Reporter {
    fn send(&mut self, result: Result<Output, Failure>) {
        let done = Done { task: self.task.clone(), attempt: self.attempt, result };
        // The driver may be gone; then nobody waits for it.
        let _ = self.report.send(done);
        self.attempt = 0;
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if self.attempt > 0 {
            self.send(Err(Failure::new(ErrorClass::Panicked, "the task was torn down")));
        }
    }
}

async fn perform(
    executor: &dyn Executor,
    cx: &TaskContext,
    grace: Duration,
) -> Result<Output, Failure> {
    let mut work = pin!(hooks(executor, cx));
    let limit = Duration::from_millis(cx.task.timeout_ms);
    let timed_out = tokio::select! {
        biased;
        result = catching(work.as_mut()) => return result.unwrap_or_else(Err),
        () = cx.cancel.cancelled() => false,
        () = time::sleep(limit) => true,
    };
    cx.cancel.cancel();
    let mut stop = pin!(executor.stop(cx));
    let mut last = None;
    let stopping = async {
        let (result, _) = tokio::join!(catching(work.as_mut()), catching(stop.as_mut()));
        last = Some(result.unwrap_or_else(Err));
    };
    let in_time = time::timeout(grace, stopping).await.is_ok();
    if timed_out {
        let ms = cx.task.timeout_ms;
        let how = if in_time { "stopped" } else { "dropped, it did not stop in time" };
        return Err(Failure::new(
            ErrorClass::TimeoutError,
            format!("took longer than its {ms} ms and was {how}"),
        ));
    }
    match last {
        // It came to its end all the same.
        Some(Ok(output)) => Ok(output),
        Some(Err(failure)) => Err(Failure { class: ErrorClass::Cancelled, ..failure }),
        None => Err(Failure::new(
            ErrorClass::Cancelled,
            "called off, and dropped after the grace period",
        )),
    }
}

async fn hooks(executor: &dyn Executor, cx: &TaskContext) -> Result<Output, Failure> {
    let refused = |class| move |no: crate::Rejection| Failure::new(class, no.to_string());
    executor.admit(cx).await.map_err(refused(ErrorClass::AdmitRejected))?;
    executor.preflight(cx).await.map_err(refused(ErrorClass::PreflightRejected))?;
    match executor.execute(cx).await {
        Ok(Outcome::Succeeded(mut output)) => {
            output.clip();
            match executor.postcondition(cx, &output).await {
                Ok(()) => Ok(output),
                Err(no) => Err(refused(ErrorClass::PostconditionFailed)(no).with_output(output)),
            }
        }
        Ok(Outcome::Failed(mut failure)) => {
            failure.output.clip();
            Err(failure)
        }
        Err(error) => Err(Failure::new(error.class, error.message)),
    }
}

/// Polls a future; a panic in it becomes a failure, after which it must not be polled again.
async fn catching<F: Future>(mut future: Pin<&mut F>) -> Result<F::Output, Failure> {
    std::future::poll_fn(move |cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(Failure::new(
                ErrorClass::Panicked,
                format!("the executor panicked: {}", text(&*panic)),
            ))),
        }
    })
    .await
}

fn text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
