//! Tells "it cannot run here" from "it is wrong": what is missing, and which tests said so.

use std::sync::LazyLock;

use regex::Regex;

use crate::evidence::{MissingKind, TestId, TestReport};

use super::{Ended, Ran, Runner, Tree};

struct Sign {
    kind: MissingKind,
    pattern: Regex,
    /// Whether the name may be a module of the repository, which is then a bug to chase.
    module: bool,
}

static SIGNS: LazyLock<Vec<Sign>> = LazyLock::new(|| {
    let table: [(MissingKind, &str, bool); 14] = [
        (MissingKind::Module, r"No module named ['\x22]?([A-Za-z0-9_.]+)", true),
        (
            MissingKind::Module,
            r"Cannot find (?:module|package) ['\x22]([^'\x22./][^'\x22]*)['\x22]",
            true,
        ),
        (MissingKind::Module, r"no matching package named `([^`]+)` found", false),
        (MissingKind::Module, r"no required module provides package ([^\s;]+)", false),
        (
            MissingKind::Module,
            r"unrecognized arguments: (--cov\S*|-n\S*|--asyncio\S*|--timeout\S*)",
            false,
        ),
        (MissingKind::Service, r"ECONNREFUSED ([0-9a-zA-Z_.:\[\]-]+:\d+)", false),
        (
            MissingKind::Service,
            r"[Cc]onnection to server at ([^\n,]+), port \d+[^\n]*refused",
            false,
        ),
        (
            MissingKind::Service,
            r"host='?([^,'\s]+)'?, port=\d+[^\n]*(?:refused|Max retries)",
            false,
        ),
        (
            MissingKind::Service,
            r"dial tcp ([0-9a-zA-Z_.:\[\]-]+:\d+): connect: connection refused",
            false,
        ),
        (
            MissingKind::Service,
            r"()(?:ConnectionRefusedError|kind: ConnectionRefused|[Cc]onnection refused)",
            false,
        ),
        (MissingKind::Network, r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (\S+)", false),
        (MissingKind::Network, r"Could not resolve host:? ([A-Za-z0-9_.-]+)", false),
        (
            MissingKind::Network,
            r"()(?:Temporary failure in name resolution|Name or service not known|Network is unreachable|attempting to make an HTTP request, but --offline)",
            false,
        ),
        (
            MissingKind::Tool,
            r"(?:linker `([^`]+)` not found|(?m:^)(?:sh|bash|/bin/sh)?:? ?(?:\d+: )?([A-Za-z0-9_.-]+): (?:command )?not found|No such file or directory: '([A-Za-z0-9_.-]+)')",
            false,
        ),
    ];
    table
        .into_iter()
        .filter_map(|(kind, pattern, module)| {
            Some(Sign { kind, pattern: Regex::new(pattern).ok()?, module })
        })
        .collect()
});

/// Notes in the report what is missing here, test by test.
pub(super) fn classify(report: &mut TestReport, runner: &Runner, ran: &Ran, tree: &dyn Tree) {
    if let Ended::NotStarted(why) = &ran.ended {
        let program = why.split('`').nth(1).unwrap_or(runner.kind.name()).to_owned();
        report.miss(MissingKind::Tool, &program, []);
        return;
    }
    let mut found: Vec<(MissingKind, String, Option<TestId>)> = Vec::new();
    for (id, outcome) in &report.outcomes {
        if outcome.is_bad()
            && let Some(said) = report.details.get(id)
            && let Some((kind, name)) = sign(said, tree)
        {
            found.push((kind, name, Some(id.clone())));
        }
    }
    for error in &report.collection_errors {
        if let Some((kind, name)) = sign(&error.message, tree) {
            found.push((kind, name, Some(TestId::from(error.what.as_str()))));
        }
    }
    if report.outcomes.is_empty()
        && report.collection_errors.is_empty()
        && !report.clean_exit
        && let Some((kind, name)) = sign(&format!("{}\n{}", ran.stdout, ran.stderr), tree)
    {
        found.push((kind, name, None));
    }
    for (kind, name, test) in found {
        report.miss(kind, &name, test);
    }
}

/// What a text says is missing. The last sign counts: the text ends with the error that was raised.
fn sign(said: &str, tree: &dyn Tree) -> Option<(MissingKind, String)> {
    let mut best: Option<(usize, MissingKind, String)> = None;
    for sign in SIGNS.iter() {
        for captures in sign.pattern.captures_iter(said) {
            let Some(whole) = captures.get(0) else { continue };
            let name = captures
                .iter()
                .skip(1)
                .flatten()
                .map(|m| m.as_str().trim_matches(['\'', '"']))
                .find(|name| !name.is_empty())
                .unwrap_or("");
            if sign.module && of_repository(name, tree) {
                continue;
            }
            let name = match (sign.kind, name) {
                (MissingKind::Module, name) => package(name).to_owned(),
                (MissingKind::Service, "") => "a server that refuses connections".to_owned(),
                (MissingKind::Network, "") => "name resolution".to_owned(),
                (_, name) => name.to_owned(),
            };
            let at = whole.start();
            let better = match &best {
                None => true,
                // of two signs at one place the one with a name is better, and it comes first
                Some((old, kind, _)) => at > *old && !(*kind == sign.kind && at - old < 200),
            };
            if better {
                best = Some((at, sign.kind, name));
            }
        }
    }
    best.map(|(_, kind, name)| (kind, name))
}

/// The part of a module's name that one would install.
fn package(name: &str) -> &str {
    if name.starts_with("--cov") {
        return "pytest-cov";
    }
    if name.starts_with("-n") {
        return "pytest-xdist";
    }
    if name.starts_with("--asyncio") {
        return "pytest-asyncio";
    }
    if name.starts_with("--timeout") {
        return "pytest-timeout";
    }
    if name.starts_with('@') || name.contains('/') {
        return name;
    }
    name.split('.').next().unwrap_or(name)
}

/// Whether the first part of a module's name is a file or folder of source in the repository.
fn of_repository(name: &str, tree: &dyn Tree) -> bool {
    let first = name.split(['.', '/']).next().unwrap_or(name);
    if first.is_empty() {
        return false;
    }
    tree.paths().iter().any(|path| {
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_some() {
                if part == first && (path.ends_with(".py") || path.ends_with(".js")) {
                    return true;
                }
            } else if part.rsplit_once('.').is_some_and(|(stem, ext)| {
                stem == first && matches!(ext, "py" | "pyi" | "js" | "mjs" | "cjs" | "ts")
            }) {
                return true;
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runners::tests_support::{Files, NoTree};

    fn check(said: &str) -> Option<(MissingKind, String)> {
        sign(said, &NoTree)
    }

    #[test]
    fn what_is_missing_is_named() {
        use MissingKind::{Module, Network, Service, Tool};
        for (said, kind, name) in [
            ("E   ModuleNotFoundError: No module named 'numpy.linalg'", Module, "numpy"),
            (
                "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'left-pad' imported",
                Module,
                "left-pad",
            ),
            ("Error: Cannot find module '@scope/x'", Module, "@scope/x"),
            ("error: no matching package named `rand` found", Module, "rand"),
            ("error: unrecognized arguments: --cov=src", Module, "pytest-cov"),
            ("Error: connect ECONNREFUSED 127.0.0.1:6379", Service, "127.0.0.1:6379"),
            (
                "E   ConnectionRefusedError: [Errno 111] Connection refused",
                Service,
                "a server that refuses connections",
            ),
            (
                "Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" }",
                Service,
                "a server that refuses connections",
            ),
            ("Could not resolve host: index.example.org", Network, "index.example.org"),
            ("error: linker `cc` not found", Tool, "cc"),
            ("sh: 1: jest: not found", Tool, "jest"),
            ("FileNotFoundError: [Errno 2] No such file or directory: 'psql'", Tool, "psql"),
        ] {
            assert_eq!(check(said), Some((kind, name.to_owned())), "{said}");
        }
        assert_eq!(check("assert 1 == 2"), None);
        assert_eq!(check("No such file or directory: '/tmp/x'"), None);
        assert_eq!(check("Cannot find module './local.js'"), None);
    }

    #[test]
    fn a_module_of_the_repository_is_a_bug_to_chase() {
        let tree = Files::new(&[("src/calc/__init__.py", ""), ("util.py", "")]);
        assert_eq!(sign("No module named 'calc.core'", &tree), None);
        assert_eq!(sign("No module named 'util'", &tree), None);
        assert!(sign("No module named 'numpy'", &tree).is_some());
    }
}
