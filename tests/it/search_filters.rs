//! Filters of a search against a naive model: in every mode exactly the rows are found that a filter is true of.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rhapsode::search::{self, Request};
use rhapsode::store::{Entitlements, ProfilePin, SearchMode};
use serde_json::{Value, json};

use crate::support::TestProject;

const DEFINITIONS: &str = "\
kind: entity
name: piece
join_keys: [id]
---
kind: source
name: pieces
entity: piece
columns:
  - { name: id, dtype: string }
  - { name: text, dtype: string, licence: public-domain }
  - { name: year, dtype: int32 }
  - { name: share, dtype: float64 }
  - { name: title, dtype: string, licence: public-domain }
  - { name: is_long, dtype: bool }
---
kind: feature_view
name: meaning
entity: piece
source: pieces
embedding: { model: use, text: text }
features: [{ name: meaning, dtype: \"vector[512]\", expr: embedding.whole }]
---
kind: search
name: found
entity: piece
source: pieces
text: [text]
vectors: [meaning]
filters: [year, share, title, is_long]
";

const PIECES: usize = 40;
const TITLES: &[&str] = &["a", "b", "ab", "it's", "%", "c_d"];

/// A row: what filters name, some of it null.
#[derive(Clone, Debug)]
struct Piece {
    year: Option<i64>,
    share: Option<f64>,
    title: Option<&'static str>,
    is_long: Option<bool>,
}

fn piece(number: usize) -> Piece {
    let unless = |every: usize| number % every != every - 1;
    Piece {
        year: unless(5).then(|| 1800 + (number as i64 * 7) % 23),
        share: unless(7).then(|| (number % 9) as f64 / 4.0 - 1.0),
        title: unless(6).then(|| TITLES[number % TITLES.len()]),
        is_long: unless(4).then_some(number.is_multiple_of(3)),
    }
}

/// A condition, as people may write it.
#[derive(Clone, Debug)]
enum Condition {
    Year(&'static str, i64),
    YearBetween(i64, i64),
    YearIn(Vec<i64>),
    Share(&'static str, f64),
    Title(&'static str, &'static str),
    TitleIn(Vec<&'static str>),
    /// Whether the title has a letter.
    TitleHas(&'static str),
    IsLong(bool),
    IsNull(&'static str),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

const COMPARISONS: &[(&str, &str)] =
    &[("=", "eq"), ("<>", "ne"), ("<", "lt"), ("<=", "lte"), (">", "gt"), (">=", "gte")];

fn conditions() -> impl Strategy<Value = Condition> {
    let comparison = prop::sample::select(COMPARISONS.iter().map(|(sql, _)| *sql).collect::<Vec<_>>());
    let year = 1798..1826_i64;
    let title = prop::sample::select(TITLES);
    let leaf = prop_oneof![
        (comparison.clone(), year.clone()).prop_map(|(of, year)| Condition::Year(of, year)),
        (year.clone(), year.clone()).prop_map(|(from, to)| Condition::YearBetween(from, to)),
        prop::collection::vec(year, 1..4).prop_map(Condition::YearIn),
        (comparison.clone(), -5..6_i32).prop_map(|(of, quarters)| Condition::Share(of, f64::from(quarters) / 4.0)),
        (comparison, title.clone()).prop_map(|(of, title)| Condition::Title(of, title)),
        prop::collection::vec(title, 1..3).prop_map(Condition::TitleIn),
        prop::sample::select(&["a", "b", "d"][..]).prop_map(Condition::TitleHas),
        any::<bool>().prop_map(Condition::IsLong),
        prop::sample::select(&["year", "share", "title", "is_long"][..]).prop_map(Condition::IsNull),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|of| Condition::Not(Box::new(of))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::All),
            prop::collection::vec(inner, 1..4).prop_map(Condition::Any),
        ]
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Condition {
    fn sql(&self) -> String {
        let joined = |of: &[Self], by: &str| of.iter().map(Self::sql).collect::<Vec<_>>().join(by);
        match self {
            Self::Year(of, year) => format!("year {of} {year}"),
            Self::YearBetween(from, to) => format!("year between {from} and {to}"),
            Self::YearIn(years) => {
                format!("year in ({})", years.iter().map(i64::to_string).collect::<Vec<_>>().join(", "))
            }
            Self::Share(of, share) => format!("share {of} {share:?}"),
            Self::Title(of, title) => format!("title {of} {}", quoted(title)),
            Self::TitleIn(titles) => {
                format!("title in ({})", titles.iter().map(|title| quoted(title)).collect::<Vec<_>>().join(", "))
            }
            Self::TitleHas(letter) => format!("title like '%{letter}%'"),
            Self::IsLong(is_long) => format!("is_long = {is_long}"),
            Self::IsNull(column) => format!("{column} is null"),
            Self::Not(of) => format!("not ({})", of.sql()),
            Self::All(of) => format!("({})", joined(of, " and ")),
            Self::Any(of) => format!("({})", joined(of, " or ")),
        }
    }

    fn json(&self) -> Value {
        let named = |of: &str| COMPARISONS.iter().find(|(sql, _)| *sql == of).unwrap().1;
        match self {
            Self::Year(of, year) => json!({"year": {named(of): year}}),
            Self::YearBetween(from, to) => json!({"year": {"gte": from, "lte": to}}),
            Self::YearIn(years) => json!({"year": years}),
            Self::Share(of, share) => json!({"share": {named(of): share}}),
            Self::Title(of, title) => json!({"title": {named(of): title}}),
            Self::TitleIn(titles) => json!({"title": {"in": titles}}),
            Self::TitleHas(letter) => json!({"title": {"like": format!("%{letter}%")}}),
            Self::IsLong(is_long) => json!({"is_long": is_long}),
            Self::IsNull(column) => json!({*column: null}),
            Self::Not(of) => json!({"not": of.json()}),
            Self::All(of) => json!({"all": of.iter().map(Self::json).collect::<Vec<_>>()}),
            Self::Any(of) => json!({"any": of.iter().map(Self::json).collect::<Vec<_>>()}),
        }
    }

    /// None where it cannot be told.
    fn of(&self, piece: &Piece) -> Option<bool> {
        fn compared<T: PartialOrd>(of: &str, a: &T, b: &T) -> bool {
            match of {
                "=" => a == b,
                "<>" => a != b,
                "<" => a < b,
                "<=" => a <= b,
                ">" => a > b,
                _ => a >= b,
            }
        }
        fn joined(of: &[Condition], piece: &Piece, decides: bool) -> Option<bool> {
            let truths: Vec<Option<bool>> = of.iter().map(|of| of.of(piece)).collect();
            match (truths.contains(&Some(decides)), truths.contains(&None)) {
                (true, _) => Some(decides),
                (false, true) => None,
                (false, false) => Some(!decides),
            }
        }
        match self {
            Self::Year(of, year) => Some(compared(of, &piece.year?, year)),
            Self::YearBetween(from, to) => Some((*from..=*to).contains(&piece.year?)),
            Self::YearIn(years) => Some(years.contains(&piece.year?)),
            Self::Share(of, share) => Some(compared(of, &piece.share?, share)),
            Self::Title(of, title) => Some(compared(of, &piece.title?, title)),
            Self::TitleIn(titles) => Some(titles.contains(&piece.title?)),
            Self::TitleHas(letter) => Some(piece.title?.contains(letter)),
            Self::IsLong(is_long) => Some(piece.is_long? == *is_long),
            Self::IsNull(column) => Some(match *column {
                "year" => piece.year.is_none(),
                "share" => piece.share.is_none(),
                "title" => piece.title.is_none(),
                _ => piece.is_long.is_none(),
            }),
            Self::Not(of) => of.of(piece).map(|of| !of),
            // What decides is told, whatever else cannot be.
            Self::All(of) => joined(of, piece, false),
            Self::Any(of) => joined(of, piece, true),
        }
    }
}

/// Ten thousand searches: each condition in every mode, in SQL and in JSON in turn.
#[test]
fn a_filter_lets_through_exactly_what_it_is_true_of_in_every_mode() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let project = TestProject::new(DEFINITIONS);
    let pieces: Vec<Piece> = (0..PIECES).map(piece).collect();
    let row = |(number, piece): (usize, &Piece)| {
        let Piece { year, share, title, is_long } = piece;
        // Each has the word that is looked for.
        let text = format!("a common word and the {}th of others", number + 1);
        json!({"id": format!("p{number:02}"), "text": text, "year": year, "share": share, "title": title, "is_long": is_long})
            .to_string()
            + "\n"
    };
    let rows: String = pieces.iter().enumerate().map(row).collect();
    let (app, found) = runtime.block_on(async {
        project.ingest("pieces", "pieces.jsonl", rows).await;
        project.build().await.unwrap();
        let app = project.app();
        let readable = app.open(&Default::default()).await.unwrap().readable_by(Entitlements::ALL).readable;
        let found = search::find(&readable, None).await.unwrap();
        (app, found)
    });
    let mut runner = TestRunner::new(Config { cases: 3_334, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&(conditions(), any::<bool>()), |(condition, in_sql)| {
        let is_allowed =
            |(number, piece): (usize, &Piece)| (condition.of(piece) == Some(true)).then(|| format!("p{number:02}"));
        let expected: Vec<String> = pieces.iter().enumerate().filter_map(is_allowed).collect();
        let filter = if in_sql { Value::String(condition.sql()) } else { condition.json() };
        for mode in [SearchMode::Keyword, SearchMode::Semantic, SearchMode::Hybrid] {
            let request = Request {
                query: "common word".to_owned(),
                profile: ProfilePin { mode, ..ProfilePin::default() },
                filter: Some(filter.clone()),
                facets: Vec::new(),
                highlights: 0,
                offset: 0,
                limit: PIECES,
            };
            let answer = runtime.block_on(search::search(&found, app.models(), &request));
            let answer = answer.map_err(|error| TestCaseError::fail(format!("{filter}: {error}")))?;
            let mut hits: Vec<String> = answer.hits.iter().map(|hit| hit.key.to_string()).collect();
            hits.sort();
            prop_assert_eq!(&hits, &expected, "{:?} {}", mode, filter);
        }
        Ok(())
    });
    checked.unwrap();
}
