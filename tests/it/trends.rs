//! Trends: what was planted is found, what is chance is not, and all is as a loop over the rows counts it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use rhapsode::insight::{Counting, InsightError, TrendRequest, Trends};
use serde_json::{Value, json};

use crate::support::{TestProject, get, get_with, printed, rhapsode};

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
  - { name: topic, dtype: string, licence: CC0-1.0 }
  - { name: tags, dtype: list<string>, licence: CC0-1.0 }
  - { name: place, dtype: string, licence: CC0-1.0 }
  - { name: secret, dtype: string, licence: proprietary }
  - { name: live, dtype: bool }
  - { name: joy, dtype: float64 }
  - { name: year, dtype: int32 }
  - { name: born, dtype: date }
---
kind: feature_view
name: facts
entity: piece
sql: select id, topic, tags, place, secret, live, joy, year, born from pieces
features:
  - { name: topic, dtype: string }
  - { name: tags, dtype: list<string> }
  - { name: place, dtype: string }
  - { name: secret, dtype: string }
  - { name: live, dtype: bool }
  - { name: joy, dtype: float64 }
  - { name: year, dtype: int32 }
  - { name: born, dtype: date }
";

const PIECES: u64 = 3_000;

/// SplitMix64: the same numbers everywhere.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// `rising` grows from 5 % to 35 % within a century, `falling` shrinks as much, eight others share the rest; joy grows in the
/// north alone. Of some the year, the place or the topic is not known.
fn rows() -> Vec<Value> {
    let mut draw = Draw(7);
    let row = |number: u64| {
        let year = 1900 + (100.0 * draw.share()) as i64;
        let through = (year - 1900) as f64 / 100.0;
        let at = draw.share();
        let topic = match at {
            at if at < 0.05 + 0.3 * through => "rising".to_owned(),
            at if at > 0.65 + 0.3 * through => "falling".to_owned(),
            _ => format!("other {}", draw.next() % 8),
        };
        let place = if draw.share() < 0.5 { "north" } else { "south" };
        let joy = draw.share() + if place == "north" { 0.5 * through } else { 0.0 };
        let known = |value: Value, is_known: bool| if is_known { value } else { Value::Null };
        json!({
            "id": format!("p{number}"), "topic": known(json!(topic), number % 50 != 3), "tags": [topic, "all", "all"],
            "place": known(json!(place), number % 60 != 5), "secret": topic, "live": draw.share() < 0.2 + 0.5 * through,
            "joy": joy, "year": known(json!(year), number % 40 != 1),
            "born": format!("{year}-{:02}-15", 1 + number % 12),
        })
    };
    (0..PIECES).map(row).collect()
}

async fn built() -> TestProject {
    let project = TestProject::new(DEFINITIONS);
    let mut lines = String::new();
    rows().iter().for_each(|row| writeln!(lines, "{row}").unwrap());
    project.ingest("pieces", "pieces.jsonl", lines).await;
    project.build().await.unwrap();
    project
}

async fn trends(project: &TestProject, query: &str) -> Value {
    let answer = get(&project.app(), &format!("/api/trends?{query}")).await;
    assert_eq!(answer.status, 200, "{query} {}", answer.json());
    answer.json()
}

