//! The stanzas of a text with their schemes.

use hashbrown::HashMap;

use super::scheme::{self, Evidence, WINDOW_LINES};
use super::sound::{self, Sound};
use super::verse::Verse;

/// Lines of a stanza whose scheme is told as one. Longer ones are paragraphs or texts without blank lines: they are
/// solved as one and told in pieces. The longest stanza with a name of its own, the sonnet with a coda aside, has 14.
const STANZA_LINES_MAX: usize = 16;
/// Lines of a piece: the length whose cuts part the fewest rhymes, the first of these where several do.
const PIECE_LINES: &[usize] = &[4, 8, 6, 5, 7, 3];
/// One letter a class; the classes beyond, which no window of lines has, share the last.
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Consecutive lines of a text.
#[derive(Clone, Debug)]
pub(super) struct Stanza {
    /// Its first line in the text.
    pub(super) start: usize,
    /// The class of each line, from 0 in the order of their first lines.
    pub(super) classes: Vec<usize>,
}

/// The scheme of every stanza, all taken together.
pub(super) fn solve(verse: &Verse, ends: &[Option<Sound>]) -> Vec<Stanza> {
    let windows = windows(verse);
    let evidence: Vec<Evidence> = windows.iter().map(|&(start, lines)| evidence(ends, start, lines)).collect();
    let russian = ends.iter().flatten().filter(|end| matches!(end, Sound::Russian(_))).count();
    let is_russian = 2 * russian > ends.iter().flatten().count();
    let prior = if is_russian { scheme::russian_prior() } else { scheme::prior() };
    let schemes = scheme::together(&evidence, prior);
    let mut stanzas: Vec<Stanza> = Vec::new();
    let mut stanza_ends = verse.stanzas.iter().copied();
    let mut end = 0;
    for (&(start, _), scheme) in windows.iter().zip(schemes) {
        if start >= end {
            end = stanza_ends.next().unwrap_or(usize::MAX);
            stanzas.push(Stanza { start, classes: Vec::new() });
        }
        if let Some(stanza) = stanzas.last_mut() {
            let before = stanza.classes.iter().max().map_or(0, |class| class + 1);
            stanza.classes.extend(scheme.iter().map(|&class| before + usize::from(class)));
        }
    }
    stanzas
}

/// The stanzas, the longest cut: first line and number of lines.
fn windows(verse: &Verse) -> Vec<(usize, usize)> {
    let mut windows = Vec::new();
    let mut start = 0;
    for &end in &verse.stanzas {
        while start < end {
            let lines = (end - start).min(WINDOW_LINES);
            windows.push((start, lines));
            start += lines;
        }
    }
    windows
}

fn evidence(ends: &[Option<Sound>], start: usize, lines: usize) -> Evidence {
    let end = |line: usize| ends.get(start + line).and_then(Option::as_ref);
    Evidence::of(lines, |earlier, later| match (end(earlier), end(later)) {
        (Some(earlier), Some(later)) => sound::log_odds(earlier, later),
        _ => 0.0,
    })
}

impl Stanza {
    fn sizes(classes: &[usize]) -> Vec<usize> {
        let mut sizes = vec![0; classes.iter().max().map_or(0, |class| class + 1)];
        for &class in classes {
            if let Some(size) = sizes.get_mut(class) {
                *size += 1;
            }
        }
        sizes
    }

    pub(super) fn rhymed_lines(&self) -> usize {
        Stanza::sizes(&self.classes).into_iter().filter(|&size| size > 1).sum()
    }

    /// Consecutive lines of one class; 0 where each stands alone.
    pub(super) fn longest_chain(&self) -> usize {
        let longest = self.classes.chunk_by(|one, next| one == next).map(<[usize]>::len).max().unwrap_or(0);
        if longest > 1 { longest } else { 0 }
    }
}

/// The schemes as letters, one for each stanza or piece of a long one.
pub(super) fn letters(stanzas: &[Stanza]) -> Vec<String> {
    let pieces = stanzas.iter().flat_map(|stanza| stanza.classes.chunks(piece_lines(&stanza.classes)));
    pieces.map(lettered).collect()
}

fn piece_lines(classes: &[usize]) -> usize {
    if classes.len() <= STANZA_LINES_MAX {
        return classes.len().max(1);
    }
    let parted = |lines: &&usize| parted(classes, **lines);
    PIECE_LINES.iter().min_by_key(parted).copied().unwrap_or(STANZA_LINES_MAX)
}

/// Lines that a cut parts from the line that they rhyme with, the last before them.
fn parted(classes: &[usize], lines: usize) -> usize {
    let mut last: Vec<Option<usize>> = vec![None; classes.len()];
    let mut parted = 0;
    for (line, &class) in classes.iter().enumerate() {
        if let Some(place) = last.get_mut(class) {
            parted += usize::from(place.is_some_and(|before| before / lines != line / lines));
            *place = Some(line);
        }
    }
    parted
}

fn lettered(classes: &[usize]) -> String {
    let mut known: Vec<usize> = Vec::new();
    let letter = |class: &usize| {
        if classes.iter().filter(|other| *other == class).count() < 2 {
            return '-';
        }
        let at = known.iter().position(|one| one == class).unwrap_or_else(|| {
            known.push(*class);
            known.len() - 1
        });
        LETTERS.get(at).or(LETTERS.last()).map_or('-', |&letter| char::from(letter))
    };
    classes.iter().map(letter).collect()
}

/// The most frequent scheme in which a line rhymes, the first of several.
pub(super) fn dominant(schemes: &[String]) -> Option<String> {
    let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
    for (at, scheme) in schemes.iter().enumerate().filter(|(_, scheme)| scheme.bytes().any(|letter| letter != b'-')) {
        counts.entry(scheme).or_insert((0, at)).0 += 1;
    }
    let best = counts.into_iter().min_by_key(|(_, (count, first))| (usize::MAX - count, *first));
    best.map(|(scheme, _)| scheme.to_owned())
}
