//! `GET /api/patterns`: what goes with success, or sets a slice of the corpus apart.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::Problem;
use super::cache::AnswerId;
use super::extract::Parameters;
use super::insight::{ERROR_RATE, conditions, entity, number, refused};
use super::respond::{JSON, answer, negotiate};
use crate::access::{Caller, Unit};
use crate::app::{App, KeptAnswer};
use crate::insight::{Comparing, Measure, NotCompared, Pattern, PatternRequest, Patterns, Period};
use crate::limits::PATTERNS_MAX;
use crate::statistics::Interval;
use crate::store::aside;

/// Patterns where it is not said how many.
const LIMIT: usize = 50;

/// What the figures are, and what they are not.
const NOTE: &str = "associations within the groups and periods that are named: they do not say what brings what about";

/// What goes with a measure.
#[derive(Serialize, ToSchema)]
pub(super) struct PatternsShown {
    release: u64,
    entity: String,
    /// The feature that measures success, or the condition of the slice.
    measure: String,
    by: Option<String>,
    time: Option<String>,
    /// What the figures are, and what they are not.
    note: &'static str,
    /// Pieces that were compared.
    pieces: u64,
    /// Groups and periods within which they were.
    strata: usize,
    /// How many numbers, and values of how many features, were looked at.
    tested: usize,
    /// How much of what is told may be chance.
    error_rate: f64,
    /// How time is cut, where it is.
    period: Option<String>,
    not_compared: NotComparedShown,
    /// Those with the greatest effect first.
    patterns: Vec<PatternShown>,
}

/// Pieces that have no place in patterns.
#[derive(Serialize, ToSchema)]
struct NotComparedShown {
    without_measure: u64,
    without_group: u64,
    without_time: u64,
}

/// A number or a value that goes with the measure by more than chance.
#[derive(Serialize, ToSchema)]
struct PatternShown {
    feature: String,
    /// None of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// Pieces that have it.
    pieces: u64,
    /// From -1 to 1, by ranks within groups and periods: of a number Spearman's correlation with the measure; of a value
    /// Cliff's delta: by how much likelier a piece with it has more of the measure than one without, than less.
    effect: f64,
    /// Where the effect is with 95 % confidence.
    low: f64,
    high: f64,
    /// How likely so great an effect is where there is none.
    p: f64,
    /// The rate of chance among what is told at this and at lesser rates.
    q: f64,
    /// The mean of the measure with the value, or the share of pieces with it that are of the slice: over all groups and
    /// periods together.
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<f64>,
    /// The same of pieces without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    without: Option<f64>,
}

