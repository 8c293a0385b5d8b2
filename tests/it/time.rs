//! Correct in time: the streaming operators against models that look at everything.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, collect};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rhapsode::engine::time::{AsOfJoinExec, Sides, WindowColumn, WindowFunction, WindowsExec, in_order};
use serde_json::json;

use crate::support::TestProject;

/// A row of the left side, whose number tells it from others.
#[derive(Clone, Debug)]
struct Asked {
    key: (Option<String>, Option<i64>),
    time: Option<i64>,
}

/// A row of the right side.
#[derive(Clone, Debug)]
struct Known {
    key: (String, i64),
    time: i64,
    int: Option<i64>,
    float: Option<f64>,
    text: Option<String>,
}

fn asked() -> impl Strategy<Value = Vec<Asked>> {
    let key = (option::weighted(0.9, "[ab]?"), option::weighted(0.9, 0..3_i64));
    vec((key, option::weighted(0.9, -6..30_i64)).prop_map(|(key, time)| Asked { key, time }), 0..24)
}

fn known() -> impl Strategy<Value = Vec<Known>> {
    let values =
        (option::weighted(0.8, -5..5_i64), option::weighted(0.8, -5..5_i32), option::weighted(0.8, "[x-z]{0,2}"));
    let row = ("[ab]?", 0..3_i64, 0..24_i64, values).prop_map(|(a, b, time, (int, float, text))| Known {
        key: (a, b),
        time,
        int,
        float: float.map(|float| f64::from(float) / 4.0),
        text,
    });
    vec(row, 0..40)
}

fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn times(times: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// A plan over rows that come in batches of so many, in the order of `order`.
fn plan(schema: &SchemaRef, columns: Vec<ArrayRef>, batch_rows: usize, order: &[usize]) -> Arc<dyn ExecutionPlan> {
    let all = RecordBatch::try_new(Arc::clone(schema), columns).unwrap();
    let starts = (0..all.num_rows()).step_by(batch_rows);
    let batches: Vec<_> = starts.map(|start| all.slice(start, batch_rows.min(all.num_rows() - start))).collect();
    let memory = MemorySourceConfig::try_new_exec(&[batches], Arc::clone(schema), None).unwrap();
    Arc::new(SortExec::new(in_order(schema, order).unwrap(), memory))
}

fn left(asked: &[Asked], batch_rows: usize) -> Arc<dyn ExecutionPlan> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("number", DataType::Int64, false),
        Field::new("b", DataType::Int64, true),
        Field::new("a", DataType::Utf8, true),
        Field::new("at", time_type(), true),
    ]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(0..asked.len() as i64)),
        Arc::new(asked.iter().map(|row| row.key.1).collect::<Int64Array>()),
        Arc::new(asked.iter().map(|row| row.key.0.clone()).collect::<StringArray>()),
        times(asked.iter().map(|row| row.time)),
    ];
    plan(&schema, columns, batch_rows, &[2, 1, 3])
}

fn right(known: &[Known], batch_rows: usize) -> Arc<dyn ExecutionPlan> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Utf8, false),
        Field::new("b", DataType::Int64, false),
        Field::new("time", time_type(), false),
        Field::new("tie", DataType::Int64, false),
        Field::new("int", DataType::Int64, true),
        Field::new("float", DataType::Float64, true),
        Field::new("text", DataType::Utf8, true),
    ]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(known.iter().map(|row| Some(row.key.0.clone())).collect::<StringArray>()),
        Arc::new(known.iter().map(|row| row.key.1).collect::<Int64Array>()),
        times(known.iter().map(|row| Some(row.time))),
        Arc::new(Int64Array::from_iter_values(0..known.len() as i64)),
        Arc::new(known.iter().map(|row| row.int).collect::<Int64Array>()),
        Arc::new(known.iter().map(|row| row.float).collect::<Float64Array>()),
        Arc::new(known.iter().map(|row| row.text.clone()).collect::<StringArray>()),
    ];
    plan(&schema, columns, batch_rows, &[0, 1, 2, 3])
}

fn sides() -> Sides {
    Sides { key: vec![(2, 0), (1, 1)], time: (3, 2), right_ties: vec![3] }
}

