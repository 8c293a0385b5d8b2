//! Errors as problem documents (RFC 9457): the one table that turns what went wrong into a status.

use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::layers::request_id;
use crate::dataset::DatasetError;
use crate::engine::SqlError;
use crate::error::ErrorKind;
use crate::limits::UNAVAILABLE_RETRY_SECONDS;
use crate::online::{SelectionError, WrongKey};
use crate::store::{OtherVersion, StoreError};

/// What went wrong, and what to do about it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Which kind of problem: `/problems/unknown-feature`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    pub status: u16,
    pub detail: String,
    /// The part of the request that is wrong: `features[2]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What stood there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    pub request_id: String,
    /// Seconds after which the same request may succeed.
    #[serde(skip)]
    #[schema(ignore)]
    pub(super) retry_after: Option<u64>,
}

/// For the command line.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { detail, remedy, .. } = self;
        write!(f, "{detail}{}", remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default())
    }
}

impl std::error::Error for Problem {}

impl Problem {
    pub(super) fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{kind}"),
            title: title(kind),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            value: None,
            remedy: None,
            request_id: request_id(),
            retry_after: None,
        }
    }

    pub(super) fn invalid(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, detail)
    }

    pub(super) fn field(self, field: impl Into<String>, value: impl Into<String>) -> Self {
        let value: String = value.into().chars().take(200).collect();
        Self { field: Some(field.into()), value: Some(value), ..self }
    }

    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// The same for another request that waited for it.
    pub(super) fn of_this_request(self) -> Self {
        Self { request_id: request_id(), ..self }
    }

    /// The caller is told to wait so many seconds.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Its kind, as `unknown-feature`.
    fn name(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }

    pub(super) fn too_large(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, kind, detail)
    }

    pub(super) fn of_kind(kind: ErrorKind, name: &str, detail: String) -> Self {
        let status = match kind {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::Timeout => StatusCode::REQUEST_TIMEOUT,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Internal => {
                tracing::error!(detail, request_id = request_id(), "an internal error");
                let detail = "something went wrong inside; the log has it under this request's id";
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail);
            }
        };
        Self::new(status, name, detail)
    }

    fn did_you_mean(self, nearest: Option<String>, otherwise: &str) -> Self {
        match nearest {
            Some(nearest) => self.remedy(format!("did you mean `{nearest}`?")),
            None => self.remedy(otherwise),
        }
    }
}

/// `unknown-feature` as `Unknown feature`.
fn title(kind: &str) -> String {
    let mut words = kind.replace('-', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        metrics::counter!("rhapsode_problems_total", "kind" => self.name().to_owned()).increment(1);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // What is not to be had now may be later, whoever says so.
        let later = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(UNAVAILABLE_RETRY_SECONDS);
        let seconds = self.retry_after.or(later);
        headers.extend(seconds.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        let error = match error {
            StoreError::Shared(shared) => return Self::from_shared_store(&shared),
            error => error,
        };
        Self::store(&error, kind, detail)
    }
}

impl Problem {
    fn from_shared_store(error: &StoreError) -> Self {
        match error {
            StoreError::Shared(inner) => Self::from_shared_store(inner),
            error => Self::store(error, error.kind(), error.to_string()),
        }
    }

    fn store(error: &StoreError, kind: ErrorKind, detail: String) -> Self {
        let see = "GET /api/releases lists them";
        match error {
            StoreError::NoRelease => Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-release", detail),
            StoreError::NoSuchRelease(number) => {
                Self::of_kind(kind, "unknown-release", format!("there is no release {number}"))
                    .field("release", number.to_string())
                    .remedy(see)
            }
            StoreError::NoSuchTag(tag) => Self::of_kind(kind, "unknown-release", format!("there is no tag `{tag}`"))
                .field("release", tag)
                .remedy(see),
            StoreError::NotARelease(text) => {
                Self::invalid("unknown-release", detail).field("release", text).remedy(see)
            }
            StoreError::OverMemory { .. } => {
                tracing::error!(detail, "a release cannot be opened");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "over-memory", "the release does not fit in memory")
            }
            _ => Self::of_kind(kind, "store", detail),
        }
    }
}

