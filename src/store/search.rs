//! The dataset of a search: rows by their terms and by their vectors, of those that are allowed.

mod by_terms;
mod by_vector;
mod compared;
mod texts;
mod vectors;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ::lance::dataset::scanner::{RowAddrMask, RowAddrTreeMap, Scanner};
use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::{concat_batches, prep_null_mask_filter};
use datafusion::arrow::datatypes::{Float32Type, UInt64Type};
use futures::TryStreamExt;
use hashbrown::HashMap;
use tokio::sync::OnceCell;

pub use by_terms::WeightedTerm;
pub use compared::{Compared, Numbers};
pub use words::NearWord;
pub(super) use words::Words;

use self::vectors::Vectors;
use super::lance::{self, LanceTable, fault};
use super::spine::{indices, plain_schema, rows_fault};
use super::{Entitlements, KeyIndex, SearchPin, Store, StoreError, TableKey, WordVectors, key_texts, search_path};
use crate::limits::{LANCE_SCAN_BUFFER_BYTES, SEARCH_ROWS_AT_ONCE};
use crate::name::EntityKey;

/// Where Lance tells which row it is.
const ROW_ID: &str = "_rowid";

/// A row that was found, and how well it fits: more is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Its place among all rows of the search.
    pub row: usize,
    /// BM25, or the cosine of its vector and that of the query.
    pub score: f32,
}

/// The rows among which something is found.
#[derive(Clone, Debug)]
pub struct Allowed {
    is_allowed: BooleanArray,
    rows: usize,
    /// The same for Lance, once it is asked.
    mask: OnceLock<RowAddrMask>,
}

/// The rows of a search, open: their keys and what filters name are in memory.
#[derive(Debug)]
pub(super) struct SearchTable {
    table: LanceTable,
    /// What Lance calls each row, ascending.
    ids: Vec<u64>,
    keys: KeyIndex,
    /// The join keys and the filters.
    columns: RecordBatch,
    /// By name: the filters, and what criteria are of and is no vector.
    compared: HashMap<String, Compared>,
    /// By column of terms: in how many rows each term is.
    counts: HashMap<String, HashMap<String, u32>>,
    /// The columns of texts.
    texts: Vec<String>,
    /// By column of texts: their words. Counted when a word is first asked for that no row has.
    words: OnceCell<BTreeMap<String, Words>>,
    /// The commonest words as vectors.
    word_vectors: WordVectors,
    /// By column: the vectors for which there is room in memory. Read when one is first looked for.
    vectors: OnceCell<BTreeMap<String, Arc<Vectors>>>,
    vector_columns: Vec<String>,
    /// Bytes that there is room for.
    room: usize,
}

