//! Downloads: a table or a selection of it as a file, written once per release and selection.

mod encode;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::TryStreamExt;

pub use encode::{EncodeError, Encoder, Format, csv_text};

use crate::engine::{SqlError, canonical_expression, quoted};
use crate::error::ErrorKind;
use crate::limits::SELECTION_FEATURES_MAX;
use crate::name::{FeatureReference, Fingerprint, nearest};
use crate::query::Query;
use crate::store::{Export, Manifest, OtherVersion, Readable, Store, StoreError};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// An entity, a source or a view.
    pub dataset: String,
    pub format: Format,
    /// In order; none means all.
    pub columns: Option<Vec<String>>,
    /// A condition on the dataset's columns.
    pub filter: Option<String>,
}

/// Why there is no download.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("there is no dataset `{name}`")]
    Unknown { name: String, nearest: Option<String>, known: Vec<String> },
    #[error("`{dataset}` has no column `{name}`")]
    UnknownColumn { dataset: String, name: String, index: usize, nearest: Option<String> },
    #[error("{other}")]
    OtherVersion { index: usize, other: OtherVersion },
    #[error("{0} columns were asked for, {SELECTION_FEATURES_MAX} at most are written")]
    TooManyColumns(usize),
    #[error("{0}")]
    Filter(SqlError),
    #[error(transparent)]
    Sql(SqlError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the file cannot be written")]
    Unwritable(#[from] std::io::Error),
    /// Many waited for one file.
    #[error(transparent)]
    Shared(std::sync::Arc<DatasetError>),
}

impl DatasetError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown { .. } | Self::OtherVersion { .. } => ErrorKind::NotFound,
            Self::UnknownColumn { .. } => ErrorKind::Invalid,
            Self::TooManyColumns(_) => ErrorKind::TooLarge,
            Self::Filter(error) | Self::Sql(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Unwritable(_) => ErrorKind::Unavailable,
            Self::Shared(error) => error.kind(),
        }
    }
}

/// A request that was checked against a release: what it is called in the store, and its statement.
#[derive(Clone, Debug)]
pub struct Selection {
    pub name: String,
    pub format: Format,
    /// What gives its rows.
    pub sql: String,
    /// A caller's condition that is in it, and the dataset of which it is asked.
    pub condition: Option<Condition>,
}

/// What a caller asks of each row of a dataset. Its types are not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub dataset: String,
    pub text: String,
}

/// Checks a request.
pub async fn select(readable: &Readable, query: &Query, request: &Request) -> Result<Selection, DatasetError> {
    let manifest = readable.manifest();
    let key = key(&manifest, &request.dataset)?;
    let schema = query.columns(&request.dataset).await.map_err(DatasetError::Sql)?;
    let columns = match columns(&manifest, &schema, request) {
        Err(DatasetError::OtherVersion { index, other }) => {
            return Err(DatasetError::OtherVersion { index, other: readable.with_holder(other).await });
        }
        columns => columns?,
    };
    let mut sql = format!("select {} from {}", columns.join(", "), quoted(&request.dataset));
    if let Some(filter) = &request.filter {
        // Parsed and printed, so that it is one expression and nothing else.
        let filter = canonical_expression(filter).map_err(DatasetError::Filter)?;
        sql.push_str(&format!(" where ({filter})"));
    }
    // In the order of the keys, so that the same selection gives the same file.
    let readable_key = key.iter().filter(|column| schema.column_with_name(column).is_some());
    let order: Vec<String> = readable_key.map(|column| quoted(column)).collect();
    sql.push_str(&format!(" order by {}", order.join(", ")));
    let entitlements = format!("{:?}", readable.entitlements());
    let identity = [sql.as_str(), request.format.extension(), &entitlements];
    let digest = Fingerprint::of(identity.map(str::as_bytes)).to_string();
    let name = format!("{}-{}.{}", request.dataset, &digest[..16], request.format.extension());
    let condition =
        request.filter.as_ref().map(|text| Condition { dataset: request.dataset.clone(), text: text.clone() });
    Ok(Selection { name, format: request.format, sql, condition })
}

/// Writes the file of a selection out of its rows, where it is not there yet.
pub async fn export(
    store: &Store,
    readable: &Readable,
    selection: &Selection,
    rows: Result<SendableRecordBatchStream, SqlError>,
) -> Result<Export, DatasetError> {
    let release = readable.number();
    if let Some(export) = store.export(release, &selection.name).await? {
        return Ok(export);
    }
    let refused = |error| match selection.condition.is_some() {
        true => DatasetError::Filter(error),
        false => DatasetError::Sql(error),
    };
    let mut rows = rows.map_err(refused)?;
    let mut writer = store.begin_export(release, &selection.name);
    let mut encoder = encode::Encoder::new(selection.format, &rows.schema()).map_err(fault)?;
    let mut count = 0;
    while let Some(batch) = rows.try_next().await.map_err(|error| refused(SqlError::from_execution(error)))? {
        count += batch.num_rows() as u64;
        encoder.write(&batch).map_err(fault)?;
        writer.write(&encoder.take()).await?;
    }
    writer.write(&encoder.finish().map_err(fault)?).await?;
    Ok(writer.finish(count).await?)
}

