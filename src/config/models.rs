//! `[models]` in `rhapsode.toml`: embedding models beside the built-in one.

use std::path::PathBuf;

use serde::Deserialize;

/// An embedding model.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelConfig {
    /// A sentence-transformer of the BERT kind.
    Bert(BertConfig),
    /// A service that speaks OpenAI's `POST /v1/embeddings`.
    Openai(OpenaiConfig),
}

/// A sentence-transformer in a folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BertConfig {
    /// With `config.json`, `model.safetensors` and `tokenizer.json`.
    pub folder: PathBuf,
}

/// A service for embeddings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenaiConfig {
    /// Up to `/v1`, as `https://api.openai.com/v1`.
    pub url: String,
    /// What the service calls the model.
    pub model: String,
    /// Numbers of its vectors.
    pub dimensions: usize,
    /// The environment variable that holds the key, where it wants one.
    pub key_env: Option<String>,
    /// Texts of one request.
    #[serde(default = "OpenaiConfig::batch")]
    pub batch: usize,
    /// Requests at once.
    #[serde(default = "OpenaiConfig::concurrency")]
    pub concurrency: usize,
    /// Seconds for an answer.
    #[serde(default = "OpenaiConfig::timeout_seconds")]
    pub timeout_seconds: u64,
    /// What a million tokens cost, for the metrics.
    pub price_per_million_tokens: Option<f64>,
}

impl OpenaiConfig {
    fn batch() -> usize {
        64
    }

    fn concurrency() -> usize {
        4
    }

    fn timeout_seconds() -> u64 {
        60
    }
}
