//! Files into sources: what is read, what is rejected, and that nothing is lost in silence.

use std::sync::Arc;

use datafusion::arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use rhapsode::cli::corpus::synthetic::{self, Recipe};
use serde_json::{Value, json};

use crate::support::{DEFINITIONS, TestProject};

/// The rejects of an ingest: `(line, reason)`.
fn rejects(project: &TestProject, path: &Option<String>) -> Vec<(u64, String)> {
    let text = std::fs::read_to_string(project.path().join("store").join(path.as_ref().unwrap())).unwrap();
    let read = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
    text.lines()
        .map(read)
        .map(|row| (row["line"].as_u64().unwrap(), row["reason"].as_str().unwrap().to_owned()))
        .collect()
}

fn parquet_file(schema: Arc<Schema>, columns: Vec<Arc<dyn Array>>) -> Vec<u8> {
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[tokio::test]
async fn json_lines_keep_what_can_be_read_and_reject_the_rest() {
    let project = TestProject::new(DEFINITIONS);
    let rows: &[u8] = b"{\"id\": \"a\", \"year\": 1843}\n\
        not json\n\
        {\"id\": \"b\", \"year\": \"MDCCC\"}\n\
        \n\
        [1]\n\
        {\"year\": 1}\n\
        {\"id\": \"c\", \"year\": \"1850\", \"surplus\": {}}\n\
        {\"id\": \"a\", \"year\": 1}\n\
        {\"id\": \"\xff\"}\n\
        {\"id\": \"d\", \"lyrics\": [\"x\"]}\n";
    let done = project.ingest("tracks", "rows.jsonl", rows).await;
    assert_eq!((done.file.rows, done.file.rejected), (2, 7));
    assert_eq!(
        rejects(&project, &done.file.rejects),
        [
            (2, "the line is not JSON: expected ident at line 1 column 2".to_owned()),
            (5, "the line is not a JSON object".to_owned()),
            (9, "the line is not UTF-8".to_owned()),
            (3, "`year` is \"MDCCC\", which is not int32".to_owned()),
            (6, "the key `track_id` is missing".to_owned()),
            (10, "`lyrics` is [\"x\"], which is not string".to_owned()),
            (8, "the key `a` came before".to_owned()),
        ]
    );
    project.build().await.unwrap();
    let rows = project.rows("select track_id, year from tracks order by track_id").await;
    assert_eq!(rows, json!([{"track_id": "a", "year": 1843}, {"track_id": "c", "year": 1850}]));
}

#[tokio::test]
async fn csv_is_read_by_its_header() {
    let project = TestProject::new(DEFINITIONS);
    let csv = "id,year,title,unknown\nx,1843,\"a, b\",1\ny,,,\nz,late,t,\nw,1\n";
    let done = project.ingest("tracks", "rows.csv", csv).await;
    assert_eq!((done.file.rows, done.file.rejected), (2, 2));
    project.build().await.unwrap();
    let rows = project.rows("select track_id, year, title from tracks order by track_id").await;
    assert_eq!(
        rows,
        json!([{"track_id": "x", "year": 1843, "title": "a, b"}, {"track_id": "y", "year": null, "title": null}])
    );
    let error = project.try_ingest("tracks", "keyless.csv", "year\n1\n").await.unwrap_err().to_string();
    assert!(error.contains("no column for `track_id`") && error.contains("`track_id`, `id`"), "{error}");
}

#[tokio::test]
async fn parquet_is_cast_to_the_definition() {
    let project = TestProject::new(DEFINITIONS);
    let schema =
        Arc::new(Schema::new(vec![Field::new("id", DataType::Utf8, true), Field::new("year", DataType::Int64, true)]));
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(StringArray::from(vec![Some("a"), None, Some("c"), Some("d")])),
        Arc::new(Int64Array::from(vec![Some(1843), Some(1), None, Some(1 << 40)])),
    ];
    let done = project.ingest("tracks", "rows.parquet", parquet_file(schema, columns)).await;
    assert_eq!((done.file.rows, done.file.rejected), (2, 2));
    assert_eq!(
        rejects(&project, &done.file.rejects),
        [
            (2, "the key `track_id` is missing".to_owned()),
            (4, "`year` is 1099511627776, which is not int32".to_owned())
        ]
    );
}

