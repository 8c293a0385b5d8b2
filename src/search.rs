//! Search: understand, retrieve, fuse. Each step is a function of the release, so that every answer can be had again.

mod facets;
mod filter;
mod fuse;
mod understand;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, StringArray};
use datafusion::arrow::datatypes::Float32Type;
use serde_json::Value;

pub use facets::{Facet, FacetValue};
pub use fuse::{Explanation, Leg, Weights};
pub use understand::Understood;

use crate::engine::SqlError;
use crate::error::ErrorKind;
use crate::limits::SEARCH_CANDIDATES;
use crate::model::{ModelError, Models};
use crate::name::EntityKey;
use crate::store::{Allowed, Found, Readable, ReadableSearch, SearchVectorsPin, StoreError};
use crate::text::terms::Tokenizer;

/// How much it counts that a word stands there again, in the index's BM25.
const BM25_K1: f64 = 1.2;

/// How pieces are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By their words and by their meaning.
    #[default]
    Hybrid,
    /// By their words.
    Keyword,
    /// By their meaning.
    Semantic,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub query: String,
    pub mode: Mode,
    /// Which pieces are looked at: a SQL condition, or its JSON form.
    pub filter: Option<Value>,
    /// How much each leg counts in a hybrid answer.
    pub weights: Weights,
    /// The filters whose values are counted.
    pub facets: Vec<String>,
    /// Hits that are passed over.
    pub offset: usize,
    pub limit: usize,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Answer {
    pub hits: Vec<Hit>,
    /// The offset of the next hits; none where these are the last.
    pub next: Option<usize>,
    /// Counted among all that was found, on this page or not.
    pub facets: Vec<Facet>,
    /// What was looked for.
    pub understood: Understood,
}

/// A piece that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    /// Its row in the search ([`ReadableSearch::columns`]).
    pub row: usize,
    pub key: EntityKey,
    /// From 0 to 1 ([`Explanation`] says of what).
    pub score: f64,
    pub explanation: Explanation,
}

/// Why nothing is found.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("the release has no search; a definition with `kind: search` makes one")]
    NoSearch,
    #[error("the release has several searches: `{}`; say which", .0.join("`, `"))]
    Several(Vec<String>),
    #[error("there is no search `{name}`")]
    Unknown { name: String, known: Vec<String> },
    #[error("this search has no facet `{name}`")]
    UnknownFacet { name: String, known: Vec<String> },
    #[error("this search has no vectors, so that it finds by words alone")]
    NoVectors,
    #[error(
        "the vectors of this release were made by another model `{0}` than is here; build a release, or search by words"
    )]
    OtherModel(String),
    #[error("the query could not be understood: {0}")]
    Query(String),
    #[error("{0}")]
    Filter(SqlError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SearchError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSearch | Self::Unknown { .. } => ErrorKind::NotFound,
            Self::NoVectors | Self::Query(_) | Self::Several(_) | Self::UnknownFacet { .. } => ErrorKind::Invalid,
            Self::OtherModel(_) => ErrorKind::Unavailable,
            Self::Filter(error) => error.kind(),
            Self::Model(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}

/// The search of that name, or the only one.
pub async fn find(readable: &Readable, name: Option<&str>) -> Result<ReadableSearch, SearchError> {
    let known: Vec<&str> = readable.searches().collect();
    let texts = || known.iter().map(ToString::to_string).collect();
    let name = match (name, known.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, []) => return Err(SearchError::NoSearch),
        (None, _) => return Err(SearchError::Several(texts())),
    };
    let found = readable.search(name).await?;
    found.ok_or_else(|| SearchError::Unknown { name: name.to_owned(), known: texts() })
}

