//! Statements in worker processes: right answers for honest ones, and no harm by the others.

use std::process::Command;
use std::time::Duration;

use futures::TryStreamExt;
use rhapsode::app::App;
use rhapsode::config::Config;
use rhapsode::limits::SANDBOX_QUEUE_MAX;
use rhapsode::query::sandbox::{Order, Sandbox, SandboxSettings, Task};
use rhapsode::store::Entitlements;
use serde_json::{Value, json};

use crate::support::{TestProject, get, post};

/// A served project whose statements run in workers.
async fn served(settings: &str) -> (TestProject, App) {
    let project = TestProject::built().await;
    project.configure(settings);
    let mut config = Config::load(project.path()).unwrap();
    config.sql.worker = Some(env!("CARGO_BIN_EXE_rhapsode").into());
    let app = App::new(project.path(), config, project.clock.clone()).unwrap();
    app.refresh().await.unwrap();
    (project, app)
}

/// So many tables, each row of each with each row of the others: of three rows each, 24 are 280 billion.
fn crossed(tables: usize) -> String {
    let names = (b'a'..).take(tables).map(|name| format!("tracks {}", char::from(name)));
    names.collect::<Vec<_>>().join(", ")
}

async fn sql(app: &App, query: &str) -> (u16, Value) {
    let answer = post(app, "/api/sql", json!({"query": query}).to_string()).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn a_worker_answers_as_the_server_itself_would() {
    let (project, app) = served("[sql]\nworkers = 1\n").await;
    let here = project.app();
    let statements = [
        "select * from track order by track_id",
        "select track_id, decade, ratio, mtld from track where decade > 1800",
        "select track_id from track where false",
        "select count(*) as n, arrow_cast(0.1, 'Float32') as f, timestamp '2026-01-01T00:00:00' as t from tracks",
        "select make_array(1, null, 3) as l, struct(1, 'x') as s, null as n, 9007199254740993 as big",
        "select nope from track",
        "selec",
        "select lexical_of(1)",
        "select decade@7 from track",
    ];
    for statement in statements {
        assert_eq!(without_id(sql(&app, statement).await), without_id(sql(&here, statement).await), "{statement}");
    }
    let body = json!({"query": "select $1 as a, $2 as b, $3 as c", "params": [1, "x", null]}).to_string();
    assert_eq!(post(&app, "/api/sql", body.clone()).await.body, post(&here, "/api/sql", body).await.body);
    let download = "/api/dataset/download?dataset=track&format=csv&columns=track_id&filter=decade%20%3E%201845";
    assert_eq!(get(&app, download).await.body, b"track_id\nt3\n");
    let wrong = get(&app, "/api/dataset/download?dataset=track&filter=decad%20%3E%201").await.json();
    assert_eq!((&wrong["field"], &wrong["remedy"]), (&json!("filter"), &json!("did you mean `decade`?")), "{wrong}");
    let training = json!({"sql": "select track_id, timestamp '2026-02-01T00:00:00' as event_timestamp from tracks", "features": ["decade"]}).to_string();
    assert_eq!(
        post(&app, "/api/training-sets", training.clone()).await.json(),
        post(&here, "/api/training-sets", training).await.json()
    );
}

fn without_id((status, mut body): (u16, Value)) -> (u16, Value) {
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    (status, body)
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_killed_and_the_next_is_answered() {
    let (_project, app) = served("[sql]\nworkers = 1\ntime_limit_seconds = 2\n").await;
    let (status, body) = sql(&app, &format!("select count(*) as n from {} where a.year <> b.year", crossed(24))).await;
    assert_eq!((status, &body["type"]), (408, &json!("/problems/statement-timeout")), "{body}");
    assert_eq!(sql(&app, "select count(*) as n from track").await, (200, json!([{"n": 3}])));
}

#[tokio::test]
async fn a_statement_that_takes_too_much_memory_ends_its_worker_alone() {
    let (_project, app) = served("[sql]\nworkers = 1\nmemory_mib = 256\ntime_limit_seconds = 55\n").await;
    // A text of some gigabytes, which no pool counts.
    let statement = format!("select string_agg(a.lyrics, '') as s from {}", crossed(18));
    let (status, body) = sql(&app, &statement).await;
    assert_eq!((status, &body["type"]), (413, &json!("/problems/statement-too-large")), "{body}");
    assert_eq!(sql(&app, "select count(*) as n from track").await, (200, json!([{"n": 3}])));
}

#[tokio::test]
async fn a_wide_result_was_counted_once_for_each_of_its_columns_and_refused() {
    let (_project, app) = served("[sql]\nworkers = 1\nmemory_mib = 64\n").await;
    // Some 3 MiB: 6,561 rows of 120 numbers, which a worker sends in one piece.
    let columns: Vec<String> = (0..120).map(|number| format!("a.year + {number} as year_{number}")).collect();
    let (status, body) = sql(&app, &format!("select {} from {}", columns.join(", "), crossed(8))).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body.as_array().unwrap().len(), 3_usize.pow(8));
}

#[tokio::test]
async fn what_the_engine_cannot_answer_is_not_called_our_fault_and_leaves_the_worker() {
    let (_project, app) = served("[sql]\nworkers = 1\n").await;
    let (status, body) = sql(&app, "select track_id ~ '(' as n from track").await;
    assert_eq!(status, 400, "{body}");
    assert!(body["detail"].as_str().unwrap().contains("regular expression"), "{body}");
    let statements = [
        "select concat(x'00ff') as n",
        "select first_value() over () as n from track",
        "with recursive r as (select 100 as n union select n % 7 from r) select count(*) as n from r",
    ];
    for statement in statements {
        let (status, body) = sql(&app, statement).await;
        assert_eq!((status, &body["type"]), (400, &json!("/problems/statement")), "{statement}: {body}");
    }
    assert_eq!(sql(&app, "select count(*) as n from track").await, (200, json!([{"n": 3}])));
}

#[tokio::test]
async fn a_worker_that_the_system_ends_is_not_blamed_on_the_statement() {
    let (project, app) = served("[sql]\nworkers = 1\ntime_limit_seconds = 30\n").await;
    // The worker is there once it has answered.
    assert_eq!(sql(&app, "select count(*) as n from track").await.0, 200);
    let long = format!("select count(*) as n from {} where a.year <> b.year", crossed(24));
    let answer = tokio::spawn({
        let app = app.clone();
        async move { post(&app, "/api/sql", json!({"query": long}).to_string()).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let folder = project.path().to_str().unwrap();
    let mut killed = 0;
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let arguments = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments);
        if arguments.contains("sql-worker") && arguments.contains(folder) {
            let pid = process.file_name().into_string().unwrap();
            killed += usize::from(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        }
    }
    assert_eq!(killed, 1);
    let answer = answer.await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (503, &json!("/problems/busy")), "{}", answer.json());
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(sql(&app, "select count(*) as n from track").await, (200, json!([{"n": 3}])));
}

#[tokio::test]
async fn whoever_goes_frees_the_worker() {
    let project = TestProject::built().await;
    let sandbox = Sandbox::new(SandboxSettings {
        program: env!("CARGO_BIN_EXE_rhapsode").into(),
        project: project.path().to_owned(),
        workers: 1,
        memory_bytes: 1 << 30,
    });
    let release = project.app().store().resolve(&Default::default()).await.unwrap();
    let order = |sql: &str| Order {
        entitlements: Entitlements::OPEN,
        task: Task::Statement { sql: sql.to_owned(), parameters: Vec::new() },
    };
    let endless = order(&format!("select a.year from {}", crossed(24)));
    let mut rows = sandbox.run(release, &endless, Duration::from_secs(60)).await.unwrap().rows;
    assert!(rows.try_next().await.unwrap().is_some());
    drop(rows);
    // The only worker is free again, long before the statement would have ended.
    let one = order("select 1 as one");
    let done = sandbox.run(release, &one, Duration::from_secs(60)).await.unwrap();
    let batches: Vec<_> = done.rows.try_collect().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
}

#[tokio::test]
async fn more_statements_than_may_wait_are_told_to_come_back() {
    let (_project, app) = served("[sql]\nworkers = 1\ntime_limit_seconds = 30\n").await;
    let statement = |number: usize| {
        // Each another one, since what is the same is made once for all.
        let query = format!("select count(*) + {number} as n from {} where a.year <> b.year", crossed(24));
        let app = app.clone();
        tokio::spawn(async move { post(&app, "/api/sql", json!({"query": query}).to_string()).await })
    };
    // One works, as many as may wait, and one more; whichever comes last is told so at once.
    let asked: Vec<_> = (0..SANDBOX_QUEUE_MAX + 2).map(statement).collect();
    let aborts: Vec<_> = asked.iter().map(|task| task.abort_handle()).collect();
    let (answer, ..) = futures::future::select_all(asked).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (503, &json!("/problems/busy")));
    assert_eq!(answer.header("retry-after"), "1");
    aborts.iter().for_each(|task| task.abort());
}
