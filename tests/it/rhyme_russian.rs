//! Russian sounds: worked examples, properties, hostile words.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{Float64Type, Int32Type};
use rhapsode::analyze::rhyme::russian::{Sound, StressDictionary, kind, log_odds, shared_syllables};
use rhapsode::analyze::rhyme::{Kind, Rhyme, rhyme, rhyme_with};
use rhapsode::analyze::{Analyzer, ReadyAnalyzer};

fn sound(word: &str) -> Sound {
    Sound::of(word)
}

fn check_kind(left: &str, right: &str, expected: Option<Kind>) {
    assert_eq!(kind(&sound(left), &sound(right)), expected, "{left} {right}");
}

fn check_key(left: &str, right: &str) {
    assert_eq!(sound(left).rhyme_key(), sound(right).rhyme_key(), "{left} {right}");
}

#[test]
fn final_consonants_are_voiceless() {
    check_key("пру́д", "пру́т");
    check_key("рожь", "пойдё\u{301}шь");
}

#[test]
fn voice_goes_back_through_a_cluster() {
    check_key("ска\u{301}зка", "ла\u{301}ска");
}

#[test]
fn letters_that_are_not_spoken_do_not_count() {
    check_key("че\u{301}стный", "пре\u{301}сный");
    check_key("пра\u{301}здный", "зара\u{301}зный");
}

#[test]
fn a_reflexive_ending_is_spoken_with_a_hard_ts() {
    check_key("смею\u{301}тся", "бью\u{301}тся");
    check_key("кати\u{301}ться", "кати\u{301}тся");
}

#[test]
fn the_genitive_is_spoken_with_v() {
    check_key("друго\u{301}го", "сло\u{301}во");
}

#[test]
fn old_letters_are_read_as_those_of_today() {
    check_key("свѣтъ", "свет");
    check_key("міръ", "мир");
}

#[test]
fn an_open_masculine_rhyme_needs_the_consonant_before() {
    check_kind("беда\u{301}", "вода\u{301}", Some(Kind::Perfect));
    check_kind("вода\u{301}", "весна\u{301}", Some(Kind::Assonant));
    let (near, far) = (
        log_odds(&sound("беда\u{301}"), &sound("вода\u{301}")),
        log_odds(&sound("вода\u{301}"), &sound("весна\u{301}")),
    );
    assert!(near > 0.0 && near > far, "{near} {far}");
}

#[test]
fn other_stressed_vowels_do_not_rhyme() {
    check_kind("ко\u{301}т", "ки\u{301}т", None);
    assert!(log_odds(&sound("ко\u{301}т"), &sound("ки\u{301}т")) < 0.0);
}

#[test]
fn weak_vowels_may_differ() {
    check_kind("краси\u{301}во", "крапи\u{301}ва", Some(Kind::Perfect));
    assert!(log_odds(&sound("то\u{301}нко"), &sound("ребё\u{301}нка")) > 0.0);
}

#[test]
fn syllables_are_counted_from_the_stress() {
    assert_eq!(shared_syllables(&sound("колы\u{301}шется"), &sound("слы\u{301}шится")), 3);
    assert_eq!(shared_syllables(&sound("ко\u{301}т"), &sound("ки\u{301}т")), 0);
}

#[test]
fn a_mark_wins_over_the_dictionary_and_the_dictionary_over_the_suffix() {
    let dictionary = StressDictionary::parse("замок\t1\nмука\t1\n".as_bytes()).unwrap();
    assert_eq!(Sound::with("замок", &dictionary).syllables_after_stress(), Some(1));
    assert_eq!(Sound::with("замо\u{301}к", &dictionary).syllables_after_stress(), Some(0));
    assert_eq!(Sound::with("идёт", &dictionary).syllables_after_stress(), Some(0));
}

#[test]
fn a_dictionary_says_which_line_is_wrong() {
    let check = |text: &str, line: usize| assert_eq!(StressDictionary::parse(text.as_bytes()).unwrap_err().line, line);
    check("а\t0\nб", 2);
    check("б\t0\nа\t0\n", 2);
    assert!(StressDictionary::parse(b"").is_ok());
}

fn dictionary(text: &str) -> StressDictionary {
    StressDictionary::parse(text.as_bytes()).unwrap()
}

