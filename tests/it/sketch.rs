//! Sketches: how alike texts are, and which rows of a corpus are copies.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rhapsode::analyze::sketch::{BANDS, Match, duplicates, similarity, sketch};
use rhapsode::materialize::Work;
use serde_json::{Value, json};

use crate::support::{DEFINITIONS, TestProject, get, post};

const COPIES: &str = "---
kind: feature_view
name: sketch
entity: track
source: tracks
analyzer: { name: sketch, text: lyrics }
features:
  - { name: text_sketch, expr: sketch.sketch, dtype: list<int64> }
  - { name: sketch_words, expr: sketch.words, dtype: int32 }
---
kind: feature_view
name: duplicates
entity: track
corpus: { name: near_duplicates, view: sketch, sketch: text_sketch, prefer: sketch_words }
features:
  - { name: duplicate_of, expr: canonical, dtype: string }
  - { name: duplicate_similarity, expr: similarity, dtype: float64 }
  - { name: copies, dtype: int32 }
";

fn numbers(text: &str) -> Vec<i64> {
    sketch(text).sketch.unwrap()
}

/// The share of runs of three words that both have, of those that either has.
fn jaccard(a: &[&str], b: &[&str]) -> f64 {
    let runs = |words: &[&str]| words.windows(3).map(|run| run.join(" ")).collect::<BTreeSet<String>>();
    let (a, b) = (runs(a), runs(b));
    a.intersection(&b).count() as f64 / a.union(&b).count() as f64
}

#[test]
fn case_marks_and_line_breaks_do_not_matter() {
    let plain = numbers("the curfew tolls the knell of parting day the lowing herd winds");
    assert_eq!(numbers("The curfew tolls, the KNELL of parting day;\r\nThe lowing — herd\n\n\nwinds!"), plain);
    assert_eq!(plain.len(), BANDS);
    assert_eq!(sketch("seven words are not enough for one").sketch, None);
    assert_eq!(sketch("seven words are not enough for one").words, 7);
    assert_eq!(sketch("").words, 0);
}

/// The values of version 1. If this fails on purpose, the analyzer needs a new version.
#[test]
fn sketch_version_1() {
    let numbers = numbers("In Xanadu did Kubla Khan a stately pleasure-dome decree");
    let digest = numbers.iter().fold(0_i64, |digest, number| digest.rotate_left(7) ^ number);
    assert_eq!(digest, -7_082_142_715_708_292_121);
}

proptest! {
    /// The standard error is 0.045 at most: five of them.
    #[test]
    fn a_sketch_estimates_what_texts_share(
        words in prop::collection::vec("[a-e]{1,3}", 8..120),
        changed in prop::collection::vec((any::<prop::sample::Index>(), "[f-h]{1,2}"), 0..12),
    ) {
        let mut other = words.clone();
        for (place, word) in changed {
            let place = place.index(other.len());
            other[place] = word;
        }
        let (a, b): (Vec<&str>, Vec<&str>) =
            (words.iter().map(String::as_str).collect(), other.iter().map(String::as_str).collect());
        let estimated = similarity(&numbers(&a.join(" ")), &numbers(&b.join("\n")));
        prop_assert!((estimated - jaccard(&a, &b)).abs() < 0.23, "{estimated} for {}", jaccard(&a, &b));
    }

    /// Every pair compared, in order, where bands find only some.
    #[test]
    fn copies_are_those_that_comparing_every_pair_finds(
        texts in prop::collection::vec((0_usize..4, prop::collection::vec((0_usize..60, 0_usize..9), 0..4)), 1..24),
        order in any::<prop::sample::Index>(),
    ) {
        let base: Vec<String> = (0..240).map(|word| format!("word{word}")).collect();
        let sketches: Vec<Vec<i64>> = texts
            .iter()
            .map(|(of, changes)| {
                let mut words = base[of * 60..of * 60 + 60].to_vec();
                changes.iter().for_each(|(place, by)| words[*place] = format!("other{by}"));
                numbers(&words.join(" "))
            })
            .collect();
        let sketches: Vec<Option<&[i64]>> = sketches.iter().map(|sketch| Some(sketch.as_slice())).collect();
        let mut rows: Vec<usize> = (0..texts.len()).collect();
        rows.rotate_left(order.index(texts.len()));
        let mut expected: Vec<Option<Match>> = vec![None; texts.len()];
        let mut canonical: Vec<usize> = Vec::new();
        for row in &rows {
            let of = |other: &usize| similarity(sketches[*row].unwrap(), sketches[*other].unwrap());
            let mut best = Match { row: *row, similarity: 0.0 };
            for other in &canonical {
                if of(other) >= 0.7 && of(other) > best.similarity {
                    best = Match { row: *other, similarity: of(other) };
                }
            }
            if best.row == *row {
                canonical.push(*row);
                best.similarity = 1.0;
            }
            expected[*row] = Some(best);
        }
        prop_assert_eq!(duplicates(&sketches, &rows, 0.7), expected);
    }
}

