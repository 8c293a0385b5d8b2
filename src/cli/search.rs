//! `rhapsode search`: pieces of a release by their words and by their meaning.

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use clap::ValueEnum;
use console::style;
use datafusion::arrow::util::display::array_value_to_string;
use serde::Serialize;

use super::{open, print_json};
use crate::limits::{HIGHLIGHT_LINES_MAX, SEARCH_CANDIDATES};
use crate::search::{self, AddedTerm, Correction, Highlight, Hit, Reason, Request, written_filter};
use crate::store::{Entitlements, ReadableSearch, ReleaseRef, SearchMode};

/// Find pieces by their words and by their meaning.
#[derive(clap::Args)]
#[command(after_help = "For example: rhapsode search 'the sea at night' --filter 'decade < 1850' --limit 5\n\
    A query may have \"phrases\", -words that must not be there, and conditions on filters: year:1890..1910\n\
    A filter compares the search's filters with constants; its JSON form is taken too: '{\"year\": {\"gte\": 1890}}'.")]
pub(super) struct Search {
    query: String,
    /// Which search, where there are several.
    #[arg(long, value_name = "NAME")]
    search: Option<String>,
    /// A recipe of the search's definition.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// What the profile says, or else `hybrid`.
    #[arg(long, value_enum)]
    mode: Option<ModeName>,
    /// Which pieces are looked at: a condition in SQL, or its JSON form.
    #[arg(long, value_name = "CONDITION")]
    filter: Option<String>,
    /// Hits, 200 at most.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=SEARCH_CANDIDATES as i64))]
    limit: u16,
    /// Lines of each hit that show why it was found, 10 at most.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=HIGHLIGHT_LINES_MAX as i64))]
    lines: u8,
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

impl From<ModeName> for SearchMode {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    highlights: Vec<String>,
}

impl Search {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        // Whoever may read the store's files may read all of it.
        let view = app.open(&self.release).await?.readable_by(Entitlements::ALL);
        let found = search::find(&view.readable, self.search.as_deref()).await?;
        let mut profile = search::profile(&found, self.profile.as_deref())?;
        profile.mode = self.mode.map_or(profile.mode, Into::into);
        let request = Request {
            query: self.query.clone(),
            profile,
            filter: self.filter.as_deref().map(written_filter),
            facets: Vec::new(),
            highlights: self.lines.into(),
            offset: 0,
            limit: self.limit.into(),
        };
        let answer = search::search(&found, app.models(), &request).await?;
        if self.json {
            let shown: Vec<Shown> = answer.hits.iter().map(|hit| shown(hit, self.explain)).collect();
            print_json(&shown)?;
            return Ok(ExitCode::SUCCESS);
        }
        let looked_for = |term: &str, why: &str, word: &str| {
            say!("{} looked for {}: {why} `{word}`", style("·").dim(), style(term).bold());
        };
        for Correction { word, term } in &answer.understood.corrected {
            looked_for(term, "no text has", word);
        }
        for AddedTerm { term, word, reason, .. } in &answer.understood.added {
            let why = match reason {
                Reason::Synonym => "a synonym of",
                Reason::Related => "near in meaning to",
            };
            looked_for(term, why, word);
        }
        for hit in &answer.hits {
            let explanation = &hit.explanation;
            say!(
                "{}  {}  {}",
                style(format!("{:.3}", explanation.score)).green(),
                style(&hit.key).bold(),
                values(&found, hit.row)?
            );
            for line in &hit.highlights {
                say!("       {}", painted(line));
            }
            if self.explain {
                let leg = |leg: Option<search::Leg>| match leg {
                    Some(leg) => format!("rank {}, {:.3}", leg.rank, leg.score),
                    None => "no candidate".to_owned(),
                };
                let words = explanation.words.map(|words| format!("; word by word {words:.3}")).unwrap_or_default();
                say!("       by words {}; by meaning {}{words}", leg(explanation.keyword), leg(explanation.semantic));
                for (prior, share) in &explanation.priors {
                    say!("       {prior} {share:.3}");
                }
            }
        }
        let hits = answer.hits.len();
        let (number, name) = (view.readable.number(), &found.pin().rows.name);
        say!("{hits} {} of the search `{name}` of release {number}", if hits == 1 { "hit" } else { "hits" });
        Ok(ExitCode::SUCCESS)
    }
}

fn shown(hit: &Hit, explain: bool) -> Shown {
    let leg = |leg: Option<search::Leg>| leg.filter(|_| explain).map(|leg| (leg.rank, leg.score));
    let explanation = &hit.explanation;
    Shown {
        key: hit.key.to_string(),
        score: explanation.score,
        keyword: leg(explanation.keyword),
        semantic: leg(explanation.semantic),
        words: explanation.words.filter(|_| explain),
        highlights: hit.highlights.iter().map(|line| line.text.clone()).collect(),
    }
}

/// A line with what was looked for in colour.
fn painted(line: &Highlight) -> String {
    let mut painted = String::new();
    let mut end = 0;
    for mark in &line.marks {
        painted.push_str(&line.text[end..mark.start]);
        painted.push_str(&style(&line.text[mark.clone()]).yellow().to_string());
        end = mark.end;
    }
    painted + &line.text[end..]
}

/// What filters may name of a row, without its key.
pub(super) fn values(found: &ReadableSearch, row: usize) -> anyhow::Result<String> {
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
