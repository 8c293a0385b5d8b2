//! How alike two pieces are by the values of a feature.

use std::collections::BTreeSet;

use datafusion::arrow::array::{Array, AsArray, ListArray};
use datafusion::arrow::datatypes::Float64Type;

use crate::store::Compared;

/// What pieces are compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Example {
    /// Another piece.
    Row(usize),
    /// A number that is wished for.
    Number(f64),
    /// A text that is wished for, or `true` or `false`.
    Text(String),
}

impl Example {
    /// The value that `text` wishes for; none where it is no value of the feature, or lists of numbers are.
    pub fn wished(values: &Compared, text: &str) -> Option<Self> {
        match values {
            Compared::Numbers(_) => {
                text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Self::Number)
            }
            Compared::Flags(_) => text.trim().parse::<bool>().ok().map(|flag| Self::Text(flag.to_string())),
            Compared::Texts(_) | Compared::TextLists(_) => Some(Self::Text(text.to_owned())),
            Compared::NumberLists(_) => None,
        }
    }
}

/// How alike the value of `row` and the example's are, from 0 to 1; none where one of them has none. Of numbers it is
/// exp(-d² / 2), where d is how many standard deviations they are apart; of texts and flags 1 where they are the same, and 0
/// otherwise; of lists of numbers their cosine, below 0 as 0; of lists of texts what both have over what either has (Jaccard).
pub(super) fn likeness(values: &Compared, row: usize, example: &Example) -> Option<f64> {
    match values {
        Compared::Numbers(numbers) => {
            let other = match example {
                Example::Row(other) => numbers.value(*other)?,
                Example::Number(number) => *number,
                Example::Text(_) => return None,
            };
            let apart = numbers.value(row)? - other;
            // Where all are the same, the deviation is 0.
            Some(if apart == 0.0 { 1.0 } else { (-(apart / numbers.deviation).powi(2) / 2.0).exp() })
        }
        Compared::Texts(texts) => {
            let text = |row: usize| texts.is_valid(row).then(|| texts.value(row));
            same(text, row, example)
        }
        Compared::Flags(flags) => {
            let text = |row: usize| flags.is_valid(row).then(|| if flags.value(row) { "true" } else { "false" });
            same(text, row, example)
        }
        Compared::NumberLists(lists) => {
            let Example::Row(other) = example else { return None };
            let numbers = lists.values().as_primitive::<Float64Type>().values();
            let (a, b) = (&numbers[items(lists, row)?], &numbers[items(lists, *other)?]);
            let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let lengths = (product(a, a) * product(b, b)).sqrt();
            Some((product(a, b) / lengths.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0))
        }
        Compared::TextLists(lists) => {
            let texts = lists.values().as_string::<i32>();
            let set = |row: usize| Some(items(lists, row)?.map(|at| texts.value(at)).collect::<BTreeSet<&str>>());
            let other = match example {
                Example::Row(other) => set(*other)?,
                Example::Text(text) => BTreeSet::from([text.as_str()]),
                Example::Number(_) => return None,
            };
            let own = set(row)?;
            let either = own.union(&other).count();
            (either > 0).then(|| own.intersection(&other).count() as f64 / either as f64)
        }
    }
}

/// 1 where the text of `row` is that of the example.
fn same<'a>(text: impl Fn(usize) -> Option<&'a str>, row: usize, example: &Example) -> Option<f64> {
    let is_same = match example {
        Example::Row(other) => text(row)? == text(*other)?,
        Example::Text(wished) => text(row)? == wished,
        Example::Number(_) => return None,
    };
    Some(f64::from(is_same))
}

/// Where the items of a row's list are; none where it has none.
fn items(lists: &ListArray, row: usize) -> Option<std::ops::Range<usize>> {
    let offsets = lists.value_offsets();
    lists.is_valid(row).then(|| offsets[row] as usize..offsets[row + 1] as usize)
}
