//! Jobs: texts in the background, none lost and none doubled, whatever becomes of the workers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use axum::http::StatusCode;
use chrono::TimeDelta;
use rhapsode::config::StateConfig;
use rhapsode::jobs::{Chunk, JobError, JobReader, JobRequest, JobState, Jobs, Texts, TextsFormat};
use rhapsode::limits::{JOB_CHUNK_ATTEMPTS_MAX, JOB_CHUNK_ROWS, JOB_LEASE_SECONDS};
use rhapsode::name::ReleaseNumber;
use rhapsode::state::State;
use rhapsode::store::Entitlements;
use serde_json::{Value, json};

use crate::servers;
use crate::support::{TestProject, get, get_with, post, post_with, send, serve, served};

const LINES: &[(&str, &str)] = &[("content-type", "application/x-ndjson")];

async fn queue(project: &TestProject, url: &str) -> Jobs {
    let config = StateConfig { url: url.to_owned(), connections: 4 };
    let state = State::open(project.path(), &config).await.unwrap();
    Jobs::new(state, project.app().store().clone(), project.clock.clone())
}

fn texts(count: usize) -> Texts {
    let lines: String =
        (0..count).map(|row| json!({ "text": format!("text {row}"), "key": row }).to_string() + "\n").collect();
    Texts::read(TextsFormat::JsonLines, lines.as_bytes()).unwrap()
}

fn request() -> JobRequest {
    JobRequest {
        entity: "track".to_owned(),
        release: ReleaseNumber::FIRST,
        with_vectors: false,
        owner: None,
        entitlements: Entitlements::OPEN,
    }
}

/// What a worker makes of the texts of a chunk: here, the texts.
async fn result(jobs: &Jobs, chunk: &Chunk) -> Option<RecordBatch> {
    let texts = jobs.texts(chunk).await.unwrap()?;
    let schema = Schema::new(vec![Field::new("text", DataType::Utf8, true)]);
    Some(RecordBatch::try_new(Arc::new(schema), vec![Arc::new(StringArray::from_iter(&texts.texts))]).unwrap())
}

async fn results(jobs: &Jobs, id: &str) -> Vec<String> {
    let job = jobs.find(id).await.unwrap();
    let mut texts = Vec::new();
    for chunk in 0..job.chunks {
        for batch in jobs.result(&job, chunk).await.unwrap() {
            let column = batch.column(0).as_any().downcast_ref::<StringArray>().unwrap().clone();
            texts.extend(column.iter().map(|text| text.unwrap().to_owned()));
        }
    }
    texts
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|row| format!("text {row}")).collect()
}

async fn a_dead_workers_chunk_is_done_by_the_next(url: &str) {
    let project = TestProject::new("");
    let jobs = queue(&project, url).await;
    let count = 2 * JOB_CHUNK_ROWS + 7;
    let job = jobs.submit(&request(), &texts(count)).await.unwrap();
    assert_eq!((job.state, job.rows, job.chunks), (JobState::Waiting, count as u64, 3));

    // A worker that dies, and one that is only slow.
    let dead = jobs.take().await.unwrap().unwrap();
    let slow = jobs.take().await.unwrap().unwrap();
    let late = result(&jobs, &slow).await.unwrap();
    assert_eq!(jobs.find(&job.id).await.unwrap().state, JobState::Running);
    let third = jobs.take().await.unwrap().unwrap();
    assert_eq!([dead.chunk, slow.chunk, third.chunk], [0, 1, 2]);
    assert_eq!(jobs.take().await.unwrap(), None);
    jobs.finish(&third, &result(&jobs, &third).await.unwrap(), 2).await.unwrap();

    project.clock.advance(TimeDelta::seconds(JOB_LEASE_SECONDS + 1));
    assert!(matches!(jobs.result(&jobs.find(&job.id).await.unwrap(), 0).await, Err(JobError::NotDone(_))));
    for _ in 0..2 {
        let chunk = jobs.take().await.unwrap().unwrap();
        jobs.finish(&chunk, &result(&jobs, &chunk).await.unwrap(), 0).await.unwrap();
    }
    // What was taken from the slow one changes nothing any more.
    assert!(!jobs.renew(&slow).await.unwrap());
    jobs.finish(&slow, &late, 100).await.unwrap();
    let job = jobs.find(&job.id).await.unwrap();
    assert_eq!((job.state, job.rows_done, job.rows_failed), (JobState::Done, count as u64, 2));
    assert_eq!(results(&jobs, &job.id).await, expected(count));

    // A queue that is opened anew knows all of it.
    assert_eq!(queue(&project, url).await.find(&job.id).await.unwrap(), job);
    assert_eq!(queue(&project, url).await.list(&JobReader::All, 5).await.unwrap()[0], job);
}

