//! `GET /api/trends`: how the values of a feature change over time.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Problem;
use super::cache::AnswerId;
use super::extract::Parameters;
use super::insight::{ERROR_RATE, conditions, entity, number, refused};
use super::respond::{JSON, answer, negotiate};
use crate::access::{Caller, Unit};
use crate::app::{App, KeptAnswer};
use crate::insight::{Counting, Period, Row, Start, Trend, TrendRequest, Trends, trend_chart};
use crate::limits::{TREND_SMOOTH_MAX, TREND_VALUES_MAX};
use crate::statistics::Interval;
use crate::store::aside;

/// A chart, for Vega-Lite.
const VEGA_LITE: &str = "application/vnd.vegalite+json";

/// Values that are shown where it is not said how many.
const LIMIT: usize = 10;

/// How a feature changes over time.
#[derive(Serialize, ToSchema)]
pub(super) struct TrendsShown {
    release: u64,
    entity: String,
    feature: String,
    time: String,
    by: Option<String>,
    /// How time is cut: numbers taken together, or `day`, `week`, `month`, `quarter`, `year`, `decade`.
    period: String,
    /// Of each group, value and period one.
    rows: Vec<TrendRow>,
    /// Those that change most first.
    risers: Vec<TrendShown>,
    fallers: Vec<TrendShown>,
    /// How many were looked at for risers and fallers: those of 20 pieces or more.
    tested: usize,
    /// How much of what is told to rise or fall may be chance.
    error_rate: f64,
    /// How many values there are, shown or not; none of a number.
    values: Option<usize>,
    not_counted: NotCountedShown,
}

/// What a value, or a number, is in a period.
#[derive(Serialize, ToSchema)]
struct TrendRow {
    /// When the period begins: a number or a date.
    #[schema(value_type = Object)]
    period: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// Pieces with this value; of a number, pieces with any.
    count: u64,
    /// Pieces with any value.
    of: u64,
    /// Of a value: its share of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    /// Of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    /// Where the share or the mean is with 95 % confidence.
    low: Option<f64>,
    high: Option<f64>,
    /// Of this period and those about it.
    smoothed: f64,
}

/// A value, or a number, that rises or falls by more than chance.
#[derive(Serialize, ToSchema)]
struct TrendShown {
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// From the first period to the last, along a line.
    change: f64,
    /// For each unit of a time that is a number, or for a year.
    slope: f64,
    /// Where the slope is with 95 % confidence.
    low: f64,
    high: f64,
    /// How likely so much change is where there is none.
    p: f64,
    /// The rate of chance among what rises and falls at this and at lesser rates.
    q: f64,
}

/// Pieces that have no place in trends.
#[derive(Serialize, ToSchema)]
struct NotCountedShown {
    without_time: u64,
    without_group: u64,
    without_value: u64,
}

