//! The API through the real router: answers and problems.

use arrow::ipc::reader::StreamReader;
use datafusion::arrow::array::AsArray;
use rhapsode::limits::{BATCH_ENTITIES_MAX, REQUEST_BODY_BYTES_MAX, SELECTION_FEATURES_MAX};
use serde_json::{Value, json};

use crate::support::{DEFINITIONS, TestProject, get, get_with, post, post_with, problem, served};

#[tokio::test]
async fn one_entity_has_all_scalars_by_default() {
    let (_project, app) = served().await;
    let answer = get(&app, "/api/features/t1").await;
    let text = r#"{"entity":"track","key":"t1","release":1,"features":{"title":"One","decade":1840,"ratio":263.2857,"tokens":4,"mtld":null}}"#;
    assert_eq!(String::from_utf8(answer.body.clone()).unwrap(), text);
    assert_eq!((answer.header("content-type"), answer.header("x-rhapsode-release")), ("application/json", "1"));
    let some = get(&app, "/api/features/t1?features=tokens,decade@1&entity=track&release=1").await;
    assert_eq!(some.json()["features"], json!({"tokens": 4, "decade": 1840}));
    let view = get(&app, "/api/features/t3?features=lexical:*,tokens&release=latest").await;
    assert_eq!(view.json()["features"], json!({"tokens": 3, "mtld": null}));
}

#[tokio::test]
async fn restricted_features_are_not_there() {
    let (_project, app) = served().await;
    let answer = get(&app, "/api/features/t1?features=secret").await;
    problem(&answer, 400, "unknown-feature", json!("features[0]"), json!("secret"), "catalogue");
    assert!(!String::from_utf8(get(&app, "/api/features").await.body).unwrap().contains("\"secret\""));
    for table in ["tracks", "metadata", "track"] {
        let body = json!({"query": format!("select secret from {table}")}).to_string();
        let answer = post(&app, "/api/sql", body).await;
        assert_eq!((answer.status.as_u16(), answer.json()["detail"].as_str()), (400, Some("unknown column `secret`")));
        let answer = post(&app, "/api/sql", json!({"query": format!("select * from {table}")}).to_string()).await;
        assert!(answer.json()[0].get("secret").is_none());
        let answer = get(&app, &format!("/api/dataset/download?dataset={table}&format=csv")).await;
        assert!(!String::from_utf8(answer.body).unwrap().contains("secret"));
    }
}

