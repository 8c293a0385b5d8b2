//! Every reader, for every restricted column: whoever may not read it cannot tell it from one that never was.

use rhapsode::api::{Policy, ROUTES};
use rhapsode::app::App;
use serde_json::{Value, json};

use crate::access::{ask, key, key_with, served};

/// What only those with the scope `restricted` may see of the test's corpus: its name, and its values.
const NAME: &str = "secret";
const VALUES: [&str; 3] = ["s1", "s2", "s3"];

/// A request that would read the column, for each route that reads a release; none for those that read none.
fn reading(method: &str, route: &str) -> Option<Vec<(String, Value)>> {
    let get = |paths: &[&str]| Some(paths.iter().map(|path| (path.to_string(), Value::Null)).collect());
    match (method, route) {
        ("GET", "/api/features") => get(&["/api/features"]),
        ("GET", "/api/features/{key}") => get(&[
            "/api/features/t1?features=secret",
            "/api/features/t1?features=secret@1",
            "/api/features/t1?features=metadata:*",
            "/api/features/t1",
        ]),
        ("POST", "/api/features/batch") => Some(vec![
            (route.to_owned(), json!({"keys": ["t1"], "features": ["secret"]})),
            (route.to_owned(), json!({"keys": ["t1"], "features": ["metadata:*"]})),
        ]),
        ("POST", "/get-online-features") => {
            Some(vec![(route.to_owned(), json!({"features": ["metadata:secret"], "entities": {"track_id": ["t1"]}}))])
        }
        ("GET", "/api/embeddings/{key}") => get(&["/api/embeddings/t1?feature=secret"]),
        ("POST", "/api/embeddings/batch") => {
            Some(vec![(route.to_owned(), json!({"keys": ["t1"], "feature": "secret"}))])
        }
        ("POST", "/api/sql") => {
            let statements = [
                "select secret from track",
                "select secret from tracks",
                "select secret from metadata",
                "select * from track",
                "select * from tracks",
                "select * from metadata",
                "select track_id from track where secret = 's1'",
                "select count(*) as n from track group by secret",
                "select track_id from track order by secret",
                "select t.secret from (select * from track) t",
                "select nope from track",
            ];
            Some(statements.iter().map(|sql| (route.to_owned(), json!({"query": sql}))).collect())
        }
        ("POST", "/api/training-sets") => {
            let rows = json!([{"track_id": "t1", "event_timestamp": "2026-01-01T00:00:00Z"}]);
            let sql = "select track_id, secret, timestamp '2026-01-01T00:00:00' as event_timestamp from tracks";
            Some(vec![
                (route.to_owned(), json!({"rows": rows, "features": ["secret"]})),
                (route.to_owned(), json!({"rows": rows, "features": ["metadata:*"]})),
                (route.to_owned(), json!({"sql": sql, "features": ["decade"]})),
                (
                    route.to_owned(),
                    json!({"from": "2025-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z", "features": ["secret"]}),
                ),
            ])
        }
        ("GET", "/api/dataset/download") => get(&[
            "/api/dataset/download?dataset=track&format=csv",
            "/api/dataset/download?dataset=tracks&format=jsonl",
            "/api/dataset/download?dataset=metadata&format=csv",
            "/api/dataset/download?dataset=track&format=csv&columns=secret",
            "/api/dataset/download?dataset=track&format=csv&columns=secret@1",
            "/api/dataset/download?dataset=track&format=csv&columns=track_id&filter=secret%20%3D%20%27s1%27",
        ]),
        ("POST", "/api/search") => {
            let requests = [
                json!({"query": "one two three", "explain": true}),
                json!({"query": "one", "filter": "secret = 's1'"}),
                json!({"query": "one", "filter": {"secret": "s1"}}),
            ];
            Some(requests.into_iter().map(|request| (route.to_owned(), request)).collect())
        }
        ("POST", "/api/search/batch") => {
            let requests = [
                json!({"searches": [{"query": "one two three", "explain": true, "highlight": true}]}),
                json!({"searches": [{"query": "one", "filter": "secret = 's1'"}]}),
            ];
            Some(requests.into_iter().map(|request| (route.to_owned(), request)).collect())
        }
        // Criteria of restricted features have a test in recommendations.rs.
        ("GET", "/api/recommendations") => None,
        ("GET", "/api/patterns") => get(&[
            "/api/patterns?success=decade&error_rate=0.999&limit=500",
            "/api/patterns?success=secret",
            "/api/patterns?slice=secret%20%3D%20%27s1%27",
            "/api/patterns?success=decade&by=secret",
        ]),
        ("GET", "/api/trends") => get(&[
            "/api/trends?feature=secret&time=decade",
            "/api/trends?feature=decade&time=secret",
            "/api/trends?feature=decade&time=decade&by=secret",
            "/api/trends?feature=decade&time=decade&filter=secret%20%3D%20%27s1%27",
        ]),
        ("POST", "/api/analyze") => Some(vec![(route.to_owned(), json!({"text": "one two"}))]),
        // They tell of releases, jobs, keys, usage and pages, and take what is said of a hit; jobs are read below.
        (
            "GET",
            "/api/releases" | "/api/jobs" | "/api/jobs/{id}" | "/api/jobs/{id}/results" | "/api/keys" | "/api/usage",
        ) => None,
        (
            "POST" | "DELETE",
            "/api/feedback"
            | "/api/jobs"
            | "/api/jobs/{id}"
            | "/api/ingest/{source}"
            | "/api/auth/token"
            | "/api/keys"
            | "/api/keys/{id}"
            | "/api/keys/{id}/rotate",
        ) => None,
        other => panic!("{other:?} is a new route: say here how it would read a restricted column, or that it cannot"),
    }
}

