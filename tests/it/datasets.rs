//! Downloads: files, ranges, digests, and what is refused.

use rhapsode::api::{Asked, parse_range};
use serde_json::{Value, json};

use crate::support::{get, get_with, post, problem, served};

#[tokio::test]
async fn a_download_is_written_once_and_served_with_ranges_and_a_digest() {
    use base64::Engine;
    use sha2::Digest;
    let (project, app) = served().await;
    let path = "/api/dataset/download?dataset=track&format=csv&columns=track_id,decade&filter=decade%20%3E%201845";
    let whole = get(&app, path).await;
    assert_eq!(whole.body, b"track_id,decade\nt3,1850\n");
    assert_eq!(whole.header("content-disposition"), "attachment; filename=\"track-r1.csv\"");
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(&whole.body));
    assert_eq!(whole.header("repr-digest"), format!("sha-256=:{digest}:"));
    let files = || std::fs::read_dir(project.path().join("store/exports/1")).unwrap().count();
    assert_eq!(files(), 2);
    let part = get_with(&app, path, &[("range", "bytes=3-7")]).await;
    assert_eq!((part.status.as_u16(), part.body.as_slice()), (206, &whole.body[3..8]));
    assert_eq!(part.header("content-range"), "bytes 3-7/24");
    let beyond = get_with(&app, path, &[("range", "bytes=99-")]).await;
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */24"));
    let same = get_with(&app, path, &[("if-none-match", whole.header("etag"))]).await;
    assert_eq!((same.status.as_u16(), same.body.len()), (304, 0));
    assert_eq!(files(), 2);
}

#[tokio::test]
async fn downloads_of_every_format_hold_the_same_rows() {
    let (_project, app) = served().await;
    let download =
        async |format: &str| get(&app, &format!("/api/dataset/download?dataset=track&format={format}")).await.body;
    let json: Value = serde_json::from_slice(&download("json").await).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 3);
    assert_eq!(json[0]["ratio"], json!(263.2857));
    let lines: Vec<Value> = String::from_utf8(download("jsonl").await)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(json, Value::Array(lines));
    let parquet = bytes::Bytes::from(download("parquet").await);
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(parquet, 1_024).unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 3);
    let arrow = std::io::Cursor::new(download("arrow").await);
    let reader = arrow::ipc::reader::FileReader::try_new(arrow, None).unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 3);
}

#[tokio::test]
async fn bad_downloads_name_the_field_the_value_and_the_remedy() {
    let (_project, app) = served().await;
    let download = async |query: &str| get(&app, &format!("/api/dataset/download?{query}")).await;
    problem(&download("").await, 400, "missing-parameter", json!("dataset"), json!(""), "entity");
    problem(
        &download("dataset=trak").await,
        404,
        "unknown-dataset",
        json!("dataset"),
        json!("trak"),
        "did you mean `track`?",
    );
    problem(
        &download("dataset=track&format=parket").await,
        400,
        "unknown-format",
        json!("format"),
        json!("parket"),
        "did you mean `parquet`?",
    );
    problem(
        &download("dataset=track&columns=decade,x").await,
        400,
        "unknown-column",
        json!("columns[1]"),
        json!("x"),
        "",
    );
    problem(
        &download("dataset=track&filter=decde%20%3E%201").await,
        400,
        "statement",
        json!("filter"),
        Value::Null,
        "did you mean `decade`?",
    );
    problem(
        &download("dataset=track&filter=1%3D1)%20union%20select%20(1").await,
        400,
        "statement",
        json!("filter"),
        Value::Null,
        "",
    );
}

#[tokio::test]
async fn a_type_mistake_in_a_filter_was_a_fault_of_the_server() {
    let (_project, app) = served().await;
    for dataset in ["tracks", "track", "metadata"] {
        let text = get(&app, &format!("/api/dataset/download?dataset={dataset}&filter=title%3D1")).await;
        problem(&text, 400, "statement", json!("filter"), Value::Null, "");
        let number = get(&app, &format!("/api/dataset/download?dataset={dataset}&filter=track_id")).await;
        problem(&number, 400, "statement", json!("filter"), Value::Null, "");
        let body = json!({"query": format!("select * from {dataset} where title = 1")}).to_string();
        problem(&post(&app, "/api/sql", body).await, 400, "statement", json!("query"), Value::Null, "");
    }
    let over_rows = get(&app, "/api/dataset/download?dataset=track&filter=sum(decade)%3E1").await;
    problem(&over_rows, 400, "statement", json!("filter"), Value::Null, "in a query");
}

#[test]
fn ranges_are_read_as_the_standard_says() {
    let range = |text: &str| parse_range(text, 10);
    assert_eq!(range("bytes=0-3"), Asked::Range(0..4));
    assert_eq!(range("bytes=4-"), Asked::Range(4..10));
    assert_eq!(range("bytes=-3"), Asked::Range(7..10));
    assert_eq!(range("bytes=-30"), Asked::Range(0..10));
    assert_eq!(range("bytes=8-99"), Asked::Range(8..10));
    assert_eq!(range("bytes=0-18446744073709551615"), Asked::Range(0..10));
    assert_eq!(range("bytes=10-"), Asked::Unsatisfiable);
    assert_eq!(range("bytes=-0"), Asked::Unsatisfiable);
    for ignored in ["bytes=3-2", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes="] {
        assert_eq!(range(ignored), Asked::Ignore, "{ignored}");
    }
}
