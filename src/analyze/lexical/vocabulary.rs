//! What is known of a text's words, and the shares that follow: profane, rare, pronouns.
//!
//! Work is done for each different word, and one look-up in one table answers for most of them.

use std::sync::LazyLock;

use hashbrown::{HashMap, HashSet};

use super::profanity;
use super::pronouns::{self, Person};
use super::spelling::{self, Script};
use super::tokens::Tokens;
use super::{commonest, share};

/// What is known of a word.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Word {
    /// Of the commonest words of the language of its script.
    pub(super) is_common: bool,
    pub(super) is_profane: bool,
    pub(super) person: Option<Person>,
}

impl Word {
    pub(super) fn is_listed(self) -> bool {
        self.is_common || self.is_profane || self.person.is_some()
    }
}

/// Every listed word, and the stems of the Russian ones. About a megabyte, made when the first text is analyzed.
struct Lists {
    words: HashMap<Box<str>, Word>,
    russian_stems: HashSet<Box<str>>,
}

/// Asked, never gone through for a value: its order decides nothing.
static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let mut words: HashMap<Box<str>, Word> = HashMap::new();
    let mut known = |word: &str, change: &dyn Fn(&mut Word)| change(words.entry(word.into()).or_default());
    commonest::words().for_each(|word| known(&word, &|word| word.is_common = true));
    profanity::whole_words().for_each(|word| known(word, &|word| word.is_profane = true));
    pronouns::forms().for_each(|(form, person)| known(&form, &|word| word.person = Some(person)));
    // What rules say of a listed word is found once, so that a look-up says all of it.
    let persons: HashMap<Box<str>, Person> =
        words.iter().filter_map(|(form, word)| Some((form.clone(), word.person?))).collect();
    for (form, word) in &mut words {
        word.is_profane |= profanity::is_made_profane(form, Script::of(form));
        word.person = word.person.or_else(|| pronouns::contracted(form).and_then(|head| persons.get(head).copied()));
    }
    Lists { words, russian_stems: commonest::russian_stems() }
});

/// What is known of each type of a text, in its order.
pub(super) struct Vocabulary {
    pub(super) words: Vec<Word>,
    pub(super) scripts: Vec<Script>,
}

impl Vocabulary {
    pub(super) fn of(tokens: &Tokens) -> Vocabulary {
        let scripts: Vec<Script> = tokens.types.iter().map(|kind| Script::of(kind.token)).collect();
        let words = tokens.types.iter().zip(&scripts).map(|(kind, script)| known(kind.token, *script)).collect();
        Vocabulary { words, scripts }
    }
}

/// The shares of a text's words; each null without words, and where the text is of another language.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shares {
    pub(super) profanity: Option<f64>,
    pub(super) rare: Option<f64>,
    pub(super) first_person: Option<f64>,
    pub(super) second_person: Option<f64>,
    pub(super) third_person: Option<f64>,
}

/// A text of no known language counts by the script of its words: slang is where detection fails. Of a known language
/// that is neither, its `slut` may be an end and its `die` an article, so there is no share.
pub(super) fn shares(folded: &str, tokens: &Tokens, vocabulary: &Vocabulary, language: Option<&str>) -> Shares {
    if !matches!(language, None | Some("en" | "ru")) {
        return Shares::default();
    }
    let total = tokens.order.len();
    let of = |holds: &dyn Fn(Word, Script) -> bool| -> usize {
        let known = vocabulary.words.iter().zip(&vocabulary.scripts).zip(&tokens.types);
        known.filter(|((word, script), _)| holds(**word, **script)).map(|(_, kind)| kind.occurrences).sum()
    };
    let of_person = |person| share(of(&|word, _| word.person == Some(person)), total);
    let script = language.map(|code| if code == "ru" { Script::Cyrillic } else { Script::Latin });
    let rare = script.and_then(|own| {
        // A number is no rare word.
        share(of(&|word, script| script != Script::None && !(word.is_listed_in(own, script))), total)
    });
    let masked = profanity::masked_words(folded, |token| known(token, Script::of(token)).is_profane);
    let profane = (of(&|word, _| word.is_profane) + masked.words).saturating_sub(masked.profane_tokens);
    // A masked word is one word, of however many tokens; of `f**k.f**k` two are in one token, which counts for both.
    let words = (total + masked.words).saturating_sub(masked.tokens).max(profane);
    Shares {
        profanity: share(profane, words),
        rare,
        first_person: of_person(Person::First),
        second_person: of_person(Person::Second),
        third_person: of_person(Person::Third),
    }
}

impl Word {
    fn is_listed_in(self, own: Script, script: Script) -> bool {
        script == own && (self.is_common || self.person.is_some())
    }
}

/// What is known of a token, by the lists and by rules.
fn known(token: &str, script: Script) -> Word {
    if matches!(script, Script::None | Script::Other) {
        return Word::default();
    }
    let spelled = spelling::listed(token, script);
    let word = known_as(&spelled, script);
    if word.is_listed() {
        return word;
    }
    if spelling::is_drawn_out(&spelled) {
        let readings = [2, 1].map(|kept| known_as(&spelling::drawn_in(&spelled, kept), script));
        return readings.into_iter().find(|word| word.is_listed()).unwrap_or_default();
    }
    let digits_read = (script == Script::Latin).then(|| profanity::without_digits(&spelled)).flatten();
    let is_profane = digits_read.is_some_and(|word| known_as(&word, script).is_profane);
    Word { is_profane, ..Word::default() }
}

fn known_as(word: &str, script: Script) -> Word {
    if let Some(listed) = LISTS.words.get(word) {
        return *listed;
    }
    Word {
        is_common: commonest::is_form(word, script, is_common, |stem| LISTS.russian_stems.contains(stem)),
        is_profane: profanity::is_made_profane(word, script),
        person: pronouns::contracted(word).and_then(|head| LISTS.words.get(head)).and_then(|head| head.person),
    }
}

fn is_common(word: &str) -> bool {
    LISTS.words.get(word).is_some_and(|word| word.is_common)
}
