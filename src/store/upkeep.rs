//! The upkeep of Lance datasets: indexes that follow, small fragments made one, versions that nobody pins freed.

use std::collections::{BTreeMap, BTreeSet};

use ::lance::Dataset;
use ::lance::dataset::cleanup::CleanupPolicy;
use ::lance::dataset::optimize::{CompactionOptions, compact_files};
use ::lance::index::DatasetIndexExt;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::index::{self, Index};
use super::lance::{LanceStore, fault};
use super::writable::Writable;
use crate::limits::{BUILD_BATCH_ROWS, LANCE_SCAN_BUFFER_BYTES, SMALL_FRAGMENT_SHARE, SMALL_FRAGMENTS_MAX};

/// What a dataset gave back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reclaimed {
    pub versions: u64,
    pub files: u64,
    pub bytes: u64,
}

impl Writable {
    /// Brings the indexes up to date with the rows that were added since they were built; where many small fragments have
    /// come together, makes them one first.
    pub async fn keep_up(&mut self, indexes: &[Index]) -> Result<(), StoreError> {
        match self.compact().await? {
            true => self.index(indexes).await,
            false => self.extend_indexes(indexes).await,
        }
    }

    /// Makes one fragment of the small ones where there are many. Large ones stay as they are, so that a row is copied a
    /// few times in its life and not with each build. Returns whether anything was written.
    async fn compact(&mut self) -> Result<bool, StoreError> {
        let Some(dataset) = self.dataset.as_mut() else { return Ok(false) };
        let fragments = dataset.get_fragments();
        let physical = |index: usize| fragments[index].metadata().physical_rows.unwrap_or_default();
        let total: usize = (0..fragments.len()).map(physical).sum();
        let (small, large): (Vec<usize>, Vec<usize>) =
            (0..fragments.len()).partition(|index| physical(*index) * SMALL_FRAGMENT_SHARE <= total);
        if small.len() <= SMALL_FRAGMENTS_MAX {
            return Ok(false);
        }
        let options = CompactionOptions {
            target_rows_per_fragment: total.max(1),
            excluded_fragment_ids: large.iter().map(|index| fragments[*index].id() as u32).collect(),
            num_threads: Some(1),
            batch_size: Some(BUILD_BATCH_ROWS),
            io_buffer_size: Some(LANCE_SCAN_BUFFER_BYTES),
            ..CompactionOptions::default()
        };
        // Lance makes one of fragments that one segment of an index covers. The index is built anew anyway.
        let before = dataset.version_id();
        let names = index::names(dataset).await.map_err(fault(&self.path))?;
        for name in &names {
            dataset.drop_index(name).await.map_err(fault(&self.path))?;
        }
        compact_files(dataset, options, None).await.map_err(fault(&self.path))?;
        // A commit for each index, one that reserves the fragments' numbers, and one of the fragments.
        let written = dataset.clone();
        self.committed(Some(before + names.len() as u64 + 1), written)?;
        Ok(true)
    }
}

impl LanceStore {
    /// Frees the versions of a dataset that are not `pinned`, and the files that only they reach. What is newer than
    /// every pinned version may be a build's that is under way, and is left unless it was written `before`.
    pub async fn reclaim(
        &self,
        path: &str,
        pinned: &BTreeSet<u64>,
        before: DateTime<Utc>,
        dry: bool,
    ) -> Result<Reclaimed, StoreError> {
        let dataset = self.builder(path).load().await.map_err(fault(path))?;
        let latest = dataset.version_id();
        let newest_pinned = pinned.last().copied().unwrap_or_default();
        let versions = dataset.versions().await.map_err(fault(path))?;
        let is_free = |version: &::lance::dataset::Version| {
            let is_left_over = version.version < newest_pinned || version.timestamp < before;
            version.version != latest && !pinned.contains(&version.version) && is_left_over
        };
        let free: BTreeSet<u64> = versions.iter().filter(|version| is_free(version)).map(|v| v.version).collect();
        if free.is_empty() {
            return Ok(Reclaimed::default());
        }
        let tags = dataset.tags();
        let of_free =
            tags.list().await.map_err(fault(path))?.into_iter().filter(|(_, tag)| free.contains(&tag.version));
        let of_free: Vec<String> = of_free.map(|(name, _)| name).collect();
        if dry {
            return estimated(&dataset, &versions, &free).await.map_err(fault(path));
        }
        for name in of_free {
            tags.delete(&name).await.map_err(fault(path))?;
        }
        let removed = dataset.cleanup_with_policy(policy(free)).await.map_err(fault(path))?;
        Ok(reclaimed(&removed))
    }

    /// Whether nothing was written to a dataset since `before`. One without a version counts by no time: it is young.
    pub async fn is_older_than(&self, path: &str, before: DateTime<Utc>) -> Result<bool, StoreError> {
        match self.builder(path).load().await {
            Ok(dataset) => Ok(dataset.version().timestamp < before),
            Err(::lance::Error::DatasetNotFound { .. }) => Ok(false),
            Err(error) => Err(fault(path)(error)),
        }
    }
}

/// What freeing these versions would give back of data files, which are most of it.
async fn estimated(
    dataset: &Dataset,
    versions: &[::lance::dataset::Version],
    free: &BTreeSet<u64>,
) -> ::lance::Result<Reclaimed> {
    let (mut kept, mut freed) = (BTreeMap::new(), BTreeMap::new());
    for version in versions {
        let there = dataset.checkout_version(version.version).await?;
        let files = if free.contains(&version.version) { &mut freed } else { &mut kept };
        for file in there.get_fragments().iter().flat_map(|fragment| fragment.metadata().files.clone()) {
            files.insert(file.path, file.file_size_bytes.get().map(u64::from).unwrap_or_default());
        }
    }
    freed.retain(|path, _| !kept.contains_key(path));
    Ok(Reclaimed { versions: free.len() as u64, files: freed.len() as u64, bytes: freed.values().sum() })
}

fn policy(free: BTreeSet<u64>) -> CleanupPolicy {
    // A tagged version stays whatever the policy says: its tag may be somebody else's.
    CleanupPolicy {
        versions: Some(free.into_iter().collect()),
        error_if_tagged_old_versions: false,
        ..CleanupPolicy::default()
    }
}

fn reclaimed(removed: &::lance::dataset::cleanup::RemovalStats) -> Reclaimed {
    let files = removed.data_files_removed
        + removed.transaction_files_removed
        + removed.index_files_removed
        + removed.deletion_files_removed;
    Reclaimed { versions: removed.old_versions, files, bytes: removed.bytes_removed }
}
