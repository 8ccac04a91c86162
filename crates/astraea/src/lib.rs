#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "code-access")]
pub use astraea_code_access as code_access;
#[cfg(feature = "engine")]
pub use astraea_engine as engine;
#[cfg(feature = "executors")]
pub use astraea_executors as executors;
#[cfg(feature = "goals")]
pub use astraea_goals as goals;
#[cfg(feature = "htn")]
pub use astraea_htn as htn;
#[cfg(feature = "ledger")]
pub use astraea_ledger as ledger;
#[cfg(feature = "redact")]
pub use astraea_redact as redact;
#[cfg(feature = "repair")]
pub use astraea_repair as repair;
#[cfg(feature = "sandbox")]
pub use astraea_sandbox as sandbox;
#[cfg(feature = "taskgraph")]
pub use astraea_taskgraph as taskgraph;
