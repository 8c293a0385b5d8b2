//! Quotas: what is left of a day and of a month, taken from the state database in leases.
//!
//! Several processes share a quota. Each takes a part of it in advance and spends that without asking, so that a request
//! costs no round trip; what a process had taken and not spent when it ended is lost to the day.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};

use super::key::KeyId;
use super::meter::{Meter, locked};
use super::tier::{Tier, Unit};
use crate::limits::{QUOTA_EMPTY_SECONDS, QUOTA_LEASE_PARTS};
use crate::state::{State, StateError};

/// What this process may still spend of a unit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lease {
    /// For which it was taken.
    day: NaiveDate,
    of_day: Share,
    of_month: Share,
}

/// What was taken of one period's quota.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    left: u64,
    /// What the state database did not have, and until when that is believed, so that a key whose quota is spent does not ask
    /// with each request. Less than that may be there.
    refused: Option<(u64, DateTime<Utc>)>,
}

impl Lease {
    /// What of it is good on `day`.
    pub fn on(self, day: NaiveDate) -> Self {
        if self.day == day {
            return self;
        }
        let same_month = (self.day.year(), self.day.month()) == (day.year(), day.month());
        Self { day, of_day: Share::default(), of_month: if same_month { self.of_month } else { Share::default() } }
    }

    pub fn left(&self, period: Period) -> u64 {
        match period {
            Period::Day => self.of_day.left,
            Period::Month => self.of_month.left,
        }
    }

    fn spend(&mut self, amount: u64) {
        for share in [&mut self.of_day, &mut self.of_month] {
            share.left = share.left.saturating_sub(amount);
        }
    }
}

/// A quota that does not suffice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quota of {limit} {unit} a {period} is spent, or has less than {asked} left", unit = .unit.name(), period = .period.name())]
pub struct OverQuota {
    pub unit: Unit,
    pub period: Period,
    pub limit: u64,
    pub asked: u64,
    /// When the next period begins.
    pub resets_at: DateTime<Utc>,
    /// Until then, seconds.
    pub wait_seconds: u64,
}

/// For how long a quota is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Day,
    Month,
}

impl Period {
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// As it stands in the state database: `2026-11-26`, `2026-11`.
    pub(super) fn written(self, day: NaiveDate) -> String {
        match self {
            Self::Day => day.to_string(),
            Self::Month => day.format("%Y-%m").to_string(),
        }
    }

    pub(super) fn ends(self, day: NaiveDate) -> DateTime<Utc> {
        let next = match self {
            Self::Day => day.checked_add_days(Days::new(1)),
            Self::Month => day.with_day(1).and_then(|first| first.checked_add_months(Months::new(1))),
        };
        next.unwrap_or(day).and_time(Default::default()).and_utc()
    }
}

/// Whose quota it is, and where it is kept.
pub(super) struct Account<'a> {
    pub id: KeyId,
    pub tier: &'a Tier,
    pub meter: &'a Meter,
    pub state: &'a State,
}

