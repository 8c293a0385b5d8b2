//! What a view makes of a text, on disk.

use serde::{Deserialize, Serialize};

use crate::store::manifest::{TextMethod, TextPin};

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
    Analyzer { name: String, version: u32 },
    Embedding { model: String, digest: String, parts: Vec<String> },
}

impl From<TextPin> for Text {
    fn from(pin: TextPin) -> Self {
        let TextPin { source, column, method } = pin;
        let method = match method {
            TextMethod::Analyzer { name, version } => Method::Analyzer { name, version },
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
            Method::Analyzer { name, version } => TextMethod::Analyzer { name, version },
            Method::Embedding { model, digest, parts } => {
                TextMethod::Embedding { model, digest: digest.parse()?, parts }
            }
        };
        Ok(Self { source, column, method })
    }
}
