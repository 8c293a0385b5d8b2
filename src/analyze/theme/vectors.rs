//! What the vectors of a text's stanzas tell of each theme.

use std::sync::LazyLock;

/// Numbers of a vector: those of the Universal Sentence Encoder, multilingual, version 3, whose vectors have length 1.
pub const VECTOR_LEN: usize = 512;

/// The mean vector of verse, English and Russian in equal parts: [`VECTOR_LEN`] float32, little endian. What all verse
/// has in common tells nothing of themes. Made by `scripts/fit/theme.py` from poems in the public domain.
const MEAN: &[u8] = include_bytes!("mean.bin");

static VERSE: LazyLock<Vec<f32>> =
    LazyLock::new(|| MEAN.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect());

/// A direction for each theme, of length 1: the mean of its vectors, each less that of verse in general.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prototypes {
    directions: Vec<Vec<f64>>,
}

impl Prototypes {
    /// None where a theme has no vector.
    pub(super) fn of<'a>(themes: usize, vectors: impl Iterator<Item = (usize, &'a [f32])>) -> Option<Self> {
        let mut sums = vec![vec![0.0; VECTOR_LEN]; themes];
        for (theme, vector) in vectors.filter_map(|(theme, vector)| Some((theme, centred(vector)?))) {
            sums.get_mut(theme)?.iter_mut().zip(&vector).for_each(|(sum, number)| *sum += number);
        }
        // The sum of no vectors has no direction.
        let directions = sums.into_iter().map(unit).collect::<Option<Vec<_>>>()?;
        (themes > 0).then_some(Self { directions })
    }

    /// The similarity of each theme to the text, -1 to 1: the mean over its stanzas, of which each has its weight.
    pub(super) fn similarities<'a>(&self, stanzas: impl Iterator<Item = (f64, &'a [f32])>) -> Option<Vec<f64>> {
        // The mean of products is the product with the mean.
        let mut mean = vec![0.0; VECTOR_LEN];
        let mut total = 0.0;
        for (weight, vector) in stanzas {
            let Some(vector) = centred(vector) else { continue };
            total += weight;
            mean.iter_mut().zip(&vector).for_each(|(sum, number)| *sum += weight * number);
        }
        (total > 0.0).then(|| self.directions.iter().map(|direction| dot(direction, &mean) / total).collect())
    }
}

/// The vector less that of verse in general, of length 1. None for one of another length than [`VECTOR_LEN`], or that
/// holds what is no number.
fn centred(vector: &[f32]) -> Option<Vec<f64>> {
    if vector.len() != VECTOR_LEN {
        return None;
    }
    unit(vector.iter().zip(VERSE.iter()).map(|(number, mean)| f64::from(*number) - f64::from(*mean)).collect())
}

fn unit(mut vector: Vec<f64>) -> Option<Vec<f64>> {
    let length = dot(&vector, &vector).sqrt();
    vector.iter_mut().for_each(|number| *number /= length);
    (length > 0.0 && length.is_finite()).then_some(vector)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
