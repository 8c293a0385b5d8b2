//! `rhapsode usage`: what keys were used for.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use chrono::Days;

use super::keys::id;
use super::paint::{table, thousands};
use super::{open, print_json};
use crate::access::KeyId;
use crate::api::{UsageAnswer, UsageReport};

/// Show what keys were used for, by day, route and unit.
#[derive(clap::Args)]
#[command(after_help = "For example: rhapsode usage --days 7 --json")]
pub(super) struct Usage {
    /// One key, by how it begins; all by default.
    #[arg(long, value_parser = id)]
    key: Option<KeyId>,
    /// So many days, today the last of them.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=366))]
    days: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Usage {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        let access = app.access().await?;
        let until = app.clock().now().date_naive();
        let since = until.checked_sub_days(Days::new(self.days - 1)).unwrap_or(until);
        let usage = access.usage(self.key, since, until).await?;
        if self.json {
            let usage = usage.into_iter().map(UsageAnswer::from).collect();
            print_json(&UsageReport { since, until, usage, quotas: Vec::new() })?;
            return Ok(ExitCode::SUCCESS);
        }
        if usage.is_empty() {
            say!("no key was used from {since} to {until}");
            return Ok(ExitCode::SUCCESS);
        }
        let names: BTreeMap<KeyId, String> = access.list().await?.into_iter().map(|key| (key.id, key.name)).collect();
        let row = |row: &crate::access::UsageRow| {
            let name = names.get(&row.key).cloned().unwrap_or_default();
            let amount = thousands(row.amount);
            vec![row.day.to_string(), row.key.to_string(), name, row.route.clone(), amount, row.unit.clone()]
        };
        table(&["day", "key", "name", "route", "amount", "unit"], &usage.iter().map(row).collect::<Vec<_>>());
        Ok(ExitCode::SUCCESS)
    }
}
