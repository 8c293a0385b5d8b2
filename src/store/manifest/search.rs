//! Searches of a release.

use std::collections::BTreeMap;

use super::ViewPin;
use crate::name::Fingerprint;
use crate::store::WordVectorsPin;

/// What is searched, at one version.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchPin {
    /// The columns of its dataset; they are no features of the entity.
    pub rows: ViewPin,
    /// By their codes.
    pub languages: Vec<String>,
    /// The columns of terms: of the fields that are open, then, where there are others, of all.
    pub terms: Vec<String>,
    /// Releases of before there were any have none.
    pub fields: Vec<SearchFieldPin>,
    pub vectors: Vec<SearchVectorsPin>,
    pub filters: Vec<String>,
    pub facets: Vec<String>,
    pub synonyms: Vec<SynonymsPin>,
    /// None where words have no vectors.
    pub word_vectors: Option<WordVectorsPin>,
    pub profiles: Vec<ProfilePin>,
    pub criteria: Vec<CriterionPin>,
}

/// A text whose words are found, and the column that has it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchFieldPin {
    pub name: String,
    pub column: String,
}

/// Vectors by which texts are found.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchVectorsPin {
    pub column: String,
    /// What makes vectors of queries too.
    pub model: String,
    pub digest: Fingerprint,
}

/// What makes two pieces alike: vectors, or the values of features.
#[derive(Clone, Debug, PartialEq)]
pub struct CriterionPin {
    pub name: String,
    /// The column of vectors alone, or features.
    pub of: Vec<String>,
    pub has_vectors: bool,
    /// Where a request does not say it.
    pub weight: f64,
}

/// Words of which a query that has one of `from` is also looked for by each of `to`, as the terms that they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynonymsPin {
    /// Terms behind one another.
    pub from: Vec<Vec<String>>,
    pub to: Vec<String>,
}

/// A named recipe of retrieval, fusion, ranking and diversity.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfilePin {
    pub name: String,
    pub description: Option<String>,
    pub mode: SearchMode,
    pub fusion: Fusion,
    pub weights: LegWeights,
    /// The columns of vectors that are read; all where there are none.
    pub vectors: Vec<String>,
    /// Whether words that no text has are read as those they are likely meant to be.
    pub typing: bool,
    /// Whether synonyms are looked for too.
    pub expand: bool,
    /// Whether words near in meaning are looked for beside every word, and not only beside those that no text has.
    pub related: bool,
    /// Whether words that stand in a text as they do in the query count more.
    pub proximity: bool,
    /// Whether the first hundred are ranked by how near their words are to the query's, where no text has these.
    pub rerank: bool,
    pub priors: Vec<PriorPin>,
    /// How much it counts that a piece is unlike those before it, from 0 to 1.
    pub diversity: f64,
    /// By filter: of the pieces with one value of it, how many are found.
    pub at_most: BTreeMap<String, usize>,
}

/// How pieces are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchMode {
    /// By their words and by their meaning.
    #[default]
    Hybrid,
    /// By their words.
    Keyword,
    /// By their meaning.
    Semantic,
}

/// How words and meaning become one ranking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fusion {
    /// By the weighted mean of their scores.
    #[default]
    Scores,
    /// By their ranks alone.
    Ranks,
}

/// How much each leg counts, 0 or more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LegWeights {
    pub keyword: f64,
    pub semantic: f64,
}

/// A number of a piece by which it stands higher, whatever is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct PriorPin {
    /// One of the filters.
    pub feature: String,
    /// Where what is asked counts 1.
    pub weight: f64,
    /// The value that counts nothing; none for the least of all.
    pub from: Option<f64>,
    /// The value that counts all of the weight; none for the greatest of all.
    pub to: Option<f64>,
}

/// Between these, the hybrid was no worse than its better leg on each collection of docs/evaluation.md.
impl Default for LegWeights {
    fn default() -> Self {
        Self { keyword: 0.65, semantic: 0.35 }
    }
}

/// What a search does where no profile says otherwise.
impl Default for ProfilePin {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            description: None,
            mode: SearchMode::default(),
            fusion: Fusion::default(),
            weights: LegWeights::default(),
            vectors: Vec::new(),
            typing: true,
            expand: true,
            related: false,
            proximity: true,
            rerank: true,
            priors: Vec::new(),
            diversity: 0.0,
            at_most: BTreeMap::new(),
        }
    }
}