/// What goes with success, or what sets a slice of the corpus apart from the rest: numbers and values of all features, by the
/// size of their effect, with intervals, within groups and periods, corrected for how many are looked at. Associations.
#[utoipa::path(get, path = "/api/patterns", tag = "insight",
    params(
        ("success" = Option<String>, Query, description = "The feature that measures success: a number or a bool", example = "mtld"),
        ("slice" = Option<String>, Query, description = "Instead of it: a condition in SQL, whose pieces are compared with the rest"),
        ("by" = Option<String>, Query, description = "The feature within whose values pieces are compared"),
        ("time" = Option<String>, Query, description = "The feature within whose periods they are: a whole number, a date or a timestamp"),
        ("period" = Option<String>, Query, description = "How time is cut, as in trends"),
        ("filter" = Option<String>, Query, description = "Which pieces are looked at: a condition in SQL"),
        ("error_rate" = Option<f64>, Query, description = "How much of what is told may be chance; 0.05 by default"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 500, description = "Patterns that are told; 50 by default"),
        ("entity" = Option<String>, Query, description = "Which entity; by default the only one that has these features"),
        ("release" = Option<String>, Query, description = "A number, a tag or `latest`")),
    responses((status = 200, body = PatternsShown), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn patterns(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&[
        "success",
        "slice",
        "by",
        "time",
        "period",
        "filter",
        "error_rate",
        "limit",
        "entity",
        "release",
    ])?;
    let media_type = negotiate(&headers, &[JSON])?;
    // Whoever has nothing left may not begin; how much is read is known when it was.
    caller.spend(Unit::Rows, 1).await??;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let request = asked(entity(&view, &parameters, &["success", "by", "time"])?, &parameters)?;
    let canonical = parameters.canonical();
    let parts = [b"/api/patterns".as_slice(), canonical.as_bytes()];
    let id = AnswerId::new(&view, &parts, media_type, parameters.is_pinned());
    let release = view.readable.number();
    let making = async {
        let frame = view.readable.frame(&request.entity);
        let keys = frame.map(|frame| frame.entity().join_keys.clone()).unwrap_or_default();
        let columns = view.query().columns(&request.entity).await?;
        let comparing = Comparing::new(request.clone(), &columns, &keys)?;
        let conditions = conditions(&request.entity, comparing.conditions());
        let read = app.filtered_statement(&view, conditions, comparing.statement()).await;
        let (rows, scanned) = read.map_err(|error| refused(error, &parameters))?;
        let compared = aside(move || comparing.patterns(&rows.batches)).await??;
        let body = serde_json::to_vec(&shown(release.get(), request, compared)).unwrap_or_default();
        Ok::<_, Problem>(KeptAnswer { body: body.into(), scanned })
    };
    let kept = app.answers().get_or_make(id.hash(), making).await.map_err(Problem::of_this_request)?;
    caller.settle(Unit::Rows, kept.scanned.saturating_sub(1)).await?;
    Ok(answer(release, media_type, kept.body))
}

fn asked(entity: String, parameters: &Parameters) -> Result<PatternRequest, Problem> {
    let named = |name: &str| parameters.get(name).map(str::to_owned);
    let measure = match (named("success"), named("slice")) {
        (Some(success), None) => Measure::Success(success),
        (None, Some(slice)) => Measure::Slice(slice),
        (Some(_), Some(slice)) => {
            let detail = "patterns are of `success` or of a `slice`, not of both";
            return Err(Problem::invalid("invalid-parameter", detail)
                .field("slice", slice)
                .remedy("leave one of them out"));
        }
        (None, None) => {
            let remedy = "name the feature that measures it, `success=mtld`, or a `slice`: `slice=decade >= 1850`";
            Measure::Success(parameters.required("success", remedy)?.to_owned())
        }
    };
    Ok(PatternRequest {
        entity,
        measure,
        by: named("by"),
        time: named("time"),
        period: parameters.get("period").map(str::parse::<Period>).transpose()?,
        filter: named("filter"),
        error_rate: number(parameters, "error_rate", ERROR_RATE, "between 0 and 1", |rate| *rate > 0.0 && *rate < 1.0)?,
        limit: number(parameters, "limit", LIMIT, &format!("1 to {PATTERNS_MAX}"), |limit| {
            (1..=PATTERNS_MAX).contains(limit)
        })?,
    })
}

fn shown(release: u64, request: PatternRequest, patterns: Patterns) -> PatternsShown {
    let PatternRequest { entity, measure, by, time, error_rate, .. } = request;
    let Patterns { pieces, strata, tested, found, period, not_compared } = patterns;
    let NotCompared { without_measure, without_group, without_time } = not_compared;
    let (Measure::Success(measure) | Measure::Slice(measure)) = measure;
    PatternsShown {
        release,
        entity,
        measure,
        by,
        time,
        note: NOTE,
        pieces,
        strata,
        tested,
        error_rate,
        period: period.map(|period| period.to_string()),
        not_compared: NotComparedShown { without_measure, without_group, without_time },
        patterns: found.into_iter().map(pattern).collect(),
    }
}

fn pattern(pattern: Pattern) -> PatternShown {
    let Pattern { feature, value, pieces, effect, interval, p, q, means } = pattern;
    let Interval { low, high } = interval;
    let (with, without) = means.unzip();
    PatternShown { feature, value, pieces, effect, low, high, p, q, with, without }
}
