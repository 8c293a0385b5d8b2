//! `features=decade,mtld@2,lexical:*`: read, checked against a release, and compiled to columns.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, new_empty_array};
use datafusion::arrow::datatypes::Field;

use crate::engine::json::{JsonColumn, quoted};
use crate::engine::{RowExpression, SqlError};
use crate::error::ErrorKind;
use crate::limits::SELECTION_FEATURES_MAX;
use crate::name::{FeatureReference, nearest};
use crate::store::{
    FeaturePin, FrameColumn, IndexedView, OtherVersion, PackedRow, ReadableFrame, StoreError, Values, take_rows,
};

/// The columns that were asked for, in order.
#[derive(Debug)]
pub struct Selection {
    features: Vec<SelectedFeature>,
    state: State,
}

/// How the values of a selection are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// All of them, in the rows of the frame.
    Held,
    /// Some must be read or computed first.
    Gatherable,
    /// Those of one request, in its order.
    Gathered,
}

/// A feature that is computed when it is asked for.
#[derive(Clone, Debug)]
pub struct OnRequestFeature {
    pub view: Arc<str>,
    pub pin: FeaturePin,
    pub expression: Arc<RowExpression>,
}

/// Where the values of a feature come from.
#[derive(Debug)]
enum Origin {
    Stored(Values),
    /// Computed of stored columns, and of what comes with a request.
    Computed {
        expression: Arc<RowExpression>,
        stored: Vec<(String, Values)>,
    },
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
    /// Empty where they are read or computed when they are asked for.
    pub values: ArrayRef,
    /// Where its values stand in a packed row.
    pub slot: Option<usize>,
    origin: Origin,
}

impl SelectedFeature {
    /// What it is computed by, where it is on request.
    pub fn expression(&self) -> Option<&Arc<RowExpression>> {
        match &self.origin {
            Origin::Stored(_) => None,
            Origin::Computed { expression, .. } => Some(expression),
        }
    }

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

    /// Whether values must be read or computed: then [`Self::gather`] comes before anything is written.
    pub fn must_be_gathered(&self) -> bool {
        self.state == State::Gatherable
    }

    /// The values that have to come with a request. One that several features read is there several times.
    pub fn inputs(&self) -> impl Iterator<Item = &Field> {
        self.features.iter().filter_map(SelectedFeature::expression).flat_map(|expression| expression.inputs())
    }

    /// The same features for `rows` only, whose numbers are then 0, 1, …, with what is read and computed for them. `input`
    /// gives the values of an input, one for each of the rows.
    pub async fn gather<E: From<SqlError> + From<StoreError>>(
        &self,
        rows: &[usize],
        input: impl Fn(&Field) -> Result<ArrayRef, E>,
    ) -> Result<Self, E> {
        let mut given: Vec<(&Field, ArrayRef)> = Vec::new();
        for field in self.inputs() {
            if !given.iter().any(|(known, _)| *known == field) {
                given.push((field, input(field)?));
            }
        }
        let read = self.read(rows).await?;
        let mut features = Vec::with_capacity(self.features.len());
        for feature in &self.features {
            let values = match &feature.origin {
                Origin::Stored(values) => read.column(&feature.name, values)?,
                Origin::Computed { expression, stored } => {
                    let stored = stored.iter().map(|(name, values)| read.column(name, values));
                    let mut columns = stored.collect::<Result<Vec<ArrayRef>, StoreError>>()?;
                    let inputs = expression.inputs();
                    columns.extend(
                        inputs
                            .flat_map(|field| given.iter().find(|(known, _)| *known == field))
                            .map(|(_, values)| Arc::clone(values)),
                    );
                    expression.evaluate(columns, rows.len())?
                }
            };
            let column = JsonColumn::new(&values).map_err(|error| SqlError::from_execution(error.into()))?;
            let (name, quoted, member) = (Arc::clone(&feature.name), feature.quoted.clone(), feature.member.clone());
            let origin = Origin::Stored(Values::Held(Arc::clone(&values)));
            features.push(SelectedFeature { name, quoted, member, column, values, slot: None, origin });
        }
        Ok(Self { features, state: State::Gathered })
    }

    /// Reads `rows` of each view that is not held in memory, once.
    async fn read<'a>(&self, rows: &'a [usize]) -> Result<ReadRows<'a>, StoreError> {
        let stored = self.features.iter().flat_map(|feature| match &feature.origin {
            Origin::Stored(values) => vec![values],
            Origin::Computed { stored, .. } => stored.iter().map(|(_, values)| values).collect(),
        });
        let mut views: Vec<(Arc<IndexedView>, RecordBatch)> = Vec::new();
        for values in stored {
            if let Values::Indexed(view) = values
                && !views.iter().any(|(known, _)| Arc::ptr_eq(known, view))
            {
                views.push((Arc::clone(view), view.rows(rows).await?));
            }
        }
        Ok(ReadRows { rows, views })
    }

    /// The narrow values of a row of `frame`, where they are read from there.
    pub(super) fn packed<'a>(&self, frame: &ReadableFrame<'a>, row: usize) -> PackedRow<'a> {
        if self.state == State::Gathered { PackedRow::EMPTY } else { frame.packed(row) }
    }
}

/// The rows of one request.
struct ReadRows<'a> {
    rows: &'a [usize],
    views: Vec<(Arc<IndexedView>, RecordBatch)>,
}

