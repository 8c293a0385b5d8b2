//! Narrow values row by row: a lookup touches a few cache lines beside one another, and not one of each column.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};

const WORD_BITS: usize = u64::BITS as usize;

/// For each row which values are there, a bit each, and then the values, a word each.
#[derive(Debug, Default)]
pub struct PackedRows {
    validity_words: usize,
    row_words: usize,
    words: Vec<u64>,
}

impl PackedRows {
    /// Whether a value of the type fits a word.
    pub fn takes(data_type: &DataType) -> bool {
        match data_type {
            DataType::Timestamp(unit, _) => *unit == TimeUnit::Microsecond,
            DataType::Boolean | DataType::Int32 | DataType::Int64 => true,
            DataType::Float32 | DataType::Float64 | DataType::Date32 => true,
            _ => false,
        }
    }

    /// Packs `columns` of types that it takes, each of `rows` rows; a column's position is its slot.
    pub fn new(rows: usize, columns: &[&ArrayRef]) -> Self {
        let validity_words = columns.len().div_ceil(WORD_BITS);
        let row_words = validity_words + columns.len();
        let mut packed = Self { validity_words, row_words, words: vec![0; rows * row_words] };
        for (slot, column) in columns.iter().enumerate() {
            packed.fill(slot, column);
        }
        packed
    }

    fn fill(&mut self, slot: usize, column: &ArrayRef) {
        let column = column.as_ref();
        match column.data_type() {
            DataType::Boolean => self.put(slot, column, |row| u64::from(column.as_boolean().value(row))),
            DataType::Int32 => self.put(slot, column, {
                let column = column.as_primitive::<Int32Type>();
                |row| i64::from(column.value(row)).cast_unsigned()
            }),
            DataType::Date32 => self.put(slot, column, {
                let column = column.as_primitive::<Date32Type>();
                |row| i64::from(column.value(row)).cast_unsigned()
            }),
            DataType::Int64 => self.put(slot, column, {
                let column = column.as_primitive::<Int64Type>();
                |row| column.value(row).cast_unsigned()
            }),
            DataType::Timestamp(..) => self.put(slot, column, {
                let column = column.as_primitive::<TimestampMicrosecondType>();
                |row| column.value(row).cast_unsigned()
            }),
            DataType::Float32 => self.put(slot, column, {
                let column = column.as_primitive::<Float32Type>();
                |row| u64::from(column.value(row).to_bits())
            }),
            _ => self.put(slot, column, {
                let column = column.as_primitive::<Float64Type>();
                |row| column.value(row).to_bits()
            }),
        }
    }

    fn put(&mut self, slot: usize, column: &dyn Array, word: impl Fn(usize) -> u64) {
        for row in (0..column.len()).filter(|row| column.is_valid(*row)) {
            let start = row * self.row_words;
            self.words[start + slot / WORD_BITS] |= 1 << (slot % WORD_BITS);
            self.words[start + self.validity_words + slot] = word(row);
        }
    }

    /// The values of a row.
    pub fn row(&self, row: usize) -> PackedRow<'_> {
        let words = &self.words[row * self.row_words..(row + 1) * self.row_words];
        let (validity, values) = words.split_at(self.validity_words);
        PackedRow { validity, values }
    }

    pub fn memory_bytes(&self) -> usize {
        self.words.len() * size_of::<u64>()
    }
}

/// The narrow values of one row.
#[derive(Clone, Copy, Debug)]
pub struct PackedRow<'a> {
    validity: &'a [u64],
    values: &'a [u64],
}

impl PackedRow<'_> {
    /// A row without narrow values.
    pub const EMPTY: Self = Self { validity: &[], values: &[] };

    /// The value in `slot`: an integer, a count of days or microseconds with its sign, the bits of a float, 0 or 1.
    pub fn get(self, slot: usize) -> Option<u64> {
        let is_there = self.validity[slot / WORD_BITS] >> (slot % WORD_BITS) & 1 == 1;
        is_there.then(|| self.values[slot])
    }
}
