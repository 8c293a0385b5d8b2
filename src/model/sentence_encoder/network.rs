//! The network: n-grams of pieces, averaged, and dense layers over the average.
//!
//! A text of n pieces needs 1.7 million multiplications a piece where each n-gram is computed in its place. Here each
//! different n-gram of a batch is computed once, and of each matrix the share of each place in the n-gram by itself: what
//! pieces and n-grams have in common is not computed again. A text and its stanzas, and lines that come twice, cost
//! little more than once.

use hashbrown::HashMap;
use ndarray::{Array1, Array2, ArrayView1, s};

use super::weights::{BLOCKS, Dense, Norm, ORDERS, Weights};

/// Numbers of a branch for each piece.
const BRANCH: usize = 256;

/// What stands outside of a text.
const NONE: u32 = u32::MAX;

/// The places of an n-gram; shorter ones leave the last free.
type Places = [u32; 5];

pub(super) struct Network {
    weights: Weights,
    branches: Vec<[Convolution; 2]>,
}

/// A layer over n-grams: `max(0, W x + b) + x`, x its own piece.
struct Convolution {
    order: usize,
    left: usize,
    /// `[256, order * 256]`: the share of each place.
    shares: Array2<f32>,
    bias: Array1<f32>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl Network {
    pub(super) fn new(mut weights: Weights) -> Self {
        let layers = std::mem::take(&mut weights.branches);
        let convolution = |(order, left): (usize, usize), Dense { weight, bias }| {
            // The places stand above one another; beside one another they are one multiplication.
            let mut shares = Array2::zeros((BRANCH, order * BRANCH));
            for place in 0..order {
                let of_place = weight.slice(s![place * BRANCH..(place + 1) * BRANCH, ..]);
                shares.slice_mut(s![.., place * BRANCH..(place + 1) * BRANCH]).assign(&of_place);
            }
            Convolution { order, left, shares, bias }
        };
        let branches = ORDERS
            .into_iter()
            .zip(layers)
            .map(|(order, layers)| layers.map(|layer| convolution(order, layer)))
            .collect();
        Self { weights, branches }
    }

    /// The vectors of `texts`, behind one another: each of length 1. A text is its pieces, and has at least one.
    pub(super) fn embed(&self, texts: &[Vec<u32>]) -> Vec<f32> {
        let (pieces, sequences) = distinct(texts);
        let embedded = self.embedded(&pieces);
        let mut projected = embedded.dot(&self.weights.projection.weight) + &self.weights.projection.bias;
        self.normalise_rows(&mut projected, &self.weights.projection_norm);
        let branches: Vec<(Array2<f32>, Vec<Vec<u32>>)> = (0..self.branches.len())
            .map(|branch| {
                let units = projected.slice(s![.., branch * BRANCH..(branch + 1) * BRANCH]).to_owned();
                let [first, second] = &self.branches[branch];
                let (units, sequences) = first.apply(&units, &sequences);
                second.apply(&units, &sequences)
            })
            .collect();
        let sums = self.summed(&embedded, &sequences, &branches);
        let lengths = sequences.iter().map(|sequence| sequence.len() as f32);
        self.dense(sums, &lengths.collect())
    }

    /// The table's rows of `pieces`, as numbers.
    fn embedded(&self, pieces: &[u32]) -> Array2<f32> {
        let Weights { table, scale, low, .. } = &self.weights;
        let mut embedded = Array2::zeros((pieces.len(), table.ncols()));
        for (mut row, piece) in embedded.rows_mut().into_iter().zip(pieces) {
            let piece = *piece as usize;
            let (scale, low) = (scale[piece % BLOCKS], low[piece % BLOCKS]);
            row.zip_mut_with(&table.row(piece), |number, byte| *number = f32::from(*byte) * scale + low);
        }
        embedded
    }

    fn normalise_rows(&self, rows: &mut Array2<f32>, norm: &Norm) {
        for mut row in rows.rows_mut() {
            normalise(row.as_slice_mut().expect("its rows lie behind one another"), self.weights.epsilon);
            row *= &norm.gain;
            row += &norm.bias;
        }
    }

    /// For each text the sum of its pieces' features: `[embedding | branches]`, each piece normalised.
    fn summed(
        &self,
        embedded: &Array2<f32>,
        sequences: &[Vec<u32>],
        branches: &[(Array2<f32>, Vec<Vec<u32>>)],
    ) -> Array2<f32> {
        let width = embedded.ncols() + branches.len() * BRANCH;
        let mut sums = Array2::zeros((sequences.len(), width));
        let mut features = vec![0.0; width];
        for (text, mut sum) in sums.rows_mut().into_iter().enumerate() {
            for (place, piece) in sequences[text].iter().enumerate() {
                let (own, of_branches) = features.split_at_mut(embedded.ncols());
                copy(embedded.row(*piece as usize), own);
                for ((units, sequences), own) in branches.iter().zip(of_branches.chunks_exact_mut(BRANCH)) {
                    copy(units.row(sequences[text][place] as usize), own);
                }
                normalise(&mut features, self.weights.epsilon);
                sum.iter_mut().zip(&features).for_each(|(sum, feature)| *sum += feature);
            }
            sum *= &self.weights.norm.gain;
            sum.scaled_add(sequences[text].len() as f32, &self.weights.norm.bias);
        }
        sums
    }

    /// The layers over the sums of texts that have so many pieces.
    fn dense(&self, sums: Array2<f32>, lengths: &Array1<f32>) -> Vec<f32> {
        let [d0, d1, d2, d3, p1, p3] = &self.weights.dense;
        let Dense { weight, bias } = &self.weights.output;
        let mut mean = sums.dot(weight);
        for (mut row, length) in mean.rows_mut().into_iter().zip(lengths) {
            row.scaled_add(*length, bias);
            row /= length.sqrt();
        }
        let first = positive(mean.dot(d0));
        let second = positive(mean.dot(p1) + first.dot(d1));
        let third = positive(second.dot(d2));
        let mut vectors = (second.dot(p3) + third.dot(d3)).mapv_into(f32::tanh);
        for mut vector in vectors.rows_mut() {
            let length = vector.dot(&vector).max(self.weights.epsilon).sqrt();
            vector /= length;
        }
        vectors.into_iter().collect()
    }
}

impl Convolution {
    /// The layer over `sequences` of `units`: each different n-gram once, and the sequences in terms of those.
    fn apply(&self, units: &Array2<f32>, sequences: &[Vec<u32>]) -> (Array2<f32>, Vec<Vec<u32>>) {
        let shares = units.dot(&self.shares);
        let mut numbers: HashMap<Places, u32> = HashMap::new();
        let mut grams: Vec<Places> = Vec::new();
        let in_grams = sequences.iter().map(|sequence| {
            let number = |place: usize| {
                let gram = self.gram(sequence, place);
                *numbers.entry(gram).or_insert_with(|| {
                    grams.push(gram);
                    (grams.len() - 1) as u32
                })
            };
            (0..sequence.len()).map(number).collect()
        });
        let in_grams: Vec<Vec<u32>> = in_grams.collect();
        let mut outputs = Array2::zeros((grams.len(), BRANCH));
        for (mut output, gram) in outputs.rows_mut().into_iter().zip(&grams) {
            output.assign(&self.bias);
            for (place, unit) in gram.iter().take(self.order).enumerate().filter(|(_, unit)| **unit != NONE) {
                output += &shares.slice(s![*unit as usize, place * BRANCH..(place + 1) * BRANCH]);
            }
            let own = units.row(gram[self.left] as usize);
            output.zip_mut_with(&own, |output, own| *output = output.max(0.0) + own);
        }
        (outputs, in_grams)
    }

