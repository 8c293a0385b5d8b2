//! Quotas and the account of usage, in one process and in several.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use rhapsode::access::{Access, Caller, Unit};
use rhapsode::app::App;
use serde_json::json;

use crate::access::{TIERS, ask, get, key, refused, served};
use crate::support::{Answer, TestProject};

#[tokio::test]
async fn what_is_used_is_told_by_day_route_and_unit() {
    let (project, app) = served().await;
    let (counted, admin) = (key(&app, "counted").await, key(&app, "all").await);
    get(&app, "/api/features/t1", &counted).await;
    let batch = json!({"keys": ["t1", "t2", "nope"], "features": ["decade"]});
    ask(&app, "POST", "/api/features/batch", Some(&counted), batch).await;
    let usage = get(&app, "/api/usage?days=1", &counted).await.json();
    let told: BTreeSet<(String, String, u64)> = usage["usage"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["route"].as_str().unwrap().to_owned(),
                row["unit"].as_str().unwrap().to_owned(),
                row["amount"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("/api/features/batch", "entities", 2),
        ("/api/features/batch", "requests", 1),
        ("/api/features/{key}", "entities", 1),
        ("/api/features/{key}", "requests", 1),
        ("/api/usage", "requests", 1),
    ];
    assert_eq!(told, expected.map(|(route, unit, amount)| (route.to_owned(), unit.to_owned(), amount)).into());
    let quota = usage["quotas"]
        .as_array()
        .unwrap()
        .iter()
        .find(|quota| quota["unit"] == "entities" && quota["period"] == "day")
        .unwrap();
    assert_eq!(
        (&quota["used"], &quota["limit"], &quota["resets_at"]),
        (&json!(3), &json!(1000), &json!("2026-01-03T00:00:00Z"))
    );
    // Of others only an admin hears.
    refused_scope(&get(&app, "/api/usage?key=all", &counted).await);
    let all = get(&app, "/api/usage?key=all", &admin).await.json();
    assert!(all["usage"].as_array().unwrap().iter().any(|row| row["key"] == counted[..12]));
    // A server that begins anew goes on counting where the last one stopped.
    let again = project.app();
    again.refresh().await.unwrap();
    get(&again, "/api/features/t1", &counted).await;
    let usage = get(&again, "/api/usage", &counted).await.json();
    let amount = usage["usage"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["route"] == "/api/features/{key}" && row["unit"] == "requests");
    assert_eq!(amount.unwrap()["amount"], 2);
}

fn refused_scope(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (403, &json!("/problems/missing-scope")));
}

#[tokio::test]
async fn a_statement_that_reads_more_than_is_left_is_the_last_of_its_day() {
    let (project, app) = served().await;
    let counted = key(&app, "counted").await;
    // Different ones, since what is kept is not read again.
    let sql = |number: u8| {
        let query = format!("select track_id, {number} as n from track order by track_id");
        ask(&app, "POST", "/api/sql", Some(&counted), json!({ "query": query }))
    };
    assert_eq!(sql(1).await.status, 200);
    assert_eq!(sql(2).await.status, 200);
    refused(&sql(3).await, 429, "over-quota", "six of five rows are read");
    project.clock.advance(TimeDelta::days(1));
    assert_eq!(sql(4).await.status, 200);
}

/// Somebody with a key of the tier `counted`.
async fn caller(app: &App) -> Caller {
    let access = Arc::clone(app.access().await.unwrap());
    let credentials = access.authenticate(&key(app, "counted").await).await.unwrap();
    Caller::new(access, credentials, "/test")
}

/// Several processes spend one quota at once: never more than there is, and all of it but for what they hold.
async fn spend_together(first: &TestProject, second: &TestProject) {
    let app = first.app();
    let counted = key(&app, "counted").await;
    let mut spending = Vec::new();
    for project in [first, second, first] {
        let app = project.app();
        let access: Arc<Access> = Arc::clone(app.access().await.unwrap());
        let counted = counted.clone();
        spending.push(tokio::spawn(async move {
            let caller = Caller::new(Arc::clone(&access), access.authenticate(&counted).await.unwrap(), "/test");
            let mut spent = 0;
            for amount in (1..=7).cycle().take(400) {
                match caller.spend(Unit::Entities, amount).await.unwrap() {
                    Ok(()) => spent += amount,
                    Err(over) => assert_eq!((over.limit, over.unit), (1_000, Unit::Entities)),
                }
            }
            spent
        }));
    }
    let mut total = 0;
    for task in spending {
        total += task.await.unwrap();
    }
    // A process holds a hundredth at most that it cannot use any more, and what is asked may be more than what is left.
    assert!((960..=1_000).contains(&total), "{total}");
}

#[tokio::test]
async fn processes_that_share_a_quota_in_sqlite_never_spend_more_than_it_is() {
    let (project, _) = served().await;
    spend_together(&project, &project).await;
}

#[tokio::test]
async fn processes_that_share_a_quota_in_postgresql_never_spend_more_than_it_is() {
    let server = crate::servers::postgres();
    let (project, _) = served().await;
    project.configure(&format!("{TIERS}\n[state]\nurl = \"{}\"\n", server.url));
    spend_together(&project, &project).await;
}

#[tokio::test]
async fn what_the_day_did_not_have_was_taken_for_what_the_month_did_not_have() {
    let (_project, app) = served().await;
    let caller = caller(&app).await;
    // A day is taken by tens, a month by fifteens: after these the day has six taken and four to take, the month one taken.
    for amount in [976, 10, 4] {
        assert!(caller.spend(Unit::Entities, amount).await.unwrap().is_ok());
    }
    assert_eq!(caller.spend(Unit::Entities, 11).await.unwrap().unwrap_err().period.name(), "day");
    assert!(caller.spend(Unit::Entities, 6).await.unwrap().is_ok());
}

#[tokio::test]
async fn the_month_ends_what_the_days_leave() {
    let (project, app) = served().await;
    let caller = caller(&app).await;
    assert!(caller.spend(Unit::Entities, 1_000).await.unwrap().is_ok());
    assert_eq!(caller.spend(Unit::Entities, 1).await.unwrap().unwrap_err().period.name(), "day");
    project.clock.advance(TimeDelta::days(1));
    assert!(caller.spend(Unit::Entities, 500).await.unwrap().is_ok());
    let over = caller.spend(Unit::Entities, 1).await.unwrap().unwrap_err();
    assert_eq!((over.period.name(), over.resets_at.to_rfc3339()), ("month", "2026-02-01T00:00:00+00:00".to_owned()));
    project.clock.advance(TimeDelta::days(31));
    assert!(caller.spend(Unit::Entities, 1_000).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_request_for_too_much_closed_the_quota_to_small_ones() {
    let (_project, app) = served().await;
    let caller = caller(&app).await;
    assert!(caller.spend(Unit::Entities, 200).await.unwrap().is_ok());
    assert!(caller.spend(Unit::Entities, 900).await.unwrap().is_err());
    assert!(caller.spend(Unit::Entities, 800).await.unwrap().is_ok());
    assert!(caller.spend(Unit::Entities, 1).await.unwrap().is_err());
}

#[tokio::test]
async fn an_answer_that_is_kept_costs_one_row() {
    let (_project, app) = served().await;
    let counted = key(&app, "counted").await;
    let same = || {
        let query = json!({"query": "select track_id from track order by track_id"});
        ask(&app, "POST", "/api/sql", Some(&counted), query)
    };
    // Three rows are read for the first, of five a day.
    for _ in 0..3 {
        assert_eq!(same().await.status, 200);
    }
    refused(&same().await, 429, "over-quota", "the fourth");
}
