//! Recommendations: what is like what is asked, on planted groups.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::check::check;
use crate::support::{TestProject, get, problem, rhapsode};

const GROUPS: usize = 10;
const OF_GROUP: usize = 12;

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
  - { name: text, dtype: string, licence: CC0-1.0 }
  - { name: form, dtype: string, licence: CC0-1.0 }
  - { name: artist, dtype: string, licence: CC0-1.0 }
  - { name: secret, dtype: string, licence: proprietary }
  - { name: joy, dtype: float64 }
  - { name: year, dtype: int32 }
  - { name: born, dtype: timestamp }
  - { name: scores, dtype: list<float64> }
  - { name: tags, dtype: list<string>, licence: CC0-1.0 }
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
text: [text]
vectors: [meaning]
filters: [artist, year]
criteria:
  - { name: meaning, of: [meaning] }
  - { name: style, of: [form, joy] }
  - { name: era, of: [year, born] }
  - { name: subject, of: [scores] }
  - { name: tags, of: [tags], weight: 0 }
  - { name: hidden, of: [secret] }
";

const SUBJECTS: [&str; GROUPS] = [
    "a ship in a storm at sea, waves over the deck",
    "roses and lilies in the garden in spring",
    "soldiers marching to war, cannon and banners",
    "the city at night, neon lights and traffic",
    "bread, wine and a feast at the long table",
    "winter snow upon the silent mountains",
    "a mother singing her child to sleep",
    "money, debts and the stock exchange",
    "horses racing over the open field",
    "the priest prays in the cold stone church",
];

fn rows() -> String {
    let mut rows = String::new();
    for number in 0..GROUPS * OF_GROUP {
        let (group, place) = (number % GROUPS, number / GROUPS);
        let scores: Vec<f64> = (0..GROUPS).map(|of| if of == group { 1.0 } else { 0.1 }).collect();
        let form = ["abab", "aabb"][group % 2];
        let row = json!({
            "id": format!("p{number:03}"), "text": format!("{}, verse {place}", SUBJECTS[group]),
            "form": form, "artist": format!("artist {}", place % 4),
            "secret": format!("s{group}"), "joy": group as f64 + place as f64 / 100.0, "year": 1800 + 10 * group + place % 3,
            "born": format!("{}-01-01T00:00:00Z", 1700 + 10 * group), "scores": scores, "tags": [format!("t{group}"), "all"],
        });
        writeln!(rows, "{row}").unwrap();
    }
    rows
}

async fn built() -> TestProject {
    let project = TestProject::new(DEFINITIONS);
    project.ingest("pieces", "pieces.jsonl", rows()).await;
    project.build().await.unwrap();
    project
}

async fn recommended(project: &TestProject, query: &str) -> Value {
    let answer = get(&project.app(), &format!("/api/recommendations?{query}")).await;
    assert_eq!(answer.status, 200, "{query} {}", answer.json());
    answer.json()
}

fn keys(body: &Value) -> Vec<usize> {
    let pieces = body["recommendations"].as_array().unwrap_or_else(|| panic!("{body}"));
    pieces.iter().map(|piece| piece["key"].as_str().unwrap()[1..].parse().unwrap()).collect()
}

#[tokio::test]
async fn of_planted_groups_nine_of_ten_are_found_by_any_criterion() {
    let project = built().await;
    for weights in
        ["", "&weights=meaning:1", "&weights=style:1,era:1", "&weights=subject:1", "&weights=tags:1", "&weights=era:1"]
    {
        let (mut right, mut all) = (0, 0);
        for piece in 0..GROUPS * 2 {
            let body = recommended(&project, &format!("key=p{piece:03}{weights}")).await;
            let keys = keys(&body);
            assert_eq!(keys.len(), 10);
            assert!(!keys.contains(&piece), "not itself");
            right += keys.iter().filter(|key| *key % GROUPS == piece % GROUPS).count();
            all += keys.len();
        }
        assert!(right * 10 >= all * 9, "{right} of {all} by {weights}");
    }
}

