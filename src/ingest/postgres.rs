//! Rows of a PostgreSQL query, streamed.
//!
//! The server makes a JSON object of each row (`row_to_json`), so that every type it knows comes in a form that the reader
//! of JSON Lines knows too. The session is read-only.

use futures::TryStreamExt;
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::IngestError;
use super::rows::{Intake, Origin};

/// Reads the rows of `query`.
pub(super) async fn read(
    url: &str,
    query: &str,
    intake: &mut Intake<'_>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), IngestError> {
    let options: PgConnectOptions = url.parse().map_err(unreachable)?;
    let options = options
        .options([("default_transaction_read_only", "on")])
        .application_name("rhapsode")
        .disable_statement_logging();
    let mut connection = PgConnection::connect_with(&options).await.map_err(unreachable)?;
    let query = query.trim().trim_end_matches(';');
    // On a line of its own, so that a comment at its end takes nothing with it.
    let wrapped = format!("select row_to_json(_row)::text from (\n{query}\n) as _row");
    let mut rows = sqlx::query_scalar::<_, String>(AssertSqlSafe(wrapped)).fetch(&mut connection);
    let mut line = 0;
    while let Some(row) = rows.try_next().await.map_err(refused)? {
        line += 1;
        let origin = Origin { file: "PostgreSQL", line };
        match serde_json::from_str::<Value>(&row) {
            Ok(Value::Object(row)) => intake.row(origin, &row).await?,
            _ => intake.reject(origin, "the row is no object", &row).await?,
        }
        if line % 1_000 == 0 {
            progress(line);
        }
    }
    drop(rows);
    // What was read is read, whatever becomes of the connection.
    let _ = connection.close().await;
    Ok(())
}

fn unreachable(error: sqlx::Error) -> IngestError {
    match error {
        sqlx::Error::Database(error) => IngestError::NoDatabase(error.message().to_owned()),
        error => IngestError::NoDatabase(error.to_string()),
    }
}

fn refused(error: sqlx::Error) -> IngestError {
    match error {
        sqlx::Error::Database(error) => IngestError::Database(error.message().to_owned()),
        error => IngestError::NoDatabase(error.to_string()),
    }
}