impl SearchTable {
    /// Opens what is pinned; where the vectors are no more than `room` bytes, they are held in memory too.
    pub async fn open(store: &Store, pin: &SearchPin, key: &TableKey, room: usize) -> Result<Self, StoreError> {
        let path = search_path(&pin.rows.name);
        let Some(version) = pin.rows.data.lance_version() else {
            return Err(StoreError::Damaged { path, reason: "it is no Lance dataset".to_owned() });
        };
        let table = store.lance.open(&path, version).await?;
        let of_criteria =
            pin.criteria.iter().filter(|criterion| !criterion.has_vectors).flat_map(|criterion| &criterion.of);
        let mut names: Vec<&String> = key.iter().chain(&pin.filters).collect();
        for name in of_criteria {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut scanner = table.dataset.scan();
        scanner.project(&names).map_err(fault(&path))?;
        scanner.with_row_id().scan_in_order(true).io_buffer_size(LANCE_SCAN_BUFFER_BYTES);
        let scanned = batches(&scanner, &path).await?;
        let mut ids = Vec::new();
        for batch in &scanned {
            ids.extend_from_slice(row_ids(batch, &path)?);
        }
        let (schema, names) = (table.schema(), names.into_iter().cloned().collect::<Vec<String>>());
        let schema = plain_schema(&schema.project(&indices(&schema, &names)).map_err(rows_fault)?);
        // The rows' ids come last.
        let columns: Vec<usize> = (0..names.len()).collect();
        let scanned: Result<Vec<RecordBatch>, _> = scanned.iter().map(|batch| batch.project(&columns)).collect();
        let columns = concat_batches(&schema, &scanned.map_err(rows_fault)?).map_err(rows_fault)?;
        let mut compared = HashMap::new();
        for (name, column) in names.iter().zip(columns.columns()).skip(key.len()) {
            compared.insert(name.clone(), Compared::of(column).map_err(rows_fault)?);
        }
        let keys = KeyIndex::new(key_texts(&columns, key)?)?;
        let filters: Vec<usize> = (0..key.len() + pin.filters.len()).collect();
        let columns = columns.project(&filters).map_err(rows_fault)?;
        let mut counts = HashMap::new();
        for column in &pin.terms {
            let terms = |text: &str, count: &mut dyn FnMut(&str)| {
                text.split(' ').filter(|term| !term.is_empty()).for_each(count);
            };
            counts.insert(column.clone(), counted(&table, column, terms).await?);
        }
        let texts = pin.fields.iter().map(|field| field.column.clone()).collect();
        let word_vectors = match &pin.word_vectors {
            Some(pin) => store.word_vectors(pin).await?,
            None => WordVectors::default(),
        };
        let (words, vectors) = (OnceCell::new(), OnceCell::new());
        let vector_columns = pin.vectors.iter().map(|vectors| vectors.column.clone()).collect();
        Ok(Self {
            table,
            ids,
            keys,
            columns,
            compared,
            counts,
            texts,
            words,
            word_vectors,
            vectors,
            vector_columns,
            room,
        })
    }

    pub fn memory_bytes(&self) -> usize {
        let terms = self.counts.values().flat_map(HashMap::keys).map(|term| term.len() + size_of::<(String, u32)>());
        let words = self.words.get().into_iter().flat_map(BTreeMap::values).map(Words::memory_bytes);
        let compared = self.compared.values().map(Compared::memory_bytes);
        let vectors = self.vectors.get().into_iter().flat_map(BTreeMap::values).map(|vectors| vectors.memory_bytes());
        let parts: usize = terms.chain(words).chain(compared).chain(vectors).sum();
        let rows = size_of_val(self.ids.as_slice()) + self.keys.memory_bytes() + self.columns.get_array_memory_size();
        rows + parts + self.word_vectors.memory_bytes()
    }

    /// Scans the rows that are allowed for their `score`.
    fn scanner(&self, score: &str, allowed: Option<&Allowed>) -> Result<Scanner, StoreError> {
        let mut scanner = self.table.dataset.scan();
        scanner.disable_scoring_autoprojection().project(&[score]).map_err(fault(&self.table.path))?;
        scanner.with_row_id().prefilter(true).io_buffer_size(LANCE_SCAN_BUFFER_BYTES);
        if let Some(allowed) = allowed {
            scanner.with_row_id_prefilter(self.mask(allowed).clone());
        }
        Ok(scanner)
    }

    fn mask<'a>(&self, allowed: &'a Allowed) -> &'a RowAddrMask {
        allowed.mask.get_or_init(|| {
            let ids = self.ids.iter().zip(&allowed.is_allowed).filter(|(_, allowed)| *allowed == Some(true));
            RowAddrMask::from_allowed(ids.map(|(id, _)| *id).collect::<RowAddrTreeMap>())
        })
    }

    /// What a scan found, in any order.
    async fn found(&self, scanner: &Scanner, column: &str) -> Result<Vec<Found>, StoreError> {
        let path = &self.table.path;
        let mut found = Vec::new();
        for batch in batches(scanner, path).await? {
            let scores = batch.column_by_name(column).and_then(|column| column.as_primitive_opt::<Float32Type>());
            let Some(scores) = scores else { return Err(unexpected(path, column)) };
            for (id, score) in row_ids(&batch, path)?.iter().zip(scores) {
                let row = self.ids.binary_search(id).map_err(|_| unexpected(path, ROW_ID))?;
                found.extend(score.map(|score| Found { row, score }));
            }
        }
        Ok(found)
    }
}

/// A search without the terms, vectors and filters that may not be read.
#[derive(Clone, Debug)]
pub struct ReadableSearch {
    pin: SearchPin,
    table: Arc<SearchTable>,
    /// The join keys and the filters, a row each.
    columns: RecordBatch,
}

impl ReadableSearch {
    pub(super) fn new(pin: SearchPin, table: Arc<SearchTable>) -> Self {
        let (schema, keys) = (table.columns.schema(), table.keys.columns().len());
        let is_seen = |at: &usize| *at < keys || pin.filters.contains(schema.field(*at).name());
        let seen: Vec<usize> = (0..schema.fields().len()).filter(is_seen).collect();
        let columns = table.columns.project(&seen).expect("the places are those of the columns");
        Self { pin, table, columns }
    }

    pub fn pin(&self) -> &SearchPin {
        &self.pin
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.table.ids.len()
    }

    /// How many parts a key has.
    pub fn key_parts(&self) -> usize {
        self.table.keys.columns().len()
    }

    /// The parts of a row's key.
    pub fn key(&self, row: usize) -> impl Iterator<Item = &str> {
        self.table.keys.key(row)
    }

