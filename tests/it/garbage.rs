//! The life of a release: rolled back, dropped, freed.

use chrono::TimeDelta;
use rhapsode::name::ReleaseNumber;
use rhapsode::pipeline;
use rhapsode::store::{Freed, ReleaseRef, StoreError};
use serde_json::json;

use crate::support::{DEFINITIONS, ROWS, TestProject};

fn numbers(releases: &[ReleaseNumber]) -> Vec<u64> {
    releases.iter().map(|number| number.get()).collect()
}

async fn kept(project: &TestProject) -> Vec<u64> {
    numbers(&project.app().store().release_numbers().await.unwrap())
}

async fn collect(project: &TestProject, dry: bool) -> Freed {
    let app = project.app();
    let nobody: rhapsode::materialize::Progress = std::sync::Arc::new(|_| {});
    pipeline::collect_garbage(app.config(), app.store(), app.clock(), &nobody, dry).await.unwrap()
}

/// A project with as many releases, in each of which one row and one definition differ; nothing is cleaned up.
async fn with_releases(releases: u64) -> TestProject {
    let project = TestProject::new(DEFINITIONS);
    project.configure("[gc]\nafter_build = false\nkeep_releases = 2\n");
    // Lance keeps the time by the system's clock.
    project.clock.advance(chrono::Utc::now() - rhapsode::clock::Clock::now(project.clock.as_ref()));
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    for release in 1..=releases {
        project.ingest("tracks", "row.jsonl", format!("{{\"id\": \"t1\", \"year\": {release}}}\n")).await;
        project.define(&DEFINITIONS.replace("year / 10 * 10", &format!("year / {release} * 10")));
        project.build().await.unwrap();
    }
    project
}

#[tokio::test]
async fn what_only_dropped_releases_reach_is_freed_after_the_grace_and_the_rest_reads_whole() {
    let project = with_releases(6).await;
    let store = project.app().store().clone();
    store.tag("paper", ReleaseNumber::new(2).unwrap(), project.app().clock().now()).await.unwrap();
    let planned = collect(&project, true).await;
    assert_eq!((numbers(&planned.dropped), numbers(&planned.waiting)), (vec![1, 3, 4], vec![1, 3, 4]));
    assert_eq!(kept(&project).await, [1, 2, 3, 4, 5, 6]);
    let done = collect(&project, false).await;
    assert_eq!((&done.dropped, &done.waiting, done.versions), (&planned.dropped, &planned.waiting, planned.versions));
    assert_eq!(kept(&project).await, [2, 5, 6]);
    let error = store.resolve(&"3".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, StoreError::Dropped { .. }), "{error}");
    assert!(error.to_string().starts_with("release 3 was dropped by a clean-up on 2"), "{error}");
    // Readers in flight: what they have open stays for the grace.
    let pinned = store.manifest(ReleaseNumber::new(3).unwrap()).await.unwrap();
    store.view("metadata", &pinned.views[0].data).await.unwrap();
    project.clock.advance(TimeDelta::seconds(3_601));
    let freed = collect(&project, false).await;
    assert_eq!((numbers(&freed.dropped), numbers(&freed.swept)), (vec![], vec![1, 3, 4]));
    assert!(freed.versions >= 6 && freed.files > 6 && freed.bytes > 1_000, "{freed:?}");
    store.view("metadata", &pinned.views[0].data).await.unwrap_err();
    assert_eq!(collect(&project, false).await, Freed::default());
    for (release, year) in [("paper", 2), ("5", 5), ("latest", 6)] {
        let reference: ReleaseRef = release.parse().unwrap();
        let view = project.app().open(&reference).await.unwrap().readable_by(rhapsode::store::Entitlements::ALL);
        let answer = view.query().answer("select year from tracks where track_id = 't1'", Vec::new()).await.unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&answer.batches).unwrap().to_string();
        assert!(text.contains(&format!("| {year}    |")), "{text}");
    }
    // Numbers never return, and what is built on top is as it would have been.
    project.ingest("tracks", "row.jsonl", "{\"id\": \"t9\", \"year\": 90}\n").await;
    assert_eq!(project.build().await.unwrap().release.number.get(), 7);
    let rows = project.rows("select track_id, decade from track order by track_id").await;
    assert_eq!(
        rows,
        json!([
            {"track_id": "t1", "decade": 10},
            {"track_id": "t2", "decade": null},
            {"track_id": "t3", "decade": 3080},
            {"track_id": "t9", "decade": 150},
        ])
    );
}

