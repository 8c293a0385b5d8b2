//! `rhapsode.toml` and the `RHAPSODE__*` variables: the only reader of the environment.

mod experiments;
mod models;
mod tiers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use experiments::ExperimentConfig;
pub use models::{BertConfig, ModelConfig, OpenaiConfig};
pub use tiers::{QuotaConfig, RateConfig, TierConfig};

use crate::error::ErrorKind;

/// The file that makes a folder a project.
pub const FILE: &str = "rhapsode.toml";

/// Every setting, with its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub store: StoreConfig,
    pub build: BuildConfig,
    pub gc: GcConfig,
    pub serve: ServeConfig,
    pub sql: SqlConfig,
    pub state: StateConfig,
    pub jobs: JobsConfig,
    pub access: AccessConfig,
    /// What keys may do, by the names that `rhapsode keys create --tier` takes. `free`, `research`, `pro` and `operator` are
    /// there; one that is written here replaces the one of that name.
    #[serde(deserialize_with = "tiers::with_built_in")]
    pub tiers: BTreeMap<String, TierConfig>,
    pub resources: ResourcesConfig,
    pub traces: TracesConfig,
    /// Embedding models beside the built-in `use`, by the names that definitions call them.
    pub models: BTreeMap<String, ModelConfig>,
    /// Profiles of searches that are tried on keys, by the names of the experiments.
    pub experiments: BTreeMap<String, ExperimentConfig>,
}

/// Where the data lives.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// A folder, relative to the project, or the URL of an object store: `s3://`, `gs://`, `az://`.
    pub url: String,
    /// Options of the object store, by the names that it gives them (`aws_region`, `aws_endpoint`, …).
    pub options: BTreeMap<String, String>,
}

/// What a build may use.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BuildConfig {
    /// MiB that the operators of one view may hold; sorts and aggregates spill to disk above it.
    pub memory_mib: usize,
    /// Seconds after which a builder that does not renew its lease counts as dead, so that the next one takes over.
    pub lease_seconds: u64,
}

/// What clean-up keeps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GcConfig {
    /// How many of the newest releases are kept; tagged ones are kept besides.
    pub keep_releases: usize,
    /// Seconds for which the data of a dropped release stays, for readers in flight.
    pub grace_seconds: u32,
    /// Whether each build cleans up after itself.
    pub after_build: bool,
}

/// How the API is served.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeConfig {
    /// Address of the API.
    pub listen: SocketAddr,
    /// Address of `/metrics`, apart from the API.
    pub metrics_listen: SocketAddr,
    /// Whether `serve --open` takes rows by `POST /api/ingest/{source}`, of whoever reaches it. With keys the scope `ingest`
    /// decides.
    pub ingest: bool,
    /// Seconds between two looks for rows to release, with `serve --watch`.
    pub watch_seconds: u64,
    /// MiB of answers of statements that are kept for whoever asks the same.
    pub cache_mib: usize,
    /// MiB of features and of vectors of searches that may be held in memory; those for which there is no room are read from their
    /// datasets.
    pub online_memory_mib: usize,
    /// MiB of rows that are remembered of features for which there was no room.
    pub online_cache_mib: usize,
    /// Encryption. Without it, a proxy in front should have some.
    pub tls: Option<TlsConfig>,
}

/// A certificate and its private key, as PEM files relative to the project. They are read again when they change.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl TlsConfig {
    /// The same with paths that are relative to `project` no more.
    pub fn within(&self, project: &Path) -> Self {
        Self { certificate: project.join(&self.certificate), key: project.join(&self.key) }
    }
}

/// Where traces go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// Where a collector takes OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`; without it nothing is traced.
    pub endpoint: Option<String>,
    /// The share of requests that are traced, from 0 to 1, where their callers have not decided it.
    pub sample_ratio: f64,
    pub service_name: String,
}

/// What a statement of a caller may use.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SqlConfig {
    /// Seconds.
    pub time_limit_seconds: u64,
    /// MiB, for all statements together.
    pub memory_mib: usize,
    /// Rows of one result.
    pub rows_max: usize,
    /// Processes that run statements, each with a release in memory. 0 runs them in the server's own: then whoever may send
    /// one can take its memory and its threads.
    pub workers: usize,
    /// The binary that they run; by default the server's own.
    pub worker: Option<PathBuf>,
}

/// What has to outlive a process and is no release: jobs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateConfig {
    /// A SQLite file, relative to the project, or the URL of a PostgreSQL database that several processes share:
    /// `postgres://user:password@host/database`.
    pub url: String,
    /// Connections at once.
    pub connections: u32,
}

/// Work in the background.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobsConfig {
    /// How many chunks a server works on at once; 0 leaves the work to other processes.
    pub workers: usize,
    /// Hours for which the results of a job stay after its end.
    pub keep_hours: u32,
}

