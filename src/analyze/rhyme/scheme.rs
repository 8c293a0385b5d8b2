//! Which lines of a stanza rhyme: the likeliest partition, by the sound of each pair and the schemes that poets use.

mod forms;
mod frequencies;
mod prior;
mod process;
mod russian;
mod search;

use std::sync::LazyLock;

pub(crate) use self::prior::Prior;
pub(crate) use self::process::Process;

/// Lines of a stanza that are solved at once; a longer one is cut.
pub(crate) const WINDOW_LINES: usize = 64;

/// Lines that lie farther apart are not compared: within one stanza no form of verse leaves a rhyme open so long.
pub(crate) const REACH: usize = 16;

/// The class of each line, counted from 0 in the order of their first lines. A line that rhymes with none is a class of
/// its own.
pub(crate) type Scheme = Vec<u8>;

/// The evidence on the pairs of lines of one stanza.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    lines: usize,
    /// Row by row; how much likelier the two ends are if the lines rhyme, as a natural logarithm.
    pairs: Vec<f32>,
}

impl Evidence {
    /// Of the first [`WINDOW_LINES`] lines, each pair within [`REACH`] asked once.
    pub(crate) fn of(lines: usize, mut log_odds: impl FnMut(usize, usize) -> f64) -> Evidence {
        let lines = lines.min(WINDOW_LINES);
        let mut pairs = vec![0.0; lines * lines];
        for later in 0..lines {
            for earlier in later.saturating_sub(REACH)..later {
                let value = log_odds(earlier, later) as f32;
                for at in [earlier * lines + later, later * lines + earlier] {
                    if let Some(pair) = pairs.get_mut(at) {
                        *pair = value;
                    }
                }
            }
        }
        Evidence { lines, pairs }
    }

    pub(crate) fn lines(&self) -> usize {
        self.lines
    }

    #[inline]
    fn pair(&self, one: usize, other: usize) -> f32 {
        self.pairs.get(one * self.lines + other).copied().unwrap_or(0.0)
    }

    /// What the pairs of a scheme say together.
    fn of_scheme(&self, scheme: &[u8]) -> f64 {
        self.sum(&Evidence::weighed_pairs(scheme))
    }

    fn sum(&self, pairs: &[(u16, f32)]) -> f64 {
        let value = |&(at, weight): &(u16, f32)| self.pairs.get(usize::from(at)).map_or(0.0, |pair| pair * weight);
        f64::from(pairs.iter().map(value).sum::<f32>())
    }

    /// The pairs of each class, with their weights. Of a class of `k` lines the mean of its pairs counts `k - 1` times:
    /// the pairs are not independent, since they follow from `k - 1` of them.
    fn weighed_pairs(scheme: &[u8]) -> Vec<(u16, f32)> {
        let mut asked = [0u16; WINDOW_LINES];
        let mut sizes = [0u16; WINDOW_LINES];
        let mut pairs = Vec::with_capacity(2 * scheme.len());
        for (later, &class) in scheme.iter().enumerate() {
            let near = scheme.iter().take(later).enumerate().skip(later.saturating_sub(REACH));
            let same = near.filter(|(_, other)| **other == class).map(|(earlier, _)| earlier);
            let before = pairs.len();
            pairs.extend(same.filter_map(|earlier| Some((u16::try_from(earlier * scheme.len() + later).ok()?, class))));
            if let (Some(asked), Some(size)) = (asked.get_mut(usize::from(class)), sizes.get_mut(usize::from(class))) {
                *asked += u16::try_from(pairs.len() - before).unwrap_or(0);
                *size += 1;
            }
        }
        let weigh = |(at, class): (u16, u8)| {
            let of_class = |counts: &[u16]| counts.get(usize::from(class)).copied().map_or(1.0, f32::from);
            (at, (of_class(&sizes) - 1.0) / of_class(&asked))
        };
        pairs.into_iter().map(weigh).collect()
    }

    /// About as much as any scheme could get: for each line the best pair with one before it.
    fn most(&self) -> f64 {
        let best = |later: usize| (0..later).map(|earlier| self.pair(earlier, later)).fold(0.0, f32::max);
        (0..self.lines).map(|later| f64::from(best(later))).sum()
    }
}

/// A scheme with its share of the probability of all that were weighed.
#[derive(Clone, Debug)]
pub(crate) struct Weighed {
    pub(crate) scheme: Scheme,
    /// Natural logs: of the probability before a word is heard, and of what the words say.
    prior: f64,
    evidence: f64,
    log: f64,
    share: f64,
}

impl Weighed {
    fn new(scheme: Scheme, prior: f64, evidence: f64) -> Weighed {
        Weighed { scheme, prior, evidence, log: prior + evidence, share: 0.0 }
    }
}

/// The schemes of one stanza that are worth a thought, the likeliest first, without regard to other stanzas.
pub(crate) fn alone(evidence: &Evidence, prior: &Prior) -> Vec<Weighed> {
    if evidence.lines() == 0 {
        return Vec::new();
    }
    let known = prior.known(evidence.lines());
    let heard: Vec<f64> = known.iter().map(|known| known.evidence(evidence)).collect();
    let logs = || known.iter().zip(&heard).map(|(known, heard)| known.log + heard);
    let best = logs().fold(f64::NEG_INFINITY, f64::max);
    let near = known.iter().zip(&heard).filter(|(known, heard)| known.log + **heard > best - LOG_RANGE);
    let mut weighed: Vec<Weighed> =
        near.map(|(known, &heard)| Weighed::new(known.scheme.clone(), known.log, heard)).collect();
    if best < evidence.most() + prior.unseen_log(evidence.lines()) + SEARCH_MARGIN {
        for scheme in search::beam(evidence, prior.process()) {
            if known.binary_search_by(|known| known.scheme.cmp(&scheme)).is_err() {
                let (before, heard) = (prior.log(&scheme), evidence.of_scheme(&scheme));
                weighed.push(Weighed::new(scheme, before, heard));
            }
        }
    }
    share(&mut weighed);
    weighed.truncate(CANDIDATES_MAX);
    weighed
}

