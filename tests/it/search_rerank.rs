//! Questions in a language that no text is in: the first hundred are ranked anew by how near their words come to those asked.

use serde_json::{Value, json};

use crate::support::{TestProject, post};

const DEFINITIONS: &str = "\
kind: entity
name: piece
join_keys: [id]
---
kind: source
name: pieces
entity: piece
columns: [{ name: id, dtype: string }, { name: text, dtype: string, licence: CC0-1.0 }]
---
kind: feature_view
name: meaning
entity: piece
source: pieces
embedding: { model: use, text: text }
features: [{ name: meaning, expr: embedding.whole, dtype: \"vector[512]\" }]
---
kind: search
name: found
entity: piece
source: pieces
languages: [en, ru]
text: [text]
vectors: [meaning]
related_words: 1000
profiles: [{ name: as_found, rerank: false }]
";

const PIECES: [(&str, &str); 5] = [
    ("bread", "The baker kneads the bread before the town awakes, and flour lies upon the window sill."),
    ("river", "The river carries ice in spring, and boys with poles leap from one floe to another."),
    ("clock", "The old clock in the hall has stopped, and nobody remembers who should wind it."),
    ("horse", "A horse stood in the rain beside the fence and waited for an apple."),
    ("letter", "He wrote a letter every week and burned it every Sunday in the stove."),
];

async fn built() -> TestProject {
    let project = TestProject::new(DEFINITIONS);
    let row = |(id, text): &(&str, &str)| json!({"id": id, "text": text}).to_string() + "\n";
    project.ingest("pieces", "pieces.jsonl", PIECES.iter().map(row).collect::<String>()).await;
    project.build().await.unwrap();
    project
}

async fn hits(project: &TestProject, request: Value) -> Vec<Value> {
    let body = post(&project.app(), "/api/search", request.to_string()).await.json();
    body["hits"].as_array().unwrap_or_else(|| panic!("{body}")).clone()
}

fn words(hit: &Value) -> Option<f64> {
    hit["explain"]["words"].as_f64()
}

#[tokio::test]
async fn a_text_with_the_words_that_are_asked_for_in_another_language_gains_by_each_of_them() {
    let project = built().await;
    for (query, key) in [
        ("лошадь под дождём ждёт яблоко", "horse"),
        ("письмо, которое каждое воскресенье сжигали в печи", "letter"),
        ("пекарь месит хлеб", "bread"),
    ] {
        let reranked = hits(&project, json!({"query": query, "explain": true})).await;
        assert_eq!(reranked[0]["key"], key, "{query}");
        let by_words: Vec<f64> = reranked.iter().map(|hit| words(hit).unwrap()).collect();
        assert!(by_words.iter().all(|words| (0.0..=1.0).contains(words)), "{by_words:?}");
        assert!(by_words[1..].iter().all(|other| *other < by_words[0]), "{query}: {by_words:?}");
        // Of five words none is known: what was found counts 0.65, with 0.65 - 0.65 * 0.45 by words and the rest by meaning.
        let hit = &reranked[0]["explain"];
        let leg = |name: &str| hit[name]["scaled"].as_f64().unwrap_or_default();
        let keyword = 0.65 * 0.55;
        let fused = keyword * leg("keyword") + (1.0 - keyword) * leg("semantic");
        let relevance = 0.65 * fused + 0.35 * by_words[0];
        assert!((hit["relevance"].as_f64().unwrap() - relevance).abs() < 1e-9, "{query}: {hit}, {relevance}");
        assert_eq!(hit["relevance"], reranked[0]["score"]);
    }
}

#[tokio::test]
async fn where_texts_have_all_words_or_it_is_switched_off_nothing_is_ranked_anew() {
    let project = built().await;
    let foreign = "лошадь под дождём ждёт яблоко";
    for request in [
        json!({"query": "a horse in the rain", "explain": true}),
        json!({"query": foreign, "explain": true, "rerank": false}),
        json!({"query": foreign, "explain": true, "profile": "as_found"}),
        json!({"query": foreign, "explain": true, "mode": "semantic"}),
        json!({"query": foreign, "explain": true, "mode": "keyword"}),
    ] {
        let found = hits(&project, request.clone()).await;
        assert_eq!(found[0]["key"], "horse", "{request}");
        assert!(found.iter().all(|hit| words(hit).is_none()), "{request}");
    }
    // What the profile leaves out a request may ask for.
    let asked = json!({"query": foreign, "explain": true, "profile": "as_found", "rerank": true});
    assert!(words(&hits(&project, asked).await[0]).is_some());
}
