//! Features that are computed when they are asked for: online and in training sets by one expression.

use arrow::ipc::reader::StreamReader;
use serde_json::{Value, json};

use crate::check::{check, view};
use crate::support::{Answer, DEFINITIONS, ROWS, TestProject, get, post, post_with};

const ON_REQUEST: &str = "---
kind: feature_view
name: asked
entity: track
description: What depends on who asks.
on_request:
  inputs:
    - { name: asked_year, dtype: int32, description: Where one stands. }
    - { name: factor, dtype: float64 }
features:
  - { name: years_since, dtype: int32, expr: asked_year - decade }
  - { name: weighted, dtype: float64, expr: tokens * factor }
  - { name: share, dtype: int32, expr: decade / asked_year }
  - { name: label, dtype: string, expr: \"concat(track_id, '/', cast(asked_year as varchar))\" }
";

/// The status, the kind and the field of a problem.
fn told(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), text("type"), text("field"))
}

async fn served() -> (TestProject, rhapsode::app::App) {
    let project = TestProject::new(&format!("{DEFINITIONS}{ON_REQUEST}"));
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    project.build().await.unwrap();
    let app = project.app();
    app.refresh().await.unwrap();
    (project, app)
}

#[tokio::test]
async fn an_input_of_the_url_and_stored_features_make_a_value() {
    let (_project, app) = served().await;
    let path = "/api/features/t1?features=decade,years_since,weighted,label&inputs.asked_year=1900&inputs.factor=0.5";
    let answer = get(&app, path).await;
    let expected = json!({"decade": 1840, "years_since": 60, "weighted": 2.0, "label": "t1/1900"});
    assert_eq!(answer.json()["features"], expected, "{:?}", answer.json());
    // What is null stays null, and what is not asked for is not needed.
    let answer = get(&app, "/api/features/t2?features=years_since&inputs.asked_year=1900").await;
    assert_eq!(answer.json()["features"], json!({"years_since": null}));
    // By default only what is stored.
    assert_eq!(get(&app, "/api/features/t1").await.json()["features"].get("years_since"), None);
    let all = get(&app, "/api/features/t3?features=asked:*&inputs.asked_year=1850&inputs.factor=2").await;
    assert_eq!(all.json()["features"], json!({"years_since": 0, "weighted": 6.0, "share": 1, "label": "t3/1850"}));
}

