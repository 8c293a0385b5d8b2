//! Rhymes within lines.

use std::rc::Rc;

use super::Place;
use super::sound::{Strong, Word};
use super::verse::Verse;

/// Words so frequent and so weak that they rhyme by accident; ordered.
#[rustfmt::skip]
const WEAK: &[&str] = &[
    "a", "ain't", "all", "am", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do",
    "does", "don't", "for", "from", "had", "has", "have", "he", "her", "hers", "him", "his", "i", "i'll", "i'm", "i've",
    "if", "in", "is", "it", "it's", "its", "may", "me", "might", "my", "nor", "not", "of", "on", "or", "our", "shall",
    "she", "should", "so", "some", "than", "that", "the", "thee", "their", "them", "then", "there", "these", "they",
    "this", "those", "thou", "thy", "to", "too", "up", "us", "was", "we", "were", "what", "when", "where", "which",
    "who", "will", "with", "would", "ye", "you", "your", "а", "б", "без", "безо", "будет", "бы", "был", "была", "были",
    "было", "в", "вас", "ведь", "во", "вот", "вы", "да", "для", "до", "его", "ее", "ей", "ему", "если", "её", "ж", "же",
    "за", "и", "из", "или", "иль", "им", "их", "к", "как", "ко", "ли", "лишь", "ль", "меж", "мне", "мной", "мы", "на",
    "над", "нам", "нас", "не", "ни", "но", "ну", "о", "об", "обо", "он", "она", "они", "от", "ото", "перед", "по",
    "под", "подо", "при", "про", "с", "сквозь", "со", "та", "так", "те", "то", "ту", "ты", "у", "уж", "хоть", "через",
    "что", "чтоб", "чтобы", "эта", "эти", "это", "этой", "этом", "этот", "эту", "я",
];

/// Whether a word is too weak to rhyme within a line.
pub(super) fn is_weak(word: &str) -> bool {
    WEAK.binary_search(&word).is_ok()
}

/// A word that may rhyme.
struct Heard {
    place: Place,
    number: u32,
    sound: Strong,
    ends_line: bool,
}

impl Heard {
    /// No word rhymes with itself, and two ends of lines are no internal rhyme.
    fn may_rhyme_with(&self, other: &Heard) -> bool {
        self.number != other.number && !(self.ends_line && other.ends_line)
    }

    fn is_perfect_with(&self, other: &Heard) -> bool {
        self.sound.key == other.sound.key && self.may_rhyme_with(other)
    }

    /// Perfectly or nearly.
    fn rhymes_with(&self, other: &Heard) -> bool {
        (self.sound.key == other.sound.key || self.sound.accent.rhymes_with(other.sound.accent))
            && self.may_rhyme_with(other)
    }
}

/// Words before the last of their line that rhyme with another word of it or of the line before, without the weak ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Internal {
    pub(super) perfect: usize,
    /// Those that rhyme perfectly too.
    pub(super) near: usize,
}

/// Time is bounded by the words kept of a line, squared.
pub(super) fn count(verse: &Verse, words: &[Rc<Word>]) -> Internal {
    let mut count = Internal::default();
    each_line(verse, words, |before, line| {
        for word in line.iter().filter(|word| !word.ends_line) {
            let others = || line.iter().chain(before);
            let is_perfect = others().any(|other| word.is_perfect_with(other));
            count.perfect += usize::from(is_perfect);
            count.near += usize::from(is_perfect || others().any(|other| word.rhymes_with(other)));
        }
    });
    count
}

/// All pairs of such words; and the pairs whose rhyme covers two syllables or more, those of two last words too.
pub(super) fn pairs(verse: &Verse, words: &[Rc<Word>]) -> (Vec<[Place; 2]>, Vec<[Place; 2]>) {
    let (mut pairs, mut multisyllabic) = (Vec::new(), Vec::new());
    each_line(verse, words, |before, line| {
        for (at, word) in line.iter().enumerate() {
            for other in before.iter().chain(line.get(..at).unwrap_or_default()) {
                if word.rhymes_with(other) {
                    pairs.push([other.place, word.place]);
                }
                if word.number != other.number && word.sound.accent.is_multisyllabic_with(other.sound.accent) {
                    multisyllabic.push([other.place, word.place]);
                }
            }
        }
    });
    (pairs, multisyllabic)
}

/// Gives the words of each line that may rhyme, with those of the line before.
fn each_line(verse: &Verse, words: &[Rc<Word>], mut with: impl FnMut(&[Heard], &[Heard])) {
    let strong = |word: u32| usize::try_from(word).ok().and_then(|at| words.get(at)?.strong());
    let (mut before, mut heard): (Vec<Heard>, Vec<Heard>) = (Vec::new(), Vec::new());
    for (line_number, line) in verse.lines.iter().enumerate() {
        heard.clear();
        heard.extend(line.words.iter().enumerate().filter_map(|(at, &number)| {
            let place = Place { line: line_number, word: at };
            Some(Heard { place, number, sound: strong(number)?, ends_line: at + 1 == line.words.len() })
        }));
        with(&before, &heard);
        std::mem::swap(&mut before, &mut heard);
    }
}
