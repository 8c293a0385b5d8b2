//! Logistic regression on features that hold or do not.

use hashbrown::HashMap;

/// Prior precision of each weight but the first: of a pair of unlike outcomes per feature, about.
pub const RIDGE: f64 = 1.0;
const STEPS: usize = 12;

/// Pairs that have the same features: how many rhyme and how many do not, by author.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    counts: HashMap<Vec<u16>, Vec<[f64; 2]>>,
    authors: usize,
}

impl Patterns {
    pub fn new(authors: usize) -> Patterns {
        Patterns { counts: HashMap::new(), authors }
    }

    pub fn add(&mut self, author: usize, features: &[u16], rhymes: bool) {
        let authors = self.authors;
        let counts = self.counts.entry_ref(features).or_insert_with(|| vec![[0.0; 2]; authors]);
        if let Some(count) = counts.get_mut(author).and_then(|counts| counts.get_mut(usize::from(rhymes))) {
            *count += 1.0;
        }
    }

    /// Ordered by features: features, pairs that do not rhyme and that do, of all authors but one.
    pub fn without(&self, author: Option<usize>) -> Vec<(&[u16], [f64; 2])> {
        let sum = |counts: &Vec<[f64; 2]>| {
            let kept = counts.iter().enumerate().filter(|(at, _)| Some(*at) != author);
            kept.fold([0.0; 2], |sum, (_, count)| [sum[0] + count[0], sum[1] + count[1]])
        };
        let all = self.counts.iter().map(|(features, counts)| (features.as_slice(), sum(counts)));
        let mut kept: Vec<(&[u16], [f64; 2])> = all.filter(|(_, [no, yes])| no + yes > 0.0).collect();
        kept.sort_unstable_by_key(|(features, _)| *features);
        kept
    }
}

/// Weights by Newton's method, the base rate taken out: 0 says as much for a rhyme as against.
pub fn logistic(patterns: &[(&[u16], [f64; 2])], features: usize) -> Vec<f32> {
    let mut weights = vec![0.0f64; features];
    let [no, yes] = patterns.iter().fold([0.0; 2], |sum, (_, count)| [sum[0] + count[0], sum[1] + count[1]]);
    let base = (yes.max(1.0) / no.max(1.0)).ln();
    weights[0] = base;
    for _ in 0..STEPS {
        let mut gradient: Vec<f64> = weights.iter().map(|weight| RIDGE * weight).collect();
        gradient[0] = 0.0;
        let mut hessian = vec![0.0; features * features];
        for at in 0..features {
            hessian[at * features + at] = if at == 0 { 1e-6 } else { RIDGE };
        }
        for (active, [no, yes]) in patterns {
            let sum: f64 = active.iter().map(|&at| weights[usize::from(at)]).sum();
            let probability = 1.0 / (1.0 + (-sum).exp());
            let error = (no + yes) * probability - yes;
            let curve = (no + yes) * probability * (1.0 - probability);
            for &one in *active {
                gradient[usize::from(one)] += error;
                for &other in *active {
                    hessian[usize::from(one) * features + usize::from(other)] += curve;
                }
            }
        }
        solve(&mut hessian, &mut gradient, features);
        for (weight, step) in weights.iter_mut().zip(&gradient) {
            *weight -= step;
        }
    }
    weights[0] -= base;
    weights.into_iter().map(|weight| weight as f32).collect()
}

/// Solves a symmetric positive definite system in place, by Cholesky.
fn solve(matrix: &mut [f64], right: &mut [f64], size: usize) {
    for column in 0..size {
        for row in column..size {
            let (upper, lower) = matrix.split_at(row * size);
            let other = if row == column { &lower[..column] } else { &upper[column * size..column * size + column] };
            let dot: f64 = lower[..column].iter().zip(other).map(|(a, b)| a * b).sum();
            let value = matrix[row * size + column] - dot;
            matrix[row * size + column] =
                if row == column { value.max(1e-12).sqrt() } else { value / matrix[column * size + column] };
        }
    }
    for row in 0..size {
        let dot: f64 = (0..row).map(|at| matrix[row * size + at] * right[at]).sum();
        right[row] = (right[row] - dot) / matrix[row * size + row];
    }
    for row in (0..size).rev() {
        let dot: f64 = (row + 1..size).map(|at| matrix[at * size + row] * right[at]).sum();
        right[row] = (right[row] - dot) / matrix[row * size + row];
    }
}
