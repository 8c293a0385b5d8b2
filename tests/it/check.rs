//! Definitions in, diagnostics out.

use std::fmt::Write;

use rhapsode::compile::{Target, compile};
use rhapsode::config::Config;
use rhapsode::definition::{Diagnostics, File, parse};
use rhapsode::engine::Resources;

/// Two sound documents that most inputs start from, on line 1 to 9 of `base.yaml`.
const BASE: &str = "\
kind: entity
name: track
join_keys: [track_id]
---
kind: source
name: tracks
entity: track
columns:
  [{ name: track_id, dtype: string }, { name: year, dtype: int32 }, { name: lyrics, dtype: string, licence: public-domain }]
";

fn resources() -> Resources {
    Resources::new(std::path::Path::new("."), &Config::default())
}

async fn compiled(files: &[(&str, &str)]) -> Result<Target, Diagnostics> {
    let files: Vec<File> =
        files.iter().map(|(path, text)| File { path: (*path).into(), text: (*text).to_owned() }).collect();
    let (definitions, diagnostics) = parse(&files);
    compile(&definitions, &resources(), diagnostics).await
}

/// Compiles `text` as `view.yaml` beside [`BASE`]; `expected` are its diagnostics, a line each.
pub async fn check(text: &str, expected: &str) {
    let mut found = String::new();
    if let Err(diagnostics) = compiled(&[("base.yaml", BASE), ("view.yaml", text)]).await {
        diagnostics.iter().for_each(|diagnostic| writeln!(found, "{diagnostic}").unwrap());
    }
    assert_eq!(found, expected, "of\n{text}");
}

pub fn view(sql: &str, features: &str) -> String {
    format!("kind: feature_view\nname: v\nentity: track\nsql: {sql}\nfeatures: [{features}]\n")
}

#[tokio::test]
async fn a_sound_view_has_no_diagnostics() {
    check(&view("select track_id, year from tracks", "{ name: year, dtype: int32 }"), "").await;
}

#[tokio::test]
async fn a_view_may_not_read_itself() {
    check(
        "kind: feature_view\nname: plays\nentity: track\nsql: select track_id, count(*) as n from plays group by track_id\nfeatures: [{ name: n, dtype: int64 }]\n",
        "view.yaml:4:42: view `plays` reads itself\n",
    )
    .await;
}

#[tokio::test]
async fn a_circle_of_views_is_told_with_its_steps() {
    let first = view("select track_id, n from w", "{ name: a, dtype: int64, expr: n }");
    let second = "---\nkind: feature_view\nname: w\nentity: track\nsql: select track_id, a as n from v\nfeatures: [{ name: n, dtype: int64 }]\n";
    check(&(first + second), "view.yaml:10:35: views read each other in a circle: `v` → `w` → `v`\n").await;
}

#[tokio::test]
async fn an_unknown_column_gets_a_suggestion_at_its_place() {
    check(
        &view("select track_id, length(lyric) as n from tracks", "{ name: n, dtype: int32 }"),
        "view.yaml:4:30: unknown column `lyric`; did you mean `lyrics`?\n",
    )
    .await;
}

#[tokio::test]
async fn places_hold_inside_a_block_of_sql() {
    check(
        "kind: feature_view\nname: v\nentity: track\nsql: |\n  select track_id,\n    yaer as n\n  from tracks\nfeatures: [{ name: n, dtype: int32 }]\n",
        "view.yaml:6:5: unknown column `yaer`; did you mean `year`?\n",
    )
    .await;
}

#[tokio::test]
async fn an_unknown_table_gets_a_suggestion() {
    check(
        &view("select track_id, year from track_s", "{ name: year, dtype: int32 }"),
        "view.yaml:4:33: unknown table `track_s`; did you mean `tracks`?\n",
    )
    .await;
}

#[tokio::test]
async fn every_fault_is_told_at_once() {
    check(
        "\
kind: feature_view
nmae: v
entity: trakc
sql: select track_id, year from tracks
features:
  - { name: Year, dtype: int32 }
  - { name: year, dtype: integer, licence: CC0-1.0, acess: open }
---
kind: sauce
name: plays
---
- 1
",
        "\
view.yaml:1:1: this feature view has no `name`
view.yaml:2:1: a feature view has no `nmae`; did you mean `name`?
view.yaml:6:13: `Year` is not a name: use a lower-case letter, then letters, digits and `_`, 64 at most
view.yaml:7:26: unknown dtype `integer`; did you mean `int32`?
view.yaml:7:53: a feature has no `acess`; did you mean `access`?
view.yaml:9:7: unknown kind `sauce`; did you mean `source`?
view.yaml:12:1: a definition is written as `name: value` lines, `kind` the first
",
    )
    .await;
}

