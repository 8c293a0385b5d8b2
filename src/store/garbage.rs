//! Old releases: which are dropped, and what only they reach is freed.
//!
//! A release is dropped by its tombstone, `dropped/<number>.json`: from then on nobody can open it. What it pins stays
//! for a grace, for readers in flight, and is freed by the first clean-up after it. Whatever a release that is kept or
//! in its grace pins is never touched, nor what a build that is under way may have written.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::releases::{parse, release_path};
use super::upkeep::Reclaimed;
use super::{Manifest, SearchPin, Store, StoreError, ViewData, ViewPin, search_path, view_path};
use crate::name::ReleaseNumber;

/// What a clean-up keeps.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// How many of the newest releases.
    pub releases: usize,
    /// How long the data of a dropped release stays.
    pub grace: TimeDelta,
}

/// What a clean-up did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// The releases that were dropped.
    pub dropped: Vec<ReleaseNumber>,
    /// Those whose data is gone.
    pub swept: Vec<ReleaseNumber>,
    /// Those that are dropped and whose data stays until their grace ends.
    pub waiting: Vec<ReleaseNumber>,
    /// Versions of datasets.
    pub versions: u64,
    pub files: u64,
    pub bytes: u64,
}

/// `dropped/<number>.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tombstone {
    pub at: DateTime<Utc>,
}

impl Store {
    /// Drops the releases that `retention` does not keep, and frees what was dropped a grace ago; only says so where it
    /// is `dry`. Whoever calls it holds the [`super::Lease`].
    pub async fn collect_garbage(
        &self,
        retention: Retention,
        now: DateTime<Utc>,
        dry: bool,
    ) -> Result<Freed, StoreError> {
        let mut freed = Freed { dropped: self.superseded(retention).await?, ..Freed::default() };
        if !dry {
            for number in &freed.dropped {
                self.write_json(&tombstone_path(*number), &Tombstone { at: now }).await?;
            }
        }
        let mut dropped = self.tombstones().await?;
        dropped.extend(freed.dropped.iter().map(|number| (*number, Tombstone { at: now })));
        let mut protected = Vec::new();
        for number in self.written_releases().await? {
            match dropped.get(&number) {
                Some(tombstone) if tombstone.at + retention.grace <= now => freed.swept.push(number),
                Some(_) => {
                    freed.waiting.push(number);
                    protected.push(self.manifest(number).await?);
                }
                None => protected.push(self.manifest(number).await?),
            }
        }
        self.sweep_datasets(&protected, now - retention.grace, dry, &mut freed).await?;
        self.sweep_incoming(&protected, dry, &mut freed).await?;
        for number in freed.swept.clone() {
            for (file, bytes) in self.objects.list(&format!("exports/{number}")).await? {
                self.remove(&format!("exports/{number}/{file}"), bytes, dry, &mut freed).await?;
            }
            // Last, so that a clean-up that is broken off is done again.
            if !dry {
                self.objects.delete(&release_path(number)).await?;
            }
        }
        Ok(freed)
    }

    /// Whether a clean-up would drop or free a release; what builds left behind alone is no reason.
    pub async fn has_garbage(&self, retention: Retention, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let written = self.written_releases().await?;
        let dropped = self.tombstones().await?;
        let ended = |number: &ReleaseNumber| dropped.get(number).is_some_and(|stone| stone.at + retention.grace <= now);
        Ok(written.iter().any(ended) || !self.superseded(retention).await?.is_empty())
    }

    /// The releases that are neither among the newest nor tagged nor `latest`, ascending.
    async fn superseded(&self, retention: Retention) -> Result<Vec<ReleaseNumber>, StoreError> {
        let numbers = self.release_numbers().await?;
        let tagged = self.tagged().await?;
        let yanked = self.numbers("yanked").await?;
        let latest = numbers.iter().rev().find(|number| !yanked.contains(number)).copied();
        // The newest is what the next build builds on.
        let newest = numbers.len().saturating_sub(retention.releases.max(1));
        let superseded = numbers[..newest].iter().copied();
        Ok(superseded.filter(|number| !tagged.contains_key(number) && Some(*number) != latest).collect())
    }

    /// The releases that were dropped.
    pub(super) async fn tombstones(&self) -> Result<BTreeMap<ReleaseNumber, Tombstone>, StoreError> {
        let mut tombstones = BTreeMap::new();
        for number in self.numbers("dropped").await? {
            let path = tombstone_path(number);
            if let Some(bytes) = self.objects.read(&path).await? {
                tombstones.insert(number, parse(&path, &bytes)?);
            }
        }
        Ok(tombstones)
    }