impl ReadRows<'_> {
    fn column(&self, name: &str, values: &Values) -> Result<ArrayRef, StoreError> {
        match values {
            Values::Held(values) => take_rows(values, self.rows),
            Values::Indexed(view) => {
                let read = self.views.iter().find(|(known, _)| Arc::ptr_eq(known, view));
                let column = read.and_then(|(_, rows)| rows.column_by_name(name));
                Ok(Arc::clone(column.expect("every view of the selection was read")))
            }
        }
    }
}

/// Why a selection cannot be compiled. `index` is the position in the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    #[error("the entity `{entity}` has no feature `{name}`")]
    UnknownFeature { entity: String, name: String, index: usize, nearest: Option<String> },
    #[error("the entity `{entity}` has no view `{name}`")]
    UnknownView { entity: String, name: String, index: usize, nearest: Option<String> },
    #[error("{other}")]
    OtherVersion { index: usize, other: OtherVersion },
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

/// Compiles `asked` over `frame` and what can be computed of it; nothing asked means every scalar that is stored.
pub fn compile(
    frame: &ReadableFrame<'_>,
    on_request: &[OnRequestFeature],
    asked: Option<&[String]>,
) -> Result<Selection, SelectionError> {
    let mut columns: Vec<Found<'_>> = Vec::new();
    match asked {
        None => {
            let scalars = frame.columns().filter(|column| feature(column).is_some_and(FeaturePin::is_scalar));
            columns.extend(scalars.map(Found::Stored));
        }
        Some(asked) if asked.len() > SELECTION_FEATURES_MAX => {
            return Err(SelectionError::TooMany { found: asked.len() });
        }
        Some(asked) => {
            for (index, text) in asked.iter().enumerate() {
                one(frame, on_request, index, text.trim(), &mut columns)?;
            }
        }
    }
    let mut seen = BTreeSet::new();
    columns.retain(|column| seen.insert(column.name()));
    let features = columns.into_iter().map(|column| match column {
        Found::Stored(column) => selected(&column.field, column.slot, Origin::Stored(column.values.clone())),
        Found::OnRequest(OnRequestFeature { expression, .. }) => {
            let stored = expression.stored().filter_map(|field| frame.column(field.name()));
            let stored = stored.map(|column| (column.field.name().clone(), column.values.clone())).collect();
            selected(expression.field(), None, Origin::Computed { expression: Arc::clone(expression), stored })
        }
    });
    let features = features.collect::<Result<Vec<SelectedFeature>, _>>()?;
    let is_held = |feature: &SelectedFeature| matches!(feature.origin, Origin::Stored(Values::Held(_)));
    let state = if features.iter().all(is_held) { State::Held } else { State::Gatherable };
    Ok(Selection { features, state })
}

/// What a name stands for.
#[derive(Clone, Copy)]
enum Found<'a> {
    Stored(&'a FrameColumn),
    OnRequest(&'a OnRequestFeature),
}

impl<'a> Found<'a> {
    fn name(self) -> &'a str {
        match self {
            Self::Stored(column) => column.field.name(),
            Self::OnRequest(feature) => &feature.pin.name,
        }
    }
}

fn one<'a>(
    frame: &ReadableFrame<'a>,
    on_request: &'a [OnRequestFeature],
    index: usize,
    text: &str,
    columns: &mut Vec<Found<'a>>,
) -> Result<(), SelectionError> {
    let entity = frame.entity().name.clone();
    if let Some(view) = text.strip_suffix(":*") {
        let before = columns.len();
        columns.extend(frame.columns().filter(|column| view_of(column) == Some(view)).map(Found::Stored));
        columns.extend(on_request.iter().filter(|feature| *feature.view == *view).map(Found::OnRequest));
        if columns.len() > before {
            return Ok(());
        }
        let views = frame.columns().filter_map(view_of).chain(on_request.iter().map(|feature| &*feature.view));
        let views: BTreeSet<&str> = views.collect();
        let nearest = nearest(view, views.iter().copied()).map(str::to_owned);
        return Err(SelectionError::UnknownView { entity, name: shortened(view), index, nearest });
    }
    let Some(FeatureReference { name, version }) = FeatureReference::parse(text) else {
        return Err(SelectionError::Malformed { text: shortened(text), index });
    };
    let stored = frame.column(name).and_then(|column| Some((Found::Stored(column), feature(column)?)));
    let computed = on_request.iter().find(|feature| feature.pin.name == name);
    let found = stored.or_else(|| computed.map(|feature| (Found::OnRequest(feature), &feature.pin)));
    let Some((column, pin)) = found else {
        let names =
            frame.columns().filter(|column| column.feature.is_some()).map(|column| column.field.name().as_str());
        let names = names.chain(on_request.iter().map(|feature| feature.pin.name.as_str()));
        let nearest = nearest(name, names).map(str::to_owned);
        return Err(SelectionError::UnknownFeature { entity, name: shortened(name), index, nearest });
    };
    match version {
        Some(asked) if asked != pin.version => {
            let other = OtherVersion { entity, name: name.to_owned(), asked, held: pin.version, holder: None };
            Err(SelectionError::OtherVersion { index, other })
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

fn selected(field: &Field, slot: Option<usize>, origin: Origin) -> Result<SelectedFeature, SelectionError> {
    let name = field.name().as_str();
    let values = match &origin {
        Origin::Stored(Values::Held(values)) => Arc::clone(values),
        _ => new_empty_array(field.data_type()),
    };
    let column = JsonColumn::new(&values).map_err(|_| SelectionError::Unwritable { name: name.to_owned() })?;
    Ok(SelectedFeature {
        name: name.into(),
        member: [b",", &*quoted(name), b":"].concat().into(),
        quoted: quoted(name),
        column,
        values,
        slot,
        origin,
    })
}

/// What a caller sent may be long; what is said back is not.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
