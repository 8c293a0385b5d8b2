//! Inner loops: the analyzer over a text, values as JSON, a key to its row.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use datafusion::arrow::array::{ArrayRef, Float64Array, StringArray};
use rhapsode::analyze::Analyzer;
use rhapsode::engine::json::JsonColumn;
use rhapsode::store::KeyIndex;

/// Thirty lines that differ, in words that repeat as words do.
fn text(seed: usize) -> String {
    let words =
        ["the", "sea", "and", "wind", "of", "night", "a", "bright", "forest", "sings", "under", "stars", "we", "were"];
    let line = |line: usize| {
        (0..8).map(|word| words[(seed + line * 7 + word * word) % words.len()]).collect::<Vec<_>>().join(" ")
    };
    (0..30).map(line).collect::<Vec<_>>().join("\n")
}

fn analyze(criterion: &mut Criterion) {
    let texts = StringArray::from_iter_values((0..256).map(text));
    let analyzer = Analyzer::find("lexical").expect("it is built in");
    let mut group = criterion.benchmark_group("analyze");
    group.throughput(Throughput::Elements(256));
    group.bench_function("lexical, 30 lines", |bencher| bencher.iter(|| analyzer.analyze(black_box(&texts))));
    group.finish();
}

fn json(criterion: &mut Criterion) {
    let floats: ArrayRef = Arc::new(Float64Array::from_iter_values((0..1_000).map(|n| f64::from(n) / 7.0)));
    let column = JsonColumn::new(&floats).expect("floats are written");
    let mut group = criterion.benchmark_group("json");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("float64", |bencher| {
        let mut out = Vec::with_capacity(1 << 16);
        bencher.iter(|| {
            out.clear();
            (0..1_000).for_each(|row| column.write(row, &mut out));
            black_box(out.len())
        });
    });
    group.finish();
}

fn lookup(criterion: &mut Criterion) {
    let keys: Vec<String> = (0..57_000).map(|n| format!("track-{n:07}")).collect();
    let index = KeyIndex::new(vec![StringArray::from_iter_values(&keys)]).expect("there are few keys");
    let mut next = 0;
    criterion.bench_function("key to row, 57,000 keys", |bencher| {
        bencher.iter(|| {
            next = (next + 7_919) % keys.len();
            index.row([keys[next].as_str()].into_iter())
        });
    });
}

criterion_group!(benches, analyze, json, lookup);
criterion_main!(benches);
