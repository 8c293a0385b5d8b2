//! One window that moves over the events of one key: what enters, what leaves, and what is made of what is in it.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, new_null_array};
use datafusion::arrow::compute::{cast, interleave};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::exec_err;
use datafusion::error::Result;

use super::sorted::Part;
use super::{WindowColumn, WindowFunction};

/// The values of one window's column in some events, in the form that its function wants.
pub(super) enum Values {
    /// Every event counts.
    Events,
    /// Those count that are not null.
    Present(ArrayRef),
    Ints(Int64Array),
    Floats(Float64Array),
    /// The values, and bytes that compare as they do.
    Ordered(ArrayRef, Rows),
}

impl Values {
    pub fn prepare(column: &WindowColumn, batch: &RecordBatch) -> Result<Self> {
        let Some(index) = column.column else { return Ok(Self::Events) };
        let values = batch.column(index);
        let is_float = values.data_type().is_floating();
        Ok(match column.function {
            WindowFunction::Count => Self::Present(Arc::clone(values)),
            WindowFunction::Sum | WindowFunction::Mean if is_float => {
                Self::Floats(cast(values, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            WindowFunction::Sum | WindowFunction::Mean => {
                Self::Ints(cast(values, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            _ => {
                let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())])?;
                Self::Ordered(Arc::clone(values), converter.convert_columns(&[Arc::clone(values)])?)
            }
        })
    }
}

pub(super) type Events = Part<Vec<Values>>;

/// A value of an event.
#[derive(Clone)]
pub(super) struct Place {
    part: Arc<Events>,
    row: usize,
}

impl Place {
    fn bytes(&self, window: usize) -> &[u8] {
        match &self.part.prepared[window] {
            Values::Ordered(_, rows) => rows.row(self.row).data(),
            _ => &[],
        }
    }
}

/// One window that moves over the events of one key.
pub(super) struct Window {
    function: WindowFunction,
    length_micros: Option<i64>,
    /// The times of the values in it, where they leave again.
    times: VecDeque<i64>,
    count: u64,
    held: Held,
}

/// What a window remembers of the values in it.
enum Held {
    Nothing,
    Ints {
        sum: i128,
        values: VecDeque<i64>,
    },
    Floats(Sum),
    /// The value at the front is the result; the number of values that came before each, counted from the key's first.
    Queue {
        values: VecDeque<(u64, Place)>,
        left: u64,
    },
    Distinct {
        counts: HashMap<u64, u64>,
        digests: VecDeque<u64>,
        hasher: RandomState,
    },
}

/// A sum over a queue of floats, of additions alone: the newer half is summed as it comes, the older half is kept as the
/// sums from each value to its end (two stacks).
#[derive(Default)]
struct Sum {
    older: Vec<f64>,
    newer: Vec<f64>,
    newer_sum: f64,
}

impl Sum {
    fn push(&mut self, value: f64) {
        self.newer.push(value);
        self.newer_sum += value;
    }

    fn pop(&mut self) {
        if self.older.is_empty() {
            let mut sum = 0.0;
            while let Some(value) = self.newer.pop() {
                sum += value;
                self.older.push(sum);
            }
            self.newer_sum = 0.0;
        }
        self.older.pop();
    }

    fn value(&self) -> f64 {
        self.older.last().copied().unwrap_or_default() + self.newer_sum
    }
}

impl Window {
    pub fn new(column: &WindowColumn) -> Self {
        let mut window = Self {
            function: column.function,
            length_micros: column.length_micros,
            times: VecDeque::new(),
            count: 0,
            held: Held::Nothing,
        };
        window.clear();
        window
    }

    /// Begins anew, with another key.
    pub fn clear(&mut self) {
        self.times.clear();
        self.count = 0;
        self.held = match self.function {
            WindowFunction::Count => Held::Nothing,
            WindowFunction::Sum | WindowFunction::Mean => Held::Nothing,
            WindowFunction::ApproxDistinct => {
                Held::Distinct { counts: HashMap::new(), digests: VecDeque::new(), hasher: RandomState::new() }
            }
            _ => Held::Queue { values: VecDeque::new(), left: 0 },
        };
    }

    /// Takes an event; `index` is the window's own place among the prepared values.
    pub fn push(&mut self, part: &Arc<Events>, row: usize, index: usize) {
        let moves = self.length_micros.is_some();
        match &part.prepared[index] {
            Values::Events => {}
            Values::Present(values) if values.is_null(row) => return,
            Values::Present(_) => {}
            Values::Ints(values) => {
                if values.is_null(row) {
                    return;
                }
                let value = values.value(row);
                if !matches!(self.held, Held::Ints { .. }) {
                    self.held = Held::Ints { sum: 0, values: VecDeque::new() };
                }
                if let Held::Ints { sum, values } = &mut self.held {
                    *sum += i128::from(value);
                    if moves {
                        values.push_back(value);
                    }
                }
            }
            Values::Floats(values) => {
                if values.is_null(row) {
                    return;
                }
                if !matches!(self.held, Held::Floats(_)) {
                    self.held = Held::Floats(Sum::default());
                }
                if let Held::Floats(sum) = &mut self.held {
                    match moves {
                        true => sum.push(values.value(row)),
                        false => sum.newer_sum += values.value(row),
                    }
                }
            }
            Values::Ordered(values, _) => {
                if values.is_null(row) {
                    return;
                }
                self.remember(Place { part: Arc::clone(part), row }, index);
            }
        }
        self.count += 1;
        if moves {
            self.times.push_back(part.encoded.time(row));
        }
    }

    fn remember(&mut self, place: Place, index: usize) {
        let moves = self.length_micros.is_some();
        match &mut self.held {
            Held::Queue { values, left } => {
                let number = *left + self.count;
                match self.function {
                    // Of those that can still be the least (or the greatest): what is not better than the new one never is.
                    WindowFunction::Min => {
                        while values.back().is_some_and(|(_, last)| last.bytes(index) >= place.bytes(index)) {
                            values.pop_back();
                        }
                    }
                    WindowFunction::Max => {
                        while values.back().is_some_and(|(_, last)| last.bytes(index) <= place.bytes(index)) {
                            values.pop_back();
                        }
                    }
                    WindowFunction::Last => values.clear(),
                    _ => {
                        if !moves && !values.is_empty() {
                            return;
                        }
                    }
                }
                values.push_back((number, place));
            }
            Held::Distinct { counts, digests, hasher } => {
                let digest = hasher.hash_one(place.bytes(index));
                *counts.entry(digest).or_default() += 1;
                if moves {
                    digests.push_back(digest);
                }
            }
            Held::Nothing | Held::Ints { .. } | Held::Floats(_) => {}
        }
    }

    /// Lets the values go that are too old at `now`.
    pub fn move_to(&mut self, now: i64) {
        let Some(length) = self.length_micros else { return };
        let bound = now.saturating_sub(length);
        while self.times.front().is_some_and(|time| *time <= bound) {
            self.times.pop_front();
            self.count -= 1;
            match &mut self.held {
                Held::Nothing => {}
                Held::Ints { sum, values } => *sum -= i128::from(values.pop_front().unwrap_or_default()),
                Held::Floats(sum) => sum.pop(),
                Held::Queue { values, left } => {
                    if values.front().is_some_and(|(number, _)| *number == *left) {
                        values.pop_front();
                    }
                    *left += 1;
                }
                Held::Distinct { counts, digests, .. } => {
                    if let Some(digest) = digests.pop_front()
                        && let Some(count) = counts.get_mut(&digest)
                    {
                        *count -= 1;
                        if *count == 0 {
                            counts.remove(&digest);
                        }
                    }
                }
            }
        }
    }

    pub fn result(&self) -> Found {
        match (&self.held, self.function) {
            (_, WindowFunction::Count) => Found::Int(i128::from(self.count)),
            (Held::Distinct { counts, .. }, _) => Found::Int(counts.len() as i128),
            (Held::Queue { values, .. }, _) => Found::Place(values.front().map(|(_, place)| place.clone())),
            _ if self.count == 0 => Found::Nothing,
            (Held::Ints { sum, .. }, WindowFunction::Mean) => Found::Float(*sum as f64 / self.count as f64),
            (Held::Ints { sum, .. }, _) => Found::Int(*sum),
            (Held::Floats(sum), WindowFunction::Mean) => Found::Float(sum.value() / self.count as f64),
            (Held::Floats(sum), _) => Found::Float(sum.value()),
            (Held::Nothing, _) => Found::Nothing,
        }
    }
}

/// A result of one window at one row.
pub(super) enum Found {
    Nothing,
    Int(i128),
    Float(f64),
    Place(Option<Place>),
}

/// The results of one window as a column.
pub(super) fn column(field: &Field, index: usize, found: Vec<Found>) -> Result<ArrayRef> {
    if found.iter().any(|found| matches!(found, Found::Place(_))) {
        return gathered(field, index, found);
    }
    if found.iter().all(|found| matches!(found, Found::Nothing)) {
        return Ok(new_null_array(field.data_type(), found.len()));
    }
    if field.data_type() == &DataType::Float64 {
        let floats = found.into_iter().map(|found| match found {
            Found::Float(value) => Some(value),
            _ => None,
        });
        return Ok(Arc::new(floats.collect::<Float64Array>()));
    }
    let mut ints = Vec::with_capacity(found.len());
    for found in found {
        ints.push(match found {
            Found::Int(value) => match i64::try_from(value) {
                Ok(value) => Some(value),
                Err(_) => return exec_err!("the sum `{}` exceeds 64 bits", field.name()),
            },
            _ => None,
        });
    }
    Ok(Arc::new(Int64Array::from(ints)))
}

fn gathered(field: &Field, index: usize, found: Vec<Found>) -> Result<ArrayRef> {
    let null = new_null_array(field.data_type(), 1);
    let mut sources: Vec<Arc<Events>> = Vec::new();
    let mut number: HashMap<*const Events, usize> = HashMap::new();
    let mut places = Vec::with_capacity(found.len());
    for found in found {
        places.push(match found {
            Found::Place(Some(Place { part, row })) => {
                let source = *number.entry(Arc::as_ptr(&part)).or_insert_with(|| {
                    sources.push(part);
                    sources.len()
                });
                (source, row)
            }
            _ => (0, 0),
        });
    }
    let values = sources.iter().map(|part| match &part.prepared[index] {
        Values::Ordered(values, _) => values.as_ref(),
        _ => null.as_ref(),
    });
    let arrays: Vec<&dyn Array> = [null.as_ref()].into_iter().chain(values).collect();
    Ok(interleave(&arrays, &places)?)
}
