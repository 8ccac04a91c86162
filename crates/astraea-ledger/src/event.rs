//! The names of what is recorded.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What happened. Written as its snake_case name; a name this version does not know is kept in
/// [`Event::Other`], so an older program reads a newer ledger without loss.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Event {
    /// A goal was proposed.
    GoalCreated,
    /// A goal was adopted.
    GoalAdopted,
    /// An adoption was refused because an active belief contradicts the goal.
    GoalBlockedByBelief,
    /// A goal was given up.
    GoalAbandoned,
    /// A goal's run came to its end, well or badly.
    GoalExecuted,
    /// A change was queued for a person to approve.
    CodeModificationScheduled,
    /// A task began.
    TaskStarted,
    /// A task ended well.
    TaskSucceeded,
    /// A task ended badly.
    TaskFailed,
    /// Something was decided: a plan, a method, an approval.
    DecisionMade,
    /// A decision was taken back or not carried out.
    DecisionAborted,
    /// A weight or a limit was adjusted.
    ParameterAdapted,
    /// Any other event, by its name.
    Other(String),
}

/// Names and variants, once.
const NAMES: [(&str, Event); 12] = [
    ("goal_created", Event::GoalCreated),
    ("goal_adopted", Event::GoalAdopted),
    ("goal_blocked_by_belief", Event::GoalBlockedByBelief),
    ("goal_abandoned", Event::GoalAbandoned),
    ("goal_executed", Event::GoalExecuted),
    ("code_modification_scheduled", Event::CodeModificationScheduled),
    ("task_started", Event::TaskStarted),
    ("task_succeeded", Event::TaskSucceeded),
    ("task_failed", Event::TaskFailed),
    ("decision_made", Event::DecisionMade),
    ("decision_aborted", Event::DecisionAborted),
    ("parameter_adapted", Event::ParameterAdapted),
];

impl Event {
    /// The event's name as it is recorded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if let Self::Other(name) = self {
            return name;
        }
        NAMES.iter().find(|(_, event)| event == self).map_or("", |(name, _)| name)
    }
}

impl From<&str> for Event {
    fn from(name: &str) -> Self {
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map_or_else(|| Self::Other(name.to_owned()), |(_, event)| event.clone())
    }
}

impl From<String> for Event {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<Event> for String {
    fn from(event: Event) -> Self {
        event.as_str().to_owned()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_goes_there_and_back() {
        for (name, event) in NAMES {
            assert_eq!(Event::from(name), event);
            assert_eq!(event.as_str(), name);
            assert_eq!(event.to_string(), name);
        }
    }

    #[test]
    fn a_newer_name_is_kept() {
        let event: Event = serde_json::from_str("\"weather_changed\"").unwrap();
        assert_eq!(event, Event::Other("weather_changed".into()));
        assert_eq!(serde_json::to_string(&event).unwrap(), "\"weather_changed\"");
    }
}