    /// What filters may name: the join keys and the filters, a row for each row.
    pub fn columns(&self) -> &RecordBatch {
        &self.columns
    }

    /// The values of a filter, or of what a criterion is of; none where it is none of them, or vectors.
    pub fn compared(&self, name: &str) -> Option<&Compared> {
        let of_criteria = || self.pin.criteria.iter().any(|criterion| criterion.of.iter().any(|of| of == name));
        let is_seen = self.pin.filters.iter().any(|filter| filter == name) || of_criteria();
        self.table.compared.get(name).filter(|_| is_seen)
    }

    /// The row of that key.
    pub fn row_of(&self, key: &EntityKey) -> Option<usize> {
        self.table.keys.row(key.parts().iter().map(String::as_str))
    }

    /// The column of the terms of all fields that may be read; none where there is no such field.
    fn terms(&self) -> Option<&String> {
        self.pin.terms.last()
    }

    /// In how many rows a term is.
    pub fn rows_with(&self, term: &str) -> usize {
        let counts = self.terms().and_then(|column| self.table.counts.get(column));
        counts.and_then(|counts| counts.get(term)).copied().unwrap_or_default() as usize
    }

    /// The rows of which `is_allowed` is true.
    pub fn allowed(&self, is_allowed: &BooleanArray) -> Allowed {
        // What is not known to be true is not.
        let is_allowed = match is_allowed.null_count() {
            0 => is_allowed.clone(),
            _ => prep_null_mask_filter(is_allowed),
        };
        Allowed { rows: is_allowed.true_count(), is_allowed, mask: OnceLock::new() }
    }

    fn has_none(&self, allowed: Option<&Allowed>) -> bool {
        self.rows() == 0 || allowed.is_some_and(|allowed| allowed.rows == 0)
    }
}

impl SearchPin {
    /// Without what may not be read.
    pub(super) fn readable_by(mut self, entitlements: Entitlements) -> Self {
        self.rows.features.retain(|feature| entitlements.may_read(feature.restricted));
        let features = &self.rows.features;
        let is_seen = |name: &str| features.iter().any(|feature| feature.name == name);
        self.terms.retain(|column| is_seen(column));
        self.fields.retain(|field| is_seen(&field.column));
        self.vectors.retain(|vectors| is_seen(&vectors.column));
        self.filters.retain(|filter| is_seen(filter));
        self.facets.retain(|facet| is_seen(facet));
        self.criteria.iter_mut().for_each(|criterion| criterion.of.retain(|column| is_seen(column)));
        self.criteria.retain(|criterion| !criterion.of.is_empty());
        for profile in &mut self.profiles {
            profile.vectors.retain(|column| is_seen(column));
            profile.priors.retain(|prior| is_seen(&prior.feature));
            profile.at_most.retain(|filter, _| is_seen(filter));
        }
        self
    }
}

/// In how many rows of a column each of the parts is that `cut` finds in a text.
async fn counted(
    table: &LanceTable,
    column: &str,
    cut: impl Fn(&str, &mut dyn FnMut(&str)),
) -> Result<HashMap<String, u32>, StoreError> {
    let mut rows = table.scan(&[column.to_owned()]).await?;
    // With the last row that had it, so that each row counts once.
    let mut counts: HashMap<String, (u32, u32)> = HashMap::new();
    let mut row = 0;
    while let Some(batch) = rows.try_next().await.map_err(lance::rows_fault)? {
        let Some(texts) = batch.column(0).as_string_opt::<i32>() else { return Err(unexpected(&table.path, column)) };
        for text in texts {
            row += 1;
            cut(text.unwrap_or_default(), &mut |part| {
                let (last, count) = counts.entry_ref(part).or_default();
                *count += u32::from(std::mem::replace(last, row) != row);
            });
            if row.is_multiple_of(SEARCH_ROWS_AT_ONCE) {
                // Others are answered meanwhile.
                tokio::task::yield_now().await;
            }
        }
    }
    Ok(counts.into_iter().map(|(part, (_, count))| (part, count)).collect())
}

/// Of equals the first row first.
fn best_first(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    found
}

async fn batches(scanner: &Scanner, path: &str) -> Result<Vec<RecordBatch>, StoreError> {
    let stream = scanner.try_into_stream().await.map_err(fault(path))?;
    stream.try_collect().await.map_err(fault(path))
}

fn row_ids<'a>(batch: &'a RecordBatch, path: &str) -> Result<&'a [u64], StoreError> {
    let ids = batch.column_by_name(ROW_ID).and_then(|column| column.as_primitive_opt::<UInt64Type>());
    Ok(ids.ok_or_else(|| unexpected(path, ROW_ID))?.values())
}

fn unexpected(path: &str, column: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: format!("what was found has no `{column}`, or no row of it") }
}