#[tokio::test]
async fn recommendations_say_why_and_follow_what_is_asked() {
    let project = built().await;
    let body = recommended(&project, "key=p003&weights=meaning:3,era:1&limit=3").await;
    let first = &body["recommendations"][0];
    let reasons = first["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 2);
    let of = |name: &str| {
        let reason = reasons.iter().find(|reason| reason["criterion"] == name).unwrap();
        reason["likeness"].as_f64().unwrap()
    };
    let score = (3.0 * of("meaning") + of("era")) / 4.0;
    assert!((first["score"].as_f64().unwrap() - score).abs() < 1e-9, "{first}");
    assert_eq!(body["weights"], json!({"meaning": 3.0, "era": 1.0}));
    assert_eq!(first["features"]["year"].as_i64().unwrap() / 10, 183);
    // Several pieces, some left out, under a filter, with a cap.
    let several = recommended(&project, "key=p003;p013;p004&limit=20").await;
    assert!(keys(&several).iter().all(|key| [3, 4].contains(&(key % 10))), "{several}");
    let left = recommended(&project, "key=p003&leave_out=p013;p023&limit=50").await;
    assert!(keys(&left).iter().all(|key| ![3, 13, 23].contains(key)));
    let filtered = recommended(&project, "key=p003&filter=year%20%3C%201830").await;
    assert!(keys(&filtered).iter().all(|key| key % 10 < 3), "{filtered}");
    let capped = recommended(&project, "key=p003&at_most=artist:1&limit=100").await;
    assert_eq!(keys(&capped).len(), 4);
    // By taste alone: what is wished for.
    let wished = recommended(&project, "text=a%20storm%20at%20sea&weights=meaning:1").await;
    assert!(keys(&wished).iter().filter(|key| *key % 10 == 0).count() >= 9, "{wished}");
    let wished = recommended(&project, "like=joy:7,year:1870&limit=10").await;
    assert!(keys(&wished).iter().all(|key| key % 10 == 7), "{wished}");
    let wished = recommended(&project, "like=tags:t4&weights=tags:1").await;
    assert!(keys(&wished).iter().all(|key| key % 10 == 4), "{wished}");
}

#[tokio::test]
async fn diversity_brings_what_is_unlike() {
    let project = built().await;
    let groups = |body: &Value| {
        let mut groups: Vec<usize> = keys(body).iter().map(|key| key % GROUPS).collect();
        groups.sort_unstable();
        groups.dedup();
        groups.len()
    };
    let plain = recommended(&project, "key=p003&weights=meaning:1").await;
    let diverse = recommended(&project, "key=p003&weights=meaning:1&diversity=0.8").await;
    assert!(groups(&diverse) > groups(&plain), "{} > {}", groups(&diverse), groups(&plain));
    assert_eq!(keys(&plain)[0], keys(&diverse)[0], "the best stays the first");
}

#[tokio::test]
async fn what_is_restricted_is_no_criterion_for_those_who_may_not_read_it() {
    let project = built().await;
    let answer = get(&project.app(), "/api/recommendations?key=p003&weights=hidden:1").await;
    problem(
        &answer,
        400,
        "unknown-criterion",
        json!("weights"),
        json!("hidden"),
        "there is `meaning`, `style`, `era`, `subject`, `tags`",
    );
    let answer = get(&project.app(), "/api/recommendations?like=secret:s3").await;
    assert_eq!(answer.json()["type"], "/problems/unknown-feature");
    // On the command line, whoever may read the store may.
    let shown = rhapsode(&project, &["recommend", "p003", "--weights", "hidden=1", "--json"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap_or_else(|_| panic!("{shown:?}"));
    let keys = shown.as_array().unwrap().iter().map(|piece| piece["key"].as_str().unwrap().to_owned());
    assert!(keys.collect::<Vec<_>>().iter().all(|key| key.ends_with('3')), "{shown}");
}

#[tokio::test]
async fn recommendations_that_are_asked_wrongly_say_what_is_wrong() {
    let project = built().await;
    for (query, status, kind) in [
        ("", 400, "nothing-asked"),
        ("key=nope", 404, "unknown-key"),
        ("key=p001&leave_out=nope", 404, "unknown-key"),
        ("key=p001&weights=meanin:1", 400, "unknown-criterion"),
        ("key=p001&weights=meaning", 400, "invalid-parameter"),
        ("key=p001&weights=meaning:-1", 400, "invalid-parameter"),
        ("key=p001&weights=meaning:0", 400, "nothing-counts"),
        ("like=jo:1", 400, "unknown-feature"),
        ("like=joy:high", 400, "not-a-value"),
        ("like=scores:1", 400, "not-a-value"),
        ("key=p001&diversity=2", 400, "invalid-diversity"),
        ("key=p001&at_most=artist:0", 400, "invalid-parameter"),
        ("key=p001&at_most=artst:1", 400, "unknown-filter"),
        ("key=p001&limit=0", 400, "invalid-limit"),
        ("key=p001&filter=yeer%20%3E%201", 400, "invalid-filter"),
        ("key=p001&search=nope", 404, "unknown-search"),
        ("key=p001&nope=1", 400, "unknown-parameter"),
    ] {
        let answer = get(&project.app(), &format!("/api/recommendations?{query}")).await;
        let expected = (status, &json!(format!("/problems/{kind}")));
        assert_eq!((answer.status.as_u16(), &answer.json()["type"]), expected, "{query} {}", answer.json());
    }
    let many: Vec<String> = (0..51).map(|key| format!("p{key:03}")).collect();
    let answer = get(&project.app(), &format!("/api/recommendations?key={}", many.join(";"))).await;
    assert_eq!(answer.json()["type"], "/problems/too-many");
    let like = |count: usize| format!("like={}", vec!["joy:1"; count].join(","));
    let answer = get(&project.app(), &format!("/api/recommendations?{}", like(51))).await;
    assert_eq!(answer.json()["type"], "/problems/too-many");
    assert_eq!(keys(&recommended(&project, &like(50)).await).len(), 10);
    for wrong in [["--weights", "meaning=-1"], ["--diversity", "2"], ["--at-most", "artist=0"]] {
        let output = rhapsode(&project, &["recommend", "p001", wrong[0], wrong[1]]);
        assert!(!output.status.success(), "{wrong:?}");
    }
    let bare = TestProject::new(&DEFINITIONS[..DEFINITIONS.find("criteria:").unwrap()]);
    bare.ingest("pieces", "pieces.jsonl", rows()).await;
    bare.build().await.unwrap();
    let answer = get(&bare.app(), "/api/recommendations?key=p001").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (404, &json!("/problems/no-criteria")));
}

#[tokio::test]
async fn a_criterion_names_what_can_be_compared() {
    check(
        "kind: feature_view\nname: embedded\nentity: track\nsource: tracks\nembedding: { model: use, text: lyrics }\nfeatures: [{ name: meaning, expr: embedding.whole, dtype: \"vector[512]\" }]\n---\nkind: search\nname: s\nentity: track\nsource: tracks\ntext: [lyrics]\ncriteria:\n  - { name: a, of: [meaning, yeer] }\n  - { name: a, of: [], weight: -1 }\n",
        "view.yaml:14:21: `meaning` has vectors, which are a criterion by themselves\n\
         view.yaml:14:21: `meaning` is none of the search's vectors; write it under `vectors` too\n\
         view.yaml:14:30: neither `tracks` nor the features of `track` have `yeer`; did you mean `year`?\n\
         view.yaml:15:13: the criterion `a` is written twice\n\
         view.yaml:15:20: `of` is empty\n\
         view.yaml:15:32: `-1` is not a weight: a number, 0 or more\n",
    )
    .await;
}
