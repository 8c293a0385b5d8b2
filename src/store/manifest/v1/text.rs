//! What a view makes of a text, on disk.

use serde::{Deserialize, Serialize};

use crate::store::RejectsPin;
use crate::store::manifest::{DuplicatesPin, TextMethod, TextPin, ThemePin};

#[derive(Serialize, Deserialize)]
pub(super) struct Text {
    source: String,
    column: String,
    #[serde(flatten)]
    method: Method,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Method {
    Analyzer {
        name: String,
        version: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vectors: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        themes: Vec<Theme>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stress: Option<String>,
    },
    Embedding {
        model: String,
        digest: String,
        parts: Vec<String>,
    },
}

#[derive(Serialize, Deserialize)]
struct Theme {
    name: String,
    descriptions: Vec<String>,
    seeds_en: Vec<String>,
    seeds_ru: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Rejects {
    rows: u64,
    file: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Duplicates {
    view: String,
    sketch: String,
    similarity: f64,
}

impl From<DuplicatesPin> for Duplicates {
    fn from(pin: DuplicatesPin) -> Self {
        let DuplicatesPin { view, sketch, similarity } = pin;
        Self { view, sketch, similarity }
    }
}

impl From<Duplicates> for DuplicatesPin {
    fn from(duplicates: Duplicates) -> Self {
        let Duplicates { view, sketch, similarity } = duplicates;
        Self { view, sketch, similarity }
    }
}

impl From<ThemePin> for Theme {
    fn from(pin: ThemePin) -> Self {
        let ThemePin { name, descriptions, seeds_en, seeds_ru } = pin;
        Self { name, descriptions, seeds_en, seeds_ru }
    }
}

impl From<Theme> for ThemePin {
    fn from(theme: Theme) -> Self {
        let Theme { name, descriptions, seeds_en, seeds_ru } = theme;
        Self { name, descriptions, seeds_en, seeds_ru }
    }
}

impl From<RejectsPin> for Rejects {
    fn from(pin: RejectsPin) -> Self {
        let RejectsPin { rows, file } = pin;
        Self { rows, file }
    }
}

impl From<Rejects> for RejectsPin {
    fn from(rejects: Rejects) -> Self {
        let Rejects { rows, file } = rejects;
        Self { rows, file }
    }
}

impl From<TextPin> for Text {
    fn from(pin: TextPin) -> Self {
        let TextPin { source, column, method } = pin;
        let method = match method {
            TextMethod::Analyzer { name, version, vectors, themes, stress } => Method::Analyzer {
                name,
                version,
                vectors,
                themes: themes.into_iter().map(Into::into).collect(),
                stress: stress.map(|digest| digest.to_string()),
            },
            TextMethod::Embedding { model, digest, parts } => {
                Method::Embedding { model, digest: digest.to_string(), parts }
            }
        };
        Self { source, column, method }
    }
}

impl TryFrom<Text> for TextPin {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        let Text { source, column, method } = text;
        let method = match method {
            Method::Analyzer { name, version, vectors, themes, stress } => TextMethod::Analyzer {
                name,
                version,
                vectors,
                themes: themes.into_iter().map(Into::into).collect(),
                stress: stress.map(|digest| digest.parse()).transpose()?,
            },
            Method::Embedding { model, digest, parts } => {
                TextMethod::Embedding { model, digest: digest.parse()?, parts }
            }
        };
        Ok(Self { source, column, method })
    }
}
