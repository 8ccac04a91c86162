//! How an entry becomes a hash.
