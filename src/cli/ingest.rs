//! `rhapsode ingest`: files into a source.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::paint::thousands;
use super::{open, paint, print_json};
use crate::app;
use crate::clock::Stopwatch;
use crate::compile::TargetSource;
use crate::config;
use crate::ingest::{self, Input};
use crate::name::nearest;
use crate::pipeline;

/// Read JSON Lines, CSV or Parquet files, or a PostgreSQL query, into a source. The rows enter the next release.
#[derive(clap::Args)]
#[command(
    after_help = "For example: rhapsode ingest tracks songs.jsonl more.csv.gz archive.parquet\n             rhapsode ingest plays --from postgres://reader@db/music --query 'select * from plays'"
)]
pub(super) struct Ingest {
    /// The source, by its definition's name.
    source: String,
    /// Files that end in .jsonl, .csv (both also with .gz) or .parquet. Without any, the query of the source's definition.
    files: Vec<PathBuf>,
    /// The URL of a PostgreSQL database whose rows enter: postgres://user:password@host/database.
    #[arg(long, value_name = "URL", requires = "query", conflicts_with = "files")]
    from: Option<String>,
    /// The query whose rows enter; its columns have the names of the source's.
    #[arg(long, value_name = "SELECT", requires = "from")]
    query: Option<String>,
    /// The files add rows and replace those of the same key; all others stay (the default).
    #[arg(long, conflicts_with = "snapshot")]
    delta: bool,
    /// The files hold all rows of the source: what they lack is deleted.
    #[arg(long)]
    snapshot: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Files, or a query: from the command line, or from the definition.
fn inputs(
    source: &TargetSource,
    files: Vec<PathBuf>,
    from: Option<String>,
    query: Option<String>,
) -> anyhow::Result<Vec<Input>> {
    if let (Some(url), Some(query)) = (from, query) {
        return Ok(vec![Input::Postgres { url, query }]);
    }
    match (files.is_empty(), &source.postgres) {
        (false, _) => Ok(files.into_iter().map(Input::File).collect()),
        (true, Some(postgres)) => {
            let Some(url) = config::variable(&postgres.url_env) else {
                bail!("the variable `{}` is not set; it holds the URL of the database", postgres.url_env)
            };
            Ok(vec![Input::Postgres { url, query: postgres.query.clone() }])
        }
        (true, None) => {
            bail!("nothing to ingest: name files, or --from URL --query SELECT, or give the source a `postgres`")
        }
    }
}

#[derive(Serialize)]
struct Summary {
    source: String,
    rows: u64,
    rejected: u64,
    /// Where the rejected rows are, with line and reason.
    rejects: Option<String>,
    /// Whether the same rows were the last to be ingested, so that nothing was added.
    already_there: bool,
    seconds: f64,
}

impl Ingest {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let watch = Stopwatch::start();
        let app = open(project)?;
        let (target, _) =
            pipeline::target(project, app.resources()).await.map_err(|error| paint::faults(project, error))?;
        let Some(source) = target.source(&self.source) else {
            let names: Vec<&str> = target.sources.iter().map(|source| source.name.as_str()).collect();
            match nearest(&self.source, names.iter().copied()) {
                Some(nearest) => bail!("there is no source `{}`; did you mean `{nearest}`?", self.source),
                None => bail!("there is no source `{}`; there is `{}`", self.source, names.join("`, `")),
            }
        };
        let bar = if self.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let template = "{spinner} {prefix}: {human_pos} rows read  {per_sec}";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(self.source.clone());
        let shape = app::shape(source);
        let inputs = inputs(source, self.files, self.from, self.query)?;
        let files = ingest::Files { inputs: &inputs, snapshot: self.snapshot };
        let mut progress = |rows| bar.set_position(rows);
        let done = ingest::ingest(app.store(), &shape, files, app.clock().now(), &mut progress).await?;
        bar.finish_and_clear();
        let summary = Summary {
            source: self.source,
            rows: done.file.rows,
            rejected: done.file.rejected,
            rejects: done.file.rejects.as_ref().map(|path| format!("{}/{path}", app.store().url())),
            already_there: done.already_there,
            seconds: watch.seconds(),
        };
        if self.json {
            print_json(&summary)?;
            return Ok(ExitCode::SUCCESS);
        }
        let rows = thousands(summary.rows);
        if summary.already_there {
            say!("{} the last ingest brought the same {rows} rows", style("nothing new:").green().bold());
        } else {
            let (source, seconds) = (&summary.source, summary.seconds);
            say!(
                "{} {rows} rows into {source} in {seconds:.1} s; `rhapsode build` releases them",
                style("ingested").green().bold()
            );
        }
        if let Some(rejects) = &summary.rejects {
            say!(
                "{} {} rows, with line and reason in {rejects}",
                style("rejected").yellow().bold(),
                thousands(summary.rejected)
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