/// The rows of a plan in the order in which they were asked for.
fn rows(plan: Arc<dyn ExecutionPlan>, rows: usize) -> RecordBatch {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let schema = plan.schema();
    let batches = runtime.block_on(collect(plan, Arc::new(TaskContext::default()))).unwrap();
    let all = arrow::compute::concat_batches(&schema, &batches).unwrap();
    assert_eq!(all.num_rows(), rows, "no row is lost or doubled");
    let order = arrow::compute::sort_to_indices(all.column(0), None, None).unwrap();
    arrow::compute::take_record_batch(&all, &order).unwrap()
}

/// The rows that are known of a row's key at its time, in their order.
fn known_at<'k>(asked: &Asked, known: &'k [Known]) -> Vec<&'k Known> {
    let (Some(a), Some(b), Some(at)) = (&asked.key.0, asked.key.1, asked.time) else { return Vec::new() };
    let mut rows: Vec<&Known> =
        known.iter().filter(|row| row.key.0 == *a && row.key.1 == b && row.time <= at).collect();
    // Stable, so that ties keep the order of their numbers.
    rows.sort_by_key(|row| row.time);
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if crate::support::is_soak() { 50_000 } else { 4_000 }, ..ProptestConfig::default() })]

    #[test]
    fn the_point_in_time_join_equals_a_model_that_looks_at_every_row(
        asked in asked(),
        known in known(),
        ttl in option::of(0..12_i64),
        left_rows in 1..8_usize,
        right_rows in 1..8_usize,
    ) {
        let joined = AsOfJoinExec::try_new(left(&asked, left_rows), right(&known, right_rows), sides(), vec![4, 6, 3], ttl).unwrap();
        let found = rows(Arc::new(joined), asked.len());
        for (index, row) in asked.iter().enumerate() {
            let last = known_at(row, &known).last().copied();
            let last = last.filter(|last| ttl.is_none_or(|ttl| row.time.unwrap() - last.time <= ttl));
            let int = found.column(4).as_primitive::<Int64Type>().iter().nth(index).unwrap();
            let text = found.column(5).as_string::<i32>().iter().nth(index).unwrap();
            let tie = found.column(6).as_primitive::<Int64Type>().iter().nth(index).unwrap();
            prop_assert_eq!(int, last.and_then(|last| last.int));
            prop_assert_eq!(text, last.and_then(|last| last.text.as_deref()));
            let number = last.map(|last| known.iter().position(|row| std::ptr::eq(row, last)).unwrap() as i64);
            prop_assert_eq!(tie, number);
        }
    }

    #[test]
    fn windows_equal_a_model_that_looks_at_every_event(
        asked in asked(),
        known in known(),
        length in option::of(1..12_i64),
        left_rows in 1..8_usize,
        right_rows in 1..8_usize,
    ) {
        use WindowFunction::{ApproxDistinct, Count, First, Last, Max, Mean, Min, Sum};
        let column = |function, column| WindowColumn {
            name: format!("{function:?} {column:?}"),
            function,
            column,
            length_micros: length,
        };
        let columns = vec![
            column(Count, None), column(Count, Some(4)), column(Sum, Some(4)), column(Sum, Some(5)), column(Mean, Some(4)),
            column(Mean, Some(5)), column(Min, Some(5)), column(Max, Some(6)), column(First, Some(6)), column(Last, Some(4)),
            column(ApproxDistinct, Some(6)),
        ];
        let windows = WindowsExec::try_new(left(&asked, left_rows), right(&known, right_rows), sides(), columns).unwrap();
        let found = rows(Arc::new(windows), asked.len());
        for (index, row) in asked.iter().enumerate() {
            let whole = row.key.0.is_some() && row.key.1.is_some() && row.time.is_some();
            let mut events = known_at(row, &known);
            events.retain(|event| length.is_none_or(|length| event.time > row.time.unwrap() - length));
            let int = |at: usize| found.column(at).as_primitive::<Int64Type>().iter().nth(index).unwrap();
            let float = |at: usize| found.column(at).as_primitive::<Float64Type>().iter().nth(index).unwrap();
            let text = |at: usize| found.column(at).as_string::<i32>().iter().nth(index).unwrap();
            let ints: Vec<i64> = events.iter().filter_map(|event| event.int).collect();
            let floats: Vec<f64> = events.iter().filter_map(|event| event.float).collect();
            let texts: Vec<&str> = events.iter().filter_map(|event| event.text.as_deref()).collect();
            prop_assert_eq!(int(4), whole.then_some(events.len() as i64));
            prop_assert_eq!(int(5), whole.then_some(ints.len() as i64));
            prop_assert_eq!(int(6), (!ints.is_empty()).then(|| ints.iter().sum()));
            // Quarters are summed without error.
            prop_assert_eq!(float(7), (!floats.is_empty()).then(|| floats.iter().sum()));
            prop_assert_eq!(float(8), (!ints.is_empty()).then(|| ints.iter().sum::<i64>() as f64 / ints.len() as f64));
            prop_assert_eq!(float(9), (!floats.is_empty()).then(|| floats.iter().sum::<f64>() / floats.len() as f64));
            prop_assert_eq!(float(10), floats.iter().copied().reduce(f64::min));
            prop_assert_eq!(text(11), texts.iter().copied().max());
            prop_assert_eq!(text(12), texts.first().copied());
            prop_assert_eq!(int(13), ints.last().copied());
            let distinct: std::collections::BTreeSet<&str> = texts.iter().copied().collect();
            prop_assert_eq!(int(14), whole.then_some(distinct.len() as i64));
        }
    }
}

