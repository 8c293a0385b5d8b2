//! Views that are read by their index when they are asked for answer as those that are held in memory.

use arrow::ipc::reader::StreamReader;
use chrono::TimeDelta;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use rhapsode::app::App;
use serde_json::{Value, json};

use crate::support::{TestProject, get, get_with, post, post_with, problem};

/// Pieces with two join keys; `ONLINE` says how the views are held.
const DEFINITIONS: &str = "\
kind: entity
name: piece
join_keys: [book, page]
---
kind: source
name: pieces
entity: piece
columns:
  - { name: book, dtype: string }
  - { name: page, dtype: int64 }
  - { name: year, dtype: int32 }
  - { name: score, dtype: float32 }
  - { name: words, dtype: list<string>, access: open, licence: public-domain }
  - { name: secret, dtype: string }
---
kind: source
name: moods
entity: piece
timestamp_field: at
columns:
  - { name: book, dtype: string }
  - { name: page, dtype: int64 }
  - { name: at, dtype: timestamp }
  - { name: mood, dtype: int32 }
---
kind: feature_view
name: facts
entity: piece
online: ONLINE
sql: select book, page, year, score, words, secret from pieces
features:
  - { name: year, dtype: int32 }
  - { name: score, dtype: float32, online: memory }
  - { name: words, dtype: list<string> }
  - { name: secret, dtype: string, access: restricted }
---
kind: feature_view
name: recent
entity: piece
online: ONLINE
sql: select book, page, year + 1 as next from pieces where year > 1850
features:
  - { name: next, dtype: int32 }
---
kind: feature_view
name: feelings
entity: piece
timestamp_field: at
online: ONLINE
ttl: 30d
sql: select book, page, at, mood from moods
features:
  - { name: mood, dtype: int32 }
---
kind: feature_view
name: asked
entity: piece
on_request:
  inputs:
    - { name: asked_year, dtype: int32 }
features:
  - { name: age, dtype: int32, expr: asked_year - year + mood }
";

/// The same project twice: all of it in memory, and all that can be by its index.
struct Both {
    held: TestProject,
    indexed: TestProject,
}

impl Both {
    fn new() -> Self {
        let of = |online| TestProject::new(&DEFINITIONS.replace("ONLINE", online));
        Self { held: of("memory"), indexed: of("indexed") }
    }

    async fn ingest(&self, source: &str, file: &str, rows: &str) {
        for project in [&self.held, &self.indexed] {
            project.ingest(source, file, rows).await;
        }
    }

    async fn served(&self) -> [App; 2] {
        let mut apps = Vec::new();
        for project in [&self.held, &self.indexed] {
            project.build().await.unwrap();
            let app = project.app();
            app.refresh().await.unwrap();
            apps.push(app);
        }
        apps.try_into().ok().unwrap()
    }
}

/// Rows of pieces and of moods, some of which were there before: from a linear congruence, so that each round is its own.
fn random_rows(round: u64) -> (String, String) {
    let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut pieces, mut moods) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let (book, page) = (["a", "b", "c,d"][next(3) as usize], next(8));
        let year = if next(5) == 0 { Value::Null } else { json!(1800 + next(100)) };
        let words: Vec<String> = (0..next(3)).map(|word| format!("w{word}")).collect();
        let score = next(1_000) as f32 / 7.0;
        pieces.push((
            (book, page),
            json!({"book": book, "page": page, "year": year, "score": score, "words": words, "secret": "s"}),
        ));
        let day = 1 + next(27);
        let at = format!("2025-12-{day:02}T00:00:0{}Z", next(10));
        moods.push(((book, page, at.clone()), json!({"book": book, "page": page, "at": at, "mood": next(9)})));
    }
    (distinct(pieces), distinct(moods))
}

/// A line for each key.
fn distinct<K: Ord>(rows: Vec<(K, Value)>) -> String {
    let rows: std::collections::BTreeMap<K, Value> = rows.into_iter().collect();
    rows.into_values().map(|row| format!("{row}\n")).collect()
}

