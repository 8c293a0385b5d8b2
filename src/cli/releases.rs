//! `rhapsode releases`: list, show, compare, tag, yank, roll back.

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Subcommand;
use console::style;
use serde::Serialize;

use super::build::bars;
use super::paint::{table, thousands};
use super::{ACTOR, open, print_json};
use crate::app::App;
use crate::name::ReleaseNumber;
use crate::pipeline;
use crate::store::{Manifest, ReleaseRef, ReleaseSummary, ViewData};

/// List, show, compare, tag, yank and roll back releases.
#[derive(clap::Args)]
pub(super) struct Releases {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All releases, the newest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// What one release holds.
    Show {
        /// A number, a tag or `latest`.
        #[arg(default_value = "latest", value_parser = ReleaseRef::from_str)]
        release: ReleaseRef,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// What a later release has that an earlier one has not, and how far their values are apart.
    ///
    /// `drift` is the population stability index: below 0.1 nothing to speak of, from 0.25 on a large shift.
    #[command(after_help = "For example: rhapsode releases diff 6 latest")]
    Diff {
        /// A number, a tag or `latest`.
        #[arg(value_parser = ReleaseRef::from_str)]
        before: ReleaseRef,
        /// A number, a tag or `latest`.
        #[arg(default_value = "latest", value_parser = ReleaseRef::from_str)]
        after: ReleaseRef,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a release a name; the name moves if another release has it.
    #[command(after_help = "For example: rhapsode releases tag 7 production")]
    Tag {
        /// A number, a tag or `latest`.
        #[arg(value_parser = ReleaseRef::from_str)]
        release: ReleaseRef,
        name: String,
    },
    /// Take a release out of `latest`; it stays readable by its number.
    #[command(after_help = "For example: rhapsode releases yank 7 --reason 'years were off by ten'")]
    Yank {
        /// A number or a tag.
        #[arg(value_parser = ReleaseRef::from_str)]
        release: ReleaseRef,
        #[arg(long)]
        reason: String,
    },
    /// Publish the content of an earlier release as a new one.
    ///
    /// What was ingested since then is void: no build takes it. Ingest it again, mended, to have it back.
    #[command(after_help = "For example: rhapsode releases rollback 6")]
    Rollback {
        /// A number or a tag.
        #[arg(value_parser = ReleaseRef::from_str)]
        release: ReleaseRef,
    },
}

#[derive(Serialize)]
struct Entry {
    release: u64,
    created_at: String,
    tags: Vec<String>,
    yanked: Option<String>,
    tables: Vec<Table>,
}

#[derive(Serialize)]
struct Table {
    kind: &'static str,
    name: String,
    rows: u64,
    /// Of a Lance dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    lance_version: Option<u64>,
    /// Of a Parquet view, relative to the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    features: Vec<Feature>,
}

#[derive(Serialize)]
struct Feature {
    name: String,
    dtype: String,
    version: u32,
    nulls: u64,
    fingerprint: String,
}

impl Releases {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        let (store, now) = (app.store(), app.clock().now());
        match self.command {
            Command::List { json } => {
                let releases: Vec<ReleaseSummary> = store.releases().await?.into_iter().rev().collect();
                if json {
                    print_json(&releases.into_iter().map(entry).collect::<Vec<_>>())?;
                } else if releases.is_empty() {
                    say!("there is no release yet; `rhapsode build` publishes the first");
                } else {
                    list(&releases);
                }
            }
            Command::Show { release, json } => {
                let number = store.resolve(&release).await?;
                let found = store.releases().await?.into_iter().find(|summary| summary.manifest.number == number);
                let Some(summary) = found else { anyhow::bail!("release {number} vanished") };
                if json { print_json(&entry(summary))? } else { show(&summary.manifest) }
            }
            Command::Diff { before, after, json } => super::diff::run(store, &before, &after, json).await?,
            Command::Tag { release, name } => {
                let number = store.resolve(&release).await?;
                store.tag(&name, number, now).await?;
                app.audit(ACTOR, "tag-release", format!("{number} as {name}")).await;
                say!("{} release {number} is `{name}`", style("tagged:").green().bold());
            }
            Command::Yank { release, reason } => {
                let number = store.resolve(&release).await?;
                store.yank(number, &reason, now).await?;
                app.audit(ACTOR, "yank-release", format!("{number}: {reason}")).await;
                say!("{} release {number} is no longer `latest`", style("yanked:").green().bold());
            }
            Command::Rollback { release } => roll_back(&app, store.resolve(&release).await?).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn roll_back(app: &App, to: ReleaseNumber) -> anyhow::Result<()> {
    let release = pipeline::rollback(app.config(), app.store(), app.clock(), &bars(), to).await?;
    app.audit(ACTOR, "roll-back-release", format!("{} has the content of {to}", release.number)).await;
    say!("{} release {} has the content of release {to}", style("published:").green().bold(), release.number);
    for source in release.sources.iter().filter(|source| !source.void.is_empty()) {
        let (void, name) = (source.void.join(", "), &source.name);
        say!("{} void ingests of {name}, which no build takes any more: {void}", style("note:").yellow());
    }
    say!("{} the next build goes by the definitions of now: see `rhapsode plan`", style("note:").yellow());
    Ok(())
}

fn list(releases: &[ReleaseSummary]) {
    let row = |summary: &ReleaseSummary| {
        let manifest = &summary.manifest;
        let features: usize = manifest.views.iter().map(|view| view.features.len()).sum();
        let rows = manifest.sources.iter().map(|source| format!("{} {}", thousands(source.rows), source.name));
        vec![
            manifest.number.to_string(),
            manifest.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            rows.collect::<Vec<_>>().join(", "),
            features.to_string(),
            summary.tags.join(", "),
            summary.yanked.clone().map(|reason| format!("yanked: {reason}")).unwrap_or_default(),
        ]
    };
    table(&["release", "created (UTC)", "rows", "features", "tags", ""], &releases.iter().map(row).collect::<Vec<_>>());
}

fn show(manifest: &Manifest) {
    say!(
        "release {} of {} UTC, build {}",
        manifest.number,
        manifest.created_at.format("%Y-%m-%d %H:%M:%S"),
        manifest.build_id
    );
    for source in &manifest.sources {
        let rows = thousands(source.rows);
        say!(
            "source {}: {rows} rows, {} rejected, Lance version {}",
            source.name,
            source.rejected,
            source.lance_version
        );
    }
    for view in &manifest.views {
        let data = match &view.data {
            ViewData::Lance(version) => format!("Lance version {version}"),
            ViewData::Parquet(path) => path.clone(),
        };
        let rejected = match &view.rejects {
            Some(rejects) => format!(", {} without values ({})", rejects.rows, rejects.file),
            None => String::new(),
        };
        say!("view {}: {} rows, {data}{rejected}", view.name, thousands(view.rows));
        let rows: Vec<Vec<String>> = view
            .features
            .iter()
            .map(|feature| {
                vec![
                    format!("  {}@{}", feature.name, feature.version),
                    feature.dtype.clone(),
                    thousands(feature.nulls),
                    feature.fingerprint.to_string()[..12].to_owned(),
                    feature.description.clone().unwrap_or_default(),
                ]
            })
            .collect();
        table(&["  feature", "dtype", "nulls", "fingerprint", "description"], &rows);
    }
}

fn entry(summary: ReleaseSummary) -> Entry {
    let ReleaseSummary { manifest, tags, yanked } = summary;
    let sources = manifest.sources.into_iter().map(|source| Table {
        kind: "source",
        name: source.name,
        rows: source.rows,
        lance_version: Some(source.lance_version),
        file: None,
        features: Vec::new(),
    });
    let views = manifest.views.into_iter().map(|view| Table {
        kind: "view",
        name: view.name,
        rows: view.rows,
        lance_version: view.data.lance_version(),
        file: match &view.data {
            ViewData::Parquet(path) => Some(path.clone()),
            ViewData::Lance(_) => None,
        },
        features: view
            .features
            .into_iter()
            .map(|feature| Feature {
                name: feature.name,
                dtype: feature.dtype,
                version: feature.version,
                nulls: feature.nulls,
                fingerprint: feature.fingerprint.to_string(),
            })
            .collect(),
    });
    Entry {
        release: manifest.number.get(),
        created_at: manifest.created_at.to_rfc3339(),
        tags,
        yanked,
        tables: sources.chain(views).collect(),
    }
}
