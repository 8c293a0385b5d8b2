//! Rows by their terms.

use lance_index::scalar::FullTextSearchQuery;
use lance_index::scalar::inverted::query::{BooleanQuery, FtsQuery, MatchQuery, Occur, PhraseQuery};

use super::{Allowed, Found, ReadableSearch, best_first};
use crate::store::StoreError;
use crate::store::lance::fault;

/// Where Lance tells how well a row fits.
const SCORE: &str = "_score";

/// A term that is looked for, and how much it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightedTerm {
    pub text: String,
    pub weight: f32,
}

impl ReadableSearch {
    /// The rows that have most of `terms`, in the order of BM25: `limit` of those that are `allowed`.
    pub async fn by_terms(
        &self,
        terms: &[WeightedTerm],
        allowed: Option<&Allowed>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let Some(column) = self.terms().filter(|_| !self.has_none(allowed) && !terms.is_empty()) else {
            return Ok(Vec::new());
        };
        let of_weight = |of: &[&WeightedTerm]| -> FtsQuery {
            let terms: Vec<&str> = of.iter().map(|term| term.text.as_str()).collect();
            let weight = of.first().map_or(1.0, |term| term.weight);
            MatchQuery::new(terms.join(" ")).with_column(Some(column.clone())).with_boost(weight).into()
        };
        let mut ordered: Vec<&WeightedTerm> = terms.iter().collect();
        ordered.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let mut queries = ordered.chunk_by(|a, b| a.weight == b.weight).map(of_weight).collect::<Vec<_>>();
        let query = match (queries.pop(), queries.is_empty()) {
            (Some(only), true) => only,
            (last, _) => BooleanQuery::new(queries.into_iter().chain(last).map(|query| (Occur::Should, query))).into(),
        };
        self.by_query(query, allowed, Some(limit)).await
    }

    /// The rows in which `terms` stand behind one another; the rows in any order.
    pub async fn rows_with_phrase(&self, terms: &[String]) -> Result<Vec<usize>, StoreError> {
        let Some(column) = self.terms().filter(|_| !self.has_none(None)) else { return Ok(Vec::new()) };
        let column = Some(column.clone());
        let query: FtsQuery = match terms {
            [only] => MatchQuery::new(only.clone()).with_column(column).into(),
            terms => PhraseQuery::new(terms.join(" ")).with_column(column).into(),
        };
        let found = self.by_query(query, None, None).await?;
        Ok(found.into_iter().map(|found| found.row).collect())
    }

    /// The rows in which `terms` stand behind one another, with up to `between` other words between two of them: `limit` of
    /// those that are `allowed`.
    pub async fn by_phrase(
        &self,
        terms: &[&str],
        between: usize,
        allowed: Option<&Allowed>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let Some(column) = self.terms().filter(|_| !self.has_none(allowed)) else { return Ok(Vec::new()) };
        let between = u32::try_from(between).unwrap_or(u32::MAX);
        let query = PhraseQuery::new(terms.join(" ")).with_column(Some(column.clone())).with_slop(between);
        self.by_query(query.into(), allowed, Some(limit)).await
    }

    async fn by_query(
        &self,
        query: FtsQuery,
        allowed: Option<&Allowed>,
        limit: Option<usize>,
    ) -> Result<Vec<Found>, StoreError> {
        let limit = limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let mut scanner = self.table.scanner(SCORE, allowed)?;
        let query = FullTextSearchQuery::new_query(query).limit(limit);
        scanner.full_text_search(query).map_err(fault(&self.table.table.path))?;
        scanner.limit(limit, None).map_err(fault(&self.table.table.path))?;
        Ok(best_first(self.table.found(&scanner, SCORE).await?))
    }
}