    /// Frees the versions of datasets that no protected release pins and that no build can be writing.
    async fn sweep_datasets(
        &self,
        protected: &[Manifest],
        before: DateTime<Utc>,
        dry: bool,
        freed: &mut Freed,
    ) -> Result<(), StoreError> {
        let mut pinned: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for manifest in protected {
            let sources = manifest.sources.iter().map(|pin| (format!("sources/{}.lance", pin.name), pin.lance_version));
            let of_view = |pin: &ViewPin| Some((view_path(&pin.name), pin.data.lance_version()?));
            let views = manifest.views.iter().filter_map(of_view);
            let of_search = |pin: &SearchPin| Some((search_path(&pin.rows.name), pin.rows.data.lance_version()?));
            let searches = manifest.searches.iter().filter_map(of_search);
            for (path, version) in sources.chain(views).chain(searches) {
                pinned.entry(path).or_default().insert(version);
            }
        }
        let of_view = |pin: &ViewPin| match &pin.data {
            ViewData::Parquet(path) => Some(path.clone()),
            ViewData::Lance(_) => None,
        };
        let files = protected.iter().flat_map(|manifest| manifest.views.iter().filter_map(of_view)).collect();
        let rejects =
            protected.iter().flat_map(|manifest| manifest.views.iter().filter_map(|pin| pin.rejects.as_ref()));
        let rejects = rejects.map(|pin| pin.file.clone()).collect();
        let searches = protected.iter().flat_map(|manifest| &manifest.searches);
        let word_vectors = searches.filter_map(|pin| Some(pin.word_vectors.as_ref()?.file.clone())).collect();
        for search in self.objects.folders("word_vectors").await? {
            self.sweep_files(&format!("word_vectors/{search}"), &word_vectors, before, dry, freed).await?;
        }
        for view in self.objects.folders("rejects").await? {
            self.sweep_files(&format!("rejects/{view}"), &rejects, before, dry, freed).await?;
        }
        for folder in ["sources", "views", "searches"] {
            for name in self.objects.folders(folder).await? {
                let path = format!("{folder}/{name}");
                if name.ends_with(".parquet") {
                    self.sweep_files(&path, &files, before, dry, freed).await?;
                } else if let Some(versions) = pinned.get(&path) {
                    let Reclaimed { versions, files, bytes } = self.lance.reclaim(&path, versions, before, dry).await?;
                    freed.versions += versions;
                    freed.files += files;
                    freed.bytes += bytes;
                } else if self.lance.is_older_than(&path, before).await? {
                    for (file, bytes) in self.objects.list(&path).await? {
                        self.remove(&format!("{path}/{file}"), bytes, dry, freed).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Frees the files of a view that no protected release pins and that no build can be writing.
    async fn sweep_files(
        &self,
        folder: &str,
        pinned: &BTreeSet<String>,
        before: DateTime<Utc>,
        dry: bool,
        freed: &mut Freed,
    ) -> Result<(), StoreError> {
        for (file, bytes, at) in self.objects.list_dated(folder).await? {
            let path = format!("{folder}/{file}");
            if !pinned.contains(&path) && at < before {
                self.remove(&path, bytes, dry, freed).await?;
            }
        }
        Ok(())
    }

    /// Frees the ingests that came before a snapshot which every protected release has taken.
    async fn sweep_incoming(&self, protected: &[Manifest], dry: bool, freed: &mut Freed) -> Result<(), StoreError> {
        for source in self.objects.folders("incoming").await? {
            let pins: Vec<_> = protected.iter().filter_map(|manifest| manifest.source(&source)).collect();
            if pins.is_empty() {
                continue;
            }
            let files = self.incoming(&source).await?;
            let taken = |name: &String| pins.iter().all(|pin| pin.ingested.contains(name) && !pin.void.contains(name));
            let Some(snapshot) = files.iter().rposition(|file| file.snapshot && taken(&file.name)) else { continue };
            for file in &files[..snapshot] {
                for path in file.objects(&source) {
                    let bytes = self.objects.size(&path).await?.unwrap_or_default();
                    self.remove(&path, bytes, dry, freed).await?;
                }
            }
        }
        Ok(())
    }

    async fn remove(&self, path: &str, bytes: u64, dry: bool, freed: &mut Freed) -> Result<(), StoreError> {
        freed.files += 1;
        freed.bytes += bytes;
        if dry { Ok(()) } else { self.objects.delete(path).await }
    }
}

fn tombstone_path(number: ReleaseNumber) -> String {
    format!("dropped/{number}.json")
}
