//! Searches in SQL: `from search('the sea')`.

use serde_json::{Value, json};

use crate::access::{ask, key, key_with, refused};
use crate::experiments::{searched, served_with};
use crate::support::printed;

#[tokio::test]
async fn a_search_is_a_table_in_sql() {
    let (project, app) = served_with("").await;
    let all = key(&app, "all").await;
    let asked = |query: &str, params: Value| {
        let body = json!({"query": query, "params": params});
        let (app, all) = (app.clone(), all.clone());
        async move { ask(&app, "POST", "/api/sql", Some(&all), body).await }
    };
    let joined = "select found.rank, pieces.id, pieces.year from search('sea', mode => 'keyword') as found
        join pieces on pieces.id = found.id order by found.rank";
    let hits = searched(&app, &all, json!({"query": "sea", "mode": "keyword"})).await;
    let rows = asked(joined, json!([])).await.json();
    let keys = |rows: &Value, name: &str| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row[name].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys(&rows, "id"), keys(&hits["hits"], "key"));
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["rank"]), (3, &json!(1)));
    let scored =
        asked("select * from search($1, filter => $2, limit => 1)", json!(["SEA", "year < 1900"])).await.json();
    assert_eq!(scored[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "rank", "score"]);
    let first = searched(&app, &all, json!({"query": "SEA", "filter": "year < 1900", "limit": 1})).await;
    assert_eq!((&scored[0]["id"], &scored[0]["score"]), (&first["hits"][0]["key"], &first["hits"][0]["score"]));
    let none = asked("select count(*) as n, max(score) as best from search('\"no such phrase\"')", json!([])).await;
    assert_eq!(none.json(), json!([{"n": 0, "best": null}]), "a search that finds nothing");
    let two = "with a as (select id from search('night')) select b.id from search('sea', limit => 2) b where b.id not in (select id from a)";
    assert_eq!(asked(two, json!([])).await.status, 200);
    let cli = printed(&project, &["sql", "--format", "csv", "select id from search('roses') order by rank"]);
    assert_eq!(cli, "id\np2");
    for (wrong, detail) in [
        ("select * from search(id)", "an argument of `search` is a constant or a parameter, not `id`"),
        ("select * from search('a', 'b')", "`search` takes one argument without a name"),
        ("select * from search()", "`search` is given nothing"),
        ("select * from search('a', limit => 1, limit => 2)", "`search` is given `limit` twice"),
        ("select * from search('a', highlight => true)", "`search` takes no `highlight`"),
        ("select * from search('a', limit => 201)", "`limit` is 1 to 200"),
        ("select * from search('a', limit => 'x')", "a call of `search`"),
        ("select * from search('a', search => 'nope')", "there is no search `nope`"),
        ("select * from search('a', filter => 'nope = 1')", "nope"),
    ] {
        let answer = asked(wrong, json!([])).await;
        assert!(
            answer.status.is_client_error() && answer.json()["detail"].as_str().unwrap().contains(detail),
            "{wrong}: {}",
            answer.json()
        );
    }
    let five = (0..5).map(|at| format!("search('a') t{at}")).collect::<Vec<_>>().join(", ");
    refused(&asked(&format!("select 1 from {five}"), json!([])).await, 400, "statement", "many calls");
    // A text of that name is none, and a table of it is another.
    assert_eq!(asked("select 'search(' as a", json!([])).await.json(), json!([{"a": "search("}]));
    let sql = key_with(&app, "all", Some("sql")).await;
    let body = json!({"query": "select * from search('sea')"});
    let answer = ask(&app, "POST", "/api/sql", Some(&sql), body).await;
    refused(&answer, 403, "missing-scope", "a scope");
}
