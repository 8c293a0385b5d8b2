//! Builds that are killed and builds that race: the release before stays whole, and the next build is as a clean one.

use std::process::{Child, Command, Output, Stdio};

use rhapsode::cli::corpus::synthetic::{self, Recipe};
use serde_json::{Value, json};

use crate::support::TestProject;

/// The shipped definitions.
fn definitions() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("feature_defs");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    texts.join("\n---\n")
}

fn rows(tracks: usize, seed: u64) -> Vec<u8> {
    let (mut rows, mut truth) = (Vec::new(), Vec::new());
    synthetic::write(&Recipe { tracks, seed, faults: false }, &mut rows, &mut truth, &mut |_| {}).unwrap();
    rows
}

fn build(project: &TestProject) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhapsode"));
    command.arg("--project").arg(project.path()).args(["build", "--json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn summary(done: &Output) -> Option<Value> {
    done.status.success().then(|| serde_json::from_slice(&done.stdout).unwrap())
}

/// The files of a project's store.
fn files(project: &TestProject) -> usize {
    let mut folders = vec![project.path().join("store")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        // What a build writes under a name of its own may be gone again.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                _ => files += 1,
            }
        }
    }
    files
}

/// Every value of the entity's table, in the order of the keys.
async fn values(project: &TestProject) -> Value {
    project.rows("select * from (select track_id, title_clean, decade, completeness, tokens, mtld, language_confidence from track) order by track_id").await
}

#[tokio::test]
async fn a_build_that_is_killed_leaves_the_release_before_and_the_next_equals_a_clean_one() {
    let project = TestProject::new(&definitions());
    project.ingest("tracks", "first.jsonl", rows(600, 1)).await;
    assert!(build(&project).wait_with_output().unwrap().status.success());
    let before = values(&project).await;
    // Rows that change and rows that come, and an edited feature: sources, rows and columns are all written.
    project.ingest("tracks", "second.jsonl", rows(900, 2)).await;
    project.define(&definitions().replace("floor(year / 10.0) * 10", "floor(year / 100.0) * 100"));
    let mut killed = 0;
    for writes in (1..40).step_by(3) {
        let there = files(&project);
        let mut child = build(&project);
        while child.try_wait().unwrap().is_none() && files(&project) < there + writes {
            std::thread::yield_now();
        }
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        if project.app().store().release_numbers().await.unwrap().len() > 1 {
            break;
        }
        assert_eq!(values(&project).await, before, "killed after {writes} writes");
    }
    assert!(killed > 0);
    assert!(build(&project).wait_with_output().unwrap().status.success());
    let clean = TestProject::new(&definitions().replace("floor(year / 10.0) * 10", "floor(year / 100.0) * 100"));
    clean.ingest("tracks", "first.jsonl", rows(600, 1)).await;
    clean.ingest("tracks", "second.jsonl", rows(900, 2)).await;
    clean.build().await.unwrap();
    assert_eq!(values(&project).await, values(&clean).await);
}

#[tokio::test]
async fn eight_builds_of_the_same_content_publish_one_release() {
    let project = TestProject::new(&definitions());
    project.ingest("tracks", "first.jsonl", rows(300, 1)).await;
    assert!(build(&project).wait_with_output().unwrap().status.success());
    project.ingest("tracks", "second.jsonl", rows(400, 2)).await;
    let children: Vec<Child> = (0..8).map(|_| build(&project)).collect();
    let done: Vec<Output> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let published = done.iter().filter_map(summary).filter(|summary| summary["published"] == json!(true)).count();
    for output in &done {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || said.contains("run the build again"), "{said}");
    }
    // Whoever comes late may find everything done; whoever loses is told; two never both publish the same.
    assert!(published <= 1, "{published} published");
    assert!(build(&project).wait_with_output().unwrap().status.success());
    assert_eq!(project.app().store().release_numbers().await.unwrap().len(), 2);
    let clean = TestProject::new(&definitions());
    clean.ingest("tracks", "first.jsonl", rows(300, 1)).await;
    clean.ingest("tracks", "second.jsonl", rows(400, 2)).await;
    clean.build().await.unwrap();
    assert_eq!(values(&project).await, values(&clean).await);
}
