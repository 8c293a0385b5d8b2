//! The types of features and columns, as written and in Arrow.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use crate::limits::DEFINITION_DEPTH_MAX;

/// The type of a feature or of a source's column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dtype {
    String,
    Bool,
    Int32,
    Int64,
    Float32,
    Float64,
    /// Days.
    Date,
    /// Microseconds, UTC.
    Timestamp,
    List(Box<Dtype>),
    /// A fixed number of float32.
    Vector(usize),
    Struct(Vec<(String, Dtype)>),
}

const SCALARS: &[(&str, Dtype)] = &[
    ("string", Dtype::String),
    ("bool", Dtype::Bool),
    ("int32", Dtype::Int32),
    ("int64", Dtype::Int64),
    ("float32", Dtype::Float32),
    ("float64", Dtype::Float64),
    ("date", Dtype::Date),
    ("timestamp", Dtype::Timestamp),
];

impl Dtype {
    /// Reads `string`, `list<int32>`, `vector[512]`, `struct{name: string, n: int32}`; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: text.trim(), depth: 0 };
        let dtype = parser.dtype()?;
        match parser.rest.trim() {
            "" => Ok(dtype),
            rest => Err(format!("`{rest}` is left over after the dtype `{dtype}`")),
        }
    }

    /// Whether a text is in its values.
    pub fn has_text(&self) -> bool {
        match self {
            Self::String => true,
            Self::List(item) => item.has_text(),
            Self::Struct(fields) => fields.iter().any(|(_, dtype)| dtype.has_text()),
            _ => false,
        }
    }

    /// Whether values lie before or behind each other: numbers and moments.
    pub fn is_ordered(&self) -> bool {
        self.is_scalar() && !matches!(self, Self::String | Self::Bool)
    }

    /// Whether a value of it is a single value.
    pub fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Vector(_) | Self::Struct(_))
    }

    pub fn to_arrow(&self) -> DataType {
        match self {
            Self::String => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::List(item) => DataType::List(Arc::new(Field::new("item", item.to_arrow(), true))),
            Self::Vector(size) => {
                let size = i32::try_from(*size).expect("the parser bounds the size");
                DataType::FixedSizeList(Arc::new(Field::new("item", DataType::Float32, true)), size)
            }
            Self::Struct(fields) => DataType::Struct(
                fields.iter().map(|(name, dtype)| Field::new(name, dtype.to_arrow(), true)).collect::<Fields>(),
            ),
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(item) => write!(f, "list<{item}>"),
            Self::Vector(size) => write!(f, "vector[{size}]"),
            Self::Struct(fields) => {
                let fields: Vec<String> = fields.iter().map(|(name, dtype)| format!("{name}: {dtype}")).collect();
                write!(f, "struct{{{}}}", fields.join(", "))
            }
            scalar => {
                let name = SCALARS.iter().find(|(_, dtype)| dtype == scalar).map(|(name, _)| *name);
                f.write_str(name.expect("every scalar stands in the table"))
            }
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn dtype(&mut self) -> Result<Dtype, String> {
        self.depth += 1;
        if self.depth > DEFINITION_DEPTH_MAX {
            return Err("the dtype is nested too deeply".to_owned());
        }
        let word = self.word();
        let dtype = match word {
            "list" => {
                self.expect('<')?;
                let item = self.dtype()?;
                self.expect('>')?;
                Dtype::List(Box::new(item))
            }
            "vector" => {
                self.expect('[')?;
                let size = self.word();
                let size: usize = size.parse().map_err(|_| format!("`{size}` is not a size of a vector"))?;
                if !(1..=16_384).contains(&size) {
                    return Err(format!("a vector has 1 to 16384 values, not {size}"));
                }
                self.expect(']')?;
                Dtype::Vector(size)
            }
            "struct" => self.fields()?,
            _ => match SCALARS.iter().find(|(name, _)| *name == word) {
                Some((_, dtype)) => dtype.clone(),
                None => return Err(unknown(word)),
            },
        };
        self.depth -= 1;
        Ok(dtype)
    }

    fn fields(&mut self) -> Result<Dtype, String> {
        self.expect('{')?;
        let mut fields = Vec::new();
        loop {
            let name = self.word().to_owned();
            if name.is_empty() {
                return Err("a struct is written `struct{name: dtype, …}`".to_owned());
            }
            self.expect(':')?;
            fields.push((name, self.dtype()?));
            if self.expect(',').is_err() {
                self.expect('}')?;
                return Ok(Dtype::Struct(fields));
            }
        }
    }

    fn word(&mut self) -> &str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(format!("`{c}` is missing before `{}`", self.rest)),
        }
    }
}

fn unknown(word: &str) -> String {
    // What other systems call them.
    let meant = match word.to_ascii_lowercase().as_str() {
        "str" | "text" | "varchar" | "utf8" => Some("string"),
        "boolean" => Some("bool"),
        "int" | "integer" | "int16" | "int8" | "uint8" | "uint16" => Some("int32"),
        "bigint" | "long" | "uint32" | "uint64" | "unixtimestamp" => Some("int64"),
        "float" | "real" => Some("float32"),
        "double" | "number" | "decimal" => Some("float64"),
        "datetime" | "time" => Some("timestamp"),
        "array" => Some("list<…>"),
        "embedding" => Some("vector[N]"),
        other => crate::name::nearest(other, SCALARS.iter().map(|(name, _)| *name)),
    };
    match meant {
        Some(meant) => format!("unknown dtype `{word}`; did you mean `{meant}`?"),
        None => format!(
            "unknown dtype `{word}`; there are string, bool, int32, int64, float32, float64, date, timestamp, \
             list<T>, vector[N], struct{{…}}"
        ),
    }
}
