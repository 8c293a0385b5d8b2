//! `expect:` — what the values of a feature, and the rows of a view, are expected to be like.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use schemars::JsonSchema;

use super::diagnostic::suggestion;
use super::fields::{self, Fields};
use super::tree::{Node, Text};
use super::{Diagnostics, Dtype};

/// What was expected, and whether a build goes on where it is not so.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    pub expected: Expected,
    pub on_failure: OnFailure,
}

/// What a build does about values that are not as expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum OnFailure {
    /// It publishes nothing.
    #[default]
    Fail,
    /// It says so and goes on.
    Warn,
}

/// One thing that is expected. Bounds are literals of the feature's type, as they were written.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// The share of rows without a value is at most this.
    NullRate { max: f64 },
    /// Every value lies between these, which belong to it.
    Range { min: Option<String>, max: Option<String> },
    /// Every value is one of these.
    Values(Vec<String>),
    /// Every value has a part that the regular expression matches.
    Pattern(String),
    /// No value comes twice.
    Unique,
    /// The population stability index against the release before is at most this.
    Drift { max: f64 },
    /// There are as many rows.
    Rows { min: Option<u64>, max: Option<u64> },
    /// There are that share more or fewer rows than in the release before, at most.
    RowsChange { max: f64 },
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NullRate { max } => write!(f, "null_rate ≤ {max}"),
            Self::Range { min: Some(min), max: Some(max) } => write!(f, "{min} ≤ value ≤ {max}"),
            Self::Range { min: Some(min), max: None } => write!(f, "value ≥ {min}"),
            Self::Range { min: None, max } => write!(f, "value ≤ {}", max.as_deref().unwrap_or("∞")),
            Self::Values(values) => write!(f, "value in {}", values.join(", ")),
            Self::Pattern(pattern) => write!(f, "value matches {pattern}"),
            Self::Unique => f.write_str("values are unique"),
            Self::Drift { max } => write!(f, "drift ≤ {max}"),
            Self::Rows { min: Some(min), max: Some(max) } => write!(f, "{min} ≤ rows ≤ {max}"),
            Self::Rows { min: Some(min), max: None } => write!(f, "rows ≥ {min}"),
            Self::Rows { min: None, max } => write!(f, "rows ≤ {}", max.unwrap_or(u64::MAX)),
            Self::RowsChange { max } => write!(f, "rows_change ≤ {max}"),
        }
    }
}

/// Reads the `expect` of a feature of type `dtype`.
pub(super) fn of_feature(node: &Node, dtype: &Dtype, diagnostics: &mut Diagnostics) -> Vec<Expectation> {
    let known = &["null_rate", "range", "values", "pattern", "unique", "drift", "on_failure"];
    let Some(fields) = Fields::open(node, "feature's `expect`", known, diagnostics) else { return Vec::new() };
    let on_failure = on_failure(&fields, diagnostics);
    let mut expected = Vec::new();
    if let Some(max) = at_most(&fields, "null_rate", diagnostics) {
        expected.push(Expected::NullRate { max });
    }
    if let Some(node) = fields.node("range")
        && is_of(dtype, dtype.is_ordered(), node, "range", "numbers and times", diagnostics)
        && let Some(range) = Fields::open(node, "range", &["min", "max"], diagnostics)
    {
        let mut bound = |key: &str| Some(literal(range.text(key, diagnostics)?, dtype, diagnostics)?.value.clone());
        let (min, max) = (bound("min"), bound("max"));
        expected.extend((min.is_some() || max.is_some()).then_some(Expected::Range { min, max }));
    }
    if let Some(node) = fields.node("values")
        && is_of(dtype, dtype.is_scalar(), node, "values", "single values", diagnostics)
    {
        let nodes = fields.list("values", diagnostics);
        let texts = nodes.iter().filter_map(|node| fields::text(node, "values", diagnostics)).collect::<Vec<_>>();
        let values = texts.into_iter().filter_map(|text| Some(literal(text, dtype, diagnostics)?.value.clone()));
        expected.push(Expected::Values(values.collect()));
    }
    if let Some(text) = fields.text("pattern", diagnostics) {
        match regex_syntax(&text.value) {
            Err(reason) => diagnostics.add(&text.place, format!("`{}` is no regular expression: {reason}", text.value)),
            Ok(()) if *dtype != Dtype::String => {
                diagnostics.add(&text.place, format!("`pattern` is for strings, and this is {dtype}"));
            }
            Ok(()) => expected.push(Expected::Pattern(text.value.clone())),
        }
    }
    if let Some(node) = fields.node("unique")
        && let Some(text) = fields::text(node, "unique", diagnostics)
    {
        match text.value.as_str() {
            "true" if is_of(dtype, dtype.is_scalar(), node, "unique", "single values", diagnostics) => {
                expected.push(Expected::Unique);
            }
            "true" | "false" => {}
            other => diagnostics.add(&text.place, format!("`unique` is `true` or `false`, not `{other}`")),
        }
    }
    if let Some(node) = fields.node("drift") {
        let has_bins = dtype.is_scalar() && !matches!(dtype, Dtype::Date | Dtype::Timestamp);
        if is_of(dtype, has_bins, node, "drift", "numbers, strings and truth values", diagnostics)
            && let Some(max) = at_most(&fields, "drift", diagnostics)
        {
            expected.push(Expected::Drift { max });
        }
    }
    expected.into_iter().map(|expected| Expectation { expected, on_failure }).collect()
}

