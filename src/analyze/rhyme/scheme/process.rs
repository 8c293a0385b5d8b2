//! A scheme as a process: line by line, a new class or one that is already there.

use super::REACH;

/// Distances from the last line of a class that are told apart: 1 to 6, and more.
const DISTANCES: usize = 7;
/// Lines of a class that are told apart: 1, 2, and more.
const SIZES: usize = 3;
/// What the line before did: began a class, joined one 1, 2, or more lines back.
const STEPS: usize = 4;
pub(crate) const WEIGHTS: usize = DISTANCES * SIZES * STEPS;

/// How likely a line joins each class, relative to beginning one: weight 1.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    weights: [f32; WEIGHTS],
    logs: [f64; WEIGHTS],
}

/// What a scheme so far says of its next line.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// The class of each line; of those in [`REACH`] before the next, a bit a class.
    scheme: [u8; super::WINDOW_LINES],
    near: u64,
    /// The last line of each class, and its lines.
    last: [u8; super::WINDOW_LINES],
    size: [u8; super::WINDOW_LINES],
    classes: usize,
    lines: usize,
    step: usize,
}

impl Default for State {
    fn default() -> State {
        const NONE: [u8; super::WINDOW_LINES] = [0; super::WINDOW_LINES];
        State { scheme: NONE, near: 0, last: NONE, size: NONE, classes: 0, lines: 0, step: 0 }
    }
}

impl State {
    #[inline]
    pub(super) fn classes(&self) -> usize {
        self.classes
    }

    #[inline]
    pub(super) fn size(&self, class: usize) -> u8 {
        self.size.get(class).copied().unwrap_or(0)
    }

    /// Which weight holds for joining the class; none where it is out of reach.
    #[inline]
    fn weight(&self, class: usize) -> Option<usize> {
        let distance = self.lines.checked_sub(usize::from(*self.last.get(class)?))?;
        if distance > REACH || class >= self.classes {
            return None;
        }
        let size = usize::from(self.size(class)).clamp(1, SIZES) - 1;
        Some((self.step * SIZES + size) * DISTANCES + distance.clamp(1, DISTANCES) - 1)
    }

    /// The classes of the lines so far.
    #[inline]
    pub(super) fn scheme(&self) -> &[u8] {
        self.scheme.get(..self.lines).unwrap_or(&self.scheme)
    }

    /// The classes that the next line may join, in their order, each with the number of its weight.
    #[inline]
    pub(super) fn choices(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut near = self.near;
        let next = std::iter::from_fn(move || {
            let class = near.trailing_zeros() as usize;
            near &= near.checked_sub(1)?;
            Some(class)
        });
        next.filter_map(|class| Some((class, self.weight(class)?)))
    }

    /// The next line has this class; a new one where there is none of that number.
    #[inline]
    pub(super) fn take(&mut self, class: usize) {
        let class = class.min(self.classes);
        let distance = self.last.get(class).map_or(0, |&last| self.lines.saturating_sub(usize::from(last)));
        self.step = if class == self.classes { 0 } else { distance.clamp(1, STEPS - 1) };
        if let (Some(last), Some(size)) = (self.last.get_mut(class), self.size.get_mut(class)) {
            *last = u8::try_from(self.lines).unwrap_or(u8::MAX);
            *size = size.saturating_add(1);
            self.near |= 1 << class;
        }
        if let Some(place) = self.scheme.get_mut(self.lines) {
            *place = u8::try_from(class).unwrap_or(u8::MAX);
        }
        self.classes = self.classes.max(class + 1);
        self.lines += 1;
        self.leave_behind();
    }

    /// The class whose last line is out of reach from now on.
    fn leave_behind(&mut self) {
        let Some(line) = self.lines.checked_sub(REACH + 1) else { return };
        let Some(&class) = self.scheme.get(line) else { return };
        if self.last.get(usize::from(class)).is_some_and(|&last| usize::from(last) == line) {
            self.near &= !(1 << class);
        }
    }
}

impl Process {
    pub(crate) fn new(weights: [f32; WEIGHTS]) -> Process {
        Process { weights, logs: weights.map(|weight| f64::from(weight.max(1e-9)).ln()) }
    }

    #[inline]
    pub(super) fn log_weight(&self, number: usize) -> f64 {
        self.logs.get(number).copied().unwrap_or(f64::NEG_INFINITY)
    }

    #[inline]
    pub(super) fn weight(&self, number: usize) -> f64 {
        f64::from(self.weights.get(number).copied().unwrap_or(0.0))
    }

    /// The natural log of a scheme's probability among all schemes of as many lines.
    pub(super) fn log(&self, scheme: &[u8]) -> f64 {
        let mut state = State::default();
        let mut log = 0.0;
        for &class in scheme {
            let class = usize::from(class);
            let mut total = 1.0;
            let mut chosen = if class == state.classes() { 1.0 } else { 0.0f64 };
            for (other, number) in state.choices() {
                let weight = self.weight(number);
                total += weight;
                if other == class {
                    chosen = weight;
                }
            }
            log += (chosen.max(1e-9) / total).ln();
            state.take(class);
        }
        log
    }

    /// Learns from schemes, each with the weight that it has. Iterative scaling of the weights of a multinomial choice.
    pub(crate) fn fit(schemes: &[(Vec<u8>, f64)]) -> Process {
        /// Choices added to each weight, so that what was never seen stays possible: as many joins as this, and as many
        /// occasions as to make them rare.
        const JOINS: f64 = 0.02;
        let mut process = Process::new([0.2; WEIGHTS]);
        for _ in 0..30 {
            let mut joined = [JOINS; WEIGHTS];
            let mut expected = [JOINS; WEIGHTS];
            for (scheme, count) in schemes {
                let mut state = State::default();
                for &class in scheme {
                    let choices: Vec<(usize, usize)> = state.choices().collect();
                    let total = 1.0 + choices.iter().map(|&(_, number)| process.weight(number)).sum::<f64>();
                    for (other, number) in choices {
                        if let Some(expected) = expected.get_mut(number) {
                            *expected += count * process.weight(number) / total;
                        }
                        if other == usize::from(class)
                            && let Some(joined) = joined.get_mut(number)
                        {
                            *joined += count;
                        }
                    }
                    state.take(usize::from(class));
                }
            }
            for ((weight, joined), expected) in process.weights.iter_mut().zip(joined).zip(expected) {
                *weight = (f64::from(*weight) * joined / expected).clamp(1e-4, 1e3) as f32;
            }
        }
        Process::new(process.weights)
    }
}
