//! How likely each scheme is before a word is heard.

use hashbrown::HashMap;

use super::{Evidence, Process, Scheme, WINDOW_LINES};

/// What a scheme that is not in the table has in common with one that is: this much of the table's weight.
const UNSEEN_WEIGHT: f64 = 2.0;
/// Of that, the share of schemes that repeat a shorter one, as couplets and quatrains printed together do.
const PERIODIC_SHARE: f64 = 0.5;
/// Lines of a form that is repeated.
const PERIOD_LINES_MAX: usize = 8;

/// Stanzas in which no line rhymes: blank and free verse, prose set in lines. The corpus that the table is from holds
/// none, since it was gathered for its rhymes; this is a guess that costs nothing there.
const UNRHYMED_SHARE: f64 = 0.05;

/// Frequencies of whole schemes, and a process for those that were never seen.
#[derive(Clone, Debug)]
pub(crate) struct Prior {
    process: Process,
    by_lines: HashMap<usize, Forms>,
    laid_out: Vec<Vec<Known>>,
}

/// A known scheme, laid out so that its evidence is one sum.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) scheme: Scheme,
    /// The natural log of its probability.
    pub(super) log: f64,
    pairs: Vec<(u16, f32)>,
}

impl Known {
    fn new(scheme: Scheme, prior: &Prior) -> Known {
        Known { log: prior.log(&scheme), pairs: Evidence::weighed_pairs(&scheme), scheme }
    }

    pub(super) fn evidence(&self, evidence: &Evidence) -> f64 {
        evidence.sum(&self.pairs)
    }
}

#[derive(Clone, Debug, Default)]
struct Forms {
    counts: HashMap<Scheme, f64>,
    total: f64,
}

impl Prior {
    pub(crate) fn new(process: Process, counts: impl IntoIterator<Item = (Scheme, f64)>) -> Prior {
        let mut by_lines: HashMap<usize, Forms> = HashMap::new();
        for (scheme, count) in counts {
            let forms = by_lines.entry(scheme.len()).or_default();
            forms.total += count;
            *forms.counts.entry(scheme).or_default() += count;
        }
        let mut prior = Prior { process, by_lines, laid_out: Vec::new() };
        prior.laid_out = (0..=WINDOW_LINES).map(|lines| prior.lay_out(lines)).collect();
        prior
    }

    /// The known schemes of as many lines, in their order.
    pub(super) fn known(&self, lines: usize) -> &[Known] {
        self.laid_out.get(lines).map_or(&[], Vec::as_slice)
    }

    /// At most the share of schemes that are not known, as a natural log.
    pub(super) fn unseen_log(&self, lines: usize) -> f64 {
        let total = self.by_lines.get(&lines).map_or(0.0, |forms| forms.total);
        (UNSEEN_WEIGHT * (1.0 - PERIODIC_SHARE) / (total + UNSEEN_WEIGHT)).ln()
    }

    fn lay_out(&self, lines: usize) -> Vec<Known> {
        let mut schemes = self.candidates(lines);
        schemes.sort_unstable();
        schemes.dedup();
        schemes.into_iter().map(|scheme| Known::new(scheme, self)).collect()
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    /// The natural log of the probability of a scheme among those of as many lines.
    pub(super) fn log(&self, scheme: &[u8]) -> f64 {
        let forms = self.by_lines.get(&scheme.len());
        let (count, total) =
            forms.map_or((0.0, 0.0), |forms| (forms.counts.get(scheme).copied().unwrap_or(0.0), forms.total));
        let unseen = (1.0 - PERIODIC_SHARE) * self.process.log(scheme).exp() + PERIODIC_SHARE * self.periodic(scheme);
        let rhymed = (count + UNSEEN_WEIGHT * unseen) / (total + UNSEEN_WEIGHT);
        let unrhymed =
            if scheme.iter().enumerate().all(|(line, class)| line == usize::from(*class)) { 1.0 } else { 0.0 };
        ((1.0 - UNRHYMED_SHARE) * rhymed + UNRHYMED_SHARE * unrhymed).max(f64::MIN_POSITIVE).ln()
    }

    /// The schemes of the table, and shorter ones repeated.
    fn candidates(&self, lines: usize) -> Vec<Scheme> {
        let mut candidates: Vec<Scheme> =
            self.by_lines.get(&lines).into_iter().flat_map(|forms| forms.counts.keys().cloned()).collect();
        for period in periods(lines) {
            let forms = self.by_lines.get(&period).into_iter();
            candidates.extend(forms.flat_map(|forms| forms.counts.keys()).map(|form| repeated(form, lines)));
        }
        candidates.push((0..lines).filter_map(|line| u8::try_from(line).ok()).collect());
        candidates
    }

    /// The probability that a scheme arises by repeating one of the table, all periods being as likely.
    fn periodic(&self, scheme: &[u8]) -> f64 {
        let lines = scheme.len();
        let shares = periods(lines).filter_map(|period| {
            let (first, _) = scheme.split_at_checked(period)?;
            let forms = self.by_lines.get(&period)?;
            let count = forms.counts.get(first).copied()?;
            is_repeated(first, scheme).then_some(count / forms.total)
        });
        shares.sum::<f64>() / (periods(lines).count().max(1) as f64)
    }
}

fn periods(lines: usize) -> impl Iterator<Item = usize> {
    (2..=PERIOD_LINES_MAX.min(lines / 2)).filter(move |period| lines.is_multiple_of(*period))
}

fn repeated(form: &[u8], lines: usize) -> Scheme {
    let classes = form.iter().max().map_or(0, |class| class + 1);
    let class = |line: usize| {
        let (round, at) = (line / form.len().max(1), line % form.len().max(1));
        u8::try_from(round)
            .unwrap_or(u8::MAX)
            .saturating_mul(classes)
            .saturating_add(form.get(at).copied().unwrap_or(0))
    };
    (0..lines).map(class).collect()
}

fn is_repeated(form: &[u8], scheme: &[u8]) -> bool {
    repeated(form, scheme.len()) == scheme
}