/// Who may ask.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessConfig {
    /// A file with 64 hexadecimal digits, relative to the project, that all processes share; made where it is not there.
    /// Whoever loses it makes all keys anew.
    pub secret_file: PathBuf,
    /// Minutes for which a token from `POST /api/auth/token` is good.
    pub token_minutes: u32,
    /// Whom tokens are for, so that another installation with the same secret refuses them.
    pub audience: String,
}

/// Where the files lie that models and analyzers read: weights, dictionaries.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResourcesConfig {
    /// A folder; by default `rhapsode/resources` in the user's cache.
    pub folder: Option<PathBuf>,
}

impl ResourcesConfig {
    pub fn folder(&self) -> PathBuf {
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let cache = || std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).unwrap_or_default();
        self.folder.clone().unwrap_or_else(|| cache().join("rhapsode").join("resources"))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: Default::default(),
            build: Default::default(),
            gc: Default::default(),
            serve: Default::default(),
            sql: Default::default(),
            state: Default::default(),
            jobs: Default::default(),
            access: Default::default(),
            tiers: tiers::built_in(),
            resources: Default::default(),
            traces: Default::default(),
            models: Default::default(),
            experiments: Default::default(),
        }
    }
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self { secret_file: PathBuf::from("./secret"), token_minutes: 15, audience: "rhapsode".to_owned() }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: "./store".to_owned(), options: BTreeMap::new() }
    }
}

impl Default for BuildConfig {
    fn default() -> Self {
        Self { memory_mib: 2_048, lease_seconds: 10 }
    }
}

impl Default for GcConfig {
    fn default() -> Self {
        Self { keep_releases: 10, grace_seconds: 3_600, after_build: true }
    }
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics_listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
            ingest: false,
            watch_seconds: 2,
            cache_mib: 256,
            online_memory_mib: 4_096,
            online_cache_mib: 256,
            tls: None,
        }
    }
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self { endpoint: None, sample_ratio: 1.0, service_name: "rhapsode".to_owned() }
    }
}

impl Default for SqlConfig {
    fn default() -> Self {
        Self { time_limit_seconds: 30, memory_mib: 1_024, rows_max: 1_000_000, workers: 2, worker: None }
    }
}

impl Default for StateConfig {
    fn default() -> Self {
        Self { url: "./state.sqlite".to_owned(), connections: 8 }
    }
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self { workers: 1, keep_hours: 168 }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no `{FILE}` in `{folder}`; `rhapsode init` makes a project, `--project DIR` names one")]
    NoProject { folder: PathBuf },
    #[error("`{file}` cannot be read")]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{origin}: {message}")]
    Invalid { origin: String, message: String },
}

impl ConfigError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoProject { .. } => ErrorKind::NotFound,
            Self::Unreadable { .. } => ErrorKind::Unavailable,
            Self::Invalid { .. } => ErrorKind::Invalid,
        }
    }
}

impl Config {
    /// The configuration of the project in `folder`: its file, then the process's `RHAPSODE__*` variables on top.
    pub fn load(folder: &Path) -> Result<Self, ConfigError> {
        let file = folder.join(FILE);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ConfigError::NoProject { folder: folder.to_owned() });
            }
            Err(source) => return Err(ConfigError::Unreadable { file, source }),
        };
        Self::parse(&file.display().to_string(), &text, std::env::vars())
    }

    /// The configuration that `text` and `variables` say. A variable's path is cut at `__`: `RHAPSODE__SQL__ROWS_MAX`.
    pub fn parse(
        origin: &str,
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let invalid = |message: String| ConfigError::Invalid { origin: origin.to_owned(), message };
        // Once by itself, so that a mistake in the file is told with its line.
        toml::from_str::<Config>(text).map_err(|error| invalid(error.to_string()))?;
        let mut table: toml::Table = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let overrides: BTreeMap<String, String> =
            variables.into_iter().filter(|(name, _)| name.starts_with("RHAPSODE__")).collect();
        for (name, value) in &overrides {
            let path: Vec<String> = name["RHAPSODE__".len()..].split("__").map(str::to_ascii_lowercase).collect();
            set(&mut table, &path, value);
            Config::deserialize(table.clone()).map_err(|error| ConfigError::Invalid {
                origin: format!("variable `{name}`"),
                message: error.to_string().trim().to_owned(),
            })?;
        }
        Config::deserialize(table).map_err(|error| invalid(error.to_string()))
    }
}

/// A variable of the environment that a definition names; none where it is not set.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Puts `value` at `path`: as TOML where it is a number or a bool, as a string otherwise.
fn set(table: &mut toml::Table, path: &[String], value: &str) {
    let [parents @ .., last] = path else { return };
    let mut table = table;
    for parent in parents {
        let entry = table.entry(parent.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let toml::Value::Table(inner) = entry else { return };
        table = inner;
    }
    let number = value.parse::<i64>().map(toml::Value::Integer);
    let flag = value.parse::<bool>().map(toml::Value::Boolean);
    let value = number.or(flag).unwrap_or_else(|_| toml::Value::String(value.to_owned()));
    table.insert(last.clone(), value);
}
