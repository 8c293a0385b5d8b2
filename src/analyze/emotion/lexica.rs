//! The lexica: what a word feels like.

use std::path::Path;
use std::{fs, io};

use hashbrown::{HashMap, HashSet};

use super::stems::{self, Change};
use super::words::Script;

/// Words of verse, song and rap with valence and arousal, -3 to 3: English, then Russian. Our own, CC0.
const OWN: &str = include_str!("lexicon.tsv");

/// Share of our own valence where a lexicon of the resources has the word too: it is written for verse.
const OWN_SHARE: f64 = 0.7;

/// A turned word is weaker than its opposite: `unhappy` is not as low as `happy` is high.
const OPPOSITE: f64 = -0.7;

/// Words that the lexica of the resources give a feeling, and that have none in most lines of verse.
const WITHOUT_FEELING: &[&str] = &[
    "like", "likes", "no", "not", "nor", "ha", "god", "gods", "lord", "want", "wants", "matter", "matters", "pretty",
    "cut", "chance", "clean", "clear", "big", "top", "reach", "reached", "allow", "please", "hand", "interest", "yes",
    "yeah", "okay", "won't", "alone", "lay", "stand", "stay", "mine", "may", "might", "share", "join", "number",
    "natural",
];

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

/// Letters of a Russian stem of the resources that is taken: shorter ones are those of particles and of common words.
const RESOURCE_STEM_LETTERS_MIN: usize = 5;

/// What a word feels like, on scales from -3 to 3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Feeling {
    pub(super) valence: f64,
    /// None where only lexica of the resources have the word: they say nothing of it.
    pub(super) arousal: Option<f64>,
}

/// The lexica that the analyzer looks words up in. Made once, shared by all texts.
#[derive(Clone, Debug)]
pub struct Lexica {
    english: HashMap<Box<str>, Feeling>,
    russian: HashMap<Box<str>, Feeling>,
    russian_stems: HashMap<Box<str>, Feeling>,
    russian_without: HashSet<&'static str>,
}

impl Lexica {
    /// Our own lexicon alone.
    pub fn own() -> Self {
        Self::with(&[])
    }

    /// Our own lexicon, and those in `emotion.tsv` of `folder` where there is such a file.
    ///
    /// A line of it is word, language (`en` or `ru`), valence (-3 to 3) and source, with tabs between. A word that ends
    /// in `*` is a stem. Lines of another form are passed over.
    pub fn load(folder: &Path) -> io::Result<Self> {
        match fs::read_to_string(folder.join("emotion.tsv")) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::own()),
            Err(error) => Err(error),
        }
    }

    /// Our own lexicon and that of `text`, which is in the form that [`Lexica::load`] reads.
    pub fn parse(text: &str) -> Self {
        let rows: Vec<Row<'_>> = text.lines().filter_map(Row::parse).collect();
        Self::with(&rows)
    }

    fn with(rows: &[Row<'_>]) -> Self {
        let mut english = Table::default();
        let mut russian = Table::default();
        let mut russian_stems = Table::default();
        for (word, feeling) in OWN.lines().filter_map(own_row) {
            if word.is_ascii() {
                english.own.entry(word.into()).or_insert(feeling);
            } else {
                russian.own.entry(word.into()).or_insert(feeling);
                let stem = stems::russian(word);
                if !RUSSIAN_STEMS_SHARED.contains(&stem) {
                    russian_stems.own.entry(stem.into()).or_insert(feeling);
                }
            }
        }
        for row in rows {
            match (row.language, row.word.strip_suffix('*')) {
                ("en", None) if !WITHOUT_FEELING.contains(&row.word) => english.add(row.word, row.valence),
                ("ru", None) => russian.add(row.word, row.valence),
                ("ru", Some(stem)) if is_distinct(stem) => russian_stems.add(stem, row.valence),
                _ => {}
            }
        }
        Self {
            english: english.joined(),
            russian: russian.joined(),
            russian_stems: russian_stems.joined(),
            russian_without: RUSSIAN_WITHOUT_FEELING.iter().copied().collect(),
        }
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
        let stem = stems::russian(word);
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

fn is_distinct(stem: &str) -> bool {
    let long_enough = stem.chars().take(RESOURCE_STEM_LETTERS_MIN).count() == RESOURCE_STEM_LETTERS_MIN;
    long_enough && !RUSSIAN_STEMS_SHARED.contains(&stem)
}

fn own_row(line: &str) -> Option<(&str, Feeling)> {
    let mut fields = line.split('\t');
    let word = fields.next()?;
    let valence = fields.next()?.parse().ok()?;
    let arousal = fields.next()?.parse().ok()?;
    Some((word, Feeling { valence, arousal: Some(arousal) }))
}

struct Row<'text> {
    word: &'text str,
    language: &'text str,
    valence: f64,
}

impl<'text> Row<'text> {
    fn parse(line: &'text str) -> Option<Self> {
        let mut fields = line.split('\t');
        let (word, language) = (fields.next()?, fields.next()?);
        let valence: f64 = fields.next()?.parse().ok()?;
        valence.is_finite().then_some(Row { word, language, valence: valence.clamp(-3.0, 3.0) })
    }
}

/// Words while the lexica are being joined.
#[derive(Default)]
struct Table {
    own: HashMap<Box<str>, Feeling>,
    /// Sum and number of the other lexica's valences.
    others: HashMap<Box<str>, (f64, f64)>,
}

impl Table {
    fn add(&mut self, word: &str, valence: f64) {
        let (sum, count) = self.others.entry(word.into()).or_insert((0.0, 0.0));
        *sum += valence;
        *count += 1.0;
    }

    fn joined(self) -> HashMap<Box<str>, Feeling> {
        let mut words = self.own;
        for (word, (sum, count)) in self.others {
            let mean = sum / count;
            words
                .entry(word)
                .and_modify(|feeling| feeling.valence = OWN_SHARE * feeling.valence + (1.0 - OWN_SHARE) * mean)
                .or_insert(Feeling { valence: mean, arousal: None });
        }
        words
    }
}