#[test]
fn a_large_value_that_left_a_window_leaves_no_error_behind() {
    let event = |time, float| Known { key: ("a".to_owned(), 0), time, int: None, float: Some(float), text: None };
    let known = [event(0, 1e300), event(5, 0.1), event(6, 0.2)];
    let asked = [Asked { key: (Some("a".to_owned()), Some(0)), time: Some(6) }];
    let sum =
        WindowColumn { name: "sum".to_owned(), function: WindowFunction::Sum, column: Some(5), length_micros: Some(3) };
    let windows = WindowsExec::try_new(left(&asked, 1), right(&known, 1), sides(), vec![sum]).unwrap();
    let found = rows(Arc::new(windows), 1);
    assert_eq!(found.column(4).as_primitive::<Float64Type>().value(0), 0.1 + 0.2);
}

const EVENTS: &str = "\
kind: entity
name: track
join_keys: [track_id]
---
kind: source
name: tracks
entity: track
columns:
  - { name: track_id, dtype: string }
  - { name: title, dtype: string, licence: public-domain }
---
kind: source
name: plays
entity: track
timestamp_field: played_at
event_id: play_id
columns:
  - { name: track_id, dtype: string }
  - { name: played_at, dtype: timestamp }
  - { name: play_id, dtype: int64 }
  - { name: seconds, dtype: float64 }
---
kind: source
name: ranks
entity: track
timestamp_field: at
columns:
  - { name: track_id, dtype: string }
  - { name: at, dtype: timestamp }
  - { name: rank, dtype: int32 }
---
kind: feature_view
name: titles
entity: track
sql: select track_id, title from tracks
features: [{ name: title, dtype: string, licence: public-domain }]
---
kind: feature_view
name: play_windows
entity: track
aggregate: { source: plays, functions: [count, sum(seconds), last(seconds)], windows: [1d, all] }
---
kind: feature_view
name: rank_history
entity: track
timestamp_field: at
ttl: 10d
sql: select track_id, at, rank from ranks
features: [{ name: rank, dtype: int32 }]
";

fn play(track: &str, at: &str, id: u64, seconds: f64) -> String {
    format!(
        "{{\"track_id\": \"{track}\", \"played_at\": \"2026-01-{at}Z\", \"play_id\": {id}, \"seconds\": {seconds}}}\n"
    )
}

/// Three tracks, five plays, two of them at one moment, and four ranks.
pub async fn with_events() -> TestProject {
    let project = TestProject::new(EVENTS);
    let tracks = "{\"track_id\": \"t1\", \"title\": \"One\"}\n{\"track_id\": \"t2\", \"title\": \"Two\"}\n{\"track_id\": \"t3\"}\n";
    project.ingest("tracks", "tracks.jsonl", tracks).await;
    let plays = [
        play("t2", "03T00:00:00", 5, 50.0),
        play("t1", "01T00:00:00", 1, 10.0),
        play("t1", "02T12:00:00", 3, 30.0),
        play("t1", "02T12:00:00", 4, 40.0),
        play("t1", "02T00:00:01", 2, 20.0),
    ];
    project.ingest("plays", "plays.jsonl", plays.concat()).await;
    let rank = |track: &str, day: u32, rank: i32| {
        format!("{{\"track_id\": \"{track}\", \"at\": \"2026-01-{day:02}T00:00:00Z\", \"rank\": {rank}}}\n")
    };
    project
        .ingest(
            "ranks",
            "ranks.jsonl",
            [rank("t1", 2, 7), rank("t1", 1, 9), rank("t2", 1, 3), rank("t1", 20, 1)].concat(),
        )
        .await;
    project
}

