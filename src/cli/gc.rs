//! `rhapsode gc`: free what old releases hold.

use std::path::Path;
use std::process::ExitCode;

use console::style;
use serde::Serialize;

use super::build::bars;
use super::paint::{bytes, thousands};
use super::{open, print_json};
use crate::name::ReleaseNumber;
use crate::pipeline;
use crate::store::Freed;

/// Free what releases hold that are neither among the newest nor tagged.
///
/// A release is dropped first: nobody can open it any more. Its data is freed by the first clean-up after a grace, so
/// that readers in flight end in peace. `[gc]` in rhapsode.toml says how many releases are kept (10), how long the grace
/// lasts (an hour), and whether each build cleans up (yes).
#[derive(clap::Args)]
#[command(after_help = "For example: rhapsode gc --dry-run")]
pub(super) struct Gc {
    /// Only say what would be dropped and freed.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary {
    dry_run: bool,
    dropped: Vec<u64>,
    freed: Vec<u64>,
    waiting: Vec<u64>,
    versions: u64,
    files: u64,
    bytes: u64,
}

impl Gc {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        let freed = pipeline::collect_garbage(app.config(), app.store(), app.clock(), &bars(), self.dry_run).await?;
        if self.json {
            print_json(&summary(&freed, self.dry_run))?;
        } else {
            print(&freed, self.dry_run, app.config().gc.grace_seconds);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn summary(freed: &Freed, dry_run: bool) -> Summary {
    let Freed { dropped, swept, waiting, versions, files, bytes } = freed;
    let numbers = |releases: &[ReleaseNumber]| releases.iter().map(|number| number.get()).collect();
    Summary {
        dry_run,
        dropped: numbers(dropped),
        freed: numbers(swept),
        waiting: numbers(waiting),
        versions: *versions,
        files: *files,
        bytes: *bytes,
    }
}

fn print(freed: &Freed, dry_run: bool, grace_seconds: u32) {
    let listed = |releases: &[ReleaseNumber]| match releases {
        [] => "no release".to_owned(),
        [one] => format!("release {one}"),
        many => format!("releases {}", many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    let (drops, frees) = if dry_run { ("would drop", "would free") } else { ("dropped", "freed") };
    say!("{} {}", style(format!("{drops}:")).green().bold(), listed(&freed.dropped));
    say!(
        "{} {} in {} files: {} versions of datasets, all data of {}",
        style(format!("{frees}:")).green().bold(),
        bytes(freed.bytes),
        thousands(freed.files),
        thousands(freed.versions),
        listed(&freed.swept),
    );
    if !freed.waiting.is_empty() {
        say!(
            "{} the data of {} stays for {} minutes after it was dropped, for readers in flight",
            style("note:").yellow(),
            listed(&freed.waiting),
            grace_seconds.div_ceil(60),
        );
    }
}
