//! Who changed keys and releases, and when.

use chrono::{DateTime, Utc};
use sqlx::{Any, Row, Transaction};

use super::{State, StateError};

/// What somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub at: DateTime<Utc>,
    /// A key, by how it begins, or the command line, or a server that builds by itself.
    pub actor: String,
    /// As `create-key`, `publish-release`.
    pub action: String,
    /// What it was done to.
    pub subject: String,
}

impl AuditEntry {
    pub fn new(at: DateTime<Utc>, actor: &str, action: &str, subject: impl Into<String>) -> Self {
        Self { at, actor: actor.to_owned(), action: action.to_owned(), subject: subject.into() }
    }

    /// Writes it down together with what is done, and tells it in the log.
    pub async fn write(&self, transaction: &mut Transaction<'_, Any>) -> Result<(), StateError> {
        let Self { at, actor, action, subject } = self;
        let insert = "insert into audit (at, actor, action, subject) values ($1, $2, $3, $4)";
        let insert = sqlx::query(insert).bind(at.timestamp_micros()).bind(actor).bind(action).bind(subject);
        insert.execute(&mut **transaction).await?;
        tracing::info!(target: "rhapsode::audit", actor, action, subject, "audited");
        Ok(())
    }
}

impl State {
    /// Writes down what was done elsewhere.
    pub async fn audit(&self, entry: &AuditEntry) -> Result<(), StateError> {
        let mut transaction = self.pool().begin().await?;
        entry.write(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The last `count` entries, the newest first.
    pub async fn audited(&self, count: u32) -> Result<Vec<AuditEntry>, StateError> {
        let select = "select at, actor, action, subject from audit order by at desc limit $1";
        let rows = sqlx::query(select).bind(i64::from(count)).fetch_all(self.pool()).await?;
        rows.iter()
            .map(|row| {
                Ok(AuditEntry {
                    at: DateTime::from_timestamp_micros(row.try_get("at")?).unwrap_or_default(),
                    actor: row.try_get("actor")?,
                    action: row.try_get("action")?,
                    subject: row.try_get("subject")?,
                })
            })
            .collect()
    }
}
