//! Domains and problems.

use super::sexp::{Items, Sexp, Tree};
use crate::ast::{Domain, Name, Problem, Signature};
use crate::diagnostic::{Diagnostic, Report, Source};

/// Reads an HDDL domain, `(define (domain …) …)`.
///
/// This looks at the form only; names and types are checked by [`CompiledDomain::compile`](crate::CompiledDomain::compile).
///
/// # Errors
/// A report of every error of form.
pub fn parse_domain(source: Source<'_>) -> Result<Domain, Report> {
    let mut errors = Vec::new();
    let domain = read_domain(source.text, 0, false, &mut errors);
    if errors.is_empty() { Ok(domain) } else { Err(Report::new(errors, &[source])) }
}

/// Reads an HDDL problem, `(define (problem …) …)`.
///
/// # Errors
/// A report of every error of form.
pub fn parse_problem(source: Source<'_>) -> Result<Problem, Report> {
    let mut reader = Reader { errors: Vec::new(), strict: false };
    let tree = Tree::read(source.text, 0, &mut reader.errors);
    let problem =
        if reader.errors.is_empty() { reader.problem(tree.root()) } else { Problem::default() };
    if reader.errors.is_empty() { Ok(problem) } else { Err(Report::new(reader.errors, &[source])) }
}

pub(crate) fn read_domain(
    text: &str,
    source: u16,
    strict: bool,
    errors: &mut Vec<Diagnostic>,
) -> Domain {
    let mut reader = Reader { errors: Vec::new(), strict };
    let tree = Tree::read(text, source, &mut reader.errors);
    let domain =
        if reader.errors.is_empty() { reader.domain(tree.root()) } else { Domain::default() };
    errors.append(&mut reader.errors);
    domain
}

/// Walks expressions and gathers what is wrong with them.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) errors: Vec<Diagnostic>,
    /// Whether a method must say its subtasks, even that there are none.
    pub(super) strict: bool,
}

/// Errors beyond this number are not told: they would not be read.
const MAX_ERRORS: usize = 50;

/// The keyword arguments of a definition.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    whole: Option<Sexp<'a>>,
    list: Vec<(String, Sexp<'a>)>,
}

impl<'a> Fields<'a> {
    pub(super) fn get(&self, key: &str) -> Option<Sexp<'a>> {
        self.list.iter().find(|(k, _)| k == key).map(|(_, v)| *v)
    }

    /// Any expression of the definition, to point at.
    #[expect(clippy::expect_used, reason = "only asked for where a field was found")]
    pub(super) fn whole(&self) -> Sexp<'a> {
        self.whole.expect("a definition with fields")
    }
}