/// Reads the `expect` of a view.
pub(super) fn of_view(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Expectation> {
    let known = &["rows", "rows_change", "on_failure"];
    let Some(fields) = Fields::open(node, "view's `expect`", known, diagnostics) else { return Vec::new() };
    let on_failure = on_failure(&fields, diagnostics);
    let mut expected = Vec::new();
    if let Some(node) = fields.node("rows")
        && let Some(range) = Fields::open(node, "rows", &["min", "max"], diagnostics)
    {
        let mut bound = |key: &str| number::<u64>(range.text(key, diagnostics)?, "a whole number", diagnostics);
        let (min, max) = (bound("min"), bound("max"));
        expected.extend((min.is_some() || max.is_some()).then_some(Expected::Rows { min, max }));
    }
    if let Some(max) = at_most(&fields, "rows_change", diagnostics) {
        expected.push(Expected::RowsChange { max });
    }
    expected.into_iter().map(|expected| Expectation { expected, on_failure }).collect()
}

fn on_failure(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> OnFailure {
    let Some(text) = fields.text("on_failure", diagnostics) else { return OnFailure::Fail };
    match text.value.as_str() {
        "fail" => OnFailure::Fail,
        "warn" => OnFailure::Warn,
        other => {
            let message = format!("`on_failure` is `fail` or `warn`, not `{other}`");
            diagnostics.add_with(&text.place, message, suggestion(other, ["fail", "warn"]));
            OnFailure::Fail
        }
    }
}

/// The `max` of `key: { max: 0.01 }`.
fn at_most(fields: &Fields<'_>, key: &'static str, diagnostics: &mut Diagnostics) -> Option<f64> {
    let range = Fields::open(fields.node(key)?, key, &["max"], diagnostics)?;
    let text = range.required_text("max", diagnostics)?;
    let max = number::<f64>(text, "a number", diagnostics)?;
    if !(max.is_finite() && max >= 0.0) {
        diagnostics.add(&text.place, format!("the `max` of `{key}` is 0 or more, not {max}"));
        return None;
    }
    Some(max)
}

fn number<T: std::str::FromStr>(text: &Text, what: &str, diagnostics: &mut Diagnostics) -> Option<T> {
    let parsed = text.value.trim().parse().ok();
    if parsed.is_none() {
        diagnostics.add(&text.place, format!("`{}` is not {what}", text.value));
    }
    parsed
}

fn is_of(dtype: &Dtype, fits: bool, node: &Node, key: &str, of: &str, diagnostics: &mut Diagnostics) -> bool {
    if !fits {
        diagnostics.add(&node.place, format!("`{key}` is for {of}, and this is {dtype}"));
    }
    fits
}

/// A literal of `dtype`.
fn literal<'t>(text: &'t Text, dtype: &Dtype, diagnostics: &mut Diagnostics) -> Option<&'t Text> {
    let written: ArrayRef = Arc::new(StringArray::from(vec![text.value.trim()]));
    let found = cast(&written, &dtype.to_arrow());
    let is_number = !matches!(dtype.to_arrow(), DataType::Float32 | DataType::Float64)
        || text.value.parse::<f64>().is_ok_and(f64::is_finite);
    match found {
        Ok(value) if value.is_valid(0) && is_number => Some(text),
        _ => {
            diagnostics.add(&text.place, format!("`{}` is no {dtype}", text.value));
            None
        }
    }
}

fn regex_syntax(pattern: &str) -> Result<(), String> {
    match regex::Regex::new(pattern) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string().lines().last().unwrap_or_default().trim().to_owned()),
    }
}
