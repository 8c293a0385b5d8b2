//! A build computes what changed and nothing else, and what it makes equals what a clean build makes.

use std::collections::BTreeMap;
use std::fmt::Write;

use rhapsode::materialize::{ChangedColumns, Work};
use rhapsode::pipeline::Report;
use serde_json::{Value, json};

use crate::support::{DEFINITIONS, ROWS, TestProject};

fn work(report: &Report) -> Vec<Work> {
    let sources = report.plan.sources.iter().map(|step| step.work.clone());
    sources.chain(report.plan.views.iter().map(|step| step.work.clone())).collect()
}

/// The tables that a build wrote.
fn written(report: &Report) -> Vec<&str> {
    let tables = report.built.tables.iter().filter(|(_, table)| table.seconds.is_some());
    tables.map(|(name, _)| name.as_str()).collect()
}

/// The data files of a dataset.
fn files(project: &TestProject, dataset: &str) -> BTreeMap<String, u64> {
    let folder = project.path().join("store").join(dataset).join("data");
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())).collect()
}

fn columns(dropped: &[&str], added: &[&str]) -> Work {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Work::Columns(ChangedColumns { dropped: owned(dropped), added: owned(added) })
}

fn changed_rows() -> Work {
    Work::Rows(ChangedColumns::default())
}

#[tokio::test]
async fn an_edited_feature_is_computed_and_every_other_column_keeps_its_files() {
    let project = TestProject::built().await;
    let before = files(&project, "views/metadata.lance");
    project.define(&DEFINITIONS.replace("year / 10 * 10", "year / 100 * 100"));
    let report = project.build().await.unwrap();
    assert_eq!(work(&report), [Work::Keep, columns(&["decade"], &["decade"]), Work::Keep]);
    assert_eq!(report.plan.views[0].reasons, ["`decade` changed"]);
    let after = files(&project, "views/metadata.lance");
    assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)));
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(
        project.rows("select track_id, title, decade, ratio from track order by track_id").await,
        json!([
            {"track_id": "t1", "title": "One", "decade": 1800, "ratio": 263.2857},
            {"track_id": "t2", "title": "Two", "decade": null, "ratio": null},
            {"track_id": "t3", "title": null, "decade": 1800, "ratio": 264.2857},
        ])
    );
    let nulls: Vec<u64> = report.release.views[0].features.iter().map(|feature| feature.nulls).collect();
    assert_eq!(nulls, [1, 0, 1, 1]);
}

#[tokio::test]
async fn features_come_and_go_by_the_column() {
    let project = TestProject::built().await;
    let more = DEFINITIONS.replace("  - { name: tokens, dtype: int32 }\n", "  - { name: types, dtype: int32 }\n");
    project.define(&more);
    let report = project.build().await.unwrap();
    assert_eq!(work(&report), [Work::Keep, Work::Keep, columns(&["tokens"], &["types"])]);
    assert_eq!(report.plan.views[1].reasons, ["`types` is new", "`tokens` is gone"]);
    let rows = project.rows("select types from track order by track_id").await;
    assert_eq!(rows, json!([{"types": 4}, {"types": 0}, {"types": 3}]));
    project.define(&more.replace("  - { name: mtld, dtype: float64 }\n", ""));
    assert_eq!(work(&project.build().await.unwrap()), [Work::Keep, Work::Keep, columns(&["mtld"], &[])]);
}

#[tokio::test]
async fn features_and_rows_that_change_at_once_cost_their_columns_and_rows() {
    let project = TestProject::built().await;
    let before = files(&project, "views/metadata.lance");
    let edited = DEFINITIONS
        .replace("year / 10 * 10", "year / 100 * 100")
        .replace("  - { name: ratio, dtype: float32 }\n", "  - { name: more, dtype: string, expr: title }\n");
    project.define(&edited);
    let rows = "{\"id\": \"t1\", \"title\": \"Other\", \"year\": 1999, \"secret\": \"s1\", \"lyrics\": \"one\"}\n{\"id\": \"t9\", \"year\": 1700}\n";
    project.ingest("tracks", "more.jsonl", rows).await;
    let report = project.build().await.unwrap();
    let columns = match columns(&["decade", "ratio"], &["decade", "more"]) {
        Work::Columns(columns) => columns,
        other => panic!("{other:?}"),
    };
    assert_eq!(work(&report), [changed_rows(), Work::Rows(columns), changed_rows()]);
    let reasons = &report.plan.views[0].reasons;
    assert_eq!(
        reasons[..],
        ["`decade` changed", "`more` is new", "`ratio` is gone", "rows of its input `tracks` change"]
    );
    let after = files(&project, "views/metadata.lance");
    assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)), "what stays keeps its files");
    assert_eq!(
        project.rows("select * from metadata order by track_id").await,
        json!([
            {"track_id": "t1", "title": "Other", "secret": "s1", "decade": 1900, "more": "Other"},
            {"track_id": "t2", "title": "Two", "secret": "s2", "decade": null, "more": "Two"},
            {"track_id": "t3", "title": null, "secret": "s3", "decade": 1800, "more": null},
            {"track_id": "t9", "title": null, "secret": null, "decade": 1700, "more": null},
        ])
    );
    let pin = report.release.view("metadata").unwrap();
    let nulls: Vec<u64> = pin.features.iter().map(|feature| feature.nulls).collect();
    assert_eq!((pin.rows, nulls), (4, vec![2, 1, 1, 2]));
}

