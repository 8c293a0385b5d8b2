//! `rhapsode experiments`: how profiles of a search compare; `rhapsode feedback`: what was said of hits, as gold for `eval search`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use console::style;
use serde::Serialize;
use serde_json::json;

use super::paint::{table, thousands};
use super::{open, print_json};
use crate::experiments::{ArmReport, Compared, Report};
use crate::search;
use crate::statistics::{Difference, Interval};
use crate::store::{Entitlements, ReleaseRef};

/// How unlikely a division of keys is, where it is told.
const SPLIT_P: f64 = 0.001;

/// Compare profiles of a search by what people say of hits.
#[derive(clap::Args)]
pub(super) struct ExperimentsCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What was found by each profile, with 95 % intervals, and how it differs from `default`, or the first.
    #[command(
        after_help = "For example: rhapsode experiments report ranking\n\nDecide before you look for how many verdicts you wait: whoever looks every day and stops at the first small p finds differences that are none."
    )]
    Report {
        /// One of rhapsode.toml's, or one that has ended; all by default.
        experiment: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl ExperimentsCommand {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let Command::Report { experiment, json } = self.command;
        let app = open(project)?;
        let experiments = app.experiments().await?;
        let names = match experiment {
            Some(name) => vec![name],
            None => experiments.names().await?,
        };
        let mut reports = Vec::new();
        for name in names {
            reports.push(experiments.report(&name).await?);
        }
        match (json, reports.is_empty()) {
            (true, _) => print_json(&reports.into_iter().map(ReportShown::from).collect::<Vec<_>>())?,
            (false, true) => say!("there is no experiment yet; [experiments.NAME] in rhapsode.toml makes one"),
            (false, false) => reports.iter().for_each(report),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Write what was said of hits as queries and judgements, which `eval search` measures a search by.
#[derive(clap::Args)]
#[command(after_help = "For example: rhapsode feedback --queries queries.jsonl --qrels qrels.tsv\n\
         \x20            rhapsode eval search --queries queries.jsonl --qrels qrels.tsv --steps")]
pub(super) struct FeedbackCommand {
    /// Which search, where the newest release has several.
    #[arg(long)]
    search: Option<String>,
    /// The file of queries: JSON Lines with `_id` and `text`.
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// The file of judgements: query, piece and grade with tabs between; 1 where more called it relevant than irrelevant,
    /// otherwise 0.
    #[arg(long, value_name = "FILE")]
    qrels: PathBuf,
}

impl FeedbackCommand {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        let search = match self.search {
            Some(search) => search,
            None => {
                let view = app.open(&ReleaseRef::Latest).await?.readable_by(Entitlements::ALL);
                let found = search::find(&view.readable, None).await?;
                found.pin().rows.name.clone()
            }
        };
        let judgements = app.experiments().await?.judgements(&search).await?;
        if judgements.is_empty() {
            anyhow::bail!("nothing was said of hits of `{search}` yet; POST /api/feedback takes it");
        }
        let create = |path: &Path| {
            let file = File::create(path).with_context(|| format!("`{}` cannot be written", path.display()))?;
            anyhow::Ok(BufWriter::new(file))
        };
        let (mut queries, mut qrels) = (create(&self.queries)?, create(&self.qrels)?);
        let (mut last, mut count) = (None, 0);
        writeln!(qrels, "query-id\tcorpus-id\tscore")?;
        for judgement in &judgements {
            if last != Some(&judgement.query) {
                (last, count) = (Some(&judgement.query), count + 1);
                writeln!(queries, "{}", json!({"_id": format!("q{count}"), "text": judgement.query}))?;
            }
            let grade = u8::from(judgement.relevant > judgement.irrelevant);
            writeln!(qrels, "q{count}\t{}\t{grade}", judgement.piece)?;
        }
        queries.flush()?;
        qrels.flush()?;
        say!(
            "{} {} judgements of {} queries",
            style("written:").green().bold(),
            thousands(judgements.len() as u64),
            thousands(count)
        );
        Ok(ExitCode::SUCCESS)
    }
}

fn report(report: &Report) {
    let Report { experiment, search, control, arms, split_p } = report;
    let of = search.as_ref().map_or_else(|| "ended".to_owned(), |search| format!("of the search {search}"));
    say!("{} {of}", style(experiment).bold());
    let row = |arm: &ArmReport| {
        let ArmReport { profile, share, keys, searches, verdicts, relevant, precision, found } = arm;
        vec![
            profile.clone(),
            share.map(percent).unwrap_or_default(),
            thousands(*keys),
            thousands(*searches),
            thousands(*verdicts),
            thousands(*relevant),
            compared(precision),
            compared(found),
        ]
    };
    let head = ["profile", "share", "keys", "searches", "verdicts", "relevant", "of verdicts", "by search"];
    table(&head, &arms.iter().map(row).collect::<Vec<_>>());
    for arm in arms {
        for (what, Compared { difference, .. }) in [("of verdicts", arm.precision), ("by search", arm.found)] {
            if let Some(Difference { value, interval: Interval { low, high }, p }) = difference {
                let points = |value: f64| format!("{:+.1}", value * 100.0);
                let (value, low, high) = (points(value), points(low), points(high));
                let line = format!("{} less {control}, {what}: {value} points [{low}, {high}], p {p:.3}", arm.profile);
                say!("{}", if p < 0.05 { style(line).bold() } else { style(line).dim() });
            }
        }
    }
    if let Some(p) = split_p.filter(|p| *p < SPLIT_P) {
        let warning = style("warning:").yellow().bold();
        say!(
            "{warning} keys are not divided as their shares say (p {p:.1e}): who takes part decides, and not the profile"
        );
    }
}

fn percent(value: f64) -> String {
    format!("{:.1} %", value * 100.0)
}

fn compared(Compared { value, interval, .. }: &Compared) -> String {
    match (value, interval) {
        (None, _) => String::new(),
        (Some(value), None) => percent(*value),
        (Some(value), Some(Interval { low, high })) => {
            format!("{} [{:.1}, {:.1}]", percent(*value), low * 100.0, high * 100.0)
        }
    }
}

/// A report for machines.
#[derive(Serialize)]
struct ReportShown {
    experiment: String,
    search: Option<String>,
    control: String,
    split_p: Option<f64>,
    arms: Vec<ArmShown>,
}

#[derive(Serialize)]
struct ArmShown {
    profile: String,
    share: Option<f64>,
    keys: u64,
    searches: u64,
    verdicts: u64,
    relevant: u64,
    relevant_of_verdicts: ComparedShown,
    relevant_by_search: ComparedShown,
}

#[derive(Serialize)]
struct ComparedShown {
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    difference: Option<DifferenceShown>,
}

#[derive(Serialize)]
struct DifferenceShown {
    value: f64,
    low: f64,
    high: f64,
    p: f64,
}

impl From<Report> for ReportShown {
    fn from(Report { experiment, search, control, arms, split_p }: Report) -> Self {
        Self { experiment, search, control, split_p, arms: arms.into_iter().map(ArmShown::from).collect() }
    }
}

impl From<ArmReport> for ArmShown {
    fn from(arm: ArmReport) -> Self {
        let ArmReport { profile, share, keys, searches, verdicts, relevant, precision, found } = arm;
        let (relevant_of_verdicts, relevant_by_search) = (precision.into(), found.into());
        Self { profile, share, keys, searches, verdicts, relevant, relevant_of_verdicts, relevant_by_search }
    }
}

impl From<Compared> for ComparedShown {
    fn from(Compared { value, interval, difference }: Compared) -> Self {
        let (low, high) = interval.map(|Interval { low, high }| (low, high)).unzip();
        let difference = difference.map(|Difference { value, interval: Interval { low, high }, p }| DifferenceShown {
            value,
            low,
            high,
            p,
        });
        Self { value, low, high, difference }
    }
}
