//! Statements: bounded before they are planned, run over registered tables and nothing else.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::datasource::MemTable;
use futures::TryStreamExt;
use rhapsode::analyze::{Analyzer, ReadyAnalyzer};
use rhapsode::engine::{Bounds, FUNCTIONS, Session, SqlError, Statement, TextColumn};
use rhapsode::error::ErrorKind;
use rhapsode::limits::{STATEMENT_BYTES_MAX, STATEMENT_DEPTH_MAX, STATEMENT_OPERATORS_MAX};

fn session() -> Session {
    let session = Session::new(Bounds { memory_bytes: 64 << 20, batch_rows: 1_024 });
    let schema =
        Arc::new(Schema::new(vec![Field::new("id", DataType::Int32, false), Field::new("text", DataType::Utf8, true)]));
    let columns: Vec<Arc<dyn datafusion::arrow::array::Array>> =
        vec![Arc::new(Int32Array::from(vec![1, 2, 3])), Arc::new(StringArray::from(vec![Some("a"), None, Some("c")]))];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    session.register("t", Arc::new(MemTable::try_new(schema, vec![vec![batch]]).unwrap()));
    session
}

async fn run(sql: &str) -> Result<usize, SqlError> {
    let session = session();
    let plan = session.plan(&Statement::parse(sql)?).await?;
    let batches: Vec<RecordBatch> =
        session.execute(plan).await?.try_collect().await.map_err(SqlError::from_execution)?;
    Ok(batches.iter().map(RecordBatch::num_rows).sum())
}

/// Runs `test` on a thread with the stack that the binary gives its threads.
fn on_a_worker_thread<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let thread = std::thread::Builder::new().stack_size(rhapsode::limits::THREAD_STACK_BYTES);
    thread.spawn(move || runtime().block_on(test())).unwrap().join().unwrap();
}

#[tokio::test]
async fn a_select_is_answered() {
    assert_eq!(run("select id from t where text is not null").await.unwrap(), 2);
    assert_eq!(run("with x as (select id from t) select * from x, t").await.unwrap(), 9);
}

#[tokio::test]
async fn whatever_is_not_a_query_is_refused() {
    for sql in [
        "insert into t values (4, 'd')",
        "create table u as select 1",
        "create external table u stored as csv location '/etc/passwd'",
        "copy t to '/tmp/x.csv'",
        "copy (select 1) to '/tmp/x.csv'",
        "set datafusion.execution.batch_size = 1",
        "explain select 1",
        "explain analyze select 1",
        "drop table t",
        "delete from t",
        "update t set id = 1",
        "prepare p as select 1",
        "show tables",
        "describe t",
        "select 1; select 2",
        "",
    ] {
        let error = Statement::parse(sql).map(|_| ()).expect_err(sql);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{sql}: {error}");
    }
}

#[tokio::test]
async fn files_urls_and_the_catalogue_are_out_of_reach() {
    for sql in [
        "select * from '/etc/passwd'",
        "select * from 'http://127.0.0.1/x.csv'",
        "select * from read_csv('/etc/passwd')",
        "select * from information_schema.tables",
        "select * from generate_series(1, 1000000000)",
        "select * into u from t",
        "select version()",
        "select random()",
        "select now()",
        "select current_timestamp",
        "select repeat('x', 1000000000)",
        "select lpad('x', 1000000000)",
        "select array_repeat(1, 1000000000)",
        "select range(0, 1000000000)",
    ] {
        let error = run(sql).await.map(|_| ()).expect_err(sql);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{sql}: {error}");
    }
}

#[test]
fn a_statement_at_each_bound_runs_and_one_over_it_is_refused() {
    on_a_worker_thread(|| async {
        let padded = |length: usize| {
            let sql = "select 1 -- ".to_owned();
            let padding = "x".repeat(length - sql.len());
            sql + &padding
        };
        assert_eq!(run(&padded(STATEMENT_BYTES_MAX)).await.unwrap(), 1);
        assert_eq!(run(&padded(STATEMENT_BYTES_MAX + 1)).await.unwrap_err().kind(), ErrorKind::TooLarge);

        for operator in [" + ", " || ", " and ", " or ", " - "] {
            let chain = |operators: usize| {
                let operand = match operator {
                    " and " | " or " => "id > 1",
                    " || " => "text",
                    _ => "id",
                };
                // A comparison is an operator too.
                let terms = if operand == "id > 1" { operators.div_ceil(2) } else { operators + 1 };
                format!("select {} from t", vec![operand; terms].join(operator))
            };
            assert_eq!(run(&chain(STATEMENT_OPERATORS_MAX)).await.unwrap(), 3, "{operator}");
            let over = run(&chain(STATEMENT_OPERATORS_MAX + 2)).await.unwrap_err();
            assert_eq!(over.kind(), ErrorKind::TooLarge, "{operator}: {over}");
        }
        let unions = |count: usize| vec!["select 1"; count + 1].join(" union all ");
        assert_eq!(run(&unions(STATEMENT_OPERATORS_MAX)).await.unwrap(), STATEMENT_OPERATORS_MAX + 1);
        assert_eq!(run(&unions(STATEMENT_OPERATORS_MAX + 1)).await.unwrap_err().kind(), ErrorKind::TooLarge);

        let nested = |depth: usize| format!("select {}1{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(Statement::parse(&nested(STATEMENT_DEPTH_MAX + 1)).unwrap_err().kind(), ErrorKind::TooLarge);
        // The parser's own limit may come first; whichever it is, it is an answer.
        let _ = run(&nested(STATEMENT_DEPTH_MAX)).await;
    });
}

#[test]
fn the_functions_are_those_that_were_looked_at() {
    // An upgrade of the engine brings new functions; they are refused until they stand in the list.
    let mut sorted = FUNCTIONS.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted, FUNCTIONS, "ordered, each once");
    let brought: Vec<String> = datafusion::execution::SessionStateDefaults::default_scalar_functions()
        .iter()
        .map(|function| function.name().to_owned())
        .collect();
    for name in FUNCTIONS {
        assert!(
            brought.iter().any(|function| function == name),
            "`{name}` is listed, and the engine has no such function"
        );
    }
}

