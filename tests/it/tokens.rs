//! Tokens: in place of a key for minutes, and in links; and whatever else somebody may call one.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use rhapsode::app::App;
use rhapsode::clock::Clock;
use serde_json::{Value, json};

use crate::access::{ask, get, key, key_with, refused, served};
use crate::support::TestProject;

async fn token(app: &App, key: &str, asked: Value) -> Value {
    let answer = ask(app, "POST", "/api/auth/token", Some(key), asked).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn a_token_does_what_its_key_may_until_it_expires_or_the_key_ends() {
    let (project, app) = served().await;
    let good = key(&app, "all").await;
    let made = token(&app, &good, json!({"scopes": ["features"]})).await;
    let text = made["token"].as_str().unwrap();
    assert_eq!((&made["expires_in"], &made["scopes"]), (&json!(900), &json!(["features"])));
    assert_eq!(get(&app, "/api/features/t1", text).await.status, 200);
    refused(&get(&app, "/api/keys", text).await, 403, "missing-scope", "what the token was not made for");
    // A token makes no token: one that is stolen ends. A key makes none with more than it has.
    for asked in [json!({}), json!({"scopes": ["features"]}), json!({"link": "/api/dataset/download?dataset=track"})] {
        refused(&ask(&app, "POST", "/api/auth/token", Some(text), asked).await, 403, "not-a-key", "a token of a token");
    }
    let few = key_with(&app, "all", Some("features")).await;
    let more = ask(&app, "POST", "/api/auth/token", Some(&few), json!({"scopes": ["admin"]})).await;
    assert_eq!((more.status.as_u16(), &more.json()["type"]), (400, &json!("/problems/missing-scope")));
    project.clock.advance(TimeDelta::seconds(899));
    assert_eq!(get(&app, "/api/features/t1", text).await.status, 200);
    project.clock.advance(TimeDelta::seconds(1));
    refused(&get(&app, "/api/features/t1", text).await, 401, "invalid-token", "expired");
    let made = token(&app, &good, json!({})).await;
    app.access().await.unwrap().revoke("a test", rhapsode::access::KeyId::parse(&good[..12]).unwrap()).await.unwrap();
    refused(&get(&app, "/api/features/t1", made["token"].as_str().unwrap()).await, 401, "revoked-key", "its key ended");
}

#[tokio::test]
async fn signing_keys_follow_one_another_and_anybody_can_verify_by_the_published_ones() {
    let (project, app) = served().await;
    let good = key(&app, "all").await;
    let made = token(&app, &good, json!({})).await;
    let (text, parts) =
        (made["token"].as_str().unwrap(), made["token"].as_str().unwrap().split('.').collect::<Vec<_>>());
    let header = decoded(parts[0]);
    let jwks = ask(&app, "GET", "/.well-known/jwks.json", None, Value::Null).await.json();
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    assert!(!jwks.to_string().contains("\"d\""), "the private part is not told");
    let jwk = keys.iter().find(|jwk| jwk["kid"] == header["kid"]).unwrap();
    let public = URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    let verifying = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, &public);
    verifying.verify(text.rsplit_once('.').unwrap().0.as_bytes(), &signature).unwrap();
    // Thirty days later another key signs, and the first is still told.
    project.clock.advance(TimeDelta::days(30));
    let next = token(&app, &good, json!({})).await;
    assert_ne!(decoded(next["token"].as_str().unwrap().split('.').next().unwrap())["kid"], header["kid"]);
    let jwks = ask(&app, "GET", "/.well-known/jwks.json", None, Value::Null).await.json();
    assert!(jwks["keys"].as_array().unwrap().iter().any(|jwk| jwk["kid"] == header["kid"]));
    // Another process with the same secret takes it.
    let other = project.app();
    other.refresh().await.unwrap();
    assert_eq!(get(&other, "/api/features/t1", next["token"].as_str().unwrap()).await.status, 200);
}

/// The claims of a good token, and the header, changed and signed by `sign`.
async fn forged(
    app: &App,
    good: &str,
    change: impl Fn(&mut Value, &mut Value),
    sign: impl Fn(&str) -> Vec<u8>,
) -> String {
    let made = token(app, good, json!({})).await;
    let mut parts = made["token"].as_str().unwrap().split('.');
    let (mut header, mut claims) = (decoded(parts.next().unwrap()), decoded(parts.next().unwrap()));
    change(&mut header, &mut claims);
    let body = format!("{}.{}", encoded(&header), encoded(&claims));
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(sign(&body)))
}

/// The key that signs now, as the installation has it.
fn signing(project: &TestProject) -> Ed25519KeyPair {
    let text = std::fs::read_to_string(project.path().join("secret")).unwrap();
    let secret = rhapsode::access::Secret::new(*blake3::Hash::from_hex(text.trim()).unwrap().as_bytes());
    let turn = project.clock.now().timestamp() / (30 * 86_400);
    Ed25519KeyPair::from_seed_unchecked(&secret.derive(&format!("signing {turn}"))).unwrap()
}

