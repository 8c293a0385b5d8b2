//! `kind: search`: a view of what is searched, in one place: terms, vectors and the columns that filters name.

mod columns;
mod criteria;
mod profile;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::columns::Columns;
use super::graph::Reads;
use super::names::refer;
use super::target::{Recipe, RelatedWords, SearchField, SearchVectors, Target, TargetSearch, TargetView};
use super::view::{self, Known};
use crate::definition::{Diagnostics, Feature, FeatureView, Format, Online, Place, Search, Text, Values};
use crate::engine::{Session, Statement};
use crate::text::terms::Language;

/// Compiles a search; none where something is wrong with it.
pub(super) async fn compile(
    written: &Search,
    session: &Session,
    target: &Target,
    known: &Known<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<TargetView> {
    let before = diagnostics.iter().len();
    let columns = Columns::of(written, target, diagnostics)?;
    check_languages(written, diagnostics);
    let fields = columns.fields(diagnostics);
    let vectors = columns.vectors(diagnostics);
    let filters = columns.filters(diagnostics);
    profile::check(written, &filters, diagnostics);
    let criteria = criteria::criteria(&columns, &filters, diagnostics);
    let related_words = related_words(written, &vectors, diagnostics);
    if diagnostics.iter().len() > before {
        return None;
    }
    let terms = columns.terms(&fields);
    let others = vectors.iter().map(|(_, feature)| feature).chain(&filters).chain(&criteria.features);
    let others = others.map(|feature| (feature.clone(), columns.qualified(&feature.name.value)));
    let texts = columns.texts(&fields);
    let (features, expressions): (Vec<Feature>, Vec<String>) =
        terms.iter().chain(&texts).cloned().chain(others).unzip();
    let sql = columns.sql(&features, &expressions);
    let place = &written.name.place;
    let statement = match Statement::parse(&sql) {
        Ok(statement) => statement,
        Err(error) => {
            diagnostics.add_with(place, format!("this search cannot be computed: {}", error.message), error.remedy);
            return None;
        }
    };
    let tables: BTreeMap<String, Place> =
        statement.tables().into_iter().map(|read| (read.name, place.clone())).collect();
    let rows = FeatureView {
        name: written.name.clone(),
        entity: written.entity.clone(),
        values: Values::Sql(Text::line(sql, place.clone())),
        features,
        description: written.description.clone(),
        owner: written.owner.clone(),
        tags: written.tags.clone(),
        ttl_seconds: None,
        expect: Vec::new(),
        format: Format::Lance,
        online: Online::Off,
        timestamp_field: None,
    };
    let reads = Reads { statement: Some(statement), tables };
    let view = view::compile(&rows, &reads, session, target, known, diagnostics).await?;
    let Recipe::Sql(sql) = view.recipe else { return None };
    let search = TargetSearch {
        sql,
        languages: written.languages.iter().map(|language| language.value.clone()).collect(),
        terms: terms.into_iter().map(|(feature, _)| feature.name.value).collect(),
        fields: fields.into_iter().map(|field| SearchField { column: field.column, name: field.name }).collect(),
        vectors: vectors.into_iter().map(|(vectors, _)| vectors).collect(),
        filters: filters.into_iter().map(|feature| feature.name.value).collect(),
        facets: written.facets.iter().map(|facet| facet.value.clone()).collect(),
        synonyms: written.synonyms.clone(),
        related_words,
        profiles: written.profiles.clone(),
        criteria: criteria.criteria,
    };
    Some(TargetView { recipe: Recipe::Search(search), ..view })
}

/// The words that have vectors: of the model of the first vectors.
fn related_words(
    written: &Search,
    vectors: &[(SearchVectors, Feature)],
    diagnostics: &mut Diagnostics,
) -> Option<RelatedWords> {
    let limit = written.related_words? as usize;
    match vectors.first() {
        Some((first, _)) => Some(RelatedWords { limit, model: Arc::clone(&first.model) }),
        None if written.vectors.is_empty() => {
            let message = "`related_words` needs `vectors`, whose model makes those of words too";
            diagnostics.add(&written.name.place, message);
            None
        }
        // What is wrong with them is reported.
        None => None,
    }
}

fn check_languages(written: &Search, diagnostics: &mut Diagnostics) {
    let codes: Vec<&str> = Language::codes().collect();
    for language in &written.languages {
        refer("language", &language.value, &language.place, &codes, diagnostics);
    }
}
