//! `releases/<number>.json`, `tags/<name>.json`, `yanked/<number>.json`: what is visible, and under which names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::manifest::v1;
use super::{Manifest, Store, StoreError};
use crate::name::ReleaseNumber;

/// How a reader names a release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReleaseRef {
    /// The highest that is not yanked.
    #[default]
    Latest,
    Number(ReleaseNumber),
    Tag(String),
}

impl FromStr for ReleaseRef {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        match text.parse::<u64>() {
            Ok(number) => {
                ReleaseNumber::new(number).map(Self::Number).ok_or_else(|| StoreError::NotARelease(text.to_owned()))
            }
            Err(_) if is_tag(text) => Ok(Self::Tag(text.to_owned())),
            Err(_) => Err(StoreError::NotARelease(text.chars().take(80).collect())),
        }
    }
}

impl fmt::Display for ReleaseRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Number(number) => number.fmt(f),
            Self::Tag(tag) => f.write_str(tag),
        }
    }
}

fn is_tag(text: &str) -> bool {
    text != "latest"
        && text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
}

/// A release in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseSummary {
    pub manifest: Manifest,
    /// Ordered.
    pub tags: Vec<String>,
    /// Why it was yanked; none where it was not.
    pub yanked: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct TagFile {
    release: u64,
    at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct YankFile {
    reason: String,
    at: DateTime<Utc>,
}

impl Store {
    /// Publishes a release: the one step that shows. Whoever creates the number first has it.
    pub async fn publish(&self, manifest: Manifest) -> Result<Manifest, StoreError> {
        let number = manifest.number;
        let mut text = serde_json::to_vec(&v1::File::from(manifest.clone()))
            .map_err(|error| StoreError::Damaged { path: release_path(number), reason: error.to_string() })?;
        text.push(b'\n');
        match self.objects.create(&release_path(number), text).await? {
            true => Ok(manifest),
            false => Err(StoreError::Conflict(number)),
        }
    }

    /// Takes the content of an earlier release back, as a new one. What was ingested since is void: no build takes it.
    pub async fn rollback(&self, to: ReleaseNumber, build_id: &str, at: DateTime<Utc>) -> Result<Manifest, StoreError> {
        self.resolve(&ReleaseRef::Number(to)).await?;
        let newest = self.newest().await?.ok_or(StoreError::NoRelease)?;
        let mut release = self.manifest(to).await?;
        for pin in &mut release.sources {
            let Some(now) = newest.source(&pin.name) else { continue };
            let since = now.ingested.iter().filter(|name| !pin.ingested.contains(name));
            pin.void = now.void.iter().chain(since).cloned().collect::<BTreeSet<_>>().into_iter().collect();
        }
        release.number = newest.number.next();
        release.rollback_of = Some(to);
        release.created_at = at;
        build_id.clone_into(&mut release.build_id);
        // Numbers of features go on from the newest.
        release.versions = newest.versions;
        self.publish(release).await
    }

    /// The numbers of the releases that were not dropped, ascending.
    pub async fn release_numbers(&self) -> Result<Vec<ReleaseNumber>, StoreError> {
        let dropped = self.numbers("dropped").await?;
        Ok(self.written_releases().await?.into_iter().filter(|number| !dropped.contains(number)).collect())
    }

    /// The numbers of the releases whose data is there, dropped or not, ascending.
    pub(super) async fn written_releases(&self) -> Result<BTreeSet<ReleaseNumber>, StoreError> {
        self.numbers("releases").await
    }

    /// The highest release, yanked or not: what the next build builds on.
    pub async fn newest(&self) -> Result<Option<Manifest>, StoreError> {
        match self.release_numbers().await?.last() {
            Some(number) => Ok(Some(self.manifest(*number).await?)),
            None => Ok(None),
        }
    }

    /// The number that `reference` stands for now.
    pub async fn resolve(&self, reference: &ReleaseRef) -> Result<ReleaseNumber, StoreError> {
        match reference {
            ReleaseRef::Latest => {
                let yanked = self.numbers("yanked").await?;
                let numbers = self.release_numbers().await?;
                numbers.into_iter().rev().find(|number| !yanked.contains(number)).ok_or(StoreError::NoRelease)
            }
            ReleaseRef::Number(number) => {
                if let Some(tombstone) = self.tombstones().await?.get(number) {
                    return Err(StoreError::Dropped { release: *number, at: tombstone.at });
                }
                let known = self.release_numbers().await?.contains(number);
                if known { Ok(*number) } else { Err(StoreError::NoSuchRelease(*number)) }
            }
            ReleaseRef::Tag(tag) => {
                let path = tag_path(tag);
                let bytes = self.objects.read(&path).await?.ok_or_else(|| StoreError::NoSuchTag(tag.clone()))?;
                let file: TagFile = parse(&path, &bytes)?;
                ReleaseNumber::new(file.release).ok_or_else(|| damaged(&path, "its release is 0"))
            }
        }
    }

    /// What a release pins.
    pub async fn manifest(&self, number: ReleaseNumber) -> Result<Manifest, StoreError> {
        let path = release_path(number);
        let bytes = self.objects.read(&path).await?.ok_or(StoreError::NoSuchRelease(number))?;
        let format: v1::Format = parse(&path, &bytes)?;
        if format.format != v1::FORMAT {
            return Err(StoreError::FromTheFuture(path));
        }
        let file: v1::File = parse(&path, &bytes)?;
        file.try_into().map_err(|reason: String| damaged(&path, &reason))
    }

    /// All releases, ascending.
    pub async fn releases(&self) -> Result<Vec<ReleaseSummary>, StoreError> {
        let mut tags = self.tagged().await?;
        let mut releases = Vec::new();
        for number in self.release_numbers().await? {
            releases.push(ReleaseSummary {
                manifest: self.manifest(number).await?,
                tags: tags.remove(&number).unwrap_or_default(),
                yanked: self.yanked(number).await?,
            });
        }
        Ok(releases)
    }

    /// The tags of the releases that have any, ordered.
    pub(super) async fn tagged(&self) -> Result<BTreeMap<ReleaseNumber, Vec<String>>, StoreError> {
        let mut tags: BTreeMap<ReleaseNumber, Vec<String>> = BTreeMap::new();
        for (file, _) in self.objects.list("tags").await? {
            let path = format!("tags/{file}");
            let Some(bytes) = self.objects.read(&path).await? else { continue };
            let tag: TagFile = parse(&path, &bytes)?;
            let number = ReleaseNumber::new(tag.release).ok_or_else(|| damaged(&path, "its release is 0"))?;
            tags.entry(number).or_default().push(file.trim_end_matches(".json").to_owned());
        }
        Ok(tags)
    }

    /// Gives a release a name; the name moves if another release has it.
    pub async fn tag(&self, name: &str, number: ReleaseNumber, at: DateTime<Utc>) -> Result<(), StoreError> {
        if !is_tag(name) {
            return Err(StoreError::NotATag(name.to_owned()));
        }
        self.resolve(&ReleaseRef::Number(number)).await?;
        self.write_json(&tag_path(name), &TagFile { release: number.get(), at }).await
    }

    /// Takes a release out of `latest`. It stays readable by its number.
    pub async fn yank(&self, number: ReleaseNumber, reason: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.resolve(&ReleaseRef::Number(number)).await?;
        self.write_json(&yank_path(number), &YankFile { reason: reason.to_owned(), at }).await
    }

    async fn yanked(&self, number: ReleaseNumber) -> Result<Option<String>, StoreError> {
        let path = yank_path(number);
        match self.objects.read(&path).await? {
            Some(bytes) => Ok(Some(parse::<YankFile>(&path, &bytes)?.reason)),
            None => Ok(None),
        }
    }

    pub(super) async fn write_json(&self, path: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(value).map_err(|error| damaged(path, &error.to_string()))?;
        self.objects.write(path, bytes).await
    }

    /// The numbers that name files of a folder. Listings come in any order, so they are parsed and sorted.
    pub(super) async fn numbers(&self, folder: &str) -> Result<BTreeSet<ReleaseNumber>, StoreError> {
        let files = self.objects.list(folder).await?;
        let number = |file: &str| file.strip_suffix(".json").and_then(|n| n.parse().ok()).and_then(ReleaseNumber::new);
        Ok(files.iter().filter_map(|(file, _)| number(file)).collect())
    }
}

pub(super) fn release_path(number: ReleaseNumber) -> String {
    format!("releases/{number}.json")
}

fn tag_path(tag: &str) -> String {
    format!("tags/{tag}.json")
}

fn yank_path(number: ReleaseNumber) -> String {
    format!("yanked/{number}.json")
}

pub(super) fn parse<'a, T: Deserialize<'a>>(path: &str, bytes: &'a [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| damaged(path, &error.to_string()))
}

fn damaged(path: &str, reason: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}
