//! A domain made ready for planning.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::ast;
use crate::atom::Atom;
use crate::compile::{self, Names, Scope, compile, resolve_term};
use crate::depend::Dependency;
use crate::diagnostic::{Diagnostic, Report, Source};
use crate::error::Error;
use crate::explain::Explanation;
use crate::external::{Ask, Now};
use crate::model::Model;
use crate::network::Network;
use crate::number::cost;
use crate::objects::Obj;
use crate::options::Options;
use crate::plan::{Outline, Plan, Step, is_standard};
use crate::search::{End, Request, Search, as_method, change, resolve_task};
use crate::state::State;
use crate::store::NONE;
use crate::syntax::{did_you_mean, parse_problem, read_domain};
use crate::verify::{Fault, complete};

/// A domain, checked, with every name resolved: build it once, plan with it often. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CompiledDomain {
    pub(crate) model: Arc<Model>,
}

/// A state with tasks: what a problem file says.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Where to begin.
    pub state: State,
    /// What to do.
    pub tasks: Network,
}

impl CompiledDomain {
    /// Reads and compiles one HDDL domain.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every error found.
    pub fn from_hddl(text: &str) -> Result<Self, Error> {
        Self::from_sources(&[Source { name: "domain.hddl", text }])
    }

    /// Reads one domain as the planning competition writes it: a method that does nothing may leave out its subtasks, which elsewhere is an error.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every error found.
    pub fn from_standard(source: Source<'_>) -> Result<Self, Error> {
        Self::read(&[source], false)
    }

