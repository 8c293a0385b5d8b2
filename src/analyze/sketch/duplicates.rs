//! Which texts of a corpus are nearly the same, by their sketches.

use super::{BANDS, similarity};

/// Of more rows that agree in a number, each is compared with so many that come first: what many share, such as a
/// refrain of the people, is no sign of a copy.
const COMPARED_MAX: usize = 100;

/// What a text is a copy of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Its own row where it is a copy of none.
    pub row: usize,
    /// 1 for itself.
    pub similarity: f64,
}

/// For each row the canonical one of its group; none for a row without a sketch.
///
/// Rows are taken in `order`, each once. One that is at least `least` similar to a canonical row before it is a copy of
/// the most similar of these (of several, the first); any other is canonical itself. So every copy is that similar to its
/// canonical row, and no chain of small changes leads from one text to another.
///
/// Time and memory are linear in the rows, but for rows that agree.
pub fn duplicates(sketches: &[Option<&[i64]>], order: &[usize], least: f64) -> Vec<Option<Match>> {
    let candidates = candidates(sketches, order);
    let mut found: Vec<Option<Match>> = vec![None; sketches.len()];
    let mut rest = candidates.as_slice();
    for (rank, row) in order.iter().enumerate() {
        let own = rest.iter().take_while(|(later, _)| *later as usize == rank).count();
        let (candidates, others) = rest.split_at(own);
        rest = others;
        let Some(sketch) = sketches[*row] else { continue };
        let canonical = |(_, earlier): &(u32, u32)| {
            let row = order[*earlier as usize];
            let similarity = similarity(sketch, sketches[row]?);
            let is_canonical = found[row].is_some_and(|of| of.row == row);
            (is_canonical && similarity >= least).then_some(Match { row, similarity })
        };
        let nearest = candidates.iter().filter_map(canonical);
        // The first of several that are equally near.
        let nearest = nearest.reduce(|best, next| if next.similarity > best.similarity { next } else { best });
        found[*row] = Some(nearest.unwrap_or(Match { row: *row, similarity: 1.0 }));
    }
    found
}

/// The pairs of ranks `(later, earlier)` whose rows agree in a number, ordered, each once.
fn candidates(sketches: &[Option<&[i64]>], order: &[usize]) -> Vec<(u32, u32)> {
    let rank = |rank: usize| u32::try_from(rank).unwrap_or(u32::MAX);
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    let mut of_band: Vec<(i64, u32)> = Vec::with_capacity(order.len());
    for band in 0..BANDS {
        of_band.clear();
        let number = |(place, row): (usize, &usize)| Some((*sketches[*row]?.get(band)?, rank(place)));
        of_band.extend(order.iter().enumerate().filter_map(number));
        of_band.sort_unstable();
        for alike in of_band.chunk_by(|a, b| a.0 == b.0) {
            for (place, (_, later)) in alike.iter().enumerate().skip(1) {
                pairs.extend(alike[..place.min(COMPARED_MAX)].iter().map(|(_, earlier)| (*later, *earlier)));
            }
        }
        // What agrees in one number often agrees in others.
        pairs.sort_unstable();
        pairs.dedup();
    }
    pairs
}