async fn workers_side_by_side_take_each_chunk_once(url: &str) {
    let project = TestProject::new("");
    let count = 24 * JOB_CHUNK_ROWS;
    let mut queues = Vec::new();
    for _ in 0..6 {
        queues.push(queue(&project, url).await);
    }
    let job = queues[0].submit(&request(), &texts(count)).await.unwrap();
    let work = |jobs: Jobs, id: String| async move {
        let mut taken = Vec::new();
        while jobs.find(&id).await.unwrap().state != JobState::Done {
            let Some(chunk) = jobs.take().await.unwrap() else { continue };
            jobs.finish(&chunk, &result(&jobs, &chunk).await.unwrap(), 0).await.unwrap();
            taken.push(chunk.chunk);
        }
        taken
    };
    let workers: Vec<_> = queues.iter().map(|jobs| tokio::spawn(work(jobs.clone(), job.id.clone()))).collect();
    let mut taken = Vec::new();
    for worker in workers {
        taken.extend(worker.await.unwrap());
    }
    taken.sort_unstable();
    assert_eq!(taken, (0..24).collect::<Vec<u64>>());
    assert_eq!(results(&queues[0], &job.id).await, expected(count));
}

#[tokio::test]
async fn jobs_in_sqlite() {
    a_dead_workers_chunk_is_done_by_the_next("state.sqlite").await;
    workers_side_by_side_take_each_chunk_once("sqlite:state.sqlite").await;
}

#[tokio::test]
async fn jobs_in_postgresql() {
    let server = servers::postgres();
    a_dead_workers_chunk_is_done_by_the_next(&server.url).await;
    workers_side_by_side_take_each_chunk_once(&server.url).await;
}

#[tokio::test]
async fn a_state_file_whose_path_has_marks_of_urls_was_made_elsewhere() {
    let project = TestProject::new("");
    let folder = project.path().join("a b#c%20d?e");
    std::fs::create_dir(&folder).unwrap();
    let config = StateConfig { url: "./state.sqlite".to_owned(), connections: 1 };
    State::open(&folder, &config).await.unwrap();
    assert!(folder.join("state.sqlite").exists());
    let error = State::open(&folder.join("nowhere"), &config).await.unwrap_err();
    assert!(error.to_string().contains("state.url"), "{error}");
}

#[tokio::test]
async fn texts_that_end_their_workers_end_their_job() {
    let project = TestProject::new("");
    let jobs = queue(&project, "state.sqlite").await;
    let job = jobs.submit(&request(), &texts(3)).await.unwrap();
    for _ in 0..JOB_CHUNK_ATTEMPTS_MAX {
        assert!(jobs.take().await.unwrap().is_some());
        project.clock.advance(TimeDelta::seconds(JOB_LEASE_SECONDS + 1));
    }
    assert_eq!(jobs.take().await.unwrap(), None);
    let job = jobs.find(&job.id).await.unwrap();
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(job.failure.as_deref(), Some("the texts of chunk 0 ended 5 workers"));
}

#[tokio::test]
async fn a_job_whose_worker_died_after_its_last_chunk_never_ended() {
    let project = TestProject::new("");
    let jobs = queue(&project, "state.sqlite").await;
    let job = jobs.submit(&request(), &texts(3)).await.unwrap();
    let chunk = jobs.take().await.unwrap().unwrap();
    assert_eq!(chunk.chunk, 0);
    let config = StateConfig { url: "state.sqlite".to_owned(), connections: 1 };
    let state = State::open(project.path(), &config).await.unwrap();
    sqlx::query("update job_chunks set state = 'done'").execute(state.pool()).await.unwrap();
    assert_eq!(jobs.find(&job.id).await.unwrap().state, JobState::Running);
    assert_eq!(jobs.take().await.unwrap(), None);
    assert_eq!(jobs.find(&job.id).await.unwrap().state, JobState::Done);
}

