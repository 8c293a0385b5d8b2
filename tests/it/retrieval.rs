//! How well rankings answer: figures, intervals, significance, and the files that they are measured on.

use std::collections::BTreeMap;

use rhapsode::evaluate::retrieval::{Mean, Quality, read_topics, significance};

#[test]
fn the_quality_of_a_ranking_is_that_of_the_textbook() {
    let judged = BTreeMap::from([("a".to_owned(), 3.0), ("b".to_owned(), 1.0), ("c".to_owned(), 0.0)]);
    let ranked = ["x", "b", "a"].map(str::to_owned);
    let of = Quality::of(&ranked, &judged);
    let ideal = 3.0 + 1.0 / 3_f64.log2();
    let gained = 1.0 / 3_f64.log2() + 3.0 / 2.0;
    assert!((of.ndcg - gained / ideal).abs() < 1e-12);
    assert_eq!((of.reciprocal_rank, of.recall, of.precision), (0.5, 1.0, 0.2));
    assert_eq!(Quality::of(&[], &judged).ndcg, 0.0);
    assert_eq!(Quality::of(&ranked, &BTreeMap::new()), Quality::default());
    let mean = Mean::of(&[0.0, 1.0, 1.0, 0.0]);
    assert_eq!(mean.value, 0.5);
    assert!(mean.interval.low < 0.5 && mean.interval.high > 0.5);
    // What is the same does not differ; what is better each time does.
    let (low, high) = (vec![0.1; 20], vec![0.9; 20]);
    assert_eq!(significance(&low, &low), 1.0);
    assert!(significance(&low, &high) < 0.001);
}

#[test]
fn queries_and_judgements_are_read_in_both_layouts() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let beir =
        write("queries.jsonl", "{\"_id\": \"q1\", \"text\": \"the sea\"}\n{\"_id\": \"q2\", \"text\": \"unjudged\"}\n");
    let trec = write("queries.tsv", "q1\tthe sea\nq2\tunjudged\n");
    let table = write("test.tsv", "query-id\tcorpus-id\tscore\nq1\tp1\t2\nq1\tp2\t0\n");
    let qrels = write("qrels.txt", "q1 0 p1 2\nq1 0 p2 0\n");
    let [of_beir, of_trec] =
        [(beir, table), (trec, qrels)].map(|(queries, qrels)| read_topics(&queries, &qrels).unwrap());
    assert_eq!(of_beir, of_trec);
    assert_eq!((of_beir.len(), of_beir[0].judgements["p1"]), (1, 2.0));
    let wrong = write("wrong.txt", "q1 0 p1 2\nq1 p1\n");
    let told = read_topics(&write("q.tsv", "q1\tx\n"), &wrong).unwrap_err().to_string();
    assert!(told.contains("line 2"), "{told}");
}

#[test]
fn a_key_with_a_blank_was_read_as_another() {
    let folder = tempfile::tempdir().unwrap();
    let (queries, qrels) = (folder.path().join("q.tsv"), folder.path().join("qrels.tsv"));
    std::fs::write(&queries, "q1\tthe sea\n").unwrap();
    std::fs::write(&qrels, "query-id\tcorpus-id\tscore\nq1\tthe tyger\t2\n").unwrap();
    let topics = read_topics(&queries, &qrels).unwrap();
    assert_eq!(topics[0].judgements, BTreeMap::from([("the tyger".to_owned(), 2.0)]));
}
