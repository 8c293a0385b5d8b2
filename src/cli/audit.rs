//! `rhapsode audit`: who changed keys and releases.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::paint::table;
use super::{open, print_json};
use crate::state::AuditEntry;

/// Show who changed keys and releases, the newest first.
#[derive(clap::Args)]
#[command(after_help = "For example: rhapsode audit --last 20 --json")]
pub(super) struct Audit {
    /// So many entries.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    last: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Entry {
    at: String,
    actor: String,
    action: String,
    subject: String,
}

impl From<AuditEntry> for Entry {
    fn from(AuditEntry { at, actor, action, subject }: AuditEntry) -> Self {
        Self { at: at.to_rfc3339(), actor, action, subject }
    }
}

impl Audit {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let entries = open(project)?.audited(self.last).await?;
        if self.json {
            print_json(&entries.into_iter().map(Entry::from).collect::<Vec<_>>())?;
        } else if entries.is_empty() {
            say!("nothing was changed yet");
        } else {
            let row = |entry: AuditEntry| {
                vec![entry.at.format("%Y-%m-%d %H:%M:%S").to_string(), entry.actor, entry.action, entry.subject]
            };
            table(&["at (UTC)", "who", "did", "to"], &entries.into_iter().map(row).collect::<Vec<_>>());
        }
        Ok(ExitCode::SUCCESS)
    }
}
