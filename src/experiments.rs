//! Experiments: by which profile each key searches, what people say of the hits, and how the arms of an experiment compare.
//!
//! An experiment is of one search, and gives each key one of its profiles by a hash: the same in every process, and for as long
//! as the experiment is written in rhapsode.toml. What is said of a hit is kept with the profile that it was found by.

mod feedback;
mod report;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use feedback::{Feedback, Judgement, Recorded, Verdict};
pub use report::{ArmReport, Compared, Report};

use crate::access::KeyId;
use crate::clock::Clock;
use crate::config::ExperimentConfig;
use crate::error::ErrorKind;
use crate::limits::FEEDBACK_OF_A_KEY_MAX;
use crate::state::{State, StateError};

/// The profile of requests that name none: what others are compared with.
const CONTROL: &str = "default";

/// The experiments of an installation, and all that was said of hits.
pub struct Experiments {
    state: State,
    clock: Arc<dyn Clock>,
    running: Vec<Experiment>,
    /// Searches that the state database does not have yet.
    searched: Mutex<BTreeMap<Arm, u64>>,
}

/// Profiles of one search that are compared, each with its share of the keys.
struct Experiment {
    name: String,
    search: String,
    arms: Vec<Share>,
}

struct Share {
    profile: String,
    share: f64,
}

/// The profile that an experiment gives to a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arm {
    pub experiment: String,
    pub profile: String,
    pub key: KeyId,
}

/// Why there is no experiment, or nothing is kept.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    #[error("the experiment `{experiment}` in rhapsode.toml: {reason}")]
    Config { experiment: String, reason: String },
    #[error("there is no experiment `{name}`{}", among(.known))]
    Unknown { name: String, known: Vec<String> },
    #[error("the key has said something of {FEEDBACK_OF_A_KEY_MAX} hits, which is as much as is kept of one")]
    TooMuch,
    #[error("{0} in the state database is damaged")]
    Damaged(&'static str),
    #[error(transparent)]
    State(#[from] StateError),
}

impl ExperimentError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Config { .. } => ErrorKind::Invalid,
            Self::Unknown { .. } => ErrorKind::NotFound,
            Self::TooMuch => ErrorKind::TooLarge,
            Self::Damaged(_) => ErrorKind::Internal,
            Self::State(error) => error.kind(),
        }
    }
}

impl From<sqlx::Error> for ExperimentError {
    fn from(error: sqlx::Error) -> Self {
        Self::State(error.into())
    }
}

fn among(known: &[String]) -> String {
    match known {
        [] => ", and none was there before".to_owned(),
        known => format!("; there is `{}`", known.join("`, `")),
    }
}

impl Experiments {
    /// The experiments that `config` has, over what is kept in `state`.
    pub fn open(
        config: &BTreeMap<String, ExperimentConfig>,
        state: State,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ExperimentError> {
        let running: Vec<Experiment> = config.iter().map(Experiment::new).collect::<Result<_, _>>()?;
        for (at, experiment) in running.iter().enumerate() {
            if let Some(other) = running[..at].iter().find(|other| other.search == experiment.search) {
                let reason = format!("`{}` is of the search `{}` too: end one of them", other.name, other.search);
                return Err(ExperimentError::Config { experiment: experiment.name.clone(), reason });
            }
        }
        Ok(Self { state, clock, running, searched: Mutex::default() })
    }

    /// Whether any search has an experiment.
    pub fn is_any_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// The experiments that are running, each with its search and each of its profiles.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.running.iter().flat_map(|Experiment { name, search, arms }| {
            arms.iter().map(|arm| (name.as_str(), search.as_str(), arm.profile.as_str()))
        })
    }

    /// The profile that `key` searches by, where an experiment of that search is running.
    pub fn arm(&self, search: &str, key: KeyId) -> Option<Arm> {
        let experiment = self.running.iter().find(|experiment| experiment.search == search)?;
        Some(Arm { experiment: experiment.name.clone(), profile: experiment.profile_of(key).to_owned(), key })
    }

    /// Counts searches of a key by the profile that it was given.
    pub fn count_searches(&self, arm: Arm, searches: u64) {
        let mut searched = self.searched.lock().unwrap_or_else(PoisonError::into_inner);
        *searched.entry(arm).or_default() += searches;
    }

    /// Writes down the searches that were counted since it was last called. What fails is written the next time.
    pub async fn write_searches(&self) -> Result<(), ExperimentError> {
        let searched = std::mem::take(&mut *self.searched.lock().unwrap_or_else(PoisonError::into_inner));
        if searched.is_empty() {
            return Ok(());
        }
        let written = self.write(&searched).await;
        if written.is_err() {
            searched.into_iter().for_each(|(arm, searches)| self.count_searches(arm, searches));
        }
        written
    }

    async fn write(&self, searched: &BTreeMap<Arm, u64>) -> Result<(), ExperimentError> {
        let add = "insert into experiment_searches (experiment, profile, key_id, searches) values ($1, $2, $3, $4)
             on conflict (experiment, profile, key_id) do update
             set searches = experiment_searches.searches + excluded.searches";
        let mut transaction = self.state.pool().begin().await?;
        for (Arm { experiment, profile, key }, searches) in searched {
            let add = sqlx::query(add).bind(experiment).bind(profile).bind(key.as_str()).bind(searches.cast_signed());
            add.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

impl Experiment {
    fn new((name, config): (&String, &ExperimentConfig)) -> Result<Self, ExperimentError> {
        let wrong = |reason: String| ExperimentError::Config { experiment: name.clone(), reason };
        let ExperimentConfig { search, arms } = config;
        if let Some((profile, _)) = arms.iter().find(|(_, share)| !share.is_finite() || **share <= 0.0) {
            return Err(wrong(format!("the share of `{profile}` is no number above 0")));
        }
        if arms.len() < 2 {
            return Err(wrong("it compares two profiles or more: arms = { default = 1, other = 1 }".to_owned()));
        }
        let arms = arms.iter().map(|(profile, share)| Share { profile: profile.clone(), share: *share }).collect();
        Ok(Self { name: name.clone(), search: search.clone(), arms })
    }

    /// The same for a key whenever and wherever it is asked, and independent of what other experiments give it.
    fn profile_of(&self, key: KeyId) -> &str {
        let hash = blake3::hash(format!("{}\0{key}", self.name).as_bytes());
        let first = hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        // 53 bits, as many as a double has.
        let mut place = (first >> 11) as f64 / (1_u64 << 53) as f64 * self.shares();
        for Share { profile, share } in &self.arms {
            if place < *share {
                return profile;
            }
            place -= share;
        }
        self.arms.last().map_or(CONTROL, |last| &last.profile)
    }

    fn shares(&self) -> f64 {
        self.arms.iter().map(|arm| arm.share).sum()
    }
}
