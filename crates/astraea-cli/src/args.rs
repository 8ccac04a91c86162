//! The command line of `astra`, whole.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// Carries out a coding goal on a git repository, in a copy, and delivers it as one commit on a new branch.
///
/// Your files, index, HEAD and stash are not touched until you say `astra apply`.
#[derive(Debug, Parser)]
#[command(name = "astra", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 achieved, 1 not achieved, 2 usage or configuration, 3 unknown goal or no plan, \
    4 needs approval, 5 budget or timeout (resumable), 6 model provider, 7 ledger damaged, 130 interrupted (resumable)"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Global {
    /// Work on the repository that holds this directory.
    #[arg(short = 'C', long = "repo", global = true, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// Print JSON on stdout: one event a line, the result last.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing on stderr while working.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log more to stderr; repeat for still more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// A file with planning methods of your own (HDDL); may be repeated.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) methods: Vec<PathBuf>,
    /// Run commands without any sandbox where none can be had. The ledger records it.
    #[arg(long, global = true)]
    pub(crate) dangerously_no_sandbox: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Carry out a goal: fix_bug, implement_feature, refactor_code, add_tests, or words that mean one of them.
    Run {
        #[command(flatten)]
        goal: Goal,
        #[command(flatten)]
        publish: Publish,
    },
    /// Go on with a run that was stopped. Nothing that had finished runs again.
    Resume {
        /// The run; without it, the latest that can be resumed.
        run: Option<String>,
        #[command(flatten)]
        spending: Spending,
    },
    /// Observe and plan, and do no more.
    Plan {
        #[command(flatten)]
        goal: Goal,
        /// Say for each method why it was taken or not.
        #[arg(long, conflicts_with_all = ["dot", "mermaid"])]
        explain: bool,
        /// Print the graph for Graphviz.
        #[arg(long, conflicts_with = "mermaid")]
        dot: bool,
        /// Print the graph for Mermaid.
        #[arg(long)]
        mermaid: bool,
    },
    /// Bring a delivered result into your checkout.
    Apply {
        /// The branch; without it, the newest result.
        branch: Option<String>,
    },
    /// Put back, byte for byte, what the last `apply` changed.
    Undo,
    /// Put in place again what the last `undo` took back.
    Redo,
    /// Remove results that are in your branch or old, and old records. The ledger stays whole.
    Prune {
        /// Results and conversations older than so many days; conversations of the last day stay.
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        older_than: u32,
        /// Remove working copies and kept builds too: the next goal makes them again.
        #[arg(long)]
        caches: bool,
        /// Only say what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what a delivered result changes.
    Diff {
        /// A run or a branch; without it, the newest result.
        result: Option<String>,
    },
    /// Push a result to a remote, and open a pull request for it. Nothing else ever leaves this machine.
    Push(Push),
    /// The goals of this repository.
    Goals {
        #[command(subcommand)]
        command: Option<Goals>,
    },
    /// The runs of this repository, newest first: what each came to, and which can be resumed.
    Runs,
    /// Changes that wait for a person's approval.
    Changes {
        #[command(subcommand)]
        command: Option<Changes>,
    },
    /// Commands that may run without asking, in the sandbox: what a person has approved.
    Approvals {
        #[command(subcommand)]
        command: Option<Approvals>,
    },
    /// The tamper-evident record of what was done.
    Ledger {
        #[command(subcommand)]
        command: Ledger,
    },
    /// Plan in the language of the planning competition (HDDL), without any repository.
    Htn {
        #[command(subcommand)]
        command: Htn,
    },
    /// Call a tool directly, as a model would.
    Tool {
        /// The tool, such as execute_goal; `--list` names them all.
        #[arg(required_unless_present = "list")]
        name: Option<String>,
        /// Its arguments, a JSON object.
        #[arg(default_value = "{}")]
        arguments: String,
        /// List the tools; with --json their schemas too.
        #[arg(long, conflicts_with = "name")]
        list: bool,
    },
    /// Serve the conversation, the goals and a page over HTTP. A model is named by ASTRA_MODEL_URL, ASTRA_MODEL, ASTRA_MODEL_KEY.
    Serve {
        /// The address to listen on.
        #[arg(long, default_value = "127.0.0.1")]
        host: String,
        /// The port to listen on; 0 for any.
        #[arg(long, default_value_t = 8000)]
        port: u16,
    },
    /// Talk in the terminal.
    Chat {
        /// One message; without it, each line of stdin.
        message: Option<String>,
    },
    /// Print the token that `astra serve` asks of clients it does not know.
    Token,
    /// Let this repository's own astra.toml and methods do more than narrow.
    Trust {
        /// Take the trust back.
        #[arg(long)]
        revoke: bool,
    },
    /// Say what works here and which one command makes it better.
    Doctor,
    /// Make a small Rust repository with a bug in it and mend it.
    Demo {
        /// Where to make it; without it, a new temporary directory.
        dir: Option<PathBuf>,
    },
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// A goal and its limits.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Goal {
    /// `fix_bug`, `fix_bug: words`, or words alone.
    pub(crate) goal: String,
    /// Facts and values for the planner and the scaffolds, a JSON object.
    #[arg(long, value_name = "JSON")]
    pub(crate) context: Option<String>,
    /// Only this test matters; may be repeated.
    #[arg(long = "test", value_name = "ID")]
    pub(crate) tests: Vec<String>,
    /// Start from this revision instead of what is in the checkout.
    #[arg(long, value_name = "REV")]
    pub(crate) base: Option<String>,
    /// Milliseconds for the whole goal.
    #[arg(long, value_name = "MS", allow_negative_numbers = true, value_parser = milliseconds)]
    pub(crate) timeout: Option<i64>,
    /// Let the plan run shell commands (in the sandbox).
    #[arg(long)]
    pub(crate) allow_shell: bool,
    /// Let commands reach this host, through a proxy and no other way; may be repeated.
    #[arg(long = "allow-host", value_name = "HOST")]
    pub(crate) hosts: Vec<String>,
    #[command(flatten)]
    pub(crate) spending: Spending,
}

