//! One builder at a time: a lease on the store that its holder renews.
//!
//! Correctness does not rest on it (a release is created once, and a commit must be the next version): it spares builders
//! the work of losing. Whoever waits believes a holder dead when the lease was not renewed for its whole time, by the
//! waiter's own clock, so clocks need not agree.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::objects::Objects;
use super::{Store, StoreError};
use crate::clock::Stopwatch;

const PATH: &str = "lease.json";

/// The right to change the store, until it is dropped or [`Lease::release`]d.
#[derive(Debug)]
pub struct Lease {
    objects: Objects,
    holder: String,
    renewing: JoinHandle<()>,
}

/// Who wants the lease, and for how long it lasts without being renewed.
#[derive(Clone, Debug)]
pub struct LeaseTerms {
    /// Unlike every other holder's.
    pub holder: String,
    pub lasts: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LeaseFile {
    holder: String,
    /// Grows with each renewal.
    renewals: u64,
}

impl Store {
    /// Waits until nobody else holds the lease, and takes it. `waiting` is told once whom it waits for.
    pub async fn lease(&self, terms: &LeaseTerms, waiting: &(dyn Fn(&str) + Sync)) -> Result<Lease, StoreError> {
        let mut seen: Option<(LeaseFile, Stopwatch)> = None;
        loop {
            let ours = LeaseFile { holder: terms.holder.clone(), renewals: 0 };
            if self.objects.create(PATH, encode(&ours)?).await? {
                return Ok(Lease::hold(self.objects.clone(), terms));
            }
            let Some(bytes) = self.objects.read(PATH).await? else { continue };
            // A lease that cannot be read is as good as none that is renewed.
            let theirs = serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| LeaseFile { holder: "somebody unknown".to_owned(), renewals: 0 });
            match &seen {
                None => waiting(&theirs.holder),
                Some((last, since)) if *last == theirs => {
                    if since.seconds() > terms.lasts.as_secs_f64() {
                        tracing::warn!(holder = theirs.holder, "the holder of the lease is gone; taking it over");
                        self.objects.delete(PATH).await?;
                        seen = None;
                        continue;
                    }
                    sleep(terms.lasts / 20).await;
                    continue;
                }
                Some(_) => {}
            }
            seen = Some((theirs, Stopwatch::start()));
        }
    }
}

impl Lease {
    fn hold(objects: Objects, terms: &LeaseTerms) -> Self {
        let (renewed, holder, every) = (objects.clone(), terms.holder.clone(), terms.lasts / 3);
        let renewing = tokio::spawn(async move {
            for renewals in 1.. {
                sleep(every).await;
                if !is_held(&renewed, &holder).await {
                    tracing::warn!("another builder took the lease over; what it publishes first counts");
                    return;
                }
                let Ok(text) = encode(&LeaseFile { holder: holder.clone(), renewals }) else { return };
                if let Err(error) = renewed.write(PATH, text).await {
                    tracing::warn!(%error, "the lease cannot be renewed");
                }
            }
        });
        Self { objects, holder: terms.holder.clone(), renewing }
    }

    /// Lets others have it.
    pub async fn release(self) {
        self.renewing.abort();
        if is_held(&self.objects, &self.holder).await
            && let Err(error) = self.objects.delete(PATH).await
        {
            tracing::warn!(%error, "the lease cannot be released; it ends by itself");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

async fn is_held(objects: &Objects, holder: &str) -> bool {
    let Ok(Some(bytes)) = objects.read(PATH).await else { return true };
    serde_json::from_slice(&bytes).is_ok_and(|file: LeaseFile| file.holder == holder)
}

fn encode(file: &LeaseFile) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(file).map_err(|error| StoreError::Damaged { path: PATH.to_owned(), reason: error.to_string() })
}
