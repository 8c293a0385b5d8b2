//! Rows by their vectors: those in memory are compared, many are looked for by their index first.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::lance::index::DatasetIndexExt;
use datafusion::arrow::array::{Array, AsArray, FixedSizeListArray, Float32Array, UInt64Array};
use datafusion::arrow::compute::take;
use futures::TryStreamExt;
use lance_linalg::distance::DistanceType;

use super::vectors::Vectors;
use super::{Allowed, Found, ReadableSearch, SearchTable, best_first, unexpected};
use crate::limits::{VECTOR_CANDIDATES_FACTOR, VECTOR_INDEX_ROWS_MIN};
use crate::store::index::names;
use crate::store::lance::{self, fault};
use crate::store::spine::rows_fault;
use crate::store::{StoreError, aside};

/// Where Lance tells how far a row is.
const DISTANCE: &str = "_distance";

impl ReadableSearch {
    /// The rows whose vectors in `column` have the greatest cosine with `vector`, the nearest first; of a row with several the
    /// nearest counts.
    pub async fn by_vector(
        &self,
        column: &str,
        vector: &[f32],
        allowed: Option<&Allowed>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        if self.has_none(allowed) {
            return Ok(Vec::new());
        }
        let rows = allowed.map_or(self.rows(), |allowed| allowed.rows);
        let found = match self.table.held().await?.get(column) {
            None => self.table.by_index(column, vector, allowed, limit, true).await?,
            Some(vectors) if rows < VECTOR_INDEX_ROWS_MIN => {
                let (vectors, vector) = (Arc::clone(vectors), vector.to_vec());
                let allowed = allowed.map(|allowed| allowed.is_allowed.clone());
                aside(move || vectors.nearest(&vector, allowed.as_ref(), limit)).await?
            }
            Some(vectors) => {
                let near = VECTOR_CANDIDATES_FACTOR * limit;
                let found = self.table.by_index(column, vector, allowed, near, false).await?;
                vectors.compared(vector, &found.into_iter().map(|found| found.row).collect::<Vec<_>>())
            }
        };
        let mut found = best_first(found);
        found.truncate(limit);
        Ok(found)
    }

    /// The vectors of some rows in `column`, in their order; of a row with several the first.
    pub async fn vectors(&self, column: &str, rows: &[usize]) -> Result<FixedSizeListArray, StoreError> {
        if let Some(vectors) = self.table.held().await?.get(column) {
            return Ok(vectors.of_rows(rows));
        }
        let taken = self.taken(&[column], rows).await?;
        let vectors = match taken.column(0).as_list_opt::<i32>() {
            None => Arc::clone(taken.column(0)),
            Some(lists) => {
                let first = |row| {
                    (!lists.is_null(row) && lists.value_length(row) > 0).then(|| lists.value_offsets()[row] as u64)
                };
                let first: UInt64Array = (0..lists.len()).map(first).collect();
                take(lists.values(), &first, None).map_err(rows_fault)?
            }
        };
        vectors.as_fixed_size_list_opt().cloned().ok_or_else(|| unexpected(&self.table.table.path, column))
    }
}

impl SearchTable {
    /// The vectors that are held in memory, by column.
    pub(super) async fn held(&self) -> Result<&BTreeMap<String, Arc<Vectors>>, StoreError> {
        let reading = async {
            let (mut held, mut room) = (BTreeMap::new(), self.room);
            for column in &self.vector_columns {
                match self.read_vectors(column, room).await? {
                    Some(vectors) => {
                        room -= vectors.memory_bytes();
                        held.insert(column.clone(), Arc::new(vectors));
                    }
                    None => tracing::info!(
                        search = self.table.path,
                        vectors = column,
                        "there is no room in memory for the vectors of a search; they are read from its dataset"
                    ),
                }
            }
            Ok(held)
        };
        self.vectors.get_or_try_init(|| reading).await
    }

    /// The vectors of a column; none where there is no room for them.
    async fn read_vectors(&self, column: &str, room: usize) -> Result<Option<Vectors>, StoreError> {
        let mut vectors = Vectors::default();
        let mut batches = self.table.scan(&[column.to_owned()]).await?;
        let mut row = 0;
        while let Some(batch) = batches.try_next().await.map_err(lance::rows_fault)? {
            vectors.extend(row, batch.column(0)).ok_or_else(|| unexpected(&self.table.path, column))?;
            row += batch.num_rows() as u32;
            if vectors.memory_bytes() > room {
                return Ok(None);
            }
            // Others are answered meanwhile.
            tokio::task::yield_now().await;
        }
        Ok(Some(vectors))
    }

    /// Rows by the index, or by comparing all where there is none or an index would pass by most of what is allowed. Where they
    /// are not `exact`, they are what eight bits bring near.
    async fn by_index(
        &self,
        column: &str,
        vector: &[f32],
        allowed: Option<&Allowed>,
        limit: usize,
        exact: bool,
    ) -> Result<Vec<Found>, StoreError> {
        let vector = Float32Array::from(vector.to_vec());
        let mut scanner = self.scanner(DISTANCE, allowed)?;
        scanner.nearest(column, &vector, limit).map_err(fault(&self.table.path))?;
        scanner.distance_metric(DistanceType::Cosine);
        match allowed {
            Some(allowed) if allowed.rows < VECTOR_INDEX_ROWS_MIN => scanner.use_index(false),
            _ if exact => scanner.ef(VECTOR_CANDIDATES_FACTOR * limit).refine(1),
            _ => scanner.ef(limit),
        };
        let found = self.found(&scanner, DISTANCE).await?;
        Ok(found.into_iter().map(|Found { row, score: distance }| Found { row, score: 1.0 - distance }).collect())
    }

    /// Reads the indexes into memory, as far as Lance keeps them there.
    pub(super) async fn read_indexes(&self) -> Result<(), StoreError> {
        let path = &self.table.path;
        for index in names(&self.table.dataset).await.map_err(fault(path))? {
            self.table.dataset.prewarm_index(&index).await.map_err(fault(path))?;
        }
        Ok(())
    }
}
