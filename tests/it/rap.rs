//! Thirty rap verses of our own (tests/data/rap): what the analyzers hear in them, beside what is written there. Floors
//! against regressions: the verses are denser and cleaner than rap that is sung.

use std::path::Path;

use proptest::prelude::*;
use rhapsode::analyze::rhyme::{Place, StressDictionary, pairs, rhyme, words};
use rhapsode::evaluate::rap::{Figures, Score, Span, Verse, measure};
use rhapsode::evaluate::read_verses;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rap"))
}

fn figures(language: &str) -> Figures {
    measure(&read_verses(folder()).unwrap(), language, &StressDictionary::default())
}

#[test]
fn rap_is_heard() {
    for (language, internal, multisyllabic) in
        [("en", INTERNAL[0], MULTISYLLABIC[0]), ("ru", INTERNAL[1], MULTISYLLABIC[1])]
    {
        let Figures { verses, end_rhymes, internal: within, multisyllabic: long, hook_lines } = figures(language);
        let f1 = [end_rhymes, within, long, hook_lines].map(|measure| measure.counts.f1());
        assert_eq!(verses, 15);
        let floors = [0.85, internal, multisyllabic, 0.9];
        assert!(f1.iter().zip(floors).all(|(f1, floor)| *f1 > floor), "{language}: {f1:?}, floors {floors:?}");
        let interval = within.f1_interval;
        assert!(interval.low <= within.counts.f1() && within.counts.f1() <= interval.high);
    }
}

fn place(line: usize, word: usize) -> Place {
    Place { line, word }
}

/// `Cat` and `hat` within lines, linked to `bat`, which ends one.
fn verse() -> Verse {
    Verse {
        language: "en".to_owned(),
        lines: ["The cat saw hats-hat and then", "a rock, 7 bat"].map(str::to_owned).to_vec(),
        sections: std::iter::once(0..2).collect(),
        end_rhyme: vec!["-".to_owned(), "-".to_owned()],
        internal: [[place(0, 1), place(0, 3)], [place(0, 1), place(1, 3)], [place(0, 3), place(1, 3)]].into(),
        multisyllabic: Vec::new(),
        hook_lines: [].into(),
    }
}

#[test]
fn words_are_counted_between_white_space() {
    let score = Score::of(&verse(), &StressDictionary::default());
    assert_eq!((score.internal.precision(), score.internal.recall()), (1.0, 1.0));
}

#[test]
fn pairs_of_spans_count_once() {
    let span = |line: usize, words: std::ops::Range<usize>| Span { line, words };
    let verse = Verse {
        lines: ["I was walking in the water", "and she called him for her daughter"].map(str::to_owned).to_vec(),
        end_rhyme: vec!["A".to_owned(), "A".to_owned()],
        internal: [].into(),
        multisyllabic: vec![[span(0, 4..6), span(1, 5..7)], [span(0, 2..3), span(1, 2..3)]],
        ..verse()
    };
    let score = Score::of(&verse, &StressDictionary::default());
    assert_eq!((score.multisyllabic.precision(), score.multisyllabic.recall()), (1.0, 0.5));
    assert_eq!(score.end_rhymes.f1(), 1.0);
}

#[test]
fn a_verse_that_is_wrong_is_refused_by_its_line() {
    let written = |internal: &str, spans: &str| {
        format!(
            r#"{{"language": "en", "lines": ["a cat", "a hat"], "section_starts": [1], "end_rhyme": ["A", "A"], "internal": {internal}, "multisyllabic": {spans}, "hook_lines": []}}"#
        )
    };
    let refusal = |row: String| {
        let folder = std::env::temp_dir().join(format!("rap-{}-{}", std::process::id(), row.len()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("verses.jsonl"), row).unwrap();
        let refusal = read_verses(&folder).map_err(|error| error.to_string());
        std::fs::remove_dir_all(&folder).unwrap();
        refusal.err().unwrap_or_default()
    };
    assert_eq!(refusal(written("[]", "[]")), "");
    assert!(refusal(written("[[[1, 2], [3, 2]]]", "[]")).ends_with("line 1: there is no line 3"));
    assert!(refusal(written("[[[1, 2], [2, 0]]]", "[]")).ends_with("line 1: words are counted from 1"));
    let late = written("[]", "[]").replace(r#""section_starts": [1]"#, r#""section_starts": [2]"#);
    assert!(refusal(late).ends_with("`section_starts` does not begin with 1 and rise from line to line"));
    let spans = r#"[{"lines": [1, 2], "words": [["dog"], ["hat"]]}]"#;
    assert!(refusal(written("[]", spans)).ends_with("line 1: `dog` does not stand in line 1"));
}

proptest! {
    #[test]
    fn pairs_are_in_reach(text in "([a-zа-яё' ,()-]{0,40}\n{0,2}){0,12}") {
        let lines: Vec<Vec<String>> = text.lines().map(words).filter(|words| !words.is_empty()).collect();
        let found = pairs(&text, &StressDictionary::default());
        for [one, other] in &found.internal {
            let is_last = |place: &Place| place.word + 1 == lines[place.line].len();
            prop_assert!(one < other && other.line - one.line <= 1 && !(is_last(one) && is_last(other)));
            prop_assert_ne!(&lines[one.line][one.word], &lines[other.line][other.word]);
        }
        for [one, other] in &found.multisyllabic {
            prop_assert!(one < other);
            prop_assert_ne!(&lines[one.line][one.word], &lines[other.line][other.word]);
        }
    }

    #[test]
    fn words_are_counted_that_stand_in_a_pair(text in "((night|light|late|paper|крик|миг|он|my)[ \n]){0,40}") {
        let lines: Vec<Vec<String>> = text.lines().map(words).filter(|words| !words.is_empty()).collect();
        let found = pairs(&text, &StressDictionary::default()).internal;
        let mut rhyming = std::collections::BTreeSet::new();
        for [one, other] in found {
            // A word rhymes with the line before, not with the one after.
            if one.line == other.line && one.word + 1 < lines[one.line].len() {
                rhyming.insert(one);
            }
            if other.word + 1 < lines[other.line].len() {
                rhyming.insert(other);
            }
        }
        let per_line = (!lines.is_empty()).then(|| rhyming.len() as f64 / lines.len() as f64);
        let measured = rhyme(&text);
        prop_assert_eq!(measured.near_internal_per_line, per_line);
        prop_assert!(measured.internal_per_line <= measured.near_internal_per_line);
    }

    #[test]
    fn any_verse_is_scored(lines in prop::collection::vec("[a-z(7) -]{0,24}", 0..6), starts in 0usize..6) {
        let count = lines.len();
        let cut = starts.min(count);
        let verse = Verse { sections: vec![0..cut, cut..count], end_rhyme: vec!["A".to_owned(); count], lines, ..verse() };
        let score = Score::of(&verse, &StressDictionary::default());
        prop_assert!((0.0..=1.0).contains(&score.internal.f1()));
    }
}

/// F1 of English and Russian.
const INTERNAL: [f64; 2] = [0.85, 0.55];
const MULTISYLLABIC: [f64; 2] = [0.7, 0.6];
