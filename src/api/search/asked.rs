//! What a search is asked, on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

use crate::api::Problem;
use crate::limits::{HIGHLIGHT_LINES_MAX, HIGHLIGHT_MARK_CHARS_MAX, SEARCH_CANDIDATES, SEARCH_QUERY_CHARS_MAX};
use crate::search;
use crate::store::{self, ProfilePin, ReadableSearch};

/// Hits where it is not said how many.
const LIMIT: usize = 10;

/// Lines of a hit that are shown where it is not said how many.
const LINES: usize = 3;

/// What is looked for.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct SearchRequest {
    /// Words, or what is meant in other words, in any language of the search. `"A phrase"` must stand there, `-this` and
    /// `-"that one"` must not; `artist:keats` and `year:1890..1910` are conditions on filters.
    #[schema(example = "the sea at night", min_length = 1, max_length = 2000)]
    query: String,
    /// Which search, where there are several.
    pub search: Option<String>,
    /// A recipe of the search's definition; what else is said here comes before it.
    pub profile: Option<String>,
    /// The experiment that the profile is of. Nobody may say so but we.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub experiment: Option<String>,
    /// By words, by meaning, or by both; both, if the profile does not say otherwise.
    mode: Option<SearchMode>,
    /// Which pieces are looked at: a condition in SQL over the search's filters, or an object.
    #[schema(schema_with = filter_schema, example = json!("decade >= 1850 and language = 'en'"))]
    filter: Option<Value>,
    /// How much each leg counts in a hybrid answer; 0.65 and 0.35, if the profile does not say otherwise.
    weights: Option<LegWeights>,
    /// Whether words that no text has are read as those they are likely meant to be.
    typing: Option<bool>,
    /// Whether synonyms of the search's definition are looked for too.
    expand: Option<bool>,
    /// Whether words near in meaning are looked for beside every word, and not only beside those that no text has; where the
    /// search has vectors of words.
    related: Option<bool>,
    /// Whether words that stand in a text as they do in the query count more.
    proximity: Option<bool>,
    /// Whether the first hundred are ranked by how near their words are to the query's, where no text has these; where the search
    /// has vectors of words, and the mode is `hybrid`.
    rerank: Option<bool>,
    /// How much it counts that a piece is unlike those before it.
    #[schema(minimum = 0, maximum = 1, example = 0.3)]
    diversity: Option<f64>,
    /// Of the pieces with one value of a filter, how many are found.
    #[schema(example = json!({"artist": 2}))]
    at_most: Option<BTreeMap<String, usize>>,
    /// The filters whose values are counted among all hits.
    #[serde(default)]
    #[schema(example = json!(["decade"]))]
    facets: Vec<String>,
    /// Whether hits have the lines that show why they were found, or how they shall be shown.
    highlight: Option<Highlighting>,
    /// Hits of this page.
    #[schema(minimum = 1, maximum = 200, example = 10)]
    limit: Option<usize>,
    /// Where the page before ended: its `next`.
    cursor: Option<String>,
    /// Whether hits say why they are where they are.
    #[serde(default)]
    pub explain: bool,
}

/// How pieces are found.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SearchMode {
    /// By their words and by their meaning.
    Hybrid,
    /// By their words.
    Keyword,
    /// By their meaning.
    Semantic,
}

/// How much each leg counts.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LegWeights {
    #[schema(minimum = 0, example = 0.7)]
    keyword: f64,
    #[schema(minimum = 0, example = 0.3)]
    semantic: f64,
}

/// Whether lines are shown, or how.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
enum Highlighting {
    Whether(bool),
    How(HighlightForm),
}

/// How lines are shown.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HighlightForm {
    /// Lines of a hit.
    #[schema(minimum = 1, maximum = 10, example = 3)]
    lines: Option<usize>,
    /// What stands before a word that was looked for, as `<mark>`; nothing by default.
    #[serde(default)]
    #[schema(max_length = 64, example = "<mark>")]
    before: String,
    /// What stands behind it, as `</mark>`.
    #[serde(default)]
    #[schema(max_length = 64, example = "</mark>")]
    after: String,
}