#[tokio::test]
async fn a_batch_takes_one_value_for_all_keys_or_one_for_each() {
    let (_project, app) = served().await;
    let body = json!({"keys": ["t3", "nope", "t1", "t3"], "features": ["tokens", "years_since", "weighted"],
                      "inputs": {"factor": 2, "asked_year": [1900, 1, 1850, null]}});
    let rows = json!([
        {"key": "t3", "values": [3, 50, 6.0]},
        {"key": "t1", "values": [4, 10, 8.0]},
        {"key": "t3", "values": [3, null, 6.0]},
    ]);
    let answer = post(&app, "/api/features/batch", body.to_string()).await.json();
    assert_eq!((&answer["rows"], &answer["missing"]), (&rows, &json!(["nope"])));
    let arrow =
        post_with(&app, "/api/features/batch", &[("accept", "application/vnd.apache.arrow.stream")], body.to_string())
            .await;
    let batches: Result<Vec<_>, _> = StreamReader::try_new(arrow.body.as_slice(), None).unwrap().collect();
    let lines = arrow::util::pretty::pretty_format_batches(&batches.unwrap()).unwrap().to_string();
    insta::assert_snapshot!(lines, @r"
    +----------+--------+-------------+----------+-------+
    | track_id | tokens | years_since | weighted | found |
    +----------+--------+-------------+----------+-------+
    | t3       | 3      | 50          | 6.0      | true  |
    | nope     |        |             |          | false |
    | t1       | 4      | 10          | 8.0      | true  |
    | t3       | 3      |             | 6.0      | true  |
    +----------+--------+-------------+----------+-------+
    ");
}

#[tokio::test]
async fn online_and_offline_give_the_same_values() {
    let (_project, app) = served().await;
    let features = json!(["weighted", "mtld", "years_since", "label"]);
    let years = [1900, 1843, -5];
    let keys = ["t1", "t2", "t3"];
    let body = json!({"keys": keys, "features": features, "inputs": {"factor": 1.5, "asked_year": years}});
    let online = post(&app, "/api/features/batch", body.to_string()).await.json();
    let row = |(key, year): (&&str, &i32)| json!({"track_id": key, "asked_year": year, "factor": 1.5, "event_timestamp": "2026-01-01T00:00:00Z"});
    let rows: Vec<Value> = keys.iter().zip(&years).map(row).collect();
    let body = json!({"features": features, "rows": rows});
    let offline = post(&app, "/api/training-sets", body.to_string()).await.json();
    for (index, key) in keys.iter().enumerate() {
        let of_row = |name: &Value| offline[index][name.as_str().unwrap()].clone();
        let trained: Vec<Value> = features.as_array().unwrap().iter().map(of_row).collect();
        assert_eq!(online["rows"][index]["values"], Value::Array(trained), "{key}");
    }
    // What the expressions read beside what is asked for does not show.
    let names: Vec<&String> = offline[0].as_object().unwrap().keys().collect();
    let given = ["track_id", "asked_year", "factor", "event_timestamp"];
    let expected: Vec<&str> = given.into_iter().chain(["weighted", "mtld", "years_since", "label"]).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn what_is_wrong_with_inputs_is_told_with_its_name() {
    let (_project, app) = served().await;
    let missing = get(&app, "/api/features/t1?features=years_since").await;
    assert_eq!(told(&missing), (400, "/problems/missing-input".to_owned(), "inputs.asked_year".to_owned()));
    let unknown = get(&app, "/api/features/t1?features=years_since&inputs.asked_yaer=1").await;
    assert_eq!(told(&unknown), (400, "/problems/unknown-input".to_owned(), "inputs.asked_yaer".to_owned()));
    assert_eq!(unknown.json()["remedy"], "did you mean `asked_year`?");
    let unneeded = get(&app, "/api/features/t1?inputs.asked_year=1").await;
    assert_eq!(told(&unneeded), (400, "/problems/unknown-input".to_owned(), "inputs.asked_year".to_owned()));
    let cut = get(&app, "/api/features/t1?features=years_since&inputs.asked_year=1.5").await;
    assert_eq!(told(&cut), (400, "/problems/invalid-input".to_owned(), "inputs.asked_year".to_owned()));
    let body = json!({"keys": ["t1"], "features": ["years_since"], "inputs": {"asked_year": [1, 2]}});
    let many = post(&app, "/api/features/batch", body.to_string()).await;
    assert_eq!(told(&many), (400, "/problems/invalid-input".to_owned(), "inputs.asked_year".to_owned()));
    let zero = get(&app, "/api/features/t1?features=share&inputs.asked_year=0").await;
    assert_eq!((zero.status.as_u16(), zero.json()["detail"].clone()), (400, json!("`share`: Divide by zero error")));
    let rows = json!([{"track_id": "t1", "event_timestamp": "2026-01-01T00:00:00Z"}]);
    let body = json!({"features": ["years_since"], "rows": rows});
    let without = post(&app, "/api/training-sets", body.to_string()).await;
    assert_eq!(told(&without), (400, "/problems/invalid-rows".to_owned(), "rows".to_owned()));
    let rows = json!([{"track_id": "t1", "event_timestamp": "2026-01-01T00:00:00Z", "asked_year": 1.5}]);
    let body = json!({"features": ["years_since"], "rows": rows});
    let cut = post(&app, "/api/training-sets", body.to_string()).await;
    assert_eq!(cut.status.as_u16(), 400);
    assert_eq!(cut.json()["detail"], "the input `asked_year` is 1.5 in a row, which is not int32");
    let failing = "select track_id, 1 / (year - year) as n, timestamp '2026-01-01' as event_timestamp from tracks";
    let body = json!({"features": ["decade"], "sql": failing});
    let failed = post(&app, "/api/training-sets", body.to_string()).await;
    assert_eq!(failed.status.as_u16(), 400, "a fault of the rows' own statement was one of the server's");
}

#[tokio::test]
async fn a_feature_on_request_has_versions_and_stands_in_the_catalogue() {
    let (project, app) = served().await;
    let catalogue = get(&app, "/api/features").await.json();
    let view = &catalogue["entities"][0]["on_request"][0];
    assert_eq!(
        (&view["name"], &view["inputs"][0]["name"], &view["inputs"][0]["dtype"]),
        (&json!("asked"), &json!("asked_year"), &json!("int32"))
    );
    let feature = |at: usize, key: &str| view["features"][at][key].clone();
    assert_eq!((feature(0, "version"), feature(0, "reads")), (json!(1), json!(["metadata.decade"])));
    assert_eq!(feature(1, "origins"), json!(["tracks.lyrics"]));

    let edited = format!("{DEFINITIONS}{ON_REQUEST}").replace("asked_year - decade", "(asked_year - decade) / 10");
    project.define(&edited);
    let report = project.build().await.unwrap();
    assert!(report.published && report.plan.is_empty(), "nothing is stored of it");
    app.refresh().await.unwrap();
    let asked = "inputs.asked_year=1900";
    let now = get(&app, &format!("/api/features/t1?features=years_since@2&{asked}")).await;
    assert_eq!(now.json()["features"], json!({"years_since": 6}));
    let before = get(&app, &format!("/api/features/t1?features=years_since@1&{asked}")).await;
    assert_eq!(told(&before), (404, "/problems/feature-version-not-in-release".to_owned(), "features[0]".to_owned()));
    assert_eq!(before.json()["remedy"], "release 1 holds `years_since@1`; or ask for `years_since@2`");
    let then = get(&app, &format!("/api/features/t1?features=years_since@1&release=1&{asked}")).await;
    assert_eq!(then.json()["features"], json!({"years_since": 60}));
}

#[tokio::test]
async fn what_is_made_of_a_restricted_column_on_request_is_restricted() {
    let view = "---\nkind: feature_view\nname: guess\nentity: track\non_request: { inputs: [{ name: word, dtype: string }] }\nfeatures: [{ name: is_it, dtype: bool, expr: secret = word }]\n";
    let project = TestProject::new(&format!("{DEFINITIONS}{view}"));
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    let report = project.build().await.unwrap();
    assert!(report.release.on_request[0].features[0].restricted);
    let app = project.app();
    app.refresh().await.unwrap();
    let answer = get(&app, "/api/features/t1?features=is_it&inputs.word=s1").await;
    assert_eq!(told(&answer), (400, "/problems/unknown-feature".to_owned(), "features[0]".to_owned()));
    let catalogue = get(&app, "/api/features").await.json();
    assert_eq!(catalogue["entities"][0]["on_request"][0]["features"], json!([]));
}

#[tokio::test]
async fn every_reader_refuses_a_version_that_the_release_does_not_hold() {
    let (project, app) = served().await;
    project.define(&format!("{DEFINITIONS}{ON_REQUEST}").replace("year / 10 * 10", "year / 10 * 10 + 0"));
    project.build().await.unwrap();
    app.refresh().await.unwrap();
    let remedy = "release 1 holds `decade@1`; or ask for `decade@2`";

    let sql = |query: &str| json!({"query": query}).to_string();
    let held = post(
        &app,
        "/api/sql",
        sql("select \"decade@2\" from track where t.\"decade@2\" > 1845".replace("track", "track as t").as_str()),
    )
    .await;
    assert_eq!(held.json(), json!([{"decade": 1850}]));
    let other = post(&app, "/api/sql", sql("select track_id from metadata where \"decade@1\" > 0")).await;
    assert_eq!(
        (other.status.as_u16(), other.json()["type"].clone()),
        (404, json!("/problems/feature-version-not-in-release"))
    );
    assert_eq!(other.json()["remedy"], remedy);
    let none = post(&app, "/api/sql", sql("select \"year@1\" from tracks")).await;
    assert_eq!(none.status.as_u16(), 400);
    let then = post(&app, "/api/sql?release=1", sql("select max(\"decade@1\") as d from track")).await;
    assert_eq!(then.json(), json!([{"d": 1850}]));

    let path = "/api/dataset/download?dataset=track&format=csv&columns=track_id,decade@";
    assert!(get(&app, &format!("{path}2")).await.body.starts_with(b"track_id,decade\n"));
    let other = get(&app, &format!("{path}1")).await;
    assert_eq!(told(&other), (404, "/problems/feature-version-not-in-release".to_owned(), "columns[1]".to_owned()));
    assert_eq!(other.json()["remedy"], remedy);
    let none = get(&app, "/api/dataset/download?dataset=tracks&format=csv&columns=year@1").await;
    assert_eq!(told(&none), (400, "/problems/unknown-column".to_owned(), "columns[0]".to_owned()));

    let rows = json!([{"track_id": "t1", "event_timestamp": "2026-01-01T00:00:00Z"}]);
    let training = json!({"features": ["decade@1"], "rows": rows}).to_string();
    let other = post(&app, "/api/training-sets", training).await;
    assert_eq!(told(&other), (404, "/problems/feature-version-not-in-release".to_owned(), "features[0]".to_owned()));
    let gone = get(&app, "/api/features/t1?features=decade@7").await;
    assert_eq!(gone.json()["remedy"], "no release that is kept holds `decade@7`; ask for `decade@2`");
}

fn beside_a_view(rest: &str) -> String {
    let first = view(
        "select track_id, year, lyrics from tracks",
        "{ name: y, dtype: int32, expr: year }, { name: words, dtype: string, expr: lyrics, access: restricted }",
    );
    format!("{first}---\nkind: feature_view\nname: r\nentity: track\n{rest}\n")
}

#[tokio::test]
async fn a_view_on_request_reads_stored_features_and_its_inputs() {
    let inputs = "on_request: { inputs: [{ name: x, dtype: int32 }] }";
    check(&beside_a_view(&format!("{inputs}\nfeatures: [{{ name: f, dtype: int32, expr: x + y }}]")), "").await;
    check(
        &beside_a_view(&format!("{inputs}\nfeatures: [{{ name: f, dtype: int32, expr: x + z }}]")),
        "view.yaml:11:47: unknown column `z`; there is `track_id`, `words`, `x`, `y`\n",
    )
    .await;
    check(
        &beside_a_view(&format!("{inputs}\nttl: 7d\nfeatures: [{{ name: f, dtype: int32 }}]")),
        "view.yaml:11:6: nothing of a view on request is stored; leave `ttl` out\nview.yaml:12:20: `f` is on request and has no expression; write `expr: …` over features of the entity and the inputs\n",
    )
    .await;
}

#[tokio::test]
async fn an_input_is_a_single_value_under_a_name_of_its_own() {
    let features = "features: [{ name: f, dtype: int32, expr: y }]";
    check(
        &beside_a_view(&format!("on_request: {{ inputs: [{{ name: y, dtype: int32 }}, {{ name: a, dtype: \"list<int32>\" }}, {{ name: b, dtype: bool }}, {{ name: b, dtype: bool }}] }}\n{features}")),
        "view.yaml:10:32: `y` is a feature or a join key already; give the input another name, such as `asked_y`\nview.yaml:10:70: an input is a single value, not list<int32>; send its parts as inputs of their own\nview.yaml:10:120: the input `b` is written twice\n",
    )
    .await;
}

#[tokio::test]
async fn a_view_on_request_has_no_rows_and_opens_nothing_that_is_restricted() {
    let inputs = "on_request: { inputs: [{ name: x, dtype: string }] }";
    check(
        &beside_a_view(&format!("{inputs}\nfeatures: [{{ name: f, dtype: bool, expr: x = words, access: open }}]")),
        "view.yaml:11:20: `f` reads the restricted `v.words`, and can be asked until that is known; leave `access` out: it is restricted then\n",
    )
    .await;
    let reader = "---\nkind: feature_view\nname: w\nentity: track\nsql: select track_id, f as g from r\nfeatures: [{ name: g, dtype: bool }]";
    check(
        &beside_a_view(&format!("{inputs}\nfeatures: [{{ name: f, dtype: bool, expr: x = 'a' }}]\n{reader}")),
        "view.yaml:16:35: view `r` is computed on request and has no rows to read; read the stored features that it is made of\n",
    )
    .await;
}
