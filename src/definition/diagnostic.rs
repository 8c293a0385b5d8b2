//! A fault in a definition: where it is, what it is, what to do about it.

use std::fmt;
use std::sync::Arc;

use crate::limits::DIAGNOSTICS_MAX;

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: Arc<str>,
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A value and the place where it was written.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    pub value: T,
    pub place: Place,
}

impl<T> Spanned<T> {
    pub fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }
}

/// One fault. Prints as `file:line:column: message; remedy`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    pub place: Place,
    pub message: String,
    pub remedy: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        self.remedy.iter().try_for_each(|remedy| write!(f, "; {remedy}"))
    }
}

/// All faults, each once, ordered by file, line and column.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub fn add(&mut self, place: &Place, message: impl Into<String>) {
        self.push(Diagnostic { place: place.clone(), message: message.into(), remedy: None });
    }

    /// Adds a fault with its remedy.
    pub fn add_with(&mut self, place: &Place, message: impl Into<String>, remedy: Option<String>) {
        self.push(Diagnostic { place: place.clone(), message: message.into(), remedy });
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        if self.0.len() >= DIAGNOSTICS_MAX {
            return;
        }
        if let Err(index) = self.0.binary_search(&diagnostic) {
            self.0.insert(index, diagnostic);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Diagnostic> {
        self.0.iter()
    }
}

/// "did you mean …" where a candidate is near enough, "there is …" where they are few, else nothing.
pub(crate) fn suggestion<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(nearest) = crate::name::nearest(text, candidates.iter().copied()) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    match candidates.len() {
        0 => None,
        1..=12 => Some(format!("there is `{}`", candidates.join("`, `"))),
        _ => None,
    }
}
