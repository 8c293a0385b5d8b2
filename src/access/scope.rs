//! What a key may be used for.

use std::fmt;
use std::str::FromStr;

/// A kind of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scope {
    /// Lookups, the catalogue, stored embeddings.
    Features,
    /// Statements and training sets.
    Sql,
    Download,
    Search,
    /// New texts: analyses, embeddings, jobs.
    Analyze,
    Insight,
    /// Rows into sources.
    Ingest,
    /// Features and columns whose licence or definition keeps them from everybody else.
    Restricted,
    /// Keys and usage of others.
    Admin,
}

impl Scope {
    pub const ALL: [Scope; 9] = [
        Self::Features,
        Self::Sql,
        Self::Download,
        Self::Search,
        Self::Analyze,
        Self::Insight,
        Self::Ingest,
        Self::Restricted,
        Self::Admin,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Features => "features",
            Self::Sql => "sql",
            Self::Download => "download",
            Self::Search => "search",
            Self::Analyze => "analyze",
            Self::Insight => "insight",
            Self::Ingest => "ingest",
            Self::Restricted => "restricted",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// A name that no scope has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope `{0}`; there is {all}", all = Scopes::ALL)]
pub struct UnknownScope(String);

/// A set of scopes. Empty by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u16);

impl Scopes {
    pub const ALL: Scopes = Scopes((1 << Scope::ALL.len()) - 1);

    /// Those that read what is open to whoever may ask: no rows in, nothing restricted, nobody's keys.
    pub const READ: Scopes = Self::ALL.without(Scope::Ingest).without(Scope::Restricted).without(Scope::Admin);

    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u16)
    }

    const fn without(self, scope: Scope) -> Self {
        Self(self.0 & !(1 << scope as u16))
    }

    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u16) != 0
    }

    /// Those that both have.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// In their order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Scope::name).collect()
    }

    /// Of names that are joined by `,` or blanks.
    pub fn parse(text: &str) -> Result<Self, UnknownScope> {
        text.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty()).map(str::parse).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::default(), Self::with)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}
