//! The server: two listeners, a follower of releases, and an orderly end.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::routing::get;
use axum_server::Handle;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{Admission, connections, router};
use crate::access::AccessError;
use crate::app::App;
use crate::config::TlsConfig;
use crate::error::ErrorKind;
use crate::experiments::ExperimentError;
use crate::limits::DRAIN_TIME_MAX;
use crate::state::StateError;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Serving {
    pub listen: SocketAddr,
    pub metrics_listen: SocketAddr,
    pub admission: Admission,
    pub tls: Option<TlsConfig>,
    /// Where to write the address once it is open, for scripts that asked for port 0.
    pub port_file: Option<PathBuf>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("`{0}` is not on loopback; without keys only 127.0.0.1 and [::1] are served, so leave `--open` out")]
    NotLoopback(SocketAddr),
    #[error(
        "`{address}` cannot be opened: {source}; is another server running? `--listen 127.0.0.1:0` takes any free port"
    )]
    Taken { address: SocketAddr, source: std::io::Error },
    #[error("the certificate `{certificate}` with the key `{key}` cannot be taken: {source}; both are PEM files")]
    Certificate { certificate: PathBuf, key: PathBuf, source: std::io::Error },
    #[error("`{path}` cannot be written: {source}")]
    PortFile { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl ServeError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotLoopback(_) | Self::Certificate { .. } => ErrorKind::Invalid,
            Self::Taken { .. } | Self::PortFile { .. } => ErrorKind::Unavailable,
            Self::State(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Experiment(error) => error.kind(),
            Self::Io(_) => ErrorKind::Internal,
        }
    }
}

/// Serves until `stop` is done, then lets requests in flight finish. `opened` is told the address.
pub async fn serve(
    app: App,
    serving: Serving,
    metrics: Option<PrometheusHandle>,
    stop: impl Future<Output = ()> + Send + 'static,
    opened: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let outside = [serving.listen, serving.metrics_listen].into_iter().find(|address| !address.ip().is_loopback());
    if let Some(address) = outside.filter(|_| serving.admission == Admission::Open) {
        return Err(ServeError::NotLoopback(address));
    }
    // What cannot be opened now could not be opened for a caller.
    app.jobs().await?;
    app.access().await?;
    app.experiments().await?;
    let tls = match &serving.tls {
        Some(files) => Some(connections::certificate(files).await?),
        None => None,
    };
    let listener = listen(serving.listen).await?;
    let address = listener.local_addr()?;
    if let Err(error) = app.refresh().await {
        tracing::warn!(%error, "the newest release cannot be opened");
    }
    let (stopped, stopping) = watch::channel(());
    let follower = tokio::spawn({
        let app = app.clone();
        async move { app.follow_releases().await }
    });
    let keeper = tokio::spawn({
        let app = app.clone();
        async move { app.keep_access_in_step().await }
    });
    if let Some(metrics) = metrics {
        let metrics_listener = listen(serving.metrics_listen).await?;
        tokio::spawn(serve_metrics(metrics_listener, app.clone(), metrics, done(stopping.clone())));
    }
    if let Some(path) = serving.port_file {
        std::fs::write(&path, format!("{address}\n")).map_err(|source| ServeError::PortFile { path, source })?;
    }
    let workers: Vec<_> = (0..app.config().jobs.workers)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { app.work_off_jobs().await })
        })
        .collect();
    opened(address);
    let renewer = serving.tls.zip(tls.clone());
    let renewer = renewer.map(|(files, taken)| tokio::spawn(connections::follow_certificate(files, taken)));
    let handle = Handle::new();
    let served = connections::answer(listener, router(app.clone(), serving.admission), tls, handle.clone());
    let served = tokio::spawn(served);
    stop.await;
    tracing::info!("stopping: requests in flight may finish");
    drop(stopped);
    handle.graceful_shutdown(Some(DRAIN_TIME_MAX));
    let _ = served.await;
    if handle.connection_count() > 0 {
        tracing::warn!("some requests did not finish in time");
    }
    renewer.iter().for_each(|renewer| renewer.abort());
    follower.abort();
    keeper.abort();
    app.sync_access().await;
    // Their chunks are taken up by whoever is next.
    workers.iter().for_each(|worker| worker.abort());
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Taken { address, source })
}

/// Done when the sender is gone.
async fn done(mut stopping: watch::Receiver<()>) {
    let _ = stopping.changed().await;
}

async fn serve_metrics(
    listener: TcpListener,
    app: App,
    handle: PrometheusHandle,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let render = move || async move {
        if let Some(release) = app.latest() {
            let age = app.clock().now() - release.created_at();
            metrics::gauge!("rhapsode_release_number").set(release.number().get() as f64);
            metrics::gauge!("rhapsode_release_age_seconds").set(age.as_seconds_f64());
            metrics::gauge!("rhapsode_online_memory_bytes").set(release.memory_bytes() as f64);
        }
        if let Some(keys) = app.keys_at_hand() {
            metrics::gauge!("rhapsode_keys_at_hand").set(keys as f64);
        }
        if let Some((open, idle)) = app.state_connections() {
            metrics::gauge!("rhapsode_state_connections").set(f64::from(open));
            metrics::gauge!("rhapsode_state_connections_idle").set(idle as f64);
        }
        handle.run_upkeep();
        ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], handle.render())
    };
    axum::serve(listener, Router::new().route("/metrics", get(render))).with_graceful_shutdown(stop).await
}
