//! The arc of valence over a text, and its shape.

/// Points of an arc.
pub const ARC_POINTS: usize = 20;

/// Lines of a text that has an arc.
const ARC_LINES_MIN: usize = 4;

/// Lines of a text whose arc has a shape: two to each quarter, without which one odd line would be a turn.
const SHAPE_LINES_MIN: usize = 8;

/// Share of the text that each point is the mean of.
const WINDOW_SHARE: f64 = 0.2;

/// Lines of a window at least.
const WINDOW_LINES_MIN: f64 = 2.0;

/// Amplitude under which an arc is flat, whatever its noise.
const AMPLITUDE_MIN: f64 = 0.05;

/// Standard errors of an amplitude under which an arc is flat. Of the three amplitudes of a text whose lines
/// are random one is larger in 14 of 100 texts.
const NOISE_ERRORS: f64 = 2.0;

/// The six shapes of Reagan et al. 2016 (The emotional arcs of stories are dominated by six basic shapes), and none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Rise,
    Fall,
    FallRise,
    RiseFall,
    RiseFallRise,
    FallRiseFall,
    Flat,
}

impl Shape {
    pub fn code(self) -> &'static str {
        match self {
            Self::Rise => "rise",
            Self::Fall => "fall",
            Self::FallRise => "fall_rise",
            Self::RiseFall => "rise_fall",
            Self::RiseFallRise => "rise_fall_rise",
            Self::FallRiseFall => "fall_rise_fall",
            Self::Flat => "flat",
        }
    }

    /// How often it turns.
    fn turns(self) -> usize {
        match self {
            Self::Rise | Self::Fall | Self::Flat => 0,
            Self::FallRise | Self::RiseFall => 1,
            Self::RiseFallRise | Self::FallRiseFall => 2,
        }
    }
}

/// The arc of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arc {
    /// [`ARC_POINTS`] means of windows, evenly over the text, smoothed.
    pub(super) points: Vec<f64>,
    pub(super) shape: Option<Shape>,
    pub(super) turning_lines: Vec<usize>,
}

impl Arc {
    /// None under four lines. Time is linear in the number of lines.
    pub(super) fn of(valences: &[f64], standard_deviation: f64) -> Option<Arc> {
        if valences.len() < ARC_LINES_MIN {
            return None;
        }
        let points = smoothed(&windows(valences));
        let shape = (valences.len() >= SHAPE_LINES_MIN).then(|| shape(valences, standard_deviation));
        let turning_lines = shape.map(|shape| turning_lines(&points, shape, valences.len())).unwrap_or_default();
        Some(Arc { points, shape, turning_lines })
    }
}

/// The mean of the window around each point; windows at the ends lie within the text.
fn windows(valences: &[f64]) -> Vec<f64> {
    let mut sums = Vec::with_capacity(valences.len() + 1);
    let mut sum = 0.0;
    sums.push(sum);
    for valence in valences {
        sum += valence;
        sums.push(sum);
    }
    let lines = valences.len() as f64;
    let width = (WINDOW_SHARE * lines).max(WINDOW_LINES_MIN);
    let window = |point: usize| {
        let start = (lines - width) * point as f64 / (ARC_POINTS - 1) as f64;
        (sum_until(&sums, start + width) - sum_until(&sums, start)) / width
    };
    (0..ARC_POINTS).map(window).collect()
}

/// The sum of the first `lines` lines, of which the last may be a part.
fn sum_until(sums: &[f64], lines: f64) -> f64 {
    let whole = lines.floor();
    let at = |line: usize| sums.get(line).or(sums.last()).copied().unwrap_or(0.0);
    let (before, after) = (at(whole as usize), at(whole as usize + 1));
    before + (lines - whole) * (after - before)
}

/// Each point with its neighbours, 1-2-1.
fn smoothed(points: &[f64]) -> Vec<f64> {
    let at = |point: usize| points.get(point).copied().unwrap_or(0.0);
    let last = points.len().saturating_sub(1);
    let smooth = |point: usize| (at(point.saturating_sub(1)) + 2.0 * at(point) + at((point + 1).min(last))) / 4.0;
    (0..points.len()).map(smooth).collect()
}

/// The cosine of the half-waves 1, 2 and 3 over the text that the valences have most of: these are in shape the first
/// three modes that Reagan et al. found by singular value decomposition. Its sign tells a rise from a fall.
///
/// It is measured on the lines, whose noise is known, and not on the arc. An amplitude is a regression coefficient
/// over n lines, so its standard error is that of the lines times the square root of 2/n.
fn shape(valences: &[f64], standard_deviation: f64) -> Shape {
    let lines = valences.len() as f64;
    let error = standard_deviation * (2.0 / lines).sqrt();
    let modes =
        [(Shape::Fall, Shape::Rise), (Shape::FallRise, Shape::RiseFall), (Shape::FallRiseFall, Shape::RiseFallRise)];
    let mut best = (Shape::Flat, AMPLITUDE_MIN.max(NOISE_ERRORS * error));
    for (mode, (from_above, from_below)) in modes.into_iter().enumerate() {
        let amplitude = amplitude(valences, mode + 1);
        if amplitude.abs() > best.1 {
            best = (if amplitude > 0.0 { from_above } else { from_below }, amplitude.abs());
        }
    }
    best.0
}

fn amplitude(valences: &[f64], half_waves: usize) -> f64 {
    let lines = valences.len() as f64;
    let step = std::f64::consts::PI * half_waves as f64 / lines;
    let products = valences.iter().enumerate().map(|(line, valence)| valence * (step * (line as f64 + 0.5)).cos());
    2.0 / lines * products.sum::<f64>()
}

/// The lines at the highest or lowest points of the arc where a shape turns: one in the middle half, two in the thirds
/// around a third and two thirds of the text.
fn turning_lines(points: &[f64], shape: Shape, lines: usize) -> Vec<usize> {
    let spans: &[(usize, usize)] = match shape.turns() {
        0 => &[],
        1 => &[(5, 15)],
        _ => &[(3, 10), (10, 17)],
    };
    let first_is_high = matches!(shape, Shape::RiseFall | Shape::RiseFallRise);
    let turn = |(number, (start, end)): (usize, &(usize, usize))| {
        let sign = if first_is_high == (number % 2 == 0) { 1.0 } else { -1.0 };
        let span = points.get(*start..*end)?;
        let highest = span.iter().enumerate().max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)))?.0;
        let position = (start + highest) as f64 / (ARC_POINTS - 1) as f64;
        Some((position * (lines - 1) as f64).round() as usize)
    };
    spans.iter().enumerate().filter_map(turn).collect()
}
