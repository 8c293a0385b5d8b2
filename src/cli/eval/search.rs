//! `rhapsode eval search`: how well a search answers queries whose answers are known.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use console::style;
use serde_json::{Value, json};

use super::super::{open, print_json, share};
use crate::evaluate::retrieval::{Mean, Quality, Topic, read_topics, significance};
use crate::limits::SEARCH_CANDIDATES;
use crate::search::{self, Request, SearchError};
use crate::store::{Entitlements, LegWeights, ProfilePin, ReadableSearch, ReleaseRef, SearchMode};

/// How each way of searching is called, the legs first.
const MODES: [(&str, SearchMode); 3] =
    [("keyword", SearchMode::Keyword), ("semantic", SearchMode::Semantic), ("hybrid", SearchMode::Hybrid)];

/// Queries whose answers are known.
#[derive(clap::Args)]
pub(super) struct SearchGold {
    /// The queries, for `search`: JSON Lines with `_id` and `text` (BEIR), or `id<TAB>text` (TREC).
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// What answers them, for `search`: `query document grade` (BEIR), or `query 0 document grade` (TREC).
    #[arg(long, value_name = "FILE")]
    qrels: Option<PathBuf>,
    /// Which search, where there are several.
    #[arg(long, value_name = "NAME")]
    search: Option<String>,
    /// How much words count in a hybrid answer, 0 to 1; the rest is for the meaning.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    keyword_weight: Option<f64>,
    /// The recipe that the legs and the hybrid are measured with.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Measure the hybrid without each of its steps too, and each other recipe of the search's definition.
    #[arg(long)]
    steps: bool,
}

/// A way of searching.
struct Way {
    name: String,
    profile: ProfilePin,
}

/// What one way of searching did, query by query.
struct Measured {
    name: String,
    qualities: Vec<Quality>,
}

impl Measured {
    fn values(&self, of: Figure) -> Vec<f64> {
        self.qualities.iter().map(of).collect()
    }
}

/// A figure of a ranking.
type Figure = fn(&Quality) -> f64;

/// The figures, as they are called.
const FIGURES: [(&str, Figure); 4] = [
    ("nDCG@10", |quality| quality.ndcg),
    ("MRR@10", |quality| quality.reciprocal_rank),
    ("recall@100", |quality| quality.recall),
    ("precision@10", |quality| quality.precision),
];