#[tokio::test]
async fn a_chunk_that_is_given_back_counts_as_no_attempt() {
    let project = TestProject::new("");
    let jobs = queue(&project, "state.sqlite").await;
    jobs.submit(&request(), &texts(3)).await.unwrap();
    for _ in 0..=JOB_CHUNK_ATTEMPTS_MAX {
        let chunk = jobs.take().await.unwrap().unwrap();
        jobs.give_back(&chunk).await.unwrap();
    }
    assert!(jobs.take().await.unwrap().is_some());
}

#[tokio::test]
async fn old_jobs_are_removed_with_their_files() {
    let project = TestProject::new("");
    let jobs = queue(&project, "state.sqlite").await;
    let old = jobs.submit(&request(), &texts(3)).await.unwrap();
    let open = jobs.submit(&request(), &texts(3)).await.unwrap();
    let chunk = jobs.take().await.unwrap().unwrap();
    let (done, other) = if chunk.job == old.id { (old, open) } else { (open, old) };
    jobs.finish(&chunk, &result(&jobs, &chunk).await.unwrap(), 0).await.unwrap();
    project.clock.advance(TimeDelta::hours(2));
    jobs.tidy(TimeDelta::hours(3)).await.unwrap();
    assert_eq!(jobs.find(&done.id).await.unwrap().state, JobState::Done);
    jobs.tidy(TimeDelta::hours(1)).await.unwrap();
    assert!(matches!(jobs.find(&done.id).await, Err(JobError::Unknown(_))));
    assert_eq!(jobs.find(&other.id).await.unwrap().state, JobState::Waiting);
    let folder = project.path().join("store/jobs").join(&done.id);
    assert!(!folder.exists() || std::fs::read_dir(folder).unwrap().next().is_none());
}