#[test]
fn no_chain_of_small_changes_leads_from_one_text_to_another() {
    let words = |from: usize| (from..from + 60).map(|word| format!("word{word}")).collect::<Vec<_>>().join(" ");
    let sketches: Vec<Vec<i64>> = (0..6).map(|step| numbers(&words(step * 15))).collect();
    let rows: Vec<Option<&[i64]>> = sketches.iter().map(|sketch| Some(sketch.as_slice())).collect();
    let found = duplicates(&rows, &[0, 1, 2, 3, 4, 5], 0.4);
    for (row, of) in found.iter().enumerate() {
        let of = of.unwrap();
        assert!(of.row == row || similarity(rows[row].unwrap(), rows[of.row].unwrap()) >= 0.4);
    }
    assert_ne!(found[5].unwrap().row, 0);
    assert_eq!(duplicates(&[None, None], &[0, 1], 0.4), [None, None]);
}

fn poem(seed: usize) -> Vec<String> {
    (0..40).map(|word| format!("w{}", (word * 31 + seed * 977) % 1_009)).collect()
}

fn rows_of(rows: &[(&str, String)]) -> String {
    rows.iter().map(|(id, lyrics)| json!({ "id": id, "lyrics": lyrics }).to_string() + "\n").collect()
}

async fn found(project: &TestProject) -> Value {
    project.rows("select track_id, duplicate_of, copies from duplicates order by track_id").await
}

#[tokio::test]
async fn a_build_marks_copies_and_an_analysis_says_that_a_text_is_one() {
    let project = TestProject::new(&format!("{DEFINITIONS}{COPIES}"));
    let mut shorter = poem(1);
    shorter.truncate(38);
    let rows =
        [("a", shorter.join(" ")), ("b", poem(1).join("\n")), ("c", poem(2).join(" ")), ("d", "short".to_owned())];
    let line = |(id, lyrics): &(&str, String)| json!({ "id": id, "lyrics": lyrics }).to_string() + "\n";
    project.ingest("tracks", "tracks.jsonl", rows.iter().map(line).collect::<String>()).await;
    project.build().await.unwrap();
    // The longer one stands for both; of a text that is too short nothing is known.
    let expected = json!([
        { "track_id": "a", "duplicate_of": "b", "copies": 2 },
        { "track_id": "b", "duplicate_of": "b", "copies": 2 },
        { "track_id": "c", "duplicate_of": "c", "copies": 1 },
        { "track_id": "d", "duplicate_of": null, "copies": null },
    ]);
    assert_eq!(found(&project).await, expected);

    let mut changed = poem(2);
    changed[7] = "other".to_owned();
    project.ingest("tracks", "more.jsonl", line(&("e", changed.join(" ")))).await;
    project.build().await.unwrap();
    let rows = found(&project).await;
    assert_eq!(rows[2], json!({ "track_id": "c", "duplicate_of": "c", "copies": 2 }));
    assert_eq!(rows[4], json!({ "track_id": "e", "duplicate_of": "c", "copies": 2 }));
    assert_eq!(rows.as_array().unwrap().len(), 5);

    // What stands for others goes, and one of the others takes its place; what does not change is not written.
    let kept = rows_of(&[("a", shorter.join(" ")), ("c", poem(2).join(" ")), ("e", changed.join(" "))]);
    project.snapshot("tracks", "all.jsonl", kept).await;
    let report = project.build().await.unwrap();
    let step = report.plan.views.iter().find(|step| step.view.name.as_str() == "duplicates").unwrap();
    assert!(matches!(step.work, Work::Rows(_)), "{:?}", step.work);
    let clean = TestProject::new(&format!("{DEFINITIONS}{COPIES}"));
    let kept = rows_of(&[("a", shorter.join(" ")), ("c", poem(2).join(" ")), ("e", changed.join(" "))]);
    clean.ingest("tracks", "tracks.jsonl", kept).await;
    clean.build().await.unwrap();
    assert_eq!(found(&project).await, found(&clean).await);
    project.ingest("tracks", "again.jsonl", line(&("b", poem(1).join("\n")))).await;
    project.build().await.unwrap();

    let app = project.app();
    app.refresh().await.unwrap();
    let body = json!({ "text": poem(1).join(" "), "nearest": 2 }).to_string();
    let analyzed = post(&app, "/api/analyze", body).await.json();
    assert_eq!(analyzed["duplicates"][0], json!({ "key": "b", "similarity": 1.0 }), "{analyzed}");
    assert_eq!(analyzed["duplicates"][1]["key"], "a");
    assert_eq!(analyzed["features"]["sketch_words"], 40);
    let body = json!({ "text": poem(77).join(" ") }).to_string();
    assert_eq!(post(&app, "/api/analyze", body).await.json()["duplicates"], json!([]));
    assert_eq!(get(&app, "/api/features/e?features=duplicate_of").await.json()["features"]["duplicate_of"], "c");
}
