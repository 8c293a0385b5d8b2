//! `decade@2` is an assertion: what a release holds of the feature is that version.

use super::{FeaturePin, Manifest, Readable, Store, StoreError};
use crate::limits::RELEASES_SEARCHED_MAX;
use crate::name::ReleaseNumber;

/// A feature was asked for at a version that the release does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this release holds version {held} of `{name}`, not {asked}")]
pub struct OtherVersion {
    pub entity: String,
    pub name: String,
    pub asked: u32,
    pub held: u32,
    /// The newest release that holds what was asked for; none where no kept one does, or nobody looked.
    pub holder: Option<ReleaseNumber>,
}

impl OtherVersion {
    pub fn remedy(&self) -> String {
        let Self { name, asked, held, holder, .. } = self;
        match holder {
            Some(release) => format!("release {release} holds `{name}@{asked}`; or ask for `{name}@{held}`"),
            None => format!("no release that is kept holds `{name}@{asked}`; ask for `{name}@{held}`"),
        }
    }
}

impl Manifest {
    /// The feature `name` of `entity`, stored or on request.
    pub fn feature(&self, entity: &str, name: &str) -> Option<&FeaturePin> {
        let stored = self.views.iter().filter(|view| view.entity == entity).flat_map(|view| &view.features);
        let on_request = self.on_request.iter().filter(|view| view.entity == entity).flat_map(|view| &view.features);
        stored.chain(on_request).find(|feature| feature.name == name)
    }
}

impl Readable {
    /// `other` with the newest release that holds what was asked for.
    pub async fn with_holder(&self, other: OtherVersion) -> OtherVersion {
        match self.store().newest_holding(&other).await {
            Ok(holder) => OtherVersion { holder, ..other },
            Err(error) => {
                tracing::warn!(%error, "the releases cannot be searched for a version of a feature");
                other
            }
        }
    }
}

impl Store {
    async fn newest_holding(&self, other: &OtherVersion) -> Result<Option<ReleaseNumber>, StoreError> {
        for number in self.release_numbers().await?.into_iter().rev().take(RELEASES_SEARCHED_MAX) {
            let manifest = self.manifest(number).await?;
            let held = manifest.feature(&other.entity, &other.name).map(|feature| feature.version);
            if held == Some(other.asked) {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }
}
