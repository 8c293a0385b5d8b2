//! What is said of hits, which profile a key searches by, and how profiles compare.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rhapsode::app::App;
use rhapsode::statistics::{Ratio, spread_p};
use serde_json::{Value, json};

use crate::access::{TIERS, ask, key, key_with, refused};
use crate::support::{Answer, TestProject, printed, rhapsode};

const DEFINITIONS: &str = "\
kind: entity
name: piece
join_keys: [id]
---
kind: source
name: pieces
entity: piece
columns:
  - { name: id, dtype: string }
  - { name: text, dtype: string, licence: public-domain }
  - { name: year, dtype: int32 }
---
kind: search
name: verse
entity: piece
source: pieces
languages: [en]
text: [text]
filters: [year]
profiles:
  - { name: literal, typing: false }
";

const ROWS: &str = "{\"id\": \"p1\", \"text\": \"the sea at night\", \"year\": 1843}
{\"id\": \"p2\", \"text\": \"roses by the sea wall\", \"year\": 1850}
{\"id\": \"o'neil\", \"text\": \"the sea, the sea\", \"year\": 1901}
";

const EXPERIMENT: &str = "[experiments.spelling]\nsearch = \"verse\"\narms = { default = 1, literal = 1 }\n";

pub async fn served_with(configuration: &str) -> (TestProject, App) {
    let project = TestProject::new(DEFINITIONS);
    project.configure(&format!("{TIERS}{configuration}"));
    project.ingest("pieces", "pieces.jsonl", ROWS).await;
    project.build().await.unwrap();
    let app = project.app();
    app.refresh().await.unwrap();
    (project, app)
}

async fn said(app: &App, key: &str, body: Value) -> Answer {
    ask(app, "POST", "/api/feedback", Some(key), body).await
}

pub async fn searched(app: &App, key: &str, body: Value) -> Value {
    let answer = ask(app, "POST", "/api/search", Some(key), body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

#[tokio::test]
async fn what_is_said_of_a_hit_is_kept_once_and_the_last_holds() {
    let (project, app) = served_with("").await;
    let (one, other) = (key(&app, "all").await, key(&app, "all").await);
    let relevant = json!({"query": "sea ", "key": "p1", "verdict": "relevant"});
    let irrelevant = json!({"query": "sea", "key": "p1", "verdict": "irrelevant"});
    for (key, body, recorded) in [
        (&one, &relevant, "new"),
        (&one, &relevant, "same"),
        (&one, &irrelevant, "changed"),
        (&other, &relevant, "new"),
        (&one, &relevant, "changed"),
    ] {
        let answer = said(&app, key, body.clone()).await;
        let expected =
            json!({"release": 1, "search": "verse", "profile": "default", "recorded": recorded, "experiment": null});
        assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
    }
    said(&app, &one, json!({"query": "sea", "key": "p2", "verdict": "irrelevant"})).await;
    // A query of the greatest length, which no index of a database takes as it is.
    let long = json!({"query": "я".repeat(2_000), "key": "p2", "verdict": "irrelevant"});
    assert_eq!(said(&app, &one, long).await.status, 200);
    let (queries, qrels) = (project.path().join("q.jsonl"), project.path().join("q.tsv"));
    let files = ["--queries", queries.to_str().unwrap(), "--qrels", qrels.to_str().unwrap()];
    let printed = printed(&project, &[&["feedback", "--search", "verse"], &files[..]].concat());
    assert_eq!(printed, "written: 3 judgements of 2 queries");
    assert_eq!(
        std::fs::read_to_string(&qrels).unwrap(),
        "query-id\tcorpus-id\tscore\nq1\tp1\t1\nq1\tp2\t0\nq2\tp2\t0\n"
    );
    assert!(std::fs::read_to_string(&queries).unwrap().starts_with("{\"_id\":\"q1\",\"text\":\"sea\"}\n"));
    let nothing = rhapsode(&project, &[&["feedback", "--search", "other"], &files[..]].concat());
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("nothing was said of hits of `other` yet"));
}

#[tokio::test]
async fn what_is_said_of_no_hit_is_refused() {
    let (_project, app) = served_with("").await;
    let all = key(&app, "all").await;
    let with = |changed: Value| {
        let mut body = json!({"query": "sea", "key": "p1", "verdict": "relevant"});
        body.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        said(&app, &all, body)
    };
    refused(&with(json!({"key": "p9"})).await, 404, "unknown-key", "a key");
    refused(&with(json!({"profile": "nope"})).await, 400, "unknown-profile", "a profile");
    refused(&with(json!({"search": "nope"})).await, 404, "unknown-search", "a search");
    for wrong in [json!({"query": " "}), json!({"query": "я".repeat(2_001)}), json!({"verdict": "so-so"})] {
        assert_eq!(with(wrong.clone()).await.status, 400, "{wrong}");
    }
    let features = key_with(&app, "all", Some("features")).await;
    let body = json!({"query": "sea", "key": "p1", "verdict": "relevant"});
    refused(&said(&app, &features, body).await, 403, "missing-scope", "a scope");
}

async fn compares_profiles(project: &TestProject, app: &App) {
    let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..40 {
        let key = key(app, "all").await;
        let answer = searched(app, &key, json!({"query": "sea"})).await;
        assert_eq!(answer["experiment"], "spelling");
        given.entry(answer["profile"].as_str().unwrap().to_owned()).or_default().push(key);
    }
    assert_eq!(given.keys().collect::<Vec<_>>(), ["default", "literal"]);
    // The same in another process.
    let again = project.app();
    again.refresh().await.unwrap();
    for (profile, keys) in &given {
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(searched(&again, key, json!({"query": "night"})).await["profile"], **profile);
            // Of the default's hits one of two is relevant, of the other's three of four.
            let is_relevant = if profile == "default" { at % 2 == 0 } else { at % 4 != 0 };
            let verdict = if is_relevant { "relevant" } else { "irrelevant" };
            let answer = said(&again, key, json!({"query": "sea", "key": "p1", "verdict": verdict})).await.json();
            assert_eq!((&answer["profile"], &answer["experiment"]), (&json!(profile), &json!("spelling")));
        }
    }
    // Whoever names a profile takes no part, in what is counted and in what is said.
    let key = &given["default"][0];
    let named = searched(app, key, json!({"query": "sea", "profile": "literal"})).await;
    assert_eq!((&named["profile"], &named["experiment"]), (&json!("literal"), &Value::Null));
    let body = json!({"query": "sea", "key": "p2", "verdict": "relevant", "profile": "literal"});
    assert_eq!(said(app, key, body).await.json()["experiment"], Value::Null);
    let batch = json!({"searches": [{"query": "sea"}, {"query": "sea", "profile": "literal"}]});
    let batch = ask(app, "POST", "/api/search/batch", Some(key), batch).await.json();
    assert_eq!(
        (&batch["answers"][0]["experiment"], &batch["answers"][1]["experiment"]),
        (&json!("spelling"), &Value::Null)
    );
    app.sync_access().await;
    again.sync_access().await;
    let report: Value = serde_json::from_str(&printed(project, &["experiments", "report", "--json"])).unwrap();
    let report = &report[0];
    assert_eq!((&report["experiment"], &report["control"]), (&json!("spelling"), &json!("default")));
    for arm in report["arms"].as_array().unwrap() {
        let keys = &given[arm["profile"].as_str().unwrap()];
        let count = keys.len() as u64;
        let batched = u64::from(arm["profile"] == "default");
        assert_eq!(arm["share"], 0.5);
        assert_eq!(arm["keys"], count);
        assert_eq!(arm["searches"], 2 * count + batched);
        assert_eq!(arm["verdicts"], count);
        let relevant = if batched == 1 { count.div_ceil(2) } else { count - count.div_ceil(4) };
        assert_eq!(arm["relevant"], relevant);
        let rate = &arm["relevant_of_verdicts"];
        let value = rate["value"].as_f64().unwrap();
        assert!((value - relevant as f64 / count as f64).abs() < 1e-12);
        assert!(rate["low"].as_f64().unwrap() < value && value < rate["high"].as_f64().unwrap());
        assert_eq!(rate["difference"].is_null(), batched == 1);
    }
    let told = printed(project, &["experiments", "report", "spelling"]);
    assert!(told.contains("literal less default, of verdicts: +"), "{told}");
    let unknown = rhapsode(project, &["experiments", "report", "nope"]);
    let unknown = String::from_utf8_lossy(&unknown.stderr);
    assert!(unknown.contains("there is no experiment `nope`; there is `spelling`"), "{unknown}");
}

#[tokio::test]
async fn an_experiment_gives_each_key_a_profile_and_compares_them_in_sqlite() {
    let (project, app) = served_with(EXPERIMENT).await;
    compares_profiles(&project, &app).await;
    // One that has ended is told all the same.
    project.configure(TIERS);
    let report: Value = serde_json::from_str(&printed(&project, &["experiments", "report", "--json"])).unwrap();
    assert_eq!((&report[0]["search"], &report[0]["arms"][0]["share"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn an_experiment_gives_each_key_a_profile_and_compares_them_in_postgresql() {
    let server = crate::servers::postgres();
    let (project, app) = served_with(&format!("{EXPERIMENT}[state]\nurl = \"{}\"\n", server.url)).await;
    compares_profiles(&project, &app).await;
}

#[tokio::test]
async fn an_experiment_that_compares_nothing_is_refused() {
    for (wrong, reason) in [
        ("arms = { default = 1.0 }", "it compares two profiles or more"),
        ("arms = { default = 1.0, literal = 0.0 }", "the share of `literal` is no number above 0"),
        (
            "arms = { default = 1.0, literal = 1.0 }\n[experiments.b]\nsearch = \"verse\"\narms = { default = 1.0, literal = 1.0 }",
            "`a` is of the search `verse` too: end one of them",
        ),
    ] {
        let project = TestProject::new(DEFINITIONS);
        project.configure(&format!("[experiments.a]\nsearch = \"verse\"\n{wrong}\n"));
        let error = project.app().experiments().await.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_profile_that_the_release_has_not_is_given_to_nobody() {
    let gone = EXPERIMENT.replace("literal", "gone");
    let (_project, app) = served_with(&gone).await;
    for _ in 0..20 {
        let key = key(&app, "all").await;
        assert_eq!(searched(&app, &key, json!({"query": "sea"})).await["profile"], "default");
        let answer = said(&app, &key, json!({"query": "sea", "key": "p1", "verdict": "relevant"})).await;
        assert_eq!(answer.json()["profile"], "default");
    }
}

#[test]
fn intervals_of_people_with_many_verdicts_hold_the_truth() {
    // Each of 30 people calls hits relevant at a rate of their own, so that their verdicts are not independent.
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut unit = || f64::from(random.next_u32()) / f64::from(u32::MAX);
    let (mut shares, mut ratios, mut naive) = (0, 0, 0);
    for _ in 0..1_000 {
        let people: Vec<(f64, f64)> = (0..30)
            .map(|_| {
                let (rate, verdicts) = (unit(), 1 + (unit() * 40.0) as u32);
                (f64::from((0..verdicts).filter(|_| unit() < rate).count() as u32), f64::from(verdicts))
            })
            .collect();
        let ratio = Ratio::of(people.iter().copied()).unwrap();
        let (share, interval) = (ratio.share_interval().unwrap(), ratio.interval().unwrap());
        shares += u32::from(share.low <= 0.5 && 0.5 <= share.high);
        ratios += u32::from(interval.low <= 0.5 && 0.5 <= interval.high);
        let all: f64 = people.iter().map(|(_, verdicts)| verdicts).sum();
        naive += u32::from((ratio.value - 0.5).abs() <= 1.96 * (0.25 / all).sqrt());
    }
    assert!((930..=975).contains(&shares) && (930..=975).contains(&ratios), "{shares} {ratios}");
    assert!(naive < 700, "verdicts alone would hold it as often: {naive}");
    // Few who all say the same do not make certain.
    let alike = Ratio::of([(2.0, 2.0), (3.0, 3.0), (1.0, 1.0)].into_iter()).unwrap();
    assert!(alike.share_interval().unwrap().low < 0.5 && alike.interval().is_none() && alike.less(&alike).is_none());
    assert!(Ratio::of([(0.0, 0.0)].into_iter()).is_none());
    assert!(Ratio::of([(1.0, 2.0)].into_iter()).unwrap().share_interval().is_none());
    // 60 and 40 where half and half was meant: chi-squared 4 of one degree.
    assert!((spread_p(&[60.0, 40.0], &[1.0, 1.0]).unwrap() - 0.0455).abs() < 1e-4);
}
