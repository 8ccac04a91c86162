//! Behaviours of goals.
