//! What a server and its workers say to each other: orders one way, frames the other, each behind its length.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::engine::SqlError;
use crate::limits::{SANDBOX_FRAME_BYTES_MAX, SANDBOX_ORDER_BYTES_MAX};
use crate::store::Entitlements;

/// What a worker is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// What whoever asks may read.
    pub entitlements: Entitlements,
    pub task: Task,
}

/// What a caller wrote, to be run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Task {
    Statement {
        sql: String,
        parameters: Vec<Value>,
    },
    /// A statement with conditions of a caller's, each on the rows of a dataset; their types are checked first.
    Filtered {
        conditions: Vec<(String, String)>,
        sql: String,
    },
    /// A training set whose rows come from a statement.
    TrainingSet {
        entity: String,
        features: Option<Vec<String>>,
        sql: String,
        time: String,
    },
}

/// What a worker answers.
#[derive(Debug)]
pub enum Frame {
    /// The release is open.
    Ready,
    /// The next bytes of an Arrow IPC stream.
    Rows(Vec<u8>),
    /// The last frame of an order that failed.
    Failed(SqlError),
    /// The last frame of one that did not: how many rows its tables gave.
    Done(u64),
}

const READY: u8 = b'R';
const ROWS: u8 = b'B';
const FAILED: u8 = b'E';
const DONE: u8 = b'D';

/// Sends an order.
pub(super) async fn send(to: &mut (impl AsyncWriteExt + Unpin), order: &Order) -> std::io::Result<()> {
    let body = serde_json::to_vec(order)?;
    to.write_all(&(body.len() as u32).to_le_bytes()).await?;
    to.write_all(&body).await
}

/// Waits for an order, holding its thread; none where the server is gone.
pub fn receive(from: &mut impl std::io::Read) -> std::io::Result<Option<Order>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        done => done?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > SANDBOX_ORDER_BYTES_MAX {
        return Err(std::io::Error::other("an order is too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Writes a frame, holding its thread.
pub fn write(to: &mut impl std::io::Write, frame: Frame) -> std::io::Result<()> {
    let (tag, body) = match frame {
        Frame::Ready => (READY, Vec::new()),
        Frame::Rows(bytes) => (ROWS, bytes),
        Frame::Failed(error) => (FAILED, serde_json::to_vec(&error)?),
        Frame::Done(rows) => (DONE, rows.to_le_bytes().to_vec()),
    };
    let mut head = [tag, 0, 0, 0, 0];
    head[1..].copy_from_slice(&(body.len() as u32).to_le_bytes());
    to.write_all(&head)?;
    to.write_all(&body)
}

/// Reads a frame. A worker is not trusted: what it says is bounded.
pub(super) async fn read(from: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Frame> {
    let mut head = [0; 5];
    from.read_exact(&mut head).await?;
    let [tag, length @ ..] = head;
    let length = u32::from_le_bytes(length) as usize;
    if length > SANDBOX_FRAME_BYTES_MAX {
        return Err(std::io::Error::other("a frame is too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    match tag {
        READY => Ok(Frame::Ready),
        ROWS => Ok(Frame::Rows(body)),
        FAILED => Ok(Frame::Failed(serde_json::from_slice(&body)?)),
        DONE => {
            let rows = body.try_into().map_err(|_| std::io::Error::other("a frame is damaged"))?;
            Ok(Frame::Done(u64::from_le_bytes(rows)))
        }
        _ => Err(std::io::Error::other("a frame is of no known kind")),
    }
}
