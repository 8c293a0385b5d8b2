//! The steps of a search beside retrieval: understanding, priors, diversity, highlights, profiles, batches.

use serde_json::{Value, json};

use crate::check::check;
use crate::support::{Answer, TestProject, post, printed, problem};

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
  - { name: notes, dtype: string, licence: proprietary }
  - { name: artist, dtype: string, licence: CC0-1.0 }
  - { name: year, dtype: int32 }
  - { name: born, dtype: date }
  - { name: plays, dtype: int64 }
---
kind: search
name: found
entity: piece
source: pieces
languages: [en, ru]
text: [title, text, { name: remarks, of: [notes] }]
filters: [artist, year, born, plays]
synonyms:
  - [sea, ocean, море]
  - { from: [bark], to: [sailing ship] }
profiles:
  - { name: loved, mode: keyword, priors: [{ feature: plays, weight: 1 }] }
  - { name: old, mode: keyword, priors: [{ feature: year, weight: 4, from: 1900, to: 1800 }, { feature: born, weight: 0.001 }] }
  - { name: verbatim, typing: false, expand: false }
  - { name: one_each, at_most: { artist: 1 } }
";

fn rows() -> String {
    let row = |id: &str, title: &str, text: &str, artist: Option<&str>, year: i32, plays: Option<i64>| {
        json!({"id": id, "title": title, "text": text, "notes": format!("secret of {id}"), "artist": artist, "year": year,
            "born": format!("{}-01-01", year - 30), "plays": plays})
        .to_string()
            + "\n"
    };
    [
        row(
            "p1",
            "The Sea",
            "The waves were running high\nand the sea was loud\n\nI sat at home",
            Some("John Keats"),
            1843,
            Some(10),
        ),
        row("p2", "The Sea Wall", "Roses by the sea wall\nroses by the gate", Some("John Keats"), 1850, Some(1_000)),
        row("p3", "Night", "Through the night the river ran\nThe sea was far away", None, 1812, None),
        row("p4", "Море", "Играют волны, ветер свищет\nи мачта гнётся", Some("Лермонтов"), 1832, Some(500)),
        row("p5", "Ocean", "An ocean liner, a sailing vessel", None, 1901, Some(0)),
    ]
    .concat()
}

async fn built() -> TestProject {
    let project = TestProject::new(SEARCHED);
    project.ingest("pieces", "pieces.jsonl", rows()).await;
    project.build().await.unwrap();
    project
}

async fn found(project: &TestProject, request: Value) -> Answer {
    post(&project.app(), "/api/search", request.to_string()).await
}

