//! Schemes that the evidence of a stanza speaks for, found line by line.

use super::process::State;
use super::{Evidence, Process, REACH, Scheme, WINDOW_LINES};

/// Schemes that are followed at a time.
const BEAM: usize = 8;

#[derive(Clone)]
struct Partial {
    scheme: [u8; WINDOW_LINES],
    state: State,
    /// The sum of the evidence of the pairs of each class, and how many were asked.
    sums: [(f32, u16); WINDOW_LINES],
    log: f64,
}

/// The best schemes by the process and the evidence.
pub(super) fn beam(evidence: &Evidence, process: &Process) -> Vec<Scheme> {
    let start =
        Partial { scheme: [0; WINDOW_LINES], state: State::default(), sums: [(0.0, 0); WINDOW_LINES], log: 0.0 };
    let mut beam = vec![start];
    let mut steps: Vec<(f64, usize, usize, (f32, u16))> = Vec::new();
    for line in 0..evidence.lines() {
        steps.clear();
        for (number, partial) in beam.iter().enumerate() {
            partial.steps(line, evidence, process, |log, class, sum| steps.push((log, number, class, sum)));
        }
        if steps.len() > BEAM {
            steps.select_nth_unstable_by(BEAM, |a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
            steps.truncate(BEAM);
        }
        let next = steps.iter().filter_map(|&(log, number, class, sum)| {
            let mut partial = beam.get(number)?.clone();
            partial.log = log;
            *partial.sums.get_mut(class)? = sum;
            *partial.scheme.get_mut(line)? = u8::try_from(class).ok()?;
            partial.state.take(class);
            Some(partial)
        });
        beam = next.collect();
    }
    beam.iter().filter_map(|partial| partial.scheme.get(..evidence.lines()).map(<[u8]>::to_vec)).collect()
}

impl Partial {
    /// Every class that the line can have, with the log of the scheme then and the sum of the class.
    fn steps(&self, line: usize, evidence: &Evidence, process: &Process, mut step: impl FnMut(f64, usize, (f32, u16))) {
        let mut choices = [(0usize, 0usize); REACH];
        let mut count = 0;
        let mut total = 1.0;
        for (place, choice) in choices.iter_mut().zip(self.state.choices()) {
            *place = choice;
            count += 1;
            total += process.weight(choice.1);
        }
        let mut added = [(0.0f32, 0u16); WINDOW_LINES];
        let scheme = self.scheme.get(..line).unwrap_or_default();
        for (earlier, &class) in scheme.iter().enumerate().skip(line.saturating_sub(REACH)) {
            if let Some((sum, pairs)) = added.get_mut(usize::from(class)) {
                *sum += evidence.pair(earlier, line);
                *pairs += 1;
            }
        }
        let base = self.log - total.ln();
        for &(class, number) in choices.iter().take(count) {
            let (sum, asked) = self.sums.get(class).copied().unwrap_or_default();
            let (more, pairs) = added.get(class).copied().unwrap_or_default();
            let grown = (sum + more, asked + pairs);
            let size = f64::from(self.state.size(class));
            let mean = |(sum, pairs): (f32, u16)| f64::from(sum) / f64::from(pairs.max(1));
            let gain = mean(grown) * size - mean((sum, asked)) * (size - 1.0);
            step(base + process.log_weight(number) + gain, class, grown);
        }
        step(base, self.state.classes(), (0.0, 0));
    }
}
