//! `aggregate:` and durations: windows over the events of a source.

use super::diagnostic::suggestion;
use super::fields::{self, Fields};
use super::tree::{Node, Text};
use super::written::{Aggregate, AggregateFunction, WindowLength};
use super::{Diagnostics, Spanned};
use crate::name::FeatureName;

/// The functions, `count` the only one that needs no column.
pub const FUNCTIONS: &[&str] = &["count", "sum", "mean", "min", "max", "first", "last", "approx_distinct"];

/// Reads the `aggregate` of a view.
pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Aggregate> {
    let fields = Fields::open(node, "aggregate", &["source", "functions", "windows"], diagnostics)?;
    let source = fields.required_name("source", diagnostics);
    let functions = fields.required_list("functions", diagnostics);
    let functions: Vec<_> = functions.iter().filter_map(|node| function(node, diagnostics)).collect();
    let windows = fields.required_list("windows", diagnostics);
    let windows: Vec<_> = windows.iter().filter_map(|node| window(node, diagnostics)).collect();
    Some(Aggregate { place: node.place.clone(), source: source?, functions, windows })
}

/// `count`, `count(seconds)`, `sum(seconds)`.
fn function(node: &Node, diagnostics: &mut Diagnostics) -> Option<Spanned<AggregateFunction>> {
    let text = fields::text(node, "functions", diagnostics)?;
    let written = text.value.trim();
    let (name, column) = match written.split_once('(') {
        None => (written, None),
        Some((name, rest)) => match rest.strip_suffix(')') {
            Some(column) => (name.trim(), Some(column.trim())),
            None => {
                diagnostics.add(&text.place, format!("`{written}` lacks its `)`"));
                return None;
            }
        },
    };
    if !FUNCTIONS.contains(&name) {
        let remedy = suggestion(name, FUNCTIONS.iter().copied());
        diagnostics.add_with(&text.place, format!("unknown function `{name}` of a window"), remedy);
        return None;
    }
    let column = match column.map(FeatureName::parse) {
        None if name == "count" => None,
        None => {
            let remedy = format!("write `{name}(column)`");
            diagnostics.add_with(&text.place, format!("`{name}` is of a column"), Some(remedy));
            return None;
        }
        Some(Ok(column)) => Some(column),
        Some(Err(error)) => {
            diagnostics.add(&text.place, error.to_string());
            return None;
        }
    };
    Some(Spanned::new(AggregateFunction { name: name.to_owned(), column }, text.place.clone()))
}

fn window(node: &Node, diagnostics: &mut Diagnostics) -> Option<Spanned<WindowLength>> {
    let text = fields::text(node, "windows", diagnostics)?;
    let written = text.value.trim();
    let seconds = if written == "all" { None } else { Some(seconds(text, "`all`, or ", diagnostics)?) };
    Some(Spanned::new(WindowLength { text: written.to_owned(), seconds }, text.place.clone()))
}

/// Seconds of `90s`, `5m`, `12h` or `7d`.
pub(super) fn seconds(text: &Text, or: &str, diagnostics: &mut Diagnostics) -> Option<u64> {
    let value = text.value.trim();
    let unit = match value.chars().last() {
        Some('s') => Some(1),
        Some('m') => Some(60),
        Some('h') => Some(3_600),
        Some('d') => Some(86_400),
        _ => None,
    };
    let number = value.get(..value.len().saturating_sub(1)).and_then(|number| number.parse::<u64>().ok());
    // Microseconds are counted in 64 bits.
    let seconds = unit.zip(number).and_then(|(unit, number)| number.checked_mul(unit));
    let seconds = seconds.filter(|seconds| *seconds > 0 && *seconds < i64::MAX as u64 / 1_000_000);
    if seconds.is_none() {
        let remedy = format!("write {or}a number and `s`, `m`, `h` or `d`, such as `7d`");
        diagnostics.add_with(&text.place, format!("`{value}` is not a duration"), Some(remedy));
    }
    seconds
}
