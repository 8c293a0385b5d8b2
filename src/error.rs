//! The few things that a caller can do about an error.

/// What an error asks of whoever meets it. Every module's error says which by `kind()`; `api/problem.rs` turns it into a
/// status, `main.rs` into an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ErrorKind {
    /// The request or the definition is wrong: correct it.
    Invalid,
    /// The thing that was named does not exist: name another.
    NotFound,
    /// Somebody else was first: look again, then repeat.
    Conflict,
    /// It is over a limit: ask for less.
    TooLarge,
    /// It took too long: ask for less, or raise the limit.
    Timeout,
    /// What it depends on does not answer: try again later.
    Unavailable,
    /// A fault of ours: report it.
    Internal,
}
