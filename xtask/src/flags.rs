//! The command line of `cargo xtask`, whole.

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
        /// Measures. NAME: `goal`.
        cmd bench {
            /// Which benchmark.
            required name: String
            /// How many times.
            optional --rounds n: u32
        }
    }
}
