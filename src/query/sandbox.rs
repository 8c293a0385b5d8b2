//! What callers write runs in processes of its own: a pool of workers of the same binary that have the release open.
//!
//! Inside one process a short statement can abort the server, take its memory or hold all its threads. A worker is limited
//! in memory by the system, and killed when its time is over or its caller goes; another one takes its place.

mod wire;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::buffer::Buffer;
use arrow::ipc::reader::StreamDecoder;
use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

pub use wire::{Frame, Order, Task, receive, write};

use crate::engine::SqlError;
use crate::limits::{SANDBOX_END_TIME_MAX, SANDBOX_QUEUE_MAX, SANDBOX_QUEUE_TIME_MAX, SANDBOX_START_TIME_MAX};
use crate::name::ReleaseNumber;

/// Where workers come from, and how many there may be.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    /// The binary that knows `sql-worker`.
    pub program: PathBuf,
    pub project: PathBuf,
    pub workers: usize,
    /// For the message when a worker is found dead.
    pub memory_bytes: usize,
}

/// The pool.
#[derive(Clone)]
pub struct Sandbox(Arc<Pool>);

struct Pool {
    settings: SandboxSettings,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    idle: Mutex<Vec<Worker>>,
}

/// Rows as they come, and how many were read for them once they have all come.
pub struct SandboxRows {
    pub rows: SendableRecordBatchStream,
    pub scanned: Arc<AtomicU64>,
}

/// A process. Whoever drops it kills it.
struct Worker {
    child: Option<Child>,
    socket: UnixStream,
    release: ReleaseNumber,
}

impl Worker {
    /// Whether it was killed from outside, once the other end of its socket is closed: a statement that needs too much ends
    /// it otherwise.
    async fn was_killed(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return false };
        // Its files are closed before it can be waited for, and a moment is enough. One that lives on is killed like any other.
        let ended = tokio::time::timeout(SANDBOX_END_TIME_MAX, async {
            loop {
                match child.try_wait() {
                    Ok(None) => tokio::time::sleep(Duration::from_millis(5)).await,
                    Ok(Some(status)) => return Some(status),
                    Err(_) => return None,
                }
            }
        });
        let ended = ended.await.ok().flatten();
        self.child = ended.is_none().then_some(child);
        ended.and_then(|status| status.signal()) == Some(libc::SIGKILL)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // What is gone already cannot be killed, which is as well.
        let _ = child.kill();
        // Its memory is given back before it is reaped: that may take a while, and nobody waits for it.
        std::thread::spawn(move || child.wait());
    }
}

impl Sandbox {
    pub fn new(settings: SandboxSettings) -> Self {
        let slots = Arc::new(Semaphore::new(settings.workers.max(1)));
        Self(Arc::new(Pool { settings, slots, waiting: AtomicUsize::new(0), idle: Mutex::default() }))
    }

    /// Runs an order over a release for `time` at most. Whoever drops the rows ends it.
    pub async fn run(&self, release: ReleaseNumber, order: &Order, time: Duration) -> Result<SandboxRows, SqlError> {
        let slot = self.slot().await?;
        let mut run = Run {
            pool: self.clone(),
            worker: Some(self.given(release, order).await?),
            slot: Some(slot),
            decoder: StreamDecoder::new(),
            rest: Buffer::default(),
            deadline: Box::pin(tokio::time::sleep(time)),
            time,
            scanned: Arc::default(),
        };
        let first = run.next().await?;
        let schema = run.decoder.schema().ok_or_else(|| SqlError::internal("a worker gave no schema".to_owned()))?;
        let scanned = Arc::clone(&run.scanned);
        let rows = stream::try_unfold((run, first), |(mut run, first)| async move {
            let next = match first {
                Some(batch) => Some(batch),
                None => run.next().await.map_err(|error| DataFusionError::External(Box::new(error)))?,
            };
            Ok(next.map(|batch| (batch, (run, None))))
        });
        Ok(SandboxRows { rows: Box::pin(RecordBatchStreamAdapter::new(schema, rows)), scanned })
    }