#[tokio::test]
async fn windows_end_at_the_last_event_and_history_is_kept() {
    let project = with_events().await;
    let report = project.build().await.unwrap();
    // The last event of all is a rank.
    assert_eq!(report.release.as_of.to_rfc3339(), "2026-01-20T00:00:00+00:00");
    let rows = project.rows("select * from track order by track_id").await;
    assert_eq!(
        rows,
        json!([
            {"track_id": "t1", "title": "One", "plays_count_1d": 0, "plays_count_all": 4, "plays_sum_seconds_1d": null, "plays_sum_seconds_all": 100.0, "plays_last_seconds_1d": null, "plays_last_seconds_all": 40.0, "rank": 1},
            {"track_id": "t2", "title": "Two", "plays_count_1d": 0, "plays_count_all": 1, "plays_sum_seconds_1d": null, "plays_sum_seconds_all": 50.0, "plays_last_seconds_1d": null, "plays_last_seconds_all": 50.0, "rank": 3},
            {"track_id": "t3", "title": null, "plays_count_1d": 0, "plays_count_all": 0, "plays_sum_seconds_1d": null, "plays_sum_seconds_all": null, "plays_last_seconds_1d": null, "plays_last_seconds_all": null, "rank": null},
        ])
    );
    let history = project.rows("select track_id, at, rank from rank_history order by track_id, at").await;
    assert_eq!(history.as_array().unwrap().len(), 4);
    assert_eq!(history[0], json!({"track_id": "t1", "at": "2026-01-01T00:00:00Z", "rank": 9}));
    assert_eq!(report.release.views[1].features[0].reads, ["plays.played_at"]);
    assert_eq!(report.release.views[1].features[2].reads, ["plays.played_at", "plays.seconds"]);
}

#[tokio::test]
async fn events_that_come_move_windows_and_nothing_else_does() {
    let project = with_events().await;
    project.build().await.unwrap();
    assert!(!project.build().await.unwrap().published);
    let counts = "select track_id, plays_count_1d as d, plays_count_all as a from track order by track_id";
    // Late, and the same once more.
    project
        .ingest("plays", "late.jsonl", [play("t3", "01T06:00:00", 6, 1.0), play("t1", "01T00:00:00", 1, 10.0)].concat())
        .await;
    let report = project.build().await.unwrap();
    assert_eq!(report.plan.views[1].reasons, ["rows of its input `plays` change"]);
    assert_eq!(
        project.rows(counts).await,
        json!([{"track_id": "t1", "d": 0, "a": 4}, {"track_id": "t2", "d": 0, "a": 1}, {"track_id": "t3", "d": 0, "a": 1}])
    );
    // Another source's event moves the end of every window.
    project
        .ingest("ranks", "later.jsonl", "{\"track_id\": \"t9\", \"at\": \"2026-01-21T00:00:00Z\", \"rank\": 4}\n")
        .await;
    let report = project.build().await.unwrap();
    assert_eq!(report.plan.views[1].reasons, ["events of `ranks` come, so windows may end later"]);
    assert_eq!(report.release.as_of.to_rfc3339(), "2026-01-21T00:00:00+00:00");
}

#[tokio::test]
async fn events_stay_in_order_through_small_builds() {
    let project = with_events().await;
    project.build().await.unwrap();
    for round in 0..30_u64 {
        let rows = [play("t2", "04T00:00:00", 100 + round, 1.0), play("t1", "01T00:00:01", 200 - round, 2.0)];
        project.ingest("plays", "more.jsonl", rows.concat()).await;
        let release = project.build().await.unwrap().release;
        let pin = release.source("plays").unwrap();
        assert!(pin.is_ordered);
        let table = project.app().store().source("plays", pin.lance_version).await.unwrap();
        assert!(table.fragments() <= 18, "{}", table.fragments());
    }
    let sums = project.rows("select plays_count_all as n, plays_sum_seconds_all as s, plays_last_seconds_all as l from track order by track_id").await;
    assert_eq!(sums[0], json!({"n": 34, "s": 160.0, "l": 40.0}));
    assert_eq!(sums[1], json!({"n": 31, "s": 80.0, "l": 1.0}));
}
