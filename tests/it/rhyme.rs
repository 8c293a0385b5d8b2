//! `rhyme`: schemes that anyone hears, kinds of rhyme, and that nothing in a text can stop it.

use rhapsode::analyze::rhyme::{Rhyme, classes, rhyme};
use rhapsode::evaluate::SchemeFigures;
use rhapsode::evaluate::rhyme::{Setting, Stanza, cross_validate};

/// William Blake, The Tyger (1794), two stanzas. `eye` and `symmetry` rhymed by the spelling of his time.
const TYGER: &str = "\
Tyger Tyger, burning bright,
In the forests of the night;
What immortal hand or eye,
Could frame thy fearful symmetry?

In what distant deeps or skies,
Burnt the fire of thine eyes?
On what wings dare he aspire?
What the hand, dare seize the fire?
";

/// William Shakespeare, Sonnet 18 (1609).
const SONNET: &str = "\
Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date:
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance, or nature's changing course, untrimm'd;
But thy eternal summer shall not fade,
Nor lose possession of that fair thou ow'st;
Nor shall Death brag thou wander'st in his shade,
When in eternal lines to time thou grow'st;
So long as men can breathe, or eyes can see,
So long lives this, and this gives life to thee.
";

fn schemes(text: &str) -> Vec<String> {
    rhyme(text).schemes
}

#[test]
fn stanzas_have_the_schemes_that_anyone_hears() {
    assert_eq!(schemes(TYGER), ["AABB", "AABB"]);
    assert_eq!(schemes(SONNET), ["ABABCDCDEFEFGG"]);
    // Emily Dickinson (1861): a ballad stanza, with `Storm`, `warm`.
    assert_eq!(
        schemes(
            "And sweetest in the Gale is heard\n\
             And sore must be the storm\n\
             That could abash the little Bird\n\
             That kept so many warm"
        ),
        ["ABAB"]
    );
    // Samuel Taylor Coleridge, The Rime of the Ancient Mariner (1798).
    assert_eq!(
        schemes(
            "Day after day, day after day,\n\
             We stuck, nor breath nor motion;\n\
             As idle as a painted ship\n\
             Upon a painted ocean."
        ),
        ["-A-A"]
    );
    // Alfred Tennyson, In Memoriam (1850): `love`, `prove` for the eye.
    assert_eq!(
        schemes(
            "Strong Son of God, immortal Love,\n\
             Whom we, that have not seen thy face,\n\
             By faith, and faith alone, embrace,\n\
             Believing where we cannot prove;"
        ),
        ["ABBA"]
    );
}

#[test]
fn the_dominant_scheme_is_that_of_most_stanzas() {
    let mixed = format!("{TYGER}\nOne is the way\nTwo is the sea\nThree is the day\nFour is for me\n");
    assert_eq!(rhyme(&mixed).scheme.as_deref(), Some("AABB"));
    assert_eq!(rhyme("The orange\nA window\n").scheme, None);
}

#[test]
fn labels_are_no_lines_and_ad_libs_no_ends() {
    let bare = "We ran into the night\nAnd never saw the light";
    let sung = "[Chorus]\nWe ran into the night (hey, hey)\nAnd never saw the light (oh)\n[Outro: all]";
    assert_eq!(schemes(sung), schemes(bare));
    assert_eq!(schemes(bare), ["AA"]);
    // A line that is all in parentheses is a line.
    assert_eq!(schemes("(We ran into the night)\n(And never saw the light)"), ["AA"]);
}

#[test]
fn kinds_are_told_apart() {
    let of = |one: &str, other: &str| rhyme(&format!("It was the {one}\nAnd then the {other}\n"));
    assert_eq!(of("night", "light").perfect_share, Some(1.0));
    assert_eq!(of("love", "prove").spelling_share, Some(1.0));
    assert_eq!(of("night", "night").identical_share, Some(1.0));
    let family = of("rain", "fame");
    assert!(family.rhymed_lines == 0 || family.family_share == Some(1.0));
}

#[test]
fn rhymes_of_several_syllables_count_from_a_stressed_vowel_and_across_words() {
    let of = |text: &str| rhyme(text).multisyllabic;
    assert_eq!(of("I will explain the nation\nAnd all its explanation\n"), 1);
    assert_eq!(of("I never knew that he had met her\nUntil I saw the second letter\n"), 1);
    assert_eq!(of("We ran into the night\nAnd never saw the light\n"), 0);
}

#[test]
fn words_rhyme_within_a_line() {
    let raven = "Once upon a midnight dreary, while I pondered, weak and weary,";
    assert_eq!(rhyme(raven).internal_per_line, Some(1.0));
    assert_eq!(rhyme("The quick brown fox jumps over the lazy dog").internal_per_line, Some(0.0));
}

