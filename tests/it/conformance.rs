//! Every format over every store: what readers see is the same.

use std::process::Command;
use std::sync::Arc;

use chrono::TimeDelta;
use object_store::memory::InMemory;
use rhapsode::name::ReleaseNumber;
use rhapsode::pipeline;
use rhapsode::store::{StoreError, ViewData};
use serde_json::{Value, json};

use crate::servers::{Server, free_port, s3, s3_configuration, venv};
use crate::support::{DEFINITIONS, ROWS, TestProject, get, is_soak, post};

fn definitions(format: &str) -> String {
    DEFINITIONS.replace("kind: feature_view\n", &format!("kind: feature_view\nformat: {format}\n"))
}

/// Whatever a reader can ask of the small corpus.
async fn seen(project: &TestProject) -> Value {
    let app = project.app();
    app.refresh().await.unwrap();
    let mut seen = Vec::new();
    for statement in [
        "select * from tracks order by track_id",
        "select * from metadata order by track_id",
        "select * from lexical order by track_id",
        "select * from track order by track_id",
        "select title from metadata where track_id = 't1'",
        "select count(*) as n from metadata where decade >= 1845 and title is null",
        "select count(*) as n, sum(tokens) as tokens from lexical where mtld is null",
        "select track_id from lexical limit 0",
    ] {
        seen.push(project.rows(statement).await);
    }
    for path in ["/api/features/t1", "/api/features/t3?features=decade,tokens", "/api/features"] {
        let mut body = get(&app, path).await.json();
        body["release"] = Value::Null;
        body["request_id"] = Value::Null;
        // The shape of what is stored differs, what it means does not.
        if let Some(views) = body.pointer_mut("/entities/0/views") {
            views.as_array_mut().unwrap().iter_mut().for_each(|view| view["inputs"] = Value::Null);
        }
        seen.push(body);
    }
    let batch =
        post(&app, "/api/features/batch", json!({"keys": ["t3", "nope", "t1"], "features": ["decade"]}).to_string());
    let mut batch = batch.await.json();
    batch["release"] = Value::Null;
    seen.push(batch);
    let download = get(&app, "/api/dataset/download?dataset=metadata&format=csv&columns=track_id,decade,ratio&filter=decade%20is%20not%20null").await;
    seen.push(String::from_utf8(download.body).unwrap().into());
    Value::Array(seen)
}

