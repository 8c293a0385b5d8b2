//! The last syllables of a line as sounds, laid out so that two of them are compared by a few whole numbers.

use super::phoneme::vowel;

/// Syllables of a tail. The longest rhymes of verse have three (`ominous`, `from in us`); rap has longer ones.
pub(super) const SYLLABLES: usize = 4;
/// Consonants of a cluster that are told apart, five bits each; English has at most four at a word's end and, where two
/// words meet, seven.
const CLUSTER_MAX: usize = 6;

/// Counted from the end: syllable 0 is the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// The vowel of each syllable, plus one; 0 where there is no such syllable.
    pub(super) vowels: [u8; SYLLABLES],
    /// 0 none, 1 primary, 2 secondary.
    pub(super) stresses: [u8; SYLLABLES],
    /// The consonants after the vowel of each syllable, up to the next vowel.
    pub(super) after: [u32; SYLLABLES],
    /// The consonants before the vowel of the last syllable but none, counted as `after`: before the earliest syllable.
    pub(super) before: u32,
    /// Syllables that belong to the last word, at most [`SYLLABLES`].
    pub(super) own: u8,
    /// The syllable with the main stress of the last word; the last one where none is marked.
    pub(super) stressed: u8,
}

impl Tail {
    /// `before` are the sounds of the words before, the last first; no more is used than the tail has room for.
    pub(super) fn of<'word>(before: impl Iterator<Item = &'word [u8]>, word: &[u8]) -> Tail {
        let mut tail = Tail::default();
        let mut cluster = Cluster::default();
        let mut syllables = 0;
        tail.push(word, &mut cluster, &mut syllables);
        tail.own = u8::try_from(syllables).unwrap_or(0);
        tail.stressed = tail.main_stress(syllables);
        for word in before {
            if !tail.push(word, &mut cluster, &mut syllables) {
                break;
            }
        }
        tail.before = cluster.packed;
        tail
    }

    /// Whether there was room for all.
    fn push(&mut self, sounds: &[u8], cluster: &mut Cluster, syllables: &mut usize) -> bool {
        for &sound in sounds.iter().rev() {
            let Some((vowel, stress)) = vowel(sound) else {
                cluster.prepend(sound);
                continue;
            };
            let at = *syllables;
            let places = (self.vowels.get_mut(at), self.stresses.get_mut(at), self.after.get_mut(at));
            let (Some(vowels), Some(stresses), Some(after)) = places else { return false };
            (*vowels, *stresses, *after) = (vowel + 1, stress, cluster.packed);
            *cluster = Cluster::default();
            *syllables += 1;
        }
        true
    }

    fn main_stress(&self, syllables: usize) -> u8 {
        let own = self.stresses.get(..syllables).unwrap_or_default();
        let found = own.iter().position(|&stress| stress == 1).or_else(|| own.iter().position(|&stress| stress == 2));
        u8::try_from(found.unwrap_or(if syllables == SYLLABLES { SYLLABLES - 1 } else { 0 })).unwrap_or(0)
    }

    #[inline]
    pub(super) fn vowel(&self, syllable: usize) -> u8 {
        self.vowels.get(syllable).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn coda(&self, syllable: usize) -> u32 {
        self.after.get(syllable).copied().unwrap_or(0)
    }

    /// The consonants before a syllable's vowel, with those that end the syllable before it.
    #[inline]
    pub(super) fn onset(&self, syllable: usize) -> u32 {
        if self.vowel(syllable + 1) == 0 { self.before } else { self.coda(syllable + 1) }
    }

    /// Whether the syllable can carry a rhyme by itself.
    #[inline]
    pub(super) fn is_stressed(&self, syllable: usize) -> bool {
        self.stresses.get(syllable).is_some_and(|&stress| stress > 0) || usize::from(self.stressed) == syllable
    }
}

/// Consonants as they are met going back from the end of a word; the last one is in the lowest five bits.
#[derive(Default)]
struct Cluster {
    packed: u32,
    length: usize,
}

impl Cluster {
    fn prepend(&mut self, consonant: u8) {
        if self.length < CLUSTER_MAX {
            self.packed |= u32::from(consonant & 31) << (5 * self.length);
            self.length += 1;
        }
    }
}
