//! How common a word is in verse in general: the less common, the more it tells of a text.

use std::sync::LazyLock;

use hashbrown::HashMap;

/// Stems of verse in the public domain and how common each is: the logarithm to the base 2 of its occurrences in a
/// million words, rounded. Rarer ones are not listed. Made by `scripts/fit/theme.py`.
const BACKGROUND: &str = include_str!("background.tsv");

static RATES: LazyLock<HashMap<&str, u8>> = LazyLock::new(|| BACKGROUND.lines().filter_map(row).collect());

/// Of a stem that is not listed: eight in a million.
const RARE: u8 = 3;

/// Of a stem that tells nothing: one word in sixty.
const COMMON: u8 = 14;

/// 0 for a word as common as `the`, 1 for a rare one.
pub(super) fn informativeness(stem: &str) -> f64 {
    let rate = RATES.get(stem).copied().unwrap_or(RARE).clamp(RARE, COMMON);
    f64::from(COMMON - rate) / f64::from(COMMON - RARE)
}

fn row(line: &str) -> Option<(&str, u8)> {
    let (stem, rate) = line.split_once('\t')?;
    Some((stem, rate.parse().ok()?))
}
