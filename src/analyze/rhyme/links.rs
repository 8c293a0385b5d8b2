//! How the lines that rhyme do so: each with the last one before it of the same sound.

use std::rc::Rc;

use super::Place;
use super::kind::Kind;
use super::scheme::WINDOW_LINES;
use super::sound::{self, Sound, Word};
use super::stanzas::Stanza;
use super::verse::Verse;

/// Counts of pairs. A pair that is of no kind rhymed in an older pronunciation, or the stanza asks that it do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links {
    pub(super) total: usize,
    pub(super) perfect: usize,
    pub(super) family: usize,
    pub(super) assonant: usize,
    pub(super) spelling: usize,
    pub(super) identical: usize,
    pub(super) multisyllabic: usize,
}

impl Links {
    pub(super) fn of(verse: &Verse, words: &[Rc<Word>], ends: &[Option<Sound>], stanzas: &[Stanza]) -> Links {
        let mut links = Links::default();
        for stanza in stanzas {
            let mut last: Vec<Option<usize>> = vec![None; stanza.classes.len()];
            for (line, place) in stanza.classes.iter().enumerate() {
                let line = stanza.start + line;
                let before = last.get_mut(*place).and_then(|place| place.replace(line));
                if let Some(before) = before {
                    links.add(verse, words, ends, before, line);
                }
            }
        }
        links
    }

    fn add(&mut self, verse: &Verse, words: &[Rc<Word>], ends: &[Option<Sound>], before: usize, line: usize) {
        self.total += 1;
        let last_word = |line: usize| verse.lines.get(line).and_then(|line| line.words.last());
        if last_word(before) == last_word(line) {
            self.identical += 1;
            return;
        }
        let end = |line: usize| ends.get(line).and_then(Option::as_ref);
        let (Some(one), Some(other)) = (end(before), end(line)) else { return };
        match sound::kind(one, other) {
            Some(Kind::Perfect) => self.perfect += 1,
            Some(Kind::Family) => self.family += 1,
            Some(Kind::Assonant) => self.assonant += 1,
            Some(Kind::Spelling) => self.spelling += 1,
            None => {}
        }
        let nearly = match (last_word(before), last_word(line)) {
            (Some(one), Some(other)) => is_multisyllabic(words, *one, *other),
            _ => false,
        };
        self.multisyllabic += usize::from(nearly || sound::shared_syllables(one, other) > 1);
    }
}

/// Whether two words rhyme nearly over two syllables or more.
fn is_multisyllabic(words: &[Rc<Word>], one: u32, other: u32) -> bool {
    let accent = |number: u32| words.get(usize::try_from(number).ok()?).and_then(|word| word.accent());
    accent(one).zip(accent(other)).is_some_and(|(one, other)| one.is_multisyllabic_with(other))
}

/// The last words of the lines of one class of a stanza that share two syllables or more, all pairs of them.
pub(super) fn multisyllabic_pairs(
    verse: &Verse,
    words: &[Rc<Word>],
    ends: &[Option<Sound>],
    stanzas: &[Stanza],
) -> Vec<[Place; 2]> {
    let end = |line: usize| Some((ends.get(line)?.as_ref()?, verse.lines.get(line)?.words.split_last()?));
    let mut pairs = Vec::new();
    for stanza in stanzas {
        for (later, class) in stanza.classes.iter().enumerate() {
            // No class reaches beyond the lines that are solved as one.
            let nearby = stanza.classes.iter().enumerate().take(later).skip(later.saturating_sub(WINDOW_LINES));
            for (earlier, _) in nearby.filter(|(_, other)| *other == class) {
                let (earlier, later) = (stanza.start + earlier, stanza.start + later);
                let (Some((one, (word, before))), Some((other, (last, between)))) = (end(earlier), end(later)) else {
                    continue;
                };
                let shared = sound::shared_syllables(one, other) > 1 || is_multisyllabic(words, *word, *last);
                if word != last && shared {
                    let earlier = Place { line: earlier, word: before.len() };
                    pairs.push([earlier, Place { line: later, word: between.len() }]);
                }
            }
        }
    }
    pairs
}
