//! Patterns: what was planted to go with success is found, what only seems to is not once strata are named, and figures are as
//! a loop over all pairs counts them.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::support::{TestProject, get, printed, rhapsode};

const DEFINITIONS: &str = "\
kind: entity
name: song
join_keys: [id]
---
kind: source
name: songs
entity: song
columns:
  - { name: id, dtype: string }
  - { name: genre, dtype: string, licence: CC0-1.0 }
  - { name: form, dtype: string, licence: CC0-1.0 }
  - { name: tags, dtype: list<string>, licence: CC0-1.0 }
  - { name: secret, dtype: string, licence: proprietary }
  - { name: slow, dtype: bool }
  - { name: length, dtype: float64 }
  - { name: noise, dtype: float64 }
  - { name: plays, dtype: int64 }
  - { name: year, dtype: int32 }
---
kind: feature_view
name: facts
entity: song
sql: select id, genre, form, tags, secret, slow, length, noise, plays, year from songs
features:
  - { name: genre, dtype: string }
  - { name: form, dtype: string }
  - { name: tags, dtype: list<string> }
  - { name: secret, dtype: string }
  - { name: slow, dtype: bool }
  - { name: length, dtype: float64 }
  - { name: noise, dtype: float64 }
  - { name: plays, dtype: int64 }
  - { name: year, dtype: int32 }
";

const SONGS: usize = 900;

/// Songs with a hook are played more, long ones less; pop is played more than folk, and rather fast, so that slow songs seem to
/// be played less where genres are not told apart. `noise` and `form` go with nothing.
fn rows() -> Vec<Value> {
    let mut state: u64 = 3;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut row = |number: usize| {
        let is_pop = draw() < 0.5;
        let has_hook = draw() < 0.3;
        let slow = draw() < if is_pop { 0.2 } else { 0.8 };
        let length = 2.0 + 3.0 * draw();
        let level = if is_pop { 60.0 } else { 20.0 } + if has_hook { 15.0 } else { 0.0 } - 5.0 * length;
        let plays = (1_000.0 + 10.0 * level + 300.0 * draw()) as i64;
        let form = ["abab", "aabb", "abba"][(3.0 * draw()) as usize];
        let tags = if has_hook { json!(["hook", "any", "any"]) } else { json!(["any"]) };
        json!({"id": format!("s{number}"), "genre": if is_pop { "pop" } else { "folk" }, "form": form, "tags": tags,
            "secret": if has_hook { "x" } else { "y" }, "slow": slow, "length": length, "noise": draw(),
            "plays": if number % 30 == 7 { Value::Null } else { json!(plays) }, "year": 1960 + (50.0 * draw()) as i64})
    };
    (0..SONGS).map(&mut row).collect()
}

async fn built() -> TestProject {
    let project = TestProject::new(DEFINITIONS);
    let mut lines = String::new();
    rows().iter().for_each(|row| writeln!(lines, "{row}").unwrap());
    project.ingest("songs", "songs.jsonl", lines).await;
    project.build().await.unwrap();
    project
}

async fn patterns(project: &TestProject, query: &str) -> Value {
    let answer = get(&project.app(), &format!("/api/patterns?{query}")).await;
    assert_eq!(answer.status, 200, "{query} {}", answer.json());
    answer.json()
}

/// `feature` or `feature=value`, and whether it goes with more or with less.
fn told(body: &Value) -> Vec<(String, bool)> {
    let all = body["patterns"].as_array().unwrap_or_else(|| panic!("{body}"));
    let name = |of: &Value| match of["value"].as_str() {
        Some(value) => format!("{}={value}", of["feature"].as_str().unwrap()),
        None => of["feature"].as_str().unwrap().to_owned(),
    };
    let mut told: Vec<(String, bool)> = all.iter().map(|of| (name(of), of["effect"].as_f64().unwrap() > 0.0)).collect();
    told.sort();
    told
}

fn pattern<'a>(body: &'a Value, feature: &str, value: Option<&str>) -> &'a Value {
    let all = body["patterns"].as_array().unwrap();
    let found = all.iter().find(|of| of["feature"] == feature && of["value"].as_str() == value);
    found.unwrap_or_else(|| panic!("{feature} {value:?} {body}"))
}

