//! `rhapsode quality`: what was expected of the values of a release, and what was found.

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use console::style;
use serde::Serialize;

use super::paint::table;
use super::{open, print_json};
use crate::store::{Check, ReleaseRef};

/// Show what was expected of the values of a release, and what was found.
///
/// `expect:` of features and views says what is expected; a build that finds otherwise publishes nothing, or warns.
#[derive(clap::Args)]
#[command(after_help = "For example: rhapsode quality latest")]
pub(super) struct Quality {
    /// A number, a tag or `latest`.
    #[arg(default_value = "latest", value_parser = ReleaseRef::from_str)]
    release: ReleaseRef,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Entry {
    view: String,
    feature: Option<String>,
    expected: String,
    found: String,
    passed: bool,
}

impl Quality {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        let number = app.store().resolve(&self.release).await?;
        let manifest = app.store().manifest(number).await?;
        let of_views = manifest
            .views
            .into_iter()
            .flat_map(|view| view.checks.into_iter().map(move |check| (view.name.clone(), check)));
        let entries: Vec<Entry> = of_views
            .map(|(view, check)| {
                let Check { feature, expected, found, passed, is_warning: _ } = check;
                Entry { view, feature, expected, found, passed }
            })
            .collect();
        match (self.json, entries.is_empty()) {
            (true, _) => print_json(&entries)?,
            (false, true) => say!("nothing is expected of release {number}: see `expect:` in docs/definitions.md"),
            (false, false) => {
                say!("release {number}");
                table(&["of", "expected", "found", ""], &entries.iter().map(row).collect::<Vec<_>>());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn row(entry: &Entry) -> Vec<String> {
    let of = match &entry.feature {
        Some(feature) => format!("{}.{feature}", entry.view),
        None => entry.view.clone(),
    };
    let passed = if entry.passed { style("as expected").green() } else { style("warning").yellow() };
    vec![of, entry.expected.clone(), entry.found.clone(), passed.to_string()]
}