#[tokio::test]
async fn a_broken_yaml_file_does_not_hide_the_others() {
    let broken = ("a.yaml", "kind: [entity\nname: x\n");
    let wrong = ("b.yaml", "kind: entity\nname: X\njoin_keys: [id]\n");
    let diagnostics = compiled(&[broken, wrong]).await.unwrap_err();
    let files: Vec<&str> = diagnostics.iter().map(|diagnostic| &*diagnostic.place.file).collect();
    assert!(files.contains(&"a.yaml") && files.contains(&"b.yaml"), "{diagnostics:?}");
}

#[tokio::test]
async fn types_are_checked_and_lossy_ones_refused() {
    check(
        &view(
            "select track_id, year / 2.5 as y, lyrics from tracks",
            "{ name: y, dtype: int32 }, { name: lyrics, dtype: bool }",
        ),
        "\
view.yaml:5:30: `y` is float64, not int32; write `dtype: float64`, or convert it with `cast(… as …)`
view.yaml:5:62: `lyrics` is string, not bool; write `dtype: string`, or convert it with `cast(… as …)`
",
    )
    .await;
}

#[tokio::test]
async fn the_join_key_must_be_returned() {
    check(
        &view("select year from tracks", "{ name: year, dtype: int32 }"),
        "view.yaml:4:6: the query does not return the join key `track_id`; select `track_id` too\n",
    )
    .await;
}

#[tokio::test]
async fn a_feature_that_the_query_does_not_return_is_told() {
    check(
        &view("select track_id, year as yr from tracks", "{ name: year, dtype: int32 }"),
        "view.yaml:5:20: the view's query returns no column `year`; it returns `track_id`, `yr`; write `… as year` there, or an `expr` here\n",
    )
    .await;
}

#[tokio::test]
async fn functions_of_the_moment_are_refused() {
    check(
        &view("select track_id, now() as t from tracks", "{ name: t, dtype: timestamp }"),
        "view.yaml:4:23: the function `now` is refused: its value depends on the moment, and an answer depends on its release alone\n",
    )
    .await;
}

#[tokio::test]
async fn statements_that_write_are_refused() {
    check(
        &view("drop table tracks", "{ name: t, dtype: int32 }"),
        "view.yaml:4:6: `DROP` is not a query; only `select` (and `with`) is answered\n",
    )
    .await;
}

#[tokio::test]
async fn analyzers_are_checked_by_name_text_and_field() {
    check(
        "kind: feature_view\nname: v\nentity: track\nsource: tracks\nanalyzer: { name: lexcal, text: lyric }\nfeatures: [{ name: tokens, dtype: int32 }]\n",
        "\
view.yaml:5:19: unknown analyzer `lexcal`; did you mean `lexical`?
view.yaml:5:33: unknown column `lyric`; did you mean `lyrics`?
",
    )
    .await;
    check(
        "kind: feature_view\nname: v\nentity: track\nsource: tracks\nanalyzer: { name: lexical, text: lyrics }\nfeatures: [{ name: token, dtype: int32 }, { name: n, dtype: int32, expr: lexical.tokns + 1 }]\n",
        "\
view.yaml:6:20: the analyzer `lexical` has no field `token`; did you mean `tokens`? An `expr: lexical.tokens` keeps the name
view.yaml:6:74: unknown field `tokns`; did you mean `lexical.tokens`?
",
    )
    .await;
}

#[tokio::test]
async fn names_are_taken_once() {
    let text = view(
        "select track_id, year from tracks",
        "{ name: year, dtype: int32 }, { name: track_id, dtype: string }",
    ) + "---\nkind: feature_view\nname: tracks\nentity: track\nsql: select track_id, year from v\nfeatures: [{ name: year, dtype: int32 }]\n";
    check(
        &text,
        "\
view.yaml:5:50: `track_id` is a join key of `track`; it is there without being a feature
view.yaml:8:7: the name `tracks` is taken by the source at base.yaml:6:7; each is a table in SQL
view.yaml:11:20: `track` has a feature `year` already, in view `v` at view.yaml:5:20
",
    )
    .await;
}

