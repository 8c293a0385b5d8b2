//! Searches by vectors that have an index: their scores are those of comparing them all.

use std::collections::BTreeSet;

use axum::routing::post;
use axum::{Json, Router};
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

#[tokio::test]
async fn a_hit_that_an_index_found_was_told_to_be_twice_as_far() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/embeddings", post(embed))).await });
    let project = TestProject::new(DEFINITIONS);
    project.configure(&format!(
        "[models.numbers]\nkind = \"openai\"\nurl = {url:?}\nmodel = \"m\"\ndimensions = {DIMENSIONS}\nbatch = 1000\n"
    ));
    let text = |number: usize| format!("piece {number}");
    let row =
        |number: usize| json!({"id": number.to_string(), "text": text(number), "number": number}).to_string() + "\n";
    project.ingest("pieces", "pieces.jsonl", (0..VECTOR_INDEX_ROWS_MIN).map(row).collect::<String>()).await;
    project.build().await.unwrap();
    let app = project.app();
    let query = "what is asked";
    let asked = vector(query);
    let cosine = |key: usize| vector(&text(key)).iter().zip(&asked).map(|(a, b)| a * b).sum::<f64>();
    // All of them by the index; and as many as are compared one by one, or fewer.
    for allowed in [VECTOR_INDEX_ROWS_MIN, VECTOR_INDEX_ROWS_MIN - 1, 500] {
        let filter = format!("number < {allowed}");
        let mut request = json!({"query": query, "mode": "semantic", "limit": 200, "explain": true});
        if allowed < VECTOR_INDEX_ROWS_MIN {
            request["filter"] = json!(filter);
        }
        let body = post_json(&app, "/api/search", request.to_string()).await.json();
        let hits = body["hits"].as_array().unwrap_or_else(|| panic!("{body}"));
        assert_eq!(hits.len(), 200);
        let key = |hit: &Value| hit["key"].as_str().unwrap().parse::<usize>().unwrap();
        for hit in hits {
            let told = hit["explain"]["semantic"]["score"].as_f64().unwrap();
            assert!((told - cosine(key(hit))).abs() < 1e-4, "{hit}: {}", cosine(key(hit)));
        }
        let mut nearest: Vec<usize> = (0..allowed).collect();
        nearest.sort_by(|a, b| cosine(*b).total_cmp(&cosine(*a)));
        let nearest: BTreeSet<usize> = nearest.into_iter().take(10).collect();
        let found = hits.iter().take(10).filter(|hit| nearest.contains(&key(hit))).count();
        let expected = if allowed < VECTOR_INDEX_ROWS_MIN { 10 } else { 9 };
        assert!(found >= expected, "{found} of the ten nearest");
    }
}
