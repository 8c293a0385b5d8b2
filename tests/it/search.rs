//! Search: definitions, the dataset of a search, and what is found.

use std::collections::BTreeMap;

use rhapsode::materialize::Work;
use serde_json::{Value, json};

use crate::check::check;
use crate::support::{Answer, TestProject, get, post, problem};

/// A small corpus that is searched by words.
const SEARCHED: &str = "\
kind: entity
name: piece
join_keys: [id]
---
kind: source
name: pieces
entity: piece
columns:
  - { name: id, dtype: string }
  - { name: title, dtype: string, licence: public-domain }
  - { name: text, dtype: string, licence: public-domain }
  - { name: year, dtype: int32 }
  - { name: share, dtype: float64 }
---
kind: feature_view
name: facts
entity: piece
sql: select id, year / 10 * 10 as decade from pieces
features: [{ name: decade, dtype: int32 }]
---
kind: search
name: pieces_found
entity: piece
source: pieces
languages: [en, ru]
text: [{ name: title, weight: 3 }, text]
filters: [year, share, decade, title]
facets: [decade, title]
";

const PIECES: &[(&str, &str, &str, Option<i32>)] = &[
    ("p1", "The Sea", "The waves were running high, and the sea was loud", Some(1843)),
    ("p2", "A Garden", "Roses by the sea wall, roses by the gate", Some(1850)),
    ("p3", "Night", "Running through the night, the river ran", None),
    ("p4", "Море", "Играют волны, ветер свищет, и мачта гнётся", Some(1832)),
    ("p5", "Café", "A cup of tea at noon", Some(1901)),
];

fn rows(pieces: &[(&str, &str, &str, Option<i32>)]) -> String {
    let row = |(index, (id, title, text, year)): (usize, &(&str, &str, &str, Option<i32>))| {
        json!({"id": id, "title": title, "text": text, "year": year, "share": index as f64 / 4.0}).to_string() + "\n"
    };
    pieces.iter().enumerate().map(row).collect()
}

async fn built() -> TestProject {
    let project = TestProject::new(SEARCHED);
    project.ingest("pieces", "pieces.jsonl", rows(PIECES)).await;
    project.build().await.unwrap();
    project
}

async fn found(project: &TestProject, request: Value) -> Answer {
    post(&project.app(), "/api/search", request.to_string()).await
}