#[tokio::test]
async fn a_build_cleans_up_after_itself_and_says_so() {
    let project = with_releases(4).await;
    project.configure("[gc]\nkeep_releases = 3\ngrace_seconds = 0\n");
    project.ingest("tracks", "row.jsonl", "{\"id\": \"t1\", \"year\": 77}\n").await;
    let report = project.build().await.unwrap();
    assert_eq!((numbers(&report.freed.dropped), numbers(&report.freed.swept)), (vec![1, 2], vec![1, 2]));
    assert_eq!(kept(&project).await, [3, 4, 5]);
    assert!(!project.path().join("store/releases/1.json").exists());
    assert!(project.path().join("store/dropped/1.json").exists());
}

#[tokio::test]
async fn the_release_that_is_latest_is_kept_however_old_it_is() {
    let project = with_releases(4).await;
    let store = project.app().store().clone();
    for number in 2..=4 {
        let number = ReleaseNumber::new(number).unwrap();
        store.yank(number, "wrong", project.app().clock().now()).await.unwrap();
    }
    assert_eq!(numbers(&collect(&project, false).await.dropped), [2]);
    assert_eq!(kept(&project).await, [1, 3, 4]);
}

#[tokio::test]
async fn a_view_that_no_kept_release_has_is_freed_whole() {
    let project = with_releases(1).await;
    let gone = "---\nkind: feature_view\nname: gone\nentity: track\nsql: select track_id, year as y from tracks\nfeatures: [{ name: y, dtype: int32 }]\n";
    project.define(&(DEFINITIONS.to_owned() + gone));
    project.build().await.unwrap();
    for year in 1..=2 {
        project.define(&DEFINITIONS.replace("year / 10 * 10", &format!("year / 10 * {year}")));
        project.build().await.unwrap();
    }
    assert!(project.path().join("store/views/gone.lance/data").exists());
    collect(&project, false).await;
    project.clock.advance(TimeDelta::seconds(3_601));
    collect(&project, false).await;
    let left: Vec<_> = walk(&project.path().join("store/views/gone.lance"));
    assert!(left.is_empty(), "{left:?}");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
    entries.flat_map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] }).collect()
}

#[tokio::test]
async fn ingests_before_a_snapshot_that_every_kept_release_has_taken_are_freed() {
    let project = with_releases(3).await;
    project.snapshot("tracks", "all.jsonl", ROWS).await;
    project.build().await.unwrap();
    project.ingest("tracks", "row.jsonl", "{\"id\": \"t1\", \"year\": 77}\n").await;
    project.build().await.unwrap();
    collect(&project, false).await;
    project.clock.advance(TimeDelta::seconds(3_601));
    collect(&project, false).await;
    assert_eq!(kept(&project).await, [4, 5]);
    let left = project.app().store().incoming("tracks").await.unwrap();
    assert_eq!(left.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["00000005", "00000006"]);
    // A source that is written anew has all that it needs.
    project.define(&DEFINITIONS.replace("year, dtype: int32", "year, dtype: int64"));
    project.build().await.unwrap();
    let rows = project.rows("select track_id, year from tracks order by track_id").await;
    assert_eq!(
        rows,
        json!([{"track_id": "t1", "year": 77}, {"track_id": "t2", "year": null}, {"track_id": "t3", "year": 1850}])
    );
}

#[tokio::test]
async fn a_rollback_took_back_the_values_but_the_next_build_took_the_bad_rows_again() {
    let project = TestProject::built().await;
    project.ingest("tracks", "bad.jsonl", "{\"id\": \"t1\", \"title\": \"bad\"}\n{\"id\": \"t7\"}\n").await;
    project.build().await.unwrap();
    let app = project.app();
    let nobody: rhapsode::materialize::Progress = std::sync::Arc::new(|_| {});
    let first = ReleaseNumber::FIRST;
    let release = pipeline::rollback(app.config(), app.store(), app.clock(), &nobody, first).await.unwrap();
    assert_eq!((release.number.get(), release.rollback_of), (3, Some(first)));
    assert_eq!(release.sources[0].void, ["00000002"]);
    let titles = async || project.rows("select track_id, title from track order by track_id").await;
    let before = json!([
        {"track_id": "t1", "title": "One"}, {"track_id": "t2", "title": "Two"}, {"track_id": "t3", "title": null},
    ]);
    assert_eq!(titles().await, before);
    // A build with nothing new publishes nothing; a whole one leaves the void rows out.
    assert!(!project.build().await.unwrap().published);
    project.define(&DEFINITIONS.replace("year, dtype: int32", "year, dtype: int64"));
    assert!(project.build().await.unwrap().published);
    assert_eq!(titles().await, before);
    // The same rows, ingested again on purpose, count.
    let again = project.ingest("tracks", "bad.jsonl", "{\"id\": \"t1\", \"title\": \"bad\"}\n{\"id\": \"t7\"}\n").await;
    assert!(!again.already_there);
    project.build().await.unwrap();
    assert_eq!(
        titles().await,
        json!([
            {"track_id": "t1", "title": "bad"}, {"track_id": "t2", "title": "Two"},
            {"track_id": "t3", "title": null}, {"track_id": "t7", "title": null},
        ])
    );
    // Versions of features go on.
    let newest = project.app().store().newest().await.unwrap().unwrap();
    assert_eq!(newest.views[0].features.iter().map(|feature| feature.version).collect::<Vec<_>>(), [1, 1, 2, 2]);
}