/// A result to be pushed.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Push {
    /// A run or a branch; without it, the newest result.
    pub(crate) result: Option<String>,
    /// Open a pull request (GitHub) or merge request (GitLab) too; the token is in GITHUB_TOKEN or GITLAB_TOKEN.
    #[arg(long)]
    pub(crate) pull_request: bool,
    /// The remote; `origin`, or what your config.toml says.
    #[arg(long, value_name = "NAME")]
    pub(crate) remote: Option<String>,
    /// The branch that the pull request is to be merged into; the project's default branch.
    #[arg(long, value_name = "BRANCH", requires = "pull_request")]
    pub(crate) into: Option<String>,
    /// Take commits of yours along that the remote does not have.
    #[arg(long)]
    pub(crate) with_my_commits: bool,
}

/// What becomes of a goal that is achieved.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Publish {
    /// Push the branch when the goal is achieved.
    #[arg(long)]
    pub(crate) push: bool,
    /// Push the branch and open a pull request when the goal is achieved.
    #[arg(long)]
    pub(crate) pull_request: bool,
}

/// What the model may spend.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Spending {
    /// The most requests to the model; when they are used up the run stops and can be resumed.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_calls: Option<i64>,
    /// The most tokens in and out together.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_tokens: Option<i64>,
    /// The most that the model may cost, by the prices in your config.toml.
    #[arg(long, value_name = "COST", allow_negative_numbers = true)]
    pub(crate) max_cost: Option<f64>,
}

