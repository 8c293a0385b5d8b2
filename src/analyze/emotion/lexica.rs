//! The lexica: what a word feels like.

use hashbrown::{HashMap, HashSet};

use super::stems::{self, Change};
use crate::analyze::russian::russian_stem;
use crate::analyze::script::Script;

/// Words of verse, song and rap with valence and arousal, -3 to 3: English, then Russian. Our own, CC0.
const OWN: &str = include_str!("lexicon.tsv");

/// A turned word is weaker than its opposite: `unhappy` is not as low as `happy` is high.
const OPPOSITE: f64 = -0.7;

/// Russian words whose stem is that of a word of feeling: `другой` of `друг`, `более` of `боль`.
const RUSSIAN_WITHOUT_FEELING: &[&str] = &[
    "более",
    "боле",
    "весь",
    "вместо",
    "вон",
    "годам",
    "годы",
    "губы",
    "долго",
    "другая",
    "другие",
    "другим",
    "другими",
    "других",
    "другого",
    "другое",
    "другой",
    "другом",
    "другому",
    "другую",
    "лет",
    "мог",
    "могу",
    "невольно",
    "него",
    "нем",
    "нему",
    "низкий",
    "пора",
    "поры",
    "пошла",
    "пошли",
    "пусть",
    "ради",
    "рано",
    "руси",
    "русь",
    "стороны",
    "том",
    "тому",
    "черта",
    "черты",
    "чертам",
    "чертами",
    "черт",
    "дорогу",
    "дорога",
    "дороге",
    "дороги",
    "дорогою",
    "дорог",
    "целый",
    "целого",
    "целом",
    "цель",
    "цели",
    "нам",
    "вам",
    "какой",
    "какая",
    "какие",
    "каких",
    "каким",
    "какое",
    "какою",
    "какую",
];

/// Russian stems that more words without feeling share than words with it: `душа` and `душить`, `море` and `мор`,
/// `гора` and `горе`. The words that stand in the lexicon as written are found all the same.
const RUSSIAN_STEMS_SHARED: &[&str] = &[
    "гор",
    "губ",
    "долг",
    "душ",
    "жен",
    "ин",
    "ине",
    "лет",
    "мест",
    "мор",
    "нег",
    "неу",
    "пош",
    "пыл",
    "скал",
    "цел",
    "стран",
    "должн",
    "остров",
    "закон",
    "вечн",
    "первы",
    "готов",
    "извест",
    "знаком",
    "высок",
    "железн",
    "народн",
];

/// What a word feels like, on scales from -3 to 3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Feeling {
    pub(super) valence: f64,
    /// None for a word that is the opposite of one in the lexicon: it says nothing of it.
    pub(super) arousal: Option<f64>,
}

/// What words feel like, in both languages. Made once, shared by all texts.
#[derive(Clone, Debug)]
pub struct Lexica {
    english: HashMap<Box<str>, Feeling>,
    russian: HashMap<Box<str>, Feeling>,
    russian_stems: HashMap<Box<str>, Feeling>,
    russian_without: HashSet<&'static str>,
}

impl Lexica {
    /// The one that is built in.
    pub fn own() -> Self {
        let mut lexica = Self {
            english: HashMap::new(),
            russian: HashMap::new(),
            russian_stems: HashMap::new(),
            russian_without: RUSSIAN_WITHOUT_FEELING.iter().copied().collect(),
        };
        for (word, feeling) in OWN.lines().filter_map(row) {
            if word.is_ascii() {
                lexica.english.entry(word.into()).or_insert(feeling);
                continue;
            }
            lexica.russian.entry(word.into()).or_insert(feeling);
            let stem = russian_stem(word);
            if !RUSSIAN_STEMS_SHARED.contains(&stem) {
                lexica.russian_stems.entry(stem.into()).or_insert(feeling);
            }
        }
        lexica
    }

    /// What `word`, folded, feels like. `buffer` is for the spellings that are tried.
    pub(super) fn feeling(&self, word: &str, script: Script, buffer: &mut String) -> Option<Feeling> {
        match script {
            Script::Latin => self.english(word, buffer),
            Script::Cyrillic => self.russian(word),
            Script::Other => None,
        }
    }

    fn english(&self, word: &str, buffer: &mut String) -> Option<Feeling> {
        let find = |word: &str| self.english.get(word).copied();
        if let Some(feeling) = find(word) {
            return Some(feeling);
        }
        let (feeling, change) = stems::english(word, buffer, find)?;
        Some(changed(feeling, change))
    }

    fn russian(&self, word: &str) -> Option<Feeling> {
        if self.russian_without.contains(word) {
            return None;
        }
        if let Some(feeling) = self.russian.get(word) {
            return Some(*feeling);
        }
        let stem = russian_stem(word);
        if let Some(feeling) = self.russian_stems.get(stem) {
            return Some(*feeling);
        }
        let base = ["не", "без", "бес"].iter().find_map(|prefix| stem.strip_prefix(prefix))?;
        let long_enough = base.chars().take(NEGATED_LETTERS_MIN).count() == NEGATED_LETTERS_MIN;
        let feeling = self.russian_stems.get(base).filter(|_| long_enough)?;
        Some(changed(*feeling, Change::Opposite))
    }
}

/// Letters of a Russian stem that `не-` or `без-` is taken from.
const NEGATED_LETTERS_MIN: usize = 4;

fn changed(feeling: Feeling, change: Change) -> Feeling {
    match change {
        Change::Same => feeling,
        Change::Opposite => Feeling { valence: feeling.valence * OPPOSITE, arousal: None },
    }
}

fn row(line: &str) -> Option<(&str, Feeling)> {
    let mut fields = line.split('\t');
    let word = fields.next()?;
    let valence = fields.next()?.parse().ok()?;
    let arousal = fields.next()?.parse().ok()?;
    Some((word, Feeling { valence, arousal: Some(arousal) }))
}
