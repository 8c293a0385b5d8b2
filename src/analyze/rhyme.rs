//! `rhyme`: which lines of a text rhyme, and how.
//!
//! A line ends in its last word; labels in brackets and ad-libs in parentheses at its end are no part of it. How much
//! the sounds of two ends speak for a rhyme is learnt from verse (`english`, `russian`); which lines rhyme is the
//! likeliest partition of a stanza, given all its pairs, the schemes that poets use and the other stanzas (`scheme`).

mod accent;
mod columns;
mod density;
pub(crate) mod english;
mod internal;
mod kind;
mod links;
mod metre;
pub mod russian;
pub(crate) mod scheme;
mod sound;
mod stanzas;
mod verse;
mod vocabulary;

use arrow::array::StructArray;

use self::columns::COLUMNS;
pub use self::kind::Kind;
use self::links::Links;
use self::metre::Metre;
pub use self::russian::StressDictionary;
use self::sound::Sound;
use self::stanzas::Stanza;
use self::verse::Verse;
use super::column::{self, Column};
use super::{Analyzer, Input, OutputField};

pub(super) const ANALYZER: Analyzer = Analyzer {
    name: "rhyme",
    version: 2,
    description: "Which lines of a text rhyme, and how: schemes, kinds of rhyme, density, metre.",
    reads_vectors: false,
    reads_themes: false,
    reads_stress: true,
    fields: output_fields,
    run: analyze,
};

/// What [`rhyme`] finds in a text. Counts are 0 and measures null where there is no line of verse.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rhyme {
    /// The scheme of most stanzas, of the first such one; null where no line rhymes.
    pub scheme: Option<String>,
    /// A letter for each line, `-` for one that rhymes with none: `ABAB`, `-A-A`.
    pub schemes: Vec<String>,
    /// Lines that rhyme with another of their stanza.
    pub rhymed_lines: usize,
    pub rhymed_share: Option<f64>,
    /// Of the pairs of rhymed lines, each with the one before it of the same sound, those that are [`Kind::Perfect`].
    pub perfect_share: Option<f64>,
    pub family_share: Option<f64>,
    pub assonant_share: Option<f64>,
    pub spelling_share: Option<f64>,
    /// Of the same pairs, those that end in the same word.
    pub identical_share: Option<f64>,
    /// Pairs that share two syllables or more, from a stressed vowel on, or the vowels of as many and nearly the first
    /// consonant.
    pub multisyllabic: usize,
    pub multisyllabic_share: Option<f64>,
    /// Words within a line that rhyme perfectly with another word of it or of the line before, per line.
    pub internal_per_line: Option<f64>,
    /// The same, those too that share the stressed vowel and nearly the consonant after it: rap's half rhymes. Verse that
    /// does not mean them has some by chance.
    pub near_internal_per_line: Option<f64>,
    /// Vowels of the longest assonant rhyme that ends at a word, mean over words (Malmi et al. 2016).
    pub density: Option<f64>,
    /// Consecutive lines on one sound, at most; 0 where no line rhymes with its neighbour.
    pub longest_chain: usize,
    pub line_syllables_mean: Option<f64>,
    /// The standard deviation of all lines, not of a sample.
    pub line_syllables_sd: Option<f64>,
    /// Share of the lines that are as long, give or take a syllable, as their like in other stanzas.
    pub regularity: Option<f64>,
}

/// The rhymes of a text, Russian words stressed by rule. Time is linear in its length.
pub fn rhyme(text: &str) -> Rhyme {
    rhyme_with(text, &StressDictionary::default())
}