#[tokio::test]
async fn many_small_builds_leave_few_fragments_and_the_same_rows() {
    let project = TestProject::new(DEFINITIONS);
    let rows: String = (0..200).map(|id| format!("{{\"id\": \"t{id:03}\", \"year\": {id}}}\n")).collect();
    project.ingest("tracks", "rows.jsonl", rows).await;
    project.build().await.unwrap();
    for round in 0..40 {
        let row = format!("{{\"id\": \"t{round:03}\", \"year\": {}}}\n{{\"id\": \"u{round}\"}}\n", 1_000 + round);
        project.ingest("tracks", "row.jsonl", row).await;
        project.build().await.unwrap();
    }
    let data = |dataset: &str| walk(&project.path().join("store").join(dataset).join("data")).len();
    let newest = project.app().store().newest().await.unwrap().unwrap();
    let fragments = async |table: rhapsode::store::Table| table.fragments();
    let source = project.app().store().source("tracks", newest.sources[0].lance_version).await.unwrap();
    let view = project.app().store().view("metadata", &newest.views[0].data).await.unwrap();
    assert!(fragments(source).await <= 20 && fragments(view).await <= 20, "{}", data("sources/tracks.lance"));
    let sums = "select count(*) as n, count(distinct track_id) as d, sum(year) as years from tracks";
    let years: usize = (40..200).sum::<usize>() + (1_000..1_040).sum::<usize>();
    assert_eq!(project.rows(sums).await, json!([{"n": 240, "d": 240, "years": years}]));
    let found = project.rows("select year from tracks where track_id = 't039'").await;
    assert_eq!(found, json!([{"year": 1_039}]));
    assert_eq!(project.rows("select count(*) as n from track where decade >= 1000").await, json!([{"n": 40}]));
}

#[tokio::test]
async fn vectors_of_words_that_no_kept_release_has_are_freed() {
    let search = "---\nkind: feature_view\nname: meaning\nentity: track\nsource: tracks\nembedding: { model: use, text: lyrics }\nfeatures: [{ name: meaning, expr: embedding.whole, dtype: \"vector[512]\" }]\n---\nkind: search\nname: worded\nentity: track\nsource: tracks\ntext: [lyrics]\nvectors: [meaning]\nrelated_words: 100\n";
    let project = TestProject::new(&format!("{DEFINITIONS}{search}"));
    project.configure("[gc]\nafter_build = false\nkeep_releases = 1\n");
    project.clock.advance(chrono::Utc::now() - rhapsode::clock::Clock::now(project.clock.as_ref()));
    let files = || {
        let folder = std::fs::read_dir(project.path().join("store/word_vectors/worded")).unwrap();
        folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    project.build().await.unwrap();
    let [first] = files().try_into().unwrap();
    project.ingest("tracks", "row.jsonl", "{\"id\": \"t1\", \"lyrics\": \"a word that nobody said\"}\n").await;
    let pinned = project.build().await.unwrap().release.searches.last().unwrap().word_vectors.clone().unwrap();
    assert_eq!(files().len(), 2);
    collect(&project, false).await;
    assert_eq!(files().len(), 2, "readers in flight have a grace");
    project.clock.advance(TimeDelta::seconds(3_601));
    collect(&project, false).await;
    let [left] = files().try_into().unwrap();
    assert!(left != first && pinned.file.ends_with(&left), "{left} {pinned:?}");
}
