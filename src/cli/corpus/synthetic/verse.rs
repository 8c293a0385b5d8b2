//! Invented verse: word salad in stanzas, with an end-rhyme scheme and sometimes a chorus planted in it.

use super::draw::Draws;
use super::vocabulary::{Vocabulary, Word};

/// One text. The scheme holds in every stanza, and no rhyme is used in two stanzas (but for the repeated chorus).
pub struct Verse {
    /// A letter a line of a stanza, `ABCB`; a letter that occurs once is a line that rhymes with none.
    pub scheme: Word,
    /// What is said once, in order.
    pub stanzas: Vec<Stanza>,
    /// What follows each of those, but for the last of an odd number of sections.
    pub chorus: Option<Stanza>,
    /// Stanzas as they are read, choruses included.
    sections: usize,
}

pub type Stanza = Vec<Line>;

/// At least four words, the last of them the rhyme.
pub struct Line {
    pub words: Vec<Word>,
    end: Word,
}

/// From the likeliest to the rarest.
const SCHEMES: &[Word] = &[
    "ABAB", "AABB", "ABCB", "ABBA", "AABBCC", "ABABCC", "ABABCDCD", "AABBCCDD", "AABCCB", "AABBA", "ABABB", "AAAA",
    "ABABBCC", "ABABABCC", "ABBAABBA",
];

const LINES_MIN: usize = 12;
const LINES_MAX: usize = 40;

const CHORUS_PER_MILLE: u32 = 400;

/// Verse, chorus, verse, chorus: below that, a chorus is not repeated.
const SECTIONS_WITH_CHORUS_MIN: usize = 4;

/// Words of a line before the rhyme.
const WORDS_BEFORE_RHYME: (u32, u32) = (3, 7);

const COMMA_PER_MILLE: u32 = 450;

pub fn compose(vocabulary: &Vocabulary, draws: &mut Draws) -> Verse {
    let scheme = SCHEMES[draws.skewed_below(SCHEMES.len() as u32) as usize];
    let chorus = draws.per_mille(CHORUS_PER_MILLE);
    let fewest = if chorus { SECTIONS_WITH_CHORUS_MIN } else { LINES_MIN.div_ceil(scheme.len()) };
    let sections = draws.between(fewest as u32, (LINES_MAX / scheme.len()) as u32) as usize;
    let mut used = Vec::new();
    let once = if chorus { sections.div_ceil(2) } else { sections };
    Verse {
        scheme,
        stanzas: (0..once).map(|_| stanza(scheme, &mut used, vocabulary, draws)).collect(),
        chorus: chorus.then(|| stanza(scheme, &mut used, vocabulary, draws)),
        sections,
    }
}

/// `used` are the rhyme groups of earlier stanzas.
fn stanza(scheme: Word, used: &mut Vec<usize>, vocabulary: &Vocabulary, draws: &mut Draws) -> Stanza {
    let mut rhymes: Vec<(u8, usize, Vec<usize>)> = Vec::new();
    let mut lines = Vec::with_capacity(scheme.len());
    for letter in scheme.bytes() {
        let known = rhymes.iter().position(|(other, ..)| *other == letter);
        let known = known.unwrap_or_else(|| {
            rhymes.push((letter, draws.fresh(&vocabulary.rhymes, used), Vec::new()));
            rhymes.len() - 1
        });
        let (_, group, spent) = &mut rhymes[known];
        let group = &vocabulary.rhymes[*group];
        let rhyme = group[draws.fresh(group, spent)];
        let end = if draws.per_mille(COMMA_PER_MILLE) { "," } else { "" };
        lines.push(Line { words: words(rhyme, vocabulary, draws), end });
    }
    if let Some(last) = lines.last_mut() {
        last.end = ".";
    }
    lines
}

fn words(rhyme: Word, vocabulary: &Vocabulary, draws: &mut Draws) -> Vec<Word> {
    let (fewest, most) = WORDS_BEFORE_RHYME;
    let count = draws.between(fewest, most) as usize;
    let mut words = Vec::with_capacity(count + 1);
    let mut previous = rhyme;
    for _ in 0..count {
        previous = vocabulary.word_other_than(previous, draws);
        words.push(previous);
    }
    words.push(rhyme);
    words
}

impl Verse {
    /// The stanzas as they are read, each with `V` for a verse or `C` for the chorus.
    fn read(&self) -> impl Iterator<Item = (char, &Stanza)> {
        (0..self.sections).map(|section| match &self.chorus {
            None => ('V', &self.stanzas[section]),
            Some(chorus) if section % 2 == 1 => ('C', chorus),
            Some(_) => ('V', &self.stanzas[section / 2]),
        })
    }

    /// A letter a stanza, `VCVC`.
    pub fn form(&self) -> String {
        self.read().map(|(letter, _)| letter).collect()
    }

    /// A blank line between stanzas, no line break at the end.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(TEXT_BYTES);
        for (_, stanza) in self.read() {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            for (number, line) in stanza.iter().enumerate() {
                if number > 0 {
                    text.push('\n');
                }
                line.write(&mut text);
            }
        }
        text
    }
}

/// What most texts stay under.
const TEXT_BYTES: usize = 2048;

impl Line {
    fn write(&self, text: &mut String) {
        for (number, word) in self.words.iter().enumerate() {
            if number > 0 {
                text.push(' ');
                text.push_str(word);
            } else {
                let mut letters = word.chars();
                text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
                text.push_str(letters.as_str());
            }
        }
        text.push_str(self.end);
    }
}