#[tokio::test]
async fn what_was_planted_is_found_and_what_a_stratum_explains_is_not() {
    let project = built().await;
    let expected =
        |names: &[(&str, bool)]| names.iter().map(|(name, more)| ((*name).to_owned(), *more)).collect::<Vec<_>>();
    let body = patterns(&project, "success=plays&error_rate=0.001").await;
    let all = [
        ("genre=folk", false),
        ("genre=pop", true),
        ("length", false),
        ("slow=false", true),
        ("slow=true", false),
        ("tags=hook", true),
    ];
    assert_eq!(told(&body), expected(&all), "slow songs are folk");
    assert_eq!((&body["pieces"], &body["strata"]), (&json!(SONGS - SONGS / 30), &json!(1)));
    let body = patterns(&project, "success=plays&by=genre&time=year&period=10&error_rate=0.001").await;
    assert_eq!(told(&body), expected(&[("length", false), ("tags=hook", true)]), "within genres and decades");
    assert_eq!((&body["strata"], &body["period"]), (&json!(2 * 5), &json!("10")));
    assert_eq!(body["not_compared"], json!({"without_measure": SONGS / 30, "without_group": 0, "without_time": 0}));
    assert!(body["note"].as_str().unwrap().starts_with("associations"));
    let hook = pattern(&body, "tags", Some("hook"));
    assert!(hook["with"].as_f64().unwrap() > hook["without"].as_f64().unwrap() + 100.0, "{hook}");
    // A slice beside the rest; what it is made of is not told.
    let body = patterns(&project, "slice=genre%20%3D%20'pop'&error_rate=0.001").await;
    assert_eq!(told(&body), expected(&[("plays", true), ("slow=false", true), ("slow=true", false)]));
    let folded = patterns(&project, "slice=Genre%20%3D%20'pop'&error_rate=0.001").await;
    assert_eq!(folded["patterns"], body["patterns"], "names are read as the engine reads them");
    let body = patterns(&project, "slice=plays%20%3E%201300%20and%20form%20%3D%20'slow'").await;
    assert_eq!(body["patterns"], json!([]), "nothing is of the slice");
    let body = patterns(&project, "slice=plays%20%3E%201400").await;
    assert_eq!(body["not_compared"]["without_measure"], json!(SONGS / 30), "whether they are of it is not known");
    assert!(told(&body).contains(&("slow=true".to_owned(), false)), "`slow` in a text is no feature: {body}");
    let body = patterns(&project, "slice=genre%20%3D%20'pop'&error_rate=0.001").await;
    let slow = pattern(&body, "slow", Some("true"));
    assert!((slow["with"].as_f64().unwrap() - 0.2).abs() < 0.06, "of the slow songs a fifth is pop: {slow}");
}

#[tokio::test]
async fn effects_are_as_all_pairs_of_pieces_say() {
    let project = built().await;
    let body = patterns(&project, "success=plays&error_rate=0.999&limit=500&filter=genre%20%3D%20'pop'").await;
    let rows: Vec<Value> = rows().into_iter().filter(|row| row["genre"] == "pop" && !row["plays"].is_null()).collect();
    assert_eq!(body["pieces"], json!(rows.len()));
    let plays = |row: &Value| row["plays"].as_f64().unwrap();
    // Cliff's delta: how many pairs are more, less how many are less.
    let (with, without): (Vec<&Value>, Vec<&Value>) = rows.iter().partition(|row| row["tags"][0] == "hook");
    let mut delta = 0.0;
    for a in &with {
        for b in &without {
            let (a, b) = (plays(a), plays(b));
            delta += if a > b { 1.0 } else { 0.0 } - if a < b { 1.0 } else { 0.0 };
        }
    }
    delta /= (with.len() * without.len()) as f64;
    let hook = pattern(&body, "tags", Some("hook"));
    let number = |of: &Value, name: &str| of[name].as_f64().unwrap();
    assert!((number(hook, "effect") - delta).abs() < 1e-9, "{hook} {delta}");
    assert!(number(hook, "low") < delta && delta < number(hook, "high"), "{hook}");
    assert_eq!(hook["pieces"], json!(with.len()));
    let mean = |rows: &[&Value]| rows.iter().map(|row| plays(row)).sum::<f64>() / rows.len() as f64;
    assert!(
        (number(hook, "with") - mean(&with)).abs() < 1e-6 && (number(hook, "without") - mean(&without)).abs() < 1e-6
    );
    // Spearman: the correlation of ranks, each the mean of those that equal ones share.
    let rank = |value: f64, all: &[f64]| {
        let (less, equal) = all.iter().fold((0.0, 0.0), |(less, equal), other| {
            (less + f64::from(u8::from(*other < value)), equal + f64::from(u8::from(*other == value)))
        });
        less + equal / 2.0
    };
    let all_plays: Vec<f64> = rows.iter().map(plays).collect();
    let lengths: Vec<f64> = rows.iter().map(|row| row["length"].as_f64().unwrap()).collect();
    let ranks = |all: &[f64]| all.iter().map(|value| rank(*value, all)).collect::<Vec<f64>>();
    let (a, b) = (ranks(&all_plays), ranks(&lengths));
    let middle = rows.len() as f64 / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    let spearman = product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt();
    let length = pattern(&body, "length", None);
    assert!((number(length, "effect") - spearman).abs() < 1e-9, "{length} {spearman}");
    assert!(number(length, "low") < spearman && spearman < number(length, "high"), "{length}");
}

