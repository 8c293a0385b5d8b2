//! What is looked among, and the candidates by words and by meaning.

use datafusion::arrow::array::{Array, AsArray, BooleanArray, StringArray};
use datafusion::arrow::datatypes::Float32Type;
use serde_json::Value;

use super::understand::{Condition, Understood};
use super::{SearchError, filter};
use crate::limits::SEARCH_CANDIDATES;
use crate::model::Models;
use crate::store::{Allowed, Found, ReadableSearch, SearchMode, SearchVectorsPin, WeightedTerm};

/// How much it counts that a word stands there again, in the index's BM25.
const BM25_K1: f64 = 1.2;

/// How rare a term is: its weight in BM25.
pub(super) fn rarity(search: &ReadableSearch, term: &str) -> f64 {
    let (rows, with) = (search.rows() as f64, search.rows_with(term) as f64);
    (1.0 + (rows - with + 0.5) / (with + 0.5)).ln()
}

/// The score that BM25 comes near to where a text has all terms of the query again and again, and little else: each has its
/// weight by how few rows have it. Terms that none has count too: of a query in another language little can be found by
/// words. Those that are looked for beside them do not, for they stand for what is counted.
pub(super) fn ceiling(search: &ReadableSearch, understood: &Understood) -> f64 {
    understood.terms.iter().map(|term| rarity(search, term)).sum::<f64>() * (BM25_K1 + 1.0)
}

/// What may be found, of those that are allowed.
pub(super) struct Candidates {
    pub words: Vec<Found>,
    /// By each kind of vectors.
    pub meanings: Vec<Vec<Found>>,
    /// The query as a vector of each kind.
    pub query: Vec<Vec<f32>>,
}

/// The candidates by words, by meaning, or by both at once.
pub(super) async fn candidates(
    search: &ReadableSearch,
    models: &Models,
    mode: SearchMode,
    vectors: &[&SearchVectorsPin],
    understood: &Understood,
    allowed: Option<&Allowed>,
) -> Result<Candidates, SearchError> {
    let words = async {
        if mode == SearchMode::Semantic {
            return Ok(Vec::new());
        }
        let asked = understood.terms.iter().map(|term| WeightedTerm { text: term.clone(), weight: 1.0 });
        let added =
            understood.added.iter().map(|added| WeightedTerm { text: added.term.clone(), weight: added.weight });
        let terms: Vec<WeightedTerm> = asked.chain(added).collect();
        Ok::<_, SearchError>(search.by_terms(&terms, allowed, SEARCH_CANDIDATES).await?)
    };
    let meanings = async {
        let (mut query, mut meanings) = (Vec::new(), Vec::new());
        if mode == SearchMode::Keyword {
            return Ok((query, meanings));
        }
        let text = understood.text();
        for (at, of) in vectors.iter().enumerate() {
            // Those of whole texts and of stanzas are of one model.
            let known = vectors[..at].iter().position(|before| before.digest == of.digest);
            let vector = match known {
                Some(known) => Vec::clone(&query[known]),
                None => vector_of(models, of, &text).await?,
            };
            meanings.push(search.by_vector(&of.column, &vector, allowed, SEARCH_CANDIDATES).await?);
            query.push(vector);
        }
        Ok::<_, SearchError>((query, meanings))
    };
    let (words, (query, meanings)) = futures::try_join!(words, meanings)?;
    Ok(Candidates { words, meanings, query })
}

/// The query as a vector of the model that made those of the release.
pub async fn vector_of(models: &Models, of: &SearchVectorsPin, query: &str) -> Result<Vec<f32>, SearchError> {
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

/// The rows that the filter and the query's conditions are true of, and that have what the query says must be there and
/// nothing that must not; none where all are allowed.
pub(super) async fn allowed(
    search: &ReadableSearch,
    filter: Option<&Value>,
    understood: &Understood,
) -> Result<Option<Allowed>, SearchError> {
    let Understood { phrases, excluded, conditions, .. } = understood;
    if filter.is_none() && phrases.is_empty() && excluded.is_empty() && conditions.is_empty() {
        return Ok(None);
    }
    let mut is_allowed = vec![true; search.rows()];
    let mut keep = |rows: BooleanArray| {
        is_allowed.iter_mut().zip(&rows).for_each(|(allowed, matches)| *allowed &= matches == Some(true));
    };
    if let Some(filter) = filter {
        keep(matching(search, filter)?);
    }
    for Condition { filter, .. } in conditions {
        let filter = filter::session().filter_of(filter.clone(), &search.columns().schema());
        keep(filter.and_then(|filter| filter.matches(search.columns())).map_err(SearchError::Filter)?);
    }
    for phrase in phrases {
        let mut has_it = vec![false; search.rows()];
        search.rows_with_phrase(phrase).await?.into_iter().for_each(|row| has_it[row] = true);
        keep(has_it.into());
    }
    for phrase in excluded {
        search.rows_with_phrase(phrase).await?.into_iter().for_each(|row| is_allowed[row] = false);
    }
    Ok(Some(search.allowed(&is_allowed.into())))
}

/// Of which rows a filter is true.
pub fn matching(search: &ReadableSearch, filter: &Value) -> Result<BooleanArray, SearchError> {
    let columns = search.columns();
    let session = filter::session();
    let filter = match filter {
        Value::String(text) => session.filter(text, &columns.schema()),
        form => filter::of_json(form).and_then(|filter| session.filter_of(filter, &columns.schema())),
    };
    filter.and_then(|filter| filter.matches(columns)).map_err(SearchError::Filter)
}