/// Schemes of a stanza that are kept for the comparison with other stanzas.
const CANDIDATES_MAX: usize = 12;
/// A scheme that is less likely than the best by more than this, as a natural log, is not kept: no neighbours help it.
const LOG_RANGE: f64 = 14.0;
/// Schemes that are not known are searched for unless a known one is better by this than the best of them could be.
const SEARCH_MARGIN: f64 = 0.0;

/// How far the schemes of other stanzas of a text reach: of the weight of one, what is left a stanza further.
const NEIGHBOUR_DECAY: f64 = 0.85;
/// How much a neighbour weighs against what poets do in general.
const NEIGHBOUR_WEIGHT: f64 = 2.0;
/// Stanzas on either side that are asked.
const NEIGHBOURS_MAX: usize = 16;

/// The likeliest scheme of each stanza of one text: stanzas of as many lines tend to have the same scheme.
pub(crate) fn together(stanzas: &[Evidence], prior: &Prior) -> Vec<Scheme> {
    let mut weighed: Vec<Vec<Weighed>> = stanzas.iter().map(|evidence| alone(evidence, prior)).collect();
    if stanzas.len() < 2 {
        return best(weighed);
    }
    for _ in 0..2 {
        let before = weighed.clone();
        for (at, candidates) in weighed.iter_mut().enumerate() {
            let lines = candidates.first().map_or(0, |best| best.scheme.len());
            let near = before.iter().enumerate().skip(at.saturating_sub(NEIGHBOURS_MAX)).take(2 * NEIGHBOURS_MAX + 1);
            let alike = |of: &Vec<Weighed>| of.first().is_some_and(|best| best.scheme.len() == lines);
            let near = near.filter(|(other, of)| *other != at && alike(of));
            let near: Vec<(f64, &Vec<Weighed>)> = near.map(|(other, of)| (weight(other.abs_diff(at)), of)).collect();
            let total: f64 = 1.0 + near.iter().map(|(weight, _)| weight).sum::<f64>();
            for one in candidates.iter_mut() {
                let same = |of: &[Weighed]| of.iter().find(|other| other.scheme == one.scheme).map_or(0.0, |o| o.share);
                let shares: f64 = near.iter().map(|(weight, of)| weight * same(of)).sum();
                one.log = ((one.prior.exp() + shares) / total).max(f64::MIN_POSITIVE).ln() + one.evidence;
            }
            share(candidates);
        }
    }
    best(weighed)
}

/// How much a stanza that stands so many stanzas away weighs.
fn weight(distance: usize) -> f64 {
    (0..distance).fold(NEIGHBOUR_WEIGHT, |weight, _| weight * NEIGHBOUR_DECAY)
}

fn best(weighed: Vec<Vec<Weighed>>) -> Vec<Scheme> {
    weighed
        .into_iter()
        .map(|candidates| candidates.into_iter().next().map(|one| one.scheme).unwrap_or_default())
        .collect()
}

/// Orders by probability and fills in the shares.
fn share(weighed: &mut [Weighed]) {
    weighed.sort_by(|a, b| b.log.total_cmp(&a.log).then_with(|| a.scheme.cmp(&b.scheme)));
    let best = weighed.first().map_or(0.0, |best| best.log);
    let total: f64 = weighed.iter().map(|one| (one.log - best).exp()).sum();
    for one in weighed {
        one.share = (one.log - best).exp() / total;
    }
}

/// The forms that handbooks name, with how often each counts as seen.
pub(crate) fn named() -> impl Iterator<Item = (Scheme, f64)> {
    forms::all()
}

/// What the analyzer is shipped with for English, and for languages without frequencies of their own.
pub(super) fn prior() -> &'static Prior {
    static PRIOR: LazyLock<Prior> = LazyLock::new(|| shipped(frequencies::FREQUENCIES, frequencies::PROCESS));
    &PRIOR
}

/// The same for Russian.
pub(super) fn russian_prior() -> &'static Prior {
    static PRIOR: LazyLock<Prior> = LazyLock::new(|| shipped(russian::FREQUENCIES, russian::PROCESS));
    &PRIOR
}

fn shipped(frequencies: &[(&str, f32)], process: [f32; process::WEIGHTS]) -> Prior {
    let seen = frequencies.iter().map(|&(letters, count)| (classes(letters), f64::from(count)));
    Prior::new(Process::new(process), seen.chain(named()))
}

/// Classes by the order of their first lines, of a letter for each line.
fn classes(letters: &str) -> Scheme {
    let mut known: Vec<char> = Vec::new();
    let class = |letter: char| {
        let at = known.iter().position(|&one| one == letter).unwrap_or_else(|| {
            known.push(letter);
            known.len() - 1
        });
        u8::try_from(at).unwrap_or(u8::MAX)
    };
    letters.chars().map(class).collect()
}