async fn answered(app: &App, method: &str, path: &str, body: &Value, key: &str) -> (u16, String) {
    let answer = ask(app, method, path, Some(key), body.clone()).await;
    (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test]
async fn no_reader_gives_a_restricted_column_to_whoever_may_not_read_it() {
    let (_project, app) = served().await;
    let open = key_with(&app, "all", Some("features sql download search analyze insight")).await;
    let all = key(&app, "all").await;
    for (method, route, policy) in ROUTES {
        if *policy == Policy::Open {
            continue;
        }
        let mut seen_by_all = 0;
        let requests = reading(method, route).unwrap_or_default();
        for (path, body) in &requests {
            let (status, text) = answered(&app, method, path, body, &open).await;
            let what = format!("{method} {path} {body}: {status} {text}");
            assert!(
                VALUES
                    .iter()
                    .all(|value| !text.contains(&format!("\"{value}\"")) && !text.contains(&format!(",{value},"))),
                "{what}"
            );
            if status == 200 {
                assert!(!text.contains(NAME), "{what}");
            } else {
                // As for a column that never was.
                let unknown = |text: &str| text.replace("secret", "nosuch");
                let body_of_none: Value = serde_json::from_str(&unknown(&body.to_string())).unwrap();
                let (same_status, same) = answered(&app, method, &unknown(path), &body_of_none, &open).await;
                assert_eq!(status, same_status, "{what} {same}");
                let kind = |text: &str| serde_json::from_str::<Value>(text).unwrap()["type"].clone();
                assert_eq!(kind(&text), kind(&same), "{what} {same}");
                let remedy = serde_json::from_str::<Value>(&text).unwrap()["remedy"].to_string();
                assert!(!remedy.contains("`secret`"), "{what}");
            }
            let (status, text) = answered(&app, method, path, body, &all).await;
            seen_by_all += usize::from(status == 200 && (text.contains(NAME) || text.contains("s1")));
        }
        // Whoever may, does: otherwise nothing was tried here.
        let tells_of_texts = *route == "/api/analyze" || route.contains("embeddings");
        assert!(seen_by_all > 0 || tells_of_texts || requests.is_empty(), "{method} {route}");
    }
}

#[tokio::test]
async fn a_job_is_its_owners_and_reads_what_its_owner_may() {
    let (_project, app) = served().await;
    let (ada, bob, admin) = (
        key_with(&app, "all", Some("analyze")).await,
        key_with(&app, "all", Some("analyze")).await,
        key(&app, "all").await,
    );
    let request = axum::http::Request::post("/api/jobs")
        .header("content-type", "application/x-ndjson")
        .header("authorization", format!("Bearer {ada}"))
        .body(axum::body::Body::from("{\"text\": \"one two\"}\n"));
    let router = rhapsode::api::router(app.clone(), rhapsode::api::Admission::Keys);
    let answer = tower::ServiceExt::oneshot(router, request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), 202);
    let job = answer.headers()["location"].to_str().unwrap().to_owned();
    let seen = |key: &str| {
        let (app, job, key) = (app.clone(), job.clone(), key.to_owned());
        async move {
            let listed = ask(&app, "GET", "/api/jobs", Some(&key), Value::Null).await.json();
            (
                listed["jobs"].as_array().unwrap().len(),
                ask(&app, "GET", &job, Some(&key), Value::Null).await.status.as_u16(),
                ask(&app, "GET", &format!("{job}/results"), Some(&key), Value::Null).await.status.as_u16(),
            )
        }
    };
    assert_eq!(seen(&ada).await, (1, 200, 409));
    assert_eq!(seen(&bob).await, (0, 404, 404));
    assert_eq!(seen(&admin).await, (1, 200, 409));
    assert_eq!(ask(&app, "DELETE", &job, Some(&bob), Value::Null).await.status, 404);
    assert_eq!(ask(&app, "DELETE", &job, Some(&ada), Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_restricted_text_is_not_searched_for_whoever_may_not_read_it() {
    let (_project, app) = served().await;
    let (open, all) = (key_with(&app, "all", Some("search")).await, key(&app, "all").await);
    let request = json!({"query": "s1", "mode": "keyword"});
    let hits = |text: &str| serde_json::from_str::<Value>(text).unwrap()["hits"].as_array().map(Vec::len);
    let (_, text) = answered(&app, "POST", "/api/search", &request, &open).await;
    assert_eq!(hits(&text), Some(0), "{text}");
    let (_, text) = answered(&app, "POST", "/api/search", &request, &all).await;
    assert_eq!(hits(&text), Some(1), "{text}");
}
