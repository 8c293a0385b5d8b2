//! Names that are always valid.

use std::fmt;
use std::marker::PhantomData;

use crate::limits::NAME_CHARS_MAX;

/// A name: a lower-case letter, then lower-case letters, digits and `_`.
///
/// Always valid: [`Name::parse`] is the only way to make one. `Of` says what it names, so that a view's name cannot
/// stand where a feature's is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<Of> {
    text: Box<str>,
    of: PhantomData<Of>,
}

/// Marks the name of an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfEntity {}
/// Marks the name of a source or of a feature view: what SQL calls a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfTable {}
/// Marks the name of a feature, a join key or a source's column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfFeature {}
/// Marks the name of a theme.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfTheme {}
/// Marks the name of a profile of a search.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfProfile {}

pub type EntityName = Name<OfEntity>;
pub type TableName = Name<OfTable>;
pub type FeatureName = Name<OfFeature>;
pub type ThemeName = Name<OfTheme>;
pub type ProfileName = Name<OfProfile>;

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a name: use a lower-case letter, then letters, digits and `_`, {NAME_CHARS_MAX} at most")]
pub struct NotAName {
    text: String,
}

impl<Of> Name<Of> {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let valid = text.len() <= NAME_CHARS_MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        match valid {
            true => Ok(Self { text: text.into(), of: PhantomData }),
            false => Err(NotAName { text: text.chars().take(NAME_CHARS_MAX).collect() }),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// What a feature is asked for by: its name, and the version that it shall have (`decade`, `decade@2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureReference<'a> {
    pub name: &'a str,
    pub version: Option<u32>,
}

impl<'a> FeatureReference<'a> {
    /// Reads `name` or `name@version`; none where it is neither.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version.parse().ok()?)),
            None => (text, None),
        };
        (!name.is_empty()).then_some(Self { name, version })
    }
}

impl<Of> fmt::Display for Name<Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The number of a release, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseNumber(u64);

impl ReleaseNumber {
    pub const FIRST: ReleaseNumber = ReleaseNumber(1);

    pub fn new(number: u64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    pub fn get(self) -> u64 {
        self.0
    }

    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for ReleaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The values of an entity's join keys, in their order, as text.
///
/// In a URL the parts are percent-encoded and joined by `,`; a single key in a JSON body stands as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityKey {
    parts: Vec<String>,
}

impl EntityKey {
    pub fn new(parts: Vec<String>) -> Self {
        Self { parts }
    }

    pub fn parts(&self) -> &[String] {
        &self.parts
    }
}

/// The form that stands in URLs and answers: a single part as it is, several percent-encoded and joined by `,`.
impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts.as_slice() {
            [only] => f.write_str(only),
            parts => {
                let encoded: Vec<String> = parts.iter().map(|part| percent_encode(part)).collect();
                f.write_str(&encoded.join(","))
            }
        }
    }
}

fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

impl From<&str> for EntityKey {
    fn from(key: &str) -> Self {
        Self { parts: vec![key.to_owned()] }
    }
}

/// BLAKE3 of all that decides a feature's values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of `parts`, each told apart from its neighbours by its length.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<blake3::Hash> for Fingerprint {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| format!("`{text}` is not a fingerprint"))?;
        Ok(Self(*hash.as_bytes()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The candidate that `text` was probably meant to be, for "did you mean".
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(text, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate)
}
