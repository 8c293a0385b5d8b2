//! The commonest words of a search's texts as vectors: those that the release before has are taken from it.

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::datatypes::Float32Type;

use super::run::Shared;
use super::{Built, Event, MaterializeError, WordVectorsStep};
use crate::clock::Stopwatch;
use crate::limits::WORDS_EMBEDDED_AT_ONCE;
use crate::store::{WordVectors, WordVectorsPin};

/// Makes what `step` says of the words of a search that is built.
pub(super) async fn run(
    shared: &Shared,
    step: &WordVectorsStep,
    built: &Built,
) -> Result<WordVectorsPin, MaterializeError> {
    if let (true, Some(pin)) = (step.is_kept, &step.pinned) {
        return Ok(pin.clone());
    }
    let watch = Stopwatch::start();
    let name = format!("words of {}", step.search);
    let (store, progress) = (&shared.store, &shared.progress);
    let words = match built.tables.get(&step.search) {
        Some(built) => store.commonest_words(&built.table, &step.columns, step.limit).await?,
        None => Vec::new(),
    };
    progress(Event::Begin { table: name.clone(), rows: Some(words.len() as u64) });
    let mut vectors = WordVectors::new(step.model.dimensions());
    let digest = step.model.digest();
    let missing = match &step.pinned {
        Some(pin) if pin.digest == digest => vectors.take(words, &store.word_vectors(pin).await?),
        _ => words,
    };
    for words in missing.chunks(WORDS_EMBEDDED_AT_ONCE) {
        let texts: StringArray = words.iter().map(Some).collect();
        let failed = |source| MaterializeError::Words { search: step.search.clone(), source };
        let embedded = step.model.embed(texts).await.map_err(failed)?.vectors;
        for (row, word) in words.iter().enumerate().filter(|(row, _)| embedded.is_valid(*row)) {
            vectors.push(word.clone(), embedded.value(row).as_primitive::<Float32Type>().values());
        }
        progress(Event::Rows { table: name.clone(), rows: vectors.len() as u64 });
    }
    let file = store.write_word_vectors(&step.search, &vectors).await?;
    let rows = vectors.len() as u64;
    progress(Event::End { table: name, rows, seconds: watch.seconds() });
    Ok(WordVectorsPin { file, words: rows, limit: step.limit as u64, model: step.model.name().to_owned(), digest })
}