fn keys(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let hits = body["hits"].as_array().unwrap_or_else(|| panic!("{body}"));
    hits.iter().map(|hit| hit["key"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_search_names_what_exists() {
    let search = "kind: search\nname: s\nentity: track\nsource: tracks\nlanguages: [en, xx]\ntext: [{ name: a, of: [lyrics, year] }, lyrcs]\nvectors: [lyrics]\nfilters: [year, year, track_id]\nfacets: [lyrics]\n";
    check(
        search,
        "view.yaml:5:17: unknown language `xx`; there is `da`, `de`, `el`, `en`, `en-emodeng`, `es`, `fi`, `fr`, `hu`, `it`, `nl`, `no`, `pl`, `pt`, `ro`, `ru`, `sv`, `tr`\n\
         view.yaml:6:32: `year` is int32; words are found in a string\n\
         view.yaml:6:41: neither `tracks` nor the features of `track` have `lyrcs`; did you mean `lyrics`?\n\
         view.yaml:7:11: `lyrics` is no vector that a model makes of a text; name a feature of a view with `embedding`: its model makes vectors of queries too\n\
         view.yaml:8:17: the filter `year` is written twice\n\
         view.yaml:8:23: `track_id` is a join key; filters may name it anyway\n\
         view.yaml:9:10: the facet `lyrics` is none of the filters; write it under `filters` too\n",
    )
    .await;
    check(
        "kind: search\nname: tracks\nentity: track\nsource: tracks\ntext: [{ name: lyrics, weight: 0.5 }]\n",
        "view.yaml:2:7: the name `tracks` is taken by the source at base.yaml:6:7; each is a table in SQL\n\
         view.yaml:5:32: `0.5` is not a weight: a whole number from 1 to 10; the field that counts least has 1\n",
    )
    .await;
}

#[tokio::test]
async fn a_search_is_over_what_has_one_row_of_each_key() {
    let plays = "kind: source\nname: plays\nentity: track\ntimestamp_field: at\ncolumns: [{ name: track_id, dtype: string }, { name: at, dtype: timestamp }, { name: note, dtype: string, licence: CC0-1.0 }]\n---\nkind: feature_view\nname: noted\nentity: track\ntimestamp_field: at\nsql: select track_id, at, note from plays\nfeatures: [{ name: note, dtype: string }]\n---\n";
    let search = |entity: &str, source: &str, text: &str| {
        format!("{plays}kind: search\nname: s\nentity: {entity}\nsource: {source}\ntext: [{text}]\n")
    };
    check(
        &search("track", "plays", "note"),
        "view.yaml:17:9: `plays` has a row for each moment; a search is over a source without time\n",
    )
    .await;
    check(
        &search("track", "tracks", "lyrics, note"),
        "view.yaml:18:16: `noted` has a row for each moment; a search is over what has one of each key\n",
    )
    .await;
    check(
        &search("trak", "trakcs", "lyrics"),
        "view.yaml:16:9: unknown entity `trak`; did you mean `track`?\n\
         view.yaml:17:9: unknown source `trakcs`; did you mean `tracks`?\n",
    )
    .await;
}

#[tokio::test]
async fn pieces_are_found_by_the_stems_of_their_words() {
    let project = built().await;
    let keyword = |query: &str| json!({"query": query, "mode": "keyword"});
    let answer = found(&project, keyword("runs")).await;
    assert_eq!(keys(&answer).len(), 2);
    assert_eq!(keys(&answer)[0], "p3", "it has the word twice, stemmed");
    assert_eq!(answer.json()["terms"], json!(["run"]));
    // A word of the title counts three times.
    assert_eq!(keys(&found(&project, keyword("sea")).await), ["p1", "p2"]);
    assert_eq!(keys(&found(&project, keyword("волна")).await), ["p4"]);
    assert_eq!(keys(&found(&project, keyword("cafe")).await), ["p5"]);
    let answer = found(&project, keyword("what of the kind")).await;
    assert_eq!((keys(&answer), &answer.json()["terms"]), (Vec::new(), &json!(["kind"])), "the others say nothing");
    assert_eq!(keys(&found(&project, keyword("of")).await), ["p5"], "there is no other");
    assert_eq!(keys(&found(&project, keyword("zebra")).await), Vec::<String>::new());
    // Where there are no vectors, both is by words.
    assert_eq!(keys(&found(&project, json!({"query": "sea"})).await), ["p1", "p2"]);
    let answer = found(&project, json!({"query": "sea", "mode": "semantic"})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (400, &json!("/problems/no-vectors")));
}

#[tokio::test]
async fn hits_have_scores_values_and_reasons_and_come_page_by_page() {
    let project = built().await;
    let answer = found(&project, json!({"query": "sea", "mode": "keyword", "limit": 1, "explain": true})).await;
    let body = answer.json();
    assert_eq!(answer.header("x-rhapsode-release"), "1");
    assert_eq!(body["search"], "pieces_found");
    let first = &body["hits"][0];
    assert_eq!(first["key"], "p1");
    let score = |hit: &Value| hit["score"].as_f64().unwrap();
    assert!(score(first) > 0.0 && score(first) < 1.0, "{body}");
    assert_eq!(first["explain"]["keyword"]["scaled"], first["score"]);
    assert_eq!(first["features"], json!({"year": 1843, "share": 0.0, "decade": 1840, "title": "The Sea"}));
    assert_eq!(first["explain"]["keyword"]["rank"], 1);
    assert_eq!(first["explain"]["semantic"], Value::Null);
    assert_eq!(body["next"], "1");
    let request = json!({"query": "sea", "mode": "keyword", "limit": 1, "facets": ["decade"]});
    let facets = found(&project, request).await.json()["facets"].clone();
    assert_eq!(facets, json!({"decade": [{"value": 1840, "count": 1}, {"value": 1850, "count": 1}]}));
    let rest = found(&project, json!({"query": "sea", "mode": "keyword", "limit": 1, "cursor": "1"})).await;
    assert_eq!(rest.json()["next"], Value::Null);
    let both: Vec<String> = keys(&answer).into_iter().chain(keys(&rest)).collect();
    let all = found(&project, json!({"query": "sea", "mode": "keyword"})).await;
    assert_eq!(both, keys(&all));
}

#[tokio::test]
async fn a_phrase_must_stand_there_and_what_is_excluded_must_not() {
    let project = built().await;
    let keyword = |query: &str| json!({"query": query, "mode": "keyword"});
    let answer = found(&project, keyword("\"roses by the gate\" sea")).await;
    assert_eq!(keys(&answer), ["p2"]);
    let body = answer.json();
    assert_eq!(
        (&body["terms"], &body["phrases"]),
        (&json!(["rose", "gate", "sea"]), &json!([["rose", "by", "the", "gate"]]))
    );
    assert_eq!(keys(&found(&project, keyword("\"gate roses\"")).await), Vec::<String>::new());
    let answer = found(&project, keyword("sea -rose")).await;
    assert_eq!((keys(&answer), &answer.json()["excluded"]), (vec!["p1".to_owned()], &json!([["rose"]])));
    assert_eq!(keys(&found(&project, keyword("sea -\"waves were\" -«волны»")).await), ["p2"]);
    // A hyphen within a word or alone, and a mark that nothing ends, are none.
    assert_eq!(keys(&found(&project, keyword("sea-wall - \"rose")).await), ["p2", "p1"]);
    let mut filtered = keyword("sea -rose");
    filtered["filter"] = json!("year > 1843");
    assert_eq!(keys(&found(&project, filtered).await), Vec::<String>::new());
    let answer = found(&project, keyword("-sea")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (400, &json!("/problems/invalid-query")));
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_with_a_remedy() {
    let project = built().await;
    let app = project.app();
    let send = |body: Value| {
        let app = app.clone();
        async move { post(&app, "/api/search", body.to_string()).await }
    };
    let answer = send(json!({"query": "sea", "search": "pieces_fond"})).await;
    problem(&answer, 404, "unknown-search", json!("search"), json!("pieces_fond"), "did you mean `pieces_found`?");
    for (filter, message) in [
        (json!("yeer > 1"), "yeer"),
        (json!("year > 'x'"), ""),
        (json!("lower(title) = 'x'"), "a filter has no function (`lower`)"),
        (json!("year + 1 > 5"), "a filter has no `+`"),
        (json!("cast(title as int) = 5"), "a filter has no cast of a column"),
        (json!("title similar to 'a'"), "a filter has no"),
        (json!("year"), ""),
        (json!(""), ""),
        (json!({}), "the filter is empty"),
        (json!({"year": {"above": 5}}), "there is no comparison `above`"),
        (json!({"year": {"gt": [5]}}), ""),
        (json!({"any": 5}), "`any` has a list of filters"),
        (json!({"nope": 5}), "nope"),
    ] {
        let answer = send(json!({"query": "sea", "filter": filter})).await;
        let body = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &body["type"]),
            (400, &json!("/problems/invalid-filter")),
            "{filter} {body}"
        );
        assert!(body["detail"].as_str().unwrap().contains(message), "{filter} {body}");
    }
    for (body, kind) in [
        (json!({"query": " "}), "invalid-query"),
        (json!({"query": "x".repeat(2_001)}), "invalid-query"),
        (json!({"query": "x", "facets": ["decad"]}), "unknown-facet"),
        (json!({"query": "x", "limit": 0}), "invalid-limit"),
        (json!({"query": "x", "limit": 201}), "invalid-limit"),
        (json!({"query": "x", "cursor": "-1"}), "invalid-cursor"),
        (json!({"query": "x", "weights": {"keyword": 0, "semantic": 0}}), "invalid-weights"),
    ] {
        let answer = send(body.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["type"]),
            (400, &json!(format!("/problems/{kind}"))),
            "{body}"
        );
    }
}

/// Conditions, and of which (year, decade, share, title) they are true.
type Truth = fn(Option<i32>, f64, &str) -> bool;

const FILTERS: &[(&str, &str, Truth)] = &[
    ("year > 1843", r#"{"year": {"gt": 1843}}"#, |year, _, _| year.is_some_and(|year| year > 1843)),
    ("year is null", r#"{"year": null}"#, |year, _, _| year.is_none()),
    ("not year > 1843", r#"{"not": {"year": {"gt": 1843}}}"#, |year, _, _| year.is_some_and(|year| year <= 1843)),
    ("decade in (1840, 1900)", r#"{"decade": [1840, 1900]}"#, |year, _, _| {
        year.is_some_and(|year| [1840, 1900].contains(&(year / 10 * 10)))
    }),
    ("title like '%a%' or share = 0", r#"{"any": [{"title": {"like": "%a%"}}, {"share": 0}]}"#, |_, share, title| {
        title.contains('a') || share == 0.0
    }),
    (
        "year between 1840 and 1850 and share <= 0.25",
        r#"{"year": {"gte": 1840, "lte": 1850}, "share": {"lte": 0.25}}"#,
        |year, share, _| year.is_some_and(|year| (1840..=1850).contains(&year)) && share <= 0.25,
    ),
    ("id <> 'p1'", r#"{"id": {"ne": "p1"}}"#, |_, share, _| share != 0.0),
];

#[tokio::test]
async fn a_filter_in_sql_and_in_json_lets_through_what_it_is_true_of() {
    let project = built().await;
    for (sql, form, truth) in FILTERS {
        let expected: Vec<String> = PIECES
            .iter()
            .enumerate()
            .filter(|(index, (_, title, _, year))| truth(*year, *index as f64 / 4.0, title))
            .map(|(_, (id, ..))| (*id).to_owned())
            .collect();
        for filter in [json!(sql), serde_json::from_str(form).unwrap()] {
            // Every piece has one of these words.
            let query = "sea roses night море tea";
            let mut hits = keys(&found(&project, json!({"query": query, "mode": "keyword", "filter": filter})).await);
            hits.sort();
            assert_eq!(hits, expected, "{filter}");
        }
    }
}

#[tokio::test]
async fn a_search_follows_its_rows_and_keeps_what_did_not_change() {
    let project = built().await;
    let again = project.build().await.unwrap();
    assert!(!again.published);
    // A row that changes, one that comes and one that goes.
    let changed = [("p2", "A Garden", "Lilies by the gate", Some(1850)), ("p6", "Dawn", "The lilies wake", Some(1860))];
    project.ingest("pieces", "more.jsonl", rows(&changed)).await;
    let report = project.build().await.unwrap();
    assert!(matches!(report.plan.searches[0].work, Work::Rows(_)), "{:?}", report.plan.searches[0].work);
    assert_eq!(report.release.searches[0].rows.rows, 6);
    let keyword = |query: &str| json!({"query": query, "mode": "keyword"});
    let mut lilies = keys(&found(&project, keyword("lily")).await);
    lilies.sort();
    assert_eq!(lilies, ["p2", "p6"]);
    assert_eq!(keys(&found(&project, keyword("roses")).await), Vec::<String>::new());
    // The release before answers as it did.
    let before = post(&project.app(), "/api/search?release=1", keyword("roses").to_string()).await;
    assert_eq!(keys(&before), ["p2"]);
    let all: Vec<_> = PIECES.iter().copied().filter(|(id, ..)| *id != "p1").collect();
    project.snapshot("pieces", "all.jsonl", rows(&all)).await;
    project.build().await.unwrap();
    assert_eq!(keys(&found(&project, keyword("sea")).await), ["p2"]);
    // Another filter is another column, and no other text.
    project.define(
        &SEARCHED.replace(
            "filters: [year, share, decade, title]\nfacets: [decade, title]",
            "filters: [year, share, decade]",
        ),
    );
    let report = project.build().await.unwrap();
    assert!(matches!(report.plan.searches[0].work, Work::Columns(_)), "{:?}", report.plan.searches[0].work);
    assert_eq!(keys(&found(&project, keyword("sea")).await), ["p2"]);
}

#[tokio::test]
async fn after_rounds_of_change_what_has_a_word_is_found_by_it() {
    let words = ["sea", "rose", "night", "gate", "wave", "tea"];
    let project = TestProject::new(SEARCHED);
    let mut pieces: BTreeMap<String, String> = BTreeMap::new();
    // A generator of its own, so that each run is the same.
    let mut seed = 7_u64;
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for round in 0..8 {
        let mut changed = Vec::new();
        for _ in 0..5 {
            let id = format!("p{:02}", draw(20));
            let text: Vec<&str> = (0..=draw(3)).map(|_| words[draw(words.len() as u64) as usize]).collect();
            changed.push((id, text.join(" ")));
        }
        // Of several rows with one key in one ingest the first is kept.
        pieces.extend(changed.iter().rev().cloned());
        let rows: String =
            changed.iter().map(|(id, text)| json!({"id": id, "text": text}).to_string() + "\n").collect();
        project.ingest("pieces", &format!("{round}.jsonl"), rows).await;
        project.build().await.unwrap();
        for word in words {
            let request = json!({"query": word, "mode": "keyword", "limit": 200, "typing": false});
            let mut hits = keys(&found(&project, request).await);
            hits.sort();
            let has = |text: &String| text.split(' ').any(|other| other == word);
            let expected: Vec<String> = pieces.iter().filter(|(_, text)| has(text)).map(|(id, _)| id.clone()).collect();
            assert_eq!(hits, expected, "`{word}` in round {round}");
        }
    }
}

/// The corpus, searched by meaning too.
fn with_vectors() -> String {
    let view = "---\nkind: feature_view\nname: meaning\nentity: piece\nsource: pieces\nembedding: { model: use, text: text, parts: [whole, stanzas] }\nfeatures:\n  - { name: meaning, expr: embedding.whole, dtype: \"vector[512]\" }\n  - { name: parts, expr: embedding.stanzas, dtype: \"list<vector[512]>\", online: off }\n---\nkind: search";
    SEARCHED.replace("---\nkind: search", view).replace("filters:", "vectors: [meaning, parts]\nfilters:")
}

#[tokio::test]
async fn pieces_are_found_by_what_they_mean_in_either_language() {
    let project = TestProject::new(&with_vectors());
    project.ingest("pieces", "pieces.jsonl", rows(PIECES)).await;
    project.build().await.unwrap();
    let semantic = |query: &str| json!({"query": query, "mode": "semantic", "explain": true});
    assert_eq!(keys(&found(&project, semantic("wind and waves, a mast that bends")).await)[0], "p4");
    assert_eq!(keys(&found(&project, semantic("чашка чая")).await)[0], "p5");
    let answer = found(&project, json!({"query": "a cup of tea", "explain": true})).await;
    let first = &answer.json()["hits"][0];
    assert_eq!(first["key"], "p5");
    let scaled = |leg: &str| first["explain"][leg]["scaled"].as_f64().unwrap();
    let mean = 0.65 * scaled("keyword") + 0.35 * scaled("semantic");
    assert!((first["score"].as_f64().unwrap() - mean).abs() < 1e-9, "{first}");
    assert_eq!((&first["explain"]["keyword"]["rank"], &first["explain"]["semantic"]["rank"]), (&json!(1), &json!(1)));
    // Every filter holds in every mode, and lets through all that is allowed.
    for (sql, _, truth) in FILTERS {
        let allowed = |(index, (_, title, _, year)): &(usize, &(&str, &str, &str, Option<i32>))| {
            truth(*year, *index as f64 / 4.0, title)
        };
        let pieces = PIECES.iter().enumerate();
        let expected: Vec<String> = pieces.filter(allowed).map(|(_, (id, ..))| (*id).to_owned()).collect();
        for mode in ["semantic", "hybrid"] {
            let answer = found(&project, json!({"query": "the sea", "mode": mode, "filter": sql})).await;
            let mut hits = keys(&answer);
            hits.sort();
            assert_eq!(hits, expected, "{mode} {sql}");
        }
    }
    let without = found(&project, json!({"query": "the sea -waves -\"Играют волны\"", "mode": "semantic"})).await;
    assert_eq!(keys(&without).len(), 3, "in every mode");
    let weighted = json!({"query": "чашка чая", "weights": {"keyword": 0.0, "semantic": 1.0}});
    assert_eq!(keys(&found(&project, weighted).await)[0], "p5");
}

#[tokio::test]
async fn a_release_without_a_search_says_so() {
    let project = TestProject::built().await;
    let answer = found(&project, json!({"query": "one"})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (404, &json!("/problems/no-search")));
    assert_eq!(get(&project.app(), "/api/search").await.status, 405);
}
