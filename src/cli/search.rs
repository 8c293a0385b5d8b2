//! `rhapsode search`: pieces of a release by their words and by their meaning.

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use clap::ValueEnum;
use console::style;
use datafusion::arrow::util::display::array_value_to_string;
use serde::Serialize;
use serde_json::Value;

use super::{open, print_json};
use crate::limits::SEARCH_CANDIDATES;
use crate::search::{self, Hit, Mode, Request, Weights};
use crate::store::{Entitlements, ReadableSearch, ReleaseRef};

/// Find pieces by their words and by their meaning.
#[derive(clap::Args)]
#[command(after_help = "For example: rhapsode search 'the sea at night' --filter 'decade < 1850' --limit 5\n\
    A filter compares the search's filters with constants; its JSON form is taken too: '{\"year\": {\"gte\": 1890}}'.")]
pub(super) struct Search {
    query: String,
    /// Which search, where there are several.
    #[arg(long, value_name = "NAME")]
    search: Option<String>,
    #[arg(long, value_enum, default_value = "hybrid")]
    mode: ModeName,
    /// Which pieces are looked at: a condition in SQL, or its JSON form.
    #[arg(long, value_name = "CONDITION")]
    filter: Option<String>,
    /// Hits, 200 at most.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=SEARCH_CANDIDATES as i64))]
    limit: u16,
    /// A number, a tag or `latest`.
    #[arg(long, default_value = "latest", value_parser = ReleaseRef::from_str)]
    release: ReleaseRef,
    /// Say why hits are where they are.
    #[arg(long)]
    explain: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How pieces are found.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum ModeName {
    Hybrid,
    Keyword,
    Semantic,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Hybrid => Self::Hybrid,
            ModeName::Keyword => Self::Keyword,
            ModeName::Semantic => Self::Semantic,
        }
    }
}

#[derive(Serialize)]
struct Shown {
    key: String,
    score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword: Option<(usize, f64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic: Option<(usize, f64)>,
}

impl Search {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        // Whoever may read the store's files may read all of it.
        let view = app.open(&self.release).await?.readable_by(Entitlements::ALL);
        let found = search::find(&view.readable, self.search.as_deref()).await?;
        let request = Request {
            query: self.query.clone(),
            mode: self.mode.into(),
            filter: self.filter.as_deref().map(written_filter),
            weights: Weights::default(),
            facets: Vec::new(),
            offset: 0,
            limit: self.limit.into(),
        };
        let answer = search::search(&found, app.models(), &request).await?;
        if self.json {
            let shown: Vec<Shown> = answer.hits.iter().map(|hit| shown(hit, self.explain)).collect();
            print_json(&shown)?;
            return Ok(ExitCode::SUCCESS);
        }
        for hit in &answer.hits {
            say!(
                "{}  {}  {}",
                style(format!("{:.3}", hit.score)).green(),
                style(&hit.key).bold(),
                values(&found, hit.row)?
            );
            if self.explain {
                let leg = |leg: Option<search::Leg>| match leg {
                    Some(leg) => format!("rank {}, {:.3}", leg.rank, leg.score),
                    None => "no candidate".to_owned(),
                };
                let explanation = &hit.explanation;
                say!("       by words {}; by meaning {}", leg(explanation.keyword), leg(explanation.semantic));
            }
        }
        let hits = answer.hits.len();
        let (number, name) = (view.readable.number(), &found.pin().rows.name);
        say!("{hits} {} of the search `{name}` of release {number}", if hits == 1 { "hit" } else { "hits" });
        Ok(ExitCode::SUCCESS)
    }
}

/// A condition in SQL, or an object.
fn written_filter(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(form)) => Value::Object(form),
        _ => Value::String(text.to_owned()),
    }
}

fn shown(hit: &Hit, explain: bool) -> Shown {
    let leg = |leg: Option<search::Leg>| leg.filter(|_| explain).map(|leg| (leg.rank, leg.score));
    let explanation = &hit.explanation;
    Shown {
        key: hit.key.to_string(),
        score: hit.score,
        keyword: leg(explanation.keyword),
        semantic: leg(explanation.semantic),
    }
}

/// What filters may name of a row, without its key.
fn values(found: &ReadableSearch, row: usize) -> anyhow::Result<String> {
    let columns = found.columns();
    let keys = columns.num_columns() - found.pin().filters.len();
    let mut values = Vec::new();
    for (name, column) in found.pin().filters.iter().zip(&columns.columns()[keys..]) {
        let value = array_value_to_string(column, row)?;
        if !value.is_empty() {
            values.push(format!("{} {value}", style(name).dim()));
        }
    }
    Ok(values.join("  "))
}