#[tokio::test]
async fn formatting_and_comments_do_not_change_a_fingerprint() {
    let fingerprint = async |sql: &str| {
        let text = view(sql, "{ name: decade, dtype: int32 }");
        let target = compiled(&[("base.yaml", BASE), ("view.yaml", &text)]).await.unwrap();
        target.views[0].features[0].fingerprint
    };
    let plain = fingerprint("select track_id, year / 10 * 10 as decade from tracks").await;
    let spaced =
        fingerprint("|\n  -- the decade\n  SELECT track_id,\n    year/10  *  10 AS decade\n  FROM tracks").await;
    assert_eq!(plain, spaced);
    assert_ne!(plain, fingerprint("select track_id, year / 10 * 100 as decade from tracks").await);
    assert_ne!(plain, fingerprint("select track_id, year / 10 * 10 as decade from tracks where year > 0").await);
    // Which row a value belongs to is part of it.
    assert_ne!(plain, fingerprint("select lower(track_id) as track_id, year / 10 * 10 as decade from tracks").await);
    // Another column beside it is none of its business.
    assert_eq!(plain, fingerprint("select track_id, lyrics as other, year / 10 * 10 as decade from tracks").await);
}

#[tokio::test]
async fn a_text_without_a_licence_is_restricted_and_so_is_text_made_of_it() {
    use rhapsode::definition::Access;
    let base = BASE.replace(", licence: public-domain", "");
    let text = view(
        "select track_id, upper(lyrics) as loud, length(lyrics) as n from tracks",
        "{ name: loud, dtype: string }, { name: n, dtype: int32 }",
    );
    let target = compiled(&[("base.yaml", &base), ("view.yaml", &text)]).await.unwrap();
    let access: Vec<Access> = target.views[0].features.iter().map(|feature| feature.access).collect();
    assert_eq!(access, [Access::Restricted, Access::Open]);
    assert_eq!(target.views[0].features[1].reads, ["tracks.lyrics"]);
}

#[tokio::test]
async fn text_in_a_list_without_a_licence_was_open() {
    use rhapsode::definition::Access;
    let columns = "{ name: a, dtype: list<string> }, { name: b, dtype: 'struct{x: int32, y: list<string>}' }, { name: c, dtype: list<int32> }";
    let base = BASE.replace("{ name: year, dtype: int32 }", columns);
    let target = compiled(&[("base.yaml", &base)]).await.unwrap();
    let access: Vec<Access> = target.sources[0].columns.iter().map(|column| column.access).collect();
    assert_eq!(access, [Access::Open, Access::Restricted, Access::Restricted, Access::Open, Access::Open]);
}

#[tokio::test]
async fn a_join_key_showed_the_restricted_column_it_was_made_from() {
    let base = BASE.replace(", licence: public-domain", "");
    let told = async |text: &str| -> Vec<String> {
        let compiled = compiled(&[("base.yaml", &base), ("view.yaml", text)]).await;
        compiled.err().map(|told| told.iter().map(ToString::to_string).collect()).unwrap_or_default()
    };
    let leak = view("select lyrics as track_id, year from tracks", "{ name: year, dtype: int32 }");
    assert_eq!(
        told(&leak).await,
        [
            "view.yaml:4:6: the join key `track_id` is made from the restricted `tracks.lyrics`; keys are open; use a key that shows nothing of it, or give `lyrics` a licence that opens it"
        ]
    );
    let nested = view(
        "select x as track_id, year from (select left(lyrics, 3) as x, year from tracks where year > 1) y",
        "{ name: year, dtype: int32 }",
    );
    assert_eq!(told(&nested).await.len(), 1);
    // Rows may be chosen by it.
    let chosen = view(
        "select track_id, year from tracks where lyrics is not null order by lyrics",
        "{ name: year, dtype: int32 }",
    );
    assert_eq!(told(&chosen).await, Vec::<String>::new());
    for harmless in [
        "select distinct track_id, lyrics, year from tracks",
        "select track_id, max(lyrics) as l, max(year) as year from tracks group by track_id",
        "select a.track_id, b.lyrics, a.year from tracks a join tracks b on a.lyrics = b.lyrics",
        "select track_id, lyrics, year from tracks union all select track_id, lyrics, year from tracks",
    ] {
        assert_eq!(told(&view(harmless, "{ name: year, dtype: int32 }")).await, Vec::<String>::new(), "{harmless}");
    }
    for leak in [
        "select max(lyrics) as track_id, year from tracks group by year",
        "select b.lyrics as track_id, a.year from tracks a join tracks b on a.year = b.year",
        "select track_id, year from tracks union all select lyrics, year from tracks",
        "select first_value(lyrics) over (order by year) as track_id, year from tracks",
        "select (select max(lyrics) from tracks) as track_id, year from tracks",
        "select (select a.lyrics || b.track_id from tracks b limit 1) as track_id, year from tracks a",
        "select distinct on (year) lyrics as track_id, year from tracks",
        "select lyrics as track_id, year from tracks group by rollup(lyrics, year)",
        "select lyrics as track_id, year from tracks right semi join (select 1 as x, lyrics, year from tracks) b on true",
    ] {
        assert_eq!(told(&view(leak, "{ name: year, dtype: int32 }")).await.len(), 1, "{leak}");
    }
}

