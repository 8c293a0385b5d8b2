//! The other end of the sandbox: a process that runs what callers write, one order after the other.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::panic::AssertUnwindSafe;

use arrow::ipc::writer::StreamWriter;
use futures::{FutureExt, TryStreamExt};
use tokio::sync::mpsc;

use super::{App, OpenRelease};
use crate::engine::SqlError;
use crate::limits::SANDBOX_SLACK_BYTES;
use crate::name::ReleaseNumber;
use crate::query::sandbox::{self, Frame, Order, Task};
use crate::query::{TrainingRows, parameter};
use crate::store::ReleaseRef;

impl App {
    /// Works for the server at the other end of standard input until it is gone.
    pub async fn work_off_statements(&self, release: ReleaseNumber) -> std::io::Result<()> {
        let server = StdUnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        let (orders, mut order) = mpsc::channel(1);
        // A thread of its own, which no statement can hold: when the server goes, so does this process.
        let mut from = server.try_clone()?;
        std::thread::spawn(move || {
            while let Ok(Some(order)) = sandbox::receive(&mut from) {
                if orders.blocking_send(order).is_err() {
                    break;
                }
            }
            std::process::exit(0);
        });
        let mut to = server;
        let open = match self.open(&ReleaseRef::Number(release)).await {
            Ok(open) => open,
            Err(error) => {
                return sandbox::write(&mut to, Frame::Failed(SqlError::unavailable(error.to_string())));
            }
        };
        limit_this_process((self.config().sql.memory_mib as u64) << 20)?;
        sandbox::write(&mut to, Frame::Ready)?;
        while let Some(order) = order.recv().await {
            // What panics in the engine need not cost the process.
            let last = match AssertUnwindSafe(run(&open, order, &mut to)).catch_unwind().await {
                Ok(Ok(scanned)) => Frame::Done(scanned),
                Ok(Err(error)) => Frame::Failed(error),
                Err(_) => Frame::Failed(SqlError::engine_fault()),
            };
            sandbox::write(&mut to, last)?;
        }
        Ok(())
    }
}

/// Sends the rows of an order; says how many its tables gave.
async fn run(open: &OpenRelease, order: Order, to: &mut StdUnixStream) -> Result<u64, SqlError> {
    let view = open.readable_by(order.entitlements);
    let (mut rows, scanned) = match order.task {
        Task::Statement { sql, parameters } => {
            let values: Option<Vec<_>> = parameters.iter().map(parameter).collect();
            let values = values.ok_or_else(|| SqlError::internal("a parameter has no type".to_owned()))?;
            let (rows, scanned) = view.query().counted(&sql, values).await?;
            (rows, Some(scanned))
        }
        Task::Filtered { conditions, sql } => {
            for (dataset, condition) in &conditions {
                view.query().check_condition(dataset, condition).await?;
            }
            let (rows, scanned) = view.query().counted(&sql, Vec::new()).await?;
            (rows, Some(scanned))
        }
        Task::TrainingSet { entity, features, sql, time } => {
            let (given, limits) = (TrainingRows::Statement(sql), view.query().limits());
            let rows = view.training_set(&entity, features, given, time, limits).await;
            (rows.map_err(super::TrainingSetError::into_sql)?, None)
        }
    };
    let unsent = |error: std::io::Error| SqlError::internal(format!("the server does not listen: {error}"));
    let unwritten = |error: arrow::error::ArrowError| SqlError::internal(format!("rows cannot be sent: {error}"));
    let mut writer = StreamWriter::try_new(Vec::new(), &rows.schema()).map_err(unwritten)?;
    sandbox::write(to, Frame::Rows(std::mem::take(writer.get_mut()))).map_err(unsent)?;
    while let Some(batch) = rows.try_next().await.map_err(SqlError::from_execution)? {
        writer.write(&batch).map_err(unwritten)?;
        sandbox::write(to, Frame::Rows(std::mem::take(writer.get_mut()))).map_err(unsent)?;
    }
    // The decoder sees a schema only when something follows it.
    writer.finish().map_err(unwritten)?;
    sandbox::write(to, Frame::Rows(std::mem::take(writer.get_mut()))).map_err(unsent)?;
    Ok(scanned.map(|scanned| scanned.rows()).unwrap_or_default())
}

/// What the system lets this process have from now on: so much more memory than it has, no core file, the last place in
/// line for the processor, and the first when memory runs out.
#[cfg(target_os = "linux")]
fn limit_this_process(memory_bytes: u64) -> std::io::Result<()> {
    let pages: u64 = std::fs::read_to_string("/proc/self/statm")?
        .split(' ')
        .next()
        .and_then(|pages| pages.parse().ok())
        .ok_or_else(|| std::io::Error::other("the size of this process is not known"))?;
    // SAFETY: it asks for a number.
    let page_bytes = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4_096);
    let addresses = pages * page_bytes + memory_bytes + SANDBOX_SLACK_BYTES;
    for (resource, limit) in [(libc::RLIMIT_AS, addresses), (libc::RLIMIT_CORE, 0)] {
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: it reads a struct that lives as long as the call.
        if unsafe { libc::setrlimit(resource, &limit) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    // SAFETY: it takes numbers. Where the system refuses, lookups wait a little longer.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 10) };
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}

/// Elsewhere the time limit alone holds a statement.
#[cfg(not(target_os = "linux"))]
fn limit_this_process(_: u64) -> std::io::Result<()> {
    Ok(())
}
