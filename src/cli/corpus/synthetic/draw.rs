//! Choices that come out the same on every platform and under every version of `rand`.
//!
//! `ChaCha` is a published algorithm with test vectors. What `rand` builds on it is not fixed: `Uniform` (so
//! `random_range`), `shuffle` and `choose` gave other values from 0.9 on, `usize` came out by the platform's width before,
//! and a generator may have a `seed_from_u64` of its own. So the key is laid out here, and every choice is integer
//! arithmetic on 32-bit words of the stream. There are no floats.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The choices of one purpose for one track.
///
/// Purposes do not share a stream, so that a new plant shifts no choice of another.
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// `purpose` is told apart by its first 24 bytes.
    pub fn new(seed: u64, purpose: &str, index: u64) -> Draws {
        let mut key = [0; 32];
        let (head, tail) = key.split_at_mut(size_of::<u64>());
        head.copy_from_slice(&seed.to_le_bytes());
        for (byte, letter) in tail.iter_mut().zip(purpose.bytes()) {
            *byte = letter;
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(index);
        Draws(rng)
    }

    /// A number from 0 to `n` - 1, all alike but for a bias under `n` / 2^32. `n` is at least 1.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// A number from 0 to `n` - 1, the lower the likelier: 0 comes 1 + 1/2 + … + 1/`n` times as often as on average.
    pub fn skewed_below(&mut self, n: u32) -> u32 {
        let ceiling = self.below(n) + 1;
        self.below(ceiling)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    pub fn per_mille(&mut self, rate: u32) -> bool {
        self.below(1000) < rate
    }

    /// One of `items`, which are not empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u32) as usize]
    }

    /// An index of `items` that is not in `used`, and now is; any, when all are used.
    pub fn fresh<T>(&mut self, items: &[T], used: &mut Vec<usize>) -> usize {
        let count = items.len();
        let start = self.below(count as u32) as usize;
        let fresh = (start..start + count).map(|index| index % count).find(|index| !used.contains(index));
        let index = fresh.unwrap_or(start);
        used.push(index);
        index
    }
}