#[tokio::test]
async fn a_restricted_join_key_was_half_hidden() {
    let base =
        BASE.replace("{ name: track_id, dtype: string }", "{ name: track_id, dtype: string, access: restricted }");
    let told = compiled(&[("base.yaml", &base)]).await.unwrap_err();
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("base.yaml:9:12: the join key `track_id` cannot be restricted"), "{told:?}");
}

#[tokio::test]
async fn aggregates_in_an_expr_passed_the_check_and_stopped_the_build() {
    let text = view("select track_id, year from tracks", "{ name: n, dtype: int64, expr: sum(year) }");
    check(
        &text,
        "view.yaml:5:43: `sum` is an aggregate over rows; an expression is of one row; write it in a query: in the `sql` of a view, or as a statement\n",
    )
    .await;
}

#[tokio::test]
async fn every_property_of_the_schema_is_read() {
    // Each property of the schema, given to the reader, must not be unknown to it.
    let schema = rhapsode::definition::json_schema();
    for kind in schema["oneOf"].as_array().unwrap() {
        let name = kind["properties"]["kind"]["const"].as_str().unwrap();
        for property in kind["properties"].as_object().unwrap().keys() {
            let text = format!("kind: {name}\n{property}: x\n");
            let text = if property == "kind" { format!("kind: {name}\n") } else { text };
            let (_, diagnostics) = parse(&[File { path: "x.yaml".into(), text }]);
            let unknown = format!("has no `{property}`;");
            let told = diagnostics
                .iter()
                .map(ToString::to_string)
                .any(|line| line.contains(&unknown) && line.starts_with("x.yaml:2:1"));
            assert!(!told, "{name}.{property} is in the schema and unknown to the reader");
        }
    }
}

#[tokio::test]
async fn definitions_at_each_bound_are_read_and_those_over_it_are_told() {
    use rhapsode::limits::{DEFINITION_DEPTH_MAX, DEFINITION_FILE_BYTES_MAX, DIAGNOSTICS_MAX, NAME_CHARS_MAX};
    let named = |length: usize| {
        let name = "n".repeat(length);
        view(&format!("select track_id, year as {name} from tracks"), &format!("{{ name: {name}, dtype: int32 }}"))
    };
    check(&named(NAME_CHARS_MAX), "").await;
    let (_, long) = parse(&[File { path: "x.yaml".into(), text: named(NAME_CHARS_MAX + 1) }]);
    assert!(long.iter().next().unwrap().message.contains("is not a name"));

    let nested = |depth: usize| {
        let text = format!("kind: {}x{}", "[".repeat(depth), "]".repeat(depth));
        parse(&[File { path: "x.yaml".into(), text }]).1.iter().next().unwrap().message.clone()
    };
    // The document itself is a level.
    assert_eq!(nested(DEFINITION_DEPTH_MAX - 1), "`kind` is a single value");
    assert!(nested(DEFINITION_DEPTH_MAX).contains("levels of nesting"));

    let (_, many) = parse(&[File { path: "x.yaml".into(), text: "kind: x\n---\n".repeat(DIAGNOSTICS_MAX + 9) }]);
    assert_eq!(many.iter().len(), DIAGNOSTICS_MAX);

    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("feature_defs")).unwrap();
    let file = folder.path().join("feature_defs/x.yaml");
    let bytes = usize::try_from(DEFINITION_FILE_BYTES_MAX).unwrap();
    std::fs::write(&file, "#".repeat(bytes)).unwrap();
    assert_eq!(rhapsode::definition::load(folder.path()).unwrap().len(), 1);
    std::fs::write(&file, "#".repeat(bytes + 1)).unwrap();
    assert!(rhapsode::definition::load(folder.path()).unwrap_err().to_string().contains("is longer than"));
}

#[tokio::test]
async fn the_shipped_definitions_and_those_of_init_are_sound() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let (definitions, diagnostics) = parse(&rhapsode::definition::load(root).unwrap());
    let target = compile(&definitions, &resources(), diagnostics).await.unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!((target.views.len(), target.on_request.len()), (12, 1));
    let text = include_str!("../../src/cli/init/tracks.yaml");
    compiled(&[("tracks.yaml", text)]).await.unwrap_or_else(|faults| panic!("{faults:#?}"));
}
