//! The state database: what has to outlive a process and is no release. SQLite by default, PostgreSQL for several processes.
//!
//! Statements are written once, in what both databases understand: `$1`, `bigint` and `text` alone.

mod audit;

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, ConnectOptions, Executor, SqlStr};

pub use audit::AuditEntry;

use crate::config::StateConfig;
use crate::error::ErrorKind;

/// What each version of the database adds, in order. What was released is never changed.
const MIGRATIONS: &[(&str, &str)] = &[
    ("jobs", include_str!("state/0001_jobs.sql")),
    ("access", include_str!("state/0002_access.sql")),
    ("feedback", include_str!("state/0003_feedback.sql")),
];

/// What would end a path in a URL, or be read as another character.
const UNSAFE_IN_PATHS: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'%').add(b'?');

/// Seconds that a statement waits for SQLite's one writer.
const SQLITE_WAIT: Duration = Duration::from_secs(10);

/// Seconds that a request waits for a connection.
const CONNECTION_WAIT: Duration = Duration::from_secs(10);

/// The state database, open.
#[derive(Clone, Debug)]
pub struct State {
    pool: AnyPool,
}

/// Why there is no state. A URL may hold a password, so it is not told.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("the state database cannot be opened: {0}; `state.url` in rhapsode.toml says where it is")]
    NotOpened(String),
    #[error("the state database cannot be brought up to date: {0}")]
    NotMigrated(String),
    #[error("the state database does not answer: {0}")]
    Failed(String),
}

impl StateError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotOpened(_) | Self::Failed(_) => ErrorKind::Unavailable,
            Self::NotMigrated(_) => ErrorKind::Internal,
        }
    }
}

impl From<sqlx::Error> for StateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(told(&error))
    }
}

impl State {
    /// Opens the database of the project in that folder, makes a SQLite file that is not there, and brings the tables up to
    /// date.
    pub async fn open(project: &Path, config: &StateConfig) -> Result<Self, StateError> {
        install_default_drivers();
        let not_opened = |error: sqlx::Error| StateError::NotOpened(told(&error));
        let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| config.url.starts_with(scheme));
        let url = match is_postgres {
            true => config.url.clone(),
            false => {
                let file = config.url.strip_prefix("sqlite:").unwrap_or(&config.url).trim_start_matches("//");
                let path = project.join(file).to_string_lossy().into_owned();
                format!("sqlite://{}?mode=rwc", utf8_percent_encode(&path, UNSAFE_IN_PATHS))
            }
        };
        let options: AnyConnectOptions = url.parse().map_err(not_opened)?;
        let pool = AnyPoolOptions::new()
            .max_connections(config.connections.max(1))
            .acquire_timeout(CONNECTION_WAIT)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if !is_postgres {
                        // Readers and the writer go side by side, and what is committed survives a loss of power.
                        connection.execute("pragma journal_mode = wal").await?;
                        connection.execute("pragma synchronous = full").await?;
                        let wait = format!("pragma busy_timeout = {}", SQLITE_WAIT.as_millis());
                        connection.execute(sqlx::AssertSqlSafe(wait)).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options.disable_statement_logging())
            .await
            .map_err(not_opened)?;
        migrations().run(&pool).await.map_err(|error| StateError::NotMigrated(error.to_string()))?;
        Ok(Self { pool })
    }

    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }
}

fn migrations() -> Migrator {
    let migration = |(index, (name, sql)): (usize, &(&'static str, &'static str))| {
        let version = index as i64 + 1;
        Migration::new(version, Cow::Borrowed(*name), MigrationType::Simple, SqlStr::from_static(sql), false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().enumerate().map(migration).collect())
}

/// What a database says, without what it was told.
fn told(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Configuration(_) => "its URL is not one".to_owned(),
        error => error.to_string(),
    }
}