fn keys(body: &Value) -> Vec<&str> {
    let hits = body["hits"].as_array().unwrap_or_else(|| panic!("{body}"));
    hits.iter().map(|hit| hit["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_word_that_no_text_has_is_read_as_the_one_that_was_meant() {
    let project = built().await;
    for (query, meant, hit) in [
        // A letter too few, one too many, another one, two the other way round.
        ("nght", "night", "p3"),
        ("rozes", "rose", "p2"),
        ("rivar", "river", "p3"),
        ("wavse", "wave", "p1"),
        // Two errors from eight letters on.
        ("throuhg nigth", "through night", "p3"),
        ("ветир", "ветер", "p4"),
    ] {
        let body = found(&project, json!({"query": query})).await.json();
        assert_eq!(keys(&body).first(), Some(&hit), "{query} {body}");
        let added = body["added_terms"].as_array().unwrap();
        assert!(!added.is_empty() && added.iter().all(|added| added["reason"] == "typing"), "{body}");
        assert_eq!(body["terms"], json!(meant.split(' ').collect::<Vec<_>>()), "{query} {body}");
        let verbatim = found(&project, json!({"query": query, "typing": false})).await.json();
        assert_eq!((keys(&verbatim), &verbatim["added_terms"]), (Vec::new(), &json!([])), "{query}");
        let verbatim = found(&project, json!({"query": query, "profile": "verbatim"})).await.json();
        assert_eq!(keys(&verbatim), Vec::<&str>::new(), "{query}");
    }
    // Where most words are unknown, they are of another language.
    let body = found(&project, json!({"query": "la rozes du nght", "expand": false})).await.json();
    assert_eq!(body["added_terms"], json!([]), "{body}");
    // What a text has is not changed, nor is a number, what is too short or too far away, and what stands in a phrase.
    for query in ["was", "1844", "xn", "zebras", "\"nght\""] {
        let body = found(&project, json!({"query": query})).await.json();
        assert_eq!(body["added_terms"], json!([]), "{query}");
    }
    let body = found(&project, json!({"query": "\"the sea\" loudd", "expand": false})).await.json();
    assert_eq!((keys(&body)[0], &body["phrases"]), ("p1", &json!([["the", "sea"]])), "{body}");
    assert_eq!(body["added_terms"], json!([{"term": "loud", "for": "loudd", "reason": "typing"}]));
}

#[tokio::test]
async fn words_of_a_restricted_text_are_not_told_by_what_a_typing_error_is_read_as() {
    let project = built().await;
    let body = found(&project, json!({"query": "secrat"})).await.json();
    assert_eq!((keys(&body), &body["added_terms"]), (Vec::new(), &json!([])));
    // On the command line, whoever may read the store may.
    let shown = printed(&project, &["search", "secrat"]);
    assert!(shown.contains("looked for secret: no text has `secrat`"), "{shown}");
}

#[tokio::test]
async fn of_a_query_of_misspelt_words_the_first_are_read_as_others() {
    let project = built().await;
    let misspelt = ["nigt", "rosees", "gatte", "loudd", "highh", "wavse", "riverr", "farr"];
    let known = "waves running high sea loud sat home wall gate river";
    let words = |count: usize| {
        format!("{known} {}", misspelt.iter().cycle().take(count).copied().collect::<Vec<_>>().join(" "))
    };
    let corrected = |body: Value| body["added_terms"].as_array().unwrap().len();
    let request = |count: usize| json!({"query": words(count), "expand": false});
    assert_eq!(corrected(found(&project, request(32)).await.json()), 28, "`rosees` has the stem of `rose`");
    assert_eq!(corrected(found(&project, request(80)).await.json()), 32);
}

#[tokio::test]
async fn synonyms_are_looked_for_too_and_count_less() {
    let project = built().await;
    let body = found(&project, json!({"query": "ocean", "explain": true})).await.json();
    assert_eq!(keys(&body)[0], "p5", "what was asked for comes first: {body}");
    assert_eq!(keys(&body).len(), 5, "{body}");
    assert_eq!(
        body["added_terms"],
        json!([{"term": "sea", "for": "ocean", "reason": "synonym"}, {"term": "мор", "for": "ocean", "reason": "synonym"}])
    );
    assert_eq!(body["terms"], json!(["ocean"]));
    let body = found(&project, json!({"query": "ocean", "expand": false})).await.json();
    assert_eq!((keys(&body), &body["added_terms"]), (vec!["p5"], &json!([])));
    // One way, of several words.
    let body = found(&project, json!({"query": "bark", "typing": false})).await.json();
    assert_eq!(keys(&body), ["p5"]);
    let body = found(&project, json!({"query": "sailing ship"})).await.json();
    assert_eq!(body["added_terms"], json!([]));
}

#[tokio::test]
async fn a_query_may_have_conditions() {
    let project = built().await;
    for (query, expected) in [
        ("sea year:1840..1850", vec!["p2", "p1"]),
        ("sea year:1850..", vec!["p2"]),
        ("sea year:..1812", vec!["p3"]),
        ("sea year:1843", vec!["p1"]),
        ("sea -year:1843", vec!["p2", "p3"]),
        ("sea artist:\"john keats\"", vec!["p2", "p1"]),
        ("sea artist:john", vec![]),
        ("sea artist:J%", vec![]),
        ("sea born:1813-01-01..1819-12-31", vec!["p1"]),
        ("море artist:лермонтов", vec!["p4"]),
    ] {
        let body = found(&project, json!({"query": query, "expand": false})).await.json();
        assert_eq!(keys(&body), expected, "{query} {body}");
        assert_eq!(body["conditions"].as_array().unwrap().len(), 1, "{query}");
    }
    let body = found(&project, json!({"query": "gate sea:wall note:x"})).await.json();
    assert_eq!((keys(&body)[0], &body["conditions"]), ("p2", &json!([])), "what is no filter is words: {body}");
    let answer = found(&project, json!({"query": "sea year:old"})).await;
    let body = answer.json();
    assert_eq!((answer.status.as_u16(), &body["type"]), (400, &json!("/problems/invalid-filter")));
    assert!(body["detail"].as_str().unwrap().contains("`old` is no value of `year`"), "{body}");
    let answer = found(&project, json!({"query": "year:1843"})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (400, &json!("/problems/invalid-query")));
}

#[tokio::test]
async fn hits_show_the_lines_that_have_what_was_looked_for() {
    let project = built().await;
    let body = found(&project, json!({"query": "loud seas", "mode": "keyword", "highlight": true})).await.json();
    assert_eq!(body["hits"][0]["highlights"], json!(["The Sea", "and the sea was loud"]));
    let highlight = json!({"lines": 1, "before": "<b>", "after": "</b>"});
    let body = found(&project, json!({"query": "loud seas", "mode": "keyword", "highlight": highlight})).await.json();
    assert_eq!(body["hits"][0]["highlights"], json!(["and the <b>sea</b> was <b>loud</b>"]));
    let body = found(&project, json!({"query": "loud"})).await.json();
    assert_eq!(body["hits"][0].get("highlights"), None, "it was not asked for");
    let mark = |length: usize| json!({"query": "loud", "highlight": {"lines": 10, "before": "é".repeat(length)}});
    assert_eq!(found(&project, mark(64)).await.status, 200);
    for wrong in [mark(65), json!({"query": "loud", "highlight": {"lines": 11}})] {
        let answer = found(&project, wrong).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (400, &json!("/problems/invalid-highlight")));
    }
}

#[tokio::test]
async fn priors_make_pieces_stand_higher() {
    let project = built().await;
    let plain = found(&project, json!({"query": "sea", "mode": "keyword", "expand": false})).await.json();
    assert_eq!(keys(&plain), ["p2", "p1", "p3"]);
    let loved = json!({"query": "sea", "profile": "loved", "expand": false, "explain": true});
    let loved = found(&project, loved).await.json();
    assert_eq!(keys(&loved), ["p2", "p1", "p3"]);
    for hit in loved["hits"].as_array().unwrap() {
        let share = hit["explain"]["priors"]["plays"].as_f64().unwrap();
        let expected = match hit["key"].as_str().unwrap() {
            "p1" => 0.01,
            "p2" => 1.0,
            _ => 0.0,
        };
        assert!((share - expected).abs() < 1e-9, "{hit}");
        let score = (hit["explain"]["relevance"].as_f64().unwrap() + share) / 2.0;
        assert!((hit["score"].as_f64().unwrap() - score).abs() < 1e-9, "{hit}");
    }
    let old = found(&project, json!({"query": "sea", "profile": "old", "expand": false})).await.json();
    assert_eq!(keys(&old), ["p3", "p1", "p2"], "from 1900 down to 1800");
}

#[tokio::test]
async fn of_one_value_there_are_so_many_at_most() {
    let project = built().await;
    let capped = json!({"query": "sea", "expand": false, "at_most": {"artist": 1}, "facets": []});
    assert_eq!(keys(&found(&project, capped).await.json()), ["p2", "p3"], "what has no artist stays");
    let profile = json!({"query": "sea", "expand": false, "profile": "one_each"});
    assert_eq!(keys(&found(&project, profile).await.json()), ["p2", "p3"]);
    let answer = found(&project, json!({"query": "sea", "at_most": {"artst": 1}})).await;
    problem(&answer, 400, "unknown-filter", json!("at_most"), json!("artst"), "did you mean `artist`?");
    let answer = found(&project, json!({"query": "sea", "at_most": {"artist": 0}})).await;
    assert_eq!(answer.json()["type"], "/problems/invalid-at-most");
    let answer = found(&project, json!({"query": "sea", "diversity": 1.5})).await;
    assert_eq!(answer.json()["type"], "/problems/invalid-diversity");
    let answer = found(&project, json!({"query": "sea", "diversity": 0.5})).await;
    assert_eq!(answer.json()["type"], "/problems/no-vectors");
    let answer = found(&project, json!({"query": "sea", "profile": "lovd"})).await;
    problem(&answer, 400, "unknown-profile", json!("profile"), json!("lovd"), "did you mean `loved`?");
}

#[tokio::test]
async fn a_batch_answers_each_search_as_by_itself() {
    let project = built().await;
    let searches = [
        json!({"query": "sea", "limit": 2, "explain": true}),
        json!({"query": "roses", "highlight": true}),
        json!({"query": "nothing like it"}),
    ];
    let answer = post(&project.app(), "/api/search/batch", json!({"searches": searches}).to_string()).await;
    let body = answer.json();
    assert_eq!(answer.status, 200, "{body}");
    for (search, of_batch) in searches.iter().zip(body["answers"].as_array().unwrap()) {
        assert_eq!(found(&project, search.clone()).await.json(), *of_batch);
    }
    let wrong = json!({"searches": [{"query": "sea"}, {"query": "sea", "limit": 500}]});
    let answer = post(&project.app(), "/api/search/batch", wrong.to_string()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (400, &json!("searches[1].limit")));
    for searches in [json!([]), json!(vec![json!({"query": "sea"}); 101])] {
        let answer = post(&project.app(), "/api/search/batch", json!({"searches": searches}).to_string()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (400, &json!("/problems/invalid-batch")));
    }
}

#[tokio::test]
async fn another_profile_is_another_release_of_the_same_rows() {
    let project = built().await;
    project.define(&SEARCHED.replace("name: loved, mode: keyword", "name: loved, mode: keyword, diversity: 0"));
    let report = project.build().await.unwrap();
    assert!(!report.published, "it is what the profile says anyway");
    assert_eq!(report.release.searches[0].profiles.len(), 4);
    project.define(&SEARCHED.replace("artist: 1", "artist: 2"));
    let before = report.release.searches[0].rows.data.clone();
    let report = project.build().await.unwrap();
    assert!(report.published);
    assert_eq!(report.release.searches[0].profiles[3].at_most["artist"], 2);
    assert_eq!(report.release.searches[0].rows.data, before);
}

#[tokio::test]
async fn pieces_that_are_alike_stand_apart() {
    let view = "---\nkind: feature_view\nname: meaning\nentity: piece\nsource: pieces\nembedding: { model: use, text: text, parts: [whole, sentences] }\nfeatures:\n  - { name: meaning, expr: embedding.whole, dtype: \"vector[512]\" }\n  - { name: lines, expr: embedding.sentences, dtype: \"list<vector[512]>\", online: off }\n---\nkind: search";
    let definitions = SEARCHED
        .replace("---\nkind: search", view)
        .replace("filters:", "vectors: [meaning, lines]\nfilters:")
        .replace("{ name: verbatim,", "{ name: by_line, mode: semantic, vectors: [lines] }\n  - { name: verbatim,");
    let project = TestProject::new(&definitions);
    let text = |id: &str, text: &str| json!({"id": id, "text": text}).to_string() + "\n";
    let rows = [
        text("a1", "the cat sat on the mat"),
        text("a2", "a cat sat on a mat"),
        text("a3", "on the mat there sat a cat"),
        text("b", "a cat that walks alone by night\nStocks fell sharply after the report"),
    ];
    project.ingest("pieces", "pieces.jsonl", rows.concat()).await;
    project.build().await.unwrap();
    let query = "a cat on a mat";
    let plain = found(&project, json!({"query": query, "mode": "semantic"})).await.json();
    assert_eq!(keys(&plain)[3], "b", "{plain}");
    let diverse = found(&project, json!({"query": query, "mode": "semantic", "diversity": 0.7})).await.json();
    assert_eq!((keys(&diverse)[0], keys(&diverse)[1]), (keys(&plain)[0], "b"), "{diverse}");
    // Page by page it is the same order.
    let mut pages = Vec::new();
    for cursor in ["0", "1", "2", "3"] {
        let page = json!({"query": query, "mode": "semantic", "diversity": 0.7, "limit": 1, "cursor": cursor});
        pages.push(keys(&found(&project, page).await.json())[0].to_owned());
    }
    assert_eq!(pages, keys(&diverse));
    // By the nearest of its lines, which is shown where no word of it was looked for.
    let by_line = json!({"query": "the market crashed", "profile": "by_line", "highlight": {"lines": 1}});
    let by_line = found(&project, by_line).await.json();
    assert_eq!(keys(&by_line)[0], "b", "{by_line}");
    assert_eq!(by_line["hits"][0]["highlights"], json!(["Stocks fell sharply after the report"]), "{by_line}");
}

#[tokio::test]
async fn a_word_of_another_language_is_looked_for_by_the_words_that_mean_the_same() {
    let view = "---\nkind: feature_view\nname: meaning\nentity: piece\nsource: pieces\nembedding: { model: use, text: text }\nfeatures: [{ name: meaning, expr: embedding.whole, dtype: \"vector[512]\" }]\n---\nkind: search";
    let definitions = SEARCHED
        .replace("---\nkind: search", view)
        .replace("filters:", "vectors: [meaning]\nrelated_words: 1000\nfilters:");
    let project = TestProject::new(&definitions);
    project.ingest("pieces", "pieces.jsonl", rows()).await;
    let built = project.build().await.unwrap();
    let words = built.release.searches[0].word_vectors.clone().unwrap();
    assert_eq!((words.limit, words.words > 20), (1_000, true), "{words:?}");
    let related = |body: &Value| {
        let added = body["added_terms"].as_array().unwrap().clone();
        assert!(added.iter().all(|added| added["reason"] == "related"), "{body}");
        added.iter().map(|added| added["term"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let keyword = |query: &str| json!({"query": query, "mode": "keyword"});
    let body = found(&project, keyword("ночь")).await.json();
    assert_eq!((keys(&body), related(&body).contains(&"night".to_owned())), (vec!["p3"], true), "{body}");
    let body = found(&project, keyword("мачты")).await.json();
    assert_eq!((keys(&body), related(&body)), (vec!["p4"], vec![]), "what a text has is looked for as it is");
    // Beside words that texts have, where that is asked.
    let body = found(&project, keyword("waves")).await.json();
    assert_eq!((keys(&body), related(&body)), (vec!["p1"], vec![]));
    let body = found(&project, json!({"query": "waves", "mode": "keyword", "related": true})).await.json();
    assert_eq!(keys(&body)[0], "p1", "what is asked for counts more");
    assert!(keys(&body).contains(&"p4") && related(&body).contains(&"волн".to_owned()), "{body}");
    // Words of a restricted text are not told.
    let body = found(&project, keyword("секрет")).await.json();
    assert!(!related(&body).contains(&"secret".to_owned()), "{body}");
    let shown = printed(&project, &["search", "секрет", "--mode", "keyword"]);
    assert!(shown.contains("looked for secret: near in meaning to `секрет`"), "{shown}");
    let body = found(&project, json!({"query": "ночь", "mode": "keyword", "expand": false})).await.json();
    assert_eq!((keys(&body), related(&body)), (vec![], vec![]));
    // What did not change is kept, and a word that comes is added.
    let again = project.build().await.unwrap();
    assert!(!again.published && again.plan.is_empty());
    project
        .ingest("pieces", "more.jsonl", json!({"id": "p6", "title": "Bread", "text": "a loaf of bread"}).to_string())
        .await;
    let more = project.build().await.unwrap().release.searches[0].word_vectors.clone().unwrap();
    assert_eq!(more.words, words.words + 2, "loaf and bread");
    let body = found(&project, keyword("хлеб")).await.json();
    assert_eq!(keys(&body)[0], "p6", "{body}");
}

#[tokio::test]
async fn a_profile_names_what_exists() {
    let search = |profiles: &str| {
        format!(
            "kind: search\nname: s\nentity: track\nsource: tracks\ntext: [lyrics]\nfilters: [year]\nsynonyms: [[sea], {{ from: [a] }}]\nprofiles:\n{profiles}"
        )
    };
    check(
        &search(
            "  - { name: a, mode: hybird, fusion: sum, weights: { keyword: -1, semantic: 1 }, typing: maybe, diversity: 2 }\n  - { name: a, vectors: [meaning], at_most: { yeer: 1, year: none }, priors: [{ feature: plays, weight: 0 }] }\n",
        ),
        "view.yaml:7:12: a group of synonyms has two words or more\n\
         view.yaml:7:19: this way of synonyms has no `to`\n\
         view.yaml:9:22: unknown mode `hybird`; did you mean `hybrid`?\n\
         view.yaml:9:38: unknown fusion `sum`; there is `scores`, `ranks`\n\
         view.yaml:9:63: `-1` is not a weight: a number, 0 or more\n\
         view.yaml:9:90: unknown typing `maybe`; there is `true`, `false`\n\
         view.yaml:9:108: `2` is not a share: a number from 0 to 1\n\
         view.yaml:10:13: the profile `a` is written twice\n\
         view.yaml:10:26: unknown vectors `meaning`; no vectors is defined\n\
         view.yaml:10:47: unknown filter `yeer`; did you mean `year`?\n\
         view.yaml:10:62: how many hits have one value is a whole number, 1 or more\n\
         view.yaml:10:105: `0` is not a weight: a number above 0\n",
    )
    .await;
    check(
        "kind: search\nname: s\nentity: track\nsource: tracks\ntext: [lyrics]\nrelated_words: 0\n---\nkind: search\nname: t\nentity: track\nsource: tracks\ntext: [lyrics]\nfilters: [lyrics]\nrelated_words: 100\nprofiles: [{ name: a, priors: [{ feature: lyrics, weight: 1 }] }]\n",
        "view.yaml:6:16: `0` is not a number of words: from 1 to 100000\n\
         view.yaml:9:7: `related_words` needs `vectors`, whose model makes those of words too\n\
         view.yaml:15:43: `lyrics` is string; a prior is a number or a moment\n",
    )
    .await;
}
