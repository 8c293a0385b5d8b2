//! The whole build on one screen.
//!
//! Its futures are boxed, so that what they hold is compiled here and not in each binary that awaits them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use tracing::Instrument;

use crate::clock::{Clock, Stopwatch};
use crate::compile::{Target, compile};
use crate::config::Config;
use crate::definition::{self, Diagnostics, LoadError};
use crate::engine::Resources;
use crate::error::ErrorKind;
use crate::limits::PLANNING_MEMORY_BYTES;
use crate::materialize::{self, Built, Event, MaterializeError, Plan, Progress, Settings, Work};
use crate::name::{Fingerprint, ReleaseNumber};
use crate::store::{Freed, IncomingFile, LeaseTerms, Manifest, Retention, Store, StoreError};
use crate::telemetry::span;

/// Why a build published nothing.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("{} in the definitions", count(.0))]
    Definitions(Diagnostics),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Materialize(#[from] MaterializeError),
}

impl BuildError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Definitions(_) => ErrorKind::Invalid,
            Self::Load(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Materialize(error) => error.kind(),
        }
    }
}

fn count(diagnostics: &Diagnostics) -> String {
    match diagnostics.iter().len() {
        1 => "1 fault".to_owned(),
        faults => format!("{faults} faults"),
    }
}

/// What a build did.
#[derive(Debug)]
pub struct Report {
    /// The release that holds everything now.
    pub release: Manifest,
    /// Whether this build published it.
    pub published: bool,
    pub plan: Plan,
    pub built: Built,
    /// What was cleaned up.
    pub freed: Freed,
    pub seconds: f64,
}

/// The definitions of `project`, compiled, and the digest of their files.
pub fn target<'a>(
    project: &'a Path,
    resources: &'a Resources,
) -> BoxFuture<'a, Result<(Target, Fingerprint), BuildError>> {
    compiled(project, resources).boxed()
}

async fn compiled(project: &Path, resources: &Resources) -> Result<(Target, Fingerprint), BuildError> {
    let files = definition::load(project)?;
    let (definitions, diagnostics) = definition::parse(&files);
    let target = compile(&definitions, resources, diagnostics).await.map_err(BuildError::Definitions)?;
    let digest = Fingerprint::of(files.iter().flat_map(|file| [file.path.as_bytes(), file.text.as_bytes()]));
    Ok((target, digest))
}

/// What a build would do.
pub fn plan<'a>(
    store: &'a Store,
    target: &'a Target,
    as_of: Option<DateTime<Utc>>,
) -> BoxFuture<'a, Result<(Plan, Option<Manifest>), BuildError>> {
    planned(store, target, as_of).boxed()
}

async fn planned(
    store: &Store,
    target: &Target,
    as_of: Option<DateTime<Utc>>,
) -> Result<(Plan, Option<Manifest>), BuildError> {
    let newest = store.newest().await?;
    let incoming = incoming(store, target).await?;
    Ok((materialize::plan(target, newest.as_ref(), &incoming, as_of), newest))
}

/// The moment at which windows end: what was asked for, or that of the newest release as long as no events come.
fn end_of_windows(plan: &Plan, newest: Option<&Manifest>, asked: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    let come = plan.sources.iter().any(|step| step.source.timestamp_field.is_some() && step.work != Work::Keep);
    asked.or_else(|| newest.filter(|_| !come).map(|newest| newest.as_of))
}

/// Whether a build by `plan` publishes a release: data is written, or what describes it changed.
pub fn publishes<'a>(
    store: &'a Store,
    target: &'a Target,
    plan: &'a Plan,
    newest: Option<&'a Manifest>,
) -> BoxFuture<'a, Result<bool, BuildError>> {
    differs(store, target, plan, newest).boxed()
}

async fn differs(store: &Store, target: &Target, plan: &Plan, newest: Option<&Manifest>) -> Result<bool, BuildError> {
    let Some(newest) = newest.filter(|_| plan.is_empty()) else { return Ok(true) };
    // Nothing is written by such a plan: it opens what is pinned.
    let (as_of, build_id) = (Some(newest.as_of), newest.build_id.clone());
    let settings = Settings { memory_bytes: PLANNING_MEMORY_BYTES, as_of, build_id };
    let nobody: Progress = Arc::new(|_| {});
    let kept = materialize::run(store, target, plan, &settings, &nobody).await?;
    let about = (newest.build_id.clone(), newest.created_at, newest.definitions);
    Ok(!newest.same_content(&materialize::manifest(target, plan, &kept, Some(newest), about)))
}

/// Brings the store in line with the definitions of `project`, and publishes a release where anything changed.
pub fn build<'a>(
    project: &'a Path,
    config: &'a Config,
    resources: &'a Resources,
    store: &'a Store,
    clock: &'a dyn Clock,
    progress: &'a Progress,
    as_of: Option<DateTime<Utc>>,
) -> BoxFuture<'a, Result<Report, BuildError>> {
    run(project, config, resources, store, clock, progress, as_of).boxed()
}

