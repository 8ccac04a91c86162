//! What a caller asks for: a goal to carry out, and where its events go.

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::MAX_TIMEOUT_MS;
use crate::envelope::Envelope;
use crate::error::GoalError;

/// A goal to carry out, or to plan.
///
/// ```
/// use astraea_goals::ExecuteGoal;
///
/// let goal = ExecuteGoal::new("fix_bug: the last line is lost").with_tests(["tests/test_a.py::test_last"]);
/// assert!(goal.context.is_object());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExecuteGoal {
    /// The name of a goal, a name and free text after a colon, or free text alone.
    pub goal_text: String,
    /// Facts (booleans) and values (strings) of the caller: a JSON object.
    pub context: Value,
    /// Time for the whole goal, in milliseconds; absent: what the configuration says.
    pub timeout_ms: Option<i64>,
    /// Whether it comes through the tool `execute_goal`, whose limits are lower.
    pub through_tool: bool,
    /// The tests that matter; empty means all.
    pub tests: Vec<String>,
    /// The subdirectory that matters, relative to the repository.
    pub directory: Option<String>,
    /// The revision to start from; absent means what the user sees, uncommitted work included.
    pub base: Option<String>,
    /// Whether methods of this goal may push what they commit: a person's word, for this goal alone.
    pub push: bool,
    /// Whether they may open a pull request for it too.
    pub pull_request: bool,
    /// A key under which a repeated request returns the goal that it made the first time.
    pub idempotency_key: Option<String>,
}

impl ExecuteGoal {
    /// A goal with this text, no context and the configured limits.
    #[must_use]
    pub fn new(goal_text: impl Into<String>) -> Self {
        Self {
            goal_text: goal_text.into(),
            context: Value::Object(serde_json::Map::new()),
            timeout_ms: None,
            through_tool: false,
            tests: Vec::new(),
            directory: None,
            base: None,
            push: false,
            pull_request: false,
            idempotency_key: None,
        }
    }

    /// Adds the caller's context.
    #[must_use]
    pub fn with_context(mut self, context: Value) -> Self {
        self.context = context;
        self
    }

    /// Sets the time for the whole goal, in milliseconds.
    #[must_use]
    pub fn with_timeout_ms(mut self, timeout_ms: i64) -> Self {
        self.timeout_ms = Some(timeout_ms);
        self
    }

    /// Names the tests that matter.
    #[must_use]
    pub fn with_tests<S: Into<String>>(mut self, tests: impl IntoIterator<Item = S>) -> Self {
        self.tests = tests.into_iter().map(Into::into).collect();
        self
    }

    /// Names the subdirectory that matters.
    #[must_use]
    pub fn with_directory(mut self, directory: impl Into<String>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Starts from a revision instead of what the user sees.
    #[must_use]
    pub fn with_base(mut self, base: impl Into<String>) -> Self {
        self.base = Some(base.into());
        self
    }

    /// Lets methods of this goal push what they commit, and open a pull request for it. Only for a person who asks; what
    /// comes through the tool never may.
    #[must_use]
    pub fn with_publishing(mut self, push: bool, pull_request: bool) -> Self {
        (self.push, self.pull_request) = (push || pull_request, pull_request);
        self
    }

    /// Sets the idempotency key.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Says that the goal comes through the tool, so that the tool's limits hold.
    #[must_use]
    pub fn through_tool(mut self) -> Self {
        self.through_tool = true;
        self
    }

    /// Reads the arguments of the tool `execute_goal`: `goal_text`, `context`, `timeout_ms`.
    ///
    /// # Errors
    /// [`GoalError::ContextField`] for an argument that is missing, unknown or of the wrong type,
    /// and what [`check`](Self::check) refuses.
    pub fn from_tool(arguments: &Value) -> Result<Self, GoalError> {
        let Some(object) = arguments.as_object() else {
            return Err(field("execute_goal", format!("takes an object, not {}", kind(arguments))));
        };
        let mut goal = Self::new("").through_tool();
        for (name, value) in object {
            match name.as_str() {
                "goal_text" => {
                    goal.goal_text = value
                        .as_str()
                        .ok_or_else(|| {
                            field(name, format!("must be a string, not {}", kind(value)))
                        })?
                        .to_owned();
                }
                "context" if value.is_null() => {}
                "context" => goal.context = value.clone(),
                "timeout_ms" if value.is_null() => {}
                "timeout_ms" => {
                    goal.timeout_ms = Some(value.as_i64().ok_or_else(|| GoalError::Timeout {
                        given: value.to_string(),
                        max: MAX_TIMEOUT_MS,
                    })?);
                }
                other => {
                    return Err(field(
                        other,
                        "is not an argument of execute_goal; known are goal_text, context, timeout_ms"
                            .to_owned(),
                    ));
                }
            }
        }
        if !object.contains_key("goal_text") {
            return Err(field("goal_text", "is required".to_owned()));
        }
        goal.check()?;
        Ok(goal)
    }

    /// Checks what can be checked without a repository.
    ///
    /// # Errors
    /// [`GoalError::ContextNotAnObject`] and [`GoalError::Timeout`].
    pub fn check(&self) -> Result<(), GoalError> {
        if !self.context.is_object() {
            return Err(GoalError::ContextNotAnObject { found: kind(&self.context) });
        }
        if let Some(given) = self.timeout_ms
            && !u64::try_from(given).is_ok_and(|ms| (1..=MAX_TIMEOUT_MS).contains(&ms))
        {
            return Err(GoalError::Timeout { given: given.to_string(), max: MAX_TIMEOUT_MS });
        }
        Ok(())
    }
}

/// Where the events of a run go, and how it is stopped.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Gets every event, each only after it is durable; a closed receiver is no error.
    pub events: Option<mpsc::UnboundedSender<Envelope>>,
    /// Stops the run; what it did stays on record and `resume` goes on from there.
    pub cancel: CancellationToken,
}

fn field(name: &str, problem: String) -> GoalError {
    GoalError::ContextField { field: name.to_owned(), problem }
}

/// The type of a JSON value, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tools_arguments_are_checked() {
        let goal = ExecuteGoal::from_tool(&json!({
            "goal_text": "fix_bug", "context": {"has_codebase": true}, "timeout_ms": 60000
        }))
        .unwrap();
        assert!(goal.through_tool);
        assert_eq!(goal.timeout_ms, Some(60_000));
        for bad in [
            json!([]),
            json!({}),
            json!({"goal_text": 5}),
            json!({"goal_text": "fix_bug", "context": "x"}),
            json!({"goal_text": "fix_bug", "timeout_ms": -1}),
            json!({"goal_text": "fix_bug", "timeout_ms": 1.5}),
            json!({"goal_text": "fix_bug", "timeout_ms": "soon"}),
            json!({"goal_text": "fix_bug", "timeout_ms": 1e30}),
            json!({"goal_text": "fix_bug", "goal": 1}),
        ] {
            let error = ExecuteGoal::from_tool(&bad).expect_err(&bad.to_string());
            assert_eq!(error.exit_code(), 2, "{bad}");
        }
    }
}
