//! Finds the repository above a path, and refuses what cannot be used.
