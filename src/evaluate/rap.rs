//! How well `rhyme` and `structure` hear rap: rhymes at the ends of lines, within lines and of several syllables, and hooks.
//!
//! Nothing is refitted: no constant was learnt from these verses.

mod written;

use std::collections::BTreeSet;
use std::ops::Range;

use super::bootstrap::{Interval, interval};
use super::counts::Counts;
use crate::analyze::rhyme::{self, Place, StressDictionary};
use crate::analyze::structure::{Kind, structure};

pub(super) use self::written::WrittenVerse;

/// A verse whose rhymes and hook are known. Lines are counted from 0, words from 0 between white space.
#[derive(Clone, Debug, PartialEq)]
pub struct Verse {
    /// `en`, `ru`.
    pub language: String,
    pub lines: Vec<String>,
    /// The lines of each section.
    pub sections: Vec<Range<usize>>,
    /// Lines of one section with the same letter rhyme; `-` with none.
    pub end_rhyme: Vec<String>,
    /// Words that rhyme on one line or on two neighbours, not both last in their lines; the earlier word first.
    pub internal: BTreeSet<[Place; 2]>,
    /// Spans whose rhyme covers two syllables or more.
    pub multisyllabic: Vec<[Span; 2]>,
    /// The lines of the chorus, each time it comes.
    pub hook_lines: BTreeSet<usize>,
}

/// Consecutive words of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub line: usize,
    pub words: Range<usize>,
}

/// What was found in some verses beside what is so.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Pairs of lines of a section.
    pub end_rhymes: Counts,
    /// Pairs of words.
    pub internal: Counts,
    /// Pairs of spans. A found pair of words is a pair of spans where both words stand in them.
    pub multisyllabic: Counts,
    /// Lines of the verses as they are without blank lines.
    pub hook_lines: Counts,
}

/// What was found of one kind, and 95 % for its figures by bootstrap over verses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    pub counts: Counts,
    pub precision_interval: Interval,
    pub recall_interval: Interval,
    pub f1_interval: Interval,
}

/// The figures of all verses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    pub verses: usize,
    pub end_rhymes: Measure,
    pub internal: Measure,
    pub multisyllabic: Measure,
    pub hook_lines: Measure,
}

/// What the analyzers find in the verses of one language.
pub fn measure(verses: &[Verse], language: &str, stress: &StressDictionary) -> Figures {
    let verses = verses.iter().filter(|verse| verse.language == language);
    let scores: Vec<Score> = verses.map(|verse| Score::of(verse, stress)).collect();
    let of = |counts: fn(&Score) -> Counts| Measure::of(&scores.iter().map(counts).collect::<Vec<Counts>>());
    Figures {
        verses: scores.len(),
        end_rhymes: of(|score| score.end_rhymes),
        internal: of(|score| score.internal),
        multisyllabic: of(|score| score.multisyllabic),
        hook_lines: of(|score| score.hook_lines),
    }
}

impl Measure {
    fn of(verses: &[Counts]) -> Measure {
        let mut counts = Counts::default();
        verses.iter().for_each(|verse| counts.add(verse));
        Measure {
            counts,
            precision_interval: interval(verses, Counts::add, Counts::precision),
            recall_interval: interval(verses, Counts::add, Counts::recall),
            f1_interval: interval(verses, Counts::add, Counts::f1),
        }
    }
}

impl Score {
    /// Of one verse.
    pub fn of(verse: &Verse, stress: &StressDictionary) -> Score {
        let stanzas = verse.sections.iter().filter_map(|lines| Some(verse.lines.get(lines.clone())?.join("\n")));
        let text = stanzas.collect::<Vec<String>>().join("\n\n");
        let found = rhyme::pairs(&text, stress);
        let words = Words::of(&verse.lines);
        Score {
            end_rhymes: end_rhymes(verse, &rhyme::classes_with(&text, stress)),
            internal: internal(verse, &chained(verse, &words.written(&found.internal))),
            multisyllabic: multisyllabic(verse, &words.written(&found.multisyllabic)),
            hook_lines: hook_lines(verse),
        }
    }
}

fn end_rhymes(verse: &Verse, found: &[Vec<usize>]) -> Counts {
    let mut counts = Counts::default();
    for (classes, lines) in found.iter().zip(&verse.sections) {
        let truth = verse.end_rhyme.get(lines.clone()).unwrap_or_default();
        for (later, letter) in truth.iter().enumerate() {
            for (earlier, other) in truth.iter().enumerate().take(later) {
                counts.count(classes.get(earlier) == classes.get(later), letter == other && letter != "-");
            }
        }
    }
    counts
}

