//! How well a ranking answers queries whose answers are known.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::GoldError;
use super::bootstrap::{Interval, generator, interval};
use super::gold::{read_text, rows};

/// Hits that nDCG, precision and the reciprocal rank look at.
const TOP: usize = 10;

/// Hits that recall looks at.
const DEPTH: usize = 100;

/// Draws of the test of significance.
const DRAWS: usize = 10_000;

/// A query and what answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    pub id: String,
    pub text: String,
    /// By the key of what was judged: how well it answers, 0 for not at all.
    pub judgements: BTreeMap<String, f64>,
}

/// What a ranking does for one query.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Discounted cumulative gain of the first ten as a share of the best possible (Järvelin & Kekäläinen 2002), the gain
    /// being the judgement.
    pub ndcg: f64,
    /// One by the rank of the first that answers, among the first ten.
    pub reciprocal_rank: f64,
    /// Share of what answers among the first hundred.
    pub recall: f64,
    /// Share of the first ten that answers.
    pub precision: f64,
}

/// One figure over all queries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    pub value: f64,
    pub interval: Interval,
}

impl Quality {
    /// Of the keys of hits, the best first.
    pub fn of(ranked: &[String], judgements: &BTreeMap<String, f64>) -> Self {
        let gain = |key: &String| judgements.get(key).copied().unwrap_or_default().max(0.0);
        let discounted = |(index, gain): (usize, f64)| gain / (index as f64 + 2.0).log2();
        let mut best: Vec<f64> = judgements.values().copied().filter(|gain| *gain > 0.0).collect();
        best.sort_by(|a, b| b.total_cmp(a));
        let answers = best.len() as f64;
        if best.is_empty() {
            return Self::default();
        }
        let ideal: f64 = best.into_iter().take(TOP).enumerate().map(discounted).sum();
        let gained: f64 = ranked.iter().take(TOP).map(gain).enumerate().map(discounted).sum();
        let first = ranked.iter().take(TOP).position(|key| gain(key) > 0.0);
        let found = |depth: usize| ranked.iter().take(depth).filter(|key| gain(key) > 0.0).count() as f64;
        Self {
            ndcg: gained / ideal,
            reciprocal_rank: first.map(|index| 1.0 / (index as f64 + 1.0)).unwrap_or_default(),
            recall: found(DEPTH) / answers,
            precision: found(TOP) / TOP as f64,
        }
    }
}

impl Mean {
    /// With its interval by the bootstrap over queries.
    pub fn of(values: &[f64]) -> Self {
        let units: Vec<(f64, f64)> = values.iter().map(|value| (*value, 1.0)).collect();
        let mean = |(sum, count): &(f64, f64)| sum / count.max(1.0);
        let add = |sum: &mut (f64, f64), unit: &(f64, f64)| *sum = (sum.0 + unit.0, sum.1 + unit.1);
        let value = values.iter().sum::<f64>() / values.len().max(1) as f64;
        Self { value, interval: interval(&units, add, mean) }
    }
}

/// How likely two rankings of the same queries would differ by so much in the mean, or by more, if they were alike: the
/// randomisation test (Smucker, Allan & Carterette 2007). By a generator with a fixed seed.
pub fn significance(a: &[f64], b: &[f64]) -> f64 {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let observed = differences.iter().sum::<f64>().abs();
    let mut draw = generator();
    let as_extreme = (0..DRAWS).filter(|_| {
        let flipped: f64 =
            differences.iter().map(|difference| if draw() & 1 == 0 { *difference } else { -difference }).sum();
        flipped.abs() >= observed - 1e-12
    });
    (as_extreme.count() + 1) as f64 / (DRAWS + 1) as f64
}

#[derive(Deserialize)]
struct QueryRow {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

/// The queries of `queries` that have judgements in `qrels`, each in the layout of BEIR (JSON Lines with `_id` and `text`; a
/// table with a header) or of TREC (`id<TAB>text`; `query 0 document grade`).
pub fn read_topics(queries: &Path, qrels: &Path) -> Result<Vec<Topic>, GoldError> {
    let texts: Vec<(String, String)> = match read_text(queries)?.trim_start().starts_with('{') {
        true => rows::<QueryRow>(queries)?.into_iter().map(|row| (row.id, row.text)).collect(),
        false => of_lines(queries, &|line| {
            let (id, text) = line.split_once('\t')?;
            Some((id.trim().to_owned(), text.trim().to_owned()))
        })?,
    };
    let judged = of_lines(qrels, &|line| {
        // Between tabs a document's name may have blanks.
        let fields: Vec<&str> = match line.contains('\t') {
            true => line.split('\t').map(str::trim).collect(),
            false => line.split_whitespace().collect(),
        };
        match fields.as_slice() {
            [query, document, grade] | [query, _, document, grade] => {
                Some(((*query).to_owned(), (*document).to_owned(), grade.parse::<f64>().ok()?))
            }
            _ => None,
        }
    })?;
    let mut judgements: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for (query, document, grade) in judged {
        judgements.entry(query).or_default().insert(document, grade);
    }
    let topic = |(id, text): (String, String)| Some(Topic { judgements: judgements.remove(&id)?, id, text });
    Ok(texts.into_iter().filter_map(topic).collect())
}

/// What `read` makes of each line; the first may be a header.
fn of_lines<T>(file: &Path, read: &dyn Fn(&str) -> Option<T>) -> Result<Vec<T>, GoldError> {
    let text = read_text(file)?;
    let mut of_lines = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match read(line) {
            Some(one) => of_lines.push(one),
            None if index == 0 => {}
            None => {
                let reason = "this is neither the layout of BEIR nor that of TREC".to_owned();
                return Err(GoldError::Malformed { file: file.to_owned(), line: index + 1, reason });
            }
        }
    }
    Ok(of_lines)
}