fn values(body: &Value, list: &str) -> Vec<String> {
    let all = body[list].as_array().unwrap_or_else(|| panic!("{body}"));
    all.iter().map(|trend| trend["value"].as_str().unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn what_was_planted_to_rise_and_to_fall_is_found_and_nothing_else() {
    let project = built().await;
    for query in ["feature=topic&time=year", "feature=topic&time=born", "feature=tags&time=year&period=10"]
        .map(|query| format!("{query}&error_rate=0.001"))
    {
        let body = trends(&project, &query).await;
        assert_eq!(
            (values(&body, "risers"), values(&body, "fallers")),
            (vec!["rising".into()], vec!["falling".into()]),
            "{query}"
        );
        let rising = &body["risers"][0];
        let (slope, low, high) = (&rising["slope"], &rising["low"], &rising["high"]);
        let number = |value: &Value| value.as_f64().unwrap();
        assert!(number(low) < 0.003 && 0.003 < number(high) && (number(slope) - 0.003).abs() < 0.0006, "{rising}");
        assert!((number(&rising["change"]) - 0.3).abs() < 0.06 && number(&rising["q"]) < 1e-6, "{rising}");
    }
    let body = trends(&project, "feature=topic&time=year&by=place&period=10&error_rate=0.001").await;
    assert_eq!(body["risers"].as_array().unwrap().len(), 2, "in the north and in the south");
    assert_eq!((&body["tested"], &body["values"]), (&json!(20), &json!(10)));
    // A number, by group: it grows in the north alone.
    let body = trends(&project, "feature=joy&time=year&by=place").await;
    assert_eq!((body["risers"].as_array().unwrap().len(), &body["fallers"]), (1, &json!([])));
    assert_eq!((&body["risers"][0]["group"], &body["values"]), (&json!("north"), &Value::Null));
    let body = trends(&project, "feature=live&time=year").await;
    assert_eq!((values(&body, "risers"), values(&body, "fallers")), (vec!["true".into()], vec!["false".into()]));
}

#[tokio::test]
async fn every_row_is_as_a_loop_over_the_pieces_counts_it() {
    let project = built().await;
    let query = "feature=topic&time=year&by=place&period=20&smooth=3&limit=100&filter=live%20or%20year%20%3C%201950";
    let body = trends(&project, query).await;
    let mut counts: BTreeMap<(String, String, i64), f64> = BTreeMap::new();
    let mut of: BTreeMap<(String, i64), f64> = BTreeMap::new();
    let (mut without_time, mut without_group, mut without_value) = (0, 0, 0);
    for row in rows() {
        let (live, year) = (row["live"] == true, row["year"].as_i64());
        match (year, row["place"].as_str(), row["topic"].as_str()) {
            (year, ..) if !(live || year.is_some_and(|year| year < 1950)) => {}
            (None, ..) => without_time += 1,
            (_, None, _) => without_group += 1,
            (_, _, None) => without_value += 1,
            (Some(year), Some(place), Some(topic)) => {
                let period = year.div_euclid(20) * 20;
                *counts.entry((place.to_owned(), topic.to_owned(), period)).or_default() += 1.0;
                *of.entry((place.to_owned(), period)).or_default() += 1.0;
            }
        }
    }
    let not_counted =
        json!({"without_time": without_time, "without_group": without_group, "without_value": without_value});
    assert_eq!(body["not_counted"], not_counted);
    let rows = body["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * 10 * 5, "groups, topics, periods");
    for row in rows {
        let (place, topic) = (row["group"].as_str().unwrap().to_owned(), row["value"].as_str().unwrap().to_owned());
        let period = row["period"].as_i64().unwrap();
        let count = |period| counts.get(&(place.clone(), topic.clone(), period)).copied().unwrap_or_default();
        let any = |period| of.get(&(place.clone(), period)).copied().unwrap_or_default();
        let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name} {row}"));
        let about = [period - 20, period, period + 20];
        let smoothed = about.into_iter().map(count).sum::<f64>() / about.into_iter().map(any).sum::<f64>();
        assert_eq!((number("count"), number("of")), (count(period), any(period)), "{row}");
        assert!((number("share") - count(period) / any(period)).abs() < 1e-12, "{row}");
        assert!((number("smoothed") - smoothed).abs() < 1e-12, "{row} {smoothed}");
        assert!(number("low") <= number("share") && number("share") <= number("high"), "{row}");
    }
    // Of a number: the mean, and its interval by Student's t.
    let body = trends(&project, "feature=joy&time=year&period=50&smooth=1").await;
    for row in body["rows"].as_array().unwrap() {
        let period = row["period"].as_i64().unwrap();
        let of_period = |row: &Value| row["year"].as_i64().is_some_and(|year| year.div_euclid(50) * 50 == period);
        let joys: Vec<f64> =
            self::rows().iter().filter(|row| of_period(row)).map(|row| row["joy"].as_f64().unwrap()).collect();
        let count = joys.len() as f64;
        let mean = joys.iter().sum::<f64>() / count;
        let deviation = (joys.iter().map(|joy| (joy - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
        let number = |name: &str| row[name].as_f64().unwrap();
        assert_eq!((number("count"), number("of")), (count, count));
        assert!((number("mean") - mean).abs() < 1e-9 && (number("smoothed") - mean).abs() < 1e-9, "{row}");
        // Of so many, t is 1.96.
        assert!(((number("high") - mean) / (deviation / count.sqrt()) - 1.96).abs() < 0.01, "{row}");
    }
}

/// What the statement counts: a year, a value (none of all pieces of the year), pieces, and the mean of a number.
type Counted = (i64, Option<String>, i64, f64);

/// Trends of a feature by year, of what was counted.
fn of_counts(error_rate: f64, of_feature: DataType, rows: &[Counted]) -> Result<Trends, InsightError> {
    let columns = Schema::new(vec![Field::new("topic", of_feature, true), Field::new("year", DataType::Int32, true)]);
    let request = TrendRequest {
        entity: "piece".to_owned(),
        feature: "topic".to_owned(),
        time: "year".to_owned(),
        by: None,
        period: Some("1".parse().unwrap()),
        filter: None,
        smooth: 1,
        error_rate,
        limit: 100,
    };
    let pieces: Int64Array = rows.iter().map(|(.., pieces, _)| *pieces).collect();
    let columns_read: [(&str, arrow::array::ArrayRef); 7] = [
        ("moment", Arc::new(rows.iter().map(|(year, ..)| *year).collect::<Int64Array>())),
        ("piece_group", Arc::new(StringArray::from(vec![""; rows.len()]))),
        ("value", Arc::new(rows.iter().map(|(_, value, ..)| value.clone()).collect::<StringArray>())),
        ("pieces", Arc::new(pieces.clone())),
        ("counted", Arc::new(pieces)),
        ("mean", Arc::new(rows.iter().map(|(.., mean)| Some(*mean)).collect::<Float64Array>())),
        ("variance", Arc::new(Float64Array::from(vec![0.0; rows.len()]))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns_read.map(|(name, column)| (name, column, true)));
    Counting::new(request, &columns)?.trends(&[batch.unwrap()])
}

/// Pieces whose topics are drawn without a look at their years.
fn shuffled(draw: &mut Draw) -> Vec<Counted> {
    let mut counts: BTreeMap<(i64, Option<u64>), i64> = BTreeMap::new();
    for _ in 0..600 {
        let year = 1900 + (draw.next() % 50) as i64;
        // Some are common, some rare.
        let topic = (12.0 * draw.share() * draw.share()) as u64;
        *counts.entry((year, None)).or_default() += 1;
        *counts.entry((year, Some(topic))).or_default() += 1;
    }
    let row = |((year, topic), pieces): ((i64, Option<u64>), i64)| (year, topic.map(|of| of.to_string()), pieces, 0.0);
    counts.into_iter().map(row).collect()
}

#[test]
fn in_shuffled_data_chance_is_taken_for_a_trend_no_more_often_than_is_said() {
    for error_rate in [0.05, 0.2] {
        let mut draw = Draw(11);
        let shuffles = 600;
        let with_a_trend = (0..shuffles).filter(|_| {
            let trends = of_counts(error_rate, DataType::Utf8, &shuffled(&mut draw)).unwrap();
            assert!(trends.tested > 5, "{}", trends.tested);
            !trends.risers.is_empty() || !trends.fallers.is_empty()
        });
        let found = with_a_trend.count() as f64 / f64::from(shuffles);
        let deviation = (error_rate * (1.0 - error_rate) / f64::from(shuffles)).sqrt();
        assert!(found <= error_rate + 3.0 * deviation, "{found} where {error_rate} is said");
        assert!(
            found >= error_rate / 3.0,
            "{found}: where {error_rate} is said, so few are found that trends are missed"
        );
    }
}

#[test]
fn a_trend_of_some_two_hundred_pieces_was_not_told() {
    // A library counted degrees of freedom in a byte. Each year a piece, and values that rise with an error of a half.
    for pieces in 20..420 {
        let row = |year: i64| (year, None, 1, year as f64 / 10.0 + if year % 2 == 0 { 0.5 } else { -0.5 });
        let trends = of_counts(0.05, DataType::Float64, &(0..pieces).map(row).collect::<Vec<_>>()).unwrap();
        let [rising] = trends.risers.as_slice() else { panic!("{pieces}: {trends:?}") };
        assert!((0.0..0.05).contains(&rising.slope.p), "{pieces} {rising:?}");
        assert!(rising.slope.interval.low < 0.1 && 0.1 < rising.slope.interval.high, "{pieces} {rising:?}");
    }
}

#[test]
fn lines_and_rows_have_a_limit() {
    // Each value has 20 pieces, in one year.
    let rows = |values: i64, years: i64| -> Vec<Counted> {
        let all = (0..years).map(|year| (year, None, 100, 0.0));
        all.chain((0..values).map(|value| (value % years, Some(format!("v{value}")), 20, 0.0))).collect()
    };
    let many = |rows: &[Counted]| match of_counts(0.05, DataType::Utf8, rows) {
        Err(InsightError::ManyRows { rows, most }) => (rows, most),
        other => panic!("{other:?}"),
    };
    assert_eq!(many(&rows(1_001, 1_000)), (1_001_000, 1_000_000), "lines that are looked at");
    let (shown, most) = many(&rows(200, 1_000));
    assert!(shown >= 100 * 1_000 && most == 50_000, "the commonest, and what rises and falls: {shown}");
    assert_eq!(of_counts(0.05, DataType::Utf8, &rows(60, 500)).unwrap().rows.len(), 60 * 500);
}

#[tokio::test]
async fn one_piece_far_away_was_told_to_make_all_others_rise_and_what_is_no_number_to_be_one() {
    let definitions = DEFINITIONS.replace("live, joy,", "live, ln(joy) as joy,");
    let project = TestProject::new(&definitions);
    let mut lines = String::new();
    for number in 0..400 {
        let is_far = number == 7;
        let row = json!({"id": format!("p{number}"), "live": !is_far, "year": if is_far { 1900 } else { 2000 + number % 10 },
            "joy": if number < 40 { -1.0 } else if number < 60 { 0.0 } else { 1.0 + f64::from(number % 10) }});
        writeln!(lines, "{row}").unwrap();
    }
    project.ingest("pieces", "pieces.jsonl", lines).await;
    project.build().await.unwrap();
    let body = trends(&project, "feature=live&time=year&period=1").await;
    assert_eq!((&body["risers"], &body["fallers"], &body["tested"]), (&json!([]), &json!([]), &json!(0)));
    // Logarithms of less than nothing are no numbers, those of nothing have no end.
    let body = trends(&project, "feature=joy&time=year&period=1").await;
    assert_eq!(values(&body, "risers"), ["-"], "{body}");
    assert_eq!(body["not_counted"]["without_value"], json!(60));
    assert!(body["rows"].as_array().unwrap().iter().all(|row| row["mean"].is_number()), "{body}");
}

#[tokio::test]
async fn time_is_cut_as_asked_and_otherwise_into_few_periods() {
    let project = built().await;
    for (query, period, first) in [
        ("time=year", "2", json!(1900)),
        ("time=year&period=25", "25", json!(1900)),
        ("time=born", "decade", json!("1900-01-01")),
        ("time=born&period=year", "year", json!("1900-01-01")),
        ("time=born&filter=year%20%3D%201950", "week", json!("1950-01-09")),
        ("time=born&period=month&filter=year%20%3D%201950", "month", json!("1950-01-01")),
        ("time=born&period=quarter&filter=year%20%3D%201950", "quarter", json!("1950-01-01")),
    ] {
        let body = trends(&project, &format!("feature=live&{query}")).await;
        assert_eq!((&body["period"], &body["rows"][0]["period"]), (&json!(period), &first), "{query}");
    }
}

#[tokio::test]
async fn a_chart_is_a_specification_for_vega_lite() {
    let project = built().await;
    let accept = [("accept", "application/vnd.vegalite+json")];
    let chart = get_with(&project.app(), "/api/trends?feature=topic&time=year", &accept).await;
    assert_eq!(chart.header("content-type"), "application/vnd.vegalite+json");
    let chart = chart.json();
    assert!(chart["$schema"].as_str().unwrap().contains("vega-lite"), "{chart}");
    assert_eq!(chart["layer"].as_array().unwrap().len(), 3);
    assert!(chart["data"]["values"][0]["share"].is_number() && chart["data"]["values"][0]["low"].is_number());
    let chart = get_with(&project.app(), "/api/trends?feature=joy&time=born&by=place", &accept).await.json();
    assert_eq!(
        (&chart["facet"]["field"], &chart["spec"]["encoding"]["x"]["type"]),
        (&json!("group"), &json!("temporal"))
    );
}

#[tokio::test]
async fn what_is_asked_wrongly_is_told_with_what_would_be_right() {
    let project = built().await;
    for (query, kind, field) in [
        ("time=year", "missing-parameter", "feature"),
        ("feature=topic", "missing-parameter", "time"),
        ("feature=topik&time=year", "unknown-feature", "feature"),
        ("feature=topic&time=years", "unknown-feature", "time"),
        ("feature=topic&time=year&by=secret", "unknown-feature", "by"),
        ("feature=secret&time=year", "unknown-feature", "feature"),
        ("feature=born&time=year", "wrong-type", "feature"),
        ("feature=topic&time=joy", "wrong-type", "time"),
        ("feature=topic&time=year&by=joy", "wrong-type", "by"),
        ("feature=topic&time=year&by=id", "too-many", "by"),
        ("feature=topic&time=year&period=month", "invalid-period", "period"),
        ("feature=topic&time=born&period=10", "invalid-period", "period"),
        ("feature=topic&time=born&period=fortnight", "invalid-period", "period"),
        ("feature=topic&time=born&period=day", "too-many", "period"),
        ("feature=topic&time=year&smooth=2", "invalid-parameter", "smooth"),
        ("feature=topic&time=year&smooth=103", "invalid-parameter", "smooth"),
        ("feature=topic&time=year&error_rate=1", "invalid-parameter", "error_rate"),
        ("feature=topic&time=year&limit=101", "invalid-parameter", "limit"),
        ("feature=topic&time=year&entity=song", "unknown-entity", "entity"),
        ("feature=topic&time=year&filter=joy%20%3E%20'x", "statement", "filter"),
        ("feature=topic&time=year&filter=secret%20%3D%20'rising'", "statement", "filter"),
    ] {
        let answer = get(&project.app(), &format!("/api/trends?{query}")).await;
        let problem = answer.json();
        let found = (problem["type"].as_str().unwrap(), problem["field"].as_str().unwrap_or_default());
        assert_eq!(found, (format!("/problems/{kind}").as_str(), field), "{query} {problem}");
        assert!((400..500).contains(&answer.status.as_u16()), "{query}");
    }
}

#[tokio::test]
async fn the_command_line_draws_lines_and_says_what_rises() {
    let project = built().await;
    let shown = printed(&project, &["trends", "topic", "--time", "year", "--period", "10"]);
    let rising = shown.lines().find(|line| line.starts_with("rising")).unwrap_or_else(|| panic!("{shown}"));
    assert!(rising.contains('▁') && rising.contains('█') && rising.contains("rises (q"), "{rising}");
    assert!(shown.contains("share of topic by year, 1900 to 1990"), "{shown}");
    assert!(shown.contains("75 without time"), "{shown}");
    let json: Value = serde_json::from_str(&printed(&project, &["trends", "joy", "--time", "year", "--json"])).unwrap();
    assert_eq!((&json["period"], json["rows"][0]["mean"].is_number()), (&json!("2"), true));
    let chart = printed(&project, &["trends", "joy", "--time", "born", "--vega-lite"]);
    assert!(serde_json::from_str::<Value>(&chart).unwrap()["layer"].is_array());
    let failed = rhapsode(&project, &["trends", "joy", "--time", "year", "--smooth", "4"]);
    assert!(String::from_utf8_lossy(&failed.stderr).contains("`4` is no odd number up to 101"));
}