#[tokio::test]
async fn compressed_files_are_read_and_unknown_endings_refused() {
    use std::io::Write;
    let project = TestProject::new(DEFINITIONS);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"{\"id\": \"a\"}\n{\"id\": \"b\"}\n").unwrap();
    let done = project.ingest("tracks", "rows.jsonl.gz", gzip.finish().unwrap()).await;
    assert_eq!(done.file.rows, 2);
    let error = project.try_ingest("tracks", "rows.xlsx", "").await.unwrap_err().to_string();
    assert!(error.contains(".jsonl") && error.contains(".parquet"), "{error}");
}

#[tokio::test]
async fn an_ingest_without_one_good_row_is_an_error() {
    let project = TestProject::new(DEFINITIONS);
    let error = project.try_ingest("tracks", "rows.jsonl", "nonsense\n").await.unwrap_err().to_string();
    assert!(error.contains("not one row of rows.jsonl") && error.contains("rows.jsonl:1"), "{error}");
}

#[tokio::test]
async fn the_line_after_one_that_was_a_byte_too_long_was_lost() {
    use rhapsode::limits::SOURCE_LINE_BYTES_MAX;
    let project = TestProject::new(DEFINITIONS);
    let line = |id: &str, length: usize| {
        let row = format!("{{\"id\": \"{id}\", \"lyrics\": \"");
        let padding = "x".repeat(length - row.len() - 3);
        format!("{row}{padding}\"}}\n")
    };
    let over = line("b", SOURCE_LINE_BYTES_MAX + 1) + "{\"id\": \"c\"}\n" + &line("d", SOURCE_LINE_BYTES_MAX + 9);
    let rows = line("a", SOURCE_LINE_BYTES_MAX) + &over + "{\"id\": \"e\"}\n";
    let done = project.ingest("tracks", "rows.jsonl", rows).await;
    assert_eq!((done.file.rows, done.file.rejected), (3, 2));
    let lines: Vec<u64> = rejects(&project, &done.file.rejects).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [2, 4]);
}

#[tokio::test]
async fn the_same_rows_twice_in_a_row_are_taken_once() {
    let project = TestProject::new(DEFINITIONS);
    assert!(!project.ingest("tracks", "rows.jsonl", "{\"id\": \"a\"}\n").await.already_there);
    assert!(project.ingest("tracks", "rows.jsonl", "{\"id\": \"a\"}\n").await.already_there);
    assert!(!project.ingest("tracks", "rows.jsonl", "{\"id\": \"b\"}\n").await.already_there);
    let names: Vec<String> =
        project.app().store().incoming("tracks").await.unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["00000001", "00000002"]);
}

#[tokio::test]
async fn what_is_planted_in_the_synthetic_corpus_is_rejected_line_by_line() {
    let definitions =
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("feature_defs/track.yaml"))
            .unwrap();
    let project = TestProject::new(&definitions);
    let (mut rows, mut truth) = (Vec::new(), Vec::new());
    let recipe = Recipe { tracks: 5_000, seed: 3, faults: true };
    synthetic::write(&recipe, &mut rows, &mut truth, &mut |_| {}).unwrap();
    let done = project.ingest("tracks", "synthetic.jsonl", &rows).await;
    let truth: Vec<Value> =
        String::from_utf8(truth).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected: Vec<u64> = truth
        .iter()
        .filter(|row| matches!(row["expected"].as_str(), Some("rejected" | "collides")))
        .map(|row| row["line"].as_u64().unwrap())
        .collect();
    let mut found: Vec<u64> = rejects(&project, &done.file.rejects).into_iter().map(|(line, _)| line).collect();
    found.sort_unstable();
    assert!(expected.len() > 20);
    assert_eq!(found, expected);
    assert_eq!(done.file.rows as usize + expected.len(), recipe.tracks);
}