impl SearchRequest {
    /// Hits of a page.
    pub fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(LIMIT);
        if !(1..=SEARCH_CANDIDATES).contains(&limit) {
            let detail = format!("`limit` is 1 to {SEARCH_CANDIDATES}");
            return Err(Problem::invalid("invalid-limit", detail).field("limit", limit.to_string()));
        }
        Ok(limit)
    }

    /// Whether hits have lines.
    pub fn has_highlights(&self) -> bool {
        !matches!(self.highlight, None | Some(Highlighting::Whether(false)))
    }

    /// What stands before and behind words that were looked for.
    pub fn marks(&self) -> (&str, &str) {
        match &self.highlight {
            Some(Highlighting::How(HighlightForm { before, after, .. })) => (before, after),
            _ => ("", ""),
        }
    }

    /// The request, checked.
    pub fn of(&self, found: &ReadableSearch) -> Result<search::Request, Problem> {
        check_query(&self.query)?;
        let cursor = self.cursor.as_deref().unwrap_or("0");
        let Some(offset) = cursor.parse().ok().filter(|offset| *offset <= SEARCH_CANDIDATES) else {
            let problem = Problem::invalid("invalid-cursor", format!("`{cursor}` is no cursor"));
            return Err(problem.field("cursor", cursor).remedy("send the `next` of the page before"));
        };
        Ok(search::Request {
            query: self.query.clone(),
            profile: self.profile(found)?,
            filter: self.filter.clone().filter(|filter| !filter.is_null()),
            facets: self.facets.clone(),
            highlights: self.highlights()?,
            offset,
            limit: self.limit()?,
        })
    }

    /// The profile, and what the request says otherwise.
    fn profile(&self, found: &ReadableSearch) -> Result<ProfilePin, Problem> {
        let mut profile = search::profile(found, self.profile.as_deref())?;
        if let Some(mode) = self.mode {
            profile.mode = match mode {
                SearchMode::Hybrid => store::SearchMode::Hybrid,
                SearchMode::Keyword => store::SearchMode::Keyword,
                SearchMode::Semantic => store::SearchMode::Semantic,
            };
        }
        if let Some(LegWeights { keyword, semantic }) = self.weights {
            let is_weight = |weight: f64| weight.is_finite() && weight >= 0.0;
            if !is_weight(keyword) || !is_weight(semantic) || keyword + semantic == 0.0 {
                let detail = "weights are 0 or more, and one of them is more";
                return Err(
                    Problem::invalid("invalid-weights", detail).field("weights", format!("{keyword}, {semantic}"))
                );
            }
            profile.weights = store::LegWeights { keyword, semantic };
        }
        if let Some(diversity) = self.diversity {
            if !(0.0..=1.0).contains(&diversity) {
                let detail = "`diversity` is from 0 to 1";
                return Err(Problem::invalid("invalid-diversity", detail).field("diversity", diversity.to_string()));
            }
            profile.diversity = diversity;
        }
        if let Some(at_most) = &self.at_most {
            if let Some((filter, _)) = at_most.iter().find(|(_, hits)| **hits == 0) {
                let detail = "of the pieces with one value of a filter there is 1 or more";
                return Err(Problem::invalid("invalid-at-most", detail).field("at_most", filter.as_str()));
            }
            profile.at_most = at_most.clone();
        }
        profile.typing = self.typing.unwrap_or(profile.typing);
        profile.expand = self.expand.unwrap_or(profile.expand);
        profile.related = self.related.unwrap_or(profile.related);
        profile.proximity = self.proximity.unwrap_or(profile.proximity);
        profile.rerank = self.rerank.unwrap_or(profile.rerank);
        Ok(profile)
    }

    /// Lines of a hit that are shown.
    fn highlights(&self) -> Result<usize, Problem> {
        let lines = match &self.highlight {
            None | Some(Highlighting::Whether(false)) => return Ok(0),
            Some(Highlighting::Whether(true)) => LINES,
            Some(Highlighting::How(HighlightForm { lines, .. })) => lines.unwrap_or(LINES),
        };
        let (before, after) = self.marks();
        if before.chars().count().max(after.chars().count()) > HIGHLIGHT_MARK_CHARS_MAX {
            let detail = format!("what marks a word has {HIGHLIGHT_MARK_CHARS_MAX} characters at most on each side");
            return Err(Problem::invalid("invalid-highlight", detail).field("highlight", ""));
        }
        if !(1..=HIGHLIGHT_LINES_MAX).contains(&lines) {
            let detail = format!("of a hit 1 to {HIGHLIGHT_LINES_MAX} lines are shown");
            return Err(Problem::invalid("invalid-highlight", detail).field("highlight.lines", lines.to_string()));
        }
        Ok(lines)
    }
}

/// Refuses a query that says nothing, or too much.
pub(in crate::api) fn check_query(query: &str) -> Result<(), Problem> {
    let characters = query.chars().count();
    if query.trim().is_empty() || characters > SEARCH_QUERY_CHARS_MAX {
        let detail = format!("a query has 1 to {SEARCH_QUERY_CHARS_MAX} characters, not {characters}");
        return Err(Problem::invalid("invalid-query", detail).field("query", query));
    }
    Ok(())
}

/// A condition, or its JSON form.
fn filter_schema() -> Schema {
    let of = |kind: Type| ObjectBuilder::new().schema_type(kind);
    Schema::OneOf(OneOfBuilder::new().item(of(Type::String)).item(of(Type::Object)).item(of(Type::Null)).build())
}
