//! Explanations as text.

use std::fmt;

use super::{Explanation, Met, Obstacle, Verdict};

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("taken"),
            Self::Furthest => f.write_str("came furthest, but could not be completed"),
            Self::NotReached => f.write_str("possible, but not tried yet"),
            Self::Blocked { failed, why, .. } => write!(f, "blocked by {failed}: {why}"),
            Self::Abandoned => f.write_str("tried, but what it asks for could not be done"),
            Self::NotNeeded => f.write_str("possible, but not needed"),
            Self::RuledOut => f.write_str("ruled out"),
        }
    }
}

impl Met {
    /// Why the task could not be carried out, one line for each method.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let methods = self
            .candidates
            .iter()
            .filter(|c| !matches!(c.verdict, Verdict::Taken | Verdict::Furthest))
            .map(|c| format!("method `{}` {}", c.method, c.verdict));
        let none = self.candidates.is_empty() && self.failed.is_none();
        let none = none.then(|| "no method refines it".to_owned());
        self.failed.iter().cloned().chain(methods).chain(none).collect()
    }
}

/// What was decided where, task by task.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(failure) = &self.failure {
            writeln!(f, "{failure}")?;
            if !self.steps.is_empty() {
                writeln!(f, "the furthest point was reached by")?;
                for step in &self.steps {
                    writeln!(f, "  {step}")?;
                }
            }
        }
        for met in &self.met {
            let indent = "  ".repeat(met.depth);
            writeln!(f, "{indent}{} (after {} steps)", met.task, met.at)?;
            for candidate in &met.candidates {
                write!(f, "{indent}  - {}", candidate.method)?;
                if let Some(cost) = candidate.cost {
                    write!(f, " (cost {cost})")?;
                }
                writeln!(f, ": {}", candidate.verdict)?;
            }
            if let Some(failed) = &met.failed {
                writeln!(f, "{indent}  ! {failed}")?;
            }
        }
        for (i, obstacle) in self.obstacles.iter().enumerate() {
            if i == 0 {
                writeln!(f, "what stood in the way most often")?;
            }
            writeln!(f, "  {obstacle}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { condition, of, times } = self;
        let s = if *times == 1 { "" } else { "s" };
        write!(f, "{condition} (of {of}): {times} time{s}")
    }
}
