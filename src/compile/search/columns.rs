//! The columns that a search may name, and those that it is made of.

use std::collections::{BTreeMap, BTreeSet};

use crate::compile::target::{Recipe, SearchVectors, Target};
use crate::definition::{Access, Diagnostics, Dtype, Feature, Online, Search, Spanned};
use crate::engine::{SEARCH_TERMS, quoted};
use crate::name::{FeatureName, nearest};

/// What the columns of terms are called: of what is open, and of all.
const TERMS: &str = "search_terms";
const RESTRICTED_TERMS: &str = "search_terms_restricted";

/// What the columns of texts are called, before the name of their field.
const TEXT_PREFIX: &str = "search_text_";

/// What parts the terms of one text from those of the next: it is in no word.
const PARTING: &str = "|";

/// A text whose words are found.
pub(super) struct Field {
    pub name: FeatureName,
    /// Where its text is.
    pub column: FeatureName,
    /// The columns of the source and the features that it is made of.
    of: Vec<FeatureName>,
    /// How often its terms are counted.
    weight: u32,
    access: Access,
}

/// A column that a search may name.
pub(super) struct Column {
    table: String,
    pub dtype: Dtype,
    pub access: Access,
    /// The column of a view that has a row for each moment.
    has_time: bool,
}

/// The columns of a search's source, and the features of its entity.
pub(super) struct Columns<'a> {
    written: &'a Search,
    target: &'a Target,
    keys: Vec<String>,
    by_name: BTreeMap<String, Column>,
}

impl<'a> Columns<'a> {
    pub fn of(written: &'a Search, target: &'a Target, diagnostics: &mut Diagnostics) -> Option<Self> {
        let entity = &written.entity.value;
        // That there is none is reported with the names.
        target.entity(entity)?;
        let source = target.source(written.source.value.as_str())?;
        if source.entity != *entity {
            let message = format!("`{}` has rows of `{}`, not of `{entity}`", source.name, source.entity);
            diagnostics.add(&written.source.place, message);
            return None;
        }
        if source.timestamp_field.is_some() {
            let message =
                format!("`{}` has a row for each moment; a search is over a source without time", source.name);
            diagnostics.add(&written.source.place, message);
            return None;
        }
        let views = target.views.iter().filter(|view| view.entity == *entity);
        let of_views = views.flat_map(|view| {
            view.features.iter().map(|feature| {
                let (table, has_time) = (view.name.to_string(), view.time.is_some());
                let column = Column { table, dtype: feature.dtype.clone(), access: feature.access, has_time };
                (feature.name.to_string(), column)
            })
        });
        let mut by_name: BTreeMap<String, Column> = of_views.collect();
        // Where both have the name, the source's is nearer.
        for column in &source.columns {
            let (table, dtype) = (source.name.to_string(), column.dtype.clone());
            by_name.insert(column.name.to_string(), Column { table, dtype, access: column.access, has_time: false });
        }
        Some(Self { written, target, keys: target.keys(entity), by_name })
    }

