//! The network: n-grams of pieces, averaged, and dense layers over the average.
//!
//! A text of n pieces needs 1.7 million multiplications a piece where each n-gram is computed in its place. Here each
//! different piece of many texts, and each different n-gram of a batch, is computed once, and of each matrix the share of
//! each place in the n-gram by itself: what pieces and n-grams have in common is not computed again. A text and its
//! stanzas, and lines that come twice, cost little more than once.

use hashbrown::HashMap;
use ndarray::{Array1, Array2, s};
use rayon::prelude::*;

use super::super::sums::{inner_product, sum};
use super::weights::{BLOCKS, Dense, Norm, ORDERS, Weights};
use crate::limits::MODEL_BATCH_PIECES;

/// Numbers of a branch for each piece.
const BRANCH: usize = 256;

/// Different pieces that are computed by one multiplication.
const CHUNK: usize = 512;

/// Why the numbers of a matrix can be read as they lie.
const CONTIGUOUS: &str = "a matrix that was made here has its rows behind one another";

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

/// What the different pieces of some texts are, each computed once.
struct Vocabulary {
    /// The row of each piece.
    rows: HashMap<u32, u32>,
    chunks: Vec<Chunk>,
}

/// [`CHUNK`] pieces, or fewer.
struct Chunk {
    embedded: Array2<f32>,
    /// By branch: what its first layer reads, and the shares that it makes of it.
    branches: Vec<[Array2<f32>; 2]>,
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
        let branches = ORDERS.into_iter().zip(layers);
        let branches = branches.map(|(order, layers)| layers.map(|layer| convolution(order, layer))).collect();
        Self { weights, branches }
    }

    /// The vectors of `texts`, behind one another: each of length 1. A text is its pieces, and has at least one.
    pub(super) fn embed(&self, texts: &[Vec<u32>]) -> Vec<f32> {
        let vocabulary = self.vocabulary(texts);
        let vectors: Vec<Vec<f32>> = grouped(texts, MODEL_BATCH_PIECES)
            .into_par_iter()
            .map(|batch| self.embed_batch(&vocabulary, batch))
            .collect();
        vectors.concat()
    }

    fn vocabulary(&self, texts: &[Vec<u32>]) -> Vocabulary {
        let mut rows: HashMap<u32, u32> = HashMap::new();
        let mut pieces = Vec::new();
        for piece in texts.iter().flatten() {
            rows.entry(*piece).or_insert_with(|| {
                pieces.push(*piece);
                (pieces.len() - 1) as u32
            });
        }
        let chunks = pieces.par_chunks(CHUNK).map(|pieces| self.chunk(pieces)).collect();
        Vocabulary { rows, chunks }
    }

    fn chunk(&self, pieces: &[u32]) -> Chunk {
        let embedded = self.embedded(pieces);
        let mut projected = embedded.dot(&self.weights.projection.weight) + &self.weights.projection.bias;
        let Norm { gain, bias } = &self.weights.projection_norm;
        for mut row in projected.rows_mut() {
            normalise(row.as_slice_mut().expect(CONTIGUOUS), self.weights.epsilon);
            row *= gain;
            row += bias;
        }
        let branches = self.branches.iter().enumerate().map(|(branch, [first, _])| {
            let units = projected.slice(s![.., branch * BRANCH..(branch + 1) * BRANCH]).to_owned();
            let shares = units.dot(&first.shares);
            [units, shares]
        });
        Chunk { branches: branches.collect(), embedded }
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

    fn embed_batch(&self, vocabulary: &Vocabulary, texts: &[Vec<u32>]) -> Vec<f32> {
        let row = |piece: &u32| vocabulary.rows[piece];
        let sequences: Vec<Vec<u32>> = texts.iter().map(|text| text.iter().map(row).collect()).collect();
        let branches: Vec<(Array2<f32>, Vec<Vec<u32>>)> = self
            .branches
            .par_iter()
            .enumerate()
            .map(|(branch, [first, second])| {
                let of_chunks =
                    |index: usize| vocabulary.chunks.iter().map(move |chunk| &chunk.branches[branch][index]);
                let (units, shares) = (Rows::of(of_chunks(0)), Rows::of(of_chunks(1)));
                let (units, sequences) = first.apply(&units, &shares, &sequences);
                let shares = units.dot(&second.shares);
                second.apply(&Rows::of([&units]), &Rows::of([&shares]), &sequences)
            })
            .collect();
        let embedded = Rows::of(vocabulary.chunks.iter().map(|chunk| &chunk.embedded));
        let sums = self.summed(&embedded, &sequences, &branches);
        self.dense(&sums, &sequences.iter().map(|sequence| sequence.len() as f32).collect())
    }

    /// For each text the sum of its pieces' features: `[embedding | branches]`, each piece normalised.
    fn summed(
        &self,
        embedded: &Rows<'_>,
        sequences: &[Vec<u32>],
        branches: &[(Array2<f32>, Vec<Vec<u32>>)],
    ) -> Array2<f32> {
        let branches: Vec<(Rows<'_>, &Vec<Vec<u32>>)> =
            branches.iter().map(|(units, sequences)| (Rows::of([units]), sequences)).collect();
        let width = embedded.width + branches.len() * BRANCH;
        let mut sums = Array2::zeros((sequences.len(), width));
        let mut features = vec![0.0; width];
        for (text, mut sum) in sums.rows_mut().into_iter().enumerate() {
            let total = sum.as_slice_mut().expect(CONTIGUOUS);
            for (place, piece) in sequences[text].iter().enumerate() {
                let (own, of_branches) = features.split_at_mut(embedded.width);
                own.copy_from_slice(embedded.row(*piece));
                for ((units, sequences), own) in branches.iter().zip(of_branches.chunks_exact_mut(BRANCH)) {
                    own.copy_from_slice(units.row(sequences[text][place]));
                }
                normalise(&mut features, self.weights.epsilon);
                add(total, &features);
            }
            sum *= &self.weights.norm.gain;
            sum.scaled_add(sequences[text].len() as f32, &self.weights.norm.bias);
        }
        sums
    }

    /// The layers over the sums of texts that have so many pieces.
    fn dense(&self, sums: &Array2<f32>, lengths: &Array1<f32>) -> Vec<f32> {
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

/// Neighbouring texts together, of about so many `pieces`.
pub(super) fn grouped(texts: &[Vec<u32>], pieces: usize) -> Vec<&[Vec<u32>]> {
    let (mut groups, mut rest) = (Vec::new(), texts);
    while !rest.is_empty() {
        let mut before = 0;
        let fits = |text: &&Vec<u32>| {
            let fits = before < pieces;
            before += text.len();
            fits
        };
        let (group, others) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        groups.push(group);
        rest = others;
    }
    groups
}

impl Convolution {
    /// The layer over `sequences` of `units` and the shares made of them: each different n-gram once, and the sequences in
    /// terms of those.
    fn apply(&self, units: &Rows<'_>, shares: &Rows<'_>, sequences: &[Vec<u32>]) -> (Array2<f32>, Vec<Vec<u32>>) {
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
        let bias = self.bias.as_slice().expect(CONTIGUOUS);
        for (output, gram) in outputs.as_slice_mut().expect(CONTIGUOUS).chunks_exact_mut(BRANCH).zip(&grams) {
            output.copy_from_slice(bias);
            for (place, unit) in gram.iter().take(self.order).enumerate().filter(|(_, unit)| **unit != NONE) {
                add(output, &shares.row(*unit)[place * BRANCH..(place + 1) * BRANCH]);
            }
            let own = units.row(gram[self.left]);
            output.iter_mut().zip(own).for_each(|(output, own)| *output = output.max(0.0) + own);
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

/// The rows of a matrix that lies in chunks, or in one: slices, which a loop reads without asking for strides.
struct Rows<'a> {
    chunks: Vec<&'a [f32]>,
    width: usize,
    chunk_rows: usize,
}

impl<'a> Rows<'a> {
    /// All chunks but the last have as many rows as the first.
    fn of(matrices: impl IntoIterator<Item = &'a Array2<f32>>) -> Self {
        let mut rows = Self { chunks: Vec::new(), width: 0, chunk_rows: 1 };
        for matrix in matrices {
            if rows.chunks.is_empty() {
                (rows.chunk_rows, rows.width) = matrix.dim();
            }
            rows.chunks.push(matrix.as_slice().expect(CONTIGUOUS));
        }
        rows
    }

    fn row(&self, row: u32) -> &'a [f32] {
        let row = row as usize;
        let start = row % self.chunk_rows * self.width;
        &self.chunks[row / self.chunk_rows][start..start + self.width]
    }
}

fn add(to: &mut [f32], numbers: &[f32]) {
    to.iter_mut().zip(numbers).for_each(|(to, number)| *to += number);
}

/// Brings `row` to mean 0 and variance 1.
fn normalise(row: &mut [f32], epsilon: f32) {
    let count = row.len() as f32;
    let mean = sum(row) / count;
    row.iter_mut().for_each(|number| *number -= mean);
    let variance = inner_product(row, row) / count;
    let factor = (variance + epsilon).sqrt().recip();
    row.iter_mut().for_each(|number| *number *= factor);
}

fn positive(matrix: Array2<f32>) -> Array2<f32> {
    matrix.mapv_into(|number| number.max(0.0))
}
