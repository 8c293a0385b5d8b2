//! Searches on disk.

use serde::{Deserialize, Serialize};

use super::view::View;
use crate::store::manifest::{SearchFieldPin, SearchPin, SearchVectorsPin};

#[derive(Serialize, Deserialize)]
pub(super) struct Search {
    rows: View,
    source: String,
    languages: Vec<String>,
    fields: Vec<Field>,
    terms: Vec<String>,
    vectors: Vec<Vectors>,
    filters: Vec<String>,
    facets: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Field {
    name: String,
    of: Vec<String>,
    weight: u32,
    restricted: bool,
}

#[derive(Serialize, Deserialize)]
struct Vectors {
    column: String,
    model: String,
    digest: String,
    by_stanza: bool,
}

impl From<SearchPin> for Search {
    fn from(pin: SearchPin) -> Self {
        let SearchPin { rows, source, languages, fields, terms, vectors, filters, facets } = pin;
        let field = |field: SearchFieldPin| {
            let SearchFieldPin { name, of, weight, restricted } = field;
            Field { name, of, weight, restricted }
        };
        let of_model = |vectors: SearchVectorsPin| {
            let SearchVectorsPin { column, model, digest, by_stanza } = vectors;
            Vectors { column, model, digest: digest.to_string(), by_stanza }
        };
        Self {
            rows: rows.into(),
            source,
            languages,
            fields: fields.into_iter().map(field).collect(),
            terms,
            vectors: vectors.into_iter().map(of_model).collect(),
            filters,
            facets,
        }
    }
}

impl TryFrom<Search> for SearchPin {
    type Error = String;

    fn try_from(search: Search) -> Result<Self, String> {
        let Search { rows, source, languages, fields, terms, vectors, filters, facets } = search;
        let field = |field: Field| {
            let Field { name, of, weight, restricted } = field;
            SearchFieldPin { name, of, weight, restricted }
        };
        let of_model = |vectors: Vectors| {
            let Vectors { column, model, digest, by_stanza } = vectors;
            Ok::<_, String>(SearchVectorsPin { column, model, digest: digest.parse()?, by_stanza })
        };
        let vectors: Result<Vec<_>, String> = vectors.into_iter().map(of_model).collect();
        Ok(Self {
            rows: rows.try_into()?,
            source,
            languages,
            fields: fields.into_iter().map(field).collect(),
            terms,
            vectors: vectors?,
            filters,
            facets,
        })
    }
}
