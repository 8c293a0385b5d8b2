//! Rhyme density: how long the assonant rhymes are that end at each word.

use super::sound::Word;
use super::verse::Verse;

/// Words before a word in which its rhyme is looked for (Malmi et al. 2016, "DopeLearning": about 15).
const WORDS_BACK: usize = 15;
/// Vowels of a rhyme that are counted.
const RHYME_VOWELS_MAX: usize = 16;

/// Mean over all words of the number of vowels, from the last of the word backwards, that are those of one of the words
/// before, also across words and lines. No word is compared with itself: a rhyme ends where the same word stands at
/// both places. Null without words that have a vowel.
pub(super) fn density(verse: &Verse, words: &[Word]) -> Option<f64> {
    let sequence = Sequence::of(verse, words);
    let lengths = (0..sequence.ends.len()).map(|word| sequence.longest(word));
    let count = sequence.ends.len();
    (count > 0).then(|| lengths.sum::<usize>() as f64 / count as f64)
}

/// The vowels of the whole text.
#[derive(Default)]
struct Sequence {
    vowels: Vec<u8>,
    /// The word that each vowel is in, by what it is.
    word: Vec<u32>,
    /// Of each word with a vowel, where its vowels end.
    ends: Vec<usize>,
}

impl Sequence {
    fn of(verse: &Verse, words: &[Word]) -> Sequence {
        let mut sequence = Sequence::default();
        for &number in verse.lines.iter().flat_map(|line| &line.words) {
            let Some(word) = usize::try_from(number).ok().and_then(|at| words.get(at)) else { continue };
            let before = sequence.vowels.len();
            word.extend_vowels(&mut sequence.vowels);
            sequence.word.resize(sequence.vowels.len(), number);
            if sequence.vowels.len() > before {
                sequence.ends.push(sequence.vowels.len());
            }
        }
        sequence
    }

    fn longest(&self, word: usize) -> usize {
        let Some(&end) = self.ends.get(word) else { return 0 };
        let others = self.ends.get(word.saturating_sub(WORDS_BACK)..word).unwrap_or_default();
        others.iter().map(|&other| self.shared(end, other)).max().unwrap_or(0)
    }

    fn shared(&self, end: usize, other: usize) -> usize {
        let word = |end: usize, back: usize| self.word.get(end.wrapping_sub(back + 1));
        let vowel = |end: usize, back: usize| self.vowels.get(end.wrapping_sub(back + 1));
        // Past the earlier of the two ends, the later way back would only repeat it.
        let most = (end - other).min(other).min(RHYME_VOWELS_MAX);
        let agrees = |back: usize| vowel(end, back) == vowel(other, back) && word(end, back) != word(other, back);
        (0..most).take_while(|&back| agrees(back)).count()
    }
}
