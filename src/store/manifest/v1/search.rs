//! Searches on disk.

use serde::{Deserialize, Serialize};

use super::view::View;
use crate::store::manifest::{SearchPin, SearchVectorsPin};

#[derive(Serialize, Deserialize)]
pub(super) struct Search {
    rows: View,
    languages: Vec<String>,
    terms: Vec<String>,
    vectors: Vec<Vectors>,
    filters: Vec<String>,
    facets: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Vectors {
    column: String,
    model: String,
    digest: String,
}

impl From<SearchPin> for Search {
    fn from(pin: SearchPin) -> Self {
        let SearchPin { rows, languages, terms, vectors, filters, facets } = pin;
        let of_model = |vectors: SearchVectorsPin| {
            let SearchVectorsPin { column, model, digest } = vectors;
            Vectors { column, model, digest: digest.to_string() }
        };
        let vectors = vectors.into_iter().map(of_model).collect();
        Self { rows: rows.into(), languages, terms, vectors, filters, facets }
    }
}

impl TryFrom<Search> for SearchPin {
    type Error = String;

    fn try_from(search: Search) -> Result<Self, String> {
        let Search { rows, languages, terms, vectors, filters, facets } = search;
        let of_model = |vectors: Vectors| {
            let Vectors { column, model, digest } = vectors;
            Ok::<_, String>(SearchVectorsPin { column, model, digest: digest.parse()? })
        };
        let vectors: Result<Vec<_>, String> = vectors.into_iter().map(of_model).collect();
        Ok(Self { rows: rows.try_into()?, languages, terms, vectors: vectors?, filters, facets })
    }
}
