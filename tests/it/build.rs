//! Builds: what is written, what is kept, what is published.

use rhapsode::pipeline;
use rhapsode::store::ReleaseRef;
use serde_json::json;

use crate::support::{DEFINITIONS, ROWS, TestProject};

#[tokio::test]
async fn a_build_computes_and_publishes_everything() {
    let project = TestProject::built().await;
    let rows = project.rows("select track_id, title, decade, ratio, tokens, mtld from track order by track_id").await;
    assert_eq!(
        rows,
        json!([
            {"track_id": "t1", "title": "One", "decade": 1840, "ratio": 263.2857, "tokens": 4, "mtld": null},
            {"track_id": "t2", "title": "Two", "decade": null, "ratio": null, "tokens": 0, "mtld": null},
            {"track_id": "t3", "title": null, "decade": 1850, "ratio": 264.2857, "tokens": 3, "mtld": null},
        ])
    );
    let manifest = project.app().store().newest().await.unwrap().unwrap();
    assert_eq!(manifest.number.get(), 1);
    let nulls: Vec<u64> = manifest.view("metadata").unwrap().features.iter().map(|feature| feature.nulls).collect();
    assert_eq!(nulls, [1, 0, 1, 1]);
}

#[tokio::test]
async fn a_build_with_nothing_changed_computes_and_publishes_nothing() {
    let project = TestProject::built().await;
    let report = project.build().await.unwrap();
    assert!(!report.published && report.plan.is_empty());
    assert!(report.built.tables.values().all(|table| table.seconds.is_none()));
    assert_eq!(project.app().store().release_numbers().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_changed_feature_gets_a_version_and_one_that_returns_its_old_one() {
    let project = TestProject::built().await;
    let version = async |project: &TestProject| {
        let manifest = project.app().store().newest().await.unwrap().unwrap();
        let features = &manifest.view("metadata").unwrap().features;
        let versions: Vec<u32> = features.iter().map(|feature| feature.version).collect();
        (manifest.number.get(), versions)
    };
    assert_eq!(version(&project).await, (1, vec![1, 1, 1, 1]));

    project.define(&DEFINITIONS.replace("year / 10 * 10", "year / 100 * 100"));
    let report = project.build().await.unwrap();
    let reasons: Vec<_> = report.plan.views.iter().map(|step| step.reasons.join("; ")).collect();
    assert_eq!(reasons, ["`decade` changed", ""]);
    assert_eq!(version(&project).await, (2, vec![1, 1, 2, 1]));
    assert_eq!(project.rows("select decade from track where track_id = 't1'").await, json!([{"decade": 1800}]));

    project.define(DEFINITIONS);
    project.build().await.unwrap();
    assert_eq!(version(&project).await, (3, vec![1, 1, 1, 1]));
}

#[tokio::test]
async fn a_changed_description_is_published_without_computing() {
    let project = TestProject::built().await;
    project.define(&DEFINITIONS.replace("The decade.", "The decade of publication."));
    let report = project.build().await.unwrap();
    assert!(report.published && report.plan.is_empty());
    project.define(&(DEFINITIONS.replace("The decade.", "The decade of publication.") + "# a comment\n"));
    assert!(!project.build().await.unwrap().published);
}

#[tokio::test]
async fn ingested_rows_replace_those_of_their_key_and_others_stay() {
    let project = TestProject::built().await;
    project
        .ingest(
            "tracks",
            "more.jsonl",
            "{\"id\": \"t2\", \"title\": \"New\", \"year\": 1900}\n{\"id\": \"t9\", \"title\": \"Nine\"}\n",
        )
        .await;
    let report = project.build().await.unwrap();
    assert_eq!(report.plan.sources[0].reasons, ["2 rows were ingested"]);
    let rows = project.rows("select track_id, title, decade, tokens from track order by track_id").await;
    assert_eq!(
        rows,
        json!([
            {"track_id": "t1", "title": "One", "decade": 1840, "tokens": 4},
            {"track_id": "t2", "title": "New", "decade": 1900, "tokens": null},
            {"track_id": "t3", "title": null, "decade": 1850, "tokens": 3},
            {"track_id": "t9", "title": "Nine", "decade": null, "tokens": null},
        ])
    );
    // The release before it reads as it did.
    let first = project.app().open(&"1".parse::<ReleaseRef>().unwrap()).await.unwrap();
    let view = first.readable_by(rhapsode::store::Entitlements::ALL);
    assert_eq!(view.query().answer("select * from track", Vec::new()).await.unwrap().rows(), 3);
}

#[tokio::test]
async fn of_two_ingests_before_the_first_build_only_the_last_was_kept() {
    let project = TestProject::new(DEFINITIONS);
    project.ingest("tracks", "a.jsonl", "{\"id\": \"a\"}\n{\"id\": \"b\"}\n").await;
    project.ingest("tracks", "b.jsonl", "{\"id\": \"c\"}\n{\"id\": \"b\", \"title\": \"later\"}\n").await;
    project.build().await.unwrap();
    let rows = project.rows("select track_id, title from track order by track_id").await;
    let expected = json!([
        {"track_id": "a", "title": null},
        {"track_id": "b", "title": "later"},
        {"track_id": "c", "title": null},
    ]);
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn an_empty_folder_of_definitions_is_no_reason_to_publish_nothing() {
    let project = TestProject::built().await;
    std::fs::remove_file(project.path().join("feature_defs/all.yaml")).unwrap();
    let error = project.build().await.unwrap_err().to_string();
    assert!(error.starts_with("there is no `.yaml` file in"), "{error}");
}

#[tokio::test]
async fn a_new_column_of_a_source_is_filled_from_what_was_ingested() {
    let project = TestProject::new(
        &DEFINITIONS
            .replace("  - { name: title, dtype: string, licence: public-domain }\n", "")
            .replace("title, secret, year", "secret, year")
            .replace("  - { name: title, dtype: string }\n", ""),
    );
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    project.build().await.unwrap();
    project.define(DEFINITIONS);
    let report = project.build().await.unwrap();
    assert_eq!(report.plan.sources[0].reasons, ["its columns changed"]);
    // The ingest kept the columns of its day only.
    assert_eq!(project.rows("select count(title) as n, count(*) as m from tracks").await, json!([{"n": 0, "m": 3}]));
}

#[tokio::test]
async fn what_an_unfinished_build_left_behind_is_undone() {
    let project = TestProject::built().await;
    let store = project.app().store().clone();
    let pinned = store.newest().await.unwrap().unwrap().view("metadata").unwrap().data.clone();
    // A build that died after it had replaced the view and before it published.
    let mut writable = store.view_to_write("metadata", pinned.lance_version()).await.unwrap();
    let schema = store.view("metadata", &pinned).await.unwrap().schema();
    let nothing = datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(schema, futures::stream::empty());
    writable.replace(Box::pin(nothing), &vec!["track_id".to_owned()]).await.unwrap();
    drop(writable);
    // Nobody sees it, and the next build starts from the pinned version.
    assert_eq!(project.rows("select count(*) as n from metadata").await, json!([{"n": 3}]));
    project.define(&DEFINITIONS.replace("year / 10 * 10", "year / 100 * 100"));
    project.build().await.unwrap();
    assert_eq!(
        project.rows("select count(*) as n, max(decade) as d from metadata").await,
        json!([{"n": 3, "d": 1800}])
    );
}

#[tokio::test]
async fn two_rows_for_one_key_stop_the_build_and_nothing_shows() {
    let project = TestProject::built().await;
    project.define(&DEFINITIONS.replace(
        "as ratio from tracks",
        "as ratio from tracks union all select track_id, title, secret, year, 1.0 from tracks",
    ));
    let error = project.build().await.unwrap_err().to_string();
    assert!(error.starts_with("view `metadata` has two rows for the key `t"), "{error}");
    assert_eq!(project.app().store().release_numbers().await.unwrap().len(), 1);
    project.define(DEFINITIONS);
    assert!(!project.build().await.unwrap().published);
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_type_stops_the_build() {
    let project = TestProject::built().await;
    project.define(&DEFINITIONS.replace("year / 10 * 10 as decade", "cast(year as bigint) * 10000000000 as decade"));
    let error = project.build().await.unwrap_err().to_string();
    assert!(error.starts_with("view `metadata`: "), "{error}");
}

#[tokio::test]
async fn a_source_without_rows_gives_an_empty_release() {
    let project = TestProject::new(DEFINITIONS);
    let report = project.build().await.unwrap();
    assert_eq!(report.plan.sources[0].reasons, ["it is new, and nothing was ingested yet"]);
    assert_eq!(project.rows("select count(*) as n from track").await, json!([{"n": 0}]));
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    project.build().await.unwrap();
    assert_eq!(project.rows("select count(*) as n from track").await, json!([{"n": 3}]));
}

#[tokio::test]
async fn a_key_of_several_columns_is_found_by_all_of_them() {
    let definitions = DEFINITIONS
        .replace("join_keys: [track_id]", "join_keys: [track_id, year]")
        .replace("select track_id, title, secret,", "select track_id, year, title, secret,");
    let project = TestProject::new(&definitions);
    project
        .ingest(
            "tracks",
            "tracks.jsonl",
            "{\"id\": \"a,b\", \"year\": 1, \"title\": \"x\"}\n{\"id\": \"a,b\", \"year\": 2, \"title\": \"y\"}\n",
        )
        .await;
    project.build().await.unwrap();
    let app = project.app();
    let found = crate::support::get(&app, "/api/features/a%2Cb,2?features=title").await;
    assert_eq!(found.json(), json!({"entity": "track", "key": "a%2Cb,2", "release": 1, "features": {"title": "y"}}));
    let short = crate::support::get(&app, "/api/features/a%2Cb").await;
    assert_eq!((short.status.as_u16(), short.json()["type"].as_str()), (400, Some("/problems/malformed-key")));
    let batch = crate::support::post(
        &app,
        "/api/features/batch",
        r#"{"keys": [["a,b", 1], "a%2Cb,3"], "features": ["title"]}"#,
    )
    .await;
    assert_eq!(batch.json()["rows"], json!([{"key": "a%2Cb,1", "values": ["x"]}]));
    assert_eq!(batch.json()["missing"], json!(["a%2Cb,3"]));
}

#[tokio::test]
async fn a_plan_says_why() {
    let project = TestProject::new(DEFINITIONS);
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    let (target, _) = pipeline::target(project.path(), project.app().resources()).await.unwrap();
    let (plan, newest) = pipeline::plan(project.app().store(), &target, None).await.unwrap();
    assert!(newest.is_none());
    let reasons: Vec<&str> = plan
        .sources
        .iter()
        .flat_map(|s| &s.reasons)
        .chain(plan.views.iter().flat_map(|v| &v.reasons))
        .map(String::as_str)
        .collect();
    assert_eq!(
        reasons,
        [
            "it is new: 3 rows were ingested",
            "it is new",
            "its input `tracks` changes",
            "it is new",
            "its input `tracks` changes"
        ][..1]
            .iter()
            .chain(&["it is new", "it is new"])
            .copied()
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_changed_type_of_a_source_made_null_of_what_did_not_fit() {
    let project = TestProject::built().await;
    project.define(&DEFINITIONS.replace("{ name: secret, dtype: string }", "{ name: secret, dtype: int32 }"));
    let error = project.build().await.unwrap_err().to_string();
    assert!(error.starts_with("source `tracks` has a row whose `secret` is s1, which is not int32; "), "{error}");
    project.define(
        &DEFINITIONS
            .replace("{ name: year, dtype: int32 }", "{ name: year, dtype: float64 }")
            .replace("year / 10 * 10", "cast(year as int) / 10 * 10"),
    );
    project.build().await.unwrap();
    assert_eq!(project.rows("select sum(decade) as n from track").await, json!([{"n": 3690}]));
}

#[tokio::test]
async fn a_smaller_join_key_left_two_rows_of_one_key() {
    let definitions = DEFINITIONS
        .replace("join_keys: [track_id]", "join_keys: [track_id, year]")
        .replace("select track_id, title, secret,", "select track_id, year, title, secret,");
    let project = TestProject::new(&definitions);
    project.ingest("tracks", "rows.jsonl", "{\"id\": \"a\", \"year\": 1}\n{\"id\": \"a\", \"year\": 2}\n").await;
    project.build().await.unwrap();
    project.define(DEFINITIONS);
    let error = project.build().await.unwrap_err().to_string();
    assert!(error.starts_with("source `tracks` has two rows for the key `a` in one ingest; "), "{error}");
    let keyed_by_title = DEFINITIONS
        .replace("join_keys: [track_id]", "join_keys: [track_id, title]")
        .replace("  - { name: title, dtype: string }\n", "");
    project.define(&keyed_by_title);
    let error = project.build().await.unwrap_err().to_string();
    assert!(error.starts_with("source `tracks` has a row without a part of its key (`track_id, title`); "), "{error}");
}

#[tokio::test]
async fn views_over_a_shadowing_with_and_upper_case_tables_passed_the_check_and_stopped_the_build() {
    let project = TestProject::built().await;
    project.define(&DEFINITIONS.replace("as ratio from tracks", "as ratio from TRACKS"));
    project.build().await.unwrap();
    let sql = DEFINITIONS.replace("sql: select", "sql: with tracks as (select * from tracks where year > 1845) select");
    project.define(&sql);
    project.build().await.unwrap();
    assert_eq!(project.rows("select count(*) as n from metadata").await, json!([{"n": 1}]));
}

#[tokio::test]
async fn after_a_change_of_access_the_plan_had_nothing_to_do_and_the_build_published() {
    let project = TestProject::built().await;
    let publishes = async || {
        let (target, _) = pipeline::target(project.path(), project.app().resources()).await.unwrap();
        let app = project.app();
        let (plan, newest) = pipeline::plan(app.store(), &target, None).await.unwrap();
        assert!(plan.is_empty());
        pipeline::publishes(app.store(), &target, &plan, newest.as_ref()).await.unwrap()
    };
    assert!(!publishes().await);
    project.define(
        &DEFINITIONS.replace("{ name: decade, dtype: int32,", "{ name: decade, dtype: int32, access: restricted,"),
    );
    assert!(publishes().await);
    assert!(project.build().await.unwrap().published);
    assert!(!publishes().await);
}

#[tokio::test]
async fn whoever_lost_a_race_between_builds_was_told_in_the_words_of_the_storage() {
    use futures::StreamExt;
    let project = TestProject::built().await;
    let store = project.app().store().clone();
    let pinned = store.newest().await.unwrap().unwrap().source("tracks").unwrap().lance_version;
    let key = vec!["track_id".to_owned()];
    let files = store.incoming("tracks").await.unwrap();
    let mut first = store.source_to_write("tracks", Some(pinned)).await.unwrap();
    let mut second = store.source_to_write("tracks", Some(pinned)).await.unwrap();
    first.upsert(store.read_incoming(&files[0]).await.unwrap(), &key).await.unwrap();
    let rows = store.read_incoming(&files[0]).await.unwrap();
    let schema = rows.schema();
    let rows = Box::pin(datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(schema, rows.boxed()));
    let error = second.upsert(rows, &key).await.unwrap_err();
    assert!(matches!(error, rhapsode::store::StoreError::DatasetConflict(_)), "{error}");
}
