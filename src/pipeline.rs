//! The whole build on one screen.
//!
//! Its futures are boxed, so that what they hold is compiled here and not in each binary that awaits them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::clock::{Clock, Stopwatch};
use crate::compile::{Target, compile};
use crate::config::Config;
use crate::definition::{self, Diagnostics, LoadError};
use crate::error::ErrorKind;
use crate::materialize::{self, Built, MaterializeError, Plan, Progress, Settings};
use crate::name::Fingerprint;
use crate::store::{IncomingFile, Manifest, Store, StoreError};

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
    pub seconds: f64,
}

/// The definitions of `project`, compiled, and the digest of their files.
pub fn target(project: &Path) -> BoxFuture<'_, Result<(Target, Fingerprint), BuildError>> {
    compiled(project).boxed()
}

async fn compiled(project: &Path) -> Result<(Target, Fingerprint), BuildError> {
    let files = definition::load(project)?;
    let (definitions, diagnostics) = definition::parse(&files);
    let target = compile(&definitions, diagnostics).await.map_err(BuildError::Definitions)?;
    let digest = Fingerprint::of(files.iter().flat_map(|file| [file.path.as_bytes(), file.text.as_bytes()]));
    Ok((target, digest))
}

/// What a build would do.
pub async fn plan(store: &Store, target: &Target) -> Result<(Plan, Option<Manifest>), BuildError> {
    let newest = store.newest().await?;
    let incoming = incoming(store, target).await?;
    Ok((materialize::plan(target, newest.as_ref(), &incoming), newest))
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
    let settings = Settings { memory_bytes: 0, build_id: newest.build_id.clone() };
    let nobody: Progress = Arc::new(|_| {});
    let kept = materialize::run(store, target, plan, &settings, &nobody).await?;
    let about = (newest.build_id.clone(), newest.created_at, newest.definitions);
    Ok(!newest.same_content(&materialize::manifest(target, plan, &kept, Some(newest), about)))
}

/// Brings the store in line with the definitions of `project`, and publishes a release where anything changed.
pub fn build<'a>(
    project: &'a Path,
    config: &'a Config,
    store: &'a Store,
    clock: &'a dyn Clock,
    progress: &'a Progress,
) -> BoxFuture<'a, Result<Report, BuildError>> {
    run(project, config, store, clock, progress).boxed()
}

async fn run(
    project: &Path,
    config: &Config,
    store: &Store,
    clock: &dyn Clock,
    progress: &Progress,
) -> Result<Report, BuildError> {
    let watch = Stopwatch::start();
    let (target, digest) = target(project).await?;
    let (plan, newest) = plan(store, &target).await?;
    let build_id = uuid::Uuid::new_v4().simple().to_string();
    let settings = Settings { memory_bytes: config.build.memory_mib << 20, build_id: build_id.clone() };
    let built = materialize::run(store, &target, &plan, &settings, progress).await?;
    let release = materialize::manifest(&target, &plan, &built, newest.as_ref(), (build_id, clock.now(), digest));
    let (release, published) = match newest {
        Some(newest) if newest.same_content(&release) => (newest, false),
        _ => (store.publish(release).await?, true),
    };
    Ok(Report { release, published, plan, built, seconds: watch.seconds() })
}

async fn incoming(store: &Store, target: &Target) -> Result<BTreeMap<String, Vec<IncomingFile>>, StoreError> {
    let mut incoming = BTreeMap::new();
    for source in &target.sources {
        incoming.insert(source.name.to_string(), store.incoming(source.name.as_str()).await?);
    }
    Ok(incoming)
}