impl Account<'_> {
    /// Spends `amount` of a unit, all of it or nothing.
    pub async fn spend(
        &self,
        unit: Unit,
        amount: u64,
        now: DateTime<Utc>,
    ) -> Result<Result<(), OverQuota>, StateError> {
        if self.limits(unit).iter().all(|(_, limit)| limit.is_none()) || self.spend_leased(unit, amount, now) {
            return Ok(Ok(()));
        }
        // Boxed, since each request's future would have room for it.
        Box::pin(self.spend_anew(unit, amount, now)).await
    }

    /// The same, once what was taken before does not suffice.
    async fn spend_anew(
        &self,
        unit: Unit,
        amount: u64,
        now: DateTime<Utc>,
    ) -> Result<Result<(), OverQuota>, StateError> {
        let _only = self.meter.leasing.lock().await;
        // Somebody else may have taken a lease meanwhile.
        if self.spend_leased(unit, amount, now) {
            return Ok(Ok(()));
        }
        let known = locked(&self.meter.leases).get(&unit).copied();
        let mut lease = known.unwrap_or_default().on(now.date_naive());
        let leased = self.lease(&mut lease, unit, amount, now).await;
        if let Ok(Ok(())) = leased {
            lease.spend(amount);
        }
        // What was taken of one period stays, whatever became of the other.
        locked(&self.meter.leases).insert(unit, lease);
        leased
    }

    /// Spends `amount` that is used already, whether there was enough or not.
    pub async fn settle(&self, unit: Unit, amount: u64, now: DateTime<Utc>) -> Result<(), StateError> {
        if amount == 0 || self.spend(unit, amount, now).await?.is_ok() {
            return Ok(());
        }
        for (period, limit) in self.limits(unit) {
            if limit.is_some() {
                let period = period.written(now.date_naive());
                self.begin(unit, &period).await?;
                let spent = "update quota_use set used = used + $1 where key_id = $2 and unit = $3 and period = $4";
                let spent = sqlx::query(spent).bind(amount.cast_signed()).bind(self.id.as_str());
                spent.bind(unit.name()).bind(period).execute(self.state.pool()).await?;
            }
        }
        Ok(())
    }

    fn limits(&self, unit: Unit) -> [(Period, Option<u64>); 2] {
        [(Period::Day, self.tier.quotas.daily(unit)), (Period::Month, self.tier.quotas.monthly(unit))]
    }

    /// Takes as much of each period as `amount` needs.
    async fn lease(
        &self,
        lease: &mut Lease,
        unit: Unit,
        amount: u64,
        now: DateTime<Utc>,
    ) -> Result<Result<(), OverQuota>, StateError> {
        for (period, limit) in self.limits(unit) {
            let share = match period {
                Period::Day => &mut lease.of_day,
                Period::Month => &mut lease.of_month,
            };
            let Some(limit) = limit else {
                share.left = u64::MAX;
                continue;
            };
            if share.left >= amount {
                continue;
            }
            let resets_at = period.ends(lease.day);
            let wait_seconds = (resets_at - now).num_seconds().max(1).cast_unsigned();
            let over = OverQuota { unit, period, limit, asked: amount, resets_at, wait_seconds };
            let needed = amount - share.left;
            let is_known = |(refused, until)| needed >= refused && now < until;
            if amount > limit || share.refused.is_some_and(is_known) {
                return Ok(Err(over));
            }
            let wished = needed.max(limit / QUOTA_LEASE_PARTS);
            match self.take(unit, &period.written(lease.day), limit, needed, wished).await? {
                0 => {
                    share.refused = Some((needed, now + TimeDelta::seconds(QUOTA_EMPTY_SECONDS)));
                    return Ok(Err(over));
                }
                taken => share.left += taken,
            }
        }
        Ok(Ok(()))
    }

    /// Whether what was taken before suffices.
    fn spend_leased(&self, unit: Unit, amount: u64, now: DateTime<Utc>) -> bool {
        let mut leases = locked(&self.meter.leases);
        let Some(lease) = leases.get_mut(&unit).filter(|lease| lease.day == now.date_naive()) else { return false };
        let suffices = lease.of_day.left.min(lease.of_month.left) >= amount;
        if suffices {
            lease.spend(amount);
        }
        suffices
    }

    /// Takes what is wished of a period, or what is needed, or nothing; says how much it was.
    async fn take(&self, unit: Unit, period: &str, limit: u64, needed: u64, wished: u64) -> Result<u64, StateError> {
        self.begin(unit, period).await?;
        let amounts = if wished == needed { vec![needed] } else { vec![wished, needed] };
        for amount in amounts {
            let taken = sqlx::query(
                "update quota_use set used = used + $1 where key_id = $2 and unit = $3 and period = $4 and used + $5 <= $6",
            )
            .bind(amount.cast_signed())
            .bind(self.id.as_str())
            .bind(unit.name())
            .bind(period)
            .bind(amount.cast_signed())
            .bind(limit.cast_signed());
            if taken.execute(self.state.pool()).await?.rows_affected() == 1 {
                return Ok(amount);
            }
        }
        Ok(0)
    }

    async fn begin(&self, unit: Unit, period: &str) -> Result<(), StateError> {
        let begun = "insert into quota_use (key_id, unit, period, used) values ($1, $2, $3, 0) on conflict do nothing";
        let begun = sqlx::query(begun).bind(self.id.as_str()).bind(unit.name()).bind(period);
        begun.execute(self.state.pool()).await?;
        Ok(())
    }
}
