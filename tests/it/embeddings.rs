//! Embedding models, and the vectors of a release.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, AsArray, FixedSizeListArray, StringArray};
use arrow::datatypes::Float32Type;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use proptest::prelude::*;
use rhapsode::config::Config;
use rhapsode::error::ErrorKind;
use rhapsode::limits::TEXT_STANZAS_MAX;
use rhapsode::model::{BUILT_IN, Model, ModelError, Models, Part};
use rhapsode::text::stanzas;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::check::check;
use crate::support::{DEFINITIONS, ROWS, TestProject, get, post as post_json};

const KNELL: &str = "The curfew tolls the knell of parting day,\nThe lowing herd wind slowly o'er the lea,";
const STORM: &str = "Буря мглою небо кроет,\nВихри снежные крутя;";

fn models(settings: &str) -> Models {
    let config = Config::parse("test", settings, std::env::vars()).unwrap();
    Models::new(std::path::Path::new("."), &config)
}

fn default_model() -> Arc<Model> {
    models("").find(BUILT_IN).expect("`make setup` brings the model")
}

async fn vectors(model: &Model, texts: &[Option<&str>]) -> FixedSizeListArray {
    model.embed(texts.iter().copied().collect::<StringArray>()).await.unwrap().vectors
}

fn vector(vectors: &FixedSizeListArray, row: usize) -> Vec<f32> {
    vectors.value(row).as_primitive::<Float32Type>().values().to_vec()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn what_means_the_same_in_two_languages_is_near() {
    let texts = ["I love you with all my heart", "Я люблю тебя всем сердцем", "The price of oil fell by two per cent"];
    let vectors = vectors(&default_model(), &texts.map(Some)).await;
    let [english, russian, oil] = [0, 1, 2].map(|row| vector(&vectors, row));
    assert!(cosine(&english, &russian) > 0.8, "{}", cosine(&english, &russian));
    assert!(cosine(&english, &oil) < 0.4, "{}", cosine(&english, &oil));
    assert!((cosine(&oil, &oil) - 1.0).abs() < 1e-5);
}

#[tokio::test]
async fn a_text_has_the_same_vector_whatever_is_computed_beside_it() {
    let model = default_model();
    let many: Vec<String> = (0..300).map(|i| format!("{KNELL} {i} {}", if i % 3 == 0 { STORM } else { "" })).collect();
    let texts: Vec<Option<&str>> = [Some(KNELL), None, Some(""), Some(STORM)]
        .into_iter()
        .chain(many.iter().map(|text| Some(text.as_str())))
        .collect();
    let together = vectors(&model, &texts).await;
    assert!(together.is_null(1) && together.is_valid(2));
    for row in [0, 2, 3, 40, 303] {
        assert_eq!(vector(&vectors(&model, &[texts[row]]).await, 0), vector(&together, row), "row {row}");
    }
}

#[tokio::test]
async fn stanzas_have_vectors_of_their_own() {
    let model = default_model();
    let text = format!("{KNELL}\n\n{STORM}\n");
    let texts = StringArray::from(vec![Some(text.as_str()), None, Some("")]);
    let parts = model.embed_parts(&texts, &Part::ALL).await.unwrap();
    let (whole, lists) = (parts.values.column(0).as_fixed_size_list(), parts.values.column(1).as_list::<i32>());
    assert_eq!((lists.value_length(0), lists.is_null(1), lists.value_length(2)), (2, true, 0));
    assert!(whole.is_null(1));
    let of_stanzas = lists.value(0);
    let alone = vectors(&model, &[Some(KNELL), Some(STORM), Some(&text)]).await;
    for row in 0..2 {
        assert_eq!(vector(of_stanzas.as_fixed_size_list(), row), vector(&alone, row));
    }
    assert_eq!(vector(whole, 0), vector(&alone, 2));
}

#[tokio::test]
async fn no_text_is_too_odd_for_the_default_model() {
    let long_word = "a".repeat(300_000);
    let texts = [
        "\u{0}\u{1}\u{7f}",
        "🎤🔥🎶👩‍👩‍👧",
        "שלום עולם",
        "e\u{301}\u{301}\u{301}",
        "\u{200d}\u{200d}",
        "  \n\n \t",
        "ｆｕｌｌ　ｗｉｄｔｈ",
        "\u{2581}\u{2581}",
        "\u{fffd}",
        &long_word,
    ];
    let vectors = vectors(&default_model(), &texts.map(Some)).await;
    for (row, text) in texts.iter().enumerate() {
        let vector = vector(&vectors, row);
        let length = cosine(&vector, &vector);
        assert!(
            (length - 1.0).abs() < 1e-4,
            "{:?} has a vector of length {length}",
            text.chars().take(9).collect::<String>()
        );
    }
}

#[tokio::test]
async fn a_sentence_transformer_has_its_published_similarities() {
    let folder = Config::default().resources.folder().join("minilm");
    let models = models(&format!("[models.minilm]\nkind = \"bert\"\nfolder = {:?}\n", folder.display().to_string()));
    let model = models.find("minilm").expect("`make setup` brings the model");
    assert_eq!(model.dimensions(), 384);
    // The example of the library's own documentation of semantic textual similarity.
    let texts = ["The new movie is awesome", "The new movie is so great", "The cat sits outside", ""];
    let vectors = vectors(&model, &texts.map(Some)).await;
    let near = cosine(&vector(&vectors, 0), &vector(&vectors, 1));
    assert!((near - 0.8939).abs() < 2e-3, "{near}");
    assert!(cosine(&vector(&vectors, 0), &vector(&vectors, 2)) < 0.1);
}

/// A service that answers as OpenAI's does, with whatever goes wrong there.
#[derive(Default)]
struct Service {
    requests: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    /// So many requests are answered with `failure` first.
    failures: AtomicUsize,
    failure: AtomicUsize,
    /// Where the first requests wait for each other, so that they are there at once.
    meeting: Option<Barrier>,
}

/// Requests that meet.
const MEETING: usize = 2;

async fn serve(State(service): State<Arc<Service>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let number = service.requests.fetch_add(1, Ordering::SeqCst);
    let at_once = service.at_once.fetch_add(1, Ordering::SeqCst) + 1;
    service.most_at_once.fetch_max(at_once, Ordering::SeqCst);
    if let Some(meeting) = service.meeting.as_ref().filter(|_| number < MEETING) {
        meeting.wait().await;
    }
    service.at_once.fetch_sub(1, Ordering::SeqCst);
    if headers.get("authorization").is_none_or(|value| value != concat!("Bearer ", env!("CARGO_MANIFEST_DIR"))) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if service.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        let status = StatusCode::from_u16(service.failure.load(Ordering::SeqCst) as u16).unwrap();
        return (status, [("retry-after", "0")]).into_response();
    }
    let texts: Vec<&str> = body["input"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    if texts.contains(&"too long") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    // Not in the order of the texts: the index says which is which.
    let data = texts.iter().enumerate().rev();
    let data: Vec<Value> = data.map(|(index, text)| json!({"index": index, "embedding": [text.len(), 0, 0]})).collect();
    Json(json!({"data": data, "usage": {"prompt_tokens": texts.len(), "total_tokens": texts.len()}})).into_response()
}

async fn service(meeting: Option<Barrier>) -> (Arc<Service>, String) {
    let service = Arc::new(Service { meeting, ..Service::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let routes = Router::new().route("/v1/embeddings", post(serve)).with_state(Arc::clone(&service));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (service, url)
}

fn remote(url: &str, more: &str) -> Result<Arc<Model>, ModelError> {
    models(&format!("[models.remote]\nkind = \"openai\"\nurl = {url:?}\nmodel = \"m\"\ndimensions = 3\n{more}"))
        .find("remote")
}

/// Cargo sets this variable for the tests, so that they need to set none.
const KEYED: &str = "key_env = \"CARGO_MANIFEST_DIR\"\n";

#[tokio::test]
async fn a_service_is_asked_in_batches_a_few_at_once_and_again_where_it_says_later() {
    let (service, url) = service(Some(Barrier::new(MEETING))).await;
    service.failures.store(3, Ordering::SeqCst);
    service.failure.store(429, Ordering::SeqCst);
    let model = remote(&url, &format!("{KEYED}batch = 2\nconcurrency = 2\n")).unwrap();
    let texts: Vec<String> = (1..=9).map(|length| "x".repeat(length)).collect();
    let embedded = model.embed(StringArray::from(texts)).await.unwrap();
    assert_eq!(embedded.tokens, 9);
    assert_eq!(service.requests.load(Ordering::SeqCst), 5 + 3);
    assert_eq!(service.most_at_once.load(Ordering::SeqCst), MEETING);
    for row in 0..9 {
        assert_eq!(vector(&embedded.vectors, row), [1.0, 0.0, 0.0]);
    }
}

#[tokio::test]
async fn a_text_that_a_service_refuses_takes_no_other_with_it() {
    let (_, url) = service(None).await;
    let model = remote(&url, KEYED).unwrap();
    let embedded = model.embed(StringArray::from(vec![Some("a"), Some("too long"), None, Some("b")])).await.unwrap();
    let present: Vec<bool> = (0..4).map(|row| embedded.vectors.is_valid(row)).collect();
    assert_eq!(present, [true, false, false, true]);
    assert_eq!(embedded.faults.len(), 1);
    assert_eq!(embedded.faults[0].0, 1);
}

/// By their keys, in the file that the release names.
async fn rejects(project: &TestProject, report: &rhapsode::pipeline::Report) -> Vec<(Vec<String>, String)> {
    let Some(pin) = &report.release.view("remote").unwrap().rejects else { return Vec::new() };
    let rejects = project.app().store().rejects(pin).await.unwrap();
    assert_eq!(pin.rows, rejects.len() as u64);
    rejects.into_iter().map(|reject| (reject.key, reject.reason)).collect()
}

#[tokio::test]
async fn a_text_that_a_service_refuses_is_a_reject_until_it_changes() {
    let (_, url) = service(None).await;
    let view = "---\nkind: feature_view\nname: remote\nentity: track\nsource: tracks\nembedding: { model: remote, text: lyrics }\nfeatures: [{ name: remote, expr: embedding.whole, dtype: \"vector[3]\" }]\n";
    let project = TestProject::new(&format!("{DEFINITIONS}{view}"));
    project.configure(&format!(
        "[models.remote]\nkind = \"openai\"\nurl = {url:?}\nmodel = \"m\"\ndimensions = 3\n{KEYED}"
    ));
    let row = |id: &str, text: &str| json!({ "id": id, "lyrics": text }).to_string() + "\n";
    project.ingest("tracks", "tracks.jsonl", row("a", "a") + &row("b", "too long") + &row("c", "too long")).await;
    let report = project.build().await.unwrap();
    let found = rejects(&project, &report).await;
    assert_eq!(found.iter().map(|(key, _)| key.join(",")).collect::<Vec<_>>(), ["b", "c"]);
    assert!(found[0].1.contains("400"), "{}", found[0].1);
    let shown = get(&project.app(), "/api/releases").await.json();
    let views = shown["releases"][0]["views"].as_array().unwrap().clone();
    assert_eq!(views.iter().find(|view| view["name"] == "remote").unwrap()["rejected"], 2);

    // Of rows that change only theirs are told anew; what is kept is told on.
    project.ingest("tracks", "more.jsonl", row("c", "short") + &row("d", "too long")).await;
    let report = project.build().await.unwrap();
    let keys: Vec<String> = rejects(&project, &report).await.into_iter().map(|(key, _)| key.join(",")).collect();
    assert_eq!(keys, ["b", "d"]);
    project.define(&format!("{}{view}", DEFINITIONS.replace("year / 10 * 10", "year / 100 * 100")));
    let report = project.build().await.unwrap();
    assert_eq!(rejects(&project, &report).await.len(), 2);
    project.ingest("tracks", "last.jsonl", row("b", "b") + &row("d", "d")).await;
    assert_eq!(rejects(&project, &project.build().await.unwrap()).await, []);
}

#[tokio::test]
async fn a_service_that_stays_away_is_unavailable_and_a_wrong_key_is_a_fault_of_ours() {
    let (service, url) = service(None).await;
    service.failures.store(usize::MAX, Ordering::SeqCst);
    service.failure.store(503, Ordering::SeqCst);
    let error = remote(&url, KEYED).unwrap().embed(StringArray::from(vec!["a"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = remote(&url, "").unwrap().embed(StringArray::from(vec!["a"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(!format!("{error} {:?}", remote(&url, KEYED)).contains(env!("CARGO_MANIFEST_DIR")));
    let error = remote(&url, "key_env = \"RHAPSODE_TEST_NO_SUCH_KEY\"\n").unwrap_err();
    assert!(error.to_string().contains("RHAPSODE_TEST_NO_SUCH_KEY"), "{error}");
}

#[tokio::test]
async fn an_embedding_names_a_model_a_text_and_parts_that_exist() {
    let view = |call: &str, features: &str| {
        format!(
            "kind: feature_view\nname: v\nentity: track\nsource: tracks\nembedding: {call}\nfeatures: [{features}]\n"
        )
    };
    let feature = "{ name: whole, dtype: \"vector[512]\" }";
    check(&view("{ model: use, text: lyrics }", feature), "").await;
    check(
        &view("{ model: used, text: lyrics }", feature),
        "view.yaml:5:21: unknown model `used`; did you mean `use`?\n",
    )
    .await;
    check(
        &view("{ model: use, text: year }", feature),
        "view.yaml:5:32: `year` is int32; an embedding model reads a string\n",
    )
    .await;
    check(
        &view("{ model: use, text: lyrics, parts: [hole] }", feature),
        "view.yaml:5:48: unknown part `hole`; did you mean `whole`?\n",
    )
    .await;
    check(
        &view("{ model: use, text: lyrics }", "{ name: meaning, dtype: \"vector[512]\" }"),
        "view.yaml:6:20: `meaning` does not say which part of the text it is of; write `expr: embedding.whole`\n",
    )
    .await;
    check(
        &view("{ model: use, text: lyrics }", "{ name: whole, dtype: \"vector[384]\" }"),
        "view.yaml:6:35: `whole` is vector[512], not vector[384]; write `dtype: vector[512]`, or convert it with `cast(… as …)`\n",
    )
    .await;
}

const MEANING: &str = "---
kind: feature_view
name: meaning
entity: track
source: tracks
embedding: { model: use, text: lyrics, parts: [whole, stanzas] }
features:
  - { name: meaning, expr: embedding.whole, dtype: \"vector[512]\" }
  - { name: stanza_meanings, expr: embedding.stanzas, dtype: \"list<vector[512]>\", online: off }
";

async fn asked(project: &TestProject, path: &str) -> (StatusCode, Value) {
    let answer = get(&project.app(), path).await;
    (answer.status, answer.json())
}

async fn posted(project: &TestProject, path: &str, body: &Value) -> (StatusCode, Value) {
    let answer = post_json(&project.app(), path, body.to_string()).await;
    (answer.status, answer.json())
}

async fn with_vectors() -> TestProject {
    let project = TestProject::new(&format!("{DEFINITIONS}{MEANING}"));
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    project.build().await.unwrap();
    project
}

#[tokio::test]
async fn what_is_served_for_a_new_text_is_what_was_stored_for_an_old_one() {
    let project = with_vectors().await;
    let (_, stored) = asked(&project, "/api/features/t1?features=tokens,mtld,meaning").await;
    let body = json!({"text": "one two three\nfour", "vectors": true});
    let (status, analyzed) = posted(&project, "/api/analyze", &body).await;
    assert_eq!(status, StatusCode::OK, "{analyzed}");
    let features = analyzed["features"].as_object().unwrap();
    for (name, value) in stored["features"].as_object().unwrap() {
        assert_eq!(&features[name], value, "{name}");
    }
    assert_eq!(analyzed["nearest"][0]["key"], "t1");
    assert!(analyzed["nearest"][0]["similarity"].as_f64().unwrap() > 0.9999);
    assert_eq!(analyzed["percentiles"]["tokens"], 100.0);
    assert_eq!(analyzed["warnings"], json!([]));
    let (_, shorter) = posted(&project, "/api/analyze", &json!({"text": "five"})).await;
    assert!(shorter["features"].get("meaning").is_none(), "vectors come only where they are asked for");
}

#[tokio::test]
async fn vectors_are_answered_by_key_and_for_texts() {
    let project = with_vectors().await;
    let (_, one) = asked(&project, "/api/embeddings/t3").await;
    assert_eq!((one["feature"].as_str(), one["dimensions"].as_u64()), (Some("meaning"), Some(512)));
    let (_, many) = posted(&project, "/api/embeddings/batch", &json!({"keys": ["nope", "t3"]})).await;
    assert_eq!(many["embeddings"], json!([null, one["embedding"]]));
    assert_eq!(many["missing"], json!(["nope"]));
    let (_, texts) = posted(&project, "/api/embeddings/batch", &json!({"texts": ["five\n\nsix seven"]})).await;
    assert_eq!(texts["embeddings"][0], one["embedding"]);
    let (status, problem) = posted(&project, "/api/embeddings/batch", &json!({"texts": [], "keys": []})).await;
    assert_eq!((status, &problem["type"]), (StatusCode::BAD_REQUEST, &json!("/problems/keys-or-texts")));
    let (status, problem) = asked(&project, "/api/embeddings/t3?feature=meaninh").await;
    assert_eq!((status, &problem["remedy"]), (StatusCode::BAD_REQUEST, &json!("did you mean `meaning`?")));
    let rows = project.rows("select embed('five\n\nsix seven') as v").await;
    assert_eq!(rows[0]["v"], one["embedding"]);
}

#[tokio::test]
async fn stanza_vectors_are_not_held_in_memory_and_are_read_by_sql() {
    let project = with_vectors().await;
    let (status, problem) = asked(&project, "/api/features/t3?features=stanza_meanings").await;
    assert_eq!((status, &problem["type"]), (StatusCode::BAD_REQUEST, &json!("/problems/unknown-feature")));
    let rows = project.rows("select array_length(stanza_meanings) as n from meaning order by track_id").await;
    assert_eq!(rows, json!([{"n": 1}, {"n": 0}, {"n": 2}]));
}

#[tokio::test]
async fn a_build_embeds_the_rows_that_changed_and_no_others() {
    let project = with_vectors().await;
    project.ingest("tracks", "more.jsonl", r#"{"id": "t9", "lyrics": "nine"}"#).await;
    let report = project.build().await.unwrap();
    let step = report.plan.views.iter().find(|step| step.view.name.as_str() == "meaning").unwrap();
    assert!(matches!(step.work, rhapsode::materialize::Work::Rows(_)), "{:?}", step.work);
    assert_eq!(project.rows("select count(meaning) as n from track").await, json!([{"n": 4}]));
}

#[test]
fn a_text_is_cut_into_stanzas_and_what_is_too_long_into_pieces() {
    assert_eq!(stanzas("a\nb\n\n \nc\r\n\r\nd"), ["a\nb", "c", "d"]);
    assert_eq!(stanzas(""), Vec::<&str>::new());
    let lines = |range: std::ops::Range<usize>| range.map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
    assert_eq!(stanzas(&lines(0..16)), [lines(0..16)]);
    assert_eq!(stanzas(&lines(0..19)), [lines(0..8), lines(8..19)]);
    let many = vec!["a"; TEXT_STANZAS_MAX + 3].join("\n\n");
    let cut = stanzas(&many);
    assert_eq!((cut.len(), *cut.last().unwrap()), (TEXT_STANZAS_MAX, "a\n\na\n\na\n\na"));
}

proptest! {
    #[test]
    fn stanzas_hold_every_line_that_shows_once(text in "([ab ]{0,3}\n){0,60}") {
        let shown = |text: &str| -> Vec<String> {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        };
        let cut: Vec<String> = stanzas(&text).into_iter().flat_map(shown).collect();
        prop_assert_eq!(cut, shown(&text));
    }
}