#[tokio::test]
async fn a_slice_of_a_few_pieces_was_told_to_have_what_one_of_them_has() {
    let project = built().await;
    for slice in ["id%20%3D%20's5'", "id%20in%20('s5'%2C%20's6'%2C%20's8')"] {
        let body = patterns(&project, &format!("slice={slice}&error_rate=0.2&limit=500")).await;
        assert_eq!(body["patterns"], json!([]), "{slice}");
    }
}

#[tokio::test]
async fn what_goes_with_nothing_is_told_no_more_often_than_is_said() {
    // The success of each round is drawn without a look at anything else.
    let mut definitions = DEFINITIONS.replace("name: noise, dtype: float64", "name: noise, dtype: list<float64>");
    let rounds = 60;
    definitions.push_str(&format!(
        "---\nkind: feature_view\nname: rounds\nentity: song\nsql: select id, {} from songs\nfeatures:\n",
        (1..=rounds).map(|round| format!("noise[{round}] as round_{round}")).collect::<Vec<_>>().join(", ")
    ));
    (1..=rounds).for_each(|round| writeln!(definitions, "  - {{ name: round_{round}, dtype: float64 }}").unwrap());
    let project = TestProject::new(&definitions);
    let mut state: u64 = 17;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut lines = String::new();
    for mut row in rows() {
        row["noise"] = json!((0..rounds).map(|_| draw()).collect::<Vec<f64>>());
        writeln!(lines, "{row}").unwrap();
    }
    project.ingest("songs", "songs.jsonl", lines).await;
    project.build().await.unwrap();
    let mut with_a_pattern = 0;
    for round in 1..=rounds {
        let body = patterns(&project, &format!("success=round_{round}&by=genre&error_rate=0.2")).await;
        assert!(body["tested"].as_u64().unwrap() > 60, "{}", body["tested"]);
        with_a_pattern += usize::from(!body["patterns"].as_array().unwrap().is_empty());
    }
    // Of 60 rounds 12 are expected to have one; three standard deviations more are 21.
    assert!(with_a_pattern <= 21, "{with_a_pattern} of {rounds}");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_told_with_what_would_be_right() {
    let project = built().await;
    for (query, kind, field) in [
        ("", "missing-parameter", "success"),
        ("success=plays&slice=slow", "invalid-parameter", "slice"),
        ("success=playz", "unknown-feature", "success"),
        ("success=secret", "unknown-feature", "success"),
        ("success=genre", "wrong-type", "success"),
        ("success=plays&by=length", "wrong-type", "by"),
        ("success=plays&time=genre", "wrong-type", "time"),
        ("success=plays&time=year&period=month", "invalid-period", "period"),
        ("success=plays&period=10", "missing-parameter", "time"),
        ("success=plays&error_rate=0", "invalid-parameter", "error_rate"),
        ("success=plays&limit=501", "invalid-parameter", "limit"),
        ("slice=nothing%20%3D%201", "statement", "slice"),
        ("success=plays&filter=nothing%20%3D%201", "statement", "filter"),
    ] {
        let answer = get(&project.app(), &format!("/api/patterns?{query}")).await;
        let problem = answer.json();
        let found = (problem["type"].as_str().unwrap(), problem["field"].as_str().unwrap_or_default());
        assert_eq!(found, (format!("/problems/{kind}").as_str(), field), "{query} {problem}");
        assert!((400..500).contains(&answer.status.as_u16()), "{query}");
    }
    let body = patterns(&project, "success=plays&filter=genre%20%3D%20'none'").await;
    assert_eq!((&body["pieces"], &body["patterns"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn the_command_line_tells_effects_with_their_intervals() {
    let project = built().await;
    let shown = printed(&project, &["patterns", "--success", "plays", "--by", "genre"]);
    let hook = shown.lines().find(|line| line.starts_with("tags = hook")).unwrap_or_else(|| panic!("{shown}"));
    assert!(hook.contains(" with, ") && hook.contains("pieces"), "{hook}");
    assert!(shown.contains("associations, not causes"), "{shown}");
    let json: Value = serde_json::from_str(&printed(&project, &["patterns", "--slice", "slow", "--json"])).unwrap();
    assert!(json["patterns"].as_array().unwrap().iter().any(|of| of["value"] == "pop"), "{json}");
    let failed = rhapsode(&project, &["patterns"]);
    assert!(String::from_utf8_lossy(&failed.stderr).contains("--success"));
}
