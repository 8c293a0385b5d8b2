//! `profiles:` of a search: named recipes of retrieval, fusion, ranking and diversity.

use schemars::JsonSchema;

use super::fields::Fields;
use super::tree::{Node, Value};
use super::{Diagnostics, Spanned};
use crate::name::{FeatureName, ProfileName};

/// A named recipe. What it leaves out is as it is without a profile; a request may say otherwise.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Profile {
    /// What requests call it; `default` is that of requests which name none.
    pub name: Spanned<ProfileName>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether pieces are found by words, by meaning, or by both.
    pub mode: Option<SearchMode>,
    /// How words and meaning become one ranking.
    pub fusion: Option<Fusion>,
    /// How much each of them counts in it.
    pub weights: Option<LegWeights>,
    /// Those of the search's vectors that it reads; all by default.
    #[schemars(default)]
    pub vectors: Vec<Spanned<FeatureName>>,
    /// Whether words that no text has are read as those they are likely meant to be.
    pub typing: Option<bool>,
    /// Whether synonyms are looked for too.
    pub expand: Option<bool>,
    /// Whether words near in meaning are looked for beside every word, and not only beside those that no text has.
    pub related: Option<bool>,
    /// Whether words that stand in a text as they do in the query count more.
    pub proximity: Option<bool>,
    /// Whether the first hundred are ranked by how near their words are to the query's, where no text has these.
    pub rerank: Option<bool>,
    /// What else makes a piece stand higher.
    #[schemars(default)]
    pub priors: Vec<Prior>,
    /// How much it counts that a piece is unlike those before it, from 0 to 1.
    pub diversity: Option<f64>,
    /// Of the pieces with one value of a filter, how many are found: `{ artist: 2 }`.
    #[schemars(with = "Option<std::collections::BTreeMap<FeatureName, u32>>")]
    pub at_most: Vec<AtMost>,
}

/// How pieces are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum SearchMode {
    /// By their words and by their meaning.
    Hybrid,
    /// By their words.
    Keyword,
    /// By their meaning.
    Semantic,
}

/// How words and meaning become one ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Fusion {
    /// By the weighted mean of their scores.
    Scores,
    /// By their ranks alone: the weighted sum of 1 / (60 + rank) (Cormack et al. 2009).
    Ranks,
}

/// How much words and meaning count, 0 or more.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LegWeights {
    /// Of words.
    pub keyword: f64,
    /// Of meaning.
    pub semantic: f64,
}

/// A number of a piece by which it stands higher, whatever is asked.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Prior {
    /// One of the filters, a number or a moment.
    pub feature: Spanned<FeatureName>,
    /// How much it counts, where what is asked counts 1.
    pub weight: f64,
    /// The value that counts nothing; by default the least of all. Above `to`, less is more.
    pub from: Option<f64>,
    /// The value that counts all of the weight; by default the greatest of all.
    pub to: Option<f64>,
}

/// Of the pieces with one value of `filter`, so many at most.
#[derive(Clone, Debug)]
pub struct AtMost {
    pub filter: Spanned<FeatureName>,
    pub hits: u32,
}

pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Profile> {
    let known = &[
        "name",
        "description",
        "mode",
        "fusion",
        "weights",
        "vectors",
        "typing",
        "expand",
        "related",
        "proximity",
        "rerank",
        "priors",
        "diversity",
        "at_most",
    ];
    let fields = Fields::open(node, "profile", known, diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let description = fields.string("description", diagnostics);
    let modes = [("hybrid", SearchMode::Hybrid), ("keyword", SearchMode::Keyword), ("semantic", SearchMode::Semantic)];
    let mode = fields.one_of("mode", &modes, diagnostics);
    let fusion = fields.one_of("fusion", &[("scores", Fusion::Scores), ("ranks", Fusion::Ranks)], diagnostics);
    let weights = fields.node("weights").and_then(|node| weights(node, diagnostics));
    let vectors = fields.names("vectors", diagnostics);
    let switches = [("true", true), ("false", false)];
    let typing = fields.one_of("typing", &switches, diagnostics);
    let expand = fields.one_of("expand", &switches, diagnostics);
    let related = fields.one_of("related", &switches, diagnostics);
    let proximity = fields.one_of("proximity", &switches, diagnostics);
    let rerank = fields.one_of("rerank", &switches, diagnostics);
    let priors = fields.list("priors", diagnostics);
    let priors = priors.iter().filter_map(|node| prior(node, diagnostics)).collect();
    let is_share = |share: f64| (0.0..=1.0).contains(&share);
    let diversity = fields.number("diversity", "a share: a number from 0 to 1", is_share, diagnostics);
    let at_most = fields.node("at_most").map(|node| at_most(node, diagnostics)).unwrap_or_default();
    Some(Profile {
        name: name?,
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
    })
}

fn weights(node: &Node, diagnostics: &mut Diagnostics) -> Option<LegWeights> {
    let fields = Fields::open(node, "`weights`", &["keyword", "semantic"], diagnostics)?;
    let mut weight = |key: &str| {
        fields.required(key, diagnostics)?;
        fields.number(
            key,
            "a weight: a number, 0 or more",
            |weight: f64| weight.is_finite() && weight >= 0.0,
            diagnostics,
        )
    };
    let (keyword, semantic) = (weight("keyword"), weight("semantic"));
    let weights = LegWeights { keyword: keyword?, semantic: semantic? };
    if weights.keyword + weights.semantic == 0.0 {
        diagnostics.add(&node.place, "one of the weights is more than 0");
    }
    Some(weights)
}

fn prior(node: &Node, diagnostics: &mut Diagnostics) -> Option<Prior> {
    let fields = Fields::open(node, "prior", &["feature", "weight", "from", "to"], diagnostics)?;
    let feature = fields.required_name("feature", diagnostics);
    fields.required("weight", diagnostics);
    let is_weight = |weight: f64| weight.is_finite() && weight > 0.0;
    let weight = fields.number("weight", "a weight: a number above 0", is_weight, diagnostics);
    let from = fields.number("from", "a number", f64::is_finite, diagnostics);
    let to = fields.number("to", "a number", f64::is_finite, diagnostics);
    if let (Some(from), Some(to)) = (from, to)
        && from == to
    {
        diagnostics.add(&node.place, "`from` and `to` are the same value, so that all pieces are alike");
    }
    Some(Prior { feature: feature?, weight: weight?, from, to })
}

fn at_most(node: &Node, diagnostics: &mut Diagnostics) -> Vec<AtMost> {
    let Value::Map(entries) = &node.value else {
        let remedy = Some("write `at_most: { artist: 2 }`".to_owned());
        diagnostics.add_with(&node.place, "`at_most` says of filters how many hits have one value", remedy);
        return Vec::new();
    };
    let mut all = Vec::new();
    for (key, node) in entries {
        let filter = match FeatureName::parse(&key.value) {
            Ok(filter) => Spanned::new(filter, key.place.clone()),
            Err(error) => {
                diagnostics.add(&key.place, error.to_string());
                continue;
            }
        };
        let hits = match &node.value {
            Value::Scalar(text) => text.value.trim().parse().ok().filter(|hits| *hits > 0),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        };
        match hits {
            Some(hits) => all.push(AtMost { filter, hits }),
            None => diagnostics.add(&node.place, "how many hits have one value is a whole number, 1 or more"),
        }
    }
    all
}
