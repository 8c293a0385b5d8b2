//! Keys and usage from the command line, and a server that takes them.

use rhapsode::access::NewKey;
use serde_json::Value;

use crate::support::{TestProject, printed, rhapsode, serve};

/// What a command says against its arguments.
fn refused(project: &TestProject, arguments: &[&str]) -> String {
    let output = rhapsode(project, arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn json(project: &TestProject, arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(project, arguments)).unwrap()
}

#[tokio::test]
async fn a_key_is_printed_once_listed_without_its_secret_rotated_and_revoked() {
    let project = TestProject::built().await;
    let key = printed(&project, &["keys", "create", "Ada", "--tier", "research", "--scopes", "features,sql"]);
    assert!(rhapsode::access::id_of(&key).is_some(), "alone on standard output: {key}");
    let made = json(&project, &["keys", "create", "Bob", "--expires-in-days", "10", "--json"]);
    assert_eq!((&made["name"], &made["tier"], &made["state"]), (&"Bob".into(), &"free".into(), &"good".into()));
    let listed = json(&project, &["keys", "list", "--json"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let table = printed(&project, &["keys", "list"]);
    assert!(table.contains("features sql") && table.contains(&key[..12]), "{table}");
    assert!(!table.contains(&key[13..]) && !listed.to_string().contains(&key[13..]));
    // By how it begins, or by the whole key, which is what people have at hand.
    let new = json(&project, &["keys", "rotate", &key[..12], "--overlap-hours", "2", "--json"]);
    assert_eq!(new["scopes"], serde_json::json!(["features", "sql"]));
    printed(&project, &["keys", "revoke", &key]);
    let states = json(&project, &["keys", "list", "--json"]);
    let state = states.as_array().unwrap().iter().find(|listed| listed["id"] == key[..12]).unwrap()["state"].clone();
    assert_eq!(state, "revoked");
    assert_eq!(json(&project, &["usage", "--json"])["usage"], serde_json::json!([]));
}

#[tokio::test]
async fn changes_of_keys_and_releases_are_audited() {
    let project = TestProject::built().await;
    let key = printed(&project, &["keys", "create", "Ada"]);
    printed(&project, &["keys", "revoke", &key]);
    project.define(&crate::support::DEFINITIONS.replace("/ 10 * 10", "/ 5 * 5"));
    printed(&project, &["build"]);
    printed(&project, &["build"]);
    printed(&project, &["releases", "tag", "2", "good"]);
    printed(&project, &["releases", "yank", "2", "--reason", "a test"]);
    printed(&project, &["releases", "rollback", "1"]);
    let audited = json(&project, &["audit", "--json"]);
    let told = |entry: &Value| format!("{} {}", entry["action"].as_str().unwrap(), entry["subject"].as_str().unwrap());
    let told: Vec<String> = audited.as_array().unwrap().iter().rev().map(told).collect();
    assert_eq!(told[0], format!("create-key {} for Ada, tier free", &key[..12]));
    let changes = ["publish-release 2", "tag-release 2 as good", "yank-release 2: a test"];
    assert_eq!(
        (told[1].as_str(), &told[2..5]),
        (&*format!("revoke-key {}", &key[..12]), &changes.map(str::to_owned)[..])
    );
    // A build that changes nothing publishes nothing.
    assert_eq!(told[5..], ["roll-back-release 3 has the content of 1"]);
    assert!(audited.as_array().unwrap().iter().all(|entry| entry["actor"] == "the command line"));
    assert!(printed(&project, &["audit", "--last", "1"]).contains("roll-back-release"));
}

#[tokio::test]
async fn mistakes_name_what_there_is() {
    let project = TestProject::built().await;
    let tier = refused(&project, &["keys", "create", "Ada", "--tier", "fre"]);
    assert!(tier.contains("there is no tier `fre`") && tier.contains("`free`"), "{tier}");
    let scope = refused(&project, &["keys", "create", "Ada", "--scopes", "featurs"]);
    assert!(scope.contains("there is no scope `featurs`") && scope.contains("features"), "{scope}");
    let beyond = refused(&project, &["keys", "create", "Ada", "--tier", "free", "--scopes", "admin"]);
    assert!(beyond.contains("`free` has no scope `admin`"), "{beyond}");
    let unknown = refused(&project, &["keys", "revoke", "rhp_00000000"]);
    assert!(unknown.contains("rhapsode keys list"), "{unknown}");
    assert!(refused(&project, &["keys", "revoke", "Ada"]).contains("eight letters or digits"));
    let open = refused(&project, &["serve", "--open", "--listen", "0.0.0.0:0"]);
    assert!(open.contains("not on loopback") && open.contains("--open"), "{open}");
    project.configure("[tiers.own]\nscopes = [\"everything\"]\n");
    let tier = refused(&project, &["keys", "list"]);
    assert!(tier.contains("`own`") && tier.contains("`everything`"), "{tier}");
}

#[tokio::test]
async fn no_secret_is_in_a_log() {
    let project = TestProject::built().await;
    let key = printed(&project, &["keys", "create", "Ada", "--tier", "operator"]);
    let stranger = NewKey::random().reveal().to_owned();
    let (mut server, address) = serve(project.path(), &["--log", "trace"]).await;
    let client = reqwest::Client::new();
    let ask = |path: &str, credentials: &str| client.get(format!("{address}{path}")).bearer_auth(credentials).send();
    assert_eq!(ask("/api/features/t1", &key).await.unwrap().status(), 200);
    assert_eq!(ask("/api/features/t1", &stranger).await.unwrap().status(), 401);
    assert_eq!(ask("/api/features/t1", &key[..40]).await.unwrap().status(), 401);
    let link = serde_json::json!({"link": "/api/dataset/download?dataset=track&format=csv"});
    let made = client.post(format!("{address}/api/auth/token")).bearer_auth(&key).json(&link).send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    let (token, url) = (made["token"].as_str().unwrap(), made["url"].as_str().unwrap());
    assert_eq!(client.get(format!("{address}{url}")).send().await.unwrap().status(), 200);
    let new = serde_json::json!({"name": "Bob", "tier": "free"});
    let new = client.post(format!("{address}/api/keys")).bearer_auth(&key).json(&new).send().await.unwrap();
    let new: Value = new.json().await.unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    let log = std::fs::read_to_string(project.path().join("serve.log")).unwrap();
    let secret = std::fs::read_to_string(project.path().join("secret")).unwrap();
    assert!(log.contains("/api/features/{key}") && log.contains("create-key"), "the log tells nothing: {log}");
    let secrets =
        [&key[13..], &key[13..40], &stranger[13..], token, &new["key"].as_str().unwrap()[13..], secret.trim()];
    for secret in secrets {
        assert!(!log.contains(secret), "{}", log.lines().find(|line| line.contains(secret)).unwrap_or_default());
    }
}
