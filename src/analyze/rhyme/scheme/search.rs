//! Schemes that the evidence of a stanza speaks for, found line by line.

use super::process::State;
use super::{Evidence, Process, REACH, Scheme, WINDOW_LINES};

/// Schemes that are followed at a time.
const BEAM: usize = 8;

#[derive(Clone)]
struct Partial {
    state: State,
    /// As many as the state has are of this scheme.
    classes: [Class; WINDOW_LINES],
    log: f64,
}

impl Default for Partial {
    fn default() -> Partial {
        Partial { state: State::default(), classes: [Class::default(); WINDOW_LINES], log: 0.0 }
    }
}

/// What the pairs of a class say.
#[derive(Clone, Copy, Default)]
struct Class {
    /// The sum of their evidence, and how many were asked.
    sum: f32,
    asked: u16,
    /// What they count for: their mean, once for each line but the first.
    counted: f64,
}

/// A class for the next line of a partial scheme, and the log of the scheme then.
struct Step {
    log: f64,
    partial: usize,
    number: usize,
    class: Class,
}

/// The best schemes by the process and the evidence.
pub(super) fn beam(evidence: &Evidence, process: &Process) -> Vec<Scheme> {
    let mut beam = vec![Partial::default()];
    let mut next = beam.clone();
    let (mut steps, mut best): (Vec<Step>, Vec<(f64, usize)>) = (Vec::new(), Vec::new());
    for line in 0..evidence.lines() {
        steps.clear();
        for (number, partial) in beam.iter().enumerate() {
            partial.steps(number, line, evidence, process, &mut steps);
        }
        best.clear();
        best.extend(steps.iter().enumerate().map(|(at, step)| (step.log, at)));
        if best.len() > BEAM {
            best.select_nth_unstable_by(BEAM, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            best.truncate(BEAM);
        }
        next.resize(best.len(), Partial::default());
        for (partial, &(_, at)) in next.iter_mut().zip(&best) {
            if let Some(step) = steps.get(at)
                && let Some(before) = beam.get(step.partial)
            {
                partial.follow(before, step);
            }
        }
        std::mem::swap(&mut beam, &mut next);
    }
    beam.iter().map(|partial| partial.state.scheme().to_vec()).collect()
}

impl Partial {
    /// Becomes `before` with a line more.
    fn follow(&mut self, before: &Partial, step: &Step) {
        for (class, before) in self.classes.iter_mut().zip(&before.classes).take(before.state.classes()) {
            *class = *before;
        }
        if let Some(class) = self.classes.get_mut(step.number) {
            *class = step.class;
        }
        (self.state, self.log) = (before.state, step.log);
        self.state.take(step.number);
    }

    /// Adds every class that the line can have. `partial` is the scheme's own number.
    fn steps(&self, partial: usize, line: usize, evidence: &Evidence, process: &Process, steps: &mut Vec<Step>) {
        let mut choices = [(0, 0); REACH];
        let (mut count, mut total) = (0, 1.0);
        for (place, choice) in choices.iter_mut().zip(self.state.choices()) {
            *place = choice;
            count += 1;
            total += process.weight(choice.1);
        }
        let mut added = [(0.0f32, 0u16); WINDOW_LINES];
        for (earlier, &class) in self.state.scheme().iter().enumerate().skip(line.saturating_sub(REACH)) {
            if let Some((sum, pairs)) = added.get_mut(usize::from(class)) {
                *sum += evidence.pair(line, earlier);
                *pairs += 1;
            }
        }
        let base = self.log - total.ln();
        for &(number, weight) in choices.iter().take(count) {
            let held = self.classes.get(number).copied().unwrap_or_default();
            let (more, pairs) = added.get(number).copied().unwrap_or_default();
            let (sum, asked) = (held.sum + more, held.asked + pairs);
            let counted = f64::from(sum) / f64::from(asked.max(1)) * f64::from(self.state.size(number));
            let log = base + process.log_weight(weight) + (counted - held.counted);
            steps.push(Step { log, partial, number, class: Class { sum, asked, counted } });
        }
        steps.push(Step { log: base, partial, number: self.state.classes(), class: Class::default() });
    }
}
