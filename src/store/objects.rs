//! The object store: a local folder or a bucket.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use super::StoreError;

/// An object store and the prefix in it that is ours.
#[derive(Clone)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    url: String,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Objects {
    pub fn open(project: &Path, url: &str, options: &BTreeMap<String, String>) -> Result<Self, StoreError> {
        let not_a_store = |reason: String| StoreError::NotAStore { url: url.to_owned(), reason };
        let trimmed = url.trim_end_matches('/');
        let Some((scheme, _)) = trimmed.split_once("://") else {
            let folder = project.join(trimmed);
            std::fs::create_dir_all(&folder).map_err(|error| not_a_store(error.to_string()))?;
            let folder = folder.canonicalize().map_err(|error| not_a_store(error.to_string()))?;
            // Publishing and ingesting promise that what was answered survives a crash.
            let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
            let url = folder.display().to_string();
            return Ok(Self { store: Arc::new(store), prefix: ObjectPath::default(), url });
        };
        let parsed = url::Url::parse(trimmed).map_err(|error| not_a_store(error.to_string()))?;
        let (store, prefix) = object_store::parse_url_opts(&parsed, options).map_err(|error| {
            let feature = match scheme {
                "s3" | "s3a" => Some("aws"),
                "gs" => Some("gcp"),
                "az" | "azure" | "abfs" | "abfss" => Some("azure"),
                _ => None,
            };
            not_a_store(match feature {
                Some(feature) => format!("{error} (this needs a build with `--features {feature}`)"),
                None => error.to_string(),
            })
        })?;
        Ok(Self { store: Arc::from(store), prefix, url: trimmed.to_owned() })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Where `path` lies in the object store.
    pub fn path(&self, path: &str) -> ObjectPath {
        ObjectPath::from_iter(self.prefix.parts().chain(ObjectPath::from(path).parts()))
    }

    /// The bytes of an object; none where it is absent.
    pub async fn read(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        match self.store.get(&self.path(path)).await {
            Ok(object) => Ok(Some(object.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes an object, whether it is there or not.
    pub async fn write(&self, path: &str, bytes: impl Into<Bytes>) -> Result<(), StoreError> {
        self.store.put(&self.path(path), bytes.into().into()).await?;
        Ok(())
    }

    /// Writes an object that must not be there yet. Returns whether what is there now is ours: an error may hide one's
    /// own success, so the object is read back.
    pub async fn create(&self, path: &str, bytes: impl Into<Bytes>) -> Result<bool, StoreError> {
        let bytes = bytes.into();
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = self.store.put_opts(&self.path(path), bytes.clone().into(), options).await;
        match (put, self.read(path).await?) {
            (_, Some(found)) => Ok(found == bytes),
            (Err(error), None) => Err(error.into()),
            (Ok(_), None) => Err(StoreError::Damaged { path: path.to_owned(), reason: "it vanished".to_owned() }),
        }
    }

    pub async fn delete(&self, path: &str) -> Result<(), StoreError> {
        match self.store.delete(&self.path(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The objects under a folder: their paths below it and their sizes in bytes, ordered by path.
    pub async fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let folder = self.path(folder);
        let objects: Vec<_> = self.store.list(Some(&folder)).try_collect().await?;
        let mut listed: Vec<(String, u64)> = objects
            .into_iter()
            .filter_map(|object| {
                let below: Vec<String> =
                    object.location.prefix_match(&folder)?.map(|part| part.as_ref().to_owned()).collect();
                Some((below.join("/"), object.size))
            })
            .collect();
        listed.sort_unstable();
        Ok(listed)
    }
}
