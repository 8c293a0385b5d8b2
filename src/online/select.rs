//! `features=decade,mtld@2,lexical:*`: read, checked against a release, and compiled to columns.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;

use crate::engine::json::{JsonColumn, quoted};
use crate::error::ErrorKind;
use crate::limits::SELECTION_FEATURES_MAX;
use crate::name::nearest;
use crate::store::{FeaturePin, FrameColumn, PackedRow, ReadableFrame};

/// The columns that were asked for, in order.
#[derive(Debug)]
pub struct Selection {
    features: Vec<SelectedFeature>,
}

/// A column that was asked for.
#[derive(Debug)]
pub struct SelectedFeature {
    pub name: Arc<str>,
    /// The name as a JSON string.
    pub quoted: Box<[u8]>,
    /// What stands before its value in an object, where it is not the first: `,"name":`.
    pub member: Box<[u8]>,
    pub column: JsonColumn,
    pub values: ArrayRef,
    /// Where its values stand in a packed row.
    pub slot: Option<usize>,
}

impl SelectedFeature {
    /// Appends the value of `row`, which is also `packed`.
    pub fn write(&self, row: usize, packed: PackedRow<'_>, out: &mut Vec<u8>) {
        match self.slot {
            None => self.column.write(row, out),
            Some(slot) => match packed.get(slot) {
                Some(word) => self.column.write_word(word, out),
                None => out.extend_from_slice(b"null"),
            },
        }
    }
}

impl Selection {
    pub fn features(&self) -> &[SelectedFeature] {
        &self.features
    }
}

/// Why a selection cannot be compiled. `index` is the position in the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    #[error("the entity `{entity}` has no feature `{name}`")]
    UnknownFeature { entity: String, name: String, index: usize, nearest: Option<String> },
    #[error("the entity `{entity}` has no view `{name}`")]
    UnknownView { entity: String, name: String, index: usize, nearest: Option<String> },
    #[error("this release holds version {held} of `{name}`, not {asked}")]
    OtherVersion { name: String, index: usize, asked: u32, held: u32 },
    #[error("`{text}` is not a feature: write `name`, `name@version` or `view:*`")]
    Malformed { text: String, index: usize },
    #[error("{found} features were asked for, {SELECTION_FEATURES_MAX} at most are answered")]
    TooMany { found: usize },
    #[error("the feature `{name}` cannot be written as JSON")]
    Unwritable { name: String },
}

impl SelectionError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::OtherVersion { .. } => ErrorKind::NotFound,
            Self::UnknownFeature { .. } | Self::UnknownView { .. } | Self::Malformed { .. } => ErrorKind::Invalid,
            Self::TooMany { .. } => ErrorKind::TooLarge,
            Self::Unwritable { .. } => ErrorKind::Internal,
        }
    }
}

/// Compiles `asked` over `frame`; nothing asked means every scalar.
pub fn compile(frame: &ReadableFrame<'_>, asked: Option<&[String]>) -> Result<Selection, SelectionError> {
    let mut columns: Vec<&FrameColumn> = Vec::new();
    match asked {
        None => columns.extend(frame.columns().filter(|column| feature(column).is_some_and(FeaturePin::is_scalar))),
        Some(asked) if asked.len() > SELECTION_FEATURES_MAX => {
            return Err(SelectionError::TooMany { found: asked.len() });
        }
        Some(asked) => {
            for (index, text) in asked.iter().enumerate() {
                one(frame, index, text.trim(), &mut columns)?;
            }
        }
    }
    let mut seen = BTreeSet::new();
    columns.retain(|column| seen.insert(column.field.name().as_str()));
    let features: Result<Vec<_>, _> = columns.into_iter().map(selected).collect();
    Ok(Selection { features: features? })
}

fn one<'a>(
    frame: &ReadableFrame<'a>,
    index: usize,
    text: &str,
    columns: &mut Vec<&'a FrameColumn>,
) -> Result<(), SelectionError> {
    let entity = frame.entity().name.clone();
    if let Some(view) = text.strip_suffix(":*") {
        let before = columns.len();
        columns.extend(frame.columns().filter(|column| view_of(column) == Some(view)));
        if columns.len() > before {
            return Ok(());
        }
        let views: BTreeSet<&str> = frame.columns().filter_map(view_of).collect();
        let nearest = nearest(view, views.iter().copied()).map(str::to_owned);
        return Err(SelectionError::UnknownView { entity, name: shortened(view), index, nearest });
    }
    let malformed = || SelectionError::Malformed { text: shortened(text), index };
    let (name, version) = match text.split_once('@') {
        Some((name, version)) => (name, Some(version.parse::<u32>().map_err(|_| malformed())?)),
        None => (text, None),
    };
    if name.is_empty() {
        return Err(malformed());
    }
    let found = frame.column(name).and_then(|column| Some((column, feature(column)?)));
    let Some((column, pin)) = found else {
        let names =
            frame.columns().filter(|column| column.feature.is_some()).map(|column| column.field.name().as_str());
        let nearest = nearest(name, names).map(str::to_owned);
        return Err(SelectionError::UnknownFeature { entity, name: shortened(name), index, nearest });
    };
    match version {
        Some(asked) if asked != pin.version => {
            Err(SelectionError::OtherVersion { name: name.to_owned(), index, asked, held: pin.version })
        }
        _ => {
            columns.push(column);
            Ok(())
        }
    }
}

fn feature(column: &FrameColumn) -> Option<&FeaturePin> {
    column.feature.as_ref().map(|(_, feature)| feature.as_ref())
}

fn view_of(column: &FrameColumn) -> Option<&str> {
    column.feature.as_ref().map(|(view, _)| view.as_ref())
}

fn selected(column: &FrameColumn) -> Result<SelectedFeature, SelectionError> {
    let name = column.field.name();
    let written = JsonColumn::new(&column.values).map_err(|_| SelectionError::Unwritable { name: name.clone() })?;
    Ok(SelectedFeature {
        name: name.as_str().into(),
        member: [b",", &*quoted(name), b":"].concat().into(),
        quoted: quoted(name),
        column: written,
        values: Arc::clone(&column.values),
        slot: column.slot,
    })
}

/// What a caller sent may be long; what is said back is not.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
