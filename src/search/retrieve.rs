//! What is looked among, and the candidates by words and by meaning.

use datafusion::arrow::array::{Array, AsArray, BooleanArray, StringArray};
use datafusion::arrow::datatypes::Float32Type;
use serde_json::Value;

use super::proximity::{InOrder, in_order};
use super::understand::{Condition, Understood};
use super::{SearchError, filter};
use crate::limits::SEARCH_CANDIDATES;
use crate::model::Models;
use crate::store::{Allowed, Found, ProfilePin, ReadableSearch, SearchMode, SearchVectorsPin, WeightedTerm};
use crate::text::terms::Tokenizer;

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
    /// The best by BM25, and those that have the words in their order; the best first.
    pub words: Vec<Found>,
    pub in_order: InOrder,
    /// By each kind of vectors.
    pub meanings: Vec<Vec<Found>>,
    /// The query as a vector of each kind.
    pub query: Vec<Vec<f32>>,
}

/// By what candidates are looked for, and in what.
pub(super) struct Retrieval<'a> {
    pub search: &'a ReadableSearch,
    pub models: &'a Models,
    pub tokenizer: &'a Tokenizer,
    pub profile: &'a ProfilePin,
    pub mode: SearchMode,
    pub vectors: &'a [&'a SearchVectorsPin],
}

impl Retrieval<'_> {
    /// The candidates by words, by meaning, or by both at once.
    pub async fn candidates(
        &self,
        understood: &Understood,
        allowed: Option<&Allowed>,
    ) -> Result<Candidates, SearchError> {
        let words = self.by_words(understood, allowed);
        let meanings = self.by_meaning(understood, allowed);
        let ((words, in_order), (query, meanings)) = futures::try_join!(words, meanings)?;
        Ok(Candidates { words, in_order, meanings, query })
    }

    async fn by_words(
        &self,
        understood: &Understood,
        allowed: Option<&Allowed>,
    ) -> Result<(Vec<Found>, InOrder), SearchError> {
        if self.mode == SearchMode::Semantic {
            return Ok(Default::default());
        }
        let search = self.search;
        let asked = understood.terms.iter().map(|term| WeightedTerm { text: term.clone(), weight: 1.0 });
        let added =
            understood.added.iter().map(|added| WeightedTerm { text: added.term.clone(), weight: added.weight });
        let terms: Vec<WeightedTerm> = asked.chain(added).collect();
        let in_order = async {
            match self.profile.proximity {
                true => in_order(search, self.tokenizer, understood, allowed).await,
                false => Ok(InOrder::default()),
            }
        };
        let (mut words, in_order) = futures::try_join!(search.by_terms(&terms, allowed, SEARCH_CANDIDATES), in_order)?;
        let missing: Vec<usize> =
            in_order.rows.iter().copied().filter(|row| !words.iter().any(|found| found.row == *row)).collect();
        if !missing.is_empty() {
            let mut is_missing = vec![false; search.rows()];
            missing.into_iter().for_each(|row| is_missing[row] = true);
            let missing = search.allowed(&is_missing.into());
            words.extend(search.by_terms(&terms, Some(&missing), SEARCH_CANDIDATES).await?);
        }
        Ok((words, in_order))
    }

    async fn by_meaning(
        &self,
        understood: &Understood,
        allowed: Option<&Allowed>,
    ) -> Result<(Vec<Vec<f32>>, Vec<Vec<Found>>), SearchError> {
        let (mut query, mut meanings) = (Vec::new(), Vec::new());
        if self.mode == SearchMode::Keyword {
            return Ok((query, meanings));
        }
        let text = understood.text();
        for (at, of) in self.vectors.iter().enumerate() {
            // Those of whole texts and of stanzas are of one model.
            let known = self.vectors[..at].iter().position(|before| before.digest == of.digest);
            let vector = match known {
                Some(known) => Vec::clone(&query[known]),
                None => vector_of(self.models, of, &text).await?,
            };
            meanings.push(self.search.by_vector(&of.column, &vector, allowed, SEARCH_CANDIDATES).await?);
            query.push(vector);
        }
        Ok((query, meanings))
    }
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
