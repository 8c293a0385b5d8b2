//! `rhapsode init`: a small commented project.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use console::style;

use crate::definition::json_schema;

/// Write a small commented project: settings, definitions, the schema for editors, five rows to try it with.
#[derive(clap::Args)]
pub(super) struct Init {
    /// The folder to write it to; by default that of `--project`.
    folder: Option<PathBuf>,
}

const FILES: &[(&str, &str)] = &[
    ("rhapsode.toml", include_str!("init/rhapsode.toml")),
    ("feature_defs/tracks.yaml", include_str!("init/tracks.yaml")),
    ("data/example.jsonl", include_str!("init/example.jsonl")),
    (".gitignore", "store/\nsecret\nstate.sqlite*\n"),
];

impl Init {
    pub fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let folder = self.folder.unwrap_or_else(|| project.to_owned());
        let schema = format!("{}\n", serde_json::to_string_pretty(&json_schema())?);
        let files = FILES.iter().copied().chain([("schemas/definition.json", schema.as_str())]);
        let taken: Vec<&str> = files.clone().map(|(name, _)| name).filter(|name| folder.join(name).exists()).collect();
        if !taken.is_empty() {
            bail!("`{}` has `{}` already; nothing was written", folder.display(), taken.join("`, `"));
        }
        for (name, text) in files {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(&folder);
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&path, text))
                .with_context(|| format!("`{}` cannot be written", path.display()))?;
        }
        let shown = folder.display();
        say!("{} a project in {shown}; next:", style("wrote").green().bold());
        say!("  rhapsode --project {shown} ingest tracks {shown}/data/example.jsonl");
        say!("  rhapsode --project {shown} build");
        say!("  rhapsode --project {shown} sql 'select * from track'");
        Ok(ExitCode::SUCCESS)
    }
}