/// The answer when the job has ended.
async fn ended(app: &rhapsode::app::App, id: &str) -> Value {
    let begun = Instant::now();
    loop {
        let job = get(app, &format!("/api/jobs/{id}")).await.json();
        if !matches!(job["state"].as_str(), Some("waiting" | "running")) {
            return job;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{job}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_job_makes_of_each_text_what_an_analysis_makes_of_it() {
    let (_project, app) = served().await;
    let worker = tokio::spawn({
        let app = app.clone();
        async move { app.work_off_jobs().await }
    });
    let lines = "{\"text\": \"one two three\\nfour\", \"key\": \"mine\"}\n\nnot json\n{\"text\": \"five\", \"key\": 7, \"language\": \"en\"}\n";
    let answer = post_with(&app, "/api/jobs", LINES, lines).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let job = answer.json();
    assert_eq!(answer.header("location"), format!("/api/jobs/{}", job["id"].as_str().unwrap()));
    let id = job["id"].as_str().unwrap().to_owned();
    let job = ended(&app, &id).await;
    assert_eq!(
        (&job["state"], &job["rows"], &job["rows_done"], &job["rows_failed"]),
        (&json!("done"), &json!(3), &json!(3), &json!(1))
    );

    let path = job["results"].as_str().unwrap().to_owned();
    let answer = get(&app, &path).await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    let rows: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    for (row, text) in [(&rows[0], "one two three\nfour"), (&rows[2], "five")] {
        let analyzed = post(&app, "/api/analyze", json!({ "text": text }).to_string()).await.json();
        for (name, value) in analyzed["features"].as_object().unwrap() {
            assert_eq!(&row[name], value, "{name}");
        }
        assert_eq!(row["warnings"], json!([]));
    }
    assert_eq!((&rows[0]["key"], &rows[0]["line"]), (&json!("mine"), &json!(1)));
    assert_eq!((&rows[2]["key"], &rows[2]["line"]), (&json!("7"), &json!(4)));
    assert_eq!((&rows[1]["line"], &rows[1]["tokens"]), (&json!(3), &Value::Null));
    assert!(rows[1]["warnings"][0].as_str().unwrap().contains("cannot be read"), "{}", rows[1]);

    let answer = get(&app, &format!("{path}?format=csv")).await;
    assert!(String::from_utf8_lossy(&answer.body).starts_with("line,key,warnings,tokens,mtld\n1,mine,"));
    let answer = get(&app, &format!("{path}?format=parquet")).await;
    assert_eq!(&answer.body[..4], b"PAR1");
    let events = get_with(&app, &format!("/api/jobs/{id}"), &[("accept", "text/event-stream")]).await;
    let events = String::from_utf8(events.body.to_vec()).unwrap();
    assert!(events.starts_with("event: done\ndata: {\"id\":"), "{events}");
    assert_eq!(get(&app, "/api/jobs").await.json()["jobs"][0]["id"], id);
    worker.abort();
}

#[tokio::test]
async fn a_job_that_is_cancelled_leaves_nothing() {
    let (project, app) = served().await;
    let csv = [("content-type", "text/csv")];
    let answer = post_with(&app, "/api/jobs", &csv, "key,text\na,\"one\ntwo\"\nb,three\n").await;
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let results = get(&app, &format!("/api/jobs/{id}/results")).await;
    assert_eq!(
        (results.status, results.json()["type"].clone()),
        (StatusCode::CONFLICT, json!("/problems/job-not-done"))
    );
    let delete = axum::http::Request::delete(format!("/api/jobs/{id}")).body(axum::body::Body::empty()).unwrap();
    assert_eq!(send(&app, delete).await.json()["state"], "cancelled");
    assert_eq!(get(&app, &format!("/api/jobs/{id}")).await.json()["state"], "cancelled");
    let folder = project.path().join("store/jobs").join(&id);
    assert!(!folder.exists() || std::fs::read_dir(folder).unwrap().next().is_none());
    let jobs = queue(&project, "state.sqlite").await;
    assert_eq!(jobs.take().await.unwrap(), None);
}

#[tokio::test]
async fn what_is_no_job_is_refused_with_the_reason() {
    let (_project, app) = served().await;
    let refused = |headers: &'static [(&str, &str)], body: &'static str| {
        let app = app.clone();
        async move {
            let answer = post_with(&app, "/api/jobs", headers, body).await;
            (answer.status.as_u16(), answer.json()["detail"].as_str().unwrap_or_default().to_owned())
        }
    };
    let csv: &[(&str, &str)] = &[("content-type", "text/csv")];
    assert_eq!(refused(LINES, "\n \n").await, (400, "no texts were sent".to_owned()));
    assert_eq!(
        refused(csv, "key,words\n1,2\n").await,
        (400, "there is no column `words`; there is `text`, `key`, `language`".to_owned())
    );
    assert_eq!(refused(csv, "key\n1\n").await, (400, "the header has no `text`".to_owned()));
    assert_eq!(refused(&[("content-type", "text/plain")], "x").await.0, 415);
    assert_eq!(get(&app, "/api/jobs/nope").await.json()["type"], "/problems/unknown-job");
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_loses_and_doubles_no_row() {
    let project = TestProject::built().await;
    let count = 40 * JOB_CHUNK_ROWS;
    let text = "the night is long and the light is gone\n".repeat(40);
    let lines: String =
        (0..count).map(|row| json!({ "text": format!("{text}{row}"), "key": row }).to_string() + "\n").collect();
    let client = reqwest::Client::new();
    let (mut server, address) = serve(project.path(), &["--open"]).await;
    let answer = client.post(format!("{address}/api/jobs")).header("content-type", "application/x-ndjson").body(lines);
    let job: Value = answer.send().await.unwrap().json().await.unwrap();
    let id = job["id"].as_str().unwrap().to_owned();
    let progress = |address: String| {
        let (client, id) = (client.clone(), id.clone());
        async move {
            let job = client.get(format!("{address}/api/jobs/{id}")).send().await.unwrap();
            job.json::<Value>().await.unwrap()
        }
    };
    while progress(address.clone()).await["rows_done"] == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.kill().unwrap();
    server.wait().unwrap();
    let (mut server, address) = serve(project.path(), &["--open"]).await;
    let begun = Instant::now();
    loop {
        let job = progress(address.clone()).await;
        if job["state"] == "done" {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{job}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rows = client.get(format!("{address}/api/jobs/{id}/results")).send().await.unwrap().text().await.unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    for (index, row) in rows.lines().enumerate() {
        let row: Value = serde_json::from_str(row).unwrap();
        assert_eq!(row["line"], index as u64 + 1);
        *seen.entry(row["key"].as_str().unwrap().parse().unwrap()).or_default() += 1;
    }
    assert_eq!(seen.len(), count);
    assert!(seen.values().all(|times| *times == 1));
}
