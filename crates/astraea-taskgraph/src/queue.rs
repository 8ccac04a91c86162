//! Which ready task comes first.
