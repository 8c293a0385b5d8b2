//! Experiments: opened by the first who asks, written down beside usage.

use std::sync::Arc;

use super::App;
use crate::experiments::{ExperimentError, Experiments};
use crate::search;
use crate::store::Entitlements;

impl App {
    /// The experiments of the project, and what is said of hits.
    pub async fn experiments(&self) -> Result<&Experiments, ExperimentError> {
        let inner = &self.inner;
        let open = || async {
            let state = self.state().await?.clone();
            Experiments::open(&inner.config.experiments, state, Arc::clone(&inner.clock))
        };
        // Boxed, since each search's future would have room for it.
        Box::pin(inner.experiments.get_or_try_init(open)).await
    }

    /// Warns of profiles that experiments name and the release that is served does not have: whoever would have one has
    /// `default`, and takes no part.
    pub(super) async fn check_experiments(&self) {
        let (Some(experiments), Some(latest)) = (self.inner.experiments.get(), self.latest()) else { return };
        let readable = latest.readable_by(Entitlements::OPEN).readable;
        for (experiment, search, profile) in experiments.profiles() {
            let found = match readable.search(search).await {
                Ok(found) => found,
                // Told where the release was opened.
                Err(_) => continue,
            };
            if found.is_none_or(|found| search::profile(&found, Some(profile)).is_err()) {
                tracing::warn!(
                    experiment,
                    search,
                    profile,
                    "an experiment names a profile that the release does not have"
                );
            }
        }
    }

    /// Writes down who searched by which profile.
    pub(super) async fn write_searches(&self) {
        let Some(experiments) = self.inner.experiments.get() else { return };
        if let Err(error) = experiments.write_searches().await {
            tracing::warn!(%error, "searches of experiments are not in the state database yet");
        }
    }
}
