//! `rejects/<view>/<build>.jsonl`: the texts of which a view could make nothing, by their keys, and why.

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

/// A row of a view that has no values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reject {
    /// The parts of its key.
    pub key: Vec<String>,
    pub reason: String,
}

/// The rejects of a view, in a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectsPin {
    pub rows: u64,
    /// Relative to the store: a JSON line each, ordered by key.
    pub file: String,
}

impl Store {
    /// Writes `rejects` of a view; none where there are none.
    pub async fn write_rejects(
        &self,
        view: &str,
        build_id: &str,
        rejects: &[Reject],
    ) -> Result<Option<RejectsPin>, StoreError> {
        if rejects.is_empty() {
            return Ok(None);
        }
        let file = format!("rejects/{view}/{build_id}.jsonl");
        let mut text = Vec::new();
        for reject in rejects {
            let damaged = |error: serde_json::Error| damaged(&file, &error);
            serde_json::to_writer(&mut text, reject).map_err(damaged)?;
            text.push(b'\n');
        }
        self.objects.write(&file, text).await?;
        Ok(Some(RejectsPin { rows: rejects.len() as u64, file }))
    }

    /// The rejects behind a pin.
    pub async fn rejects(&self, pin: &RejectsPin) -> Result<Vec<Reject>, StoreError> {
        let missing = || StoreError::Damaged { path: pin.file.clone(), reason: "the file is missing".to_owned() };
        let bytes = self.objects.read(&pin.file).await?.ok_or_else(missing)?;
        let lines = serde_json::Deserializer::from_slice(&bytes).into_iter();
        lines.collect::<Result<_, _>>().map_err(|error| damaged(&pin.file, &error))
    }
}

fn damaged(path: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: error.to_string() }
}
