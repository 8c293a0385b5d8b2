//! How the arms of an experiment compare. Keys were given to arms, so keys are what is compared: two verdicts of one key are
//! not two of two keys.

use std::collections::BTreeMap;

use sqlx::Row;

use super::{CONTROL, Experiment, ExperimentError, Experiments};
use crate::access::KeyId;
use crate::statistics::{Difference, Interval, Ratio, spread_p};

/// An experiment, running or ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub experiment: String,
    /// None of one that has ended.
    pub search: Option<String>,
    /// The arm that the others are compared with.
    pub control: String,
    pub arms: Vec<ArmReport>,
    /// How likely keys are divided so unlike the shares, or more, by chance: where it is little, something else than the hash
    /// decides who is in which arm, and the rest says nothing. None of an experiment that has ended.
    pub split_p: Option<f64>,
}

/// What was found by a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmReport {
    pub profile: String,
    /// Of all keys, as rhapsode.toml has it; none of an arm that it has no more.
    pub share: Option<f64>,
    /// Keys that searched or said something.
    pub keys: u64,
    pub searches: u64,
    pub verdicts: u64,
    pub relevant: u64,
    /// Relevant hits of those that something was said of.
    pub precision: Compared,
    /// Hits that were called relevant by search.
    pub found: Compared,
}

/// A rate of an arm, and how it differs from the control's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Compared {
    pub value: Option<f64>,
    /// Where it is with 95 % confidence; none of a single key.
    pub interval: Option<Interval>,
    pub difference: Option<Difference>,
}

/// What one key did in an arm.
#[derive(Clone, Copy, Debug, Default)]
struct OfKey {
    searches: u64,
    verdicts: u64,
    relevant: u64,
}

type Keys = BTreeMap<KeyId, OfKey>;

impl Experiments {
    /// The names of all experiments, running and ended.
    pub async fn names(&self) -> Result<Vec<String>, ExperimentError> {
        let select = "select experiment as name from experiment_searches
             union select experiment as name from feedback where experiment is not null";
        let rows = sqlx::query(select).fetch_all(self.state.pool()).await?;
        let mut names = rows.iter().map(|row| row.try_get("name")).collect::<Result<Vec<String>, _>>()?;
        names.extend(self.running.iter().map(|experiment| experiment.name.clone()));
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// How the arms of the experiment of that name compare.
    pub async fn report(&self, name: &str) -> Result<Report, ExperimentError> {
        let known = self.names().await?;
        if !known.iter().any(|known| known == name) {
            return Err(ExperimentError::Unknown { name: name.to_owned(), known });
        }
        let running = self.running.iter().find(|experiment| experiment.name == name);
        let arms = self.arms(name, running).await?;
        let control = if arms.contains_key(CONTROL) { Some(CONTROL) } else { arms.keys().next().map(String::as_str) };
        let control = control.unwrap_or_default().to_owned();
        let precision = rates(&arms, &control, Ratio::share_interval, |key| (key.relevant, key.verdicts));
        let found = rates(&arms, &control, Ratio::interval, |key| (key.relevant, key.searches));
        let of_arm = |(((profile, keys), precision), found): (((&String, &Keys), Compared), Compared)| {
            let sum = |of: fn(&OfKey) -> u64| keys.values().map(of).sum();
            ArmReport {
                profile: profile.clone(),
                share: running.and_then(|running| running.share(profile)),
                keys: keys.len() as u64,
                searches: sum(|key| key.searches),
                verdicts: sum(|key| key.verdicts),
                relevant: sum(|key| key.relevant),
                precision,
                found,
            }
        };
        let arms: Vec<ArmReport> = arms.iter().zip(precision).zip(found).map(of_arm).collect();
        Ok(Report {
            experiment: name.to_owned(),
            search: running.map(|running| running.search.clone()),
            control,
            split_p: running.and_then(|_| split(&arms)),
            arms,
        })
    }

    /// By profile and key what was searched and said: of every arm that there is or was.
    async fn arms(&self, name: &str, running: Option<&Experiment>) -> Result<BTreeMap<String, Keys>, ExperimentError> {
        let profiles = running.iter().flat_map(|running| &running.arms).map(|arm| arm.profile.clone());
        let mut arms: BTreeMap<String, Keys> = profiles.map(|profile| (profile, Keys::new())).collect();
        let select = "select profile, key_id, searches, cast(0 as bigint) as verdicts, cast(0 as bigint) as relevant
             from experiment_searches where experiment = $1
             union all select profile, key_id, cast(0 as bigint) as searches, count(*) as verdicts,
             cast(sum(case when verdict = 'relevant' then 1 else 0 end) as bigint) as relevant
             from feedback where experiment = $2 group by profile, key_id";
        for row in sqlx::query(select).bind(name).bind(name).fetch_all(self.state.pool()).await? {
            let key = KeyId::parse(&row.try_get::<String, _>("key_id")?);
            let key = key.ok_or(ExperimentError::Damaged("what was said of hits"))?;
            let of_key = arms.entry(row.try_get("profile")?).or_default().entry(key).or_default();
            of_key.searches += row.try_get::<i64, _>("searches")?.cast_unsigned();
            of_key.verdicts += row.try_get::<i64, _>("verdicts")?.cast_unsigned();
            of_key.relevant += row.try_get::<i64, _>("relevant")?.cast_unsigned();
        }
        Ok(arms)
    }
}

impl Experiment {
    /// Of all keys.
    fn share(&self, profile: &str) -> Option<f64> {
        let arm = self.arms.iter().find(|arm| arm.profile == profile)?;
        Some(arm.share / self.shares())
    }
}

/// A rate of each arm.
fn rates(
    arms: &BTreeMap<String, Keys>,
    control: &str,
    interval: fn(&Ratio) -> Option<Interval>,
    of: fn(&OfKey) -> (u64, u64),
) -> Vec<Compared> {
    let counts = |key: &OfKey| {
        let (counted, of) = of(key);
        (counted as f64, of as f64)
    };
    let ratios: Vec<Option<Ratio>> = arms.values().map(|keys| Ratio::of(keys.values().map(counts))).collect();
    let control = arms.keys().position(|profile| profile == control);
    let others = control.and_then(|at| ratios[at]);
    let of_arm = |(at, ratio): (usize, &Option<Ratio>)| {
        let Some(own) = ratio else { return Compared::default() };
        let others = others.filter(|_| control != Some(at));
        Compared {
            value: Some(own.value),
            interval: interval(own),
            difference: others.and_then(|others| own.less(&others)),
        }
    };
    ratios.iter().enumerate().map(of_arm).collect()
}

/// Whether keys are divided as they were to be; none where an arm has no share.
fn split(arms: &[ArmReport]) -> Option<f64> {
    let shares: Vec<f64> = arms.iter().map(|arm| arm.share).collect::<Option<_>>()?;
    let keys: Vec<f64> = arms.iter().map(|arm| arm.keys as f64).collect();
    spread_p(&keys, &shares)
}
