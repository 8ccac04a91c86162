//! `astra diff`, `astra apply`, `astra undo`, `astra redo`, `astra prune`: what to do with a result.

use astraea_goals::PruneOptions;

use crate::{
    args::Global,
    commands::{open, print_as},
    failure::Failure,
};

/// `astra diff`.
///
/// # Errors
/// When there is no such result.
pub(crate) fn diff(global: &Global, result: Option<&str>) -> Result<u8, Failure> {
    let diff = open(global, false)?.diff(result)?;
    print_as(global, &serde_json::json!({ "diff": diff }), || diff.clone())?;
    Ok(0)
}

/// `astra apply`: the one command that writes to the checkout.
///
/// # Errors
/// When there is nothing to apply, or the checkout has changes in the same files.
pub(crate) async fn apply(global: &Global, branch: Option<&str>) -> Result<u8, Failure> {
    let applied = open(global, false)?.apply(branch).await?;
    print_as(global, &applied, || applied.to_text())?;
    Ok(0)
}

/// `astra undo`.
///
/// # Errors
/// When there is nothing to undo, or the files have been changed since.
pub(crate) async fn undo(global: &Global) -> Result<u8, Failure> {
    let undone = open(global, false)?.undo().await?;
    print_as(global, &undone, || undone.to_text())?;
    Ok(0)
}

/// `astra redo`.
///
/// # Errors
/// When nothing was taken back last, or the files have been changed since.
pub(crate) async fn redo(global: &Global) -> Result<u8, Failure> {
    let redone = open(global, false)?.redo().await?;
    print_as(global, &redone, || redone.to_text())?;
    Ok(0)
}

/// `astra prune`.
///
/// # Errors
/// When the repository or what is kept of it cannot be read; what cannot be removed is in the report, with exit code 1.
pub(crate) async fn prune(global: &Global, options: &PruneOptions) -> Result<u8, Failure> {
    let report = open(global, false)?.prune(options).await?;
    print_as(global, &report, || report.to_text())?;
    Ok(u8::from(!report.problems.is_empty()))
}
