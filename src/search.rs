//! Search: understand, retrieve, fuse, rank, diversify, explain. Each step is a function of the release, so that every answer
//! can be had again, and a profile says which are taken.

mod diversify;
mod expand;
mod facets;
mod filter;
mod fuse;
mod highlight;
mod proximity;
mod rank;
mod rerank;
mod retrieve;
mod understand;

use std::sync::Arc;

use serde_json::Value;

pub use diversify::{apart, at_most};
pub use facets::{Facet, FacetValue};
pub use filter::written_filter;
pub use fuse::{Explanation, Leg};
pub use highlight::Highlight;
pub use retrieve::{matching, vector_of};
pub use understand::{AddedTerm, Condition, Correction, Reason, Understood};

use self::expand::WordMeanings;
use self::fuse::Ranked;
use self::highlight::Wanted;
use self::retrieve::{Candidates, Retrieval};
use crate::engine::SqlError;
use crate::error::ErrorKind;
use crate::model::{ModelError, Models};
use crate::name::EntityKey;
use crate::store::{
    Fusion, LegWeights, ProfilePin, Readable, ReadableSearch, SearchMode, SearchVectorsPin, StoreError,
};
use crate::text::terms::Tokenizer;

/// The profile of requests that name none.
pub const DEFAULT_PROFILE: &str = "default";

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub query: String,
    /// How it is answered ([`profile`]).
    pub profile: ProfilePin,
    /// Which pieces are looked at: a SQL condition, or its JSON form.
    pub filter: Option<Value>,
    /// The filters whose values are counted.
    pub facets: Vec<String>,
    /// Lines of each hit that show why it was found; 0 for none.
    pub highlights: usize,
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
    pub explanation: Explanation,
    pub highlights: Vec<Highlight>,
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
    #[error("this search has no filter `{name}`")]
    UnknownFilter { name: String, known: Vec<String> },
    #[error("this search has no profile `{name}`")]
    UnknownProfile { name: String, known: Vec<String> },
    #[error("this search has no vectors, so that it finds by words alone")]
    NoVectors,
    #[error(
        "the vectors of this release were made by another model `{0}` than is here; build a release, or search by words and without `expand`"
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
            Self::UnknownFacet { .. } | Self::UnknownFilter { .. } | Self::UnknownProfile { .. } => ErrorKind::Invalid,
            Self::NoVectors | Self::Query(_) | Self::Several(_) => ErrorKind::Invalid,
            Self::OtherModel(_) => ErrorKind::Unavailable,
            Self::Filter(error) => error.kind(),
            Self::Model(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}

