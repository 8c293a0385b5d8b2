//! Searches by vectors, by their index, compared in memory or read: what is found and how near it is are the same.

use std::collections::BTreeSet;

use axum::routing::post;
use axum::{Json, Router};
use rhapsode::app::App;
use rhapsode::limits::VECTOR_INDEX_ROWS_MIN;
use serde_json::{Value, json};

use crate::support::{TestProject, post as post_json};

const DIMENSIONS: usize = 8;

const DEFINITIONS: &str = "\
kind: entity
name: piece
join_keys: [id]
---
kind: source
name: pieces
entity: piece
columns: [{ name: id, dtype: string }, { name: text, dtype: string, licence: CC0-1.0 }, { name: number, dtype: int32 }]
---
kind: feature_view
name: meaning
entity: piece
source: pieces
embedding: { model: numbers, text: text }
features: [{ name: meaning, dtype: \"vector[8]\", expr: embedding.whole }]
---
kind: search
name: found
entity: piece
source: pieces
text: [text]
vectors: [meaning]
filters: [number]
";

/// A vector of length 1, as good as any for a text.
fn vector(text: &str) -> Vec<f64> {
    let mut state = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1_u64 << 23) as f64 - 1.0
    };
    let numbers: Vec<f64> = (0..DIMENSIONS).map(|_| next()).collect();
    let length = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    numbers.into_iter().map(|number| number / length).collect()
}

async fn embed(Json(body): Json<Value>) -> Json<Value> {
    let texts = body["input"].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
    let data = texts.enumerate().map(|(index, text)| json!({"index": index, "embedding": vector(text)}));
    Json(json!({"data": data.collect::<Vec<_>>(), "usage": {"prompt_tokens": 1, "total_tokens": 1}}))
}

/// So many pieces, with what else the settings have.
async fn built(pieces: usize, settings: &str) -> TestProject {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/embeddings", post(embed))).await });
    let project = TestProject::new(DEFINITIONS);
    project.configure(&format!(
        "{settings}[models.numbers]\nkind = \"openai\"\nurl = {url:?}\nmodel = \"m\"\ndimensions = {DIMENSIONS}\nbatch = 1000\n"
    ));
    let row =
        |number: usize| json!({"id": number.to_string(), "text": text(number), "number": number}).to_string() + "\n";
    project.ingest("pieces", "pieces.jsonl", (0..pieces).map(row).collect::<String>()).await;
    project.build().await.unwrap();
    project
}

fn text(number: usize) -> String {
    format!("piece {number}")
}

fn cosine(query: &str, key: usize) -> f64 {
    vector(&text(key)).iter().zip(vector(query)).map(|(a, b)| a * b).sum()
}

/// Keys and cosines of what is found.
async fn found(app: &App, request: &Value) -> Vec<(usize, f64)> {
    let body = post_json(app, "/api/search", request.to_string()).await.json();
    let hits = body["hits"].as_array().unwrap_or_else(|| panic!("{body}"));
    let hit = |hit: &Value| {
        let told = hit["explain"]["semantic"]["score"].as_f64().unwrap();
        (hit["key"].as_str().unwrap().parse().unwrap(), told)
    };
    hits.iter().map(hit).collect()
}

#[tokio::test]
async fn a_hit_that_an_index_found_was_told_to_be_twice_as_far() {
    let project = built(VECTOR_INDEX_ROWS_MIN, "").await;
    let app = project.app();
    let query = "what is asked";
    // Each number of a vector is off by half a step of sixteen bits at most.
    let off = vector(query).iter().map(|number| number.abs()).sum::<f64>() / 2.0 / (127.0 * 256.0) + 1e-6;
    // All of them by the index; and as many as are compared one by one, or fewer.
    for allowed in [VECTOR_INDEX_ROWS_MIN, VECTOR_INDEX_ROWS_MIN - 1, 500] {
        let mut request = json!({"query": query, "mode": "semantic", "limit": 200, "explain": true});
        if allowed < VECTOR_INDEX_ROWS_MIN {
            request["filter"] = json!(format!("number < {allowed}"));
        }
        let hits = found(&app, &request).await;
        assert_eq!(hits.len(), 200);
        for (key, told) in &hits {
            assert!((told - cosine(query, *key)).abs() <= off, "{key}: {told}, {}", cosine(query, *key));
        }
        let mut nearest: Vec<usize> = (0..allowed).collect();
        nearest.sort_by(|a, b| cosine(query, *b).total_cmp(&cosine(query, *a)));
        let nearest: BTreeSet<usize> = nearest.into_iter().take(10).collect();
        let right = hits.iter().take(10).filter(|(key, _)| nearest.contains(key)).count();
        let expected = if allowed < VECTOR_INDEX_ROWS_MIN { 10 } else { 9 };
        assert!(right >= expected, "{right} of the ten nearest");
    }
}

#[tokio::test]
async fn what_is_found_is_the_same_where_there_is_no_room_for_vectors_in_memory() {
    let query = "what is asked";
    let request = |more: Value| {
        let mut request = json!({"query": query, "mode": "semantic", "limit": 50, "explain": true});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let requests =
        [json!({}), json!({"filter": "number >= 100 and number < 220"}), json!({"diversity": 0.4})].map(request);
    let mut answers = Vec::new();
    for settings in ["", "[serve]\nonline_memory_mib = 0\n"] {
        let project = built(500, settings).await;
        let app = project.app();
        let mut found_by = Vec::new();
        for request in &requests {
            found_by.push(found(&app, request).await);
        }
        answers.push(found_by);
    }
    for (held, read) in answers[0].iter().zip(&answers[1]) {
        let keys = |found: &[(usize, f64)]| found.iter().map(|(key, _)| *key).collect::<Vec<_>>();
        assert_eq!((keys(held), held.len()), (keys(read), 50));
        // What is read is exact.
        assert!(read.iter().all(|(key, told)| (told - cosine(query, *key)).abs() < 1e-6), "{read:?}");
        assert!(held.iter().zip(read).all(|((_, held), (_, read))| (held - read).abs() < 1e-4), "{held:?}");
    }
}