/// Finds pieces.
pub async fn search(search: &ReadableSearch, models: &Models, request: &Request) -> Result<Answer, SearchError> {
    let mode = match (request.mode, search.pin().vectors.is_empty()) {
        (Mode::Semantic, true) => return Err(SearchError::NoVectors),
        (Mode::Hybrid, true) => Mode::Keyword,
        (mode, _) => mode,
    };
    // A release's languages were checked when it was built.
    let tokenizer = Tokenizer::parse(search.pin().languages.iter().map(String::as_str)).unwrap_or_default();
    let understood = Understood::of(&request.query, &tokenizer);
    if understood.text.is_empty() {
        return Err(SearchError::Query("it only says what shall not be there".to_owned()));
    }
    let allowed = allowed(search, request.filter.as_ref(), &understood).await?;
    let (terms, allowed) = (&understood.terms, allowed.as_ref());
    let by_keyword = async {
        match mode {
            Mode::Keyword | Mode::Hybrid => {
                Ok::<_, SearchError>(search.by_terms(terms, allowed, SEARCH_CANDIDATES).await?)
            }
            Mode::Semantic => Ok(Vec::new()),
        }
    };
    let by_semantic = async {
        match mode {
            Mode::Semantic | Mode::Hybrid => by_semantic(search, models, &understood.text, allowed).await,
            Mode::Keyword => Ok(Vec::new()),
        }
    };
    let (words, meanings) = futures::try_join!(by_keyword, by_semantic)?;
    let ceiling = ceiling(search, terms);
    let ranked = match mode {
        Mode::Keyword => fuse::by_keyword(&words, ceiling),
        Mode::Semantic => fuse::by_semantic(&meanings),
        Mode::Hybrid => fuse::both(&words, ceiling, &meanings, request.weights),
    };
    let rows: Vec<usize> = ranked.iter().map(|(row, _)| *row).collect();
    let facets = facets::counted(search, &request.facets, &rows)?;
    let found = ranked.len();
    let page = ranked.into_iter().skip(request.offset).take(request.limit);
    let hits: Vec<Hit> = page
        .map(|(row, explanation)| {
            let key = EntityKey::new(search.key(row).map(str::to_owned).collect());
            Hit { row, key, score: explanation.score, explanation }
        })
        .collect();
    let end = request.offset + hits.len();
    Ok(Answer { next: (!hits.is_empty() && end < found).then_some(end), hits, facets, understood })
}

/// The score that BM25 comes near to where a text has all of `terms` again and again, and little else: each has its weight
/// by how few rows have it. Terms that none has count too: of a query in another language little can be found by words.
fn ceiling(search: &ReadableSearch, terms: &[String]) -> f64 {
    let rows = search.rows() as f64;
    let rarity = |term: &String| {
        let with = search.rows_with(term) as f64;
        (1.0 + (rows - with + 0.5) / (with + 0.5)).ln()
    };
    terms.iter().map(rarity).sum::<f64>() * (BM25_K1 + 1.0)
}

/// What is nearest in meaning, by each kind of vectors.
async fn by_semantic(
    search: &ReadableSearch,
    models: &Models,
    query: &str,
    allowed: Option<&Allowed>,
) -> Result<Vec<Vec<Found>>, SearchError> {
    let mut found = Vec::new();
    // By the model's digest: those of whole texts and of stanzas are of one model.
    let mut vectors = BTreeMap::new();
    for of in &search.pin().vectors {
        let vector = match vectors.entry(of.digest) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(vector(models, of, query).await?),
        };
        found.push(search.by_vector(&of.column, vector, allowed, SEARCH_CANDIDATES).await?);
    }
    Ok(found)
}

/// The query as a vector of the model that made those of the release.
async fn vector(models: &Models, of: &SearchVectorsPin, query: &str) -> Result<Vec<f32>, SearchError> {
    let model = models.find(&of.model)?;
    if model.digest() != of.digest {
        return Err(SearchError::OtherModel(of.model.clone()));
    }
    let embedded = model.embed(StringArray::from(vec![query])).await?;
    if embedded.vectors.is_empty() || embedded.vectors.is_null(0) {
        let reason = embedded.faults.into_iter().next().map(|(_, reason)| reason);
        return Err(SearchError::Query(reason.unwrap_or_else(|| "it is empty".to_owned())));
    }
    Ok(embedded.vectors.value(0).as_primitive::<Float32Type>().values().to_vec())
}

/// The rows that the filter is true of, and that have what the query says must be there and nothing that must not; none where
/// all are allowed.
async fn allowed(
    search: &ReadableSearch,
    filter: Option<&Value>,
    understood: &Understood,
) -> Result<Option<Allowed>, SearchError> {
    let Understood { phrases, excluded, .. } = understood;
    if filter.is_none() && phrases.is_empty() && excluded.is_empty() {
        return Ok(None);
    }
    let mut is_allowed = match filter {
        Some(filter) => filtered(search, filter)?.iter().map(|allowed| allowed == Some(true)).collect(),
        None => vec![true; search.rows()],
    };
    for phrase in phrases {
        let mut has_it = vec![false; is_allowed.len()];
        search.rows_with_phrase(phrase).await?.into_iter().for_each(|row| has_it[row] = true);
        is_allowed.iter_mut().zip(has_it).for_each(|(allowed, has_it)| *allowed &= has_it);
    }
    for phrase in excluded {
        search.rows_with_phrase(phrase).await?.into_iter().for_each(|row| is_allowed[row] = false);
    }
    Ok(Some(search.allowed(&is_allowed.into())))
}

/// Of which rows a filter is true.
fn filtered(search: &ReadableSearch, filter: &Value) -> Result<BooleanArray, SearchError> {
    let columns = search.columns();
    let session = filter::session();
    let filter = match filter {
        Value::String(text) => session.filter(text, &columns.schema()),
        form => filter::of_json(form).and_then(|filter| session.filter_of(filter, &columns.schema())),
    };
    filter.and_then(|filter| filter.matches(columns)).map_err(SearchError::Filter)
}
