//! What near rhymes of rap have in common: the stressed vowel, the kind of the consonant after it, the vowels that follow.
//!
//! Half rhymes of rap keep the stressed vowel and pair consonants that sound alike (Hirjee & Brown 2010, Katz 2015):
//! `late`, `paper`; `spark`, `heart`. What comes after may differ.

/// Syllables after the stressed one that are told apart.
pub(super) const AFTER_MAX: usize = 3;

/// The stressed syllable of a word and what follows, packed so that two are compared by a few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accent {
    /// From the lowest bit: the supporting consonant, the one after the vowel, the vowel.
    packed: u32,
    /// The vowels of the syllables that follow, as they sound without stress; 0 for none.
    after: [u8; AFTER_MAX],
}

/// How a consonant is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// There is no consonant.
    None,
    Stop,
    Fricative,
    Affricate,
    Nasal,
    Liquid,
    Glide,
}

/// Where it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Lips,
    Teeth,
    Palate,
    Throat,
}

/// As far as a near rhyme hears it: from the lowest bit its voice, where and how it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Consonant(u32);

const VOICE: u32 = 0b1;
const PLACE: u32 = 0b110;
const MANNER: u32 = 0b11_1000;
const CONSONANT_BITS: u32 = 6;

impl Consonant {
    pub(super) const NONE: Consonant = Consonant::new(Manner::None, Place::Lips, false);

    pub(super) const fn new(manner: Manner, place: Place, is_voiced: bool) -> Consonant {
        Consonant((manner as u32) << 3 | (place as u32) << 1 | is_voiced as u32)
    }
}

/// Whether two consonants are the same, or of one manner and made at one place or with one voice: `t d`, `t k`, `m n`,
/// `l r`; not `t b`. By the bits in which they differ.
#[inline]
fn are_like(different: u32) -> bool {
    different & MANNER == 0 && (different & PLACE == 0 || different & VOICE == 0)
}

impl Accent {
    /// `vowel` is numbered by its language; those of two languages never agree. `consonant` follows it, `support` stands
    /// before it where an open rhyme asks for one; [`Consonant::NONE`] there agrees with all.
    pub(super) fn new(vowel: u8, consonant: Consonant, support: Consonant, after: [u8; AFTER_MAX]) -> Accent {
        let packed = (u32::from(vowel) << CONSONANT_BITS | consonant.0) << CONSONANT_BITS | support.0;
        Accent { packed, after }
    }

    /// Whether the two rhyme nearly.
    #[inline]
    pub(super) fn rhymes_with(self, other: Accent) -> bool {
        let different = self.packed ^ other.packed;
        let support = |accent: Accent| accent.packed & (VOICE | PLACE | MANNER);
        different >> (2 * CONSONANT_BITS) == 0
            && are_like(different >> CONSONANT_BITS)
            && (support(self) == 0 || support(other) == 0 || are_like(different))
    }

    /// Whether they do so over two syllables or more: as many follow the stress, with the same vowels.
    #[inline]
    pub(super) fn is_multisyllabic_with(self, other: Accent) -> bool {
        self.after == other.after && self.after[0] != 0 && self.rhymes_with(other)
    }
}