#[tokio::test]
async fn nobody_makes_a_token_but_the_server() {
    let (project, app) = served().await;
    let good = key(&app, "all").await;
    let ours = signing(&project);
    let public = ours.public_key().as_ref().to_vec();
    let by_us = |body: &str| ours.sign(body.as_bytes()).as_ref().to_vec();
    let now = project.clock.now().timestamp();
    // Unchanged, the forger's way gives a good token: what is refused below is refused for its change.
    let same = forged(&app, &good, |_, _| {}, by_us).await;
    assert_eq!(get(&app, "/api/features/t1", &same).await.status, 200);

    let none = forged(&app, &good, |header, _| header["alg"] = json!("none"), |_| Vec::new()).await;
    let confused = |body: &str| {
        let hmac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &public);
        aws_lc_rs::hmac::sign(&hmac, body.as_bytes()).as_ref().to_vec()
    };
    let by_public_key = forged(&app, &good, |header, _| header["alg"] = json!("HS256"), confused).await;
    let another = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let by_another = forged(&app, &good, |_, _| {}, |body| another.sign(body.as_bytes()).as_ref().to_vec()).await;
    let scopes = forged(&app, &good, |_, claims| claims["scope"] = json!("features admin"), |_| vec![0; 64]).await;
    let kid = forged(&app, &good, |header, _| header["kid"] = json!("1"), by_us).await;
    let no_kid = forged(&app, &good, |header, _| drop(header.as_object_mut().unwrap().remove("kid")), by_us).await;
    let audience = forged(&app, &good, |_, claims| claims["aud"] = json!("somebody else"), by_us).await;
    let issuer = forged(&app, &good, |_, claims| claims["iss"] = json!("somebody else"), by_us).await;
    let expired = forged(&app, &good, |_, claims| claims["exp"] = json!(now - 1), by_us).await;
    let early = forged(&app, &good, |_, claims| claims["nbf"] = json!(now + 60), by_us).await;
    let endless = forged(&app, &good, |_, claims| drop(claims.as_object_mut().unwrap().remove("exp")), by_us).await;
    let whose = forged(&app, &good, |_, claims| claims["sub"] = json!("nobody"), by_us).await;
    let long = format!("{same}{}", "A".repeat(10_000));
    let all =
        [none, by_public_key, by_another, scopes, kid, no_kid, audience, issuer, expired, early, endless, whose, long];
    for (index, text) in all.iter().enumerate() {
        refused(&get(&app, "/api/features/t1", text).await, 401, "invalid-token", &format!("{index}"));
    }
}

#[tokio::test]
async fn a_link_is_good_for_its_download_and_nothing_else() {
    let (_project, app) = served().await;
    let good = key(&app, "all").await;
    let link = "/api/dataset/download?dataset=track&format=csv&columns=track_id,decade";
    let made = token(&app, &good, json!({"link": link})).await;
    let (url, text) = (made["url"].as_str().unwrap(), made["token"].as_str().unwrap());
    let answer = ask(&app, "GET", url, None, Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/csv; charset=utf-8"));
    let invalid = |answer| refused(&answer, 401, "invalid-link", "another request");
    invalid(ask(&app, "GET", &format!("{link},secret&token={text}"), None, Value::Null).await);
    invalid(get(&app, link, text).await);
    invalid(get(&app, "/api/features/t1", text).await);
    // A key in a URL ends up in logs: it is no credential there, nor is a token on other routes.
    invalid(ask(&app, "GET", &format!("{link}&token={good}"), None, Value::Null).await);
    let plain = token(&app, &good, json!({})).await;
    let plain = plain["token"].as_str().unwrap();
    invalid(ask(&app, "GET", &format!("{link}&token={plain}"), None, Value::Null).await);
    let elsewhere =
        ask(&app, "GET", &format!("/api/features/t1?features=decade&token={text}"), None, Value::Null).await;
    refused(&elsewhere, 401, "no-key", "a token in a URL of another route");
    let nowhere = ask(&app, "POST", "/api/auth/token", Some(&good), json!({"link": "https://evil.example/"})).await;
    assert_eq!(nowhere.json()["type"], "/problems/invalid-link");
    // What the key may not read, its link may not either.
    let open = key_with(&app, "all", Some("download,features")).await;
    let made =
        token(&app, &open, json!({"link": "/api/dataset/download?dataset=track&format=csv&columns=secret"})).await;
    assert_eq!(ask(&app, "GET", made["url"].as_str().unwrap(), None, Value::Null).await.status, 400);
}
