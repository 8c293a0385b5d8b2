//! An object store whose writes fail from the n-th on, as if the builder's connection or the builder itself were gone.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use tokio::sync::Notify;

/// What becomes of the n-th write, and of everything after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is an error, and nothing is written.
    Error,
    /// It is written, and yet it is an error: the answer was lost.
    LostAnswer,
    /// It never ends.
    Hang,
}

/// Counts writes, and lets those from the n-th on fail.
#[derive(Clone)]
pub struct FailingStore {
    inner: Arc<InMemory>,
    state: Arc<State>,
}

struct State {
    failure: Failure,
    /// Writes that succeed.
    allowed: usize,
    written: AtomicUsize,
    hung: Notify,
}

impl FailingStore {
    pub fn new(inner: Arc<InMemory>, allowed: usize, failure: Failure) -> Self {
        let state = State { failure, allowed, written: AtomicUsize::new(0), hung: Notify::new() };
        Self { inner, state: Arc::new(state) }
    }

    /// How many writes there were.
    pub fn writes(&self) -> usize {
        self.state.written.load(Ordering::SeqCst)
    }

    /// Waits until a write hangs.
    pub async fn hung(&self) {
        self.state.hung.notified().await;
    }
}

impl State {
    fn error() -> object_store::Error {
        object_store::Error::Generic { store: "failing", source: "the connection is gone".into() }
    }

    /// Counts a write; says whether it is done, and what is answered.
    async fn write(&self) -> (bool, Result<()>) {
        let before = self.written.fetch_add(1, Ordering::SeqCst);
        match self.failure {
            _ if before < self.allowed => (true, Ok(())),
            Failure::Error => (false, Err(Self::error())),
            Failure::LostAnswer => (before == self.allowed, Err(Self::error())),
            Failure::Hang => {
                self.hung.notify_one();
                std::future::pending().await
            }
        }
    }

    /// After the first failure nothing can be read either.
    async fn read(&self) -> Result<()> {
        match (self.written.load(Ordering::SeqCst) > self.allowed, self.failure) {
            (false, _) => Ok(()),
            (true, Failure::Hang) => std::future::pending().await,
            (true, _) => Err(Self::error()),
        }
    }
}

impl fmt::Debug for FailingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FailingStore")
    }
}

impl fmt::Display for FailingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FailingStore")
    }
}

#[async_trait]
impl ObjectStore for FailingStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let (is_done, answer) = self.state.write().await;
        let put = if is_done { Some(self.inner.put_opts(location, payload, options).await) } else { None };
        answer?;
        put.unwrap_or_else(|| Err(State::error()))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.state.read().await?;
        let inner = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(FailingUpload { inner, state: Arc::clone(&self.state) }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.state.read().await?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (inner, state) = (Arc::clone(&self.inner), Arc::clone(&self.state));
        locations
            .then(move |location| {
                let (inner, state) = (Arc::clone(&inner), Arc::clone(&state));
                async move {
                    let location = location?;
                    let (is_done, answer) = state.write().await;
                    if is_done {
                        let one = futures::stream::once(std::future::ready(Ok(location.clone()))).boxed();
                        let _: Vec<_> = inner.delete_stream(one).collect().await;
                    }
                    answer.map(|()| location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (state, listed) = (Arc::clone(&self.state), self.inner.list(prefix));
        let checked = futures::stream::once(async move { state.read().await });
        checked
            .flat_map(move |read| match read {
                Ok(()) => futures::stream::empty().boxed(),
                Err(error) => futures::stream::once(std::future::ready(Err(error))).boxed(),
            })
            .chain(listed)
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.state.read().await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let (is_done, answer) = self.state.write().await;
        if is_done {
            self.inner.copy_opts(from, to, options).await?;
        }
        answer
    }
}

#[derive(Debug)]
struct FailingUpload {
    inner: Box<dyn MultipartUpload>,
    state: Arc<State>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

#[async_trait]
impl MultipartUpload for FailingUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (state, part) = (Arc::clone(&self.state), self.inner.put_part(data));
        Box::pin(async move {
            let (is_done, answer) = state.write().await;
            if is_done {
                part.await?;
            }
            answer
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (is_done, answer) = self.state.write().await;
        let put = if is_done { Some(self.inner.complete().await) } else { None };
        answer?;
        put.unwrap_or_else(|| Err(State::error()))
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
