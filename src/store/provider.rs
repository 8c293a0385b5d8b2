//! Lance reads and writes through the object store that everything else goes through.
//!
//! So a store has one client, one set of options and one place in which a test can make writes fail. A local folder is
//! the exception: Lance's own reader of files is faster.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use lance_io::object_store::{ObjectStoreParams, ObjectStoreProvider};
use object_store::ObjectStore;
use url::Url;

use crate::limits::{STORE_READ_MERGE_BYTES, STORE_REQUESTS_AT_ONCE_MAX, STORE_REREADS_MAX};

/// Hands out one object store, whatever the URL.
pub(super) struct OneStore(pub Arc<dyn ObjectStore>);

impl fmt::Debug for OneStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OneStore").finish()
    }
}

#[async_trait]
impl ObjectStoreProvider for OneStore {
    async fn new_store(
        &self,
        base_path: Url,
        params: &ObjectStoreParams,
    ) -> lance::Result<lance_io::object_store::ObjectStore> {
        // Listings are ordered on S3 and in memory, and on others not: nothing is lost where it is not relied on.
        let is_ordered = matches!(base_path.scheme(), "s3" | "memory");
        Ok(lance_io::object_store::ObjectStore::new(
            Arc::clone(&self.0),
            base_path,
            Some(STORE_READ_MERGE_BYTES),
            None,
            // Cloudflare's R2 wants the parts of an upload to have one size; the others do not mind.
            true,
            is_ordered,
            STORE_REQUESTS_AT_ONCE_MAX,
            STORE_REREADS_MAX,
            params.storage_options(),
        ))
    }
}
