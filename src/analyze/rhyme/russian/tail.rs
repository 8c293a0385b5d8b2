//! What rhymes of a word: its stressed vowel, what follows, and the consonants before.

use super::phones::{J, Phone, SOFT, VOICED_LAST, VOWEL};

/// Syllables after the stressed one that are told apart; Russian verse rhymes at most on the third from the end, save
/// for rare hyperdactylic rhymes.
pub(super) const POST_MAX: usize = 3;
const BITS: u32 = 6;
/// Consonants of a cluster that are kept: five times six bits.
const CLUSTER_MASK: u32 = (1 << (5 * BITS)) - 1;

/// Consonants between two vowels; the last in the lowest six bits, 0 for none.
pub(super) type Cluster = u32;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// Before the stressed vowel.
    pub(super) onset: Cluster,
    /// After the stressed vowel and after each later one.
    pub(super) clusters: [Cluster; POST_MAX + 1],
    /// The stressed vowel and those after; 0 for none.
    pub(super) vowels: [Phone; POST_MAX + 1],
    pub(super) post: u8,
}

impl Tail {
    pub(super) fn of(phones: &[Phone], stressed: usize) -> Tail {
        let mut tail = Tail::default();
        let (before, after) = phones.split_at_checked(stressed).unwrap_or_default();
        let start = before.iter().rposition(|phone| phone & VOWEL != 0).map_or(0, |at| at + 1);
        tail.onset = before.get(start..).unwrap_or_default().iter().fold(0, |cluster, &phone| with(cluster, phone));
        let mut syllable = 0;
        for (at, &phone) in after.iter().enumerate() {
            if phone & VOWEL != 0 {
                syllable = if at == 0 { 0 } else { (syllable + 1).min(POST_MAX) };
                if let Some(vowel) = tail.vowels.get_mut(syllable) {
                    *vowel = phone;
                }
            } else if let Some(cluster) = tail.clusters.get_mut(syllable) {
                *cluster = with(*cluster, phone);
            }
        }
        tail.post = syllable as u8;
        tail
    }

    pub(super) fn vowel(&self, at: usize) -> Phone {
        self.vowels.get(at).copied().unwrap_or(0)
    }

    pub(super) fn cluster(&self, at: usize) -> Cluster {
        self.clusters.get(at).copied().unwrap_or(0)
    }

    /// The consonants after the last vowel.
    pub(super) fn coda(&self) -> Cluster {
        self.cluster(usize::from(self.post))
    }
}

fn with(cluster: Cluster, phone: Phone) -> Cluster {
    ((cluster << BITS) | u32::from(phone & 0x3f)) & CLUSTER_MASK
}

/// How two clusters agree, the closest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    Same,
    BothEmpty,
    /// But for softness.
    Soft,
    /// But for softness and voice.
    Voice,
    /// One has a `j` more: `покое`, `моей`.
    Iot,
    /// One has consonants more.
    Longer,
    /// As many, each of the same family: nasals and liquids, stops, fricatives.
    Family,
    /// Some consonant is common.
    Overlap,
    OneEmpty,
    Unlike,
}

pub(super) const GRADES: usize = 10;

pub(super) fn compare(a: Cluster, b: Cluster) -> Grade {
    const ALL_SOFT: u32 = 0x2082_0820;
    if a == b {
        return if a == 0 { Grade::BothEmpty } else { Grade::Same };
    }
    if (a ^ b) & !ALL_SOFT == 0 {
        return Grade::Soft;
    }
    if without_iot(a) == without_iot(b) {
        return Grade::Iot;
    }
    if a == 0 || b == 0 {
        return Grade::OneEmpty;
    }
    let as_long = length(a) == length(b);
    if as_long && each(a).zip(each(b)).all(|(a, b)| voiceless(a) == voiceless(b)) {
        return Grade::Voice;
    }
    if !as_long && (contains(a, b) || contains(b, a)) {
        return Grade::Longer;
    }
    if as_long && each(a).zip(each(b)).all(|(a, b)| family(a) == family(b)) {
        return Grade::Family;
    }
    if each(a).any(|a| each(b).any(|b| voiceless(a) == voiceless(b))) { Grade::Overlap } else { Grade::Unlike }
}

/// The last consonant alone.
pub(super) fn last(cluster: Cluster) -> Cluster {
    cluster & 0x3f
}

/// The number of the first consonant, without softness; 0 for none.
pub(super) fn first(cluster: Cluster) -> u8 {
    each(cluster).last().unwrap_or(0)
}

/// From the last to the first, without softness.
fn each(cluster: Cluster) -> impl Iterator<Item = u8> + Clone {
    (0..5).map(move |at| ((cluster >> (at * BITS)) & 0x1f) as u8).take_while(|&number| number != 0)
}

fn length(cluster: Cluster) -> u32 {
    (32 - cluster.leading_zeros()).div_ceil(BITS)
}

fn without_iot(cluster: Cluster) -> Cluster {
    if cluster & 0x1f == u32::from(J) { cluster >> BITS } else { cluster & !u32::from(SOFT) }
}

pub(super) fn voiceless(number: u8) -> u8 {
    if (1..=VOICED_LAST).contains(&number) { number + VOICED_LAST } else { number }
}

/// Whether all of `short` stands in `long`, in its order.
fn contains(long: Cluster, short: Cluster) -> bool {
    let mut long = each(long);
    each(short).all(|number| long.any(|other| voiceless(other) == voiceless(number)))
}

/// Consonants that Zhirmunsky (Rifma, 1923) lists as rhyming approximately: sonorants, stops, fricatives, affricates.
fn family(number: u8) -> u8 {
    match voiceless(number) {
        17..=20 => 1,
        7 | 9 | 10 => 2,
        8 | 12 | 11 | 16 | 15 => 3,
        13 | 14 => 4,
        other => other + 10,
    }
}

/// How two vowels after the stress agree, the closest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weak {
    Same,
    /// `a` and `o` after hard consonants, `e` and `i`.
    Reduced,
    /// `a`, `e`, `i`, of which one at least stands after a soft consonant.
    Near,
    Unlike,
}

pub(super) const WEAKS: usize = 4;

pub(super) fn compare_weak(a: Phone, b: Phone) -> Weak {
    let (one, other) = (a & 0x1f, b & 0x1f);
    if one == other {
        return Weak::Same;
    }
    match (one.min(other), one.max(other)) {
        (1, 4) | (2, 3) => Weak::Reduced,
        (1, 2 | 3) | (2 | 3, 4) => Weak::Near,
        _ => Weak::Unlike,
    }
}
