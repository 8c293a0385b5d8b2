//! The themes that a text may have, as definitions describe them, made ready for many texts.

use hashbrown::HashMap;

use super::background::informativeness;
use super::forms::may_be;
use super::vectors::Prototypes;
use super::words::{Numbers, Vocabulary};
use crate::name::Fingerprint;
use crate::text::is_blank;

/// Words of the longest seed that is looked for; of a longer one nothing is found. It bounds the time per word.
pub const SEED_WORDS_MAX: usize = 6;

/// What a seed of several words may weigh: an idiom tells more than a rare word, though not as much as its words added.
const SEED_WEIGHT_MAX: f64 = 1.5;

/// A theme as a definition describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    pub name: String,
    /// What the theme is about, in each of the languages that have a description.
    pub descriptions: Vec<String>,
    /// Words and idioms that speak for it, in any of their forms.
    pub seeds_en: Vec<String>,
    pub seeds_ru: Vec<String>,
}

/// Themes, compiled once and shared by all texts.
#[derive(Clone, Debug, Default)]
pub struct Themes {
    themes: Vec<Theme>,
    stems: Numbers,
    seeds: Vec<Seed>,
    /// The place of each seed, by the stems of its words.
    places: HashMap<Box<[u32]>, usize>,
    words_max: usize,
    prototypes: Option<Prototypes>,
}

/// A seed of one theme or several.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    /// What one occurrence tells for each of its themes.
    pub(super) weight: f64,
    /// Those of one theme stand together.
    pub(super) spellings: Vec<Spelling>,
}

/// How one theme spells a seed; it may have other forms of it too.
#[derive(Clone, Debug)]
pub(super) struct Spelling {
    pub(super) theme: usize,
    pub(super) written: Box<str>,
    /// Folded, where the seed is one word.
    pub(super) form: Option<Box<str>>,
}

impl Themes {
    /// In the order of their names, which is that of the scores.
    pub fn new(mut themes: Vec<Theme>) -> Self {
        themes.sort_by(|a, b| a.name.cmp(&b.name));
        let mut compiled = Self::default();
        let mut vocabulary = Vocabulary::default();
        for (number, theme) in themes.iter().enumerate() {
            for written in theme.seeds_en.iter().chain(&theme.seeds_ru) {
                let words = vocabulary.line_words(written);
                if words.is_empty() || words.len() > SEED_WORDS_MAX {
                    continue;
                }
                compiled.words_max = compiled.words_max.max(words.len());
                let key: Box<[u32]> = words.iter().map(|word| word.stem).collect();
                let form =
                    words.first().filter(|_| words.len() == 1).map(|word| vocabulary.forms.name(word.form).into());
                compiled.add(
                    key,
                    &vocabulary.stems,
                    Spelling { theme: number, written: written.as_str().into(), form },
                );
            }
        }
        compiled.seeds.iter_mut().for_each(Seed::share);
        (compiled.themes, compiled.stems) = (themes, vocabulary.stems);
        compiled
    }

    fn add(&mut self, key: Box<[u32]>, stems: &Numbers, spelling: Spelling) {
        let next = self.seeds.len();
        let place = *self.places.entry(key).or_insert_with_key(|key| {
            self.seeds.push(Seed::new(key, stems));
            next
        });
        if let Some(seed) = self.seeds.get_mut(place) {
            seed.spellings.push(spelling);
        }
    }

    /// The texts that a model embeds, for [`Themes::with_vectors`]: each description of each theme, theme by theme.
    ///
    /// Seeds are not among them: a list of words lies where lists lie, whatever the words.
    pub fn prototype_texts(&self) -> Vec<String> {
        self.described().map(|(_, text)| text.to_owned()).collect()
    }

    /// The place of the theme that each of [`Themes::prototype_texts`] belongs to.
    pub fn prototype_themes(&self) -> Vec<usize> {
        self.described().map(|(theme, _)| theme).collect()
    }

    fn described(&self) -> impl Iterator<Item = (usize, &str)> {
        let themes = self.themes.iter().enumerate();
        let texts = themes.flat_map(|(place, theme)| theme.descriptions.iter().map(move |text| (place, text.as_str())));
        texts.filter(|(_, text)| !is_blank(text))
    }

    /// The themes with a vector for each of [`Themes::prototype_texts`], in their order.
    ///
    /// Vectors of another length than [`VECTOR_LEN`](super::VECTOR_LEN) count as none. Vectors speak only where every
    /// theme has one: else themes could not be compared.
    pub fn with_vectors(mut self, vectors: Vec<Vec<f32>>) -> Self {
        let of_themes = self.prototype_themes().into_iter().zip(vectors.iter().map(Vec::as_slice));
        self.prototypes = Prototypes::of(self.themes.len(), of_themes);
        self
    }

    pub fn themes(&self) -> &[Theme] {
        &self.themes
    }

    /// Of all that is defined.
    pub fn digest(&self) -> Fingerprint {
        let mut parts: Vec<String> = Vec::new();
        for Theme { name, descriptions, seeds_en, seeds_ru } in &self.themes {
            parts.push(name.clone());
            for list in [descriptions, seeds_en, seeds_ru] {
                parts.push(list.len().to_string());
                parts.extend(list.iter().cloned());
            }
        }
        Fingerprint::of(parts.iter().map(String::as_bytes))
    }

    /// The number of a stem, for [`Themes::longest_seed`]; none for a stem that is in no seed.
    pub(super) fn stem(&self, stem: &str) -> Option<u32> {
        self.stems.find(stem)
    }

    pub(super) fn prototypes(&self) -> Option<&Prototypes> {
        self.prototypes.as_ref()
    }

    pub(super) fn seeds(&self) -> &[Seed] {
        &self.seeds
    }

    /// The place of the longest seed that `stems` begin with, and how many of them are its words.
    pub(super) fn longest_seed(&self, stems: &[Option<u32>]) -> Option<(usize, usize)> {
        let mut key = [0; SEED_WORDS_MAX];
        let mut words = 0;
        for (place, stem) in key.iter_mut().zip(stems.iter().take(self.words_max)) {
            let Some(stem) = *stem else { break };
            *place = stem;
            words += 1;
        }
        (1..=words).rev().find_map(|words| Some((*self.places.get(key.get(..words)?)?, words)))
    }
}

impl Seed {
    fn new(stems: &[u32], numbers: &Numbers) -> Self {
        let informativeness = stems.iter().map(|stem| informativeness(numbers.name(*stem)));
        Self { weight: informativeness.sum::<f64>().min(SEED_WEIGHT_MAX), spellings: Vec::new() }
    }

    /// What it tells is shared out among its themes: the more of them, the less it tells of each.
    fn share(&mut self) {
        let themes = self.spellings.chunk_by(|a, b| a.theme == b.theme).count();
        self.weight /= themes.max(1) as f64;
    }

    /// For each theme the first of its spellings that `form`, a word of the text, may be a form of.
    pub(super) fn spellings_of<'seed>(&'seed self, form: &str, stem: &str) -> impl Iterator<Item = &'seed Spelling> {
        let fits = move |spelling: &&Spelling| spelling.form.as_ref().is_none_or(|seed| may_be(seed, form, stem));
        self.spellings.chunk_by(|a, b| a.theme == b.theme).filter_map(move |of_theme| of_theme.iter().find(fits))
    }
}
