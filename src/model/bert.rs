//! Any sentence-transformer of the BERT kind (Reimers & Gurevych 2019) from its folder: `config.json`,
//! `model.safetensors`, `tokenizer.json`, and where they are there `1_Pooling/config.json` and `sentence_bert_config.json`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, StringArray};
use async_trait::async_trait;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokenizers::{PaddingParams, PaddingStrategy, Tokenizer, TruncationParams};
use tokio::sync::OnceCell;

use super::cores::on_all_cores;
use super::models::digest_of_files;
use super::{Embedded, EmbeddingModel, ModelError, present, spread};
use crate::limits::MODEL_BATCH_TEXTS;
use crate::name::Fingerprint;

/// What it needs in its folder.
const FILES: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];

/// Grows with every change of a vector that the same weights give.
const VERSION: u8 = 1;

/// A sentence-transformer. Its weights are read when the first text comes.
#[derive(Debug)]
pub(super) struct Bert {
    name: String,
    folder: PathBuf,
    digest: Fingerprint,
    config: Config,
    pooling: Pooling,
    tokens_max: usize,
    loaded: OnceCell<Arc<Loaded>>,
}

/// How the vectors of tokens become one.
#[derive(Clone, Copy, Debug)]
enum Pooling {
    Mean,
    FirstToken,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode_cls_token: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
}

#[derive(Deserialize)]
struct LengthConfig {
    max_seq_length: usize,
}

struct Loaded {
    tokenizer: Tokenizer,
    model: BertModel,
    pooling: Pooling,
    dimensions: usize,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Loaded")
    }
}

impl Bert {
    pub(super) fn open(name: &str, folder: &Path) -> Result<Self, ModelError> {
        let remedy = "`folder` names one with a model of the BERT kind";
        let digest = digest_of_files(name, folder, &FILES, remedy)?;
        let unusable = |reason| ModelError::Unusable { name: name.to_owned(), reason };
        let config: Config = json(&folder.join(FILES[0])).map_err(unusable)?;
        let pooling = match json::<PoolingConfig>(&folder.join("1_Pooling/config.json")).unwrap_or_default() {
            config if config.pooling_mode_max_tokens || config.pooling_mode_mean_sqrt_len_tokens => {
                return Err(unusable("its pooling is neither the mean nor the first token".to_owned()));
            }
            config if config.pooling_mode_cls_token => Pooling::FirstToken,
            _ => Pooling::Mean,
        };
        let stated =
            json::<LengthConfig>(&folder.join("sentence_bert_config.json")).map(|config| config.max_seq_length);
        let tokens_max = stated.unwrap_or(config.max_position_embeddings).min(config.max_position_embeddings);
        let parts = [digest.as_bytes(), &[VERSION, pooling as u8] as &[u8], &tokens_max.to_le_bytes()];
        let digest = Fingerprint::of(parts);
        let (name, folder) = (name.to_owned(), folder.to_owned());
        Ok(Self { name, folder, digest, config, pooling, tokens_max, loaded: OnceCell::new() })
    }

    async fn loaded(&self) -> Result<Arc<Loaded>, ModelError> {
        let loaded = self.loaded.get_or_try_init(|| async {
            let (folder, config) = (self.folder.clone(), self.config.clone());
            let (pooling, tokens_max) = (self.pooling, self.tokens_max);
            let loaded = on_all_cores(move || Loaded::read(&folder, &config, pooling, tokens_max)).await;
            let unusable = |reason| ModelError::Unusable { name: self.name.clone(), reason };
            loaded.map(Arc::new).map_err(unusable)
        });
        loaded.await.map(Arc::clone)
    }
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| format!("`{}`: {error}", file.display()))
}

#[async_trait]
impl EmbeddingModel for Bert {
    fn dimensions(&self) -> usize {
        self.config.hidden_size
    }

    fn digest(&self) -> Fingerprint {
        self.digest
    }

