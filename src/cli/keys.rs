//! `rhapsode keys`: create, list, revoke, rotate.

use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use console::style;

use super::paint::table;
use super::{ACTOR, open, print_json};
use crate::access::{KeyId, KeyRecord, KeyRequest, Scopes};
use crate::api::{KeyAnswer, NewKeyAnswer};
use crate::limits::{KEY_DAYS_MAX, ROTATION_HOURS_MAX};

/// Make, list, revoke and rotate keys.
#[derive(clap::Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key and print it: it is not shown again.
    #[command(after_help = "For example: rhapsode keys create 'Ada, notebooks' --tier research --expires-in-days 365")]
    Create {
        /// Whose it is, or what for.
        name: String,
        /// One of rhapsode.toml's, or `free`, `research`, `pro`, `operator`.
        #[arg(long, default_value = "free")]
        tier: String,
        /// Some of the tier's scopes, joined by `,`; all of them by default.
        #[arg(long, value_parser = Scopes::parse)]
        scopes: Option<Scopes>,
        /// Days after which it expires; never by default.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(..=i64::from(KEY_DAYS_MAX)))]
        expires_in_days: Option<u32>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// All keys, the newest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a key for good; servers that are running know it within a second.
    #[command(after_help = "For example: rhapsode keys revoke rhp_3kTfQ9xA")]
    Revoke {
        /// How the key begins: `rhp_` and eight characters, as in the list.
        #[arg(value_parser = id)]
        id: KeyId,
    },
    /// Make a key in place of another, which stays good for a while.
    #[command(after_help = "For example: rhapsode keys rotate rhp_3kTfQ9xA --overlap-hours 48")]
    Rotate {
        /// How the key begins: `rhp_` and eight characters, as in the list.
        #[arg(value_parser = id)]
        id: KeyId,
        /// Hours for which the old key stays good.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(..=i64::from(ROTATION_HOURS_MAX)))]
        overlap_hours: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A key's id, of an argument. Of a whole key too, which is what people have at hand.
pub(super) fn id(text: &str) -> Result<KeyId, String> {
    let start = text.get(..12).unwrap_or(text);
    KeyId::parse(start)
        .ok_or_else(|| "a key's id is `rhp_` and eight letters or digits; `rhapsode keys list` shows them".to_owned())
}

impl Keys {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        let (access, now) = (app.access().await?, app.clock().now());
        match self.command {
            Command::Create { name, tier, scopes, expires_in_days, json } => {
                let expires_in = expires_in_days.map(|days| TimeDelta::days(days.into()));
                let request = KeyRequest { name, tier, scopes, expires_in };
                let (key, record) = access.create(ACTOR, &request).await?;
                created(key.reveal(), record, now, json)?;
            }
            Command::List { json } => {
                let keys = access.list().await?;
                if json {
                    print_json(&keys.into_iter().map(|record| KeyAnswer::new(record, now)).collect::<Vec<_>>())?;
                } else if keys.is_empty() {
                    say!("there is no key yet; `rhapsode keys create NAME` makes one");
                } else {
                    list(&keys, now);
                }
            }
            Command::Revoke { id } => {
                access.revoke(ACTOR, id).await?;
                say!("{} {id}", style("revoked:").green().bold());
            }
            Command::Rotate { id, overlap_hours, json } => {
                let (key, record) = access.rotate(ACTOR, id, TimeDelta::hours(overlap_hours.into())).await?;
                created(key.reveal(), record, now, json)?;
                if !json {
                    say!("{} {id} stays good for {overlap_hours} h", style("note:").yellow());
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The key alone on standard output, so that a script can take it; the rest is for people.
fn created(key: &str, record: KeyRecord, now: DateTime<Utc>, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&NewKeyAnswer { key: key.to_owned(), record: KeyAnswer::new(record, now) });
    }
    say!("{key}");
    let until =
        record.expires_at.map(|end| format!(", until {}", end.format("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
    eprintln!(
        "{} for {}, tier {}{until}; it is not shown again",
        style("created:").green().bold(),
        record.name,
        record.tier
    );
    Ok(())
}

fn list(keys: &[KeyRecord], now: DateTime<Utc>) {
    let moment =
        |time: Option<DateTime<Utc>>| time.map(|time| time.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
    let row = |key: &KeyRecord| {
        vec![
            key.id.to_string(),
            key.name.clone(),
            key.tier.clone(),
            key.scopes.map(|scopes| scopes.to_string()).unwrap_or_default(),
            key.state(now).name().to_owned(),
            moment(Some(key.created_at)),
            moment(key.expires_at),
            moment(key.last_used_at),
        ]
    };
    let head = ["id", "name", "tier", "scopes, if fewer", "state", "created (UTC)", "expires", "last used"];
    table(&head, &keys.iter().map(row).collect::<Vec<_>>());
}