/// A whole number; one that is out of every range is clipped, so that the check of the range explains it.
fn milliseconds(text: &str) -> Result<i64, String> {
    let number: i128 =
        text.parse().map_err(|_| "give a whole number of milliseconds".to_owned())?;
    Ok(i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX }))
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Goals {
    /// All goals, newest first.
    List,
    /// Goals that are open, best first.
    Prioritized,
    /// One goal, whole.
    Show {
        /// Its id.
        id: String,
    },
    /// Propose a goal.
    Create {
        /// What is wanted.
        text: String,
        /// What it is worth, 0 to 1.
        #[arg(long, default_value_t = 0.5)]
        value: f64,
        /// What it costs, 0 to 1.
        #[arg(long, default_value_t = 0.5)]
        effort: f64,
        /// What may go wrong, 0 to 1.
        #[arg(long, default_value_t = 0.5)]
        risk: f64,
        /// The same key again returns the goal made the first time.
        #[arg(long)]
        idempotency_key: Option<String>,
    },
    /// Take a proposed goal up.
    Adopt {
        /// Its id.
        id: String,
    },
    /// Give a goal up.
    Abandon {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Changes {
    /// All scheduled changes.
    List,
    /// What a change would do.
    Show {
        /// Its id.
        id: String,
    },
    /// Let a change happen: it is delivered as a branch.
    Approve {
        /// Its id.
        id: String,
    },
    /// Refuse a change.
    Reject {
        /// Its id.
        id: String,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Approvals {
    /// All that hold now.
    List,
    /// Let a command run: `astra approvals give -- make 'lint-*'`. `*` stands for characters in a word, a last `**` for any more words.
    Give {
        /// Only in this directory and below, from the repository's top level.
        #[arg(long, value_name = "DIR")]
        dir: Option<String>,
        /// Only for this goal, such as fix_bug.
        #[arg(long, value_name = "GOAL")]
        goal: Option<String>,
        /// Only for so many hours.
        #[arg(long, value_name = "HOURS")]
        hours: Option<u32>,
        /// The words of the command.
        #[arg(required = true, last = true)]
        command: Vec<String>,
    },
    /// Take an approval back.
    Revoke {
        /// Its id, or the beginning of it.
        id: String,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Ledger {
    /// Every entry, oldest first.
    Log {
        /// Only the entries of this run.
        #[arg(long)]
        run: Option<String>,
    },
    /// Check the chain and the signed head.
    Verify,
    /// Every entry as JSON lines that can be verified elsewhere.
    Export,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_list_of_commands() {
        let names: Vec<_> = Args::command()
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        expect!["run resume plan apply undo redo prune diff push goals runs changes approvals ledger htn tool serve chat token trust doctor demo completions"]
            .assert_eq(&names.join(" "));
    }

    #[test]
    fn a_negative_timeout_reaches_the_check_that_explains_it() {
        let args = Args::try_parse_from(["astra", "run", "fix_bug", "--timeout", "-5"]).unwrap();
        let Command::Run { goal, .. } = args.command else { panic!("run") };
        assert_eq!(goal.timeout, Some(-5));
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Htn {
    /// Find the errors and the oddities of a domain, and of a problem.
    Check {
        /// The domain file.
        domain: PathBuf,
        /// The problem file.
        problem: Option<PathBuf>,
    },
    /// Look for a plan and print it with its decomposition.
    Plan(HtnPlan),
    /// Check a plan: the text that `astra htn plan` and other planners print, or its JSON; say the first fault.
    Verify {
        /// The domain file.
        domain: PathBuf,
        /// The problem file.
        problem: PathBuf,
        /// The plan file.
        plan: PathBuf,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct HtnPlan {
    /// The domain file.
    pub(crate) domain: PathBuf,
    /// The problem file.
    pub(crate) problem: PathBuf,
    /// CPU seconds to spend.
    #[arg(long, value_name = "S", default_value_t = 60.0)]
    pub(crate) time: f64,
    /// Memory to hold to, in MiB.
    #[arg(long, value_name = "MB", default_value_t = 4096)]
    pub(crate) memory: usize,
    /// Let a shorter plan take all the time it needs (for plans found depth first).
    #[arg(long)]
    pub(crate) anytime: bool,
    /// Print the decomposition as an indented tree.
    #[arg(long, conflicts_with_all = ["dot", "explain"])]
    pub(crate) tree: bool,
    /// Print the decomposition in the language of Graphviz.
    #[arg(long, conflicts_with = "explain")]
    pub(crate) dot: bool,
    /// Say for each task which method was taken and what spoke against the others; without a plan, how far it got and what failed most.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Look for up to N plans with different steps (with the lifted search only).
    #[arg(long, value_name = "N", conflicts_with_all = ["explain", "anytime"], value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) plans: Option<u32>,
    /// Tell every decision on stderr (with the lifted search only).
    #[arg(long, conflicts_with = "anytime")]
    pub(crate) trace: bool,
}