async fn run(
    project: &Path,
    config: &Config,
    resources: &Resources,
    store: &Store,
    clock: &dyn Clock,
    progress: &Progress,
    as_of: Option<DateTime<Utc>>,
) -> Result<Report, BuildError> {
    let watch = Stopwatch::start();
    let (target, digest) = target(project, resources).await?;
    let build_id = uuid::Uuid::new_v4().simple().to_string();
    let lease = store.lease(&terms(config, &build_id), &|holder| progress(waiting(holder))).await?;
    let span = span!("build", build_id);
    let built = publish(config, store, clock, progress, Job { target, digest, build_id, as_of }).instrument(span).await;
    lease.release().await;
    Ok(Report { seconds: watch.seconds(), ..built? })
}

/// What a build needs to know once it has its lease.
struct Job {
    target: Target,
    digest: Fingerprint,
    build_id: String,
    as_of: Option<DateTime<Utc>>,
}

async fn publish(
    config: &Config,
    store: &Store,
    clock: &dyn Clock,
    progress: &Progress,
    Job { target, digest, build_id, as_of }: Job,
) -> Result<Report, BuildError> {
    let (plan, newest) = plan(store, &target, as_of).await?;
    let as_of = end_of_windows(&plan, newest.as_ref(), as_of);
    let settings = Settings { memory_bytes: config.build.memory_mib << 20, as_of, build_id: build_id.clone() };
    let built = materialize::run(store, &target, &plan, &settings, progress).await?;
    let release = materialize::manifest(&target, &plan, &built, newest.as_ref(), (build_id, clock.now(), digest));
    let (release, published) = match newest {
        Some(newest) if newest.same_content(&release) => (newest, false),
        _ => (store.publish(release).await?, true),
    };
    let freed = if config.gc.after_build { tidied(config, store, clock).await } else { Freed::default() };
    Ok(Report { release, published, plan, built, freed, seconds: 0.0 })
}

/// Cleans up after a build, which has succeeded whatever becomes of this.
async fn tidied(config: &Config, store: &Store, clock: &dyn Clock) -> Freed {
    let (retention, now) = (retention(config), clock.now());
    let freed = match store.has_garbage(retention, now).await {
        Ok(true) => store.collect_garbage(retention, now, false).await,
        Ok(false) => Ok(Freed::default()),
        Err(error) => Err(error),
    };
    freed.unwrap_or_else(|error| {
        tracing::warn!(%error, "the release is published, but cleaning up failed; `rhapsode gc` does it again");
        Freed::default()
    })
}

/// Frees what releases that are not kept hold; only says what it would free where it is `dry`.
pub fn collect_garbage<'a>(
    config: &'a Config,
    store: &'a Store,
    clock: &'a dyn Clock,
    progress: &'a Progress,
    dry: bool,
) -> BoxFuture<'a, Result<Freed, StoreError>> {
    collected(config, store, clock, progress, dry).boxed()
}

async fn collected(
    config: &Config,
    store: &Store,
    clock: &dyn Clock,
    progress: &Progress,
    dry: bool,
) -> Result<Freed, StoreError> {
    let holder = format!("gc {}", uuid::Uuid::new_v4().simple());
    let lease = store.lease(&terms(config, &holder), &|holder| progress(waiting(holder))).await?;
    let freed = store.collect_garbage(retention(config), clock.now(), dry).await;
    lease.release().await;
    freed
}

/// Publishes the content of an earlier release as a new one.
pub fn rollback<'a>(
    config: &'a Config,
    store: &'a Store,
    clock: &'a dyn Clock,
    progress: &'a Progress,
    to: ReleaseNumber,
) -> BoxFuture<'a, Result<Manifest, StoreError>> {
    rolled_back(config, store, clock, progress, to).boxed()
}

async fn rolled_back(
    config: &Config,
    store: &Store,
    clock: &dyn Clock,
    progress: &Progress,
    to: ReleaseNumber,
) -> Result<Manifest, StoreError> {
    let build_id = uuid::Uuid::new_v4().simple().to_string();
    let lease = store.lease(&terms(config, &build_id), &|holder| progress(waiting(holder))).await?;
    let release = store.rollback(to, &build_id, clock.now()).await;
    lease.release().await;
    release
}

fn terms(config: &Config, holder: &str) -> LeaseTerms {
    LeaseTerms { holder: holder.to_owned(), lasts: Duration::from_secs(config.build.lease_seconds.max(1)) }
}

fn retention(config: &Config) -> Retention {
    let grace = TimeDelta::seconds(i64::from(config.gc.grace_seconds));
    Retention { releases: config.gc.keep_releases, grace }
}

fn waiting(holder: &str) -> Event {
    Event::Waiting { holder: holder.to_owned() }
}

async fn incoming(store: &Store, target: &Target) -> Result<BTreeMap<String, Vec<IncomingFile>>, StoreError> {
    let mut incoming = BTreeMap::new();
    for source in &target.sources {
        incoming.insert(source.name.to_string(), store.incoming(source.name.as_str()).await?);
    }
    Ok(incoming)
}
