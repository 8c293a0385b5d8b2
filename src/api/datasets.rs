//! `GET /api/dataset/download`: a dataset as a file, with ranges and a digest.

use std::ops::Range;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Problem;
use super::extract::Parameters;
use super::respond::name_release;
use crate::access::{Caller, Unit};
use crate::app::App;
use crate::dataset::{Format, Request};
use crate::name::nearest;
use crate::store::Export;

/// Where downloads are.
pub(super) const DOWNLOAD: &str = "/api/dataset/download";

/// A dataset as a file: an entity with all its features, a source or a view. The first request for a selection writes the
/// file, all are served from it.
#[utoipa::path(get, path = "/api/dataset/download", tag = "datasets",
    params(
        ("dataset" = String, Query, description = "An entity, a source or a view"),
        ("format" = Option<String>, Query, description = "csv, json, jsonl, parquet (the default) or arrow"),
        ("columns" = Option<String>, Query, description = "Joined by `,`; all by default"),
        ("filter" = Option<String>, Query, description = "A condition: `decade >= 1800 and mtld > 80`"),
        ("release" = Option<String>, Query, description = "A number, a tag or `latest`"),
        ("token" = Option<String>, Query, description = "In a link from `POST /api/auth/token`, in place of a header; the last parameter"),
        ("range" = Option<String>, Header, description = "`bytes=0-1023`"),
    ),
    responses(
        (status = 200, description = "The file; `repr-digest` is its SHA-256", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "A range of it", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The file is the one that the caller has"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn download(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["dataset", "format", "columns", "filter", "release", "token"])?;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let dataset = parameters.required("dataset", "name an entity, a source or a view")?.to_owned();
    let format = format(parameters.get("format").unwrap_or("parquet"))?;
    let filter = parameters.get("filter").map(str::to_owned);
    let request = Request { dataset, format, columns: parameters.list("columns"), filter };
    let (selection, export) = app.export(&view, &request).await?;
    let release = view.readable.number();

    let etag = format!("\"{}\"", hex(&export.sha256));
    let matches = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| value == "*" || value.split(',').any(|tag| tag.trim() == etag))
    };
    if headers.get(header::IF_NONE_MATCH).is_some_and(matches) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        file_headers(&mut response, &export, &etag);
        name_release(&mut response, release);
        return Ok(response);
    }
    // A range of another file is of no use: then the whole file is sent.
    let same = headers.get(header::IF_RANGE).is_none_or(matches);
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok()).filter(|_| same);
    let range = match asked.map(|asked| parse_range(asked, export.bytes)) {
        None | Some(Asked::Ignore) => None,
        Some(Asked::Range(range)) => Some(range),
        Some(Asked::Unsatisfiable) => return Ok(unsatisfiable(asked.unwrap_or_default(), export.bytes)),
    };
    let length = range.as_ref().map_or(export.bytes, |range| range.end - range.start);
    caller.spend(Unit::Bytes, length).await??;
    let stream = app.store().read_export(&export, range.clone().unwrap_or(0..export.bytes)).await?;
    let mut response = Body::from_stream(stream).into_response();
    if let Some(range) = range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, export.bytes);
        insert(&mut response, header::CONTENT_RANGE, &content_range);
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(selection.format.media_type()));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let file = format!("{}-r{release}.{}", request.dataset, selection.format.extension());
    insert(&mut response, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{file}\""));
    file_headers(&mut response, &export, &etag);
    name_release(&mut response, release);
    Ok(response)
}

fn file_headers(response: &mut Response, export: &Export, etag: &str) {
    let digest = format!("sha-256=:{}:", STANDARD.encode(export.sha256));
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    insert(response, header::ETAG, etag);
    insert(response, header::HeaderName::from_static("repr-digest"), &digest);
}

fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    // Names are checked and digests are ASCII, so this is always a header's value.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn format(name: &str) -> Result<Format, Problem> {
    name.parse().map_err(|()| {
        let names = Format::ALL.map(|(name, _)| name);
        let remedy = match nearest(name, names) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("there is `{}`", names.join("`, `")),
        };
        Problem::invalid("unknown-format", format!("there is no format `{name}`")).field("format", name).remedy(remedy)
    })
}

/// What a `Range` header asks for (RFC 9110, section 14).
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Not a single range of bytes: the whole file is the answer.
    Ignore,
    Range(Range<u64>),
    Unsatisfiable,
}

/// Reads a `Range` header for a file of `length` bytes.
pub fn parse_range(text: &str, length: u64) -> Asked {
    let Some((first, last)) =
        text.strip_prefix("bytes=").filter(|range| !range.contains(',')).and_then(|range| range.split_once('-'))
    else {
        return Asked::Ignore;
    };
    let range = match (first.trim(), last.trim()) {
        ("", suffix) => suffix.parse::<u64>().map(|suffix| length.saturating_sub(suffix)..length),
        (first, "") => first.parse::<u64>().map(|first| first..length),
        (first, last) => match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => Ok(first..last.saturating_add(1).min(length)),
            (Ok(_), Ok(_)) => return Asked::Ignore,
            (Err(error), _) | (_, Err(error)) => Err(error),
        },
    };
    match range {
        Err(_) => Asked::Ignore,
        Ok(range) if range.start >= range.end => Asked::Unsatisfiable,
        Ok(range) => Asked::Range(range),
    }
}

fn unsatisfiable(asked: &str, length: u64) -> Response {
    let detail = format!("the file has {length} bytes");
    let mut response = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "unsatisfiable-range", detail)
        .field("range", asked)
        .into_response();
    insert(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
    response
}
