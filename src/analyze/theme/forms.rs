//! Which forms of a short Russian word are its own.
//!
//! Short stems are shared by words that have nothing to do with each other: `лето` and `лететь`, `поле` and `пол`,
//! `бог` and `богатый`. There the ending must be one that a word of the seed's kind can have.

use super::stems::modern;
use crate::analyze::script::Script;

/// Letters of a stem that one word has to itself, as a rule.
const LETTERS_OF_ITS_OWN: usize = 5;

/// Endings of dictionary forms, and those of all cases of such a word. Where none fits (verbs, forms in other cases),
/// only the form itself is taken.
const PARADIGMS: &[(&[&str], &[&str])] = &[
    (
        &["ый", "ой", "ая", "ое", "ые", "ий"],
        &[
            "ый", "ий", "ой", "ая", "яя", "ое", "ее", "ые", "ие", "ого", "его", "ому", "ему", "ым", "им", "ом", "ем",
            "ых", "их", "ыми", "ими", "ую", "юю", "ою", "ей",
        ],
    ),
    (&["а"], &["а", "ы", "и", "е", "у", "ой", "ою", "ей", "", "ам", "ами", "ах"]),
    (&["я"], &["я", "и", "е", "ю", "ей", "ею", "ь", "й", "ям", "ями", "ях"]),
    (&["о"], &["о", "а", "у", "ом", "е", "ам", "ами", "ах"]),
    (&["е"], &["е", "я", "ю", "ем", "ей", "ям", "ями", "ях"]),
    (&["ь"], &["ь", "я", "ю", "ем", "е", "и", "ей", "ью", "ям", "ями", "ях"]),
    (&["й"], &["й", "я", "ю", "ем", "е", "и", "ев", "ям", "ями", "ях"]),
    (&["ы", "и"], &["ы", "и", "а", "у", "ой", "ей", "е", "ов", "", "ам", "ами", "ах", "ям", "ями", "ях"]),
    (&[""], &["", "а", "у", "ом", "ем", "е", "и", "ы", "ов", "ей", "ам", "ами", "ах"]),
];

/// Whether `form` of a text may be a form of `seed`, both folded, of the same `stem`.
pub(super) fn may_be(seed: &str, form: &str, stem: &str) -> bool {
    if Script::of_word(stem) != Script::Cyrillic || stem.chars().nth(LETTERS_OF_ITS_OWN - 1).is_some() {
        return true;
    }
    let (seed, form) = (modern(seed), modern(form));
    let (Some(seed_ending), Some(ending)) = (seed.strip_prefix(stem), form.strip_prefix(stem)) else {
        return false;
    };
    let paradigm = PARADIGMS.iter().find(|(endings, _)| endings.contains(&seed_ending));
    seed_ending == ending || paradigm.is_some_and(|(_, cases)| cases.contains(&ending))
}
