//! A project in a temporary folder, and the real router over it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use chrono::{DateTime, TimeDelta};
use object_store::ObjectStore;
use rhapsode::api::Admission;
use rhapsode::app::{self, App};
use rhapsode::clock::{Clock, ManualClock};
use rhapsode::config::Config;
use rhapsode::materialize::Progress;
use rhapsode::pipeline::{self, BuildError, Report};
use rhapsode::store::{IncomingSummary, Store};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// Definitions of a small corpus.
pub const DEFINITIONS: &str = "\
kind: entity
name: track
join_keys: [track_id]
---
kind: source
name: tracks
entity: track
columns:
  - { name: track_id, dtype: string, from: [track_id, id] }
  - { name: title, dtype: string, licence: public-domain }
  - { name: year, dtype: int32 }
  - { name: secret, dtype: string }
  - { name: lyrics, dtype: string, licence: public-domain }
---
kind: feature_view
name: metadata
entity: track
sql: select track_id, title, secret, year / 10 * 10 as decade, cast(year as double) / 7 as ratio from tracks
features:
  - { name: title, dtype: string }
  - { name: secret, dtype: string }
  - { name: decade, dtype: int32, description: The decade. }
  - { name: ratio, dtype: float32 }
---
kind: feature_view
name: lexical
entity: track
source: tracks
analyzer: { name: lexical, text: lyrics }
features:
  - { name: tokens, dtype: int32 }
  - { name: mtld, dtype: float64 }
";

pub const ROWS: &str = r#"{"id": "t1", "title": "One", "year": 1843, "secret": "s1", "lyrics": "one two three\nfour"}
{"id": "t2", "title": "Two", "year": null, "secret": "s2", "lyrics": ""}
{"id": "t3", "year": 1850, "secret": "s3", "lyrics": "five\n\nsix seven"}
"#;

/// A project.
pub struct TestProject {
    pub folder: TempDir,
    pub clock: Arc<ManualClock>,
    /// Where it does not lie in the folder.
    pub store: Option<Store>,
}

impl TestProject {
    /// A project with `definitions` and nothing else.
    pub fn new(definitions: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("feature_defs")).unwrap();
        std::fs::write(folder.path().join("rhapsode.toml"), "").unwrap();
        let start = DateTime::parse_from_rfc3339("2026-01-02T03:04:05Z").unwrap().to_utc();
        let project = Self { folder, clock: Arc::new(ManualClock::new(start)), store: None };
        project.define(definitions);
        project
    }

    /// A project whose store is `objects`.
    pub fn over(definitions: &str, objects: Arc<dyn ObjectStore>) -> Self {
        let mut project = Self::new(definitions);
        let wrap = |_| Arc::clone(&objects);
        project.store =
            Some(Store::open_wrapped(project.path(), "memory:///store", &Default::default(), &wrap).unwrap());
        project
    }

    /// Writes `rhapsode.toml`.
    pub fn configure(&self, text: &str) {
        std::fs::write(self.path().join("rhapsode.toml"), text).unwrap();
    }

    /// The small corpus, built and released once.
    pub async fn built() -> Self {
        let project = Self::new(DEFINITIONS);
        project.ingest("tracks", "tracks.jsonl", ROWS).await;
        project.build().await.unwrap();
        project
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn define(&self, definitions: &str) {
        std::fs::write(self.path().join("feature_defs/all.yaml"), definitions).unwrap();
    }

    pub fn app(&self) -> App {
        let mut config = Config::load(self.path()).unwrap();
        // The sandbox has tests of its own; here a statement need not wait for a process.
        config.sql.workers = 0;
        match &self.store {
            Some(store) => App::over(self.path(), config, store.clone(), self.clock.clone()),
            None => App::new(self.path(), config, self.clock.clone()).unwrap(),
        }
    }

    pub async fn try_ingest(
        &self,
        source: &str,
        file: &str,
        rows: impl AsRef<[u8]>,
    ) -> Result<IncomingSummary, rhapsode::ingest::IngestError> {
        self.ingest_as(source, file, rows, false).await
    }

    /// Ingests all rows of a source: what is absent is deleted.
    pub async fn snapshot(&self, source: &str, file: &str, rows: impl AsRef<[u8]>) -> IncomingSummary {
        self.ingest_as(source, file, rows, true).await.unwrap()
    }

    async fn ingest_as(
        &self,
        source: &str,
        file: &str,
        rows: impl AsRef<[u8]>,
        snapshot: bool,
    ) -> Result<IncomingSummary, rhapsode::ingest::IngestError> {
        let path = self.path().join(file);
        std::fs::write(&path, rows).unwrap();
        let (target, _) = pipeline::target(self.path(), self.app().resources()).await.unwrap();
        let shape = app::shape(target.source(source).unwrap());
        let files = rhapsode::ingest::Files { inputs: &[rhapsode::ingest::Input::File(path)], snapshot };
        rhapsode::ingest::ingest(self.app().store(), &shape, files, self.clock.now(), &mut |_| {}).await
    }

    pub async fn ingest(&self, source: &str, file: &str, rows: impl AsRef<[u8]>) -> IncomingSummary {
        self.try_ingest(source, file, rows).await.unwrap()
    }

    pub async fn build(&self) -> Result<Report, BuildError> {
        self.clock.advance(TimeDelta::seconds(60));
        let app = self.app();
        let progress: Progress = Arc::new(|_| {});
        pipeline::build(self.path(), app.config(), app.resources(), app.store(), app.clock(), &progress, None).await
    }

    /// All rows of a statement, as the operator sees them.
    pub async fn rows(&self, sql: &str) -> Value {
        use rhapsode::engine::json::JsonRows;
        let view = self.app().open(&Default::default()).await.unwrap().readable_by(rhapsode::store::Entitlements::ALL);
        let answer = view.query().answer(sql, Vec::new()).await.unwrap();
        let mut rows = Vec::new();
        for batch in &answer.batches {
            let json = JsonRows::new(batch).unwrap();
            for row in 0..json.rows() {
                let mut out = Vec::new();
                json.write(row, &mut out);
                rows.push(serde_json::from_slice(&out).unwrap());
            }
        }
        Value::Array(rows)
    }
}

