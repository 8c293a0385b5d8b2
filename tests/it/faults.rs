//! Builds that are killed and builds that race: the release before stays whole, and the next build is as a clean one.

use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::util::pretty::pretty_format_batches;
use chrono::TimeDelta;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use rhapsode::cli::corpus::synthetic::{self, Recipe};
use rhapsode::store::Entitlements;
use serde_json::{Value, json};

use crate::failing_store::{FailingStore, Failure};
use crate::support::{DEFINITIONS, ROWS, TestProject, is_soak};

/// The shipped definitions.
fn definitions() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("feature_defs");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // One entity is enough.
    paths.retain(|path| !path.ends_with("song.yaml"));
    paths.sort();
    let texts: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    texts.join("\n---\n")
}

fn rows(tracks: usize, seed: u64) -> Vec<u8> {
    let (mut rows, mut truth) = (Vec::new(), Vec::new());
    synthetic::write(&Recipe { tracks, seed, faults: false }, &mut rows, &mut truth, &mut |_| {}).unwrap();
    rows
}

fn build(project: &TestProject) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhapsode"));
    command.arg("--project").arg(project.path()).args(["build", "--json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn summary(done: &Output) -> Option<Value> {
    done.status.success().then(|| serde_json::from_slice(&done.stdout).unwrap())
}

/// The files of a project's store.
fn files(project: &TestProject) -> usize {
    let mut folders = vec![project.path().join("store")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        // What a build writes under a name of its own may be gone again.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                _ => files += 1,
            }
        }
    }
    files
}

/// Every value of the entity's table, in the order of the keys.
async fn values(project: &TestProject) -> Value {
    project.rows("select * from (select track_id, title_clean, decade, completeness, tokens, mtld, language_confidence from track) order by track_id").await
}

/// Ends the lease of a builder that is dead.
fn remove_lease(project: &TestProject) {
    let _ = std::fs::remove_file(project.path().join("store/lease.json"));
}

#[tokio::test]
async fn a_build_that_is_killed_leaves_the_release_before_and_the_next_equals_a_clean_one() {
    let project = TestProject::new(&definitions());
    project.configure("[build]\nlease_seconds = 1\n");
    project.ingest("tracks", "first.jsonl", rows(600, 1)).await;
    assert!(build(&project).wait_with_output().unwrap().status.success());
    let before = values(&project).await;
    // Rows that change and rows that come, and an edited feature: sources, rows and columns are all written.
    project.ingest("tracks", "second.jsonl", rows(900, 2)).await;
    project.define(&definitions().replace("floor(year / 10.0) * 10", "floor(year / 100.0) * 100"));
    let moments: Vec<usize> = match is_soak() {
        true => (0..100).map(|round| (round * 37) % 61 + 1).collect(),
        false => (1..40).step_by(3).collect(),
    };
    let mut killed = 0;
    for writes in moments {
        let there = files(&project);
        let mut child = build(&project);
        while child.try_wait().unwrap().is_none() && files(&project) < there + writes {
            std::thread::yield_now();
        }
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        if writes > 1 {
            // After the first, whoever comes next waits until the lease has ended.
            remove_lease(&project);
        }
        if project.app().store().release_numbers().await.unwrap().len() > 1 {
            if !is_soak() {
                break;
            }
            std::fs::remove_file(project.path().join("store/releases/2.json")).unwrap();
        }
        assert_eq!(values(&project).await, before, "killed after {writes} writes");
    }
    assert!(killed > 0);
    assert!(build(&project).wait_with_output().unwrap().status.success());
    let clean = TestProject::new(&definitions().replace("floor(year / 10.0) * 10", "floor(year / 100.0) * 100"));
    clean.ingest("tracks", "first.jsonl", rows(600, 1)).await;
    clean.ingest("tracks", "second.jsonl", rows(900, 2)).await;
    clean.build().await.unwrap();
    assert_eq!(values(&project).await, values(&clean).await);
}

/// What the release that is `latest` holds: every row of every table, and what the release says of them.
async fn contents(project: &TestProject) -> Value {
    let release = project.app().store().newest().await.unwrap().unwrap();
    let counts = release.views.iter().map(|view| {
        let nulls: Vec<Value> = view.features.iter().map(|feature| json!([feature.name, feature.nulls])).collect();
        json!([view.name, view.rows, nulls])
    });
    let counts: Vec<Value> = counts.collect();
    let mut tables = Vec::new();
    for statement in [
        "select track_id, title, year, secret from tracks order by track_id",
        "select track_id, title, decade, ratio from metadata order by track_id",
        "select track_id, tokens, mtld from lexical order by track_id",
        "select track_id, title, decade, tokens from track order by track_id",
    ] {
        tables.push(project.rows(statement).await);
    }
    json!([counts, tables])
}

const EDITED: (&str, &str) = ("year / 10 * 10", "year / 100 * 100");
const DELTA: &str =
    "{\"id\": \"t1\", \"title\": \"Uno\", \"year\": 1851}\n{\"id\": \"t4\", \"lyrics\": \"one more\"}\n";
