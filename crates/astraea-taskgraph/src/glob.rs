//! Whether two globs may name one path.

/// Whether some path may match both globs. Never says no wrongly; may say yes wrongly.
pub fn globs_overlap(a: &str, b: &str) -> bool {
    let _ = (a, b);
    true
}
