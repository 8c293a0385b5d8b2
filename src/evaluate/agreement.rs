//! How far two judges of the same texts agree.

use std::collections::BTreeMap;

use super::bootstrap::{Interval, interval};

/// How far two judges agree, of the texts that both judge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Share of the texts that they give the same.
    pub share: f64,
    pub share_interval: Interval,
    /// Cohen's kappa (1960): agreement beyond that of judges who give each answer as often, but at random. 0 where chance
    /// alone explains all.
    pub kappa: f64,
    pub kappa_interval: Interval,
}

impl Agreement {
    /// By pairs of answers. The same pairs give the same intervals.
    pub fn of<T: Ord>(pairs: &[(T, T)]) -> Self {
        let mut numbers: BTreeMap<&T, usize> = BTreeMap::new();
        for answer in pairs.iter().flat_map(|(a, b)| [a, b]) {
            let next = numbers.len();
            numbers.entry(answer).or_insert(next);
        }
        let answers = numbers.len();
        let units: Vec<Vec<(usize, usize)>> = pairs.iter().map(|(a, b)| vec![(numbers[a], numbers[b])]).collect();
        let all: Vec<(usize, usize)> = units.iter().flatten().copied().collect();
        let add = |sum: &mut Vec<(usize, usize)>, unit: &Vec<(usize, usize)>| sum.extend(unit);
        Self {
            share: share(&all),
            share_interval: interval(&units, add, |pairs| share(pairs)),
            kappa: kappa(&all, answers),
            kappa_interval: interval(&units, add, |pairs| kappa(pairs, answers)),
        }
    }
}

fn share(pairs: &[(usize, usize)]) -> f64 {
    pairs.iter().filter(|(a, b)| a == b).count() as f64 / pairs.len().max(1) as f64
}

fn kappa(pairs: &[(usize, usize)], answers: usize) -> f64 {
    let (mut first, mut second) = (vec![0_usize; answers], vec![0_usize; answers]);
    for (a, b) in pairs {
        first[*a] += 1;
        second[*b] += 1;
    }
    let total = pairs.len() as f64;
    let by_chance: usize = first.iter().zip(&second).map(|(a, b)| a * b).sum();
    let by_chance = by_chance as f64 / (total * total).max(1.0);
    if by_chance < 1.0 { (share(pairs) - by_chance) / (1.0 - by_chance) } else { 0.0 }
}
