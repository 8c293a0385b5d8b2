//! Tiers: what a key may do, and how often and how much.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::scope::{Scopes, UnknownScope};
use crate::config::{QuotaConfig, RateConfig, TierConfig};

/// Routes that cost about the same and share a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteClass {
    /// Microseconds: what lies in memory.
    Lookup,
    /// Up to seconds: statements, training sets, downloads.
    Query,
    /// Models and analyzers over new texts.
    Analyze,
    /// Keys, tokens, usage, rows into sources.
    Manage,
}

impl RouteClass {
    pub const ALL: [RouteClass; 4] = [Self::Lookup, Self::Query, Self::Analyze, Self::Manage];

    pub fn name(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Query => "query",
            Self::Analyze => "analyze",
            Self::Manage => "manage",
        }
    }
}

/// What is counted and limited by day and month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    Requests,
    /// Rows that lookups and training sets found.
    Entities,
    /// Rows that statements read.
    Rows,
    /// Of downloads.
    Bytes,
    /// Texts analyzed or embedded.
    Texts,
    /// Of models that are paid by the token.
    Tokens,
}

impl Unit {
    pub const ALL: [Unit; 6] = [Self::Requests, Self::Entities, Self::Rows, Self::Bytes, Self::Texts, Self::Tokens];

    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Entities => "entities",
            Self::Rows => "rows",
            Self::Bytes => "bytes",
            Self::Texts => "texts",
            Self::Tokens => "tokens",
        }
    }
}

/// How often: so many at once, then so many a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub per_second: NonZeroU32,
    pub burst: NonZeroU32,
}

/// How much in a period, by unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    day: [Option<u64>; Unit::ALL.len()],
    month: [Option<u64>; Unit::ALL.len()],
}

impl Quotas {
    pub fn daily(&self, unit: Unit) -> Option<u64> {
        self.day[unit as usize]
    }

    pub fn monthly(&self, unit: Unit) -> Option<u64> {
        self.month[unit as usize]
    }
}

/// What the keys of a tier may do.
#[derive(Debug)]
pub struct Tier {
    pub name: String,
    pub scopes: Scopes,
    rates: [Rate; RouteClass::ALL.len()],
    pub quotas: Quotas,
    /// Requests of [`RouteClass::Query`] and [`RouteClass::Analyze`] of one key that are worked on at once.
    pub concurrent: usize,
}

impl Tier {
    pub fn rate(&self, class: RouteClass) -> Rate {
        self.rates[class as usize]
    }

    fn resolve(name: &str, config: &TierConfig) -> Result<Self, UnknownScope> {
        let rate = |rate: RateConfig| Rate {
            per_second: NonZeroU32::new(rate.per_second).unwrap_or(NonZeroU32::MIN),
            burst: NonZeroU32::new(rate.burst.max(rate.per_second)).unwrap_or(NonZeroU32::MIN),
        };
        let TierConfig { scopes, lookup, query, analyze, manage, concurrent, daily, monthly } = config;
        Ok(Self {
            name: name.to_owned(),
            scopes: scopes.iter().map(|scope| scope.parse()).collect::<Result<_, _>>()?,
            rates: [lookup, query, analyze, manage].map(|config| rate(*config)),
            quotas: Quotas { day: amounts(daily), month: amounts(monthly) },
            concurrent: (*concurrent).max(1),
        })
    }
}

/// In the order of [`Unit::ALL`].
fn amounts(config: &QuotaConfig) -> [Option<u64>; Unit::ALL.len()] {
    let QuotaConfig { requests, entities, rows, bytes, texts, tokens } = *config;
    [requests, entities, rows, bytes, texts, tokens]
}

/// All tiers of an installation.
#[derive(Clone, Debug)]
pub struct Tiers(BTreeMap<String, Arc<Tier>>);

impl Tiers {
    pub fn new(config: &BTreeMap<String, TierConfig>) -> Result<Self, super::AccessError> {
        let tier = |(name, config): (&String, &TierConfig)| match Tier::resolve(name, config) {
            Ok(tier) => Ok((name.clone(), Arc::new(tier))),
            Err(error) => Err(super::AccessError::Tier { tier: name.clone(), reason: error.to_string() }),
        };
        Ok(Self(config.iter().map(tier).collect::<Result<_, _>>()?))
    }

    pub fn get(&self, name: &str) -> Option<&Arc<Tier>> {
        self.0.get(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
