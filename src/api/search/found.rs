//! What a search finds, on the wire.

use std::collections::BTreeMap;

use datafusion::arrow::array::UInt64Array;
use datafusion::arrow::compute::take_record_batch;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::asked::SearchRequest;
use crate::api::Problem;
use crate::api::respond::unencodable;
use crate::engine::json::JsonRows;
use crate::name::ReleaseNumber;
use crate::search::{
    AddedTerm, Answer, Condition, Correction, Explanation, Facet, FacetValue, Highlight, Hit, Leg, Reason, Understood,
};
use crate::store::{ProfilePin, ReadableSearch};

/// What was found, the best first.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Hits {
    release: u64,
    search: String,
    /// The recipe that was followed.
    profile: String,
    /// The experiment that gave it to the key; null where none did.
    experiment: Option<String>,
    hits: Vec<SearchHit>,
    /// By name: values and how often they are among all hits, the most frequent first.
    #[schema(value_type = Object)]
    facets: Map<String, Value>,
    /// The terms that were looked for, those of phrases among them; of a word that was misspelt that which was meant.
    terms: Vec<String>,
    /// Terms that the query does not have and that were looked for: in the place of its words, or beside them.
    added_terms: Vec<AddedTermShown>,
    /// What must stand there: terms behind one another.
    phrases: Vec<Vec<String>>,
    /// What must not.
    excluded: Vec<Vec<String>>,
    /// The query's conditions on filters, as they were written.
    conditions: Vec<String>,
    /// The cursor of the page after this one; null where this is the last.
    next: Option<String>,
}

/// A term that was looked for though the query does not have it.
#[derive(Serialize, ToSchema)]
struct AddedTermShown {
    term: String,
    /// The word of the query that it stands for.
    r#for: String,
    reason: ReasonShown,
}

/// Why a term was added.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReasonShown {
    /// No text has the word, and this is what it is likely meant to be.
    Typing,
    /// It is a synonym of the search's definition.
    Synonym,
    /// No text has the word, and this one is near to it in meaning, in whatever language.
    Related,
}

/// A piece that was found.
#[derive(Serialize, ToSchema)]
struct SearchHit {
    key: String,
    /// From 0 to 1: by words BM25 as a share of what a text would come near to that has all of the query's terms again and
    /// again, and more where they stand as in the query; by meaning the cosine, below 0 as 0; by both the weighted mean of
    /// these, and of how near its words come to those of the query that no text has; and what a profile's priors make of it.
    score: f64,
    /// The values of the search's filters.
    #[schema(value_type = Object)]
    features: Value,
    /// Lines that have what was looked for, or are nearest to it in meaning; where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    highlights: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<HitExplanation>,
}

/// Why a hit stands where it stands.
#[derive(Serialize, ToSchema)]
struct HitExplanation {
    /// Its score without priors.
    relevance: f64,
    /// Where it stands by words; null where it is none of their candidates.
    keyword: Option<HitLeg>,
    /// Where it stands by meaning; null where it is none of its candidates.
    semantic: Option<HitLeg>,
    /// How near its words come to those of the query, from 0 to 1; null where that was not looked at, since texts have the words
    /// of the query, or it is not among the first hundred.
    words: Option<f64>,
    /// How much it has of each prior of the profile, from 0 to 1.
    priors: BTreeMap<String, f64>,
}

/// Where a hit stands in a leg.
#[derive(Serialize, ToSchema)]
struct HitLeg {
    /// From 1.
    rank: usize,
    /// BM25, or the cosine.
    score: f64,
    /// From 0 to 1: what counts of it. By words more than BM25 says, where they stand as in the query.
    scaled: f64,
}

impl Hits {
    pub fn new(
        release: ReleaseNumber,
        found: &ReadableSearch,
        answer: Answer,
        request: &SearchRequest,
        profile: &ProfilePin,
    ) -> Result<Self, Problem> {
        let Answer { hits, next, facets, understood } = answer;
        let Understood { terms, phrases, excluded, conditions, corrected, added, .. } = understood;
        Ok(Self {
            release: release.get(),
            search: found.pin().rows.name.clone(),
            profile: profile.name.clone(),
            experiment: request.experiment.clone(),
            hits: shown(found, hits, request)?,
            facets: counted(found, &facets)?,
            terms,
            added_terms: corrected.into_iter().map(correction).chain(added.into_iter().map(added_term)).collect(),
            phrases,
            excluded,
            conditions: conditions.into_iter().map(|Condition { text, .. }| text).collect(),
            next: next.map(|offset| offset.to_string()),
        })
    }
}

