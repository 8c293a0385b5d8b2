//! `POST /api/sql`: one statement over a release.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use datafusion::scalar::ScalarValue;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Problem;
use super::extract::{JsonBody, Parameters};
use super::respond::{ARROW_STREAM, CSV, JSON, JSON_LINES, negotiate, rows};
use crate::app::App;
use crate::clock::Stopwatch;
use crate::store::Entitlements;

/// A statement and its parameters.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SqlRequest {
    /// One `select`.
    #[schema(example = "select decade, count(*) as n from track where decade >= $1 group by decade order by decade")]
    query: String,
    /// What `$1`, `$2`, … stand for.
    #[serde(default)]
    #[schema(value_type = Vec<Object>, example = json!([1800]))]
    params: Vec<Value>,
}

/// Answers one `select` over the sources, the views and one table for each entity. JSON is an array of row objects.
#[utoipa::path(post, path = "/api/sql", tag = "sql", request_body = SqlRequest,
    params(("release" = Option<String>, Query, description = "A number, a tag or `latest`")),
    responses(
        (status = 200, content((Vec<Object> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.arrow.stream"))),
        (status = 408, description = "The statement took too long", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The statement or its result is too large", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn query(
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
    JsonBody(request): JsonBody<SqlRequest>,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release"])?;
    let media_type = negotiate(&headers, &[JSON, JSON_LINES, CSV, ARROW_STREAM])?;
    let values: Result<Vec<ScalarValue>, Problem> = request.params.iter().enumerate().map(scalar).collect();
    let view = app.open(&parameters.release()?).await?.readable_by(Entitlements::OPEN);
    let watch = Stopwatch::start();
    let answered = view.query().answer(&request.query, values?).await;
    let outcome = if answered.is_ok() { "answered" } else { "refused" };
    metrics::counter!("rhapsode_sql_statements_total", "outcome" => outcome).increment(1);
    metrics::histogram!("rhapsode_sql_seconds").record(watch.seconds());
    rows(view.readable.number(), media_type, &answered?)
}

fn scalar((index, value): (usize, &Value)) -> Result<ScalarValue, Problem> {
    Ok(match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(value) => ScalarValue::Boolean(Some(*value)),
        Value::String(text) => ScalarValue::Utf8(Some(text.clone())),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => ScalarValue::Int64(Some(integer)),
            (None, float) => ScalarValue::Float64(float),
        },
        Value::Array(_) | Value::Object(_) => {
            return Err(Problem::invalid("invalid-parameter", "a parameter is a string, a number, a bool or null")
                .field(format!("params[{index}]"), value.to_string()));
        }
    })
}
