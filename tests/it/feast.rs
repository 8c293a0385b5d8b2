//! Lookups as Feast's clients speak them; `scripts/feast_client.py` has the real client ask.

use chrono::TimeDelta;
use rhapsode::app::App;
use serde_json::{Value, json};

use crate::support::{TestProject, post, problem};

/// A track with moods over time that age, an input on request, and lists.
const DEFINITIONS: &str = "\
kind: entity
name: track
join_keys: [track_id]
---
kind: source
name: tracks
entity: track
columns:
  - { name: track_id, dtype: int64 }
  - { name: year, dtype: int32 }
  - { name: score, dtype: float32 }
  - { name: tags, dtype: list<string>, access: open, licence: public-domain }
---
kind: source
name: moods
entity: track
timestamp_field: at
columns:
  - { name: track_id, dtype: int64 }
  - { name: at, dtype: timestamp }
  - { name: mood, dtype: string, access: open, licence: public-domain }
---
kind: feature_view
name: facts
entity: track
sql: select track_id, year, score, tags, to_timestamp_micros(cast(year as bigint) * 1000000) as born from tracks
features:
  - { name: year, dtype: int32 }
  - { name: score, dtype: float32 }
  - { name: tags, dtype: list<string> }
  - { name: born, dtype: timestamp }
---
kind: feature_view
name: feelings
entity: track
timestamp_field: at
ttl: 30d
sql: select track_id, at, mood from moods
features:
  - { name: mood, dtype: string }
---
kind: feature_view
name: asked
entity: track
on_request:
  inputs:
    - { name: asked_year, dtype: int32 }
features:
  - { name: age, dtype: int32, expr: asked_year - year }
";

async fn served() -> (TestProject, App) {
    let project = TestProject::new(DEFINITIONS);
    let rows = "{\"track_id\": 1, \"year\": 1900, \"score\": 2.0, \"tags\": [\"a\"]}\n\
                {\"track_id\": 2, \"year\": null, \"score\": 0.1, \"tags\": []}\n{\"track_id\": 3}\n";
    let moods = "{\"track_id\": 1, \"at\": \"2025-12-30T00:00:00Z\", \"mood\": \"glad\"}\n\
                 {\"track_id\": 1, \"at\": \"2025-12-20T00:00:00Z\", \"mood\": \"sad\"}\n\
                 {\"track_id\": 2, \"at\": \"2025-11-01T00:00:00Z\", \"mood\": \"calm\"}\n";
    project.ingest("tracks", "tracks.jsonl", rows).await;
    project.ingest("moods", "moods.jsonl", moods).await;
    project.build().await.unwrap();
    let app = project.app();
    app.refresh().await.unwrap();
    (project, app)
}

async fn ask(app: &App, body: Value) -> Value {
    let answer = post(app, "/get-online-features", body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// `[values, statuses]` of a name.
fn of(answer: &Value, name: &str) -> Value {
    let names = answer["metadata"]["feature_names"].as_array().unwrap();
    let index = names.iter().position(|known| known == name).unwrap();
    let result = &answer["results"][index];
    json!([result["values"], result["statuses"]])
}

#[tokio::test]
async fn values_come_by_feature_with_statuses_that_tell_the_truth() {
    let (project, app) = served().await;
    let references = ["facts:year", "facts:score", "facts:tags", "facts:born", "feelings:mood", "asked:age"];
    let body =
        json!({"features": references, "entities": {"track_id": [1, 2, 3, 9], "asked_year": [1950, 1950, 1950, 1950]}});
    let answer = ask(&app, body.clone()).await;
    assert_eq!(
        answer["metadata"]["feature_names"],
        json!(["track_id", "year", "score", "tags", "born", "mood", "age"])
    );
    let (present, unset, missing, none) = ("PRESENT", "NULL_VALUE", "NOT_FOUND", Value::Null);
    assert_eq!(of(&answer, "track_id"), json!([[1, 2, 3, 9], [present, present, present, present]]));
    assert_eq!(of(&answer, "year"), json!([[1900, none, none, none], [present, unset, unset, missing]]));
    assert_eq!(of(&answer, "score")[1], json!([present, present, unset, missing]));
    assert_eq!(of(&answer, "tags"), json!([[["a"], none, none, none], [present, unset, unset, missing]]));
    assert_eq!(of(&answer, "born")[0][0], 1900);
    assert_eq!(
        of(&answer, "mood"),
        json!([["glad", none, none, none], [present, "OUTSIDE_MAX_AGE", missing, missing]])
    );
    assert_eq!(of(&answer, "age")[0], json!([50, none, none, none]));
    let moods = answer["results"].as_array().unwrap().last().unwrap();
    assert_eq!(moods["event_timestamps"], json!([]));
    assert_eq!(answer["results"][5]["event_timestamps"][0], "2025-12-30T00:00:00Z");
    // A float is one: with its point. A client would take 2 for an integer.
    let text = post(&app, "/get-online-features", body.to_string()).await.body;
    assert!(String::from_utf8(text).unwrap().contains("\"values\":[2.0,0.1,null,null]"));
    project.clock.advance(TimeDelta::days(60));
    assert_eq!(of(&ask(&app, body).await, "mood")[1][0], "OUTSIDE_MAX_AGE");
}

#[tokio::test]
async fn full_names_have_their_view_and_no_rows_are_an_answer() {
    let (_project, app) = served().await;
    let body = json!({"features": ["facts:year"], "entities": {"track_id": []}, "full_feature_names": true});
    let answer = ask(&app, body).await;
    assert_eq!(answer["metadata"]["feature_names"], json!(["track_id", "facts__year"]));
    assert_eq!(of(&answer, "facts__year"), json!([[], []]));
}

#[tokio::test]
async fn what_is_wrong_is_a_problem_and_no_fault_of_the_server() {
    let (_project, app) = served().await;
    let refused = |body: Value| post(&app, "/get-online-features", body.to_string());
    let keys = json!({"track_id": [1]});
    let one = |feature: &str| json!({"features": [feature], "entities": keys});
    problem(&refused(one("year")).await, 400, "malformed-feature", json!("features[0]"), json!("year"), "view:feature");
    problem(
        &refused(one("fact:year")).await,
        400,
        "unknown-view",
        json!("features[0]"),
        json!("fact:year"),
        "`facts:year`",
    );
    assert_eq!(refused(one("facts:yaer")).await.json()["type"], "/problems/unknown-feature");
    problem(
        &refused(one("facts:mood")).await,
        400,
        "unknown-feature",
        json!("features[0]"),
        json!("facts:mood"),
        "`feelings:mood`",
    );
    let elsewhere = refused(one("facts:age")).await;
    problem(&elsewhere, 400, "unknown-feature", json!("features[0]"), json!("facts:age"), "`asked:age`");
    let uneven = json!({"features": ["facts:year"], "entities": {"track_id": [1, 2], "asked_year": [1]}});
    assert_eq!(refused(uneven).await.json()["type"], "/problems/invalid-entities");
    let keyless = json!({"features": ["facts:year"], "entities": {"id": [1]}});
    assert_eq!(refused(keyless).await.json()["field"], "entities.track_id");
    let service = json!({"feature_service": "all", "entities": keys});
    assert_eq!(refused(service).await.json()["type"], "/problems/no-feature-services");
    let odd = json!({"features": ["facts:year"], "entities": {"track_id": [1.5]}});
    assert_eq!(refused(odd).await.json()["field"], "entities.track_id[0]");
}
