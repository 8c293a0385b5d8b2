//! The object store: a local folder or a bucket.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
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
    is_local: bool,
}

/// Puts something around an object store, such as what makes its writes fail.
pub type Wrap<'a> = &'a dyn Fn(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>;

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Objects {
    pub fn open(
        project: &Path,
        url: &str,
        options: &BTreeMap<String, String>,
        wrap: Wrap<'_>,
    ) -> Result<Self, StoreError> {
        let not_a_store = |reason: String| StoreError::NotAStore { url: url.to_owned(), reason };
        // `memory:///` keeps its slashes.
        let trimmed = Some(url.trim_end_matches('/')).filter(|trimmed| !trimmed.ends_with(':')).unwrap_or(url);
        let Some((scheme, _)) = trimmed.split_once("://") else {
            let folder = project.join(trimmed);
            std::fs::create_dir_all(&folder).map_err(|error| not_a_store(error.to_string()))?;
            let folder = folder.canonicalize().map_err(|error| not_a_store(error.to_string()))?;
            // Publishing and ingesting promise that what was answered survives a crash.
            let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
            let url = folder.display().to_string();
            return Ok(Self { store: Arc::new(store), prefix: ObjectPath::default(), url, is_local: true });
        };
        let parsed = url::Url::parse(trimmed).map_err(|error| not_a_store(error.to_string()))?;
        if scheme == "file" {
            let folder = parsed.to_file_path().map_err(|()| not_a_store("it names no folder".to_owned()))?;
            return Self::open(project, &folder.display().to_string(), options, wrap);
        }
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
        Ok(Self { store: wrap(Arc::from(store)), prefix, url: trimmed.to_owned(), is_local: false })
    }

    /// Whether it is a folder of this machine.
    pub fn is_local(&self) -> bool {
        self.is_local
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
            // Somebody else's, and gone again.
            (Err(object_store::Error::AlreadyExists { .. }), None) => Ok(false),
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

    /// The folders right under a folder, ordered by name.
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let listed = self.store.list_with_delimiter(Some(&self.path(folder))).await?;
        let mut names: Vec<String> =
            listed.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The bytes of an object; none where it is absent.
    pub async fn size(&self, path: &str) -> Result<Option<u64>, StoreError> {
        match self.store.head(&self.path(path)).await {
            Ok(object) => Ok(Some(object.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The objects under a folder: their paths below it and their sizes in bytes, ordered by path.
    pub async fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let dated = self.list_dated(folder).await?;
        Ok(dated.into_iter().map(|(path, bytes, _)| (path, bytes)).collect())
    }

    /// The same, with the time at which each was written.
    pub async fn list_dated(&self, folder: &str) -> Result<Vec<(String, u64, DateTime<Utc>)>, StoreError> {
        let folder = self.path(folder);
        let objects: Vec<_> = self.store.list(Some(&folder)).try_collect().await?;
        let mut listed: Vec<(String, u64, DateTime<Utc>)> = objects
            .into_iter()
            .filter_map(|object| {
                let below: Vec<String> =
                    object.location.prefix_match(&folder)?.map(|part| part.as_ref().to_owned()).collect();
                Some((below.join("/"), object.size, object.last_modified))
            })
            .collect();
        listed.sort_unstable();
        Ok(listed)
    }
}
