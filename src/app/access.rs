//! Keys at hand: opened by the first who asks, kept in step with the state database.

use std::sync::Arc;

use super::App;
use crate::access::{Access, AccessError};
use crate::limits::ACCESS_SYNC_INTERVAL;
use crate::state::{AuditEntry, State, StateError};

impl App {
    /// The state database of the project; opened by the first who asks.
    pub(super) async fn state(&self) -> Result<&State, StateError> {
        let inner = &self.inner;
        inner.state.get_or_try_init(|| State::open(&inner.project, &inner.config.state)).await
    }

    /// How many keys are at hand; none before the first was asked for.
    pub fn keys_at_hand(&self) -> Option<usize> {
        self.inner.access.get().map(|access| access.keys_at_hand())
    }

    /// Connections to the state database: how many are open, and how many of those rest. None before it was needed.
    pub fn state_connections(&self) -> Option<(u32, usize)> {
        let pool = self.inner.state.get()?.pool();
        Some((pool.size(), pool.num_idle()))
    }

    /// Writes down what was done to releases. It is done already, so what fails here is told and no more.
    pub async fn audit(&self, actor: &str, action: &str, subject: impl Into<String>) {
        let entry = AuditEntry::new(self.clock().now(), actor, action, subject);
        let written = match self.state().await {
            Ok(state) => state.audit(&entry).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            let AuditEntry { actor, action, subject, .. } = entry;
            tracing::warn!(%error, actor, action, subject, "it was done and could not be written down");
        }
    }

    /// What was done to keys and releases: the last `count` entries, the newest first.
    pub async fn audited(&self, count: u32) -> Result<Vec<AuditEntry>, StateError> {
        self.state().await?.audited(count).await
    }

    /// The keys of the project.
    pub async fn access(&self) -> Result<&Arc<Access>, AccessError> {
        let inner = &self.inner;
        if let Some(access) = inner.access.get() {
            return Ok(access);
        }
        let open = || async {
            let state = self.state().await?.clone();
            Ok(Arc::new(Access::open(&inner.project, &inner.config, state, Arc::clone(&inner.clock))?))
        };
        // Boxed, since each request's future would have room for it.
        Box::pin(inner.access.get_or_try_init(open)).await
    }

    /// Takes over changes of keys and writes down what was used, until the end of time.
    pub async fn keep_access_in_step(&self) {
        let mut ticks = tokio::time::interval(ACCESS_SYNC_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.sync_access().await;
        }
    }

    /// Does it once; a server does so last of all.
    pub async fn sync_access(&self) {
        let synced = match self.access().await {
            Ok(access) => access.sync().await,
            Err(error) => Err(error),
        };
        if let Err(error) = synced {
            tracing::warn!(%error, "keys and usage are not in step with the state database");
        }
        self.write_searches().await;
    }
}
