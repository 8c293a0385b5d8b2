//! `rhapsode build`: compute what is stale and publish a release.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::paint::{bytes, thousands};
use super::{ACTOR, open, paint, print_json};
use crate::materialize::{Event, Progress};
use crate::pipeline::{self, Report};
use crate::telemetry;

/// Compute what is stale and publish a release.
#[derive(clap::Args)]
#[command(after_help = "For example: rhapsode build --as-of 2026-01-31T00:00:00Z")]
pub(super) struct Build {
    /// When windows over events end, such as 2026-01-31T00:00:00Z. By default the last event.
    #[arg(long, value_name = "TIME")]
    as_of: Option<DateTime<Utc>>,
    /// Write metrics of analyzers and models there at the end, in Prometheus' text format.
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary {
    release: u64,
    published: bool,
    seconds: f64,
    /// The releases that the clean-up after it dropped.
    dropped: Vec<u64>,
    /// Bytes that the clean-up freed.
    freed_bytes: u64,
    sources: Vec<Table>,
    views: Vec<Table>,
    searches: Vec<Table>,
    /// What was not as expected and let the build go on.
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Table {
    name: String,
    rows: u64,
    /// Of a source: rows of the ingests that this build took which could not be read. Of a view: texts of which nothing
    /// could be made.
    rejected: u64,
    /// Null where it was kept.
    seconds: Option<f64>,
    reasons: Vec<String>,
}

impl Build {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        let metrics = self.metrics.as_ref().and_then(|_| telemetry::init_metrics());
        let progress = if self.json { Arc::new(|_| {}) as Progress } else { bars() };
        let report =
            pipeline::build(project, app.config(), app.resources(), app.store(), app.clock(), &progress, self.as_of);
        let report = report.await;
        if let (Some(file), Some(metrics)) = (&self.metrics, metrics) {
            // Under its name it is whole: a collector may read it at any time.
            let written = file.with_extension("tmp");
            std::fs::write(&written, metrics.render()).and_then(|()| std::fs::rename(&written, file))?;
        }
        let report = report.map_err(|error| paint::faults(project, error))?;
        if report.published {
            app.audit(ACTOR, "publish-release", report.release.number.to_string()).await;
        }
        let summary = summary(&report);
        if self.json {
            print_json(&summary)?;
        } else {
            print(&summary);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn summary(report: &Report) -> Summary {
    let seconds = |name: &str| report.built.tables.get(name).and_then(|table| table.seconds);
    let sources = report.release.sources.iter().zip(&report.plan.sources).map(|(pin, step)| Table {
        name: pin.name.clone(),
        rows: pin.rows,
        rejected: step.take.iter().map(|file| file.rejected).sum(),
        seconds: seconds(&pin.name),
        reasons: step.reasons.clone(),
    });
    let views = report.release.views.iter().zip(&report.plan.views).map(|(pin, step)| Table {
        name: pin.name.clone(),
        rows: pin.rows,
        rejected: pin.rejects.as_ref().map(|rejects| rejects.rows).unwrap_or_default(),
        seconds: seconds(&pin.name),
        reasons: step.reasons.clone(),
    });
    let searches = report.release.searches.iter().zip(&report.plan.searches).map(|(pin, step)| Table {
        name: pin.rows.name.clone(),
        rows: pin.rows.rows,
        rejected: 0,
        seconds: seconds(&pin.rows.name),
        reasons: step.reasons.clone(),
    });
    let warnings = report.release.views.iter().flat_map(|view| {
        let failed = view.checks.iter().filter(|check| !check.passed);
        failed.map(move |check| format!("{}: {check}", view.name))
    });
    Summary {
        warnings: warnings.collect(),
        release: report.release.number.get(),
        published: report.published,
        seconds: report.seconds,
        dropped: report.freed.dropped.iter().map(|number| number.get()).collect(),
        freed_bytes: report.freed.bytes,
        sources: sources.collect(),
        views: views.collect(),
        searches: searches.collect(),
    }
}

fn print(summary: &Summary) {
    let written = |table: &&Table| table.seconds.is_some();
    let tables = summary.sources.iter().chain(&summary.views).chain(&summary.searches);
    if !summary.published {
        say!("{} nothing changed; release {} holds all of it", style("up to date:").green().bold(), summary.release);
        return;
    }
    let rows: u64 = tables.clone().filter(written).map(|table| table.rows).sum();
    say!(
        "{} release {} in {:.1} s: {} of {} tables written, {} rows",
        style("published").green().bold(),
        summary.release,
        summary.seconds,
        tables.clone().filter(written).count(),
        tables.count(),
        thousands(rows),
    );
    for warning in &summary.warnings {
        say!("{} {warning}", style("warning:").yellow().bold());
    }
    if summary.freed_bytes > 0 {
        say!("{} {} of old releases", style("freed:").green().bold(), bytes(summary.freed_bytes));
    }
    for view in summary.views.iter().filter(|view| view.rejected > 0) {
        let rejected = thousands(view.rejected);
        say!(
            "{} {rejected} texts of {} have no values; `rhapsode releases show` says where their keys and reasons are",
            style("note:").yellow(),
            view.name
        );
    }
    for source in summary.sources.iter().filter(|source| source.rejected > 0) {
        let rejected = thousands(source.rejected);
        say!(
            "{} {rejected} rows of {} could not be read; `ingest` said where they are",
            style("note:").yellow(),
            source.name
        );
    }
}

/// A bar a table on a terminal; a line a table elsewhere.
pub(super) fn bars() -> Progress {
    if !paint::is_terminal() {
        return Arc::new(|event| match event {
            Event::Waiting { holder } => eprintln!("{}", waiting(&holder)),
            Event::End { table, rows, seconds } => eprintln!("{}", done(&table, rows, seconds)),
            Event::Begin { .. } | Event::Rows { .. } => {}
        });
    }
    let all = MultiProgress::new();
    let open: Mutex<BTreeMap<String, ProgressBar>> = Mutex::default();
    Arc::new(move |event| {
        let mut open = open.lock().expect("no thread panics while it draws");
        match event {
            Event::Waiting { holder } => {
                let _ = all.println(waiting(&holder));
            }
            Event::Begin { table, rows } => {
                let bar = all.add(ProgressBar::new(rows.unwrap_or_default()));
                let template = "{prefix:12} {bar:30.cyan/dim} {human_pos:>9} / {human_len} rows  {per_sec}  {eta}";
                bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar.set_prefix(table.clone());
                open.insert(table, bar);
            }
            Event::Rows { table, rows } => {
                if let Some(bar) = open.get(&table) {
                    bar.set_position(rows);
                }
            }
            Event::End { table, rows, seconds } => {
                if let Some(bar) = open.remove(&table) {
                    bar.finish_and_clear();
                }
                let _ = all.println(done(&table, rows, seconds));
            }
        }
    })
}

fn waiting(holder: &str) -> String {
    format!("waiting for another build ({holder}) to end")
}

fn done(table: &str, rows: u64, seconds: f64) -> String {
    let per_second = rows as f64 / seconds.max(1e-3);
    format!("{table:12} {} rows in {seconds:.1} s ({per_second:.0} rows/s)", thousands(rows))
}
