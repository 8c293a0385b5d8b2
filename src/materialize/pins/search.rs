//! The searches of the release to be.

use std::collections::BTreeMap;

use super::{texts, view};
use crate::compile::{Recipe, SearchCriterion, SearchField, SearchVectors};
use crate::definition::{self, AtMost, Prior, Profile, Synonyms};
use crate::materialize::{Built, ViewStep};
use crate::store::{
    CriterionPin, Fusion, LegWeights, PriorPin, ProfilePin, SearchFieldPin, SearchMode, SearchPin, SearchVectorsPin,
    SynonymsPin,
};
use crate::text::terms::Tokenizer;

pub(super) fn search(step: &ViewStep, built: &Built) -> Option<SearchPin> {
    let Recipe::Search(search) = &step.view.recipe else { return None };
    // Its columns are no features, so that they have no versions.
    let rows = view(step, built, &mut BTreeMap::new())?;
    let vectors = |vectors: &SearchVectors| SearchVectorsPin {
        column: vectors.column.to_string(),
        model: vectors.model.name().to_owned(),
        digest: vectors.model.digest(),
    };
    let field = |field: &SearchField| SearchFieldPin { name: field.name.to_string(), column: field.column.to_string() };
    let criterion = |criterion: SearchCriterion| {
        let SearchCriterion { name, of, has_vectors, weight } = criterion;
        CriterionPin { name: name.to_string(), of: texts(&of), has_vectors, weight }
    };
    // The languages are known.
    let tokenizer = Tokenizer::parse(search.languages.iter().map(String::as_str)).unwrap_or_default();
    let terms = |words: &String| tokenizer.terms(words).map(|term| term.text).collect::<Vec<_>>();
    let synonyms = |Synonyms { from, to }: &Synonyms| SynonymsPin {
        from: from.iter().map(terms).filter(|terms| !terms.is_empty()).collect(),
        to: to.iter().flat_map(terms).collect(),
    };
    Some(SearchPin {
        rows,
        languages: search.languages.clone(),
        terms: texts(&search.terms),
        fields: search.fields.iter().map(field).collect(),
        vectors: search.vectors.iter().map(vectors).collect(),
        filters: texts(&search.filters),
        facets: texts(&search.facets),
        word_vectors: built.word_vectors.get(step.view.name.as_str()).cloned(),
        synonyms: search.synonyms.iter().map(synonyms).collect(),
        profiles: search.profiles.iter().cloned().map(profile).collect(),
        criteria: search.criteria.iter().cloned().map(criterion).collect(),
    })
}

fn profile(written: Profile) -> ProfilePin {
    let Profile {
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
    } = written;
    let default = ProfilePin::default();
    let prior = |prior: Prior| {
        let Prior { feature, weight, from, to } = prior;
        PriorPin { feature: feature.value.to_string(), weight, from, to }
    };
    let of_filter = |at_most: AtMost| (at_most.filter.value.to_string(), at_most.hits as usize);
    ProfilePin {
        name: name.value.to_string(),
        description,
        mode: mode.map_or(default.mode, |mode| match mode {
            definition::SearchMode::Hybrid => SearchMode::Hybrid,
            definition::SearchMode::Keyword => SearchMode::Keyword,
            definition::SearchMode::Semantic => SearchMode::Semantic,
        }),
        fusion: fusion.map_or(default.fusion, |fusion| match fusion {
            definition::Fusion::Scores => Fusion::Scores,
            definition::Fusion::Ranks => Fusion::Ranks,
        }),
        weights: weights.map_or(default.weights, |weights| {
            let definition::LegWeights { keyword, semantic } = weights;
            LegWeights { keyword, semantic }
        }),
        vectors: vectors.iter().map(|name| name.value.to_string()).collect(),
        typing: typing.unwrap_or(default.typing),
        related: related.unwrap_or(default.related),
        proximity: proximity.unwrap_or(default.proximity),
        rerank: rerank.unwrap_or(default.rerank),
        expand: expand.unwrap_or(default.expand),
        priors: priors.into_iter().map(prior).collect(),
        diversity: diversity.unwrap_or(default.diversity),
        at_most: at_most.into_iter().map(of_filter).collect(),
    }
}
