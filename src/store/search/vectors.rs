//! The vectors of a column in memory: they are compared with a query without reading anything.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, Float32Array, ListArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Float32Type};
use rayon::prelude::*;

use super::Found;
use crate::store::eight_bits::{greatest, products, quantised};

/// What the upper eight bits of a number count for.
const UPPER: f32 = 256.0;

/// The greatest number of sixteen bits whose upper eight are no more than their greatest.
const SIXTEEN_BITS_MAX: f32 = 127.0 * UPPER;

/// Vectors that a thread compares before it takes others.
const VECTORS_AT_ONCE: usize = 4_096;

/// How many of the nearest by eight bits are compared by sixteen, for each that is asked for.
const COMPARED_AGAIN: usize = 2;

/// Vectors of length 1, each number in sixteen bits: the share of the greatest number of its vector. The upper eight lie by
/// themselves, since they tell which vectors are near, and half as much is read of the memory.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    dimensions: usize,
    /// The row of each vector, ascending; a row may have several, or none.
    rows: Vec<u32>,
    /// What each vector's numbers are multiples of.
    scales: Vec<f32>,
    upper: Vec<i8>,
    lower: Vec<i8>,
}

impl Vectors {
    /// Adds the vectors of the rows from `first` on, which come behind those there are: `column` has a vector for each, or a list
    /// of them; none where it has something else.
    pub fn extend(&mut self, first: u32, column: &ArrayRef) -> Option<()> {
        let lists = column.as_list_opt::<i32>();
        let vectors = match lists {
            None => column.as_fixed_size_list_opt()?,
            Some(lists) => lists.values().as_fixed_size_list_opt()?,
        };
        let place = |at: usize| match lists.map(ListArray::value_offsets) {
            None => at..at + 1,
            Some(offsets) => offsets[at] as usize..offsets[at + 1] as usize,
        };
        let numbers = vectors.values().as_primitive_opt::<Float32Type>()?.values();
        self.dimensions = vectors.value_length().unsigned_abs() as usize;
        for (row, at) in (first..).zip(0..column.len()).filter(|(_, at)| column.is_valid(*at)) {
            for vector in place(at).filter(|vector| vectors.is_valid(*vector)) {
                self.push(row, &numbers[vector * self.dimensions..(vector + 1) * self.dimensions]);
            }
        }
        Some(())
    }

    fn push(&mut self, row: u32, vector: &[f32]) {
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        let scale = greatest(vector) / SIXTEEN_BITS_MAX;
        self.rows.push(row);
        self.scales.push(scale / length);
        for number in vector {
            let number = (number / scale).round();
            let upper = (number / UPPER + 0.5).floor();
            self.upper.push(upper as i8);
            self.lower.push((number - upper * UPPER) as i8);
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn memory_bytes(&self) -> usize {
        self.rows.len() * (size_of::<u32>() + size_of::<f32>()) + self.upper.len() + self.lower.len()
    }

    /// The `limit` rows whose vectors have the greatest cosine with `vector`, of those that are allowed, in any order; of a row
    /// with several the nearest counts.
    pub fn nearest(&self, vector: &[f32], allowed: Option<&BooleanArray>, limit: usize) -> Vec<Found> {
        let (_, query) = quantised(vector);
        let mut found: Vec<Found> = (0..self.len().div_ceil(VECTORS_AT_ONCE))
            .into_par_iter()
            .map(|chunk| {
                let places = chunk * VECTORS_AT_ONCE..self.len().min((chunk + 1) * VECTORS_AT_ONCE);
                let mut found = self.near(&query, places, allowed);
                keep(&mut found, COMPARED_AGAIN * limit);
                found
            })
            .flatten_iter()
            .collect();
        // A row whose vectors lie in two chunks is there twice.
        found.sort_unstable_by(|a, b| a.row.cmp(&b.row).then(b.score.total_cmp(&a.score)));
        found.dedup_by_key(|found| found.row);
        keep(&mut found, COMPARED_AGAIN * limit);
        let rows: Vec<usize> = found.into_iter().map(|found| found.row).collect();
        let mut found = self.compared(vector, &rows);
        keep(&mut found, limit);
        found
    }

    /// The cosine of each of `rows` with `vector`; of those that have none there is nothing.
    pub fn compared(&self, vector: &[f32], rows: &[usize]) -> Vec<Found> {
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        let found = |row: &usize| {
            let scores = self.places(*row).map(|place| self.cosine(vector, place) / length);
            Some(Found { row: *row, score: scores.reduce(f32::max)? })
        };
        rows.iter().filter_map(found).collect()
    }

    /// The vectors of `rows`, in their order; of a row with several the first.
    pub fn of_rows(&self, rows: &[usize]) -> FixedSizeListArray {
        let (mut numbers, mut is_there) = (Vec::with_capacity(rows.len() * self.dimensions), Vec::new());
        for row in rows {
            let place = self.places(*row).next();
            is_there.push(place.is_some());
            match place {
                Some(place) => numbers.extend(self.numbers(place).map(|number| number * self.scales[place])),
                None => numbers.resize(numbers.len() + self.dimensions, 0.0),
            }
        }
        let item = Arc::new(Field::new("item", DataType::Float32, true));
        let size = i32::try_from(self.dimensions).unwrap_or(i32::MAX);
        let numbers = Arc::new(Float32Array::from(numbers));
        FixedSizeListArray::new(item, size, numbers, Some(NullBuffer::from(is_there)))
    }

    /// How near the rows of some vectors are, by eight bits: a number that is greater for those that are nearer. What is not
    /// allowed is not read.
    fn near(&self, query: &[i8], places: Range<usize>, allowed: Option<&BooleanArray>) -> Vec<Found> {
        let is_allowed = |place: &usize| allowed.is_none_or(|allowed| allowed.value(self.rows[*place] as usize));
        let places: Vec<usize> = places.filter(is_allowed).collect();
        let mut sums = vec![0; places.len()];
        let mut done = 0;
        for run in places.chunk_by(|a, b| a + 1 == *b) {
            let of_run = run[0] * self.dimensions..(run[0] + run.len()) * self.dimensions;
            products(&self.upper[of_run], query, &mut sums[done..done + run.len()]);
            done += run.len();
        }
        let mut found: Vec<Found> = Vec::with_capacity(sums.len());
        for (place, sum) in places.into_iter().zip(sums) {
            let (row, score) = (self.rows[place] as usize, sum as f32 * self.scales[place]);
            match found.last_mut().filter(|last| last.row == row) {
                Some(last) => last.score = last.score.max(score),
                None => found.push(Found { row, score }),
            }
        }
        found
    }

    fn places(&self, row: usize) -> Range<usize> {
        let start = self.rows.partition_point(|of| (*of as usize) < row);
        start..start + self.rows[start..].partition_point(|of| *of as usize == row)
    }

    fn cosine(&self, vector: &[f32], place: usize) -> f32 {
        let sum: f32 = self.numbers(place).zip(vector).map(|(number, other)| number * other).sum();
        sum * self.scales[place]
    }

    fn numbers(&self, place: usize) -> impl Iterator<Item = f32> {
        let of_place = place * self.dimensions..(place + 1) * self.dimensions;
        let both = self.upper[of_place.clone()].iter().zip(&self.lower[of_place]);
        both.map(|(upper, lower)| f32::from(*upper) * UPPER + f32::from(*lower))
    }
}

/// The `limit` best of some rows; of equals the first rows.
fn keep(found: &mut Vec<Found>, limit: usize) {
    if found.len() > limit {
        found.select_nth_unstable_by(limit, |a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
        found.truncate(limit);
    }
}