/// Pairs of two last words are rhymes at the ends of lines; both sides leave them out.
fn internal(verse: &Verse, found: &BTreeSet<[Place; 2]>) -> Counts {
    let mut counts = Counts::default();
    for pair in found.union(&verse.internal) {
        counts.count(found.contains(pair), verse.internal.contains(pair));
    }
    counts
}

/// As gold lists them: on two neighbouring lines all words that are linked there, directly or through others, but for
/// those of one spelling and two last words.
fn chained(verse: &Verse, found: &BTreeSet<[Place; 2]>) -> BTreeSet<[Place; 2]> {
    let tokens: Vec<Vec<&str>> = verse.lines.iter().map(|line| line.split_whitespace().collect()).collect();
    let is_last = |place: &Place| tokens.get(place.line).is_some_and(|words| place.word + 1 == words.len());
    let spelling = |place: &Place| {
        let word = tokens.get(place.line).and_then(|words| words.get(place.word)).copied().unwrap_or_default();
        written::bare(word).to_lowercase()
    };
    let mut chained = BTreeSet::new();
    for first in 0..tokens.len() {
        let mut chains: Vec<BTreeSet<Place>> = Vec::new();
        for pair in found.iter().filter(|pair| pair.iter().all(|place| (first..first + 2).contains(&place.line))) {
            let (joined, apart): (Vec<_>, Vec<_>) =
                chains.into_iter().partition(|chain| pair.iter().any(|place| chain.contains(place)));
            chains = apart;
            chains.push(joined.into_iter().flatten().chain(*pair).collect());
        }
        for chain in &chains {
            for later in chain {
                let others = chain.iter().take_while(|earlier| *earlier < later);
                let listed = others.filter(|one| spelling(one) != spelling(later) && !(is_last(one) && is_last(later)));
                chained.extend(listed.map(|earlier| [*earlier, *later]));
            }
        }
    }
    chained
}

/// Each found pair that stands in a known pair of spans is that pair; several may be the same.
fn multisyllabic(verse: &Verse, found: &BTreeSet<[Place; 2]>) -> Counts {
    let mut counts = Counts::default();
    let mut heard = BTreeSet::new();
    for [earlier, later] in found {
        let stands = |[one, other]: &[Span; 2]| one.has(*earlier) && other.has(*later);
        match verse.multisyllabic.iter().position(stands) {
            Some(known) => _ = heard.insert(known),
            None => counts.count(true, false),
        }
    }
    (0..verse.multisyllabic.len()).for_each(|known| counts.count(heard.contains(&known), true));
    counts
}

/// The chorus lines of the text without blank lines.
fn hook_lines(verse: &Verse) -> Counts {
    let sections = structure(&verse.lines.join("\n")).sections;
    let choruses = sections.iter().filter(|section| section.kind == Kind::Chorus);
    let found: BTreeSet<usize> = choruses.flat_map(|section| section.start..section.start + section.lines).collect();
    let mut counts = Counts::default();
    (0..verse.lines.len()).for_each(|line| counts.count(found.contains(&line), verse.hook_lines.contains(&line)));
    counts
}

impl Span {
    fn has(&self, place: Place) -> bool {
        self.line == place.line && self.words.contains(&place.word)
    }
}

/// Which word between white space each word of the analyzer stands in: it cuts at hyphens and leaves out numbers.
struct Words(Vec<(usize, Vec<usize>)>);

impl Words {
    fn of(lines: &[String]) -> Words {
        let mut words = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            let tokens = line.split_whitespace().enumerate();
            let of_line: Vec<usize> =
                tokens.flat_map(|(at, token)| std::iter::repeat_n(at, rhyme::words(token).len())).collect();
            // A line without words is none to the analyzer.
            if !of_line.is_empty() {
                words.push((number, of_line));
            }
        }
        Words(words)
    }

    /// Pairs as they are counted in gold, the earlier word first; without those of one word with itself.
    fn written(&self, pairs: &[[Place; 2]]) -> BTreeSet<[Place; 2]> {
        let place = |place: &Place| {
            let (line, words) = self.0.get(place.line)?;
            Some(Place { line: *line, word: *words.get(place.word)? })
        };
        let pair = |[one, other]: &[Place; 2]| {
            let (one, other) = (place(one)?, place(other)?);
            (one != other).then_some([one.min(other), one.max(other)])
        };
        pairs.iter().filter_map(pair).collect()
    }
}