    /// Has workers of that release ready, and none of others.
    pub async fn warm(&self, release: ReleaseNumber) {
        let stale =
            |idle: &mut Vec<Worker>| idle.extract_if(.., |worker| worker.release != release).collect::<Vec<_>>();
        drop(stale(&mut self.idle()));
        while let Ok(slot) = Arc::clone(&self.0.slots).try_acquire_owned() {
            // A slot that is free stands for a worker that is idle, or is not there.
            if self.idle().len() > self.0.slots.available_permits() {
                return;
            }
            match self.start(release).await {
                Ok(worker) => self.idle().push(worker),
                Err(error) => {
                    tracing::warn!(%error, "a worker for statements cannot be started");
                    return;
                }
            }
            drop(slot);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker's time, waited for in a queue that is bounded.
    async fn slot(&self) -> Result<OwnedSemaphorePermit, SqlError> {
        let busy =
            || SqlError::unavailable("too many statements are waiting".to_owned()).with_remedy("ask again in a second");
        let slots = Arc::clone(&self.0.slots);
        if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
            return Ok(slot);
        }
        let waiting = Waiting::new(&self.0.waiting);
        metrics::gauge!("rhapsode_sql_waiting").set(waiting.before as f64 + 1.0);
        if waiting.before >= SANDBOX_QUEUE_MAX {
            return Err(busy());
        }
        match tokio::time::timeout(SANDBOX_QUEUE_TIME_MAX, slots.acquire_owned()).await {
            Ok(Ok(slot)) => Ok(slot),
            _ => Err(busy()),
        }
    }

    /// A worker that has the order.
    async fn given(&self, release: ReleaseNumber, order: &Order) -> Result<Worker, SqlError> {
        let taken = {
            let mut idle = self.idle();
            let position = idle.iter().position(|worker| worker.release == release);
            match position {
                Some(position) => Some(idle.swap_remove(position)),
                None => {
                    // As many processes as slots: one of another release makes room.
                    idle.pop();
                    None
                }
            }
        };
        if let Some(mut worker) = taken
            && wire::send(&mut worker.socket, order).await.is_ok()
        {
            return Ok(worker);
        }
        let mut worker = self.start(release).await?;
        wire::send(&mut worker.socket, order)
            .await
            .map_err(|error| SqlError::unavailable(format!("a worker does not listen: {error}")))?;
        Ok(worker)
    }

    async fn start(&self, release: ReleaseNumber) -> Result<Worker, SqlError> {
        let unstarted = |error: std::io::Error| {
            SqlError::unavailable(format!("a worker for statements cannot be started: {error}"))
        };
        let settings = &self.0.settings;
        let (ours, theirs) = StdUnixStream::pair().map_err(unstarted)?;
        ours.set_nonblocking(true).map_err(unstarted)?;
        let child = Command::new(&settings.program)
            .arg("--project")
            .arg(&settings.project)
            .args(["--log", "warn", "sql-worker", "--release", &release.to_string()])
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(unstarted)?;
        let socket = UnixStream::from_std(ours).map_err(unstarted)?;
        let mut worker = Worker { child: Some(child), socket, release };
        let ready = tokio::time::timeout(SANDBOX_START_TIME_MAX, wire::read(&mut worker.socket)).await;
        metrics::counter!("rhapsode_sql_workers_started_total").increment(1);
        match ready {
            Ok(Ok(Frame::Ready)) => Ok(worker),
            Ok(Ok(Frame::Failed(error))) => Err(error),
            Ok(Ok(_)) => Err(SqlError::internal("a worker does not speak as it should".to_owned())),
            Ok(Err(error)) => Err(unstarted(error)),
            Err(_) => Err(unstarted(std::io::Error::other("it takes too long"))),
        }
    }
}

/// Somebody in the queue.
struct Waiting<'a> {
    queue: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn new(queue: &'a AtomicUsize) -> Self {
        Self { queue, before: queue.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queue.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An order that is being worked on.
struct Run {
    pool: Sandbox,
    /// None once it is done.
    worker: Option<Worker>,
    slot: Option<OwnedSemaphorePermit>,
    decoder: StreamDecoder,
    /// Bytes that came and are not decoded.
    rest: Buffer,
    deadline: Pin<Box<Sleep>>,
    time: Duration,
    scanned: Arc<AtomicU64>,
}

impl Run {
    /// The next rows; none at their end, and then the worker is free for the next order.
    async fn next(&mut self) -> Result<Option<RecordBatch>, SqlError> {
        loop {
            let damaged =
                |error: arrow::error::ArrowError| SqlError::internal(format!("a worker's rows are damaged: {error}"));
            if let Some(batch) = self.decoder.decode(&mut self.rest).map_err(damaged)? {
                return Ok(Some(batch));
            }
            let Some(worker) = self.worker.as_mut() else { return Ok(None) };
            let frame = tokio::select! {
                frame = wire::read(&mut worker.socket) => frame,
                () = &mut self.deadline => {
                    self.replace();
                    let seconds = self.time.as_secs();
                    return Err(SqlError::timeout(format!("the statement took longer than {seconds} s; ask for less")));
                }
            };
            match frame {
                Ok(Frame::Rows(bytes)) => self.rest = Buffer::from_vec(bytes),
                Ok(Frame::Done(scanned)) => {
                    self.scanned.store(scanned, Ordering::Relaxed);
                    self.free();
                    return Ok(None);
                }
                Ok(Frame::Failed(error)) => {
                    self.free();
                    return Err(error);
                }
                Ok(Frame::Ready) | Err(_) => {
                    metrics::counter!("rhapsode_sql_workers_died_total").increment(1);
                    let was_killed = worker.was_killed().await;
                    self.replace();
                    if was_killed {
                        return Err(SqlError::unavailable("the system ended the statement's worker".to_owned())
                            .with_remedy("ask again in a second"));
                    }
                    let mib = self.pool.0.settings.memory_bytes >> 20;
                    let message = format!(
                        "the statement ended its worker: it needs more than {mib} MiB, or is nested too deeply"
                    );
                    return Err(SqlError::too_large(message).with_remedy("ask for less, or in simpler words"));
                }
            }
        }
    }

    fn free(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.pool.idle().push(worker);
        }
    }

    /// Kills the worker, and has another one take its place.
    fn replace(&mut self) {
        let Some(worker) = self.worker.take() else { return };
        let (pool, release, slot) = (self.pool.clone(), worker.release, self.slot.take());
        drop(worker);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            match pool.start(release).await {
                Ok(worker) => pool.idle().push(worker),
                Err(error) => tracing::warn!(%error, "a worker for statements cannot be replaced"),
            }
            drop(slot);
        });
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.replace();
    }
}