const SNAPSHOT: &str = "{\"id\": \"t1\", \"title\": \"Uno\", \"year\": 1851}\n{\"id\": \"t4\", \"lyrics\": \"once more\"}\n{\"id\": \"t5\"}\n";

/// A build of each kind: whole, of columns, of rows, of both, and of rows that go.
#[derive(Clone, Copy, Debug)]
enum Step {
    First,
    Columns,
    Rows,
    ColumnsAndRows,
    Deleted,
}

/// Brings a project to where `step` is the next build.
async fn prepare(project: &TestProject, step: Step) {
    project.configure("[gc]\nkeep_releases = 1\ngrace_seconds = 0\n");
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    match step {
        Step::First => {}
        Step::Columns => {
            project.build().await.unwrap();
            project.define(&DEFINITIONS.replace(EDITED.0, EDITED.1));
        }
        Step::Rows => {
            project.build().await.unwrap();
            project.ingest("tracks", "delta.jsonl", DELTA).await;
        }
        Step::ColumnsAndRows => {
            project.build().await.unwrap();
            project.define(&DEFINITIONS.replace(EDITED.0, EDITED.1));
            project.ingest("tracks", "delta.jsonl", DELTA).await;
        }
        Step::Deleted => {
            project.build().await.unwrap();
            project.snapshot("tracks", "snapshot.jsonl", SNAPSHOT).await;
        }
    }
}

/// Builds once over `store` until it ends or hangs.
async fn build_over(project: &TestProject, store: &FailingStore) {
    let over = TestProject::over("", Arc::new(store.clone()));
    let text = std::fs::read_to_string(project.path().join("feature_defs/all.yaml")).unwrap();
    over.define(&text);
    over.configure("[gc]\nkeep_releases = 1\ngrace_seconds = 0\n");
    over.clock.advance(TimeDelta::days(1));
    tokio::select! {
        _ = over.build() => {}
        () = store.hung() => {}
    }
}

async fn fails_at_every_write(step: Step) {
    let base = Arc::new(InMemory::new());
    let project = TestProject::over(DEFINITIONS, base.clone());
    prepare(&project, step).await;
    let is_first = matches!(step, Step::First);
    let before = if is_first { Value::Null } else { contents(&project).await };
    let whole = Arc::new(base.fork());
    let counting = FailingStore::new(whole.clone(), usize::MAX, Failure::Error);
    build_over(&project, &counting).await;
    let definitions = std::fs::read_to_string(project.path().join("feature_defs/all.yaml")).unwrap();
    let over = |inner: &Arc<InMemory>| TestProject::over(&definitions, inner.clone());
    let expected = contents(&over(&whole)).await;
    assert_ne!(before, expected, "{step:?}");
    let writes = counting.writes();
    assert!(writes > 20, "{step:?}: {writes}");
    for allowed in 0..writes {
        let failures = [Failure::Error, Failure::LostAnswer, Failure::Hang];
        let failures = if is_soak() { &failures[..] } else { &failures[allowed % 3..][..1] };
        for failure in failures {
            let inner = Arc::new(base.fork());
            build_over(&project, &FailingStore::new(inner.clone(), allowed, *failure)).await;
            let next = over(&inner);
            let published = next.app().store().release_numbers().await.unwrap().len();
            let of_before = if is_first { 0 } else { 1 };
            let newest = next.app().store().newest().await.unwrap().map(|newest| newest.number.get()).unwrap_or(0);
            let context = format!("{step:?}: {failure:?} after {allowed} of {writes} writes, {published} published");
            if newest > of_before {
                assert_eq!(contents(&next).await, expected, "{context}");
            } else if !is_first {
                assert_eq!(contents(&next).await, before, "{context}");
            }
            // As if its time were over.
            let _ = inner.delete(&object_store::path::Path::from("store/lease.json")).await;
            next.build().await.unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_eq!(contents(&next).await, expected, "{context}");
            let newest = next.app().store().newest().await.unwrap().unwrap();
            assert_eq!(newest.number.get(), of_before + 1, "{context}");
        }
    }
}

#[tokio::test]
async fn whichever_write_of_a_first_build_fails_the_next_equals_a_clean_one() {
    fails_at_every_write(Step::First).await;
}

#[tokio::test]
async fn whichever_write_of_a_build_of_columns_fails_the_release_before_reads_whole() {
    fails_at_every_write(Step::Columns).await;
}

#[tokio::test]
async fn whichever_write_of_a_build_of_rows_fails_the_release_before_reads_whole() {
    fails_at_every_write(Step::Rows).await;
}

#[tokio::test]
async fn whichever_write_of_a_build_of_columns_and_rows_fails_the_release_before_reads_whole() {
    fails_at_every_write(Step::ColumnsAndRows).await;
}

