//! Vectors in eight bits a number, and their inner products by the widest instructions that the processor has.

use pulp::{Arch, Simd, WithSimd};

/// Numbers that are multiplied side by side.
const LANES: usize = 64;

/// A vector in eight bits a number, and what its numbers are multiples of.
pub(super) fn quantised(vector: &[f32]) -> (f32, Vec<i8>) {
    let scale = greatest(vector) / f32::from(i8::MAX);
    (scale, vector.iter().map(|number| (number / scale).round() as i8).collect())
}

/// The greatest of a vector's numbers, whatever their signs; more than 0.
pub(super) fn greatest(vector: &[f32]) -> f32 {
    vector.iter().fold(f32::MIN_POSITIVE, |greatest, number| greatest.max(number.abs()))
}

/// The inner product of `vector` with each of `vectors`, which lie behind one another.
pub(super) fn products(vectors: &[i8], vector: &[i8], products: &mut [i32]) {
    if vector.is_empty() {
        return;
    }
    Arch::new().dispatch(Products { vectors, vector, products });
}

struct Products<'a> {
    vectors: &'a [i8],
    vector: &'a [i8],
    products: &'a mut [i32],
}

impl WithSimd for Products<'_> {
    type Output = ();

    /// What is inlined here is compiled for the instructions that the processor has.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (other, sum) in self.vectors.chunks_exact(self.vector.len()).zip(self.products) {
            *sum = product(self.vector, other);
        }
    }
}

/// Of eight bits the product has fifteen and a sign: 131,000 of them are a number of 32 bits.
#[inline(always)]
fn product(a: &[i8], b: &[i8]) -> i32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut total = 0_i32;
    for (a, b) in a.iter().zip(b) {
        let (mut sum, mut lane) = (0_i32, 0);
        while lane < LANES {
            sum = sum.wrapping_add(i32::from(a[lane]) * i32::from(b[lane]));
            lane += 1;
        }
        total = total.wrapping_add(sum);
    }
    for (a, b) in a_rest.iter().zip(b_rest) {
        total = total.wrapping_add(i32::from(*a) * i32::from(*b));
    }
    total
}