/// A life of builds; returns what was seen after each.
async fn life(project: &TestProject, format: &str) -> Vec<Value> {
    let mut all = Vec::new();
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    let report = project.build().await.unwrap();
    let is_file = |data: &ViewData| matches!(data, ViewData::Parquet(_));
    assert!(report.release.views.iter().all(|view| is_file(&view.data) == (format == "parquet")));
    all.push(seen(project).await);
    assert!(!project.build().await.unwrap().published);
    project.define(&definitions(format).replace("year / 10 * 10", "year / 100 * 100"));
    project.build().await.unwrap();
    all.push(seen(project).await);
    project
        .ingest("tracks", "delta.jsonl", "{\"id\": \"t2\", \"year\": 1999}\n{\"id\": \"t9\", \"lyrics\": \"new\"}\n")
        .await;
    project.build().await.unwrap();
    all.push(seen(project).await);
    project.snapshot("tracks", "all.jsonl", "{\"id\": \"t1\", \"title\": \"Uno\"}\n{\"id\": \"t9\"}\n").await;
    project.build().await.unwrap();
    all.push(seen(project).await);
    // An earlier release reads as it did, and comes back.
    let app = project.app();
    let nobody: rhapsode::materialize::Progress = Arc::new(|_| {});
    pipeline::rollback(app.config(), app.store(), app.clock(), &nobody, ReleaseNumber::FIRST).await.unwrap();
    all.push(seen(project).await);
    assert_eq!(all[0], all[4]);
    // A release is created once.
    let manifest = app.store().newest().await.unwrap().unwrap();
    let (mut published, mut lost) = (0, 0);
    let racing = (0..8).map(|racer| {
        let (store, mut manifest) = (app.store().clone(), manifest.clone());
        manifest.number = manifest.number.next();
        manifest.build_id = format!("racer-{racer}");
        async move { store.publish(manifest).await }
    });
    for outcome in futures::future::join_all(racing).await {
        match outcome {
            Ok(_) => published += 1,
            Err(StoreError::Conflict(_)) => lost += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((published, lost), (1, 7));
    // What is dropped is freed, and what is kept reads on.
    project
        .clock
        .advance(chrono::Utc::now() - rhapsode::clock::Clock::now(project.clock.as_ref()) + TimeDelta::days(1));
    for _ in 0..2 {
        let app = project.app();
        pipeline::collect_garbage(app.config(), app.store(), app.clock(), &nobody, false).await.unwrap();
        project.clock.advance(TimeDelta::hours(2));
    }
    assert_eq!(project.app().store().release_numbers().await.unwrap().len(), 2);
    all.push(seen(project).await);
    assert_eq!(all[0], all[5]);
    all
}

const GC: &str = "[gc]\nkeep_releases = 2\nafter_build = false\n";

async fn in_a_folder(format: &str) -> Vec<Value> {
    let project = TestProject::new(&definitions(format));
    project.configure(GC);
    life(&project, format).await
}

#[tokio::test]
async fn parquet_views_are_as_lance_views() {
    assert_eq!(in_a_folder("parquet").await, in_a_folder("lance").await);
}

#[tokio::test]
async fn a_store_in_memory_is_as_one_in_a_folder() {
    for format in ["lance", "parquet"] {
        let project = TestProject::over(&definitions(format), Arc::new(InMemory::new()));
        project.configure(GC);
        assert_eq!(life(&project, format).await, in_a_folder(format).await, "{format}");
    }
}

#[tokio::test]
async fn a_store_on_s3_is_as_one_in_a_folder() {
    let server = s3();
    for format in ["lance", "parquet"] {
        let project = TestProject::new(&definitions(format));
        project.configure(&format!("{GC}{}", s3_configuration(&server, format, ("any", "any"))));
        assert_eq!(life(&project, format).await, in_a_folder(format).await, "{format}");
    }
}

#[tokio::test]
async fn a_view_that_becomes_parquet_and_lance_again_keeps_its_values() {
    let project = TestProject::new(&definitions("lance"));
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    project.build().await.unwrap();
    let before = seen(&project).await;
    for format in ["parquet", "lance"] {
        project.define(&definitions(format));
        let report = project.build().await.unwrap();
        assert_eq!(report.plan.views[0].reasons, [format!("its format is {format} now")]);
        assert_eq!(seen(&project).await, before, "{format}");
    }
}

/// A server that checks signatures: only in the long form, since it is large to install.
#[tokio::test]
async fn a_store_is_read_through_a_server_that_checks_signatures() {
    if !is_soak() {
        return;
    }
    let project = TestProject::new(&definitions("lance"));
    std::fs::create_dir_all(project.path().join("served/bucket")).unwrap();
    project.configure("[store]\nurl = \"./served/bucket/store\"\n");
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    project.build().await.unwrap();
    let before = project.rows("select * from track order by track_id").await;
    let port = free_port();
    let mut command = Command::new(venv("rclone"));
    command.args(["serve", "s3", "--addr", &format!("127.0.0.1:{port}"), "--auth-key", "reader,secret"]);
    let server = Server::start(command.arg(project.path().join("served")), port);
    project.configure(&s3_configuration(&server, "store", ("reader", "secret")));
    assert_eq!(project.rows("select * from track order by track_id").await, before);
    project.configure(&s3_configuration(&server, "store", ("reader", "wrong")));
    project.app().open(&Default::default()).await.err().unwrap();
}