impl Reader {
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(diagnostic);
        }
    }

    pub(super) fn error(
        &mut self,
        message: impl Into<String>,
        at: Sexp<'_>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::error(message, at.span()).help(help));
    }

    pub(super) fn fields<'a>(
        &mut self,
        items: Items<'a>,
        what: &str,
        known: &[&str],
    ) -> Fields<'a> {
        let mut fields = Fields { whole: None, list: Vec::new() };
        let mut items = items.peekable();
        while let Some(item) = items.next() {
            let Some(key) = item.word().map(str::to_ascii_lowercase) else {
                self.error(
                    format!("a keyword of the {what} was expected, not a list"),
                    item,
                    format!("one of {}", known.join(", ")),
                );
                continue;
            };
            if !known.contains(&key.as_str()) {
                let help = did_you_mean(&key, known.iter().copied())
                    .unwrap_or_else(|| format!("a {what} has {}", known.join(", ")));
                self.error(format!("unknown keyword `{key}` in a {what}"), item, help);
                items.next_if(|i| i.is_list() || i.word().is_some_and(|w| !w.starts_with(':')));
                continue;
            }
            let value =
                items.next_if(|i| i.is_list() || i.word().is_some_and(|w| !w.starts_with(':')));
            let Some(value) = value else {
                self.error(format!("nothing follows `{key}`"), item, "write `()` for an empty one");
                continue;
            };
            if fields.get(&key).is_some() {
                self.error(format!("`{key}` is given twice in one {what}"), item, "keep one");
            }
            fields.whole = Some(value);
            fields.list.push((key, value));
        }
        fields
    }

    /// The sections of the one `define`, after its head `(domain name)` or `(problem name)`.
    fn define<'a>(&mut self, root: Sexp<'a>, what: &str) -> Option<(Name, Vec<Sexp<'a>>)> {
        let mut top = root.items();
        let Some(define) = top.next() else {
            let d =
                Diagnostic::error(format!("the text is empty; a {what} was expected"), root.span());
            self.push(d.help(format!("write `(define ({what} name) …)`")));
            return None;
        };
        if let Some(more) = top.next() {
            self.error(
                "there is more after the end of the definition",
                more,
                "one file holds one `(define …)`",
            );
        }
        let mut items = define.items();
        let first = items.next();
        let head: Vec<Sexp<'a>> = items.next().map(|h| h.items().collect()).unwrap_or_default();
        let name = match head.as_slice() {
            [kind, name] if kind.is(what) => name.name(),
            _ => None,
        };
        if !first.is_some_and(|f| f.is("define")) || name.is_none() {
            let other = head.first().and_then(|h| h.word()).unwrap_or("");
            let help =
                if other.eq_ignore_ascii_case("problem") || other.eq_ignore_ascii_case("domain") {
                    format!("this is a {other} file; a {what} file was expected here")
                } else {
                    format!("it begins with `(define ({what} name) …`")
                };
            self.error(
                format!("this is not a {what}"),
                head.first().copied().unwrap_or(define),
                help,
            );
            return None;
        }
        Some((name?, items.collect()))
    }

    fn signature(&mut self, item: Sexp<'_>, what: &str) -> Option<Signature> {
        let mut items = item.items();
        let Some(name) = items.next().and_then(Sexp::name) else {
            self.error(
                format!("a {what} was expected"),
                item,
                format!("write `({what} ?x - type …)`"),
            );
            return None;
        };
        let params = self.variable_items(items);
        Some(Signature { name, params })
    }

    fn domain(&mut self, root: Sexp<'_>) -> Domain {
        let Some((name, sections)) = self.define(root, "domain") else { return Domain::default() };
        let mut domain = Domain { name, ..Domain::default() };
        for section in sections {
            let items = || section.items().skip(1);
            match section.head().as_deref() {
                Some(":requirements") => domain.requirements.extend(items().filter_map(Sexp::name)),
                Some(":types") => domain.types.extend(self.typed_list(items(), "type")),
                Some(":constants") => domain.constants.extend(self.typed_list(items(), "constant")),
                Some(":predicates") => {
                    for item in items() {
                        domain.predicates.extend(self.signature(item, "predicate"));
                    }
                }
                Some(":functions") => {
                    // `(f ?x) - number`: the type of the value is not kept.
                    for item in items().filter(|i| i.is_list()) {
                        domain.functions.extend(self.signature(item, "function"));
                    }
                }
                Some(":task") => domain.tasks.extend(self.task(section)),
                Some(":method") => domain.methods.extend(self.method(section)),
                Some(":action") => domain.actions.extend(self.action(section)),
                other => self.unknown_section(
                    section,
                    other,
                    &[
                        ":requirements",
                        ":types",
                        ":constants",
                        ":predicates",
                        ":functions",
                        ":task",
                        ":method",
                        ":action",
                    ],
                ),
            }
        }
        domain
    }

    fn unknown_section(&mut self, section: Sexp<'_>, head: Option<&str>, known: &[&str]) {
        let at = section.items().next().unwrap_or(section);
        match head {
            Some(":durative-action" | ":derived") => self.error(
                format!("`{}` is not supported", head.unwrap_or_default()),
                at,
                "only instantaneous actions and plain predicates are",
            ),
            Some(head) => {
                let help = did_you_mean(head, known.iter().copied())
                    .unwrap_or_else(|| format!("known are {}", known.join(", ")));
                self.error(format!("unknown section `{head}`"), at, help);
            }
            None => self.error(
                "a section was expected",
                at,
                format!("a section is a list that begins with one of {}", known.join(", ")),
            ),
        }
    }

    fn problem(&mut self, root: Sexp<'_>) -> Problem {
        let Some((name, sections)) = self.define(root, "problem") else {
            return Problem::default();
        };
        let mut problem = Problem { name, ..Problem::default() };
        for section in sections {
            let mut items = section.items();
            items.next();
            match section.head().as_deref() {
                Some(":domain") => match items.next().and_then(Sexp::name) {
                    Some(name) => problem.domain = name,
                    None => self.error(
                        "the domain's name is missing",
                        section,
                        "write `(:domain name)`",
                    ),
                },
                Some(":requirements") => problem.requirements.extend(items.filter_map(Sexp::name)),
                Some(":objects") => problem.objects.extend(self.typed_list(items, "object")),
                Some(":htn") => {
                    let known = [
                        ":parameters",
                        ":subtasks",
                        ":tasks",
                        ":ordered-subtasks",
                        ":ordered-tasks",
                        ":ordering",
                        ":order",
                        ":constraints",
                    ];
                    let fields = self.fields(items, "task network", &known);
                    problem.htn_params =
                        fields.get(":parameters").map_or_else(Vec::new, |p| self.variables(p));
                    problem.network = self.network(&fields);
                }
                Some(":init") => {
                    for item in items {
                        self.init(item, &mut problem);
                    }
                }
                Some(":goal") => match items.next() {
                    Some(goal) => problem.goal = Some(self.formula(goal)),
                    None => problem.goal = None,
                },
                Some(":metric") => problem.minimize = true,
                other => self.unknown_section(
                    section,
                    other,
                    &[":domain", ":requirements", ":objects", ":htn", ":init", ":goal", ":metric"],
                ),
            }
        }
        problem
    }

    fn init(&mut self, item: Sexp<'_>, problem: &mut Problem) {
        let parts: Vec<Sexp<'_>> = item.items().take(4).collect();
        match parts.as_slice() {
            [op, function, value] if op.is("=") && function.is_list() => {
                let Some(function) = self.term(*function, "function") else { return };
                match self.number(*value) {
                    Some(number) => problem.values.push((function, number)),
                    None => self.error("this is not a number", *value, "give a finite number"),
                }
            }
            // What is not listed is false anyway.
            [op, fact] if op.is("not") && fact.is_list() => {
                self.term(*fact, "fact");
            }
            [] if item.is_list() => {}
            [and, ..] if and.is("and") => {
                for part in item.items().skip(1) {
                    self.init(part, problem);
                }
            }
            _ => {
                if let Some(fact) = self.term(item, "fact") {
                    if let Some(var) = fact.args.iter().find(|a| a.is_variable()) {
                        let d = Diagnostic::error(
                            "a variable in a fact of the initial state",
                            var.span,
                        );
                        self.push(d.help("name an object"));
                    }
                    problem.init.push(fact);
                }
            }
        }
    }
}

/// Names longer than this are not compared.
const MAX_COMPARED: usize = 64;

/// "did you mean `x`?", where one of the names is near.
pub(crate) fn did_you_mean<'n>(
    name: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<String> {
    // The distance takes time and memory by the product of the lengths.
    if name.len() > MAX_COMPARED {
        return None;
    }
    let key = name.to_ascii_lowercase();
    known
        .into_iter()
        .filter(|k| k.len() <= MAX_COMPARED)
        .map(|k| (strsim::damerau_levenshtein(&key, &k.to_ascii_lowercase()), k))
        .filter(|(distance, k)| *distance <= 1 + key.len().min(k.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| format!("did you mean `{k}`?"))
}
