//! Answers that a caller has already, and those that are made once for many.

use serde_json::json;

use crate::support::{get, get_with, post, served};

#[tokio::test]
async fn a_caller_that_has_the_answer_is_told_so_until_the_release_changes() {
    let (project, app) = served().await;
    let path = "/api/features/t1?features=decade,title";
    let first = get(&app, path).await;
    let tag = first.header("etag").to_owned();
    assert_eq!((tag.len(), first.header("cache-control")), (34, "private, no-cache"));
    let again = get_with(&app, path, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status.as_u16(), again.body.len(), again.header("etag")), (304, 0, &*tag));
    assert_eq!(again.header("x-rhapsode-release"), "1");
    // Another request, another answer; and whoever has something else gets the answer.
    assert_ne!(get(&app, "/api/features/t1?features=decade").await.header("etag"), tag);
    assert_eq!(get_with(&app, path, &[("if-none-match", "\"0123\"")]).await.status, 200);
    let pinned = get(&app, &format!("{path}&release=1")).await;
    assert_eq!(pinned.header("cache-control"), "private, max-age=3600");
    // Of what is not there nobody has the answer, whatever tag is sent.
    for tag in [&*tag, "*"] {
        assert_eq!(get_with(&app, "/api/features/nope", &[("if-none-match", tag)]).await.status, 404, "{tag}");
    }
    let row = r#"{"id": "t9", "title": "Nine", "year": 1999, "secret": "s9", "lyrics": "nine"}"#;
    project.ingest("tracks", "more.jsonl", row).await;
    project.build().await.unwrap();
    app.refresh().await.unwrap();
    let moved = get_with(&app, path, &[("if-none-match", &tag)]).await;
    assert_eq!((moved.status.as_u16(), moved.header("x-rhapsode-release")), (200, "2"));
}

#[tokio::test]
async fn an_encoded_answer_had_the_tag_of_the_plain_one() {
    let (_project, app) = served().await;
    let plain = get(&app, "/api/features").await.header("etag").to_owned();
    let packed = get_with(&app, "/api/features", &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let tag = packed.header("etag").to_owned();
    assert_eq!(tag, format!("{}-gzip\"", plain.trim_end_matches('"')));
    let again = get_with(&app, "/api/features", &[("accept-encoding", "gzip"), ("if-none-match", &tag)]).await;
    assert_eq!((again.status.as_u16(), again.header("etag")), (304, &*tag));
}

#[tokio::test]
async fn what_many_ask_at_once_is_made_once() {
    let (_project, app) = served().await;
    let body = json!({"query": "select track_id, mtld from track order by track_id", "params": []}).to_string();
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (app, body) = (app.clone(), body.clone());
            tokio::spawn(async move { post(&app, "/api/sql", body).await.body })
        })
        .collect();
    let mut bodies = Vec::new();
    for answer in asked {
        bodies.push(answer.await.unwrap());
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(app.answers().count().await, 1);
    // A mistake is told to each with its own id, and is not kept.
    let wrong = json!({"query": "select nope from track"}).to_string();
    let (first, second) = (post(&app, "/api/sql", wrong.clone()).await, post(&app, "/api/sql", wrong).await);
    assert_ne!(first.json()["request_id"], second.json()["request_id"]);
    assert_eq!(second.json()["request_id"], second.header("x-request-id"));
    assert_eq!(app.answers().count().await, 1);
    // Parameters and media types tell answers apart.
    for value in [1, 2] {
        let body = json!({"query": "select $1 as n", "params": [value]}).to_string();
        assert_eq!(post(&app, "/api/sql", body).await.json(), json!([{"n": value}]));
    }
    assert_eq!(app.answers().count().await, 3);
}
