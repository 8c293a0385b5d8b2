//! Rows from where data lives: a PostgreSQL query, a request, and a server that releases what comes.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::servers::{free_port, postgres};
use crate::support::{DEFINITIONS, ROWS, TestProject, post, problem, send};

fn run(project: &TestProject, arguments: &[&str], variable: Option<(&str, &str)>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhapsode"));
    command.current_dir(project.path()).args(arguments);
    if let Some((name, value)) = variable {
        command.env(name, value);
    }
    command.output().unwrap()
}

const TYPES: &str = "\
kind: entity
name: thing
join_keys: [id]
---
kind: source
name: things
entity: thing
postgres: { url_env: THINGS_URL, query: select * from things }
columns:
  - { name: id, dtype: string }
  - { name: big, dtype: int64 }
  - { name: ratio, dtype: float64 }
  - { name: price, dtype: float64 }
  - { name: at, dtype: timestamp }
  - { name: day, dtype: date }
  - { name: good, dtype: bool }
  - { name: words, dtype: list<string>, licence: CC0-1.0 }
---
kind: feature_view
name: values
entity: thing
sql: select * from things
features:
  - { name: big, dtype: int64 }
";

#[tokio::test]
async fn rows_of_a_postgresql_query_enter_with_their_types() {
    let database = postgres();
    let filled = database.psql(
        "create table things (id text primary key, big bigint, ratio double precision, price numeric(10, 2), at timestamptz, day date, good boolean, words text[]);
         insert into things values
         ('a''\"b', 9007199254740993, 0.1, 12.34, '2026-01-02 03:04:05.678901+02', '2026-01-02', true, array['x', E'line\\nbreak', null]),
         ('ключ', null, 'NaN', null, null, null, null, '{}'),
         ('c', -1, 1e300, 0, '1969-12-31 23:59:59+00', '0999-01-01', false, null);",
    );
    assert!(filled.0);
    let project = TestProject::new(TYPES);
    let done = run(
        &project,
        &["ingest", "things", "--from", &database.url, "--query", "select * from things order by id; ", "--json"],
        None,
    );
    let said: Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&done.stderr)));
    assert_eq!((&said["rows"], &said["rejected"]), (&json!(3), &json!(0)));
    project.build().await.unwrap();
    let rows = project.rows("select * from things order by id").await;
    assert_eq!(
        rows,
        json!([
            {"id": "a'\"b", "big": 9_007_199_254_740_993_i64, "ratio": 0.1, "price": 12.34, "at": "2026-01-02T01:04:05.678901Z", "day": "2026-01-02", "good": true, "words": ["x", "line\nbreak", null]},
            {"id": "c", "big": -1, "ratio": 1e300, "price": 0.0, "at": "1969-12-31T23:59:59Z", "day": "0999-01-01", "good": false, "words": null},
            {"id": "ключ", "big": null, "ratio": null, "price": null, "at": null, "day": null, "good": null, "words": []},
        ])
    );
    // The query of the definition, the URL from the environment.
    database.psql("update things set big = 5 where id = 'c'");
    let done = run(&project, &["ingest", "things", "--snapshot"], Some(("THINGS_URL", &database.url)));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    project.build().await.unwrap();
    assert_eq!(project.rows("select big from thing where id = 'c'").await, json!([{"big": 5}]));
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_told_without_the_password() {
    let database = postgres();
    database.psql("create table things (id text); insert into things values ('a')");
    let project = TestProject::new(TYPES);
    let told = |arguments: &[&str], variable| {
        let done = run(&project, arguments, variable);
        assert!(!done.status.success());
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    let from = |query: &str| told(&["ingest", "things", "--from", &database.url, "--query", query], None);
    assert!(from("select * from nothings").contains("relation \"nothings\" does not exist"));
    assert!(from("delete from things returning *").contains("PostgreSQL:"));
    assert_eq!(database.psql("select count(*) from things").1, "1");
    // A function that writes is refused by the session.
    database.psql("create function sneaky() returns int language sql as 'insert into things values (''b''); select 1'");
    assert!(from("select sneaky()::text as id").contains("read-only transaction"));
    let closed = format!("postgres://somebody:secret@127.0.0.1:{}/x", free_port());
    let text = told(&["ingest", "things", "--from", &closed, "--query", "select 1"], None);
    assert!(text.contains("cannot be reached") && !text.contains("secret"), "{text}");
    assert!(told(&["ingest", "things"], None).contains("`THINGS_URL` is not set"));
    let project = TestProject::new(DEFINITIONS);
    let done = run(&project, &["ingest", "tracks"], None);
    assert!(String::from_utf8_lossy(&done.stderr).contains("nothing to ingest"));
}

async fn taking() -> (TestProject, rhapsode::app::App) {
    let project = TestProject::built().await;
    project.configure("[serve]\ningest = true\n");
    let app = project.app();
    (project, app)
}

#[tokio::test]
async fn rows_enter_by_requests_and_are_safe_before_the_answer() {
    let (project, app) = taking().await;
    let rows =
        json!([{"id": "t1", "title": "Uno", "year": 1843, "lyrics": "a\nb"}, {"id": "t8", "year": 1.5}, {"id": "t9"}]);
    let answer = post(&app, "/api/ingest/tracks", rows.to_string()).await;
    assert_eq!(answer.status.as_u16(), 202, "{}", answer.json());
    let said = answer.json();
    assert_eq!(
        (&said["rows"], &said["rejected"], &said["already_there"], &said["ingest"]),
        (&json!(2), &json!(1), &json!(false), &json!("00000002"))
    );
    // Whoever sends it again, since the answer was lost, adds nothing.
    let again = post(&app, "/api/ingest/tracks", rows.to_string()).await.json();
    assert_eq!((&again["ingest"], &again["already_there"]), (&json!("00000002"), &json!(true)));
    let sent = async |media_type: &str, body: &str| {
        let request = Request::post("/api/ingest/tracks").header("content-type", media_type);
        send(&app, request.body(Body::from(body.to_owned())).unwrap()).await
    };
    assert_eq!(sent("text/csv", "id,title\nt10,Ten\n").await.status.as_u16(), 202);
    assert_eq!(sent("application/x-ndjson", "{\"id\": \"t11\"}\n").await.status.as_u16(), 202);
    project.build().await.unwrap();
    let rows = project.rows("select track_id, title from track order by track_id").await;
    let ids: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["track_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["t1", "t10", "t11", "t2", "t3", "t9"]);
    assert_eq!((&rows[0]["title"], &rows[1]["title"]), (&json!("Uno"), &json!("Ten")));
    // All rows at once.
    let answer = post(&app, "/api/ingest/tracks?snapshot=true", json!([{"id": "t2"}]).to_string()).await;
    assert_eq!(answer.status.as_u16(), 202);
    project.build().await.unwrap();
    assert_eq!(project.rows("select track_id from track").await, json!([{"track_id": "t2"}]));
}

#[tokio::test]
async fn requests_that_bring_nothing_are_told_why() {
    let (project, app) = taking().await;
    let answer = post(&app, "/api/ingest/track", "[]").await;
    problem(&answer, 404, "unknown-source", json!("source"), json!("track"), "`tracks`");
    let answer = post(&app, "/api/ingest/tracks", "[{\"title\": \"no key\"}]").await;
    problem(&answer, 400, "invalid-rows", json!("body"), json!(""), "");
    let request =
        Request::post("/api/ingest/tracks").header("content-type", "text/plain").body(Body::from("id\nt1\n")).unwrap();
    let answer = send(&app, request).await;
    problem(&answer, 415, "unsupported-media-type", json!("content-type"), json!("text/plain"), "application/json");
    // Without keys it is off unless somebody says so.
    project.configure("");
    let answer = post(&project.app(), "/api/ingest/tracks", "[{\"id\": \"t1\"}]").await;
    problem(&answer, 403, "missing-scope", json!("scope"), json!("ingest"), "--ingest");
}

#[tokio::test]
async fn a_server_that_watches_releases_what_comes() {
    let project = TestProject::new(DEFINITIONS);
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhapsode"));
    command.current_dir(project.path()).args([
        "serve",
        "--watch",
        "--open",
        "--ingest",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
        "--port-file",
        "port",
    ]);
    let mut server =
        command.env("RHAPSODE__SERVE__WATCH_SECONDS", "1").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let curl = |path: &str, body: Option<&str>| -> Value {
        let address = std::fs::read_to_string(project.path().join("port")).unwrap_or_default();
        let mut command = Command::new("curl");
        command.args([
            "--silent",
            "--header",
            "content-type: application/json",
            &format!("http://{}{path}", address.trim()),
        ]);
        if let Some(body) = body {
            command.args(["--data", body]);
        }
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap_or_default()
    };
    let mut until = |what: &str, is_so: &mut dyn FnMut() -> bool| {
        while !is_so() {
            assert!(begun.elapsed() < Duration::from_secs(120), "never {what}");
            assert!(server.try_wait().unwrap().is_none(), "the server ended before {what}");
            std::thread::yield_now();
        }
    };
    until("built", &mut || curl("/api/features/t1?features=decade", None)["features"]["decade"] == 1840);
    assert_eq!(curl("/api/ingest/tracks", Some("[{\"id\": \"t9\", \"year\": 2001}]"))["rows"], 1);
    until("released", &mut || curl("/api/features/t9?features=decade", None)["features"]["decade"] == 2000);
    project.define(&DEFINITIONS.replace("year / 10 * 10", "year / 100 * 100"));
    until("redefined", &mut || curl("/api/features/t1?features=decade", None)["features"]["decade"] == 1800);
    server.kill().unwrap();
    server.wait().unwrap();
}