/// Writes rows as they come; returns how many there were.
pub async fn write(
    mut rows: SendableRecordBatchStream,
    format: Format,
    out: &mut (dyn std::io::Write + Send),
) -> Result<u64, DatasetError> {
    let mut encoder = encode::Encoder::new(format, &rows.schema()).map_err(fault)?;
    let mut count = 0;
    while let Some(batch) = rows.try_next().await.map_err(|error| DatasetError::Sql(SqlError::from_execution(error)))? {
        count += batch.num_rows() as u64;
        encoder.write(&batch).map_err(fault)?;
        out.write_all(&encoder.take())?;
    }
    out.write_all(&encoder.finish().map_err(fault)?)?;
    Ok(count)
}

/// Rows that are in memory as the bytes of a file.
pub fn encoded(format: Format, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, DatasetError> {
    let mut encoder = encode::Encoder::new(format, schema).map_err(fault)?;
    let mut body = Vec::new();
    for batch in batches {
        encoder.write(batch).map_err(fault)?;
        body.extend(encoder.take());
    }
    body.extend(encoder.finish().map_err(fault)?);
    Ok(body)
}

fn fault(error: encode::EncodeError) -> DatasetError {
    DatasetError::Store(StoreError::Rows(error.to_string()))
}

/// The columns that the rows of a dataset are ordered by.
fn key(manifest: &Manifest, dataset: &str) -> Result<Vec<String>, DatasetError> {
    let keys_of = |entity: &str| manifest.entity(entity).map(|entity| entity.join_keys.clone());
    let key = keys_of(dataset).or_else(|| manifest.source(dataset).map(|source| source.key.clone())).or_else(|| {
        let view = manifest.view(dataset)?;
        Some(keys_of(&view.entity)?.into_iter().chain(view.timestamp_field.clone()).collect())
    });
    key.ok_or_else(|| {
        let entities = manifest.entities.iter().map(|entity| entity.name.clone());
        let sources = manifest.sources.iter().map(|source| source.name.clone());
        let views = manifest.views.iter().map(|view| view.name.clone());
        let known: Vec<String> = entities.chain(sources).chain(views).collect();
        let nearest = nearest(dataset, known.iter().map(String::as_str)).map(str::to_owned);
        DatasetError::Unknown { name: dataset.chars().take(80).collect(), nearest, known }
    })
}

/// The columns that are asked for; whether a feature has the version that it is asked for by.
fn columns(manifest: &Manifest, schema: &Schema, request: &Request) -> Result<Vec<String>, DatasetError> {
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    let Some(asked) = &request.columns else { return Ok(names().map(quoted).collect()) };
    if asked.len() > SELECTION_FEATURES_MAX {
        return Err(DatasetError::TooManyColumns(asked.len()));
    }
    let unknown = |text: &str, index| DatasetError::UnknownColumn {
        dataset: request.dataset.clone(),
        name: text.chars().take(80).collect(),
        index,
        nearest: nearest(text, names()).map(str::to_owned),
    };
    asked
        .iter()
        .enumerate()
        .map(|(index, text)| match FeatureReference::parse(text) {
            Some(FeatureReference { name, version }) if names().any(|known| known == name) => {
                match version.map(|asked| (asked, held(manifest, &request.dataset, name))) {
                    None => Ok(quoted(name)),
                    Some((asked, Some((_, held)))) if asked == held => Ok(quoted(name)),
                    Some((asked, Some((entity, held)))) => {
                        let other = OtherVersion { entity, name: name.to_owned(), asked, held, holder: None };
                        Err(DatasetError::OtherVersion { index, other })
                    }
                    Some((_, None)) => Err(unknown(text, index)),
                }
            }
            _ => Err(unknown(text, index)),
        })
        .collect()
}

/// The entity and the version of a feature of `dataset`; none of a column that has no versions.
fn held(manifest: &Manifest, dataset: &str, name: &str) -> Option<(String, u32)> {
    let entity = match manifest.view(dataset) {
        Some(view) => view.entity.clone(),
        None => manifest.entity(dataset)?.name.clone(),
    };
    let held = manifest.feature(&entity, name)?.version;
    Some((entity, held))
}
