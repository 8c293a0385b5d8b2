//! Work beside those who are answered.

use super::StoreError;

/// What `compute` gives, which takes long enough to keep others waiting.
pub async fn aside<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    let lost = |error| StoreError::Rows(format!("it could not be computed: {error}"));
    tokio::task::spawn_blocking(compute).await.map_err(lost)
}
