//! Connections: how many there are, how slow their other sides may be, and how they are encrypted.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;

use super::ServeError;
use crate::config::TlsConfig;
use crate::limits::{
    CERTIFICATE_POLL_INTERVAL, CONNECTIONS_MAX, FIRST_REQUEST_TIME_MAX, IDLE_CONNECTION_TIME_MAX,
    REQUEST_HEAD_BYTES_MAX, STALLED_ANSWER_TIME_MAX, STREAMS_MAX,
};

/// Answers on `listener` until `handle` says that it is enough.
pub(super) async fn answer(
    listener: TcpListener,
    router: Router,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
) -> io::Result<()> {
    let gate = Gate { room: Arc::new(Semaphore::new(connections_max())) };
    let server = bounded(Server::from_listener(listener)).handle(handle);
    let service = router.into_make_service();
    match tls {
        None => server.acceptor(gate).serve(service).await,
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls).handshake_timeout(FIRST_REQUEST_TIME_MAX).acceptor(gate);
            server.acceptor(acceptor).serve(service).await
        }
    }
}

/// The server's bounds on time and memory for each connection.
fn bounded(mut server: Server<SocketAddr>) -> Server<SocketAddr> {
    let builder = server.http_builder();
    builder.http1().header_read_timeout(IDLE_CONNECTION_TIME_MAX).max_buf_size(REQUEST_HEAD_BYTES_MAX);
    builder
        .http2()
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(REQUEST_HEAD_BYTES_MAX as u32)
        .keep_alive_interval(IDLE_CONNECTION_TIME_MAX)
        .keep_alive_timeout(FIRST_REQUEST_TIME_MAX);
    server.first_request_timeout(FIRST_REQUEST_TIME_MAX)
}

/// Half of the files that the system lets the process open: the others are for data, workers and the state database.
fn connections_max() -> usize {
    CONNECTIONS_MAX.min(open_files_max() / 2)
}

/// How many files may be open, once as many as the system allows were asked for.
#[cfg(unix)]
fn open_files_max() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls read and write `limit` alone. Where the system refuses, all stays as it is.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) != 0 {
            return CONNECTIONS_MAX;
        }
        let allowed = libc::rlimit { rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max };
        if libc::setrlimit(libc::RLIMIT_NOFILE, &allowed) == 0 {
            limit = allowed;
        }
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn open_files_max() -> usize {
    CONNECTIONS_MAX * 2
}

/// Lets connections in while there is room.
#[derive(Clone)]
struct Gate {
    room: Arc<Semaphore>,
}

impl<S: Send + 'static> Accept<TcpStream, S> for Gate {
    type Stream = Connection;
    type Service = S;
    type Future = std::future::Ready<io::Result<(Connection, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            metrics::counter!("rhapsode_connections_refused_total").increment(1);
            return std::future::ready(Err(io::ErrorKind::ConnectionRefused.into()));
        };
        // Small answers must not wait for each other.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(STALLED_ANSWER_TIME_MAX));
        metrics::gauge!("rhapsode_connections").increment(1);
        std::future::ready(Ok((Connection { stream: Box::pin(stream), _room: room }, service)))
    }
}

/// A connection that ends when its other side takes nothing for too long.
struct Connection {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    _room: OwnedSemaphorePermit,
}

impl Drop for Connection {
    fn drop(&mut self) {
        metrics::gauge!("rhapsode_connections").decrement(1);
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}

/// Reads the certificate and its key.
pub(super) async fn certificate(files: &TlsConfig) -> Result<RustlsConfig, ServeError> {
    RustlsConfig::from_pem_file(&files.certificate, &files.key).await.map_err(|source| ServeError::Certificate {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    })
}

/// Takes the certificate anew whenever its files change, so that a renewed one needs no restart.
pub(super) fn follow_certificate(files: TlsConfig, taken: RustlsConfig) -> impl Future<Output = ()> + Send + 'static {
    let read = |files: &TlsConfig| Some([std::fs::read(&files.certificate).ok()?, std::fs::read(&files.key).ok()?]);
    let mut taken_of = read(&files);
    async move {
        loop {
            tokio::time::sleep(CERTIFICATE_POLL_INTERVAL).await;
            let now = read(&files);
            if now.is_none() || now == taken_of {
                continue;
            }
            match taken.reload_from_pem_file(&files.certificate, &files.key).await {
                Ok(()) => {
                    tracing::info!(certificate = %files.certificate.display(), "the certificate changed and was taken");
                    taken_of = now;
                }
                // Half of it may be written: it is tried again, and the old one stays meanwhile.
                Err(error) => tracing::warn!(%error, "the certificate changed and cannot be taken"),
            }
        }
    }
}
