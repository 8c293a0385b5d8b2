//! What was found beside what is so.

/// Counts of what was found and is so, was found, is so.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts([u64; 3]);

impl Counts {
    /// The harmonic mean of precision and recall.
    pub fn f1(&self) -> f64 {
        let [both, found, truth] = self.0;
        2.0 * both as f64 / (found + truth).max(1) as f64
    }

    /// Of what was found, the share that is so; 1 where nothing was found.
    pub fn precision(&self) -> f64 {
        let [both, found, _] = self.0;
        if found == 0 { 1.0 } else { both as f64 / found as f64 }
    }

    /// Of what is so, the share that was found; 1 where nothing is.
    pub fn recall(&self) -> f64 {
        let [both, _, truth] = self.0;
        if truth == 0 { 1.0 } else { both as f64 / truth as f64 }
    }

    pub(super) fn count(&mut self, found: bool, truth: bool) {
        self.0.iter_mut().zip([found && truth, found, truth]).for_each(|(sum, holds)| *sum += u64::from(holds));
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }
}