    /// A text is read up to the length that the model states; most state 128 to 512 tokens.
    async fn embed(&self, texts: StringArray) -> Result<Embedded, ModelError> {
        let loaded = self.loaded().await?;
        let embedded = on_all_cores(move || loaded.embed(&texts)).await;
        embedded.map_err(|reason| ModelError::Unusable { name: self.name.clone(), reason })
    }
}

impl Loaded {
    fn read(folder: &Path, config: &Config, pooling: Pooling, tokens_max: usize) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_file(folder.join(FILES[2])).map_err(|error| error.to_string())?;
        let truncation = TruncationParams { max_length: tokens_max, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(|error| error.to_string())?;
        let padding = PaddingParams {
            strategy: PaddingStrategy::BatchLongest,
            pad_id: u32::try_from(config.pad_token_id).unwrap_or_default(),
            ..PaddingParams::default()
        };
        tokenizer.with_padding(Some(padding));
        let weights = std::fs::read(folder.join(FILES[1])).map_err(|error| error.to_string())?;
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu);
        let model = weights.and_then(|weights| BertModel::load(weights, config)).map_err(|error| error.to_string())?;
        Ok(Self { tokenizer, model, pooling, dimensions: config.hidden_size })
    }

    fn embed(&self, texts: &StringArray) -> Result<Embedded, String> {
        let (rows, words) = present(texts);
        // Texts of like length together: the shorter are filled up to the longest of their batch.
        let mut order: Vec<usize> = (0..words.len()).collect();
        order.sort_by_key(|index| words[*index].len());
        let mut numbers = vec![0.0; words.len() * self.dimensions];
        let mut tokens = 0;
        for batch in order.chunks(MODEL_BATCH_TEXTS) {
            let batch_words: Vec<&str> = batch.iter().map(|index| words[*index]).collect();
            let (vectors, count) = self.vectors(batch_words)?;
            tokens += count;
            for (index, vector) in batch.iter().zip(vectors) {
                numbers[index * self.dimensions..(index + 1) * self.dimensions].copy_from_slice(&vector);
            }
        }
        let vectors = spread(self.dimensions, texts.len(), &rows, &numbers);
        Ok(Embedded { vectors, tokens, faults: Vec::new() })
    }

    /// The vectors of a batch, of length 1, and how many tokens it has.
    fn vectors(&self, texts: Vec<&str>) -> Result<(Vec<Vec<f32>>, u64), String> {
        let encodings = self.tokenizer.encode_batch(texts, true).map_err(|error| error.to_string())?;
        let rows = encodings.len();
        let numbers = |of: fn(&tokenizers::Encoding) -> &[u32]| -> Vec<u32> {
            encodings.iter().flat_map(|encoding| of(encoding).iter().copied()).collect()
        };
        let ids = numbers(tokenizers::Encoding::get_ids);
        let types = numbers(tokenizers::Encoding::get_type_ids);
        let mask = numbers(tokenizers::Encoding::get_attention_mask);
        let tokens = mask.iter().map(|present| u64::from(*present)).sum();
        let pooled = self.pooled(rows, ids, types, mask).map_err(|error| error.to_string())?;
        Ok((pooled, tokens))
    }

    fn pooled(
        &self,
        rows: usize,
        ids: Vec<u32>,
        types: Vec<u32>,
        mask: Vec<u32>,
    ) -> candle_core::Result<Vec<Vec<f32>>> {
        let tensor = |numbers: Vec<u32>| {
            let columns = numbers.len() / rows.max(1);
            Tensor::from_vec(numbers, (rows, columns), &Device::Cpu)
        };
        let (ids, types, mask) = (tensor(ids)?, tensor(types)?, tensor(mask)?);
        let states = self.model.forward(&ids, &types, Some(&mask))?;
        let pooled = match self.pooling {
            Pooling::FirstToken => states.narrow(1, 0, 1)?.squeeze(1)?,
            Pooling::Mean => {
                let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
                states.broadcast_mul(&mask)?.sum(1)?.broadcast_div(&mask.sum(1)?)?
            }
        };
        let lengths = pooled.sqr()?.sum_keepdim(1)?.sqrt()?;
        pooled.broadcast_div(&lengths)?.to_vec2()
    }
}
