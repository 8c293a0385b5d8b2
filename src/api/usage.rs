//! `/api/usage`: what a key used, and what is left of its quotas.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::secret;
use super::extract::Parameters;
use super::{Problem, keys};
use crate::access::{Caller, QuotaUse, Scope, UsageRow};
use crate::app::App;

/// What was used, and what is left.
#[derive(Serialize, ToSchema)]
#[schema(as = Usage)]
pub(crate) struct UsageReport {
    #[schema(value_type = String, format = Date)]
    pub since: NaiveDate,
    #[schema(value_type = String, format = Date)]
    pub until: NaiveDate,
    pub usage: Vec<UsageAnswer>,
    /// Of the key that asks, where its tier has quotas.
    pub quotas: Vec<QuotaAnswer>,
}

/// What a key used of a unit on a route in a UTC day.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageAnswer {
    #[schema(value_type = String, format = Date)]
    day: NaiveDate,
    key: String,
    route: String,
    /// `requests`, `entities`, `rows`, `bytes`, `texts` or `tokens`.
    unit: String,
    amount: u64,
}

/// How much of a quota is used.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuotaAnswer {
    unit: &'static str,
    /// `day` or `month`.
    period: &'static str,
    limit: u64,
    used: u64,
    #[schema(value_type = String, format = DateTime)]
    resets_at: DateTime<Utc>,
}

impl From<UsageRow> for UsageAnswer {
    fn from(row: UsageRow) -> Self {
        let UsageRow { key, day, route, unit, amount } = row;
        Self { day, key: key.to_string(), route, unit, amount }
    }
}

impl From<QuotaUse> for QuotaAnswer {
    fn from(quota: QuotaUse) -> Self {
        let QuotaUse { unit, period, limit, used, resets_at } = quota;
        Self { unit: unit.name(), period: period.name(), limit, used, resets_at }
    }
}

/// What the key that asks used, by day, route and unit; with the scope `admin` what others used, too.
#[utoipa::path(get, path = "/api/usage", tag = "access",
    params(
        ("days" = Option<u32>, Query, minimum = 1, maximum = 366, description = "So many days, today the last of them; 30 by default"),
        ("key" = Option<String>, Query, description = "Another key's id, or `all`; for admins"),
    ),
    responses((status = 200, body = UsageReport), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn usage(State(app): State<App>, caller: Caller, parameters: Parameters) -> Result<Response, Problem> {
    let parameters = parameters.only(&["days", "key"])?;
    let days = match parameters.get("days").map(str::parse::<u64>) {
        None => 30,
        Some(Ok(days @ 1..=366)) => days,
        Some(_) => {
            let days = parameters.get("days").unwrap_or_default();
            return Err(Problem::invalid("invalid-parameter", "`days` is a number from 1 to 366").field("days", days));
        }
    };
    let Some(key) = caller.key() else {
        let detail = "this server answers without keys and keeps no account";
        return Err(Problem::invalid("no-key", detail));
    };
    let asked = match parameters.get("key") {
        None => Some(key.id()),
        Some("all") => None,
        Some(id) => Some(keys::parse(id)?),
    };
    if asked != Some(key.id()) && !caller.may(Scope::Admin) {
        let detail = "what other keys used is for the scope `admin`";
        return Err(Problem::new(StatusCode::FORBIDDEN, "missing-scope", detail).field("scope", "admin"));
    }
    let until = app.clock().now().date_naive();
    let since = until.checked_sub_days(Days::new(days - 1)).unwrap_or(until);
    let access = app.access().await?;
    let usage = access.usage(asked, since, until).await?.into_iter().map(UsageAnswer::from).collect();
    let quotas = access.quota_use(key).await?.into_iter().map(QuotaAnswer::from).collect();
    Ok(secret(&UsageReport { since, until, usage, quotas }))
}