#[tokio::test]
async fn a_changed_row_costs_a_row_and_one_that_is_the_same_costs_nothing() {
    let project = TestProject::built().await;
    let rows = "{\"id\": \"t1\", \"title\": \"One\", \"year\": 1843, \"secret\": \"s1\", \"lyrics\": \"one two three\\nfour\"}\n";
    project.ingest("tracks", "same.jsonl", rows).await;
    let report = project.build().await.unwrap();
    assert_eq!((work(&report), written(&report)), (vec![changed_rows(); 3], vec![]));
    let more =
        format!("{rows}{{\"id\": \"t2\", \"title\": \"Two\", \"lyrics\": \"now\"}}\n{{\"id\": \"t4\", \"year\": 1}}\n");
    project.ingest("tracks", "more.jsonl", more).await;
    let report = project.build().await.unwrap();
    assert_eq!(written(&report), ["lexical", "metadata", "tracks"]);
    assert_eq!(report.plan.views[0].reasons, ["rows of its input `tracks` change"]);
    let store = project.app().store().clone();
    let pin = report.release.view("lexical").unwrap();
    let table = store.view("lexical", &pin.data).await.unwrap();
    let changed = table
        .changed_since(pin.data.lance_version().unwrap() - 2, &vec!["track_id".to_owned()], 100)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(changed.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2, "{:?} {changed:?}", pin.data);
    let nulls: Vec<(String, u64)> = pin.features.iter().map(|feature| (feature.name.clone(), feature.nulls)).collect();
    assert_eq!((pin.rows, nulls), (4, vec![("tokens".to_owned(), 1), ("mtld".to_owned(), 4)]));
}

#[tokio::test]
async fn a_source_that_stays_the_same_stays_at_its_pinned_version_whatever_was_left_behind() {
    let project = TestProject::built().await;
    let store = project.app().store().clone();
    let pinned = store.newest().await.unwrap().unwrap().source("tracks").unwrap().lance_version;
    project.ingest("tracks", "left.jsonl", "{\"id\": \"t1\", \"title\": \"left behind\"}\n").await;
    let left = store.incoming("tracks").await.unwrap().pop().unwrap();
    let mut writable = store.source_to_write("tracks", Some(pinned)).await.unwrap();
    writable.upsert(store.read_incoming(&left).await.unwrap(), &vec!["track_id".to_owned()]).await.unwrap();
    drop(writable);
    project.snapshot("tracks", "tracks.jsonl", ROWS).await;
    let report = project.build().await.unwrap();
    assert_eq!((written(&report), report.release.source("tracks").unwrap().lance_version), (vec![], pinned));
    assert_eq!(project.rows("select title from track where track_id = 't1'").await, json!([{"title": "One"}]));
}

