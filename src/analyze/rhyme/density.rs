//! Rhyme density: how long the assonant rhymes are that end at each word.

use std::rc::Rc;

use super::sound::Word;
use super::verse::Verse;

/// Words before a word in which its rhyme is looked for (Malmi et al. 2016, "DopeLearning": about 15).
const WORDS_BACK: usize = 15;
/// Vowels of a rhyme that are counted.
const RHYME_VOWELS_MAX: usize = 16;

/// Mean over all words of the number of vowels, from the last of the word backwards, that are those of one of the words
/// before, also across words and lines. No word is compared with itself: a rhyme ends where the same word stands at
/// both places. Null without words that have a vowel.
pub(super) fn density(verse: &Verse, words: &[Rc<Word>]) -> Option<f64> {
    let sequence = Sequence::of(verse, words);
    let lengths = (0..sequence.ends.len()).map(|word| sequence.longest(word));
    let count = sequence.ends.len();
    (count > 0).then(|| lengths.sum::<usize>() as f64 / count as f64)
}

/// The vowels of the whole text.
#[derive(Default)]
struct Sequence {
    vowels: Vec<Vowel>,
    /// Of each word with a vowel, its last one, and where its vowels end.
    ends: Vec<(Vowel, usize)>,
}

#[derive(Clone, Copy)]
struct Vowel {
    sound: u8,
    /// The word that it is in, by what it is.
    word: u32,
}

impl Vowel {
    /// Whether a rhyme may hold both.
    fn agrees(self, other: Vowel) -> bool {
        self.sound == other.sound && self.word != other.word
    }
}

impl Sequence {
    fn of(verse: &Verse, words: &[Rc<Word>]) -> Sequence {
        let mut sequence = Sequence::default();
        for &number in verse.lines.iter().flat_map(|line| &line.words) {
            let Some(word) = usize::try_from(number).ok().and_then(|at| words.get(at)) else { continue };
            sequence.vowels.extend(word.vowels().iter().map(|&sound| Vowel { sound, word: number }));
            if let Some(&sound) = word.vowels().last() {
                sequence.ends.push((Vowel { sound, word: number }, sequence.vowels.len()));
            }
        }
        sequence
    }

    fn longest(&self, word: usize) -> usize {
        let Some(&(last, end)) = self.ends.get(word) else { return 0 };
        let others = self.ends.get(word.saturating_sub(WORDS_BACK)..word).unwrap_or_default();
        let others = others.iter().filter(|(other, _)| other.agrees(last));
        others.map(|&(_, other)| self.shared(end, other)).max().unwrap_or(0)
    }

    fn shared(&self, end: usize, other: usize) -> usize {
        // Past the earlier of the two ends, the later way back would only repeat it.
        let most = (end - other).min(other).min(RHYME_VOWELS_MAX);
        let back = |end: usize| self.vowels.get(end - most..end).unwrap_or_default().iter().rev();
        back(end).zip(back(other)).take_while(|(one, other)| one.agrees(**other)).count()
    }
}
