//! How the lines that rhyme do so: each with the last one before it of the same sound.

use super::kind::Kind;
use super::sound::{self, Sound};
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
    pub(super) fn of(verse: &Verse, ends: &[Option<Sound>], stanzas: &[Stanza]) -> Links {
        let mut links = Links::default();
        for stanza in stanzas {
            let mut last: Vec<Option<usize>> = vec![None; stanza.classes.len()];
            for (line, place) in stanza.classes.iter().enumerate() {
                let line = stanza.start + line;
                let before = last.get_mut(*place).and_then(|place| place.replace(line));
                if let Some(before) = before {
                    links.add(verse, ends, before, line);
                }
            }
        }
        links
    }

    fn add(&mut self, verse: &Verse, ends: &[Option<Sound>], before: usize, line: usize) {
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
        self.multisyllabic += usize::from(sound::shared_syllables(one, other) > 1);
    }
}