/// The search of that name, or the only one.
pub async fn find(readable: &Readable, name: Option<&str>) -> Result<Arc<ReadableSearch>, SearchError> {
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

/// The recipe of that name; without a name the search's `default`, or what holds where there is none.
pub fn profile(search: &ReadableSearch, name: Option<&str>) -> Result<ProfilePin, SearchError> {
    let profiles = &search.pin().profiles;
    let wanted = name.unwrap_or(DEFAULT_PROFILE);
    match profiles.iter().find(|profile| profile.name == wanted) {
        Some(profile) => Ok(profile.clone()),
        None if wanted == DEFAULT_PROFILE => Ok(ProfilePin::default()),
        None => Err(SearchError::UnknownProfile {
            name: wanted.to_owned(),
            known: profiles.iter().map(|profile| profile.name.clone()).collect(),
        }),
    }
}

/// Finds pieces.
pub async fn search(search: &ReadableSearch, models: &Models, request: &Request) -> Result<Answer, SearchError> {
    let profile = &request.profile;
    let vectors = vectors(search, profile);
    let mode = match (profile.mode, vectors.is_empty()) {
        (SearchMode::Semantic, true) => return Err(SearchError::NoVectors),
        (SearchMode::Hybrid, true) => SearchMode::Keyword,
        (mode, _) => mode,
    };
    // A release's languages were checked when it was built.
    let tokenizer = Tokenizer::parse(search.pin().languages.iter().map(String::as_str)).unwrap_or_default();
    let mut understood = understood(search, &tokenizer, mode, request).await?;
    let has_word_vectors = search.pin().word_vectors.is_some();
    let is_reranked = profile.rerank && has_word_vectors && mode == SearchMode::Hybrid;
    let unknown_share = if is_reranked { rerank::unknown_share(search, &understood) } else { 0.0 };
    // The meaning of what is asked is that of what was said.
    let is_related = profile.expand && has_word_vectors && mode != SearchMode::Semantic;
    let expanded = understood.words(&tokenizer, |term| is_related && (profile.related || search.rows_with(term) == 0));
    let compared = understood.words(&tokenizer, |_| unknown_share > 0.0);
    let meanings = WordMeanings::new(search, models, expanded.iter().chain(&compared)).await?;
    expand::add_related(&mut understood, search, &tokenizer, &expanded, &meanings).await?;
    let allowed = retrieve::allowed(search, request.filter.as_ref(), &understood).await?;
    let wanted = Retrieval { search, models, tokenizer: &tokenizer, profile, mode, vectors: &vectors };
    let candidates = wanted.candidates(&understood, allowed.as_ref()).await?;
    let weights = rerank::weights(profile.weights, unknown_share);
    let mut ranked = fused(search, mode, profile.fusion, weights, &understood, &candidates);
    if unknown_share > 0.0 {
        ranked = rerank::reranked(search, &compared, &meanings, unknown_share, ranked).await?;
    }
    let ranked = rank::with_priors(search, ranked, &profile.priors);
    let ranked = at_most(search, ranked, |ranked| ranked.row, &profile.at_most)?;
    let ranked = match (profile.diversity > 0.0, vectors.first()) {
        (false, _) => ranked,
        (true, None) => return Err(SearchError::NoVectors),
        (true, Some(of)) => {
            let place = |ranked: &Ranked| (ranked.row, ranked.explanation.score);
            let wanted = request.offset + request.limit;
            apart(search, ranked, place, &of.column, profile.diversity, wanted).await?
        }
    };
    let rows: Vec<usize> = ranked.iter().map(|ranked| ranked.row).collect();
    let facets = facets::counted(search, &request.facets, &rows)?;
    let page: Vec<Ranked> = ranked.into_iter().skip(request.offset).take(request.limit).collect();
    let mut highlights = match request.highlights {
        0 => Vec::new(),
        lines => {
            let meaning = vectors.first().copied().zip(candidates.query.first().map(Vec::as_slice));
            let wanted = Wanted { search, models, tokenizer: &tokenizer, understood: &understood, meaning, lines };
            wanted.highlights(&page.iter().map(|ranked| ranked.row).collect::<Vec<_>>()).await?
        }
    }
    .into_iter();
    let hit = |Ranked { row, explanation }| {
        let key = EntityKey::new(search.key(row).map(str::to_owned).collect());
        Hit { row, key, explanation, highlights: highlights.next().unwrap_or_default() }
    };
    let hits: Vec<Hit> = page.into_iter().map(hit).collect();
    let end = request.offset + hits.len();
    Ok(Answer { next: (!hits.is_empty() && end < rows.len()).then_some(end), hits, facets, understood })
}

/// The candidates as one ranking.
fn fused(
    search: &ReadableSearch,
    mode: SearchMode,
    fusion: Fusion,
    weights: LegWeights,
    understood: &Understood,
    candidates: &Candidates,
) -> Vec<Ranked> {
    let Candidates { words, in_order, meanings, query: _ } = candidates;
    let words = fuse::of_words(words, retrieve::ceiling(search, understood), in_order);
    match mode {
        SearchMode::Keyword => fuse::by_keyword(words),
        SearchMode::Semantic => fuse::by_semantic(meanings),
        SearchMode::Hybrid => fuse::both(words, meanings, fusion, weights),
    }
}

/// The vectors that a profile reads.
fn vectors<'a>(search: &'a ReadableSearch, profile: &ProfilePin) -> Vec<&'a SearchVectorsPin> {
    let is_read = |of: &&SearchVectorsPin| profile.vectors.is_empty() || profile.vectors.contains(&of.column);
    search.pin().vectors.iter().filter(is_read).collect()
}

/// What is asked for, but for words that are near in meaning to it.
async fn understood(
    search: &ReadableSearch,
    tokenizer: &Tokenizer,
    mode: SearchMode,
    request: &Request,
) -> Result<Understood, SearchError> {
    let mut understood = Understood::of(&request.query, tokenizer, &search.columns().schema())?;
    if understood.text().is_empty() {
        return Err(SearchError::Query(
            "it only says what shall be there or shall not; use `filter` for that".to_owned(),
        ));
    }
    if request.profile.typing {
        expand::correct(&mut understood, search, tokenizer).await?;
    }
    if request.profile.expand && mode != SearchMode::Semantic {
        expand::add_synonyms(&mut understood, &search.pin().synonyms, tokenizer);
    }
    Ok(understood)
}
