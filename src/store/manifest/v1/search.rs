//! Searches on disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::view::View;
use crate::store::WordVectorsPin;
use crate::store::manifest::{
    CriterionPin, Fusion, LegWeights, PriorPin, ProfilePin, SearchFieldPin, SearchMode, SearchPin, SearchVectorsPin,
    SynonymsPin,
};

#[derive(Serialize, Deserialize)]
pub(super) struct Search {
    rows: View,
    languages: Vec<String>,
    terms: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field>,
    vectors: Vec<Vectors>,
    filters: Vec<String>,
    facets: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    synonyms: Vec<Synonyms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    word_vectors: Option<WordVectors>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    profiles: Vec<Profile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    criteria: Vec<Criterion>,
}

#[derive(Serialize, Deserialize)]
struct Field {
    name: String,
    column: String,
}

#[derive(Serialize, Deserialize)]
struct Vectors {
    column: String,
    model: String,
    digest: String,
}

#[derive(Serialize, Deserialize)]
struct Criterion {
    name: String,
    of: Vec<String>,
    has_vectors: bool,
    weight: f64,
}

#[derive(Serialize, Deserialize)]
struct Synonyms {
    from: Vec<Vec<String>>,
    to: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct WordVectors {
    file: String,
    words: u64,
    limit: u64,
    model: String,
    digest: String,
}

#[derive(Serialize, Deserialize)]
struct Profile {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    mode: Mode,
    fusion: FusionName,
    keyword_weight: f64,
    semantic_weight: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    vectors: Vec<String>,
    typing: bool,
    expand: bool,
    #[serde(default)]
    related: bool,
    #[serde(default = "absent_is_on")]
    proximity: bool,
    #[serde(default = "absent_is_on")]
    rerank: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    priors: Vec<Prior>,
    diversity: f64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    at_most: BTreeMap<String, usize>,
}

/// Releases of before it could be switched off do not have it.
fn absent_is_on() -> bool {
    true
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Hybrid,
    Keyword,
    Semantic,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FusionName {
    Scores,
    Ranks,
}

#[derive(Serialize, Deserialize)]
struct Prior {
    feature: String,
    weight: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<f64>,
}

impl From<SearchPin> for Search {
    fn from(pin: SearchPin) -> Self {
        let SearchPin {
            rows,
            languages,
            terms,
            fields,
            vectors,
            filters,
            facets,
            synonyms,
            word_vectors,
            profiles,
            criteria,
        } = pin;
        let written_criterion = |criterion: CriterionPin| {
            let CriterionPin { name, of, has_vectors, weight } = criterion;
            Criterion { name, of, has_vectors, weight }
        };
        let field = |field: SearchFieldPin| {
            let SearchFieldPin { name, column } = field;
            Field { name, column }
        };
        let of_model = |vectors: SearchVectorsPin| {
            let SearchVectorsPin { column, model, digest } = vectors;
            Vectors { column, model, digest: digest.to_string() }
        };
        let of_words = |synonyms: SynonymsPin| {
            let SynonymsPin { from, to } = synonyms;
            Synonyms { from, to }
        };
        Self {
            rows: rows.into(),
            languages,
            terms,
            fields: fields.into_iter().map(field).collect(),
            vectors: vectors.into_iter().map(of_model).collect(),
            filters,
            facets,
            synonyms: synonyms.into_iter().map(of_words).collect(),
            word_vectors: word_vectors.map(Into::into),
            profiles: profiles.into_iter().map(Into::into).collect(),
            criteria: criteria.into_iter().map(written_criterion).collect(),
        }
    }
}

impl TryFrom<Search> for SearchPin {
    type Error = String;

    fn try_from(search: Search) -> Result<Self, String> {
        let Search {
            rows,
            languages,
            terms,
            fields,
            vectors,
            filters,
            facets,
            synonyms,
            word_vectors,
            profiles,
            criteria,
        } = search;
        let criterion = |criterion: Criterion| {
            let Criterion { name, of, has_vectors, weight } = criterion;
            CriterionPin { name, of, has_vectors, weight }
        };
        let field = |field: Field| {
            let Field { name, column } = field;
            SearchFieldPin { name, column }
        };
        let of_model = |vectors: Vectors| {
            let Vectors { column, model, digest } = vectors;
            Ok::<_, String>(SearchVectorsPin { column, model, digest: digest.parse()? })
        };
        let of_words = |synonyms: Synonyms| {
            let Synonyms { from, to } = synonyms;
            SynonymsPin { from, to }
        };
        let vectors: Result<Vec<_>, String> = vectors.into_iter().map(of_model).collect();
        Ok(Self {
            rows: rows.try_into()?,
            languages,
            terms,
            fields: fields.into_iter().map(field).collect(),
            vectors: vectors?,
            filters,
            facets,
            synonyms: synonyms.into_iter().map(of_words).collect(),
            word_vectors: word_vectors.map(TryInto::try_into).transpose()?,
            profiles: profiles.into_iter().map(Into::into).collect(),
            criteria: criteria.into_iter().map(criterion).collect(),
        })
    }
}

impl From<WordVectorsPin> for WordVectors {
    fn from(pin: WordVectorsPin) -> Self {
        let WordVectorsPin { file, words, limit, model, digest } = pin;
        Self { file, words, limit, model, digest: digest.to_string() }
    }
}

impl TryFrom<WordVectors> for WordVectorsPin {
    type Error = String;

    fn try_from(pin: WordVectors) -> Result<Self, String> {
        let WordVectors { file, words, limit, model, digest } = pin;
        Ok(Self { file, words, limit, model, digest: digest.parse()? })
    }
}

impl From<ProfilePin> for Profile {
    fn from(pin: ProfilePin) -> Self {
        let ProfilePin {
            name,
            description,
            mode,
            fusion,
            weights,
            vectors,
            typing,
            expand,
            related,
            proximity,
            rerank,
            priors,
            diversity,
            at_most,
        } = pin;
        let LegWeights { keyword, semantic } = weights;
        let prior = |prior: PriorPin| {
            let PriorPin { feature, weight, from, to } = prior;
            Prior { feature, weight, from, to }
        };
        Self {
            name,
            description,
            mode: match mode {
                SearchMode::Hybrid => Mode::Hybrid,
                SearchMode::Keyword => Mode::Keyword,
                SearchMode::Semantic => Mode::Semantic,
            },
            fusion: match fusion {
                Fusion::Scores => FusionName::Scores,
                Fusion::Ranks => FusionName::Ranks,
            },
            keyword_weight: keyword,
            semantic_weight: semantic,
            vectors,
            typing,
            expand,
            related,
            proximity,
            rerank,
            priors: priors.into_iter().map(prior).collect(),
            diversity,
            at_most,
        }
    }
}

impl From<Profile> for ProfilePin {
    fn from(profile: Profile) -> Self {
        let Profile {
            name,
            description,
            mode,
            fusion,
            keyword_weight,
            semantic_weight,
            vectors,
            typing,
            expand,
            related,
            proximity,
            rerank,
            priors,
            diversity,
            at_most,
        } = profile;
        let prior = |prior: Prior| {
            let Prior { feature, weight, from, to } = prior;
            PriorPin { feature, weight, from, to }
        };
        Self {
            name,
            description,
            mode: match mode {
                Mode::Hybrid => SearchMode::Hybrid,
                Mode::Keyword => SearchMode::Keyword,
                Mode::Semantic => SearchMode::Semantic,
            },
            fusion: match fusion {
                FusionName::Scores => Fusion::Scores,
                FusionName::Ranks => Fusion::Ranks,
            },
            weights: LegWeights { keyword: keyword_weight, semantic: semantic_weight },
            vectors,
            typing,
            expand,
            related,
            proximity,
            rerank,
            priors: priors.into_iter().map(prior).collect(),
            diversity,
            at_most,
        }
    }
}