#[tokio::test]
async fn a_source_that_vanished_was_written_anew_without_its_earlier_rows() {
    let project = TestProject::built().await;
    std::fs::remove_dir_all(project.path().join("store/sources/tracks.lance")).unwrap();
    project.ingest("tracks", "more.jsonl", "{\"id\": \"t9\"}\n").await;
    let error = project.build().await.unwrap_err().to_string();
    assert!(error.contains("sources/tracks.lance"), "{error}");
    assert_eq!(project.app().store().release_numbers().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_snapshot_deletes_what_it_lacks_and_a_delta_does_not() {
    let project = TestProject::built().await;
    project.ingest("tracks", "delta.jsonl", "{\"id\": \"t1\", \"title\": \"One\"}\n").await;
    project.build().await.unwrap();
    assert_eq!(project.rows("select count(*) as n from track").await, json!([{"n": 3}]));
    project.snapshot("tracks", "snapshot.jsonl", "{\"id\": \"t1\", \"title\": \"One\"}\n{\"id\": \"t9\"}\n").await;
    let report = project.build().await.unwrap();
    assert_eq!(work(&report), [changed_rows(), changed_rows(), changed_rows()]);
    for table in ["tracks", "track", "metadata", "lexical"] {
        let rows = project.rows(&format!("select track_id from {table} order by track_id")).await;
        assert_eq!(rows, json!([{"track_id": "t1"}, {"track_id": "t9"}]), "{table}");
    }
    // What is ingested before a snapshot does not survive it, in a first build neither.
    let fresh = TestProject::new(DEFINITIONS);
    fresh.ingest("tracks", "tracks.jsonl", ROWS).await;
    fresh.snapshot("tracks", "snapshot.jsonl", "{\"id\": \"t9\"}\n").await;
    fresh.ingest("tracks", "delta.jsonl", "{\"id\": \"t8\"}\n").await;
    fresh.build().await.unwrap();
    assert_eq!(
        fresh.rows("select track_id from track order by track_id").await,
        json!([{"track_id": "t8"}, {"track_id": "t9"}])
    );
}

#[tokio::test]
async fn views_whose_rows_depend_on_others_are_computed_whole() {
    let counted = "---\nkind: feature_view\nname: counted\nentity: track\nsql: select track_id, count(*) over () as n from tracks\nfeatures: [{ name: n, dtype: int64 }]\n";
    let project = TestProject::new(&(DEFINITIONS.to_owned() + counted));
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    project.build().await.unwrap();
    project.ingest("tracks", "more.jsonl", "{\"id\": \"t9\"}\n").await;
    let report = project.build().await.unwrap();
    assert_eq!(work(&report), [changed_rows(), changed_rows(), changed_rows(), Work::Whole]);
    assert_eq!(project.rows("select distinct n from track").await, json!([{"n": 4}]));
}

#[tokio::test]
async fn a_view_maps_rows_one_by_one_only_under_their_own_keys() {
    let local = async |sql: &str| {
        let definitions = DEFINITIONS.replace(
            "sql: select track_id, title, secret, year / 10 * 10 as decade, cast(year as double) / 7 as ratio from tracks",
            &format!("sql: {sql}"),
        );
        let project = TestProject::new(&definitions);
        let (target, _) = rhapsode::pipeline::target(project.path(), project.app().resources())
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        target.view("metadata").unwrap().row_local
    };
    let columns = "title, secret, year as decade, 1.0 as ratio";
    for (sql, expected) in [
        (format!("select track_id, {columns} from tracks where year > 1 order by year"), true),
        (format!("select * from (select track_id, {columns} from tracks) x"), true),
        (format!("with x as (select track_id, {columns} from tracks) select * from x"), true),
        (format!("select upper(track_id) as track_id, {columns} from tracks"), false),
        (format!("select title as track_id, {columns} from tracks"), false),
        (format!("select distinct track_id, {columns} from tracks"), false),
        (format!("select track_id, {columns} from tracks limit 10"), false),
        (format!("select track_id, {columns} from tracks where year > (select avg(year) from tracks)"), false),
        (format!("select track_id, {columns} from tracks union all select track_id, {columns} from tracks"), false),
        ("select track_id, title, secret, year as decade, sum(year) over () as ratio from tracks".to_owned(), false),
        (format!("select t.track_id, {columns} from tracks t join lexical l on l.track_id = t.track_id"), true),
        (format!("select track_id, {columns} from tracks left join lexical using (track_id)"), true),
        (format!("select l.track_id, {columns} from tracks t join lexical l on l.track_id = t.track_id and tokens > 3"), true),
        (format!("select t.track_id, {columns} from tracks t join lexical l on l.track_id = t.title"), false),
        (format!("select t.track_id, {columns} from tracks t join lexical l on l.tokens = t.year"), false),
        (format!("select t.track_id, {columns} from tracks t right join lexical l on l.track_id = t.track_id"), false),
        (format!("select t.track_id, {columns} from tracks t cross join lexical l"), false),
        ("select a.track_id, a.title, a.secret, a.year as decade, b.year * 1.0 as ratio from tracks a join tracks b on a.track_id = b.track_id".to_owned(), false),
    ] {
        assert_eq!(local(&sql).await, expected, "{sql}");
    }
}

/// A small generator, so that a failing round can be had again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// All that readers see of a project: rows of every table, and what the release counted.
async fn seen(project: &TestProject, release: &rhapsode::store::Manifest) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    for table in ["tracks", "metadata", "lexical", "late", "joined", "track"] {
        let names = match table {
            "tracks" => "track_id, title, year, secret, lyrics",
            "metadata" => "track_id, title, secret, decade, ratio",
            "lexical" => "track_id, tokens, mtld",
            "late" => "track_id, century",
            "joined" => "track_id, doubled, century_again",
            _ => "track_id, title, decade, ratio, tokens, century",
        };
        let rows = project.rows(&format!("select {names} from {table} order by track_id")).await;
        seen.insert(table.to_owned(), rows);
    }
    for view in &release.views {
        let nulls = view.features.iter().map(|feature| json!([feature.name, feature.nulls]));
        seen.insert(format!("{}: nulls", view.name), json!([view.rows, nulls.collect::<Vec<_>>()]));
    }
    seen
}

/// A row of it is made from the rows of three tables that have its key.
const JOINED: &str = "---
kind: feature_view
name: joined
entity: track
sql: |
  select t.track_id, title, tokens * 2 as doubled, century as century_again
  from tracks t join lexical on lexical.track_id = t.track_id left join late on late.track_id = t.track_id
  where title is not null
features: [{ name: doubled, dtype: int32 }, { name: century_again, dtype: int32 }]
";

/// The definitions of a round: which decade, and from when on a track is late.
fn definitions(decade: u64, late: u64) -> String {
    let late = format!(
        "---\nkind: feature_view\nname: late\nentity: track\nsql: select track_id, decade / 100 as century from metadata where decade > {late}\nfeatures: [{{ name: century, dtype: int32 }}]\n{JOINED}"
    );
    DEFINITIONS.replace("year / 10 * 10", &format!("year / {decade} * {decade}")) + &late
}

#[tokio::test]
async fn after_random_rounds_of_change_a_build_equals_a_clean_one() {
    for seed in 0..2 {
        let mut dice = Dice(seed);
        let project = TestProject::new(&definitions(10, 1_850));
        let mut model: BTreeMap<String, String> = BTreeMap::new();
        for round in 0..8 {
            let (mut delta, snapshot) = (String::new(), dice.roll(3) == 0);
            for _ in 0..dice.roll(12) + 1 {
                let id = format!("t{}", dice.roll(30));
                let year = [Some(1_700 + dice.roll(300)), None][usize::from(dice.roll(5) == 0)];
                let row = json!({"id": id, "title": format!("title {}", dice.roll(3)), "year": year, "lyrics": "one two ".repeat(dice.roll(4) as usize)});
                if !delta.contains(&format!("\"id\":\"{id}\"")) {
                    writeln!(delta, "{row}").unwrap();
                    model.insert(id, row.to_string());
                }
            }
            match snapshot {
                false => project.ingest("tracks", "delta.jsonl", &delta).await,
                true => {
                    let kept = |_: &String, _: &mut String| dice.roll(4) > 0;
                    model.retain(kept);
                    model.entry("t0".to_owned()).or_insert_with(|| "{\"id\": \"t0\"}".to_owned());
                    let all: Vec<&str> = model.values().map(String::as_str).collect();
                    project.snapshot("tracks", "snapshot.jsonl", all.join("\n")).await
                }
            };
            let text = definitions([10, 50, 100][dice.roll(3) as usize], [1_750, 1_850][dice.roll(2) as usize]);
            if dice.roll(2) == 0 {
                project.define(&text);
            }
            let report = project.build().await.unwrap_or_else(|error| panic!("seed {seed}, round {round}: {error}"));
            let clean =
                TestProject::new(&std::fs::read_to_string(project.path().join("feature_defs/all.yaml")).unwrap());
            let all: Vec<&str> = model.values().map(String::as_str).collect();
            clean.ingest("tracks", "all.jsonl", all.join("\n")).await;
            let clean_report = clean.build().await.unwrap();
            let (found, expected) = (seen(&project, &report.release).await, seen(&clean, &clean_report.release).await);
            assert_eq!(found, expected, "seed {seed}, round {round}");
            // By the index, as by brute force.
            for id in model.keys() {
                let by_index =
                    project.rows(&format!("select track_id, tokens from lexical where track_id = '{id}'")).await;
                let by_scan = project
                    .rows(&format!("select track_id, tokens from lexical where concat(track_id, '') = '{id}'"))
                    .await;
                assert_eq!(by_index, by_scan, "seed {seed}, round {round}");
                assert_eq!(by_index.as_array().unwrap().len(), 1);
            }
        }
    }
}
