//! Training sets over HTTP and from the command line: the same rows, the features as they were known.

use std::process::Command;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Answer, TestProject, get, post, post_with, problem, send};
use crate::time::with_events;

async fn served() -> (TestProject, rhapsode::app::App) {
    let project = with_events().await;
    project.build().await.unwrap();
    let app = project.app();
    app.refresh().await.unwrap();
    (project, app)
}

fn row(track: Value, at: &str, label: i64) -> Value {
    json!({"track_id": track, "event_timestamp": format!("2026-01-{at}Z"), "label": label})
}

#[tokio::test]
async fn each_row_gets_what_was_known_at_its_moment_in_the_order_of_the_rows() {
    let (_project, app) = served().await;
    let rows = json!([
        row(json!("t1"), "02T12:00:00", 1),
        row(json!("t2"), "12T00:00:00", 2),
        row(json!("t1"), "01T00:00:00", 3),
        row(json!("nobody"), "05T00:00:00", 4),
        row(json!("t1"), "02T12:00:00", 5),
        row(json!("t2"), "11T00:00:00", 6),
        row(json!("t1"), "03T00:00:01", 7),
        row(json!("t1"), "31T00:00:00", 8),
        row(json!("t3"), "31T00:00:00", 9),
    ]);
    let features = ["rank", "plays_count_1d", "plays_sum_seconds_all", "plays_last_seconds_all", "title"];
    let body = json!({"features": features, "rows": rows});
    let answer = post(&app, "/api/training-sets", body.to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-rhapsode-release")), (200, "1"));
    let expect = |track: &str, at: &str, label: i64, known: [Value; 5]| {
        let mut row = row(json!(track), at, label);
        for (feature, value) in features.iter().zip(known) {
            row[*feature] = value;
        }
        row
    };
    let null = || Value::Null;
    assert_eq!(
        answer.json(),
        json!([
            // Of two plays at one moment the later id is the last.
            expect("t1", "02T12:00:00", 1, [json!(7), json!(3), json!(100.0), json!(40.0), json!("One")]),
            // A rank is known for ten days, and not a moment longer.
            expect("t2", "12T00:00:00", 2, [null(), json!(0), json!(50.0), json!(50.0), json!("Two")]),
            expect("t1", "01T00:00:00", 3, [json!(9), json!(1), json!(10.0), json!(10.0), json!("One")]),
            expect("nobody", "05T00:00:00", 4, [null(), json!(0), null(), null(), null()]),
            expect("t1", "02T12:00:00", 5, [json!(7), json!(3), json!(100.0), json!(40.0), json!("One")]),
            expect("t2", "11T00:00:00", 6, [json!(3), json!(0), json!(50.0), json!(50.0), json!("Two")]),
            // A window of a day at 00:00:01 lacks the event at 00:00:01 of the day before.
            expect("t1", "03T00:00:01", 7, [json!(7), json!(2), json!(100.0), json!(40.0), json!("One")]),
            expect("t1", "31T00:00:00", 8, [null(), json!(0), json!(100.0), json!(40.0), json!("One")]),
            expect("t3", "31T00:00:00", 9, [null(), json!(0), null(), null(), null()]),
        ])
    );
}

#[tokio::test]
async fn at_the_time_of_the_release_training_and_serving_agree() {
    let (_project, app) = served().await;
    for track in ["t1", "t2", "t3"] {
        let served = get(&app, &format!("/api/features/{track}?features=plays_count_1d,plays_sum_seconds_all,title"))
            .await
            .json();
        let rows = json!([{"track_id": track, "event_timestamp": "2026-01-20T00:00:00Z"}]);
        let body = json!({"features": ["plays_count_1d", "plays_sum_seconds_all", "title"], "rows": rows});
        let trained = post(&app, "/api/training-sets", body.to_string()).await.json();
        for (name, value) in served["features"].as_object().unwrap() {
            assert_eq!(trained[0][name], *value, "{track} {name}");
        }
    }
}

#[tokio::test]
async fn rows_come_as_sql_as_uploads_and_as_all_of_a_range() {
    let (_project, app) = served().await;
    let sql = "select track_id, timestamp '2026-01-02T00:00:00Z' as moment, title as name from titles where title is not null order by track_id desc";
    let body = json!({"features": ["rank"], "sql": sql, "timestamp_field": "moment"});
    let answer = post(&app, "/api/training-sets", body.to_string()).await;
    assert_eq!(
        answer.json(),
        json!([
            {"track_id": "t2", "moment": "2026-01-02T00:00:00Z", "name": "Two", "rank": 3},
            {"track_id": "t1", "moment": "2026-01-02T00:00:00Z", "name": "One", "rank": 7},
        ])
    );
    let upload = |media_type: &'static str, body: Vec<u8>| {
        let path = "/api/training-sets?features=rank";
        send(&app, Request::post(path).header("content-type", media_type).body(Body::from(body)).unwrap())
    };
    let csv = b"track_id,event_timestamp,label\nt1,2026-01-01T12:00:00Z,0.5\nt2,2026-01-01T12:00:00Z,1\n".to_vec();
    let expected = json!([
        {"track_id": "t1", "event_timestamp": "2026-01-01T12:00:00Z", "label": 0.5, "rank": 9},
        {"track_id": "t2", "event_timestamp": "2026-01-01T12:00:00Z", "label": 1.0, "rank": 3},
    ]);
    let answer = upload("text/csv", csv.clone()).await;
    assert_eq!(answer.json(), expected);
    // What comes out as Parquet or Arrow can go in again.
    for media_type in ["application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"] {
        let body = json!({"features": ["plays_count_1d"], "rows": [{"track_id": "t1", "event_timestamp": "2026-01-01T12:00:00Z", "label": 0.5}, {"track_id": "t2", "event_timestamp": "2026-01-01T12:00:00Z", "label": 1.0}]});
        let sent = post_with(&app, "/api/training-sets", &[("accept", media_type)], body.to_string()).await;
        assert_eq!(sent.header("content-type"), media_type);
        let answer: Answer = upload(media_type, sent.body).await;
        assert_eq!(answer.json()[0]["rank"], 9, "{media_type}: {}", answer.json());
        assert_eq!(answer.json()[1]["plays_count_1d"], 0);
    }
    let body = json!({"features": ["rank", "title"], "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"});
    let all = post(&app, "/api/training-sets", body.to_string()).await.json();
    assert_eq!(
        all,
        json!([
            {"track_id": "t1", "event_timestamp": "2026-01-01T00:00:00Z", "rank": 9, "title": "One"},
            {"track_id": "t1", "event_timestamp": "2026-01-02T00:00:00Z", "rank": 7, "title": "One"},
            {"track_id": "t2", "event_timestamp": "2026-01-01T00:00:00Z", "rank": 3, "title": "Two"},
        ])
    );
    let body = json!({"features": ["title"], "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"});
    let all = post(&app, "/api/training-sets", body.to_string()).await.json();
    assert_eq!((all.as_array().unwrap().len(), &all[2]["event_timestamp"]), (3, &json!("2026-01-02T00:00:00Z")));
}