    /// Reads several texts, each a `(define (domain …) …)`, as one domain: later ones may add to the earlier, for example a user's own methods.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every error found, each with its place.
    pub fn from_sources(sources: &[Source<'_>]) -> Result<Self, Error> {
        Self::read(sources, true)
    }

    fn read(sources: &[Source<'_>], strict: bool) -> Result<Self, Error> {
        let mut errors = Vec::new();
        let mut domain = ast::Domain::default();
        for (i, source) in sources.iter().enumerate() {
            let number = u16::try_from(i).unwrap_or(u16::MAX);
            let next = read_domain(source.text, number, strict, &mut errors);
            domain.extend(next);
        }
        if !errors.is_empty() {
            return Err(Error::Invalid(Report::new(errors, sources)));
        }
        Self::compile_with(domain, sources)
    }

    /// Compiles a domain that a program made.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every error found.
    pub fn compile(domain: ast::Domain) -> Result<Self, Error> {
        Self::compile_with(domain, &[])
    }

    fn compile_with(domain: ast::Domain, sources: &[Source<'_>]) -> Result<Self, Error> {
        Self::compile_asking(domain, Vec::new(), sources)
    }

    fn compile_asking(
        domain: ast::Domain,
        asks: Vec<(String, Arc<Ask>)>,
        sources: &[Source<'_>],
    ) -> Result<Self, Error> {
        match compile(domain, &asks) {
            Ok(mut model) => {
                model.warnings = Report::new(model.warnings, sources).diagnostics;
                Ok(Self { model: Arc::new(model) })
            }
            Err(errors) => Err(Error::Invalid(Report::new(errors, sources))),
        }
    }

    /// The same domain, with a predicate that the program answers instead of the state: is this file newer than that one, does this pattern match?
    ///
    /// The closure gets the names of the objects and a view of the state at that moment. It has to give the same answer for the same objects in the same
    /// state, or else "no plan" may be said too early. It is asked by [`plan`](Self::plan) and its kin, by [`explain`](Self::explain) and by
    /// [`verify`](Self::verify); with such a predicate [`solve`](Self::solve) has the lifted search only.
    ///
    /// ```
    /// # use astraea_htn::{CompiledDomain, Network, Options};
    /// let domain = CompiledDomain::from_hddl(
    ///     "(define (domain d) (:predicates (longer ?a ?b)) (:task pick :parameters ())
    ///        (:method m :parameters (?a ?b) :task (pick) :precondition (longer ?a ?b) :ordered-subtasks (take ?a))
    ///        (:action take :parameters (?a)))",
    /// )?
    /// .with_external("longer", |args, _now| args[0].len() > args[1].len())?;
    /// let state = domain.state().with_object("oak", "object")?.with_object("willow", "object")?;
    /// let plan = domain.plan(&state, &Network::task("pick"), &Options::default())?;
    /// assert_eq!(plan.steps[0].args[0], "willow");
    /// # Ok::<(), astraea_htn::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unknown`] where the domain has no such predicate, [`Error::Invalid`] where an action changes it.
    pub fn with_external(
        &self,
        predicate: &str,
        ask: impl Fn(&[&str], &Now<'_>) -> bool + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let key = predicate.to_ascii_lowercase();
        if self.model.predicate(&key).is_none() {
            let known = self.model.predicates.iter().map(|p| p.name.as_str());
            let help = did_you_mean(predicate, known)
                .or_else(|| Some("declare it in the domain's `:predicates`".into()));
            return Err(Error::Unknown { what: "predicate", name: predicate.to_owned(), help });
        }
        let others = self.model.externals.values().map(|e| {
            let name = &self.model.predicates[e.pred as usize].name;
            (name.to_ascii_lowercase(), Arc::clone(&e.ask))
        });
        let mut asks: Vec<(String, Arc<Ask>)> = others.filter(|(k, _)| *k != key).collect();
        asks.push((key, Arc::new(ask)));
        let mut domain = Self::compile_asking(self.model.ast.clone(), asks, &[])?;
        if let Some(model) = Arc::get_mut(&mut domain.model) {
            // These still have their places in the text.
            model.warnings.clone_from(&self.model.warnings);
        }
        Ok(domain)
    }

    /// The domain's syntax tree.
    #[must_use]
    pub fn ast(&self) -> &ast::Domain {
        &self.model.ast
    }

    /// What is suspicious about the domain: tasks that can never be carried out, methods that can never be used.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.model.warnings
    }

    /// Whether there is a task or an action of that name.
    #[must_use]
    pub fn has_task(&self, name: &str) -> bool {
        self.model.task(name).is_some()
    }

    /// Whether there is an action of that name.
    #[must_use]
    pub fn has_action(&self, name: &str) -> bool {
        self.model.task(name).is_some_and(|t| self.model.tasks[t as usize].action.is_some())
    }

    /// An empty state: no facts, the domain's constants as objects.
    #[must_use]
    pub fn state(&self) -> State {
        State::new(&self.model)
    }

    /// Reads a problem file.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every error found.
    pub fn problem(&self, source: Source<'_>) -> Result<Problem, Error> {
        let ast = parse_problem(source).map_err(Error::Invalid)?;
        self.instantiate(&ast).map_err(|errors| Error::Invalid(Report::new(errors, &[source])))
    }

    /// Makes state and tasks of a problem that a program made.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every error found.
    pub fn compile_problem(&self, problem: &ast::Problem) -> Result<Problem, Error> {
        self.instantiate(problem).map_err(|errors| Error::Invalid(Report::new(errors, &[])))
    }

    fn instantiate(&self, ast: &ast::Problem) -> Result<Problem, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let mut state = self.state();
        for object in &ast.objects {
            let ty = self.model.types.resolve(&object.ty, &mut errors);
            state.declare(&object.name.text, &ty, true);
        }
        let objects = Arc::clone(&state.objects);
        let names = Names::of(&self.model, &objects);
        for fact in &ast.init {
            if let Some((pred, args)) = resolve_term(&names, fact, &mut errors) {
                state.set(pred, &args, true);
            }
        }
        for (function, value) in &ast.values {
            let mut scope = Scope::new(&names, &[], &mut errors);
            if let Some((id, args)) = scope.function(function) {
                let args: Vec<Obj> = args.iter().map(|a| a.value(&[])).collect();
                state.give(id, &args, *value);
            }
        }
        let tasks = Network::from_ast(ast);
        // Compiled here only for its errors, which have their place in the text now.
        let top = ast::Method { network: ast.network.clone(), ..as_method(&tasks) };
        let scope = Scope::new(&names, &top.params, &mut errors);
        compile::network(&top, scope, Vec::new(), &[]);
        if let Some(goal) = &ast.goal {
            Scope::new(&names, &top.params, &mut errors).cond(goal);
        }
        errors.truncate(50);
        if errors.is_empty() { Ok(Problem { state, tasks }) } else { Err(errors) }
    }

    /// Looks for a plan that carries out the tasks.
    ///
    /// # Errors
    /// [`Error::NoPlan`] where there is none, [`Error::Stopped`] where a limit came first, [`Error::Unknown`] and [`Error::Mismatch`] for tasks that
    /// the domain does not have in this form.
    pub fn plan(
        &self,
        state: &State,
        tasks: &Network,
        options: &Options<'_>,
    ) -> Result<Plan, Error> {
        let request = Request::new(&self.model, &state.objects, tasks, options)?;
        let mut search =
            Search::new(&self.model, &state.objects, &state.store, &request, options, false);
        match search.run() {
            End::Found => Ok(self.priced(state, search.plan())),
            End::Exhausted => Err(self.no_plan(state, tasks, &search, options, &request)),
            End::Stopped(limit) => Err(Error::Stopped { limit }),
        }
    }

    /// Looks for up to `count` plans, no two with the same steps. The options' limits hold for all of them together.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), where not even one is found.
    pub fn plans(
        &self,
        state: &State,
        tasks: &Network,
        options: &Options<'_>,
        count: usize,
    ) -> Result<Vec<Plan>, Error> {
        let request = Request::new(&self.model, &state.objects, tasks, options)?;
        let mut search =
            Search::new(&self.model, &state.objects, &state.store, &request, options, true);
        let mut plans: Vec<Plan> = Vec::new();
        let mut seen = FxHashSet::default();
        while plans.len() < count {
            match search.run() {
                End::Found => {
                    let plan = search.plan();
                    let steps: Vec<Atom> = plan.steps.iter().map(Step::atom).collect();
                    if seen.insert(steps) {
                        plans.push(self.priced(state, plan));
                    }
                }
                End::Exhausted if plans.is_empty() => {
                    return Err(self.no_plan(state, tasks, &search, options, &request));
                }
                End::Stopped(limit) if plans.is_empty() => return Err(Error::Stopped { limit }),
                End::Exhausted | End::Stopped(_) => break,
            }
        }
        Ok(plans)
    }

    pub(crate) fn no_plan(
        &self,
        state: &State,
        tasks: &Network,
        search: &Search<'_>,
        options: &Options<'_>,
        request: &Request,
    ) -> Error {
        let deepest = crate::explain::summary(&self.model, state, search, options, request);
        Error::NoPlan { task: tasks.to_string(), deepest }
    }

    /// Adds up what the steps cost.
    pub(crate) fn priced(&self, state: &State, mut plan: Plan) -> Plan {
        if self.model.actions.iter().all(|a| a.prices.is_empty()) {
            return plan;
        }
        // What a step costs may depend on what the steps before it changed.
        let fixed = self
            .model
            .actions
            .iter()
            .all(|a| a.numbers.is_empty() && a.prices.iter().all(|p| p.when.is_none()));
        let mut store = state.store.clone();
        let objects = &state.objects;
        for step in &plan.steps {
            let Ok((task, mut args)) = resolve_task(&self.model, objects, &step.atom()) else {
                continue;
            };
            let Some(action) = self.model.tasks[task as usize].action else { continue };
            let action = &self.model.actions[action as usize];
            args.resize(action.slots.max(args.len()), NONE);
            plan.action_cost += cost(action, &store, objects, &mut args);
            if !fixed {
                change(action, &mut store, objects, &mut args, &mut Vec::new());
            }
        }
        plan
    }

    /// Plans, and gives the reasons: for each task each method in order, taken, or which part of its precondition failed.
    ///
    /// # Errors
    /// [`Error::Unknown`] and [`Error::Mismatch`] for tasks that the domain does not have in this form. That there is no plan is not an error here.
    pub fn explain(
        &self,
        state: &State,
        tasks: &Network,
        options: &Options<'_>,
    ) -> Result<Explanation, Error> {
        crate::explain::explain(self, state, tasks, options)
    }

    /// The reasons behind a plan that is there already, for example one of [`solve`](Self::solve): which of each task's methods were possible when it was
    /// refined, and what spoke against the others. `Abandoned` then means no more than that a method was possible and stands before the one taken.
    ///
    /// # Errors
    /// As [`explain`](Self::explain).
    pub fn explain_plan(
        &self,
        state: &State,
        tasks: &Network,
        plan: &Plan,
        options: &Options<'_>,
    ) -> Result<Explanation, Error> {
        crate::explain::explain_plan(self, state, tasks, plan, options)
    }

    /// Checks a plan against the domain's text, without any code of the search.
    ///
    /// # Errors
    /// The first fault found.
    pub fn verify(&self, state: &State, tasks: &Network, plan: &Plan) -> Result<(), Fault> {
        crate::verify::verify(&self.model, state, tasks, plan)
    }

    /// Reads a plan: the text of the planning competition (as [`Plan::to_ipc`] and other planners print it, with or without a log around it), or the JSON of
    /// [`Plan::to_json`]; which of them it is shows in the text.
    ///
    /// The first does not tell everything that a [`Plan`] holds: when each method was chosen, and variables that no subtask shows. Moments and values with which
    /// the preconditions hold are found where there are any, so that [`verify`](Self::verify) judges what the text may mean at best. Roots and subtasks that
    /// stand in another order than the declared one are put into that.
    ///
    /// ```
    /// # use astraea_htn::{CompiledDomain, Network};
    /// let domain = CompiledDomain::from_hddl(
    ///     "(define (domain tea) (:task serve :parameters ())
    ///        (:method m :parameters () :task (serve) :ordered-subtasks (and (boil) (pour)))
    ///        (:action boil) (:action pour))",
    /// )?;
    /// let (state, tasks) = (domain.state(), Network::task("serve"));
    /// let plan = domain.read_plan(&state, &tasks, "==>\n0 boil\n1 pour\nroot 2\n2 serve -> m 0 1\n<==")?;
    /// assert_eq!(domain.verify(&state, &tasks, &plan), Ok(()));
    /// # Ok::<(), astraea_htn::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::PlanSyntax`] for a text that is neither, with the line; [`Error::WrongPlan`] where the ids do not make a tree.
    pub fn read_plan(&self, state: &State, tasks: &Network, text: &str) -> Result<Plan, Error> {
        if !is_standard(text) && text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|e| Error::PlanSyntax {
                line: e.line(),
                why: format!("{e}; this begins like JSON, but is not what `Plan::to_json` gives"),
            });
        }
        let outline = Outline::read(text)?;
        let plan = complete(&self.model, state, tasks, &outline).map_err(Error::WrongPlan)?;
        Ok(self.priced(state, plan))
    }

    /// Which steps of a plan must keep their order, and because of which fact; all others may run at the same time.
    #[must_use]
    pub fn dependencies(&self, state: &State, plan: &Plan) -> Vec<Dependency> {
        crate::depend::dependencies(&self.model, state, plan)
    }
}