fn correction(Correction { word, term }: Correction) -> AddedTermShown {
    AddedTermShown { term, r#for: word, reason: ReasonShown::Typing }
}

fn added_term(AddedTerm { term, weight: _, word, reason }: AddedTerm) -> AddedTermShown {
    let reason = match reason {
        Reason::Synonym => ReasonShown::Synonym,
        Reason::Related => ReasonShown::Related,
    };
    AddedTermShown { term, r#for: word, reason }
}

/// The hits with what filters may name of them.
fn shown(found: &ReadableSearch, hits: Vec<Hit>, request: &SearchRequest) -> Result<Vec<SearchHit>, Problem> {
    let rows: Vec<usize> = hits.iter().map(|hit| hit.row).collect();
    let features = features_of(found, &rows)?;
    let of_row = |(hit, features): (Hit, Value)| {
        let Hit { row: _, key, explanation, highlights } = hit;
        let lines = || highlights.iter().map(|line| marked(line, request.marks())).collect();
        SearchHit {
            key: key.to_string(),
            score: explanation.score,
            features,
            highlights: request.has_highlights().then(lines),
            explain: request.explain.then(|| explained(explanation)),
        }
    };
    Ok(hits.into_iter().zip(features).map(of_row).collect())
}

/// The values of the search's filters of some rows, in their order.
pub(in crate::api) fn features_of(found: &ReadableSearch, rows: &[usize]) -> Result<Vec<Value>, Problem> {
    let rows: UInt64Array = rows.iter().map(|row| *row as u64).collect::<Vec<_>>().into();
    let columns = take_record_batch(found.columns(), &rows).map_err(unencodable)?;
    let filters: Vec<usize> = (found.key_parts()..columns.num_columns()).collect();
    let values = JsonRows::new(&columns.project(&filters).map_err(unencodable)?).map_err(unencodable)?;
    let of_row = |row: usize| {
        let mut features = Vec::new();
        values.write(row, &mut features);
        serde_json::from_slice(&features).unwrap_or_default()
    };
    Ok((0..columns.num_rows()).map(of_row).collect())
}

/// A line with what was looked for between `before` and `after`.
fn marked(line: &Highlight, (before, after): (&str, &str)) -> String {
    let mut marked = String::with_capacity(line.text.len());
    let mut end = 0;
    for mark in &line.marks {
        marked.push_str(&line.text[end..mark.start]);
        marked.push_str(before);
        marked.push_str(&line.text[mark.clone()]);
        marked.push_str(after);
        end = mark.end;
    }
    marked.push_str(&line.text[end..]);
    marked
}

/// Each value as it is in a lookup.
fn counted(found: &ReadableSearch, facets: &[Facet]) -> Result<Map<String, Value>, Problem> {
    let mut counted = Map::new();
    for Facet { name, values } in facets {
        let rows: UInt64Array = values.iter().map(|value| value.row as u64).collect::<Vec<_>>().into();
        let column = found.columns().schema().index_of(name).and_then(|at| found.columns().project(&[at]));
        let column = column.and_then(|column| take_record_batch(&column, &rows)).map_err(unencodable)?;
        let shown = JsonRows::new(&column).map_err(unencodable)?;
        let of_value = |(row, value): (usize, &FacetValue)| {
            let mut object = Vec::new();
            shown.write(row, &mut object);
            let object: Value = serde_json::from_slice(&object).unwrap_or_default();
            json!({"value": object[name], "count": value.count})
        };
        counted.insert(name.clone(), values.iter().enumerate().map(of_value).collect());
    }
    Ok(counted)
}

fn explained(explanation: Explanation) -> HitExplanation {
    let Explanation { score: _, relevance, keyword, semantic, words, priors } = explanation;
    let leg = |Leg { rank, score, scaled }: Leg| HitLeg { rank, score, scaled };
    HitExplanation {
        relevance,
        keyword: keyword.map(leg),
        semantic: semantic.map(leg),
        words,
        priors: priors.into_iter().collect(),
    }
}