    pub fn written(&self) -> &'a Search {
        self.written
    }

    /// The column of that name; that there is none is reported.
    pub fn find(&self, name: &Spanned<FeatureName>, diagnostics: &mut Diagnostics) -> Option<&Column> {
        let found = self.by_name.get(name.value.as_str());
        match found {
            None => {
                let names = self.by_name.keys().map(String::as_str);
                let remedy = nearest(name.value.as_str(), names).map(|nearest| format!("did you mean `{nearest}`?"));
                let message = format!(
                    "neither `{}` nor the features of `{}` have `{}`",
                    self.written.source.value, self.written.entity.value, name.value
                );
                diagnostics.add_with(&name.place, message, remedy);
                None
            }
            Some(column) if column.has_time => {
                let message =
                    format!("`{}` has a row for each moment; a search is over what has one of each key", column.table);
                diagnostics.add(&name.place, message);
                None
            }
            found => found,
        }
    }

    pub fn qualified(&self, name: &FeatureName) -> String {
        let table = self.by_name.get(name.as_str()).map(|column| column.table.as_str()).unwrap_or_default();
        format!("{}.{}", quoted(table), quoted(name.as_str()))
    }

    pub fn fields(&self, diagnostics: &mut Diagnostics) -> Vec<Field> {
        let mut taken: BTreeSet<&FeatureName> = BTreeSet::new();
        let mut fields = Vec::new();
        for text in &self.written.text {
            if !taken.insert(&text.name.value) {
                diagnostics.add(&text.name.place, format!("the field `{}` is written twice", text.name.value));
            }
            let own = [text.name.clone()];
            let of = if text.of.is_empty() { &own } else { text.of.as_slice() };
            let mut access = Access::Open;
            for name in of {
                let Some(column) = self.find(name, diagnostics) else { continue };
                if column.dtype != Dtype::String {
                    let message = format!("`{}` is {}; words are found in a string", name.value, column.dtype);
                    diagnostics.add(&name.place, message);
                }
                if column.access == Access::Restricted {
                    access = Access::Restricted;
                }
            }
            let of = of.iter().map(|name| name.value.clone()).collect();
            let name = text.name.value.clone();
            let Ok(column) = FeatureName::parse(&format!("{TEXT_PREFIX}{name}")) else {
                diagnostics.add(&text.name.place, format!("`{name}` is too long for the name of a field"));
                continue;
            };
            fields.push(Field { name, column, of, weight: text.weight, access });
        }
        fields
    }

    /// The columns of terms and how they are made: of the fields that are open, and of all where some are not.
    pub fn terms(&self, fields: &[Field]) -> Vec<(Feature, String)> {
        let mut terms = Vec::new();
        for (name, access) in [(TERMS, Access::Open), (RESTRICTED_TERMS, Access::Restricted)] {
            let is_of_it = |field: &&Field| access == Access::Restricted || field.access == Access::Open;
            let of_it: Vec<&Field> = fields.iter().filter(is_of_it).collect();
            let is_needed = fields.iter().any(|field| field.access == access);
            if let (true, Ok(name)) = (is_needed, FeatureName::parse(name)) {
                let name = Spanned::new(name, self.written.name.place.clone());
                terms.push((feature(name, Dtype::String, access), self.terms_of(&of_it)));
            }
        }
        terms
    }

    /// The terms of each field as often as it weighs, so that BM25 over all of them is that of weighted fields (BM25F,
    /// Robertson et al. 2004). What parts them is no term, so that no phrase goes over it.
    fn terms_of(&self, fields: &[&Field]) -> String {
        let codes: Vec<&str> = self.written.languages.iter().map(|language| language.value.as_str()).collect();
        let terms = |name: &FeatureName| format!("{SEARCH_TERMS}({}, '{}')", self.qualified(name), codes.join(","));
        let of_field = |field: &&Field| {
            let once: Vec<String> = field.of.iter().map(terms).collect();
            vec![once; field.weight as usize].concat()
        };
        let all: Vec<String> = fields.iter().flat_map(of_field).collect();
        format!("concat_ws(' {PARTING} ', {})", all.join(", "))
    }

    /// The texts themselves, a column for each field, and how they are made.
    pub fn texts(&self, fields: &[Field]) -> Vec<(Feature, String)> {
        let text = |field: &Field| {
            let of: Vec<String> = field.of.iter().map(|name| self.qualified(name)).collect();
            let expression = match of.as_slice() {
                [only] => only.clone(),
                several => format!("concat_ws('\n', {})", several.join(", ")),
            };
            let name = Spanned::new(field.column.clone(), self.written.name.place.clone());
            (feature(name, Dtype::String, field.access), expression)
        };
        fields.iter().map(text).collect()
    }

    pub fn vectors(&self, diagnostics: &mut Diagnostics) -> Vec<(SearchVectors, Feature)> {
        let mut vectors = Vec::new();
        for name in &self.written.vectors {
            let Some(column) = self.find(name, diagnostics) else { continue };
            let recipe = self.target.view(&column.table).map(|view| &view.recipe);
            let is_vector = |dtype: &Dtype| matches!(dtype, Dtype::Vector(_));
            let has_vectors = is_vector(&column.dtype) || matches!(&column.dtype, Dtype::List(item) if is_vector(item));
            let (true, Some(Recipe::Embedding(embedding))) = (has_vectors, recipe) else {
                let message = format!("`{}` is no vector that a model makes of a text", name.value);
                let remedy = "name a feature of a view with `embedding`: its model makes vectors of queries too";
                diagnostics.add_with(&name.place, message, Some(remedy.to_owned()));
                continue;
            };
            let of = SearchVectors { column: name.value.clone(), model: embedding.model.clone() };
            vectors.push((of, feature(name.clone(), column.dtype.clone(), column.access)));
        }
        vectors
    }

    /// The columns that are filtered by, of which some are facets.
    pub fn filters(&self, diagnostics: &mut Diagnostics) -> Vec<Feature> {
        let mut filters: Vec<Feature> = Vec::new();
        for name in &self.written.filters {
            let Some(column) = self.find(name, diagnostics) else { continue };
            if !column.dtype.is_scalar() {
                let message = format!("`{}` is {}; a filter is over single values", name.value, column.dtype);
                diagnostics.add(&name.place, message);
            } else if self.keys.iter().any(|key| key == name.value.as_str()) {
                diagnostics.add(&name.place, format!("`{}` is a join key; filters may name it anyway", name.value));
            } else if filters.iter().any(|filter| filter.name.value == name.value) {
                diagnostics.add(&name.place, format!("the filter `{}` is written twice", name.value));
            }
            filters.push(feature(name.clone(), column.dtype.clone(), column.access));
        }
        for facet in &self.written.facets {
            if !filters.iter().any(|filter| filter.name.value == facet.value) {
                let message = format!("the facet `{}` is none of the filters", facet.value);
                diagnostics.add_with(&facet.place, message, Some("write it under `filters` too".to_owned()));
            }
        }
        filters
    }

    /// The rows of the source, and beside each what views have of its key.
    pub fn sql(&self, features: &[Feature], expressions: &[String]) -> String {
        let source = quoted(self.written.source.value.as_str());
        let keys = self.keys.iter().map(|key| format!("{source}.{key} as {key}", key = quoted(key)));
        let columns = features.iter().zip(expressions);
        let columns = columns.map(|(feature, expr)| format!("{expr} as {}", quoted(feature.name.value.as_str())));
        let selected: Vec<String> = keys.chain(columns).collect();
        let named = self.written.text.iter().flat_map(|text| match text.of.as_slice() {
            [] => vec![&text.name.value],
            of => of.iter().map(|name| &name.value).collect(),
        });
        let criteria = self.written.criteria.iter().flat_map(|criterion| &criterion.of);
        let others = self.written.vectors.iter().chain(&self.written.filters).chain(criteria);
        let named = named.chain(others.map(|name| &name.value));
        let tables: BTreeSet<&str> =
            named.filter_map(|name| self.by_name.get(name.as_str())).map(|column| column.table.as_str()).collect();
        let views = tables.into_iter().filter(|table| *table != self.written.source.value.as_str());
        let joins: String = views
            .map(|view| {
                let view = quoted(view);
                let on = self.keys.iter().map(|key| format!("{source}.{key} = {view}.{key}", key = quoted(key)));
                format!(" left join {view} on {}", on.collect::<Vec<_>>().join(" and "))
            })
            .collect();
        format!("select {} from {source}{joins}", selected.join(", "))
    }
}

pub(super) fn feature(name: Spanned<FeatureName>, dtype: Dtype, access: Access) -> Feature {
    let dtype = Spanned::new(dtype, name.place.clone());
    Feature {
        name,
        dtype,
        expr: None,
        unit: None,
        description: None,
        licence: None,
        access: Some(access),
        online: Online::Off,
        tags: Vec::new(),
        expect: Vec::new(),
    }
}
