//! `GET /api/releases`: what was published, and under which names.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::Problem;
use super::extract::Parameters;
use super::respond::{JSON, answer};
use crate::app::App;
use crate::store::{ReleaseRef, ReleaseSummary, ViewPin};

/// All releases, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Releases {
    /// The release that `latest` stands for.
    latest: u64,
    releases: Vec<ReleaseEntry>,
}

#[derive(Serialize, ToSchema)]
struct ReleaseEntry {
    release: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: DateTime<Utc>,
    tags: Vec<String>,
    /// Why it was taken out of `latest`; null where it was not.
    yanked: Option<String>,
    sources: Vec<Rows>,
    views: Vec<Rows>,
    /// BLAKE3 of the definition files that it was built from.
    definitions: String,
}

#[derive(Serialize, ToSchema)]
struct Rows {
    name: String,
    rows: u64,
    /// Of a source: rows that could not be read. Of a view: texts of which nothing could be made.
    rejected: u64,
}

impl Rows {
    fn of_view(view: ViewPin) -> Self {
        let rejected = view.rejects.map(|rejects| rejects.rows).unwrap_or_default();
        Self { name: view.name, rows: view.rows, rejected }
    }
}

/// All releases, the newest first.
#[utoipa::path(get, path = "/api/releases", tag = "releases",
    responses((status = 200, body = Releases), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(State(app): State<App>, parameters: Parameters) -> Result<Response, Problem> {
    parameters.only(&[])?;
    let latest = app.store().resolve(&ReleaseRef::Latest).await?;
    let releases = app.store().releases().await?.into_iter().rev().map(ReleaseEntry::from).collect();
    let body = serde_json::to_vec(&Releases { latest: latest.get(), releases }).unwrap_or_default();
    Ok(answer(latest, JSON, body))
}

impl From<ReleaseSummary> for ReleaseEntry {
    fn from(summary: ReleaseSummary) -> Self {
        let ReleaseSummary { manifest, tags, yanked } = summary;
        let sources = manifest.sources.into_iter();
        let views = manifest.views.into_iter();
        Self {
            release: manifest.number.get(),
            created_at: manifest.created_at,
            tags,
            yanked,
            sources: sources.map(|s| Rows { name: s.name, rows: s.rows, rejected: s.rejected }).collect(),
            views: views.map(Rows::of_view).collect(),
            definitions: manifest.definitions.to_string(),
        }
    }
}
