//! `rhapsode serve`: answer over HTTP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use crate::api::{self, Admission, Serving};
use crate::app::App;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::telemetry;

/// Answer over HTTP whoever shows a key: see `rhapsode keys`.
#[derive(clap::Args)]
#[command(after_help = "For example: rhapsode serve --open --watch, then open http://127.0.0.1:8080/docs/")]
pub(super) struct Serve {
    /// Address of the API; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Address of /metrics.
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Build a release whenever rows wait or definitions change.
    #[arg(long)]
    watch: bool,
    /// Answer without keys, on loopback only.
    #[arg(long)]
    open: bool,
    /// With --open: take rows by POST /api/ingest/{source}, of whoever reaches the address.
    #[arg(long, requires = "open")]
    ingest: bool,
    /// Write the address there once it is open, for scripts that asked for port 0.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
}

impl Serve {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = self::open(project, self.ingest)?;
        let config = &app.config().serve;
        let serving = Serving {
            listen: self.listen.unwrap_or(config.listen),
            metrics_listen: self.metrics_listen.unwrap_or(config.metrics_listen),
            admission: if self.open { Admission::Open } else { Admission::Keys },
            tls: config.tls.as_ref().map(|tls| tls.within(project)),
            port_file: self.port_file,
        };
        let metrics = telemetry::init_metrics();
        if self.watch {
            let (app, project) = (app.clone(), project.to_owned());
            tokio::spawn(async move { app.watch(project).await });
        }
        let answers = match serving.admission {
            Admission::Keys => "whoever shows a key",
            Admission::Open => "without keys, on loopback only",
        };
        api::serve(app, serving, metrics, stop_signal(), |address| {
            tracing::info!(%address, answers, "serving; the documentation is at /docs/");
        })
        .await?;
        Ok(ExitCode::SUCCESS)
    }
}

fn open(project: &Path, ingest: bool) -> anyhow::Result<App> {
    let mut config = Config::load(project)?;
    config.serve.ingest |= ingest;
    Ok(App::new(project, config, Arc::new(SystemClock))?)
}

/// Done when the process is asked to stop.
async fn stop_signal() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
