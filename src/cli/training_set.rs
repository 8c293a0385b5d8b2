//! `rhapsode training-set`: rows at moments, each with the features that were known then.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use console::style;
use datafusion::datasource::MemTable;
use serde::Serialize;

use super::paint::thousands;
use super::{open, print_json, the_entity};
use crate::clock::Stopwatch;
use crate::dataset;
use crate::ingest::{UploadFormat, read_upload};
use crate::query::{EVENT_TIMESTAMP, Limits, TrainingRows};
use crate::store::{Entitlements, ReleaseRef};

/// Write rows at moments, each with the features that were known then.
///
/// A view with time gives the last row at or before the moment, `ttl` permitting; windows of events give what happened in
/// the time before it; other views give the release's value. Rows come out in the order in which they came in.
#[derive(clap::Args)]
#[command(
    after_help = "For example: rhapsode training-set --rows labels.csv --features decade,plays_count_7d --out training.parquet"
)]
pub(super) struct TrainingSet {
    /// Features: `name`, `name@version` or `view:*`, joined by `,`. By default all scalars.
    #[arg(long, value_delimiter = ',')]
    features: Option<Vec<String>>,
    /// A file of rows with the join keys and a moment: .csv, .jsonl, .parquet, .arrow, .arrows.
    #[arg(long, value_name = "FILE", group = "given", required = true)]
    rows: Option<PathBuf>,
    /// A statement that returns such rows.
    #[arg(long, value_name = "SELECT", group = "given")]
    sql: Option<String>,
    /// All moments of history and events behind the features, from here on.
    #[arg(long, value_name = "TIME", group = "given", requires = "to")]
    from: Option<DateTime<Utc>>,
    /// Up to here.
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<DateTime<Utc>>,
    /// The column that says when a row is.
    #[arg(long, value_name = "COLUMN", default_value = EVENT_TIMESTAMP)]
    timestamp_field: String,
    /// Which entity, where there are several.
    #[arg(long)]
    entity: Option<String>,
    /// A number, a tag or `latest`.
    #[arg(long, default_value = "latest", value_parser = ReleaseRef::from_str)]
    release: ReleaseRef,
    /// The file to write: .csv, .json, .jsonl, .parquet or .arrow.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary {
    release: u64,
    rows: u64,
    file: String,
    seconds: f64,
}

impl TrainingSet {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        let format = ending(&self.out).parse::<dataset::Format>();
        let Ok(format) = format else {
            anyhow::bail!("`{}` does not end in .csv, .json, .jsonl, .parquet or .arrow", self.out.display())
        };
        let watch = Stopwatch::start();
        let rows = self.given()?;
        // Whoever may read the store's files may read all of it.
        let view = app.open(&self.release).await?.readable_by(Entitlements::ALL);
        let entity = the_entity(&view, self.entity)?;
        let limits = Limits { memory_bytes: app.config().build.memory_mib << 20, ..view.query().limits() };
        let found = view.training_set(&entity, self.features, rows, self.timestamp_field, limits).await?;
        // Under a name that nobody reads until it is whole.
        let part = self.out.with_extension("part");
        let mut out = BufWriter::new(File::create(&part)?);
        let rows = dataset::write(found, format, &mut out).await;
        let rows = rows.and_then(|rows| Ok(out.flush().map(|()| rows)?));
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                std::fs::remove_file(&part)?;
                return Err(error.into());
            }
        };
        std::fs::rename(&part, &self.out)?;
        let (release, seconds) = (view.readable.number().get(), watch.seconds());
        let file = self.out.display().to_string();
        match self.json {
            true => print_json(&Summary { release, rows, file, seconds })?,
            false => {
                let written = style("written:").green().bold();
                say!("{written} {} rows of release {release} to {file} in {seconds:.1} s", thousands(rows));
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn given(&self) -> anyhow::Result<TrainingRows> {
        Ok(match (&self.rows, &self.sql, self.from, self.to) {
            (Some(path), ..) => {
                let Ok(format) = ending(path).parse::<UploadFormat>() else {
                    anyhow::bail!("`{}` does not end in .csv, .jsonl, .parquet, .arrow or .arrows", path.display())
                };
                let read = || read_upload(format, std::fs::read(path).map_err(|error| error.to_string())?.into());
                let (schema, batches) =
                    read().map_err(|reason| anyhow::anyhow!("`{}` cannot be read: {reason}", path.display()))?;
                TrainingRows::Given(Arc::new(MemTable::try_new(schema, vec![batches])?))
            }
            (None, Some(sql), ..) => TrainingRows::Statement(sql.clone()),
            (None, None, Some(from), Some(to)) => TrainingRows::Range(from, to),
            _ => anyhow::bail!("say which rows: --rows FILE, --sql SELECT, or --from TIME --to TIME"),
        })
    }
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or_default()
}
