//! Rows with time that come one after the other: which counts, and what they cost.

use rhapsode::materialize::{ChangedColumns, Work};
use serde_json::json;

use crate::support::{TestProject, get, post};

const CREATED: &str = "\
kind: entity
name: track
join_keys: [track_id]
---
kind: source
name: charts
entity: track
timestamp_field: at
created_timestamp_column: written_at
columns:
  - { name: track_id, dtype: string }
  - { name: at, dtype: date }
  - { name: written_at, dtype: timestamp }
  - { name: rank, dtype: int32 }
---
kind: feature_view
name: ranks
entity: track
timestamp_field: at
sql: select track_id, at, rank from charts
features: [{ name: rank, dtype: int32 }]
";

/// A chart position, and the hour at which it was written.
fn chart(at: u32, hour: Option<u32>, rank: i32) -> String {
    let written = hour.map(|hour| format!("2026-03-01T{hour:02}:00:00Z"));
    json!({"track_id": "t1", "at": format!("2026-01-{at:02}"), "written_at": written, "rank": rank}).to_string() + "\n"
}

#[tokio::test]
async fn of_several_rows_for_one_key_the_one_that_was_written_last_counts_whatever_came_first() {
    let project = TestProject::new(CREATED);
    // In one ingest: the last written, of equal ones the last, any time before none.
    let rows =
        [chart(1, Some(9), 1), chart(1, Some(8), 2), chart(2, Some(7), 3), chart(2, Some(7), 4), chart(3, None, 5)];
    let summary = project.ingest("charts", "a.jsonl", rows.concat()).await;
    assert_eq!((summary.file.rows, summary.file.rejected), (5, 0));
    // Before the first build, an ingest that comes later and was written earlier.
    project.ingest("charts", "b.jsonl", [chart(1, Some(7), 6), chart(3, Some(1), 7)].concat()).await;
    project.build().await.unwrap();
    let all = "select at, rank from charts order by at";
    let ranks = |ranks: [i32; 3]| {
        let row = |(at, rank): (usize, &i32)| json!({"at": format!("2026-01-{:02}", at + 1), "rank": rank});
        ranks.iter().enumerate().map(row).collect::<Vec<_>>()
    };
    assert_eq!(project.rows(all).await, json!(ranks([1, 4, 7])));
    // And after it: an old row changes nothing, a newer one does.
    project
        .ingest(
            "charts",
            "c.jsonl",
            [chart(1, Some(8), 8), chart(2, None, 9), chart(3, Some(2), 10), chart(3, Some(1), 11)].concat(),
        )
        .await;
    let report = project.build().await.unwrap();
    assert_eq!(project.rows(all).await, json!(ranks([1, 4, 10])));
    assert_eq!(report.release.sources[0].rows, 3);
    project.snapshot("charts", "d.jsonl", [chart(1, Some(1), 12), chart(2, Some(9), 13)].concat()).await;
    project.build().await.unwrap();
    let left = project.rows(all).await;
    assert_eq!(left, json!(&ranks([1, 13, 0])[..2]));
}

#[tokio::test]
async fn many_rows_for_one_key_come_to_the_same_whether_looked_up_or_read_whole() {
    let rows = |from: i32, to: i32| -> String {
        (from..to).map(|n| chart(1 + (n * 5).unsigned_abs() % 28, Some((n * 11).unsigned_abs() % 24), n)).collect()
    };
    let (small, large) = (TestProject::new(CREATED), TestProject::new(CREATED));
    small.ingest("charts", "all.jsonl", rows(0, 9_000)).await;
    small.build().await.unwrap();
    for (file, (from, to)) in [(0, 50), (50, 100), (100, 9_000)].into_iter().enumerate() {
        large.ingest("charts", &format!("{file}.jsonl"), rows(from, to)).await;
        large.build().await.unwrap();
    }
    let all = "select at, written_at, rank from charts order by at";
    let whole = small.rows(all).await;
    assert_eq!(whole.as_array().unwrap().len(), 28);
    assert_eq!(large.rows(all).await, whole);
}

#[tokio::test]
async fn rows_of_history_cost_their_rows_and_every_reader_sees_them_in_order() {
    let project = TestProject::new(CREATED);
    let first: String = (1..=20).map(|day| chart(day, Some(1), day as i32)).collect();
    project.ingest("charts", "first.jsonl", first).await;
    project.build().await.unwrap();
    let clean = TestProject::new(CREATED);
    let rows = Work::Rows(ChangedColumns::default());
    let mut all = String::new();
    // More often than pieces may come together.
    for round in 0..20_u32 {
        let day = 1 + (round * 7) % 28;
        let more = [
            chart(day, Some(2 + round), 100 + round as i32),
            chart(1 + (round * 5) % 28, Some(3 + round), 200 + round as i32),
        ];
        all += &more.concat();
        project.ingest("charts", &format!("{round}.jsonl"), more.concat()).await;
        let report = project.build().await.unwrap();
        assert_eq!(report.plan.views[0].work, rows, "round {round}");
        if round == 2 {
            let pin = &report.release.views[0];
            let table = project.app().store().view("ranks", &pin.data).await.unwrap();
            assert!(table.fragments() > 1, "it was written by the piece");
        }
    }
    let first: String = (1..=20).map(|day| chart(day, Some(1), day as i32)).collect();
    clean.ingest("charts", "all.jsonl", first + &all).await;
    clean.build().await.unwrap();
    let history = "select track_id, at, rank from ranks order by at";
    assert_eq!(project.rows(history).await, clean.rows(history).await);
    let (app, other) = (project.app(), clean.app());
    let path = "/api/features/t1?features=rank";
    let last = get(&app, path).await.json()["features"].clone();
    assert_eq!(last, get(&other, path).await.json()["features"]);
    let rows: Vec<_> = (1..=28)
        .map(|day| json!({"track_id": "t1", "event_timestamp": format!("2026-01-{day:02}T12:00:00Z")}))
        .collect();
    let body = json!({"features": ["rank"], "rows": rows}).to_string();
    let known = post(&app, "/api/training-sets", body.clone()).await.json();
    assert_eq!(known, post(&other, "/api/training-sets", body).await.json());
    assert_eq!(known.as_array().unwrap().len(), 28);
}
