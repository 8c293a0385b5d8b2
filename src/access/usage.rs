//! What was used: written down every second, told by key, day, route and unit.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::Row;

use super::key::KeyId;
use super::keys::Key;
use super::meter::locked;
use super::quota::Period;
use super::tier::{Tier, Unit};
use super::{Access, AccessError};
use crate::limits::USAGE_ROWS_MAX;

/// What a key used of a unit on a route in a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    pub key: KeyId,
    pub day: NaiveDate,
    pub route: String,
    pub unit: String,
    pub amount: u64,
}

/// How much of a quota is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    pub unit: Unit,
    pub period: Period,
    pub limit: u64,
    /// With what other processes have taken in advance, a hundredth of the limit each at most.
    pub used: u64,
    pub resets_at: DateTime<Utc>,
}

impl Access {
    /// What `key`, or every key, used from `since` to `until`, both included; the newest days first.
    pub async fn usage(
        &self,
        key: Option<KeyId>,
        since: NaiveDate,
        until: NaiveDate,
    ) -> Result<Vec<UsageRow>, AccessError> {
        self.write_usage().await?;
        let sql = "select key_id, day, route, unit, amount from key_usage
             where day >= $1 and day <= $2 and ($3 = '' or key_id = $4)
             order by day desc, key_id, route, unit limit $5";
        let id = key.map(|key| key.as_str().to_owned()).unwrap_or_default();
        let rows = sqlx::query(sql)
            .bind(since.to_string())
            .bind(until.to_string())
            .bind(&id)
            .bind(&id)
            .bind(USAGE_ROWS_MAX)
            .fetch_all(self.state.pool())
            .await?;
        let damaged = || AccessError::Damaged("the account of usage".to_owned());
        rows.iter()
            .map(|row| {
                Ok(UsageRow {
                    key: KeyId::parse(&row.try_get::<String, _>("key_id")?).ok_or_else(damaged)?,
                    day: row.try_get::<String, _>("day")?.parse().map_err(|_| damaged())?,
                    route: row.try_get("route")?,
                    unit: row.try_get("unit")?,
                    amount: row.try_get::<i64, _>("amount")?.cast_unsigned(),
                })
            })
            .collect()
    }

    /// How much of its quotas a key has used.
    pub async fn quota_use(&self, key: &Key) -> Result<Vec<QuotaUse>, AccessError> {
        let day = self.clock.now().date_naive();
        let mut uses = Vec::new();
        for (unit, period, limit) in limited(&key.tier) {
            let sql = "select used from quota_use where key_id = $1 and unit = $2 and period = $3";
            let row = sqlx::query(sql).bind(key.id().as_str()).bind(unit.name()).bind(period.written(day));
            let row = row.fetch_optional(self.state.pool()).await?;
            let taken = row.map(|row| row.try_get::<i64, _>("used")).transpose()?.unwrap_or_default().cast_unsigned();
            let lease = locked(&key.meter.leases).get(&unit).copied().unwrap_or_default().on(day);
            let used = taken.saturating_sub(lease.left(period));
            uses.push(QuotaUse { unit, period, limit, used, resets_at: period.ends(day) });
        }
        Ok(uses)
    }

    /// Writes down what was used since it was last called, of all keys at once. What fails is written the next time.
    pub(super) async fn write_usage(&self) -> Result<(), AccessError> {
        let taken: Vec<Taken> = self.at_hand().into_iter().filter_map(Taken::of).collect();
        if taken.is_empty() {
            return Ok(());
        }
        let written = self.write_taken(&taken).await;
        match &written {
            Ok(()) => {
                for ((_, unit), amount) in taken.iter().flat_map(|taken| &taken.spent) {
                    metrics::counter!("rhapsode_quota_spent_total", "unit" => unit.name()).increment(*amount);
                }
            }
            Err(_) => taken.into_iter().for_each(Taken::give_back),
        }
        written
    }

    async fn write_taken(&self, taken: &[Taken]) -> Result<(), AccessError> {
        let day = self.clock.now().date_naive().to_string();
        let mut transaction = self.state.pool().begin().await?;
        for Taken { key, last_used, spent } in taken {
            if let Some(micros) = *last_used {
                let used = "update api_keys set last_used_at = $1 where id = $2 and coalesce(last_used_at, 0) < $3";
                let used = sqlx::query(used).bind(micros).bind(key.id().as_str()).bind(micros);
                used.execute(&mut *transaction).await?;
            }
            for ((route, unit), amount) in spent {
                let add = "insert into key_usage (key_id, day, route, unit, amount) values ($1, $2, $3, $4, $5)
                     on conflict (key_id, day, route, unit) do update set amount = key_usage.amount + excluded.amount";
                let add = sqlx::query(add).bind(key.id().as_str()).bind(&day).bind(*route).bind(unit.name());
                add.bind(amount.cast_signed()).execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// What a key used, on its way to the state database.
struct Taken {
    key: Arc<Key>,
    /// Microseconds.
    last_used: Option<i64>,
    spent: BTreeMap<(&'static str, Unit), u64>,
}

impl Taken {
    /// None of a key that was not used.
    fn of(key: Arc<Key>) -> Option<Self> {
        let (last_used, spent) = (key.meter.take_last_used(), key.meter.take_spent());
        (last_used.is_some() || !spent.is_empty()).then_some(Self { key, last_used, spent })
    }

    fn give_back(self) {
        self.key.meter.give_back(self.last_used, self.spent);
    }
}

/// The quotas of a tier, in order.
fn limited(tier: &Tier) -> impl Iterator<Item = (Unit, Period, u64)> {
    Unit::ALL.into_iter().flat_map(|unit| {
        let of = |period, limit: Option<u64>| limit.map(|limit| (unit, period, limit));
        [of(Period::Day, tier.quotas.daily(unit)), of(Period::Month, tier.quotas.monthly(unit))].into_iter().flatten()
    })
}
