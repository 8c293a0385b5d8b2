//! Releases: published once, named, yanked; and what a damaged or foreign one says.

use rhapsode::name::ReleaseNumber;
use rhapsode::store::{ReleaseRef, StoreError};

use crate::support::{DEFINITIONS, TestProject};

fn number(number: u64) -> ReleaseNumber {
    ReleaseNumber::new(number).unwrap()
}

#[tokio::test]
async fn of_eight_who_publish_a_number_one_has_it() {
    let project = TestProject::built().await;
    let store = project.app().store().clone();
    let newest = store.newest().await.unwrap().unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|build| {
            let (store, mut manifest) = (store.clone(), newest.clone());
            manifest.number = manifest.number.next();
            manifest.build_id = format!("build-{build}");
            tokio::spawn(async move { store.publish(manifest).await })
        })
        .collect();
    let mut published = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(manifest) => published.push(manifest.build_id),
            Err(StoreError::Conflict(number)) => assert_eq!(number.get(), 2),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(published, [store.manifest(number(2)).await.unwrap().build_id]);
}

#[tokio::test]
async fn a_manifest_survives_the_disk() {
    let project = TestProject::built().await;
    let store = project.app().store().clone();
    let first = store.manifest(number(1)).await.unwrap();
    let mut second = first.clone();
    second.number = number(2);
    store.publish(second.clone()).await.unwrap();
    assert_eq!(store.manifest(number(2)).await.unwrap(), second);
}

#[tokio::test]
async fn latest_is_the_highest_that_is_not_yanked_and_numbers_are_numbers() {
    let project = TestProject::built().await;
    let store = project.app().store().clone();
    let first = store.manifest(number(1)).await.unwrap();
    for next in 2..=11 {
        let mut manifest = first.clone();
        manifest.number = number(next);
        store.publish(manifest).await.unwrap();
    }
    let latest = async || store.resolve(&ReleaseRef::Latest).await.unwrap().get();
    assert_eq!(latest().await, 11);
    let now = first.created_at;
    store.yank(number(11), "wrong", now).await.unwrap();
    assert_eq!(latest().await, 10);
    store.tag("stable", number(3), now).await.unwrap();
    assert_eq!(store.resolve(&"stable".parse().unwrap()).await.unwrap().get(), 3);
    store.tag("stable", number(4), now).await.unwrap();
    assert_eq!(store.resolve(&"stable".parse().unwrap()).await.unwrap().get(), 4);
    assert_eq!(store.resolve(&"11".parse().unwrap()).await.unwrap().get(), 11);
    let releases = store.releases().await.unwrap();
    assert_eq!(releases[3].tags, ["stable"]);
    assert_eq!(releases[10].yanked.as_deref(), Some("wrong"));
}

#[tokio::test]
async fn what_is_not_there_is_told_by_name() {
    let project = TestProject::built().await;
    let store = project.app().store().clone();
    let now = store.newest().await.unwrap().unwrap().created_at;
    let told = |error: StoreError| error.to_string();
    assert!(told(store.resolve(&"9".parse().unwrap()).await.unwrap_err()).starts_with("there is no release 9;"));
    assert!(told(store.resolve(&"nope".parse().unwrap()).await.unwrap_err()).starts_with("there is no tag `nope`;"));
    assert!(told("No!".parse::<ReleaseRef>().unwrap_err()).starts_with("`No!` names no release"));
    assert!(told(store.tag("latest", number(1), now).await.unwrap_err()).starts_with("`latest` is not a tag"));
    assert!(told(store.tag("../x", number(1), now).await.unwrap_err()).starts_with("`../x` is not a tag"));
    assert!(told(store.yank(number(5), "x", now).await.unwrap_err()).starts_with("there is no release 5;"));
    let empty = TestProject::new(DEFINITIONS);
    let error = empty.app().store().resolve(&ReleaseRef::Latest).await.unwrap_err();
    assert!(told(error).starts_with("there is no release yet"));
}

#[tokio::test]
async fn a_damaged_or_later_release_is_told_and_not_guessed_at() {
    let project = TestProject::built().await;
    let store = project.app().store().clone();
    let path = project.path().join("store/releases/1.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"format\":1", "\"format\":2", 1)).unwrap();
    assert!(matches!(store.manifest(number(1)).await, Err(StoreError::FromTheFuture(_))));
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    assert!(matches!(store.manifest(number(1)).await, Err(StoreError::Damaged { .. })));
}
