//! What keeps a server from running.

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {message}; choose another with --port")]
    Bind {
        /// What was asked for.
        address: String,
        /// Why not.
        message: String,
    },
    /// The server stopped.
    #[error("the server stopped: {message}")]
    Io {
        /// Why.
        message: String,
    },
    /// The token could not be made, read or kept.
    #[error("the token could not be kept: {message}")]
    Token {
        /// Why.
        message: String,
    },
}