#[tokio::test]
async fn whichever_write_of_a_build_that_deletes_rows_fails_the_release_before_reads_whole() {
    fails_at_every_write(Step::Deleted).await;
}

#[tokio::test]
async fn eight_builds_of_the_same_content_publish_one_release() {
    let project = TestProject::new(&definitions());
    project.ingest("tracks", "first.jsonl", rows(300, 1)).await;
    assert!(build(&project).wait_with_output().unwrap().status.success());
    project.ingest("tracks", "second.jsonl", rows(400, 2)).await;
    let children: Vec<Child> = (0..8).map(|_| build(&project)).collect();
    let done: Vec<Output> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let published = done.iter().filter_map(summary).filter(|summary| summary["published"] == json!(true)).count();
    for output in &done {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(published, 1);
    assert_eq!(project.app().store().release_numbers().await.unwrap().len(), 2);
    let clean = TestProject::new(&definitions());
    clean.ingest("tracks", "first.jsonl", rows(300, 1)).await;
    clean.ingest("tracks", "second.jsonl", rows(400, 2)).await;
    clean.build().await.unwrap();
    assert_eq!(values(&project).await, values(&clean).await);
}

/// Builders whose definitions differ, over one store.
async fn builders_of_different_content(builders: usize) {
    let first = TestProject::built().await;
    let projects: Vec<TestProject> = (0..builders)
        .map(|builder| {
            let feature = format!("  - {{ name: own_{builder}, dtype: int64, expr: lexical.tokens + {builder} }}\n");
            let project = TestProject::new(&(DEFINITIONS.to_owned() + &feature));
            project.configure(&format!("[store]\nurl = \"{}\"\n", first.path().join("store").display()));
            project
        })
        .collect();
    for (index, project) in projects.iter().enumerate() {
        project.ingest("tracks", "own.jsonl", format!("{{\"id\": \"own{index}\"}}\n")).await;
    }
    let children: Vec<Child> = projects.iter().map(build).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(summary(&output).unwrap()["published"], json!(true));
    }
    let numbers = first.app().store().release_numbers().await.unwrap();
    assert_eq!(numbers.len(), builders + 1);
    let mut own = Vec::new();
    for number in &numbers[1..] {
        let release = first.app().store().manifest(*number).await.unwrap();
        let rows: Vec<u64> = release.views.iter().map(|view| view.rows).collect();
        assert_eq!(rows, [3 + builders as u64; 2]);
        let of = release.views[1].features.iter().filter(|feature| feature.name.starts_with("own_"));
        own.push(of.map(|feature| feature.name.clone()).collect::<Vec<_>>());
    }
    own.sort();
    assert_eq!(own, (0..builders).map(|builder| vec![format!("own_{builder}")]).collect::<Vec<_>>());
    let rows = first.rows("select count(*) as n, count(distinct track_id) as d from track").await;
    assert_eq!(rows, json!([{"n": 3 + builders, "d": 3 + builders}]));
}

#[tokio::test]
async fn two_builds_of_different_content_publish_one_after_the_other() {
    builders_of_different_content(2).await;
}

#[tokio::test]
async fn eight_builds_of_different_content_publish_one_after_the_other() {
    builders_of_different_content(8).await;
}

#[tokio::test]
async fn readers_during_builds_and_clean_up_never_see_an_error_or_a_mixed_release() {
    let project = TestProject::new(DEFINITIONS);
    project.configure("[gc]\nkeep_releases = 2\ngrace_seconds = 600\n");
    let rows = |round: usize| -> String {
        let row = |id: usize| format!("{{\"id\": \"t{id}\", \"year\": {round}, \"title\": \"{round}\"}}\n");
        // Each round lacks one more of the first rows and has one more at the end.
        (round..round + 40).map(row).collect()
    };
    project.snapshot("tracks", "0.jsonl", rows(0)).await;
    project.build().await.unwrap();
    let app = project.app();
    app.refresh().await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (app, stop) = (app.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut reads = 0;
                while !stop.load(Ordering::Relaxed) {
                    app.refresh().await.unwrap();
                    let open = app.open(&Default::default()).await.unwrap();
                    let view = open.readable_by(Entitlements::ALL);
                    let sql = "select count(*) as n, count(distinct s.year) as years, count(distinct m.title) as titles, min(s.year) as year from tracks s join metadata m using (track_id) join lexical using (track_id)";
                    let answer = view.query().answer(sql, Vec::new()).await.unwrap();
                    let text = pretty_format_batches(&answer.batches).unwrap().to_string();
                    let year = open.number().get() - 1;
                    let expected = format!("| 40 | 1     | 1      | {year:<4} |");
                    assert!(text.contains(&expected), "release {}: {text}", open.number());
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    for round in 1..if is_soak() { 200 } else { 8 } {
        project.snapshot("tracks", "rows.jsonl", rows(round)).await;
        project.build().await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
    assert_eq!(project.app().store().release_numbers().await.unwrap().len(), 2);
}