#[tokio::test]
async fn rows_of_many_batches_came_back_in_another_order() {
    let (_project, app) = served().await;
    let mut csv = "track_id,event_timestamp,label\n".to_owned();
    for label in 0..60_000 {
        csv.push_str(&format!("t{},2026-01-0{}T00:00:00Z,{label}\n", label % 4, label % 9 + 1));
    }
    let request =
        Request::post("/api/training-sets?features=rank,title,plays_count_all").header("content-type", "text/csv");
    let answer = send(&app, request.body(Body::from(csv)).unwrap()).await;
    let rows = answer.json();
    let labels: Vec<i64> = rows.as_array().unwrap().iter().map(|row| row["label"].as_i64().unwrap()).collect();
    assert_eq!(labels, (0..60_000).collect::<Vec<_>>());
    assert_eq!((&rows[1]["title"], &rows[1]["plays_count_all"]), (&json!("One"), &json!(1)));
}

#[tokio::test]
async fn what_is_wrong_with_a_training_set_is_told() {
    let (_project, app) = served().await;
    let asked = async |body: Value| post(&app, "/api/training-sets", body.to_string()).await;
    let answer = asked(json!({"rows": [{"track": "t1", "event_timestamp": "2026-01-01T00:00:00Z"}]})).await;
    problem(&answer, 400, "invalid-rows", json!("rows"), json!("track_id"), "join keys");
    let answer =
        asked(json!({"features": ["rank"], "rows": [{"track_id": "t1", "event_timestamp": "2026-01-01", "rank": 1}]}))
            .await;
    problem(&answer, 400, "invalid-rows", json!("rows"), json!("rank"), "rename");
    let answer = asked(json!({"features": ["ranks"], "rows": []})).await;
    problem(&answer, 400, "unknown-feature", json!("features[0]"), json!("ranks"), "`rank`");
    let answer = asked(json!({"features": ["rank"]})).await;
    problem(&answer, 400, "missing-rows", json!("rows"), json!(""), "`sql`");
    let answer =
        asked(json!({"features": ["rank"], "rows": [{"track_id": "t1", "event_timestamp": "yesterday"}]})).await;
    assert_eq!(answer.status.as_u16(), 400, "{}", answer.json());
    let answer = send(
        &app,
        Request::post("/api/training-sets").header("content-type", "image/png").body(Body::empty()).unwrap(),
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["type"].clone()),
        (415, json!("/problems/unsupported-media-type"))
    );
}

#[tokio::test]
async fn the_command_line_writes_the_same_rows() {
    let (project, app) = served().await;
    std::fs::write(
        project.path().join("rows.csv"),
        "track_id,event_timestamp\nt1,2026-01-02T12:00:00Z\nt2,2026-01-03T00:00:00Z\n",
    )
    .unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhapsode"));
        command.current_dir(project.path()).arg("training-set").args(arguments).output().unwrap()
    };
    let done = run(&["--rows", "rows.csv", "--features", "rank,plays_count_1d", "--out", "set.jsonl", "--json"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&summary["release"], &summary["rows"]), (&json!(1), &json!(2)));
    let written = std::fs::read_to_string(project.path().join("set.jsonl")).unwrap();
    let written: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rows = json!([{"track_id": "t1", "event_timestamp": "2026-01-02T12:00:00Z"}, {"track_id": "t2", "event_timestamp": "2026-01-03T00:00:00Z"}]);
    let body = json!({"features": ["rank", "plays_count_1d"], "rows": rows});
    assert_eq!(Value::Array(written), post(&app, "/api/training-sets", body.to_string()).await.json());
    let done = run(&["--rows", "rows.csv", "--features", "nope", "--out", "other.csv"]);
    assert!(String::from_utf8_lossy(&done.stderr).contains("no feature `nope`"));
    assert!(!project.path().join("other.csv").exists() && !project.path().join("other.part").exists());
}
