//! What one key is using at the moment: its rates, its work, its spending that is not in the state database yet.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::quota::Lease;
use super::tier::{Rate, RouteClass, Tier, Unit};
use crate::limits::REQUESTS_OF_A_KEY_IN_FLIGHT_MAX;

type Limiter = DefaultDirectRateLimiter<StateInformationMiddleware>;

/// What is left of a rate after a request, or when there will be some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateState {
    pub rate: Rate,
    /// Requests that may come at once.
    pub remaining: u32,
    /// How long a refused request has to wait.
    pub wait: Option<Duration>,
}

impl RateState {
    /// Seconds that a refused request has to wait, at least one.
    pub fn wait_seconds(&self) -> Option<u64> {
        let rounded_up = |wait: Duration| wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.wait.map(|wait| rounded_up(wait).max(1))
    }

    /// Seconds until all of the burst is there again.
    pub fn reset_seconds(&self) -> u32 {
        let used = self.rate.burst.get() - self.remaining.min(self.rate.burst.get());
        used.div_ceil(self.rate.per_second.get())
    }
}

/// The running state of a key. It outlives changes of the key's record.
pub(super) struct Meter {
    limiters: [(Rate, Limiter); RouteClass::ALL.len()],
    work: Arc<Semaphore>,
    in_flight: Arc<Semaphore>,
    /// Counted, and not yet in the state database.
    spent: Mutex<BTreeMap<(&'static str, Unit), u64>>,
    pub(super) leases: Mutex<BTreeMap<Unit, Lease>>,
    /// Held by whoever asks the state database for a lease.
    pub(super) leasing: tokio::sync::Mutex<()>,
    /// Microseconds; 0 where it was not used since it was last written down.
    last_used: AtomicI64,
}

impl Meter {
    pub fn new(tier: &Tier) -> Self {
        let limiter = |class| {
            let rate = tier.rate(class);
            let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
            (rate, RateLimiter::direct(quota).with_middleware())
        };
        Self {
            limiters: RouteClass::ALL.map(limiter),
            work: Arc::new(Semaphore::new(tier.concurrent)),
            in_flight: Arc::new(Semaphore::new(REQUESTS_OF_A_KEY_IN_FLIGHT_MAX)),
            spent: Mutex::default(),
            leases: Mutex::default(),
            leasing: tokio::sync::Mutex::default(),
            last_used: AtomicI64::new(0),
        }
    }

    /// Counts a request against the rate of its class.
    pub fn request(&self, class: RouteClass) -> RateState {
        let (rate, limiter) = &self.limiters[class as usize];
        match limiter.check() {
            Ok(state) => RateState { rate: *rate, remaining: state.remaining_burst_capacity(), wait: None },
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                RateState { rate: *rate, remaining: 0, wait: Some(wait) }
            }
        }
    }

    /// Room for one more piece of work; none where as many as the tier allows are being done.
    pub fn work(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.work).try_acquire_owned().ok()
    }

    /// Room for one more request; none where as many as a key may have are being answered.
    pub fn in_flight(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.in_flight).try_acquire_owned().ok()
    }

    pub fn count(&self, route: &'static str, unit: Unit, amount: u64) {
        *locked(&self.spent).entry((route, unit)).or_default() += amount;
    }

    /// What was counted since it was last taken.
    pub fn take_spent(&self) -> BTreeMap<(&'static str, Unit), u64> {
        std::mem::take(&mut *locked(&self.spent))
    }

    /// Counts again what could not be written down.
    pub fn give_back(&self, last_used: Option<i64>, spent: BTreeMap<(&'static str, Unit), u64>) {
        self.last_used.fetch_max(last_used.unwrap_or_default(), Ordering::Relaxed);
        let mut counted = locked(&self.spent);
        for (what, amount) in spent {
            *counted.entry(what).or_default() += amount;
        }
    }

    pub fn used_at(&self, micros: i64) {
        self.last_used.store(micros, Ordering::Relaxed);
    }

    /// When it was last used, where that is not written down yet.
    pub fn take_last_used(&self) -> Option<i64> {
        Some(self.last_used.swap(0, Ordering::Relaxed)).filter(|micros| *micros != 0)
    }
}

/// Nothing that is done under these locks can panic halfway.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
