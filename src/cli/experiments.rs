//! `rhapsode experiments`: how profiles of a search compare.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use console::style;
use serde::Serialize;

use super::paint::{table, thousands};
use super::{open, print_json};
use crate::experiments::{ArmReport, Compared, Report};
use crate::statistics::{Difference, Interval};

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