impl From<SelectionError> for Problem {
    fn from(error: SelectionError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        let catalogue = "GET /api/features is the catalogue";
        match error {
            SelectionError::UnknownFeature { name, index, nearest, .. } => {
                Self::of_kind(kind, "unknown-feature", detail)
                    .field(format!("features[{index}]"), name)
                    .did_you_mean(nearest, catalogue)
            }
            SelectionError::UnknownView { name, index, nearest, .. } => Self::of_kind(kind, "unknown-view", detail)
                .field(format!("features[{index}]"), format!("{name}:*"))
                .did_you_mean(nearest.map(|nearest| format!("{nearest}:*")), catalogue),
            SelectionError::OtherVersion { index, other } => Self::other_version(format!("features[{index}]"), &other),
            SelectionError::Malformed { text, index } => Self::of_kind(kind, "malformed-feature", detail)
                .field(format!("features[{index}]"), text)
                .remedy(catalogue),
            SelectionError::TooMany { found } => {
                Self::of_kind(kind, "too-many-features", detail).field("features", found.to_string())
            }
            SelectionError::Unwritable { .. } => Self::of_kind(kind, "unwritable-feature", detail),
        }
    }
}

impl Problem {
    fn other_version(field: String, other: &OtherVersion) -> Self {
        Self::new(StatusCode::NOT_FOUND, "feature-version-not-in-release", other.to_string())
            .field(field, format!("{}@{}", other.name, other.asked))
            .remedy(other.remedy())
    }
}

impl From<WrongKey> for Problem {
    fn from(error: WrongKey) -> Self {
        let key = error.key.clone();
        Self::invalid("malformed-key", error.to_string())
            .field("key", key)
            .remedy("give a value for each join key, percent-encoded and joined by `,`")
    }
}

impl From<SqlError> for Problem {
    fn from(error: SqlError) -> Self {
        let kind = match error.kind() {
            ErrorKind::TooLarge => "statement-too-large",
            ErrorKind::Timeout => "statement-timeout",
            ErrorKind::NotFound => "feature-version-not-in-release",
            ErrorKind::Unavailable => "busy",
            _ => "statement",
        };
        let retry_after = (error.kind() == ErrorKind::Unavailable).then_some(1);
        let place = error.position.map(|(line, column)| format!("query:{line}:{column}"));
        let problem = Self::of_kind(error.kind(), kind, error.message);
        let problem = Self { field: Some(place.unwrap_or_else(|| "query".to_owned())), ..problem };
        Self { remedy: error.remedy, retry_after, ..problem }
    }
}

impl From<DatasetError> for Problem {
    fn from(error: DatasetError) -> Self {
        Self::dataset(&error)
    }
}

impl Problem {
    fn dataset(error: &DatasetError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        match error {
            DatasetError::Unknown { name, nearest, known } => Self::of_kind(kind, "unknown-dataset", detail)
                .field("dataset", name)
                .did_you_mean(nearest.clone(), &format!("there is `{}`", known.join("`, `"))),
            DatasetError::UnknownColumn { name, index, nearest, .. } => Self::of_kind(kind, "unknown-column", detail)
                .field(format!("columns[{index}]"), name)
                .did_you_mean(nearest.clone(), "leave `columns` out for all of them"),
            DatasetError::OtherVersion { index, other } => Self::other_version(format!("columns[{index}]"), other),
            DatasetError::TooManyColumns(found) => {
                Self::of_kind(kind, "too-many-columns", detail).field("columns", found.to_string())
            }
            DatasetError::Filter(error) => Self { field: Some("filter".to_owned()), ..Self::from(error.clone()) },
            DatasetError::Sql(error) => Self::from(error.clone()),
            DatasetError::Store(error) => Self::from_shared_store(error),
            DatasetError::Unwritable(_) => Self::of_kind(kind, "unavailable", detail),
            DatasetError::Shared(error) => Self::dataset(error),
        }
    }
}
