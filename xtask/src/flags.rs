//! The command line of `cargo xtask`, whole.

use std::path::PathBuf;

xflags::xflags! {
    /// What a contributor runs.
    cmd xtask {
        /// Builds, fetches what the tests need, runs unit, integration, doc and scenario tests.
        cmd test {
            /// Leave out the end-to-end scenarios.
            optional --no-e2e
        }
        /// Runs the end-to-end scenarios (all, or those whose name contains FILTER).
        cmd e2e {
            /// Part of a scenario's name.
            optional filter: String
            /// Kill a run at so many random moments and resume each.
            optional --kills n: u32
            /// List the scenarios and stop.
            optional --list
            /// Keep the repositories that the scenarios made.
            optional --keep
        }
        /// Checks the rules of the house that the compiler cannot see.
        cmd tidy {}
        /// Everything that must hold before a change lands: format, clippy, tidy, docs, test.
        cmd ci {}
        /// Kills and fails every step that changes something at system calls all over it: 0 torn edit sets.
        cmd faults {
            /// At most so many points of each step and kind of fault (160: more than a thousand of each in all).
            optional --points n: u64
            /// Only the step of this name.
            optional --only step: String
            /// Then each race of a directory that becomes a link, for so many seconds.
            optional --race seconds: u64
        }
        /// Talks with llama.cpp's own server, its model of random weights; fetches a large wheel.
        cmd llama {
            /// How many exchanges (50).
            optional --exchanges n: u32
        }
        /// Measures. NAME: `goal`, `chat`, `plan`, `access`, `add-tests` or `repair`.
        cmd bench {
            /// Which benchmark.
            required name: String
            /// chat: how many conversations at once (100).
            optional --conversations n: u32
            /// How many times.
            optional --rounds n: u32
            /// plan: the problems, a CSV file with the columns track,domain,domain_file,problem_file.
            optional --suite csv: PathBuf
            /// add-tests: programs with wrong twins, a JSONL file; repair: bugs, with the fields of HumanEvalFix.
            optional --data jsonl: PathBuf
            /// add-tests: the language of the programs (python); repair: of the bugs (python, rust or js).
            optional --lang name: String
            /// plan: the directory that the suite's files are in.
            optional --root dir: PathBuf
            /// plan: CPU seconds a problem (10); add-tests: seconds a program (60); repair: CPU seconds a task (20, Rust 60).
            optional --cpu seconds: u64
            /// plan: MiB of address space a problem (4096).
            optional --mem mib: u64
            /// Where the results go.
            optional --out csv: PathBuf
            /// plan: where the plans go.
            optional --plans dir: PathBuf
            /// plan: threads a problem (1).
            optional --threads n: usize
            /// plan: only so many problems of each domain; add-tests: about so many programs, evenly spread.
            optional --sample n: usize
            /// plan: only domains whose TRACK/NAME contains this; add-tests: only programs whose id does; repair: the same, with a `$` at the id's end.
            optional --only part: String
            /// The program to measure; without it, an example: `hddl` of astraea-htn, or `repair_one` of astraea-executors (with --dir: `astra`).
            optional --planner program: PathBuf
            /// repair: the tests that the search may see: full (the task's `test`) or example (its `example_test`).
            optional --search which: String
            /// repair: where the delivered sources and the reports go.
            optional --patches dir: PathBuf
            /// repair: a folder of repositories, each with a failing test, instead of tasks.
            optional --dir folder: PathBuf
        }
    }
}
