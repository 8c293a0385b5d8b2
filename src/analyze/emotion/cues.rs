//! Words that turn, strengthen or weaken the words of feeling beside them.

use crate::analyze::script::Script;

/// What a word does to its neighbours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cue {
    /// Turns what follows.
    Negation,
    /// Turns what follows after an auxiliary (`is not sad`), else what stands before (`weep not`, `радости нет`).
    Postposed,
    /// Makes a [`Cue::Postposed`] after it turn what follows.
    Auxiliary,
    /// Takes back a negation: `not only`, `no doubt`.
    Restriction,
    /// Factor of the next word of feeling.
    Degree(f64),
    /// What follows weighs more than what stood before.
    Contrast,
}

/// Factors of degree: VADER (Hutto & Gilbert 2014) adds 0.293 to a mean of 2, about a sixth; words of verse that say
/// "entirely" or "hardly" are set further apart.
const MORE: f64 = 1.3;
const LESS: f64 = 0.6;
const HARDLY: f64 = 0.3;

pub(super) fn cue(word: &str, script: Script) -> Option<Cue> {
    match script {
        Script::Latin => english(word),
        Script::Cyrillic => russian(word),
        Script::Other => None,
    }
}

fn english(word: &str) -> Option<Cue> {
    match word {
        "not" => Some(Cue::Postposed),
        "no" | "never" | "ne'er" | "nor" | "neither" | "without" | "none" | "nothing" | "nought" | "naught"
        | "cannot" | "nobody" | "nay" | "nae" | "aint" | "dont" | "cant" | "wont" | "didnt" | "doesnt" | "isnt"
        | "wasnt" => Some(Cue::Negation),
        "is" | "am" | "are" | "was" | "were" | "be" | "been" | "do" | "does" | "did" | "doth" | "dost" | "has"
        | "have" | "had" | "hath" | "can" | "could" | "will" | "would" | "shall" | "should" | "may" | "might"
        | "must" | "art" | "wilt" | "canst" | "'tis" | "tis" | "twas" | "let" => Some(Cue::Auxiliary),
        "only" | "alone" | "doubt" | "less" | "wonder" => Some(Cue::Restriction),
        "so" | "very" | "too" | "most" | "more" | "all" | "utterly" | "utter" | "how" | "such" | "full" | "ever"
        | "truly" | "really" | "deeply" | "quite" | "exceeding" | "passing" | "right" | "supremely" | "wholly"
        | "completely" | "totally" | "absolutely" | "always" | "forever" | "thrice" | "what" | "fucking" | "hella"
        | "mad" => Some(Cue::Degree(MORE)),
        "almost" | "half" | "slightly" | "somewhat" | "little" | "less'ning" | "nearly" | "rather" | "partly"
        | "seldom" | "sometimes" => Some(Cue::Degree(LESS)),
        "hardly" | "scarce" | "scarcely" | "barely" => Some(Cue::Degree(HARDLY)),
        "but" | "yet" | "however" => Some(Cue::Contrast),
        _ if word.ends_with("n't") => Some(Cue::Negation),
        _ => None,
    }
}

fn russian(word: &str) -> Option<Cue> {
    match word {
        "не" | "ни" | "без" | "никогда" | "никто" | "ничто" | "ничего" | "никакой" | "нельзя" | "безо" => {
            Some(Cue::Negation)
        }
        "нет" | "нету" => Some(Cue::Postposed),
        "только" | "лишь" | "просто" => Some(Cue::Restriction),
        "очень"
        | "так"
        | "совсем"
        | "слишком"
        | "столь"
        | "самый"
        | "самая"
        | "самое"
        | "самые"
        | "весь"
        | "вся"
        | "все"
        | "такой"
        | "такая"
        | "такое"
        | "такие"
        | "как"
        | "какой"
        | "какая"
        | "какое"
        | "какие"
        | "сколько"
        | "вечно"
        | "всегда"
        | "навсегда"
        | "навеки"
        | "вовсе"
        | "совершенно"
        | "абсолютно"
        | "безмерно"
        | "бесконечно"
        | "весьма"
        | "крайне"
        | "более"
        | "больше"
        | "всего"
        | "сильно" => Some(Cue::Degree(MORE)),
        "почти" | "немного" | "чуть" | "слегка" | "отчасти" | "полу" | "порой" | "иногда" | "менее" | "меньше" => {
            Some(Cue::Degree(LESS))
        }
        "едва" | "еле" | "вряд" => Some(Cue::Degree(HARDLY)),
        "но" | "однако" | "зато" => Some(Cue::Contrast),
        _ => None,
    }
}
