//! `[tiers.NAME]`: what the keys of a tier may do, as it is written; and the tiers that are there without a word.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A tier.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TierConfig {
    /// `features`, `sql`, `download`, `search`, `analyze`, `insight`, `ingest`, `restricted`, `admin`.
    pub scopes: Vec<String>,
    /// How often: what lies in memory; statements, training sets and downloads; new texts; keys, tokens and rows.
    pub lookup: RateConfig,
    pub query: RateConfig,
    pub analyze: RateConfig,
    pub manage: RateConfig,
    /// Statements, downloads and analyses of one key at once.
    pub concurrent: usize,
    /// How much, by UTC day and month.
    pub daily: QuotaConfig,
    pub monthly: QuotaConfig,
}

/// How often.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateConfig {
    pub per_second: u32,
    /// How many at once.
    pub burst: u32,
}

/// How much; what is not named is not limited.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaConfig {
    pub requests: Option<u64>,
    /// Entities that lookups and training sets found.
    pub entities: Option<u64>,
    /// Rows that statements read.
    pub rows: Option<u64>,
    /// Bytes that were downloaded.
    pub bytes: Option<u64>,
    /// Texts analyzed or embedded.
    pub texts: Option<u64>,
    /// Tokens of models that are paid by them.
    pub tokens: Option<u64>,
}

impl RateConfig {
    const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }
}

/// Few, so that a tier is written with what it gives.
impl Default for RateConfig {
    fn default() -> Self {
        Self::new(1, 5)
    }
}

/// The tiers that are there without a word in the file.
pub(super) fn built_in() -> BTreeMap<String, TierConfig> {
    let reading = ["features", "sql", "download", "search", "analyze", "insight"];
    let scopes = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let tier = |scopes, lookup, work, concurrent, daily| TierConfig {
        scopes,
        lookup,
        query: work,
        analyze: work,
        manage: RateConfig::new(5, 20),
        concurrent,
        daily,
        monthly: QuotaConfig::default(),
    };
    let some = |entities, rows, bytes, texts, tokens| QuotaConfig {
        requests: None,
        entities: Some(entities),
        rows: Some(rows),
        bytes: Some(bytes),
        texts: Some(texts),
        tokens: Some(tokens),
    };
    let free = some(100_000, 10_000_000, 256 << 20, 1_000, 100_000);
    let research = some(10_000_000, 10_000_000_000, 64 << 30, 50_000, 10_000_000);
    let everything = [&reading[..], &["ingest", "restricted", "admin"]].concat();
    let free_scopes = ["features", "search", "analyze", "insight"];
    [
        ("free", tier(scopes(&free_scopes), RateConfig::new(20, 60), RateConfig::new(1, 5), 1, free)),
        ("research", tier(scopes(&reading), RateConfig::new(500, 1_000), RateConfig::new(5, 20), 2, research)),
        (
            "pro",
            tier(scopes(&reading), RateConfig::new(5_000, 10_000), RateConfig::new(50, 200), 8, Default::default()),
        ),
        (
            "operator",
            tier(scopes(&everything), RateConfig::new(5_000, 10_000), RateConfig::new(50, 200), 8, Default::default()),
        ),
    ]
    .map(|(name, tier)| (name.to_owned(), tier))
    .into()
}

pub(super) fn with_built_in<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, TierConfig>, D::Error> {
    let mut tiers = built_in();
    tiers.extend(BTreeMap::<String, TierConfig>::deserialize(deserializer)?);
    Ok(tiers)
}