#[tokio::test]
async fn errors_name_the_thing_and_its_place() {
    let told = async |sql: &str| {
        let error = run(sql).await.unwrap_err();
        (error.to_string(), error.position)
    };
    assert_eq!(told("select ids from t").await, ("unknown column `ids`; did you mean `id`?".to_owned(), Some((1, 8))));
    assert_eq!(told("select id\nfrom tt").await, ("unknown table `tt`; did you mean `t`?".to_owned(), Some((2, 6))));
    assert_eq!(told("select lenght(text) from t").await.0, "unknown function `lenght`; did you mean `length`?");
    assert_eq!(told("select id fro t x y").await.1, Some((1, 15)));
}

#[tokio::test]
async fn an_analyzer_ran_once_for_each_of_its_fields() {
    let session = session();
    let analyzer = Analyzer::find("lexical").unwrap();
    let text = TextColumn { table: "t", text: "text", keys: &[] };
    let base =
        session.analyzed(&text, ReadyAnalyzer::new(analyzer, Arc::default(), Arc::default()), None).await.unwrap();
    let fields = ["lexical.tokens", "lexical.lines", "lexical.types"];
    let fields = fields.map(|field| session.expression(field, &base).unwrap());
    let plan = session.optimized(&session.project(&base, fields.to_vec()).unwrap()).unwrap();
    assert_eq!(plan.matches("lexical(").count(), 1, "{plan}");
}

#[tokio::test]
async fn the_tables_of_a_statement_are_found_but_not_its_own() {
    let tables = |sql: &str| -> Vec<String> {
        Statement::parse(sql).unwrap().tables().into_iter().map(|read| read.name).collect()
    };
    assert_eq!(tables("select * from a join b on a.x = b.x where a.y in (select z from c)"), ["a", "b", "c"]);
    assert_eq!(tables("with a as (select * from b) select * from a"), ["b"]);
    assert_eq!(tables("select * from (with c as (select * from d) select * from c) x"), ["d"]);
}

#[test]
fn a_with_that_took_the_name_of_a_table_hid_that_it_reads_it() {
    let tables = |sql: &str| -> Vec<String> {
        Statement::parse(sql).unwrap().tables().into_iter().map(|read| read.name).collect()
    };
    assert_eq!(tables("with a as (select * from a) select * from a"), ["a"]);
    assert_eq!(tables("with a as (select * from b), b as (select * from a) select * from a, b"), ["b"]);
    assert_eq!(tables("with a as (select 1) select * from (with a as (select * from c) select * from a) x"), ["c"]);
    assert_eq!(tables("with recursive a as (select * from b union all select * from a) select * from a"), ["b"]);
    assert_eq!(tables("select * from (with a as (select 1) select * from a) x, a"), ["a"]);
}

#[test]
fn a_table_in_upper_case_was_another_table() {
    let statement = Statement::parse("select * from Tracks, \"Other\"").unwrap();
    let tables: Vec<String> = statement.tables().into_iter().map(|read| read.name).collect();
    assert_eq!(tables, ["Other", "tracks"]);
}

#[tokio::test]
async fn nested_subqueries_without_names_lost_a_projection() {
    let nested = (0..4).fold("t".to_owned(), |inner, _| match inner.as_str() {
        "t" => "(select id * 2 as id from t)".to_owned(),
        inner => format!("(select id * 2 as id from {inner})"),
    });
    let session = session();
    let plan = session.plan(&Statement::parse(&format!("select sum(id) as n from {nested}")).unwrap()).await.unwrap();
    let batches: Vec<RecordBatch> = session.execute(plan).await.unwrap().try_collect().await.unwrap();
    let sums = batches[0].column(0).as_primitive::<Int64Type>();
    assert_eq!(sums.value(0), (1 + 2 + 3) * 16);
}

#[tokio::test]
async fn an_expression_over_many_rows_passed_for_one_of_a_row() {
    let session = session();
    let table = session.plan(&Statement::parse("select * from t").unwrap()).await.unwrap();
    for (text, told) in [
        ("sum(id)", "`sum` is an aggregate over rows; an expression is of one row; write it in a query"),
        ("id + count(*)", "`count` is an aggregate"),
        ("row_number() over (order by id)", "`row_number` is a window"),
        ("(select max(id) from t)", "a query stands in it"),
        ("id in (select id from t)", "a query stands in it"),
    ] {
        let error = session.expression(text, &table).unwrap_err().to_string();
        assert!(error.starts_with(told), "{text}: {error}");
    }
    session.expression("abs(id) + 1", &table).unwrap();
    let error = session.check_condition("id + 1", &table).unwrap_err().to_string();
    assert_eq!(error, "`id + 1` is int64; a condition is true or false");
    session.check_condition("id > 1 and text is not null", &table).unwrap();
}

#[tokio::test]
async fn a_table_that_was_registered_again_was_still_the_old_one() {
    let session = session();
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int32, false)]));
    session.register_schema("t", schema);
    session.plan(&Statement::parse("select n from t").unwrap()).await.unwrap();
    assert!(session.plan(&Statement::parse("select id from t").unwrap()).await.is_err());
}
