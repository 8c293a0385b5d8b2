//! Intervals by the bootstrap (Efron 1979): the figure of many samples of the same size, drawn with replacement.

/// Samples for an interval.
const SAMPLES: usize = 2_000;

/// 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The interval of `figure` over sums of `units`, which `add` adds; by a generator with a fixed seed.
pub(super) fn interval<T: Clone + Default>(
    units: &[T],
    add: impl Fn(&mut T, &T),
    figure: impl Fn(&T) -> f64,
) -> Interval {
    let mut draw = generator();
    let mut values: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let mut sum = T::default();
            for _ in units {
                let at = usize::try_from(draw() % units.len() as u64).unwrap_or_default();
                add(&mut sum, &units[at]);
            }
            figure(&sum)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get((share * values.len() as f64) as usize).copied().unwrap_or(f64::NAN);
    Interval { low: at(0.025), high: at(0.975) }
}

/// splitmix64.
pub(super) fn generator() -> impl FnMut() -> u64 {
    let mut seed = 1_u64;
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