/// How the values of a feature change over time, by group: counts, shares or means with intervals, smoothed, and what rises and
/// falls by more than chance, corrected for how many are looked at.
#[utoipa::path(get, path = "/api/trends", tag = "insight",
    params(
        ("feature" = String, Query, description = "Whose values are counted, each of a list; of a number it is the mean", example = "decade"),
        ("time" = String, Query, description = "The feature that is the time: a whole number, a date or a timestamp", example = "decade"),
        ("by" = Option<String>, Query, description = "The feature whose values are the groups, 50 at most"),
        ("period" = Option<String>, Query, description = "How time is cut: of numbers how many together, of dates `day`, `week`, `month`, `quarter`, `year` or `decade`; by default the finest that makes 60 or fewer"),
        ("filter" = Option<String>, Query, description = "Which pieces are counted: a condition in SQL"),
        ("smooth" = Option<u16>, Query, minimum = 1, maximum = 101, description = "Periods that are taken together in `smoothed`: an odd number, 1 for none; 3 by default"),
        ("error_rate" = Option<f64>, Query, description = "How much of what is told to rise or fall may be chance; 0.05 by default"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Values that are shown, the commonest, besides those that rise or fall; and of each of these, how many"),
        ("entity" = Option<String>, Query, description = "Which entity; by default the only one that has these features"),
        ("release" = Option<String>, Query, description = "A number, a tag or `latest`")),
    responses(
        (status = 200, content((TrendsShown = "application/json"), (Object = "application/vnd.vegalite+json"))),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn trends(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&[
        "feature",
        "time",
        "by",
        "period",
        "filter",
        "smooth",
        "error_rate",
        "limit",
        "entity",
        "release",
    ])?;
    let media_type = negotiate(&headers, &[JSON, VEGA_LITE])?;
    // Whoever has nothing left may not begin; how much is read is known when it was.
    caller.spend(Unit::Rows, 1).await??;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let request = asked(entity(&view, &parameters, &["feature", "time", "by"])?, &parameters)?;
    let canonical = parameters.canonical();
    let parts = [b"/api/trends".as_slice(), canonical.as_bytes()];
    let id = AnswerId::new(&view, &parts, media_type, parameters.is_pinned());
    let release = view.readable.number();
    let making = async {
        let counting = Counting::new(request.clone(), &view.query().columns(&request.entity).await?)?;
        let conditions = conditions(&request.entity, counting.condition());
        let counted = app.filtered_statement(&view, conditions, counting.statement()).await;
        let (counts, scanned) = counted.map_err(|error| refused(error, &parameters))?;
        let trends = aside(move || counting.trends(&counts.batches)).await??;
        let body = match media_type {
            VEGA_LITE => serde_json::to_vec(&trend_chart(&request, &trends)),
            _ => serde_json::to_vec(&shown(release.get(), request, trends)),
        };
        Ok::<_, Problem>(KeptAnswer { body: body.unwrap_or_default().into(), scanned })
    };
    let kept = app.answers().get_or_make(id.hash(), making).await.map_err(Problem::of_this_request)?;
    caller.settle(Unit::Rows, kept.scanned.saturating_sub(1)).await?;
    Ok(answer(release, media_type, kept.body))
}

fn asked(entity: String, parameters: &Parameters) -> Result<TrendRequest, Problem> {
    let named = |name: &str| parameters.get(name).map(str::to_owned);
    let feature = parameters.required("feature", "name the feature whose values are counted: `feature=decade`")?;
    let time = parameters.required("time", "name the feature that is the time: `time=year`")?;
    Ok(TrendRequest {
        entity,
        feature: feature.to_owned(),
        time: time.to_owned(),
        by: named("by"),
        period: parameters.get("period").map(str::parse::<Period>).transpose()?,
        filter: named("filter"),
        smooth: number(parameters, "smooth", 3, &format!("an odd number up to {TREND_SMOOTH_MAX}"), |smooth| {
            smooth % 2 == 1 && *smooth <= TREND_SMOOTH_MAX
        })?,
        error_rate: number(parameters, "error_rate", ERROR_RATE, "between 0 and 1", |rate| *rate > 0.0 && *rate < 1.0)?,
        limit: number(parameters, "limit", LIMIT, &format!("1 to {TREND_VALUES_MAX}"), |limit| {
            (1..=TREND_VALUES_MAX).contains(limit)
        })?,
    })
}

fn shown(release: u64, request: TrendRequest, trends: Trends) -> TrendsShown {
    let Trends { period, rows, risers, fallers, tested, values, not_counted } = trends;
    let TrendRequest { entity, feature, time, by, error_rate, .. } = request;
    TrendsShown {
        release,
        entity,
        feature,
        time,
        by,
        period: period.to_string(),
        rows: rows.into_iter().map(row).collect(),
        risers: risers.into_iter().map(trend).collect(),
        fallers: fallers.into_iter().map(trend).collect(),
        tested,
        error_rate,
        values,
        not_counted: NotCountedShown {
            without_time: not_counted.without_time,
            without_group: not_counted.without_group,
            without_value: not_counted.without_value,
        },
    }
}

fn row(Row { start, group, value, count, of, estimate, interval, smoothed }: Row) -> TrendRow {
    let is_share = value.is_some();
    TrendRow {
        period: match start {
            Start::Number(number) => number.into(),
            Start::Date(date) => date.to_string().into(),
        },
        group,
        value,
        count,
        of,
        share: is_share.then_some(estimate),
        mean: (!is_share).then_some(estimate),
        low: interval.map(|interval| interval.low),
        high: interval.map(|interval| interval.high),
        smoothed,
    }
}

fn trend(Trend { group, value, slope, change, q }: Trend) -> TrendShown {
    let Interval { low, high } = slope.interval;
    TrendShown { group, value, change, slope: slope.value, low, high, p: slope.p, q }
}