async fn answers(app: &App) -> Vec<Value> {
    let keys: Vec<Value> =
        ["a", "b", "c,d", "e"].iter().flat_map(|book| (0..9).map(move |page| json!([book, page]))).collect();
    let mut answers = Vec::new();
    for key in &keys {
        let book = key[0].as_str().unwrap().replace(',', "%2C");
        let path = format!("/api/features/{book},{}", key[1]);
        // Twice: from the dataset, and as it was remembered.
        for path in [path.clone(), path.clone(), format!("{path}?features=age,words,mood&inputs.asked_year=1900")] {
            let answer = get(app, &path).await;
            let mut body = answer.json();
            body.as_object_mut().unwrap().remove("request_id");
            answers.push(json!([answer.status.as_u16(), body]));
        }
    }
    let body = json!({"keys": keys, "features": ["words", "next", "year", "mood", "score"]}).to_string();
    answers.push(post(app, "/api/features/batch", body.clone()).await.json());
    let arrow = post_with(app, "/api/features/batch", &[("accept", "application/vnd.apache.arrow.stream")], body).await;
    // Not its bytes: what lies under a null is nobody's business.
    let batches = StreamReader::try_new(arrow.body.as_slice(), None).unwrap();
    let batches: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
    answers.push(pretty_format_batches(&batches).unwrap().to_string().into());
    let (books, pages): (Vec<&Value>, Vec<&Value>) = keys.iter().map(|key| (&key[0], &key[1])).unzip();
    let features = ["facts:year", "facts:words", "recent:next", "feelings:mood", "asked:age"];
    let asked = vec![1900; keys.len()];
    let entities = json!({"book": books, "page": pages, "asked_year": asked});
    let body = json!({"features": features, "entities": entities}).to_string();
    answers.push(post(app, "/get-online-features", body).await.json());
    let sql = "select book, page, year, next, words, mood, score from piece order by book, page";
    answers.push(post(app, "/api/sql", json!({"query": sql}).to_string()).await.json());
    answers
}

#[tokio::test]
async fn an_indexed_view_answers_as_one_in_memory_through_changes() {
    let both = Both::new();
    for round in 1..5 {
        let (pieces, moods) = random_rows(round);
        both.ingest("pieces", &format!("pieces{round}.jsonl"), &pieces).await;
        both.ingest("moods", &format!("moods{round}.jsonl"), &moods).await;
        let [held, indexed] = both.served().await;
        let (held, indexed) = (answers(&held).await, answers(&indexed).await);
        assert!(held.iter().any(|answer| answer.to_string().contains("\"next\":18")), "{held:?}");
        for (held, indexed) in held.iter().zip(&indexed) {
            assert_eq!(held, indexed, "round {round}");
        }
        assert_eq!(held.len(), indexed.len());
        let wait = TimeDelta::days(7);
        both.held.clock.advance(wait);
        both.indexed.clock.advance(wait);
    }
}

#[tokio::test]
async fn a_restricted_column_of_an_indexed_view_is_as_if_it_were_not_there() {
    let both = Both::new();
    both.ingest("pieces", "pieces.jsonl", &random_rows(1).0).await;
    both.ingest("moods", "moods.jsonl", &random_rows(1).1).await;
    let [_, app] = both.served().await;
    let answer = get(&app, "/api/features/a,1?features=secret").await;
    problem(&answer, 400, "unknown-feature", "features[0]".into(), "secret".into(), "score");
    assert!(!get(&app, "/api/features/a,1?features=facts:*").await.json().to_string().contains("secret"));
    let catalogue = get_with(&app, "/api/features", &[]).await.json();
    assert!(catalogue.to_string().contains("\"online\":\"indexed\""), "{catalogue}");
}

#[tokio::test]
async fn a_view_for_which_there_is_no_room_in_memory_is_read_by_its_index() {
    let both = Both::new();
    let rows: String = (0..3_000)
        .map(|page| {
            let words: Vec<String> = (0..30).map(|word| format!("{page:04}word{word:04}")).collect();
            format!("{}\n", json!({"book": "a", "page": page, "year": 1800 + page % 100, "score": 0.5, "words": words}))
        })
        .collect();
    both.ingest("pieces", "pieces.jsonl", &rows).await;
    both.held.configure("[serve]\nonline_memory_mib = 1\nonline_cache_mib = 1\n");
    let [app, _] = both.served().await;
    assert!(app.latest().unwrap().memory_bytes() < 1 << 20);
    for page in [0, 2_999, 2_999] {
        let features = get(&app, &format!("/api/features/a,{page}?features=year,words,next,score")).await.json();
        assert_eq!(features["features"]["year"], 1800 + page % 100);
        assert_eq!(features["features"]["words"][29], format!("{page:04}word0029"));
    }
    let keys: Vec<Value> = (0..3_000).map(|page| json!(["a", page])).collect();
    let batch =
        post(&app, "/api/features/batch", json!({"keys": keys, "features": ["words"]}).to_string()).await.json();
    assert_eq!(batch["rows"][1_234]["values"][0][7], "1234word0007");
    // What is remembered of what was read stays within its bound.
    assert!(app.latest().unwrap().memory_bytes() < (2 << 20) + (1 << 19), "{}", app.latest().unwrap().memory_bytes());
}

#[tokio::test]
async fn a_parquet_view_has_no_index_to_be_read_by() {
    let text = DEFINITIONS.replace(
        "online: ONLINE\nsql: select book, page, year + 1",
        "online: indexed\nformat: parquet\nsql: select book, page, year + 1",
    );
    let project = TestProject::new(&text.replace("ONLINE", "memory"));
    let app = project.app();
    let refused = rhapsode::pipeline::target(project.path(), app.resources()).await.err().unwrap();
    let told = format!("{refused:?}");
    assert!(told.contains("a Parquet file has no index"), "{told}");
}
