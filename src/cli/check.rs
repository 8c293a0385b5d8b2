//! `rhapsode check`: every fault of the definitions.

use std::path::Path;
use std::process::ExitCode;

use console::style;
use serde::Serialize;

use super::{config_or_default, paint, print_json};
use crate::definition::Diagnostic;
use crate::engine::Resources;
use crate::pipeline::{self, BuildError};

/// Report every fault of the definitions, each with its place and a suggestion.
#[derive(clap::Args)]
pub(super) struct Check {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Checked {
    ok: bool,
    faults: Vec<Fault>,
}

#[derive(Serialize)]
struct Fault {
    file: String,
    line: usize,
    column: usize,
    message: String,
    remedy: Option<String>,
}

impl From<&Diagnostic> for Fault {
    fn from(diagnostic: &Diagnostic) -> Self {
        let Diagnostic { place, message, remedy } = diagnostic.clone();
        Self { file: place.file.to_string(), line: place.line, column: place.column, message, remedy }
    }
}

impl Check {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        // Definitions can be checked where nothing is built.
        let config = config_or_default(project)?;
        match pipeline::target(project, &Resources::new(project, &config)).await {
            Ok((target, _)) => {
                if self.json {
                    print_json(&Checked { ok: true, faults: Vec::new() })?;
                } else {
                    let features: usize = target.views.iter().map(|view| view.features.len()).sum();
                    let (entities, sources, views) = (target.entities.len(), target.sources.len(), target.views.len());
                    let counts = [("entity", "entities", entities), ("source", "sources", sources)];
                    let counts =
                        counts.into_iter().chain([("view", "views", views), ("feature", "features", features)]);
                    let counts = counts.map(|(one, many, n)| format!("{n} {}", if n == 1 { one } else { many }));
                    say!("{} {}", style("ok").green().bold(), counts.collect::<Vec<_>>().join(", "));
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(BuildError::Definitions(diagnostics)) if self.json => {
                print_json(&Checked { ok: false, faults: diagnostics.iter().map(Fault::from).collect() })?;
                Ok(ExitCode::FAILURE)
            }
            Err(error) => Err(paint::faults(project, error)),
        }
    }
}