/// The rhymes of a text. Time is linear in its length.
pub fn rhyme_with(text: &str, stress: &StressDictionary) -> Rhyme {
    let verse = Verse::of(text);
    let words = vocabulary::spoken(&verse.words, stress);
    let ends: Vec<Option<Sound>> = verse.lines.iter().map(|line| Sound::of_line(&line.words, &words)).collect();
    let stanzas = stanzas::solve(&verse, &ends);
    let links = Links::of(&verse, &words, &ends, &stanzas);
    let metre = Metre::of(&verse, &words);
    let internal = internal::count(&verse, &words);
    let lines = verse.lines.len();
    let rhymed_lines = stanzas.iter().map(Stanza::rhymed_lines).sum();
    let schemes = stanzas::letters(&stanzas);
    let per_line = |count: usize| (lines > 0).then(|| count as f64 / lines as f64);
    let per_link = |count: usize| (links.total > 0).then(|| count as f64 / links.total as f64);
    Rhyme {
        scheme: stanzas::dominant(&schemes),
        rhymed_lines,
        rhymed_share: per_line(rhymed_lines),
        perfect_share: per_link(links.perfect),
        family_share: per_link(links.family),
        assonant_share: per_link(links.assonant),
        spelling_share: per_link(links.spelling),
        identical_share: per_link(links.identical),
        multisyllabic: links.multisyllabic,
        multisyllabic_share: per_link(links.multisyllabic),
        internal_per_line: per_line(internal.perfect),
        near_internal_per_line: per_line(internal.near),
        density: density::density(&verse, &words),
        longest_chain: stanzas.iter().map(Stanza::longest_chain).max().unwrap_or(0),
        line_syllables_mean: metre.mean,
        line_syllables_sd: metre.standard_deviation,
        regularity: metre.regularity,
        schemes,
    }
}

fn output_fields() -> Vec<OutputField> {
    COLUMNS.iter().map(Column::output_field).collect()
}

fn analyze(input: &Input<'_>) -> StructArray {
    let rows: Vec<Option<Rhyme>> =
        input.texts.iter().map(|text| text.map(|text| rhyme_with(text, input.stress))).collect();
    column::struct_array(COLUMNS, &rows)
}

/// For each stanza between blank lines the class of each line, from 0 in the order of their first lines; lines of one
/// class rhyme. Russian words are stressed by rule.
pub fn classes(text: &str) -> Vec<Vec<usize>> {
    classes_with(text, &StressDictionary::default())
}

/// The same by a dictionary of stresses.
pub fn classes_with(text: &str, stress: &StressDictionary) -> Vec<Vec<usize>> {
    let verse = Verse::of(text);
    let words = vocabulary::spoken(&verse.words, stress);
    let ends: Vec<Option<Sound>> = verse.lines.iter().map(|line| Sound::of_line(&line.words, &words)).collect();
    stanzas::solve(&verse, &ends).into_iter().map(|stanza| stanza.classes).collect()
}

/// Where a word stands: its line, of those that have words, and its place among the words of the line; from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub line: usize,
    pub word: usize,
}

/// What rhymes in a text besides the ends of lines, pair by pair; the earlier word first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Words of one line or of two neighbours, not both last in their lines.
    pub internal: Vec<[Place; 2]>,
    /// Words that end a rhyme of two syllables or more: last words of lines that rhyme, and words of one line or of two
    /// neighbours. A pair may stand here twice.
    pub multisyllabic: Vec<[Place; 2]>,
}

/// The pairs that `near_internal_per_line` and `multisyllabic` of [`Rhyme`] come from: for those who measure them.
pub fn pairs(text: &str, stress: &StressDictionary) -> Pairs {
    let verse = Verse::of(text);
    let words = vocabulary::spoken(&verse.words, stress);
    let ends: Vec<Option<Sound>> = verse.lines.iter().map(|line| Sound::of_line(&line.words, &words)).collect();
    let stanzas = stanzas::solve(&verse, &ends);
    let (internal, neighbours) = internal::pairs(&verse, &words);
    let mut multisyllabic = links::multisyllabic_pairs(&verse, &words, &ends, &stanzas);
    multisyllabic.extend(neighbours);
    Pairs { internal, multisyllabic }
}

/// The words of a line as they are heard, folded: cut at hyphens, without numbers and ad-libs at its end.
pub fn words(line: &str) -> Vec<String> {
    let verse = Verse::of(line);
    let heard = verse.lines.iter().flat_map(|line| &line.words);
    heard.filter_map(|&word| verse.words.get(usize::try_from(word).ok()?).cloned()).collect()
}

/// The ends of the lines of an English stanza, one for each line; none for a line without an English word at its end.
pub(crate) fn ends(lines: &[String]) -> Vec<Option<english::Sound>> {
    let stress = &StressDictionary::default();
    let end = |line: &String| {
        let verse = Verse::of(line);
        let words = vocabulary::spoken(&verse.words, stress);
        match verse.lines.first().and_then(|line| Sound::of_line(&line.words, &words))? {
            Sound::English(sound) => Some(sound),
            Sound::Russian(_) => None,
        }
    };
    lines.iter().map(end).collect()
}