#[tokio::test]
async fn fractions_were_cut_into_integers() {
    let project = TestProject::new(DEFINITIONS);
    let rows = "{\"id\": \"a\", \"year\": 1843.0}\n{\"id\": \"b\", \"year\": 1843.5}\n{\"id\": \"c\", \"year\": 9007199254740993.0}\n";
    let done = project.ingest("tracks", "rows.jsonl", rows).await;
    let told = rejects(&project, &done.file.rejects);
    assert_eq!(told[0], (2, "`year` is 1843.5, which is not int32".to_owned()));
    assert_eq!((told.len(), told[1].0), (2, 3));
}

#[tokio::test]
async fn fractions_and_times_of_a_parquet_file_were_cut() {
    let definitions = DEFINITIONS.replace("{ name: secret, dtype: string }\n  - { name: lyrics", "{ name: secret, dtype: string }\n  - { name: day, dtype: date }\n  - { name: years, dtype: list<int32> }\n  - { name: lyrics");
    let project = TestProject::new(&definitions);
    let day = 86_400_000_000_i64;
    let item = Arc::new(Field::new("item", DataType::Float64, true));
    let list = |values: &[f64]| Some(values.iter().copied().map(Some).collect::<Vec<_>>());
    let years = datafusion::arrow::array::ListArray::from_iter_primitive::<
        datafusion::arrow::datatypes::Float64Type,
        _,
        _,
    >([list(&[1.0]), list(&[1.0, 2.0]), list(&[1.0]), list(&[1.0, 2.5])]);
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Utf8, true),
        Field::new("year", DataType::Float64, true),
        Field::new("day", DataType::Timestamp(datafusion::arrow::datatypes::TimeUnit::Microsecond, None), true),
        Field::new("years", DataType::List(item), true),
    ]));
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(StringArray::from(vec!["a", "b", "c", "d"])),
        Arc::new(datafusion::arrow::array::Float64Array::from(vec![1843.0, 1843.5, 1.0, 1.0])),
        Arc::new(datafusion::arrow::array::TimestampMicrosecondArray::from(vec![day, day, day + 1, day])),
        Arc::new(years),
    ];
    let done = project.ingest("tracks", "rows.parquet", parquet_file(schema, columns)).await;
    assert_eq!(
        rejects(&project, &done.file.rejects),
        [
            (2, "`year` is 1843.5, which is not int32".to_owned()),
            (3, "`day` is 1970-01-02T00:00:00.000001, which is not date".to_owned()),
            (4, "`years` is [1.0, 2.5], which is not list<int32>".to_owned()),
        ]
    );
    project.build().await.unwrap();
    let rows = project.rows("select year, day, years from tracks").await;
    assert_eq!(rows, json!([{"year": 1843, "day": "1970-01-02", "years": [1]}]));
}

#[tokio::test]
async fn an_unclosed_quote_swallowed_the_rest_of_the_file() {
    let project = TestProject::new(DEFINITIONS);
    let csv = "id,title\na,one\nb,\"two\nc,three\nd,four\n";
    let error = project.try_ingest("tracks", "rows.csv", csv).await.unwrap_err().to_string();
    assert!(error.ends_with("is not CSV: a quote that is opened in the row of line 3 is never closed"), "{error}");
    for whole in
        ["id,title\na,one\nb,\"two\nlines\"", "id,title\na,one\nb,two\n", "id,title\r\na,one\r\nb,5\" disk\r\n\r\n"]
    {
        let project = TestProject::new(DEFINITIONS);
        assert_eq!(project.ingest("tracks", "rows.csv", whole).await.file.rows, 2, "{whole}");
    }
    let error = project.try_ingest("tracks", "empty.csv", "").await.unwrap_err().to_string();
    assert!(error.ends_with("is not CSV: it is empty"), "{error}");
}

#[tokio::test]
async fn of_a_doubled_header_the_last_column_won() {
    let project = TestProject::new(DEFINITIONS);
    let error = project.try_ingest("tracks", "rows.csv", "id,title,title\na,b,c\n").await.unwrap_err().to_string();
    assert!(error.ends_with("is not CSV: its header has the column `title` twice"), "{error}");
}
