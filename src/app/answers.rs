//! Answers that are kept, since making them again is dearer than a lookup: of one caller for all with the same request.

use bytes::Bytes;
use moka::future::Cache;

/// The body of an answer, and how many rows were read for it now.
#[derive(Clone)]
pub struct KeptAnswer {
    pub body: Bytes,
    pub scanned: u64,
}

/// Answers by the hash of what they are a function of, bounded in bytes.
#[derive(Clone)]
pub struct Answers(Cache<[u8; 16], KeptAnswer>);

/// Bytes that an entry takes besides its body.
const ENTRY_BYTES: usize = 128;

impl Answers {
    pub(super) fn new(mib: usize) -> Self {
        let weight =
            |_: &[u8; 16], answer: &KeptAnswer| u32::try_from(answer.body.len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity((mib as u64) << 20).weigher(weight).build())
    }

    /// The answer that is kept, or the one that is made now: once, however many ask for it at the same time.
    pub async fn get_or_make<E: Clone + Send + Sync + 'static>(
        &self,
        hash: [u8; 16],
        making: impl Future<Output = Result<KeptAnswer, E>>,
    ) -> Result<KeptAnswer, E> {
        let entry = self.0.entry(hash).or_try_insert_with(making).await.map_err(|error| E::clone(&error))?;
        let is_made_now = entry.is_fresh();
        let outcome = if is_made_now { "miss" } else { "hit" };
        metrics::counter!("rhapsode_answers_kept_total", "outcome" => outcome).increment(1);
        metrics::gauge!("rhapsode_answers_kept_bytes").set(self.0.weighted_size() as f64);
        let kept = entry.into_value();
        // What was made for somebody else read nothing for this one.
        Ok(if is_made_now { kept } else { KeptAnswer { scanned: 0, ..kept } })
    }

    /// How many are kept.
    pub async fn count(&self) -> u64 {
        self.0.run_pending_tasks().await;
        self.0.entry_count()
    }
}