    /// The n-gram of the piece at `place`.
    fn gram(&self, sequence: &[u32], place: usize) -> Places {
        let mut gram = [NONE; 5];
        for (offset, slot) in gram.iter_mut().take(self.order).enumerate() {
            let at = (place + offset).checked_sub(self.left);
            *slot = at.and_then(|at| sequence.get(at)).copied().unwrap_or(NONE);
        }
        gram
    }
}

/// The different pieces of `texts`, and the texts in terms of those.
fn distinct(texts: &[Vec<u32>]) -> (Vec<u32>, Vec<Vec<u32>>) {
    let mut numbers: HashMap<u32, u32> = HashMap::new();
    let mut pieces = Vec::new();
    let mut number = |piece: &u32| {
        *numbers.entry(*piece).or_insert_with(|| {
            pieces.push(*piece);
            (pieces.len() - 1) as u32
        })
    };
    let sequences = texts.iter().map(|text| text.iter().map(&mut number).collect()).collect();
    (pieces, sequences)
}

/// Brings `row` to mean 0 and variance 1.
fn normalise(row: &mut [f32], epsilon: f32) {
    let count = row.len() as f32;
    let mean = row.iter().sum::<f32>() / count;
    row.iter_mut().for_each(|number| *number -= mean);
    let variance = row.iter().map(|number| number * number).sum::<f32>() / count;
    let factor = (variance + epsilon).sqrt().recip();
    row.iter_mut().for_each(|number| *number *= factor);
}

fn copy(from: ArrayView1<'_, f32>, to: &mut [f32]) {
    to.copy_from_slice(from.as_slice().expect("the rows of a matrix lie behind one another"));
}

fn positive(matrix: Array2<f32>) -> Array2<f32> {
    matrix.mapv_into(|number| number.max(0.0))
}
