//! `rhapsode feedback`: what was said of hits, as gold for `eval search`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use console::style;
use serde_json::json;

use super::open;
use super::paint::thousands;
use crate::search;
use crate::store::{Entitlements, ReleaseRef};

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
