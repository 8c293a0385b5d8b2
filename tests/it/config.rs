//! Settings: the file, the variables on top, and what is wrong with either.

use rhapsode::config::Config;

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse("rhapsode.toml", text, variables).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_means_the_defaults() {
    let config = parse("", &[]).unwrap();
    assert_eq!(config.store.url, "./store");
    assert_eq!(config.sql.rows_max, 1_000_000);
}

#[test]
fn the_file_of_init_states_the_defaults() {
    let stated = parse(include_str!("../../src/cli/init/rhapsode.toml"), &[]).unwrap();
    assert_eq!(format!("{stated:?}"), format!("{:?}", Config::default()));
}

#[test]
fn variables_override_the_file() {
    let file = "[sql]\nrows_max = 5\n[store]\nurl = \"a\"\n";
    let variables = [("RHAPSODE__SQL__ROWS_MAX", "7"), ("RHAPSODE__STORE__URL", "s3://b/c"), ("HOME", "x")];
    let config = parse(file, &variables).unwrap();
    assert_eq!((config.sql.rows_max, config.store.url.as_str()), (7, "s3://b/c"));
}

#[test]
fn an_unknown_key_is_told_with_its_line() {
    let error = parse("[sql]\nrow_max = 5\n", &[]).unwrap_err();
    assert!(error.contains("line 2") && error.contains("row_max") && error.contains("rows_max"), "{error}");
}

#[test]
fn an_unknown_variable_is_told_by_its_name() {
    let error = parse("", &[("RHAPSODE__SQL__ROW_MAX", "7")]).unwrap_err();
    assert!(error.contains("RHAPSODE__SQL__ROW_MAX") && error.contains("rows_max"), "{error}");
}