impl SearchGold {
    pub async fn run(self, project: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
        let queries = self.queries.as_deref().context("`eval search` needs `--queries FILE` and `--qrels FILE`")?;
        let qrels = self.qrels.as_deref().context("`eval search` needs `--qrels FILE`")?;
        let topics = read_topics(queries, qrels)?;
        let measured = self.measured(project, &topics).await?;
        if as_json {
            print_json(&json!({"queries": topics.len(), "modes": measured.iter().map(shown).collect::<Vec<_>>()}))?;
            return Ok(ExitCode::SUCCESS);
        }
        say!(
            "{} queries; 95 % by bootstrap; p by randomisation, of the hybrid against its better leg, of others against the hybrid",
            topics.len()
        );
        for of in &measured {
            let figures = FIGURES.iter().map(|(name, value)| {
                let Mean { value, interval } = Mean::of(&of.values(*value));
                format!(
                    "{} {} [{:.3}, {:.3}]",
                    style(name).dim(),
                    style(format!("{value:.4}")).bold(),
                    interval.low,
                    interval.high
                )
            });
            let p = chance(&measured, of).map(|p| format!("  p {p:.3}")).unwrap_or_default();
            say!("{:17} {}{p}", of.name, figures.collect::<Vec<_>>().join("  "));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn measured(&self, project: &Path, topics: &[Topic]) -> anyhow::Result<Vec<Measured>> {
        let app = open(project)?;
        let view = app.open(&ReleaseRef::Latest).await?.readable_by(Entitlements::ALL);
        let found = search::find(&view.readable, self.search.as_deref()).await?;
        let mut measured = Vec::new();
        for Way { name, profile } in self.ways(&found)? {
            let mut qualities = Vec::with_capacity(topics.len());
            for Topic { text, judgements, .. } in topics {
                let request = Request {
                    query: text.clone(),
                    profile: profile.clone(),
                    filter: None,
                    facets: Vec::new(),
                    highlights: 0,
                    offset: 0,
                    limit: SEARCH_CANDIDATES,
                };
                match search::search(&found, app.models(), &request).await {
                    Ok(answer) => {
                        let ranked: Vec<String> = answer.hits.iter().map(|hit| hit.key.to_string()).collect();
                        qualities.push(Quality::of(&ranked, judgements));
                    }
                    Err(SearchError::NoVectors) => break,
                    Err(error) => return Err(error.into()),
                }
            }
            if qualities.len() == topics.len() {
                measured.push(Measured { name, qualities });
            }
        }
        Ok(measured)
    }

    /// The ways of searching that are measured.
    fn ways(&self, found: &ReadableSearch) -> anyhow::Result<Vec<Way>> {
        let mut profile = search::profile(found, self.profile.as_deref())?;
        if let Some(keyword) = self.keyword_weight {
            profile.weights = LegWeights { keyword, semantic: 1.0 - keyword };
        }
        let of_mode = |(name, mode): (&str, SearchMode)| Way {
            name: name.to_owned(),
            profile: ProfilePin { mode, ..profile.clone() },
        };
        let mut ways: Vec<Way> = MODES.into_iter().map(of_mode).collect();
        if !self.steps {
            return Ok(ways);
        }
        let hybrid = || ProfilePin { mode: SearchMode::Hybrid, ..profile.clone() };
        let steps = [
            ("less typing", ProfilePin { typing: false, ..hybrid() }),
            ("less expand", ProfilePin { expand: false, ..hybrid() }),
            ("more related", ProfilePin { related: true, ..hybrid() }),
            ("less proximity", ProfilePin { proximity: false, ..hybrid() }),
            ("less rerank", ProfilePin { rerank: false, ..hybrid() }),
            ("less priors", ProfilePin { priors: Vec::new(), ..hybrid() }),
            ("less diversity", ProfilePin { diversity: 0.0, ..hybrid() }),
            ("less at_most", ProfilePin { at_most: Default::default(), ..hybrid() }),
        ];
        // What the profile does not take, or takes already, brings nothing.
        let taken = steps.into_iter().filter(|(_, without)| *without != hybrid());
        ways.extend(taken.map(|(name, profile)| Way { name: name.to_owned(), profile }));
        let others = found.pin().profiles.iter().filter(|other| other.name != profile.name);
        ways.extend(others.map(|other| Way { name: other.name.clone(), profile: other.clone() }));
        Ok(ways)
    }
}

/// How likely it is chance that a hybrid differs from its better leg, or another way from the hybrid; none for a leg.
fn chance(measured: &[Measured], of: &Measured) -> Option<f64> {
    let ndcg = |measured: &Measured| measured.values(|quality| quality.ndcg);
    let sum = |measured: &&Measured| ndcg(measured).iter().sum::<f64>();
    let is_leg = |measured: &&Measured| matches!(measured.name.as_str(), "keyword" | "semantic");
    let other = match of.name.as_str() {
        "keyword" | "semantic" => None,
        "hybrid" => measured.iter().filter(is_leg).max_by(|a, b| sum(a).total_cmp(&sum(b))),
        _ => measured.iter().find(|measured| measured.name == "hybrid"),
    };
    Some(significance(&ndcg(of), &ndcg(other?)))
}

fn shown(of: &Measured) -> Value {
    let figure = |(name, value): &(&str, Figure)| {
        let Mean { value, interval } = Mean::of(&of.values(*value));
        json!({"name": name, "value": value, "low": interval.low, "high": interval.high})
    };
    json!({"mode": of.name, "figures": FIGURES.iter().map(figure).collect::<Vec<_>>()})
}
