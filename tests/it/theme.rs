//! Themes that a project defines, and analyzers that read vectors: in a build and for a new text.

use proptest::prelude::*;
use rhapsode::analyze::theme::{Theme, Themes, theme};
use rhapsode::materialize::Work;
use serde_json::{Value, json};

use crate::check::check;
use crate::support::{DEFINITIONS, TestProject, get, post};

const THEMES: &str = "---
kind: theme
name: sea
description: { en: \"A song of the sea; of ships, waves and sailors far from land.\" }
seeds: { en: [sea, wave, sail, ship, ocean, shore], ru: [море, волна, корабль, парус] }
---
kind: theme
name: money
description: { en: \"A song of money; of wealth, pay, debts and hard cash.\" }
seeds: { en: [money, cash, gold, dollar, debt, rich], ru: [деньги, долг, золото] }
---
kind: feature_view
name: meaning
entity: track
source: tracks
embedding: { model: use, text: lyrics, parts: [whole, stanzas] }
features:
  - { name: meaning, expr: embedding.whole, dtype: \"vector[512]\" }
  - { name: stanza_meanings, expr: embedding.stanzas, dtype: \"list<vector[512]>\", online: off }
---
kind: feature_view
name: theme
entity: track
source: tracks
analyzer: { name: theme, text: lyrics, vectors: meaning }
features:
  - { name: theme, dtype: string }
  - { name: theme_scores, expr: theme.scores, dtype: list<float64> }
---
kind: feature_view
name: emotion
entity: track
source: tracks
analyzer: { name: emotion, text: lyrics, vectors: meaning }
features:
  - { name: valence, dtype: float64 }
";

const SEA: &str = "The ship went over the rolling waves\nand sailed the stormy sea\n\nThe ocean broke on a foreign shore\nwhere nobody waits for me";
const MONEY: &str = "Count the cash and pay your debt\nthe gold is not enough yet\n\nA dollar here, a dollar there\nthe rich have money everywhere";

fn row(id: &str, lyrics: &str) -> String {
    json!({ "id": id, "lyrics": lyrics }).to_string() + "\n"
}

async fn built() -> TestProject {
    let project = TestProject::new(&format!("{DEFINITIONS}{THEMES}"));
    project.ingest("tracks", "tracks.jsonl", row("s", SEA) + &row("m", MONEY) + "{\"id\": \"none\"}\n").await;
    project.build().await.unwrap();
    project
}

fn works(report: &rhapsode::pipeline::Report, view: &str) -> Work {
    report.plan.views.iter().find(|step| step.view.name.as_str() == view).unwrap().work.clone()
}

#[tokio::test]
async fn a_text_is_about_what_the_project_defines() {
    let project = built().await;
    let rows = project.rows("select track_id, theme from theme order by track_id").await;
    let expected = json!([
        { "track_id": "m", "theme": "money" }, { "track_id": "none", "theme": null }, { "track_id": "s", "theme": "sea" },
    ]);
    assert_eq!(rows, expected);
    assert_eq!(works(&project.build().await.unwrap(), "theme"), Work::Keep);

    // Another theme is another version; what does not read themes stays.
    project.define(&format!("{DEFINITIONS}{}", THEMES.replace("wave, sail", "wave, harbour, sail")));
    let report = project.build().await.unwrap();
    assert_eq!((works(&report, "theme"), works(&report, "emotion")), (Work::Whole, Work::Keep));
    let versions = report.release.view("theme").unwrap().features.iter().map(|feature| feature.version);
    assert_eq!(versions.collect::<Vec<_>>(), [2, 2]);
}

#[tokio::test]
async fn what_reads_vectors_is_computed_for_the_rows_that_changed() {
    let project = built().await;
    let before = project.rows("select track_id, valence, theme_scores from track order by track_id").await;
    project.ingest("tracks", "more.jsonl", row("x", SEA)).await;
    let report = project.build().await.unwrap();
    for view in ["meaning", "theme", "emotion"] {
        assert!(matches!(works(&report, view), Work::Rows(_)), "{view}");
    }
    let after = project.rows("select track_id, valence, theme_scores from track order by track_id").await;
    assert_eq!(after.as_array().unwrap()[..3], before.as_array().unwrap()[..]);
    assert_eq!((&after[3]["valence"], &after[3]["theme_scores"]), (&after[2]["valence"], &after[2]["theme_scores"]));
}

#[tokio::test]
async fn a_new_text_gets_what_vectors_and_themes_gave_an_old_one() {
    let project = built().await;
    let app = project.app();
    app.refresh().await.unwrap();
    let stored = get(&app, "/api/features/s?features=theme,theme_scores,valence,meaning").await.json();
    let body = json!({ "text": SEA, "vectors": true }).to_string();
    let analyzed = post(&app, "/api/analyze", body).await.json();
    assert_eq!(analyzed["warnings"], json!([]));
    for (name, value) in stored["features"].as_object().unwrap() {
        assert_eq!(&analyzed["features"][name], value, "{name}");
    }
    // The vectors say something: without them the valence is another.
    let words = project.rows(&format!("select emotion('{SEA}')['valence'] as valence")).await;
    assert_ne!(words[0]["valence"], stored["features"]["valence"]);
}

#[tokio::test]
async fn what_an_analyzer_cannot_read_is_told() {
    let view = |call: &str| {
        format!(
            "kind: feature_view\nname: v\nentity: track\nsource: tracks\nanalyzer: {call}\nfeatures: [{{ name: valence, dtype: float64 }}]\n"
        )
    };
    let meaning = "---\nkind: feature_view\nname: meaning\nentity: track\nsource: tracks\nembedding: { model: use, text: lyrics }\nfeatures: [{ name: meaning, expr: embedding.whole, dtype: \"vector[512]\" }]\n";
    check(
        &format!("{}{meaning}", view("{ name: emotion, text: lyrics, vectors: meaning }")),
        "view.yaml:5:51: `meaning` has no vectors of stanzas; add a feature with `expr: embedding.stanzas` there\n",
    )
    .await;
    check(
        &format!("{}{meaning}", view("{ name: lexical, text: lyrics, vectors: meaning }")),
        "view.yaml:5:51: `lexical` reads no vectors; leave `vectors` out\n",
    )
    .await;
    check(
        &format!("{}{meaning}", view("{ name: emotion, text: lyrics, vectors: meanin }")),
        "view.yaml:5:51: unknown feature view `meanin`; did you mean `meaning`?\n",
    )
    .await;
    let other = "---\nkind: feature_view\nname: other\nentity: track\nsql: select track_id, year from tracks\nfeatures: [{ name: year, dtype: int32 }]\n";
    check(
        &format!("{}{other}", view("{ name: emotion, text: lyrics, vectors: other }")),
        "view.yaml:5:51: `other` holds no vectors: it is no view with `embedding`\n",
    )
    .await;
    check(
        &view("{ name: theme, text: lyrics }").replace("valence, dtype: float64", "theme, dtype: string"),
        "view.yaml:5:19: `theme` judges by themes, and none is defined; write definitions of `kind: theme`\n",
    )
    .await;
    let theme = "kind: theme\nname: sea\ndescription: { en: The sea. }\nseeds: { fr: [mer] }\n";
    check(
        theme,
        "view.yaml:4:8: this seeds is in no language; write `seeds: { en: … }`, `ru: …`, or both\nview.yaml:4:10: a seeds has no `fr`; there is `en`, `ru`\n",
    )
    .await;
    let theme = "kind: theme\nname: sea\ndescription: { en: The sea. }\nseeds: { en: [sea] }\n";
    check(&format!("{theme}---\n{theme}"), "view.yaml:7:7: there is a theme `sea` already, at view.yaml:2:7\n").await;
    let corpus = "kind: feature_view\nname: v\nentity: track\ncorpus: { name: near_duplicate, view: other, sketch: yaer, similarity: 2 }\nfeatures: [{ name: copies, dtype: int32 }]\n";
    check(
        &format!("{corpus}{other}"),
        "view.yaml:4:17: nothing of a corpus is called `near_duplicate`; did you mean `near_duplicates`?\nview.yaml:4:54: `other` has no feature `yaer`; did you mean `year`?\nview.yaml:4:72: `2` is not a number above 0 and up to 1\n",
    )
    .await;
}

fn themes() -> Themes {
    let theme = |name: &str, seeds: &[&str]| Theme {
        name: name.to_owned(),
        descriptions: vec![format!("A song of {name}.")],
        seeds_en: seeds.iter().map(|seed| (*seed).to_owned()).collect(),
        seeds_ru: Vec::new(),
    };
    Themes::new(vec![theme("sea", &["sea", "sail", "set sail"]), theme("money", &["money", "dollar"])])
}

proptest! {
    #[test]
    fn no_text_stops_the_judge_of_themes(text in "\\PC{0,300}") {
        let themes = themes();
        let found = theme(&text, None, &themes);
        prop_assert_eq!(found.scores.len(), 2);
        prop_assert!(found.scores.iter().all(|score| (0.0..=1.0).contains(score)));
        prop_assert_eq!(theme(&text, None, &themes), found);
    }
}

#[test]
fn the_order_of_definitions_does_not_matter() {
    let mut turned: Vec<Theme> = themes().themes().to_vec();
    turned.reverse();
    assert_eq!(Themes::new(turned).digest(), themes().digest());
    let found: Value = json!(theme("sailing over seas for dollars", None, &themes()).scores);
    assert_eq!(found.as_array().unwrap().len(), 2);
}
