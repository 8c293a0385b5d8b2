//! `structure`: sections and hooks of texts of our own, with and without blank lines, and that no text can stop it.

use proptest::prelude::*;
use rhapsode::analyze::structure::{Kind, structure, verse_lines};

/// A song with two verses and a chorus that comes three times.
const POP: &str = "\
I packed my bag on Monday night,
I left the kitchen by its light,
The train was late, the rain was loud,
I walked alone among the crowd.

Carry me home, carry me slow,
Over the river and under the snow,
Carry me home, I want you to know
I never wanted to go.

The city kept me half a year,
It sold me noise, it sold me beer,
It wrote my name upon a door,
And then it could not any more.

Carry me home, carry me slow,
Over the river and under the snow,
Carry me home, I want you to know
I never wanted to go.

My mother writes that spring is near,
The road is long, the sky is clear,
I count the stations on my hand,
I smell the smoke, I see the land.

Carry me home, carry me slow,
Over the river and under the snow,
Carry me home, I want you to know
I never wanted to go.
";

const RUSSIAN: &str = "\
Я вышел рано на крыльцо,
И ветер мне подул в лицо,
А за рекой горел костёр,
И кто-то начал разговор.

Ой, лети, моя песня, лети,
По степи, по дороге, в пути,
Ой, лети, никого не зови,
Расскажи ей о нашей любви.

Я шёл до вечера один,
Среди берёз, среди осин,
А за рекой костёр погас,
И не дождался он до нас.

Ой, лети, моя песня, лети,
По степи, по дороге, в пути,
Ой, лети, никого не зови,
Расскажи ей о нашей любви.
";

fn form(text: &str) -> String {
    structure(text).sections.iter().map(|section| section.kind.letter()).collect()
}

fn without_breaks(text: &str) -> String {
    text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_chorus_is_found_with_blank_lines_and_without() {
    for (text, expected) in [(POP, "VCVCVC"), (RUSSIAN, "VCVC")] {
        assert_eq!(form(text), expected);
        assert_eq!(form(&without_breaks(text)), expected);
        assert_eq!((structure(text).is_given, structure(&without_breaks(text)).is_given), (Some(true), Some(false)));
    }
}

#[test]
fn the_hook_is_the_chorus_that_comes_most_often() {
    let found = structure(&without_breaks(POP));
    assert_eq!((found.hook_length, found.hook_occurrences), (Some(4), Some(3)));
    assert_eq!(found.hook_lines[0], "Carry me home, carry me slow,");
    assert!((found.hook_position.unwrap() - 4.0 / 24.0).abs() < 1e-12);
    assert!((found.chorus_share.unwrap() - 0.5).abs() < 1e-12);
    // Two of the three choruses were said before.
    assert!((found.repetition_ratio.unwrap() - 8.0 / 24.0).abs() < 1e-12);
}

#[test]
fn without_a_chorus_the_hook_is_the_line_that_comes_most_often() {
    let found = structure("One more night\nthe river ran\nOne more night!\nthe morning came");
    assert_eq!((found.hook_length, found.hook_occurrences), (Some(1), Some(2)));
    assert_eq!(found.hook_lines, ["One more night"]);
    assert_eq!(structure("one\ntwo\nthree").hook_length, None);
}

#[test]
fn labels_name_sections_and_are_no_lines() {
    let text = "[Intro]\nyeah\n[Verse 1: Somebody]\na b c\nd e f\n[Hook x2]\ng h i\n(Bridge)\nj k l\nOutro:\nm n o";
    assert_eq!(form(text), "IVHBO");
    assert_eq!(verse_lines(text).len(), 6);
    assert_eq!(form("Куплет 1:\nраз два\n[Припев]\nтри четыре\nПредприпев:\nпять"), "VCP");
    // A line of verse may begin with such a word.
    assert_eq!(form("Bridge of sighs, bridge of tears\nchorus of angels sing"), "V");
    assert_eq!(form("[Guitar solo]\nlast line"), "X");
}

#[test]
fn windows_line_breaks_are_not_blank_lines() {
    assert_eq!(structure(&without_breaks(POP).replace('\n', "\r\n")), structure(&without_breaks(POP)));
}

#[test]
fn a_lone_verse_between_the_last_choruses_is_a_bridge() {
    let (chorus, bridge) = ("la la hey\nla la ho", "and then\nit stopped\nall night");
    let verse = |n: usize| format!("line {n} a\nline {n} b");
    let text = [verse(1), chorus.into(), verse(2), chorus.into(), bridge.into(), chorus.into()].join("\n\n");
    assert_eq!(form(&text), "VCVCBC");
}

#[test]
fn no_text_is_too_odd() {
    let same = "la\n".repeat(20_000);
    let different: String = (0..20_000).map(|n| format!("{n}\n")).collect();
    let long = "word ".repeat(200_000);
    let blocks = "la\n\n".repeat(250_000);
    let pairs = "la la\nla\n\n".repeat(80_000);
    for text in [
        "",
        "\n\n",
        "🎤🎶\n🎤🎶",
        "שלום\nעולם",
        "\u{0}\n\u{200d}",
        "[\n]",
        "()",
        &same,
        &different,
        &long,
        &blocks,
        &pairs,
    ] {
        let found = structure(text);
        let lines: usize = found.sections.iter().map(|section| section.lines).sum();
        assert_eq!(lines, verse_lines(text).len());
    }
    assert_eq!(structure("").sections, []);
}

proptest! {
    #[test]
    fn sections_follow_one_another_and_hold_every_line(text in "(([ab]{1,2} ?){1,3}[.,!]?\n{1,2}){0,60}") {
        let found = structure(&text);
        let mut next = 0;
        for section in &found.sections {
            prop_assert_eq!(section.start, next);
            prop_assert!(section.lines > 0);
            next += section.lines;
        }
        prop_assert_eq!(next, verse_lines(&text).len());
        prop_assert!(found.sections.iter().all(|section| section.kind != Kind::Other));
    }
}
