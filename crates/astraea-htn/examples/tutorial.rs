//! The chapter "Planning by decomposition" of the book, step by step: a program that releases a package.
//!
//! Run with `cargo run -p astraea-htn --example tutorial`. A test compares what this prints with the chapter.

use std::collections::BTreeSet;
use std::fmt::Write;

use astraea_htn::{CompiledDomain, Error, Event, Network, Options, RuledOut, State};

const DOMAIN: &str = include_str!("release.hddl");

fn main() -> Result<(), Error> {
    let mut out = String::new();
    tell(&mut out)?;
    print!("{out}");
    Ok(())
}

/// The domain, with the one question that the program answers itself: is this version worth a release?
fn domain() -> Result<CompiledDomain, Error> {
    let published = ["site-1.4"];
    CompiledDomain::from_hddl(DOMAIN)?.with_external("worth_it", move |package, _now| {
        published.iter().all(|known| package[0] > *known)
    })
}

fn state(domain: &CompiledDomain, minutes: f64) -> Result<State, Error> {
    domain
        .state()
        .with_object("site-1.5", "package")?
        .with_fact("healthy staging")?
        .with_fact("healthy production")?
        .with_number("minutes", minutes)
}

pub(crate) fn tell(out: &mut String) -> Result<(), Error> {
    let domain = domain()?;
    let release = Network::task("release site-1.5");
    let options = Options::default();

    section(out, "An hour is enough");
    let hour = state(&domain, 60.0)?;
    let plan = domain.plan(&hour, &release, &options)?;
    domain.verify(&hour, &release, &plan).map_err(Error::WrongPlan)?;
    let _ = write!(out, "{}", plan.to_tree());

    section(out, "Fifty minutes are not");
    let explanation = domain.explain(&state(&domain, 50.0)?, &release, &options)?;
    let _ = write!(out, "{explanation}");

    section(out, "Half an hour is too little for anything");
    let _ = write!(out, "{}", domain.explain(&state(&domain, 30.0)?, &release, &options)?);

    section(out, "What the search does");
    let log = std::cell::RefCell::new(String::new());
    let watch = |event: &Event| {
        if matches!(event, Event::Refined { .. } | Event::Failed { .. }) {
            let _ = writeln!(log.borrow_mut(), "{event}");
        }
    };
    domain.plan(&state(&domain, 50.0)?, &release, &options.clone().with_observer(&watch))?;
    for line in log.into_inner().lines().take(9) {
        let _ = writeln!(out, "{line}");
    }

    section(out, "The switch on staging fails");
    let mut now = state(&domain, 15.0)?;
    for fact in ["built site-1.5", "tested site-1.5", "noted site-1.5", "copied site-1.5 staging"] {
        now.add(fact)?;
    }
    now.set_number("minutes", 20.0)?;
    now.remove("healthy staging")?;
    let failed = plan.steps.iter().position(|s| s.action == "switch").unwrap_or_default();
    let again = domain.replan(&now, &release, &plan, failed, &options)?;
    let _ = writeln!(out, "left to do: {} ({} decision given up)", again.tasks, again.given_up);
    let _ = write!(out, "{}", again.plan);

    section(out, "Never with staging stopped");
    let never = vec![("restart".to_owned(), vec![("?s".to_owned(), "staging".to_owned())])];
    let options =
        Options::default().with_ruled_out(RuledOut { bindings: never, ..RuledOut::default() });
    let again = domain.replan(&now, &release, &plan, failed, &options)?;
    let _ = writeln!(out, "left to do: {} ({} decisions given up)", again.tasks, again.given_up);
    let _ = write!(out, "{}", again.plan);

    section(out, "What may run at the same time");
    let dependencies = domain.dependencies(&hour, &plan);
    let pairs: BTreeSet<(usize, usize)> =
        dependencies.iter().map(|d| (d.before, d.after)).filter(|(_, after)| *after < 5).collect();
    for (before, after) in pairs {
        let _ = writeln!(out, "{} before {}", plan.steps[before].atom(), plan.steps[after].atom());
    }
    Ok(())
}

fn section(out: &mut String, title: &str) {
    let _ = writeln!(out, "{}## {title}", if out.is_empty() { "" } else { "\n" });
}
