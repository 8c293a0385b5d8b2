//! `POST /api/sql`: one statement over a release.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};

use super::Problem;
use super::admission::check_scope;
use super::cache::AnswerId;
use super::extract::{JsonBody, Parameters};
use super::respond::{ARROW_STREAM, CSV, JSON, JSON_LINES, answer, negotiate, rows};
use super::search::SearchCalls;
use crate::access::{Caller, Scope, Unit};
use crate::app::{App, KeptAnswer};
use crate::clock::Stopwatch;
use crate::query::parameter;

/// A statement and its parameters.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SqlRequest {
    /// One `select`.
    #[schema(example = "select decade, count(*) as n from track where decade >= $1 group by decade order by decade")]
    query: String,
    /// What `$1`, `$2`, … stand for.
    #[serde(default)]
    #[schema(schema_with = scalars, example = json!([1800]))]
    params: Vec<Value>,
}

/// Answers one `select` over the sources, the views and one table for each entity. JSON is an array of row objects. With the scope
/// `search`, `from search('the sea', limit => 20)` is a table of what a search finds: keys, `rank` and `score`.
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
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
    JsonBody(request): JsonBody<SqlRequest>,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release"])?;
    let media_type = negotiate(&headers, &[JSON, JSON_LINES, CSV, ARROW_STREAM])?;
    request.params.iter().enumerate().try_for_each(check_parameter)?;
    let calls = SearchCalls::of(&request.query, &request.params)?;
    if let Some(calls) = &calls {
        check_scope(&caller, Scope::Search)?;
        caller.spend(Unit::Entities, calls.hits()? as u64).await??;
    }
    // Whoever has nothing left may not begin; how much a statement reads is known when it has.
    caller.spend(Unit::Rows, 1).await??;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let values = serde_json::to_vec(&request.params).unwrap_or_default();
    let asked = [b"/api/sql".as_slice(), request.query.as_bytes(), &values];
    let id = AnswerId::new(&view, &asked, media_type, parameters.is_pinned());
    let making = async {
        let sql = match calls {
            Some(calls) => calls.answered(&app, &view).await?,
            None => request.query,
        };
        let watch = Stopwatch::start();
        let answered = app.statement(&view, sql, request.params).await;
        let outcome = if answered.is_ok() { "answered" } else { "refused" };
        metrics::counter!("rhapsode_sql_statements_total", "outcome" => outcome).increment(1);
        metrics::histogram!("rhapsode_sql_seconds").record(watch.seconds());
        let (answer, scanned) = answered.map_err(Problem::from)?;
        Ok(KeptAnswer { body: rows(media_type, &answer)?.into(), scanned })
    };
    let kept = app.answers().get_or_make(id.hash(), making).await.map_err(Problem::of_this_request)?;
    caller.settle(Unit::Rows, kept.scanned.saturating_sub(1)).await?;
    Ok(answer(view.readable.number(), media_type, kept.body))
}

/// A list of what a parameter can be.
fn scalars() -> utoipa::openapi::schema::Array {
    let types = [Type::String, Type::Number, Type::Boolean, Type::Null];
    ArrayBuilder::new().items(ObjectBuilder::new().schema_type(SchemaType::from_iter(types))).build()
}

fn check_parameter((index, value): (usize, &Value)) -> Result<(), Problem> {
    match parameter(value) {
        Some(_) => Ok(()),
        None => Err(Problem::invalid("invalid-parameter", "a parameter is a string, a number, a bool or null")
            .field(format!("params[{index}]"), value.to_string())),
    }
}
