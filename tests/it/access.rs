//! Keys, scopes, rates, quotas: who is let in, and who is told what instead.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use chrono::TimeDelta;
use proptest::prelude::*;
use rhapsode::access::{KeyRequest, NewKey, Rate, RateState, Scope, Scopes};
use rhapsode::api::{Admission, Policy, ROUTES, openapi};
use rhapsode::app::App;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Answer, DEFINITIONS, ROWS, TestProject};

/// Tiers whose limits a test can reach.
pub const TIERS: &str = "\
[tiers.all]
scopes = ['features', 'sql', 'download', 'search', 'analyze', 'insight', 'ingest', 'restricted', 'admin']
lookup = { per_second = 1000, burst = 1000 }
query = { per_second = 1000, burst = 1000 }
analyze = { per_second = 1000, burst = 1000 }
manage = { per_second = 1000, burst = 1000 }
concurrent = 2
[tiers.nothing]
scopes = []
[tiers.slow]
scopes = ['features', 'sql', 'download', 'search', 'analyze', 'insight', 'ingest', 'restricted', 'admin']
lookup = { per_second = 1, burst = 1 }
query = { per_second = 1, burst = 1 }
analyze = { per_second = 1, burst = 1 }
manage = { per_second = 1, burst = 1 }
[tiers.poor]
scopes = ['features', 'sql', 'download', 'search', 'analyze', 'insight', 'ingest', 'restricted', 'admin']
lookup = { per_second = 1000, burst = 1000 }
query = { per_second = 1000, burst = 1000 }
analyze = { per_second = 1000, burst = 1000 }
manage = { per_second = 1000, burst = 1000 }
daily = { requests = 0 }
[tiers.counted]
scopes = ['features', 'sql', 'analyze', 'download']
lookup = { per_second = 1000, burst = 1000 }
query = { per_second = 1000, burst = 1000 }
daily = { entities = 1000, rows = 5 }
monthly = { entities = 1500 }
";

/// A search over what is open and what is not.
const SEARCH: &str = "\
---
kind: search
name: found
entity: track
source: tracks
text: [title, { name: all, of: [title, secret] }]
filters: [year, secret]
";

/// A served project with these tiers.
pub async fn served() -> (TestProject, App) {
    let project = TestProject::new(&format!("{DEFINITIONS}{SEARCH}"));
    project.configure(TIERS);
    project.ingest("tracks", "tracks.jsonl", ROWS).await;
    project.build().await.unwrap();
    let app = project.app();
    app.refresh().await.unwrap();
    (project, app)
}

pub async fn key(app: &App, tier: &str) -> String {
    key_with(app, tier, None).await
}

pub async fn key_with(app: &App, tier: &str, scopes: Option<&str>) -> String {
    let scopes = scopes.map(|names| Scopes::parse(names).unwrap());
    let request = KeyRequest { name: format!("a test, {tier}"), tier: tier.to_owned(), scopes, expires_in: None };
    app.access().await.unwrap().create("a test", &request).await.unwrap().0.reveal().to_owned()
}

