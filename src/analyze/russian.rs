//! Russian words as they are looked up: the letters of today, and the stem of Snowball's Russian algorithm
//! (snowballstem.org/algorithms/russian), without allocation.

/// Letters of the shortest word that is stemmed. Shorter ones are pronouns and particles more often than not.
const WORD_LETTERS_MIN: usize = 4;

/// `е` for `ё`, and the letters of today for those that the reform of 1918 did away with; any other stays.
pub(super) fn of_today(letter: char) -> char {
    match letter {
        'ё' | 'ѣ' => 'е',
        'і' | 'ѵ' => 'и',
        'ѳ' => 'ф',
        _ => letter,
    }
}

/// The word without its endings: a slice of `word`, which is lower case and has no `ё`.
pub(super) fn russian_stem(word: &str) -> &str {
    let Some(rv) = after_vowel(word, 0) else {
        return word;
    };
    if word.chars().take(WORD_LETTERS_MIN).count() < WORD_LETTERS_MIN {
        return word;
    }
    let r2 = after_consonant(word, rv).and_then(|at| after_vowel(word, at)).and_then(|at| after_consonant(word, at));
    let stem = without_inflection(word, rv);
    let stem = strip(stem, rv, &["и"]).unwrap_or(stem);
    let stem = r2.and_then(|r2| strip(stem, r2, &["ость", "ост"])).unwrap_or(stem);
    let stem = strip(stem, rv, &["ейше", "ейш"]).unwrap_or(stem);
    match (stem.ends_with("нн"), strip(stem, rv, &["ь"])) {
        (true, _) => strip(stem, rv, &["н"]).unwrap_or(stem),
        (false, hard) => hard.unwrap_or(stem),
    }
}

fn without_inflection(word: &str, rv: usize) -> &str {
    let gerund = strip(word, rv, GERUND).or_else(|| strip_after_a(word, rv, GERUND_AFTER_A));
    if let Some(stem) = gerund {
        return stem;
    }
    let word = strip(word, rv, &["ся", "сь"]).unwrap_or(word);
    if let Some(stem) = strip(word, rv, ADJECTIVE) {
        return strip(stem, rv, PARTICIPLE).or_else(|| strip_after_a(stem, rv, PARTICIPLE_AFTER_A)).unwrap_or(stem);
    }
    strip(word, rv, VERB)
        .or_else(|| strip_after_a(word, rv, VERB_AFTER_A))
        .or_else(|| strip(word, rv, NOUN))
        .unwrap_or(word)
}

/// `word` without the first of `endings` that it has at or after byte `from`.
fn strip<'word>(word: &'word str, from: usize, endings: &[&str]) -> Option<&'word str> {
    endings.iter().find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.len() >= from))
}

fn strip_after_a<'word>(word: &'word str, from: usize, endings: &[&str]) -> Option<&'word str> {
    let ends_in_a = |stem: &&str| stem.len() > from && (stem.ends_with('а') || stem.ends_with('я'));
    endings.iter().find_map(|ending| word.strip_suffix(ending).filter(ends_in_a))
}

/// The byte after the first vowel at or after byte `from`.
fn after_vowel(word: &str, from: usize) -> Option<usize> {
    let (at, c) = word.get(from..)?.char_indices().find(|(_, c)| is_vowel(*c))?;
    Some(from + at + c.len_utf8())
}

fn after_consonant(word: &str, from: usize) -> Option<usize> {
    let (at, c) = word.get(from..)?.char_indices().find(|(_, c)| !is_vowel(*c))?;
    Some(from + at + c.len_utf8())
}

fn is_vowel(c: char) -> bool {
    matches!(c, 'а' | 'е' | 'и' | 'о' | 'у' | 'ы' | 'э' | 'ю' | 'я')
}

/// Only after `а` or `я`, which stays.
const GERUND_AFTER_A: &[&str] = &["вшись", "вши", "в"];

const GERUND: &[&str] = &["ившись", "ывшись", "ивши", "ывши", "ив", "ыв"];

/// With `-аго`, `-яго` and `-ыя` of the old spelling.
const ADJECTIVE: &[&str] = &[
    "ими", "ыми", "его", "ого", "аго", "яго", "ему", "ому", "ее", "ие", "ые", "ое", "ей", "ий", "ый", "ой", "ем", "им",
    "ым", "ом", "их", "ых", "ую", "юю", "ая", "яя", "ыя", "ия", "ою", "ею",
];

/// Only after `а` or `я`, which stays.
const PARTICIPLE_AFTER_A: &[&str] = &["ем", "нн", "вш", "ющ", "щ"];

const PARTICIPLE: &[&str] = &["ивш", "ывш", "ующ"];

/// Only after `а` or `я`, which stays.
const VERB_AFTER_A: &[&str] =
    &["ете", "йте", "ешь", "нно", "ла", "на", "ли", "ем", "ло", "но", "ет", "ют", "ны", "ть", "й", "л", "н"];

const VERB: &[&str] = &[
    "ейте", "уйте", "ила", "ыла", "ена", "ите", "или", "ыли", "ило", "ыло", "ено", "ует", "уют", "ены", "ить", "ыть",
    "ишь", "ей", "уй", "ил", "ыл", "им", "ым", "ен", "ят", "ит", "ыт", "ую", "ю",
];

const NOUN: &[&str] = &[
    "иями", "ями", "ами", "ией", "иям", "ием", "иях", "ев", "ов", "ие", "ье", "еи", "ии", "ей", "ой", "ий", "ям", "ем",
    "ам", "ом", "ах", "ях", "ию", "ью", "ия", "ья", "а", "е", "и", "й", "о", "у", "ы", "ь", "ю", "я",
];
