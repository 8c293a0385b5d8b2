//! Texts cut into words as terms, by language, by script, whatever the text; and into sentences.

use proptest::prelude::*;
use rhapsode::limits::TEXT_SENTENCES_MAX;
use rhapsode::text::sentences;
use rhapsode::text::terms::Tokenizer;

#[test]
fn words_become_terms_by_the_language_of_their_letters() {
    let tokenizer = Tokenizer::parse(["en", "ru"]).unwrap();
    let terms = |text: &str| tokenizer.joined(text);
    assert_eq!(terms("Running, RUNS and the sea-wall's roses"), "run run and the sea wall rose");
    assert_eq!(terms("Кошки и ёлки"), "кошк и елк");
    assert_eq!(terms("за\u{301}мок Café naïve"), "замок cafe naiv");
    assert_eq!(terms("йод don\u{2019}t 1,000 日本"), "йод don't 1,000 日 本");
    assert_eq!(terms(" \n—"), "");
    let places: Vec<_> = tokenizer.terms("Über Flüsse").map(|term| term.at).collect();
    assert_eq!(places, [0..5, 6..13]);
    assert_eq!(Tokenizer::parse(["en", "xx"]).unwrap_err(), "xx");
    // In the order in which they are named: both are written in Latin letters.
    assert_eq!(Tokenizer::parse(["en-emodeng", "en"]).unwrap().joined("loveth lovest"), "love love");
}

#[test]
fn a_text_has_sentences_and_the_last_of_too_many_has_the_rest() {
    let text = "One. Two?  \n\nThree\nand four! ";
    assert_eq!(sentences(text), ["One.", "Two?", "Three", "and four!"]);
    assert_eq!(sentences(" \n"), Vec::<&str>::new());
    let lines = |count: usize| "a\n".repeat(count);
    assert_eq!(sentences(&lines(TEXT_SENTENCES_MAX)), vec!["a"; TEXT_SENTENCES_MAX]);
    let more = lines(TEXT_SENTENCES_MAX + 2);
    let cut = sentences(&more);
    assert_eq!((cut.len(), cut[TEXT_SENTENCES_MAX - 1]), (TEXT_SENTENCES_MAX, "a\na\na"));
}

proptest! {
    #[test]
    fn terms_of_a_term_are_the_term_or_shorter_and_have_no_spaces(text in "\\PC{0,40}") {
        let tokenizer = Tokenizer::parse(["en", "ru"]).unwrap();
        for term in tokenizer.terms(&text) {
            prop_assert!(!term.text.is_empty() && !term.text.chars().any(char::is_whitespace), "{:?}", term);
            prop_assert!(text.get(term.at.clone()).is_some(), "{:?}", term);
        }
    }
}
