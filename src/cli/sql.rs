//! `rhapsode sql`: one statement over a release.

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use clap::ValueEnum;
use datafusion::arrow::util::pretty::pretty_format_batches_with_schema;

use super::open;
use crate::api::SearchCalls;
use crate::dataset::csv_text;
use crate::engine::json::JsonRows;
use crate::store::{Entitlements, ReleaseRef};

/// Answer one `select` over the sources, the views and one table for each entity.
#[derive(clap::Args)]
#[command(
    after_help = "For example: rhapsode sql 'select decade, count(*) as n from track group by decade order by decade'\n\
        \x20            rhapsode sql \"select * from search('the sea', limit => 20) as found join track using (track_id)\""
)]
pub(super) struct Sql {
    query: String,
    /// A number, a tag or `latest`.
    #[arg(long, default_value = "latest", value_parser = ReleaseRef::from_str)]
    release: ReleaseRef,
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Print JSON: the same as `--format json`.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Table,
    Json,
    Jsonl,
    Csv,
}

impl Sql {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        // Whoever may read the store's files may read all of it.
        let view = app.open(&self.release).await?.readable_by(Entitlements::ALL);
        let sql = match SearchCalls::of(&self.query, &[])? {
            Some(calls) => calls.answered(&app, &view).await?,
            None => self.query,
        };
        let answer = view.query().answer(&sql, Vec::new()).await?;
        let format = if self.json { Format::Json } else { self.format };
        match format {
            Format::Table => {
                say!("{}", pretty_format_batches_with_schema(answer.schema.clone(), &answer.batches)?);
                let rows = answer.rows();
                say!("{rows} {} of release {}", if rows == 1 { "row" } else { "rows" }, view.readable.number());
            }
            Format::Csv => {
                let text = csv_text(&answer.schema, &answer.batches)?;
                let text = String::from_utf8_lossy(&text);
                say!("{}", text.strip_suffix('\n').unwrap_or(&text));
            }
            Format::Json | Format::Jsonl => {
                let mut lines = Vec::new();
                for batch in &answer.batches {
                    let rows = JsonRows::new(batch)?;
                    for row in 0..rows.rows() {
                        let mut line = Vec::new();
                        rows.write(row, &mut line);
                        lines.push(String::from_utf8(line)?);
                    }
                }
                match format {
                    Format::Json => say!("[{}]", lines.join(",\n ")),
                    _ => lines.iter().for_each(|line| say!("{line}")),
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
