//! `rhapsode sql-worker`: not for people. A server runs what its callers write in such processes.

use std::path::Path;
use std::process::ExitCode;

use super::open;
use crate::name::ReleaseNumber;

/// Run statements for the server at the other end of standard input.
#[derive(clap::Args)]
pub(super) struct SqlWorker {
    #[arg(long)]
    release: u64,
}

impl SqlWorker {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let release =
            ReleaseNumber::new(self.release).ok_or_else(|| anyhow::anyhow!("releases are numbered from 1"))?;
        open(project)?.work_off_statements(release).await?;
        Ok(ExitCode::SUCCESS)
    }
}
