//! Says which test runners a list of file names suggests, and the command of each.
//!
//! ```console
//! $ git ls-files | xargs cargo run -p astraea-executors --example find_runners
//! ```

use astraea_executors::runners::{Selection, Surroundings, Tree, find};

/// Names only: manifests cannot be read, so the search goes by names alone.
struct Names(Vec<String>);

impl Tree for Names {
    fn paths(&self) -> &[String] {
        &self.0
    }

    fn read(&self, _path: &str) -> Option<String> {
        None
    }
}

fn main() {
    let names = Names(std::env::args().skip(1).collect());
    let at = Surroundings { root: "/repository".to_owned(), ..Surroundings::default() };
    for runner in find(&names, "", None) {
        let command = runner.invocation(&at, &Selection::default()).shown.join(" ");
        let dir = if runner.dir.is_empty() { "." } else { &runner.dir };
        println!("{}: in {dir}, by {}: {command}", runner.kind.name(), runner.why);
    }
}
