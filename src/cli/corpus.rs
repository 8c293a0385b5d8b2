//! `rhapsode corpus make`: a synthetic corpus, and the truth about what was planted in it.

pub mod synthetic;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use indicatif::ProgressBar;

use self::synthetic::Recipe;
use super::paint::thousands;
use super::{paint, print_json};
use crate::clock::Stopwatch;

/// Make corpora.
#[derive(clap::Args)]
pub(super) struct Corpus {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write an invented corpus, the same to the byte for the same arguments.
    #[command(after_help = "For example: rhapsode corpus make --tracks 57000 --seed 1 --out synthetic.jsonl")]
    Make {
        #[arg(long, default_value_t = 1_000)]
        tracks: usize,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Where the rows go; the truth goes beside them, as `<name>.truth.jsonl`.
        #[arg(long, value_name = "FILE", default_value = "synthetic.jsonl")]
        out: PathBuf,
        /// Plant no broken fields, missing values and duplicates.
        #[arg(long)]
        no_faults: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Corpus {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let Command::Make { tracks, seed, out, no_faults, json } = self.command;
        let watch = Stopwatch::start();
        let truth_path = out.with_extension("truth.jsonl");
        let create =
            |path: &Path| File::create(path).with_context(|| format!("`{}` cannot be written", path.display()));
        let (mut rows, mut truth) = (create(&out)?, create(&truth_path)?);
        let bar = if json || !paint::is_terminal() { ProgressBar::hidden() } else { ProgressBar::new(tracks as u64) };
        let recipe = Recipe { tracks, seed, faults: !no_faults };
        let made = synthetic::write(&recipe, &mut rows, &mut truth, &mut |done| bar.set_position(done as u64))?;
        bar.finish_and_clear();
        if json {
            print_json(&made)?;
        } else {
            let count = |number: usize| thousands(number as u64);
            say!(
                "{} lines in {} in {:.1} s: {} clean, {} broken, {} with gaps, {} duplicates, {} keys twice; the truth is in {}",
                count(made.rows),
                out.display(),
                watch.seconds(),
                count(made.clean),
                count(made.broken),
                count(made.missing),
                count(made.duplicates),
                count(made.duplicate_keys),
                truth_path.display(),
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