#[tokio::test]
async fn a_batch_keeps_the_order_and_names_what_is_missing() {
    let (_project, app) = served().await;
    let answer =
        post(&app, "/api/features/batch", r#"{"keys":["t3","nope","t1"],"features":["decade","tokens"]}"#).await;
    let text = r#"{"entity":"track","release":1,"features":["decade","tokens"],"rows":[{"key":"t3","values":[1850,3]},{"key":"t1","values":[1840,4]}],"missing":["nope"]}"#;
    assert_eq!(String::from_utf8(answer.body).unwrap(), text);
    let none = post(&app, "/api/features/batch", r#"{"keys":["t1"],"features":[]}"#).await;
    assert_eq!(none.json()["rows"], json!([{"key": "t1", "values": []}]));
    let joined = post(&app, "/api/features/batch", r#"{"keys":[],"features":["decade,tokens"]}"#).await;
    problem(&joined, 400, "unknown-feature", json!("features[0]"), json!("decade,tokens"), "");
    let empty = post(&app, "/api/features/batch", r#"{"keys":[]}"#).await;
    assert_eq!((empty.status.as_u16(), &empty.json()["rows"]), (200, &json!([])));
}

#[tokio::test]
async fn a_batch_comes_as_arrow_with_a_row_for_each_key() {
    let (_project, app) = served().await;
    let accept = [("accept", "application/vnd.apache.arrow.stream")];
    let body = r#"{"keys":["t3","nope","t1"],"features":["decade"]}"#;
    let answer = post_with(&app, "/api/features/batch", &accept, body).await;
    let batch = StreamReader::try_new(answer.body.as_slice(), None).unwrap().next().unwrap().unwrap();
    let keys: Vec<Option<&str>> = batch["track_id"].as_string::<i32>().iter().collect();
    assert_eq!(keys, [Some("t3"), Some("nope"), Some("t1")]);
    let decades: Vec<Option<i32>> =
        batch["decade"].as_primitive::<datafusion::arrow::datatypes::Int32Type>().iter().collect();
    assert_eq!(decades, [Some(1850), None, Some(1840)]);
    let found: Vec<Option<bool>> = batch["found"].as_boolean().iter().collect();
    assert_eq!(found, [Some(true), Some(false), Some(true)]);
}

#[tokio::test]
async fn bad_lookups_name_the_field_the_value_and_the_remedy() {
    let (_project, app) = served().await;
    let answer = get(&app, "/api/features/t1?features=decade,tokns").await;
    problem(&answer, 400, "unknown-feature", json!("features[1]"), json!("tokns"), "did you mean `tokens`?");
    let answer = get(&app, "/api/features/t1?features=lexicl:*").await;
    problem(&answer, 400, "unknown-view", json!("features[0]"), json!("lexicl:*"), "did you mean `lexical:*`?");
    let answer = get(&app, "/api/features/t1?features=tokens@9").await;
    problem(&answer, 404, "feature-version-not-in-release", json!("features[0]"), json!("tokens@9"), "`tokens@1`");
    let answer = get(&app, "/api/features/nope").await;
    problem(&answer, 404, "unknown-key", json!("key"), json!("nope"), "/api/sql");
    let answer = get(&app, "/api/features/t1?entity=trakc").await;
    problem(&answer, 404, "unknown-entity", json!("entity"), json!("trakc"), "did you mean `track`?");
    let answer = get(&app, "/api/features/t1?release=7").await;
    problem(&answer, 404, "unknown-release", json!("release"), json!("7"), "/api/releases");
    let answer = get(&app, "/api/features/t1?release=No!").await;
    problem(&answer, 400, "unknown-release", json!("release"), json!("No!"), "/api/releases");
    let answer = get(&app, "/api/features/t1?feature=tokens").await;
    problem(&answer, 400, "unknown-parameter", json!("feature"), json!("tokens"), "did you mean `features`?");
    let answer = get(&app, "/api/feature").await;
    problem(&answer, 404, "unknown-path", Value::Null, Value::Null, "/docs");
    let answer = post(&app, "/api/features", "{}").await;
    problem(&answer, 405, "method-not-allowed", Value::Null, Value::Null, "/docs");
}

#[tokio::test]
async fn bad_bodies_name_the_field_the_value_and_the_remedy() {
    let (_project, app) = served().await;
    let answer = post(&app, "/api/features/batch", "{\"keys\": [").await;
    problem(&answer, 400, "malformed-json", json!("body"), Value::Null, "");
    let answer = post(&app, "/api/features/batch", r#"{"keys": "t1"}"#).await;
    problem(&answer, 400, "invalid-body", json!("keys"), Value::Null, "");
    let answer = post(&app, "/api/features/batch", r#"{"keys": ["t1", 1.5]}"#).await;
    problem(&answer, 400, "invalid-body", json!("keys[1]"), Value::Null, "");
    assert!(answer.json()["detail"].as_str().unwrap().contains("a key is a string, an integer"), "{}", answer.json());
    // JSON Schema, and so the OpenAPI document, has it for an integer.
    let answer = post(&app, "/api/features/batch", r#"{"keys": ["t1", 1.0]}"#).await;
    assert_eq!(answer.json()["missing"], json!(["1"]), "an integer was refused for its point");
    let answer = post(&app, "/api/features/batch", r#"{"key": ["t1"]}"#).await;
    problem(&answer, 400, "invalid-body", json!("key"), Value::Null, "");
    let answer = post_with(&app, "/api/features/batch", &[("accept", "image/png")], r#"{"keys":[]}"#).await;
    problem(&answer, 406, "not-acceptable", json!("accept"), json!("image/png"), "application/json");
    let many: Vec<String> = (0..=BATCH_ENTITIES_MAX).map(|n| n.to_string()).collect();
    let answer = post(&app, "/api/features/batch", json!({"keys": many}).to_string()).await;
    problem(&answer, 413, "too-many-keys", json!("keys"), json!((BATCH_ENTITIES_MAX + 1).to_string()), "several");
    let answer = post(&app, "/api/features/batch", json!({"keys": many[1..]}).to_string()).await;
    assert_eq!(answer.status.as_u16(), 200);
    let wide = vec!["tokens"; SELECTION_FEATURES_MAX + 1];
    let answer = post(&app, "/api/features/batch", json!({"keys": [], "features": wide}).to_string()).await;
    problem(&answer, 413, "too-many-features", json!("features"), json!((SELECTION_FEATURES_MAX + 1).to_string()), "");
    let answer = post(&app, "/api/features/batch", json!({"keys": [], "features": wide[1..]}).to_string()).await;
    assert_eq!(answer.status.as_u16(), 200);
    let padded = |length: usize| format!("{{\"keys\":[]{}}}", " ".repeat(length - 11));
    let answer = post(&app, "/api/features/batch", padded(REQUEST_BODY_BYTES_MAX)).await;
    assert_eq!(answer.status.as_u16(), 200);
    let answer = post(&app, "/api/features/batch", padded(REQUEST_BODY_BYTES_MAX + 1)).await;
    problem(&answer, 413, "body-too-large", Value::Null, Value::Null, "several");
    let text = axum::http::Request::post("/api/sql").body("select 1".into()).unwrap();
    problem(
        &crate::support::send(&app, text).await,
        415,
        "not-json",
        json!("content-type"),
        json!(""),
        "application/json",
    );
}

#[tokio::test]
async fn sql_is_answered_in_every_format() {
    let (_project, app) = served().await;
    let body = r#"{"query": "select track_id, decade from track where decade >= $1 order by 1", "params": [1845]}"#;
    assert_eq!(post(&app, "/api/sql", body).await.body, br#"[{"track_id":"t3","decade":1850}]"#);
    let body = r#"{"query": "select track_id, decade from track order by 1"}"#;
    let accept = async |media: &str| post_with(&app, "/api/sql", &[("accept", media)], body).await;
    let lines = "{\"track_id\":\"t1\",\"decade\":1840}\n{\"track_id\":\"t2\",\"decade\":null}\n{\"track_id\":\"t3\",\"decade\":1850}\n";
    assert_eq!(accept("application/x-ndjson").await.body, lines.as_bytes());
    assert_eq!(accept("text/csv;q=0.9, */*;q=0.1").await.body, b"track_id,decade\nt1,1840\nt2,\nt3,1850\n");
    let arrow = accept("application/vnd.apache.arrow.stream").await;
    let rows: usize =
        StreamReader::try_new(arrow.body.as_slice(), None).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 3);
    let none = post(&app, "/api/sql", r#"{"query": "select track_id from track where false"}"#).await;
    assert_eq!(none.body, b"[]");
}

#[tokio::test]
async fn bad_statements_are_told_with_their_place() {
    let (_project, app) = served().await;
    let sql = async |query: &str| post(&app, "/api/sql", json!({"query": query}).to_string()).await;
    problem(
        &sql("select decde from track").await,
        400,
        "statement",
        json!("query:1:8"),
        Value::Null,
        "did you mean `decade`?",
    );
    problem(
        &sql("select 1 from trak").await,
        400,
        "statement",
        json!("query:1:15"),
        Value::Null,
        "did you mean `track`?",
    );
    problem(&sql("drop table track").await, 400, "statement", json!("query"), Value::Null, "select");
    problem(&sql("copy track to '/tmp/x'").await, 400, "statement", json!("query"), Value::Null, "select");
    problem(&sql("select * from '/etc/passwd'").await, 400, "statement", json!("query"), Value::Null, "");
    problem(
        &sql(&format!("select {}1", "1 + ".repeat(300))).await,
        413,
        "statement-too-large",
        json!("query"),
        Value::Null,
        "",
    );
    let answer = post(&app, "/api/sql", r#"{"query": "select $1", "params": [[1]]}"#).await;
    problem(&answer, 400, "invalid-parameter", json!("params[0]"), json!("[1]"), "");
}

#[tokio::test]
async fn parameters_are_counted() {
    use rhapsode::limits::STATEMENT_PARAMETERS_MAX;
    let (_project, app) = served().await;
    let sql = async |count: usize| {
        let body = json!({"query": "select $1 as x", "params": vec![1; count]});
        post(&app, "/api/sql", body.to_string()).await
    };
    assert_eq!(sql(STATEMENT_PARAMETERS_MAX).await.body, br#"[{"x":1}]"#);
    problem(&sql(STATEMENT_PARAMETERS_MAX + 1).await, 413, "statement-too-large", json!("query"), Value::Null, "");
}

#[tokio::test]
async fn a_result_over_its_limit_is_refused() {
    let project = TestProject::built().await;
    std::fs::write(project.path().join("rhapsode.toml"), "[sql]\nrows_max = 2\n").unwrap();
    let app = project.app();
    let sql = async |query: &str| post(&app, "/api/sql", json!({"query": query}).to_string()).await;
    assert_eq!(sql("select * from track limit 2").await.status.as_u16(), 200);
    problem(&sql("select * from track").await, 413, "statement-too-large", json!("query"), Value::Null, "");
}

#[tokio::test]
async fn two_columns_of_one_name_gave_an_object_with_a_doubled_key() {
    let (_project, app) = served().await;
    let body = r#"{"query": "select a.track_id, b.track_id from track a join track b on a.track_id = b.track_id"}"#;
    problem(&post(&app, "/api/sql", body).await, 400, "statement", json!("query"), Value::Null, "`as`");
}

#[tokio::test]
async fn open_features_named_the_restricted_columns_they_are_made_from() {
    let definitions = DEFINITIONS.replace(
        "  - { name: secret, dtype: string }\n  - { name: decade",
        "  - { name: secret, dtype: string }\n  - { name: signs, dtype: int64, expr: length(secret) + decade }\n  - { name: decade",
    );
    let project = TestProject::new(&definitions);
    project.ingest("tracks", "tracks.jsonl", crate::support::ROWS).await;
    project.build().await.unwrap();
    let app = project.app();
    let text = String::from_utf8(get(&app, "/api/features").await.body).unwrap();
    assert!(text.contains("\"signs\"") && !text.contains("secret"), "{text}");
    let catalogue: Value = serde_json::from_str(&text).unwrap();
    let signs = &catalogue["entities"][0]["views"][0]["features"][1];
    assert_eq!((&signs["expr"], &signs["reads"]), (&Value::Null, &json!(["tracks.year"])));
}

#[tokio::test]
async fn with_every_release_yanked_the_last_was_still_served() {
    let (project, app) = served().await;
    let store = app.store();
    store.yank(app.latest().unwrap().number(), "wrong", app.clock().now()).await.unwrap();
    app.refresh().await.unwrap();
    let answer = get(&app, "/api/features/t1").await;
    problem(&answer, 503, "no-release", Value::Null, Value::Null, "");
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(get(&app, "/api/features/t1?release=1").await.status.as_u16(), 200);
    drop(project);
}

#[tokio::test]
async fn the_catalogue_tells_versions_and_lineage() {
    let (_project, app) = served().await;
    let catalogue = get(&app, "/api/features").await.json();
    let view = &catalogue["entities"][0]["views"][0];
    assert_eq!((&view["name"], &view["rows"], &view["inputs"]), (&json!("metadata"), &json!(3), &json!(["tracks"])));
    let decade = &view["features"][1];
    assert_eq!(
        (&decade["name"], &decade["version"], &decade["reads"]),
        (&json!("decade"), &json!(1), &json!(["tracks.year"]))
    );
    assert_eq!(decade["description"], "The decade.");
}

#[tokio::test]
async fn a_server_moves_to_a_new_release_and_still_answers_from_the_old() {
    let (project, app) = served().await;
    project.define(&DEFINITIONS.replace("year / 10 * 10", "year / 100 * 100"));
    project.build().await.unwrap();
    let decade = async |query: &str| get(&app, &format!("/api/features/t1?features=decade{query}")).await.json();
    assert_eq!(decade("").await["release"], 1);
    app.refresh().await.unwrap();
    assert_eq!((&decade("").await["release"], &decade("").await["features"]["decade"]), (&json!(2), &json!(1800)));
    assert_eq!(decade("&release=1").await["features"]["decade"], 1840);
    let releases = get(&app, "/api/releases").await.json();
    assert_eq!((&releases["latest"], &releases["releases"][0]["release"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn health_documents_and_names_of_the_host() {
    let (_project, app) = served().await;
    assert_eq!(get(&app, "/healthz").await.body, b"ok\n");
    assert_eq!(get(&app, "/readyz").await.json(), json!({"release": 1}));
    let document = get(&app, "/openapi.json").await.json();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert!(paths.iter().any(|path| *path == "/api/features/{key}"), "{paths:?}");
    let page = get(&app, "/docs/").await;
    assert_eq!(page.status.as_u16(), 200);
    let page = String::from_utf8(page.body).unwrap();
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing comes from elsewhere");
    let evil = get_with(&app, "/api/features/t1", &[("host", "evil.example:8080")]).await;
    problem(&evil, 403, "not-loopback", json!("host"), json!("evil.example"), "127.0.0.1");
    assert_eq!(get_with(&app, "/healthz", &[("host", "LocalHost:8080")]).await.status.as_u16(), 200);
    let empty = TestProject::new(DEFINITIONS);
    let unready = get(&empty.app(), "/readyz").await;
    problem(&unready, 503, "no-release", Value::Null, Value::Null, "rhapsode build");
}