#[test]
fn near_rhymes_within_lines_keep_the_vowel_and_nearly_the_consonant() {
    let of = |text: &str| {
        let found = rhyme(text);
        (found.internal_per_line, found.near_internal_per_line)
    };
    assert_eq!(of("The late paper came down"), (Some(0.0), Some(2.0)));
    assert_eq!(of("The night light came down"), (Some(2.0), Some(2.0)));
    assert_eq!(of("The late label came down"), (Some(0.0), Some(0.0)));
}

/// By hand: `cat` has nothing before it, `bat` agrees with it in one vowel.
#[test]
fn density_is_the_mean_of_the_longest_rhymes() {
    assert_eq!(rhyme("cat bat").density, Some(0.5));
    assert_eq!(rhyme("cat cat").density, Some(0.0));
    assert_eq!(rhyme("").density, None);
}

#[test]
fn a_long_block_is_told_in_pieces() {
    let couplets: Vec<String> = ["night light", "day way", "sun run", "sea free", "gold cold"]
        .iter()
        .flat_map(|pair| pair.split(' '))
        .map(|end| format!("We never knew the {end}"))
        .collect();
    let text = [couplets.join("\n"), couplets.join("\n")].join("\n");
    assert_eq!(schemes(&text), ["AABB"; 5]);
    assert_eq!(classes(&text).first().map(Vec::len), Some(20));
    assert_eq!(rhyme(&text).longest_chain, 2);
}

#[test]
fn words_of_no_dictionary_rhyme_by_their_letters_and_parts() {
    let rhymes = |one: &str, other: &str| schemes(&format!("Here is the {one}\nThere is the {other}")) == ["AA"];
    assert!(rhymes("moonbeame", "dreame"));
    assert!(rhymes("runnin'", "gunnin'"));
    assert!(rhymes("display'd", "inlaid"));
    assert!(rhymes("blorfing", "snorfing"));
    assert!(!rhymes("moonbeam", "forgotten"));
}

#[test]
fn an_empty_text_has_nothing() {
    for text in ["", "\n\n", "[Intro]", " \u{200b}\n--\n...", "123 456"] {
        assert_eq!(rhyme(text), Rhyme::default(), "{text:?}");
    }
}

#[test]
fn shares_are_shares_whatever_the_text() {
    let hostile = [
        "x".repeat(1 << 20),
        "x ".repeat(1 << 19),
        "a\n".repeat(1 << 15),
        "о а\n".repeat(1 << 12),
        "[".repeat(1 << 16),
        "(".repeat(1 << 16),
        format!("a{}", ")".repeat(1 << 16)),
        "()".repeat(1 << 16),
        format!("a {}", "(b) ".repeat(1 << 16)),
        "'".repeat(1 << 16),
        "👩\u{200d}👩\u{200d}👧 ÔÕ\n\u{202e}אבג\u{0}\u{1b}[0m\n".repeat(99),
        "e\u{301}\u{301}\u{301}\n\u{301}\n".repeat(99),
        "день\nnight\nпень\nlight\r\n\r\nÑ\n".repeat(99),
        "love\u{2028}dove\u{85}move\u{b}prove".repeat(99),
    ];
    for text in hostile {
        let found = rhyme(&text);
        let shares = [found.rhymed_share, found.perfect_share, found.identical_share, found.regularity];
        assert!(shares.into_iter().flatten().all(|share| (0.0..=1.0).contains(&share)), "{found:?}");
        assert_eq!(found, rhyme(&text));
    }
}

#[test]
fn the_evaluation_counts_what_is_found() {
    let stanza = |author: &str, ends: [&str; 4], scheme: [u32; 4]| Stanza {
        author: author.to_owned(),
        title: None,
        lines: ends.iter().map(|end| format!("This is the {end}")).collect(),
        scheme: scheme.to_vec(),
    };
    let mut stanzas = Vec::new();
    for author in ["one", "two", "three"] {
        for _ in 0..20 {
            stanzas.push(stanza(author, ["night", "day", "light", "way"], [1, 2, 1, 2]));
            stanzas.push(stanza(author, ["sun", "run", "sea", "free"], [1, 1, 2, 2]));
        }
    }
    let scores = cross_validate(&stanzas, Setting::Alone);
    assert_eq!(scores.len(), 3, "one of each author");
    let figures = SchemeFigures::of(&scores);
    assert!(figures.exact > 0.99);
    assert!(figures.pair_f1 > 0.99);
}