/// Whether tests run in their long form: `make soak`.
pub fn is_soak() -> bool {
    std::env::var_os("RHAPSODE_SOAK").is_some()
}

/// An answer, read.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// Sends a request through the whole router.
pub async fn send(app: &App, request: Request<Body>) -> Answer {
    let response: Response = rhapsode::api::router(app.clone(), Admission::Open).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub async fn get(app: &App, path: &str) -> Answer {
    get_with(app, path, &[]).await
}

pub async fn get_with(app: &App, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    send(app, request.body(Body::empty()).unwrap()).await
}

pub async fn post(app: &App, path: &str, body: impl Into<String>) -> Answer {
    post_with(app, path, &[], body).await
}

pub async fn post_with(app: &App, path: &str, headers: &[(&str, &str)], body: impl Into<String>) -> Answer {
    let request = Request::post(path);
    let request = match headers.iter().any(|(name, _)| *name == "content-type") {
        true => request,
        false => request.header("content-type", "application/json"),
    };
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    send(app, request.body(Body::from(body.into())).unwrap()).await
}

/// The small corpus, served.
pub async fn served() -> (TestProject, App) {
    let project = TestProject::built().await;
    let app = project.app();
    app.refresh().await.unwrap();
    (project, app)
}

/// Asserts on a problem: status, type, and the field, value and remedy that it must name.
pub fn problem(answer: &Answer, status: u16, kind: &str, field: Value, value: Value, remedy: &str) {
    let body = answer.json();
    assert_eq!(answer.status.as_u16(), status, "{body}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(body["type"], format!("/problems/{kind}"), "{body}");
    assert_eq!(body["status"], status);
    assert_eq!((&body["field"], &body["value"]), (&field, &value), "{body}");
    assert!(body["remedy"].as_str().unwrap_or_default().contains(remedy), "{body}");
    assert_eq!(body["request_id"], answer.header("x-request-id"));
    assert_eq!(answer.header("x-request-id").len(), 32);
}

/// Runs a command of the binary over the project.
pub fn rhapsode(project: &TestProject, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhapsode"));
    command.arg("--project").arg(project.path()).args(arguments).output().unwrap()
}

/// What a command prints, which must succeed.
pub fn printed(project: &TestProject, arguments: &[&str]) -> String {
    let output = rhapsode(project, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A server over the project, which logs to `serve.log` there; and the address that it answers at.
pub async fn serve(project: &Path, arguments: &[&str]) -> (Child, String) {
    let port_file = project.join("port");
    let _ = std::fs::remove_file(&port_file);
    let log = File::create(project.join("serve.log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhapsode"));
    command.arg("--project").arg(project).args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
    command.arg("--port-file").arg(&port_file).args(arguments);
    let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let begun = Instant::now();
    loop {
        match std::fs::read_to_string(&port_file) {
            Ok(address) if address.ends_with('\n') => return (child, format!("http://{}", address.trim())),
            _ => assert!(begun.elapsed() < Duration::from_secs(60), "the server does not open"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