/// Both words on their first syllable, then both on their last.
const STRESSES: [&str; 2] = ["мука\t1\nрука\t1\n", "мука\t0\nрука\t0\n"];
const TEXT: &str = "Вот мука моя\nИ рука твоя\nТам мука\nТут рука";

#[test]
fn rhymes_follow_the_dictionary_and_not_what_was_analyzed_before() {
    // A thread of its own has met no word.
    let fresh = |stress: StressDictionary| {
        std::thread::spawn(move || rhyme_with(TEXT, &stress)).join().expect("no analyzer panics")
    };
    let [first, last] = STRESSES.map(dictionary);
    let expected: [Rhyme; 3] = [fresh(first.clone()), fresh(last.clone()), fresh(StressDictionary::default())];
    assert_ne!(expected[0], expected[1]);
    for _ in 0..3 {
        assert_eq!(rhyme_with(TEXT, &first), expected[0]);
        assert_eq!(rhyme_with(TEXT, &last), expected[1]);
        assert_eq!(rhyme_with(TEXT, &dictionary(STRESSES[1])), expected[1]);
        assert_eq!(rhyme(TEXT), expected[2]);
    }
}

#[test]
fn the_analyzer_asks_the_dictionary_and_its_formula_names_it() {
    let ready = |name: &str, stress: &str| {
        ReadyAnalyzer::new(Analyzer::find(name).unwrap(), Arc::default(), Arc::new(dictionary(stress)))
    };
    for stress in STRESSES {
        let analyzed = ready("rhyme", stress).analyze(&StringArray::from(vec![TEXT]), None).values;
        let expected = rhyme_with(TEXT, &dictionary(stress));
        let multisyllabic = analyzed.column_by_name("multisyllabic").unwrap().as_primitive::<Int32Type>();
        assert_eq!(multisyllabic.value(0), expected.multisyllabic as i32);
        let near = analyzed.column_by_name("near_internal_per_line").unwrap().as_primitive::<Float64Type>();
        assert_eq!(near.is_valid(0).then(|| near.value(0)), expected.near_internal_per_line);
        assert_eq!(ready("rhyme", stress).formula(), format!("rhyme@2 stress {}", dictionary(stress).digest()));
    }
    assert_eq!(ready("rhyme", "").formula(), "rhyme@2");
    assert!(!ready("structure", STRESSES[0]).formula().contains("stress"));
}

#[test]
fn dictionaries_of_the_same_words_are_one() {
    let [first, last] = STRESSES.map(dictionary);
    assert_ne!(first.digest(), last.digest());
    assert_eq!(first.digest(), dictionary(STRESSES[0].trim_end()).digest());
    assert!(dictionary("").is_empty() && dictionary("\n").is_empty() && !first.is_empty());
    assert_eq!(dictionary("").digest(), StressDictionary::default().digest());
}

#[test]
fn log_odds_are_symmetric_and_bounded() {
    let words = ["ко\u{301}т", "вода", "гений", "вдохновенье", "моей", "покое", "я", "в", "", "ъ", "ночь"];
    for left in words {
        for right in words {
            let odds = log_odds(&sound(left), &sound(right));
            assert!(odds.abs() <= 8.0);
            assert_eq!(odds, log_odds(&sound(right), &sound(left)), "{left} {right}");
            assert_eq!(kind(&sound(left), &sound(right)), kind(&sound(right), &sound(left)), "{left} {right}");
        }
    }
}

#[test]
fn nonsense_does_no_harm() {
    let long = "ы".repeat(1_000_000);
    let consonants = "щ".repeat(10_000);
    let words = [
        "",
        "\u{301}",
        "\u{301}\u{301}я",
        "ьъьъ",
        "🙂",
        "а\u{200d}б",
        "-",
        " ",
        "го",
        "тся",
        "ться",
        "Ё",
        &long,
        &consonants,
    ];
    for word in words {
        let one = sound(word);
        assert!(one.vowels().len() <= 8 && one.vowels().iter().all(|vowel| (1..=15).contains(vowel)));
        log_odds(&one, &sound("любо\u{301}вь"));
        shared_syllables(&one, &one);
    }
}
