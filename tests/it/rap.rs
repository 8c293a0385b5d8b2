//! Thirty rap verses of our own (tests/data/rap): what the analyzers hear in them, beside what is written there. Floors
//! against regressions: the verses are denser and cleaner than rap that is sung.

use rhapsode::analyze::rhyme::classes;
use rhapsode::analyze::structure::{Kind, structure};
use serde::Deserialize;

#[derive(Deserialize)]
struct Verse {
    language: String,
    lines: Vec<String>,
    /// From 1.
    section_starts: Vec<usize>,
    end_rhyme: Vec<String>,
    /// From 1.
    hook_lines: Vec<usize>,
}

/// Of what was found: what is so; all; and what is so at all.
#[derive(Default)]
struct Counts([usize; 3]);

impl Counts {
    fn add(&mut self, found: bool, truth: bool) {
        let counts = [found && truth, found, truth];
        self.0.iter_mut().zip(counts).for_each(|(sum, holds)| *sum += usize::from(holds));
    }

    fn f1(&self) -> f64 {
        2.0 * self.0[0] as f64 / (self.0[1] + self.0[2]) as f64
    }
}

fn verses(language: &str) -> Vec<Verse> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rap/verses.jsonl")).unwrap();
    let verses = text.lines().map(|line| serde_json::from_str::<Verse>(line).unwrap());
    verses.filter(|verse| verse.language == language).collect()
}

/// The sections, each of its lines.
fn sections(verse: &Verse) -> Vec<std::ops::Range<usize>> {
    let mut starts: Vec<usize> = verse.section_starts.iter().map(|start| start - 1).collect();
    starts.push(verse.lines.len());
    starts.windows(2).map(|bounds| bounds[0]..bounds[1]).collect()
}

/// Over all pairs of lines of a section.
fn end_rhymes(language: &str) -> f64 {
    let mut counts = Counts::default();
    for verse in verses(language) {
        let sections = sections(&verse);
        let stanzas: Vec<String> = sections.iter().map(|lines| verse.lines[lines.clone()].join("\n")).collect();
        let found = classes(&stanzas.join("\n\n"));
        assert_eq!(found.len(), sections.len());
        for (classes, lines) in found.iter().zip(sections) {
            let truth = &verse.end_rhyme[lines];
            for later in 0..truth.len() {
                for earlier in 0..later {
                    let rhymes = truth[earlier] == truth[later] && truth[later] != "-";
                    counts.add(classes[earlier] == classes[later], rhymes);
                }
            }
        }
    }
    counts.f1()
}

/// Over all lines of the verses that have a hook, given without blank lines.
fn hooks(language: &str) -> f64 {
    let mut counts = Counts::default();
    for verse in verses(language).iter().filter(|verse| !verse.hook_lines.is_empty()) {
        let found = structure(&verse.lines.join("\n"));
        let choruses: Vec<_> = found.sections.iter().filter(|section| section.kind == Kind::Chorus).collect();
        for line in 0..verse.lines.len() {
            let is_found =
                choruses.iter().any(|section| (section.start..section.start + section.lines).contains(&line));
            counts.add(is_found, verse.hook_lines.contains(&(line + 1)));
        }
    }
    counts.f1()
}

#[test]
fn end_rhymes_of_rap_are_heard() {
    let (english, russian) = (end_rhymes("en"), end_rhymes("ru"));
    assert!(english > 0.85 && russian > 0.85, "pair F1: English {english:.3}, Russian {russian:.3}");
}

#[test]
fn hooks_of_rap_are_found_without_blank_lines() {
    let (english, russian) = (hooks("en"), hooks("ru"));
    assert!(english > 0.9 && russian > 0.9, "F1 of lines: English {english:.3}, Russian {russian:.3}");
}