pub async fn ask(app: &App, method: &str, path: &str, credentials: Option<&str>, body: Value) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(credentials) = credentials {
        request = request.header("authorization", format!("Bearer {credentials}"));
    }
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let response =
        rhapsode::api::router(app.clone(), Admission::Keys).oneshot(request.body(body).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub async fn get(app: &App, path: &str, credentials: &str) -> Answer {
    ask(app, "GET", path, Some(credentials), Value::Null).await
}

/// A path of the route that holds something in place of each part.
fn path(route: &str) -> String {
    route.replace("{key}", "t1").replace("{id}", "rhp_00000000").replace("{source}", "tracks").replace("{*rest}", "")
}

pub fn refused(answer: &Answer, status: u16, kind: &str, what: &str) {
    let body = answer.json();
    assert_eq!(
        (answer.status.as_u16(), body["type"].as_str()),
        (status, Some(&*format!("/problems/{kind}"))),
        "{what}: {body}"
    );
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert!(body["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{what}: {body}");
}

#[test]
fn every_route_of_the_document_is_in_the_table_of_policies_and_the_other_way_round() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| ["get", "post", "put", "delete", "patch"].contains(&name.as_str()))
        {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    let pages = ["/", "/openapi.json", "/docs", "/docs/", "/docs/{*rest}"];
    let listed: BTreeSet<(String, String)> = ROUTES
        .iter()
        .filter(|(_, path, _)| !pages.contains(path))
        .map(|(method, path, _)| (method.to_string(), path.to_string()))
        .collect();
    assert_eq!(documented, listed);
    for (method, path, policy) in ROUTES {
        let operation = &document["paths"][path][method.to_lowercase()];
        if *policy != Policy::Open {
            assert!(operation["security"][0]["key"].is_array(), "{method} {path}");
            assert!(operation["responses"]["429"].is_object(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_route_refuses_whoever_may_not_use_it() {
    let (_project, app) = served().await;
    let access = Arc::clone(app.access().await.unwrap());
    let revoked = key(&app, "all").await;
    access.revoke("a test", rhapsode::access::KeyId::parse(&revoked[..12]).unwrap()).await.unwrap();
    let expiring = KeyRequest {
        name: "gone".to_owned(),
        tier: "all".to_owned(),
        scopes: None,
        expires_in: Some(TimeDelta::zero()),
    };
    let expired = access.create("a test", &expiring).await.unwrap().0.reveal().to_owned();
    let (nothing, poor) = (key(&app, "nothing").await, key(&app, "poor").await);
    let stranger = NewKey::random().reveal().to_owned();
    for (method, route, policy) in ROUTES {
        let what = format!("{method} {route}");
        let path = path(route);
        let send = |credentials| ask(&app, method, &path, credentials, Value::Null);
        if *policy == Policy::Open {
            assert!(send(None).await.status.as_u16() < 400, "{what}");
            assert!(send(Some("nonsense")).await.status.as_u16() < 400, "{what}");
            continue;
        }
        let answer = send(None).await;
        refused(&answer, 401, "no-key", &what);
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{what}");
        refused(&send(Some("nonsense")).await, 401, "invalid-token", &what);
        refused(&send(Some("rhp_nonsense")).await, 401, "invalid-key", &what);
        refused(&send(Some(&stranger)).await, 401, "invalid-key", &what);
        refused(&send(Some(&revoked)).await, 401, "revoked-key", &what);
        refused(&send(Some(&expired)).await, 401, "expired-key", &what);
        if matches!(policy, Policy::Scope(..)) {
            refused(&send(Some(&nothing)).await, 403, "missing-scope", &what);
        }
        let answer = send(Some(&poor)).await;
        refused(&answer, 429, "over-quota", &what);
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 60, "{what}");
        // A key of its own, since routes share rates.
        let slow = key(&app, "slow").await;
        assert_ne!(send(Some(&slow)).await.json()["type"], "/problems/over-rate", "{what}");
        let answer = send(Some(&slow)).await;
        refused(&answer, 429, "over-rate", &what);
        assert_eq!(
            (answer.header("retry-after"), answer.header("ratelimit").contains(";r=0;t=1")),
            ("1", true),
            "{what}"
        );
        assert!(answer.header("ratelimit-policy").contains(";q=1;w=1"), "{what}");
    }
}

#[tokio::test]
async fn each_route_wants_its_own_scope_and_no_other() {
    let (_project, app) = served().await;
    for scope in Scope::ALL {
        let only = key_with(&app, "all", Some(scope.name())).await;
        for (method, route, policy) in ROUTES {
            let Policy::Scope(wanted, _) = policy else { continue };
            let answer = ask(&app, method, &path(route), Some(&only), Value::Null).await;
            let is_refused = answer.status == 403;
            assert_eq!(is_refused, *wanted != scope, "{method} {route} with `{}`: {}", scope.name(), answer.status);
        }
    }
}

#[tokio::test]
async fn a_route_that_is_not_in_the_table_is_not_there() {
    let (_project, app) = served().await;
    let good = key(&app, "all").await;
    refused(&get(&app, "/api/nothing", &good).await, 404, "unknown-path", "a path that is not there");
    let answer = ask(&app, "PATCH", "/api/features", Some(&good), Value::Null).await;
    refused(&answer, 405, "method-not-allowed", "a method that is not there");
    assert_eq!(answer.header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn a_key_is_kept_as_a_keyed_hash_alone() {
    let (project, app) = served().await;
    let good = key(&app, "all").await;
    app.access().await.unwrap().sync().await.unwrap();
    let secret = project.path().join("secret");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    }
    for file in std::fs::read_dir(project.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if file.is_file() {
            let bytes = std::fs::read(&file).unwrap();
            let random = &good.as_bytes()[13..];
            assert!(!bytes.windows(random.len()).any(|window| window == random), "{}", file.display());
        }
    }
    // Another secret, and the key is worth nothing: what the database holds does not suffice to make or to check one.
    std::fs::remove_file(&secret).unwrap();
    refused(&get(&project.app(), "/api/features", &good).await, 401, "invalid-key", "another secret");
}

#[tokio::test]
async fn a_secret_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (project, app) = served().await;
    key(&app, "all").await;
    std::fs::set_permissions(project.path().join("secret"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = project.app().access().await.err().unwrap().to_string();
    assert!(error.contains("chmod 600"), "{error}");
}

proptest! {
    #[test]
    fn a_key_with_one_character_changed_is_known_to_be_none(position in 0_usize..62, other in "[0-9A-Za-z_]") {
        let key = NewKey::random();
        let mut changed: Vec<u8> = key.reveal().bytes().collect();
        prop_assume!(changed[position] != other.as_bytes()[0]);
        changed[position] = other.as_bytes()[0];
        let changed = String::from_utf8(changed).unwrap();
        let is_key = |text: &str| rhapsode::access::id_of(text).is_some();
        prop_assert!(is_key(key.reveal()));
        prop_assert!(!is_key(&changed), "{changed}");
    }
}

#[tokio::test]
async fn a_rotated_key_stays_good_for_its_overlap_and_keeps_its_tier() {
    let (project, app) = served().await;
    let admin = key(&app, "all").await;
    let old = key_with(&app, "counted", Some("features")).await;
    let rotate =
        ask(&app, "POST", &format!("/api/keys/{}/rotate", &old[..12]), Some(&admin), json!({"overlap_hours": 2})).await;
    assert_eq!(rotate.status, 201, "{}", rotate.json());
    let new = rotate.json()["key"].as_str().unwrap().to_owned();
    assert_eq!((&rotate.json()["tier"], &rotate.json()["scopes"]), (&json!("counted"), &json!(["features"])));
    project.clock.advance(TimeDelta::minutes(119));
    assert_eq!(get(&app, "/api/features/t1", &old).await.status, 200);
    project.clock.advance(TimeDelta::minutes(2));
    refused(&get(&app, "/api/features/t1", &old).await, 401, "expired-key", "after the overlap");
    assert_eq!(get(&app, "/api/features/t1", &new).await.status, 200);
    let listed = get(&app, "/api/keys", &admin).await.json();
    let of = |id: &str| listed["keys"].as_array().unwrap().iter().find(|key| key["id"] == id[..12]).unwrap().clone();
    assert_eq!((&of(&old)["state"], &of(&old)["replaced_by"]), (&json!("expired"), &json!(new[..12])));
    assert!(!listed.to_string().contains(&new[13..]));
}

#[tokio::test]
async fn keys_that_ended_long_ago_stayed_in_memory() {
    let (project, app) = served().await;
    let access = Arc::clone(app.access().await.unwrap());
    let (good, ended) = (key(&app, "all").await, key(&app, "all").await);
    access.revoke("a test", rhapsode::access::KeyId::parse(&ended[..12]).unwrap()).await.unwrap();
    app.sync_access().await;
    assert_eq!(access.keys_at_hand(), 2);
    project.clock.advance(TimeDelta::hours(2));
    app.sync_access().await;
    assert_eq!(access.keys_at_hand(), 1);
    refused(&get(&app, "/api/features/t1", &ended).await, 401, "revoked-key", "looked up again");
    assert_eq!(get(&app, "/api/features/t1", &good).await.status, 200);
}

#[test]
fn a_wait_of_less_than_a_second_was_told_as_none() {
    let two = NonZeroU32::new(2).unwrap();
    let rate = Rate { per_second: two, burst: two };
    let told = |wait| RateState { rate, remaining: 0, wait }.wait_seconds();
    let micros = |micros| Some(Duration::from_micros(micros));
    assert_eq!(told(None), None);
    assert_eq!([0, 1, 999_999, 1_000_000].map(|wait| told(micros(wait))), [Some(1); 4]);
    assert_eq!(told(micros(1_000_001)), Some(2));
}

#[tokio::test]
async fn a_key_that_another_process_revoked_is_refused_once_this_one_has_looked() {
    let (project, app) = served().await;
    let good = key(&app, "all").await;
    let other = project.app();
    assert_eq!(get(&other, "/api/features/t1", &good).await.status, 200);
    app.access().await.unwrap().revoke("a test", rhapsode::access::KeyId::parse(&good[..12]).unwrap()).await.unwrap();
    refused(&get(&app, "/api/features/t1", &good).await, 401, "revoked-key", "here at once");
    other.access().await.unwrap().sync().await.unwrap();
    refused(&get(&other, "/api/features/t1", &good).await, 401, "revoked-key", "there, after a look");
}

#[tokio::test]
async fn an_expiry_in_a_million_years_was_a_fault_of_the_server() {
    let (_project, app) = served().await;
    let admin = key(&app, "all").await;
    for days in [36_501_u32, 10_000_000, u32::MAX] {
        let asked = json!({"name": "late", "tier": "all", "expires_in_days": days});
        let answer = ask(&app, "POST", "/api/keys", Some(&admin), asked).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (400, &json!("expires_in_days")));
    }
    let asked = json!({"name": "late", "tier": "all", "expires_in_days": 36_500});
    assert_eq!(ask(&app, "POST", "/api/keys", Some(&admin), asked).await.status, 201);
    let path = format!("/api/keys/{}/rotate", &admin[..12]);
    let answer = ask(&app, "POST", &path, Some(&admin), json!({"overlap_hours": u32::MAX})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (400, &json!("overlap_hours")));
}

#[tokio::test]
async fn a_list_of_the_members_passed_for_an_object() {
    let (_project, app) = served().await;
    let admin = key(&app, "all").await;
    for (path, body) in [
        ("/api/auth/token", json!([null, null])),
        ("/api/sql", json!(["select 1 as a", []])),
        ("/api/keys", json!(["n", "all", null, null])),
        ("/api/features/batch", json!([["t1"], null, null, {}])),
        ("/api/training-sets", json!([["decade"]])),
    ] {
        refused(&ask(&app, "POST", path, Some(&admin), body).await, 400, "invalid-body", path);
    }
}

#[tokio::test]
async fn a_name_and_days_are_taken_up_to_their_bounds() {
    let (_project, app) = served().await;
    let admin = key(&app, "all").await;
    for (name, status) in
        [("n".repeat(100), 201), ("n".repeat(101), 400), (" ".to_owned(), 400), ("a\nb".to_owned(), 400)]
    {
        let answer = ask(&app, "POST", "/api/keys", Some(&admin), json!({"name": name, "tier": "all"})).await;
        assert_eq!(answer.status, status, "{name:?}");
    }
    for (days, status) in [("1", 200), ("366", 200), ("0", 400), ("367", 400), ("x", 400)] {
        assert_eq!(get(&app, &format!("/api/usage?days={days}"), &admin).await.status, status, "{days}");
    }
}
