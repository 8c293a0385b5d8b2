//! The columns of `sketch`.

use super::Sketch;
use crate::analyze::column::{Column, Value};

pub(super) const COLUMNS: &[Column<Sketch>] = &[
    Column {
        name: "sketch",
        unit: None,
        description: "42 numbers; the more of their 126 parts two texts share, the more the texts have in common.",
        value: Value::Bits(|row| row.sketch.clone()),
    },
    Column {
        name: "words",
        unit: Some("words"),
        description: "Runs of letters and digits.",
        value: Value::Count(|row| Some(row.words)),
    },
];
