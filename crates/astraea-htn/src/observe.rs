//! Watching a search.

use crate::atom::{Atom, Word};

/// Something that happened in a search. Names are as the domain and the state spell them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A method was chosen for a task.
    Refined {
        /// The task.
        task: Atom,
        /// The method.
        method: Word,
        /// What its variables stand for.
        binding: Vec<(Word, Word)>,
        /// How deep the task is nested: 0 for one that was asked for.
        depth: usize,
        /// Steps executed before.
        steps: usize,
    },
    /// An action was executed.
    Executed {
        /// The action with its arguments.
        step: Atom,
        /// Steps executed before.
        steps: usize,
    },
    /// A task cannot be carried out at this point, or in no further way.
    Failed {
        /// The task.
        task: Atom,
        /// Steps executed before.
        steps: usize,
    },
    /// The search goes back to an earlier point, to try something else there.
    Backtracked {
        /// Steps executed before that point.
        steps: usize,
    },
    /// The same tasks were left in the same state before, so the search does not go on here.
    Repeated {
        /// Steps executed before.
        steps: usize,
    },
    /// Only recursion that changes nothing is left: the search begins again and allows more of it.
    Deepened {
        /// How often a task may now stand below itself in an unchanged state.
        limit: usize,
    },
    /// Every task is done.
    Completed {
        /// Steps of the plan.
        steps: usize,
        /// Whether goal, rules and [`Options::accept`](crate::Options::accept) take it.
        accepted: bool,
    },
}

/// Is told what a search does, while it does it. Any `Fn(&Event)` is one.
///
/// A search without an observer pays nothing for this: it runs code in which there are no events.
///
/// ```
/// use std::cell::Cell;
/// use astraea_htn::{CompiledDomain, Event, Network, Options};
///
/// let domain = CompiledDomain::from_hddl(
///     "(define (domain d) (:predicates (p)) (:task t :parameters ())
///        (:method good_looking :parameters () :task (t) :ordered-subtasks (and (a) (b)))
///        (:method better :parameters () :task (t) :ordered-subtasks (a))
///        (:action a :effect (p)) (:action b :precondition (not (p))))",
/// )?;
/// let back = Cell::new(0);
/// let observer = |event: &Event| if let Event::Backtracked { .. } = event { back.set(back.get() + 1) };
/// let options = Options::default().with_observer(&observer);
/// domain.plan(&domain.state(), &Network::task("t"), &options)?;
/// assert!(back.get() > 0);
/// # Ok::<(), astraea_htn::Error>(())
/// ```
pub trait Observer {
    /// Something happened. The search waits until this returns.
    fn event(&self, event: &Event);
}

impl<F: Fn(&Event)> Observer for F {
    fn event(&self, event: &Event) {
        self(event);
    }
}

/// One line, indented by the depth where that is known.
impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refined { task, method, binding, depth, steps } => {
                write!(f, "{steps:>4} {}{task} by {method}", "  ".repeat(*depth))?;
                for (variable, value) in binding {
                    write!(f, " {variable}={value}")?;
                }
                Ok(())
            }
            Self::Executed { step, steps } => write!(f, "{steps:>4} executed {step}"),
            Self::Failed { task, steps } => write!(f, "{steps:>4} no way for {task}"),
            Self::Backtracked { steps } => write!(f, "{steps:>4} back to here"),
            Self::Repeated { steps } => write!(f, "{steps:>4} as before: not again"),
            Self::Deepened { limit } => {
                write!(f, "   0 from the start, with recursion without change up to {limit}")
            }
            Self::Completed { steps, accepted: true } => write!(f, "{steps:>4} a plan"),
            Self::Completed { steps, .. } => write!(f, "{steps:>4} a plan that is refused"),
        }
    }
}
