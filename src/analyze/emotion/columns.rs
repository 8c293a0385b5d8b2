//! The columns of `emotion`: the one place that says how an [`Emotion`] looks from outside.

use super::Emotion;
use crate::analyze::column::{Column, Value};

pub(super) const COLUMNS: &[Column<Emotion>] = &[
    Column {
        name: "valence",
        unit: None,
        description: "Mean valence of the lines, -1 (negative) to 1 (positive).",
        value: Value::Measure(|row| row.valence),
    },
    Column {
        name: "arousal",
        unit: None,
        description: "Mean arousal of the words of feeling, -1 (calm) to 1 (excited).",
        value: Value::Measure(|row| row.arousal),
    },
    Column {
        name: "valence_sd",
        unit: None,
        description: "Standard deviation of the valence of the lines.",
        value: Value::Measure(|row| row.valence_sd),
    },
    Column {
        name: "positive_lines_share",
        unit: None,
        description: "Share of the lines that are positive.",
        value: Value::Measure(|row| row.positive_lines_share),
    },
    Column {
        name: "negative_lines_share",
        unit: None,
        description: "Share of the lines that are negative.",
        value: Value::Measure(|row| row.negative_lines_share),
    },
    Column {
        name: "coverage",
        unit: None,
        description: "Share of the words that the lexica know.",
        value: Value::Measure(|row| row.coverage),
    },
    Column {
        name: "arc",
        unit: None,
        description: "Valence over the text in 20 points, each the mean of a fifth of the lines, smoothed.",
        value: Value::Measures(|row| row.arc.clone()),
    },
    Column {
        name: "arc_shape",
        unit: None,
        description: "Shape of the arc: one of the six of Reagan et al. 2016, or flat where it is within the noise.",
        value: Value::Code(|row| row.arc_shape.map(|shape| shape.code())),
    },
    Column {
        name: "turning_lines",
        unit: None,
        description: "Lines at which the arc turns, counted from 0 without blank lines and labels.",
        value: Value::Counts(|row| row.valence.map(|_| row.turning_lines.clone())),
    },
    Column {
        name: "ending_valence",
        unit: None,
        description: "Mean valence of the last quarter of the lines.",
        value: Value::Measure(|row| row.ending_valence),
    },
    Column {
        name: "mood",
        unit: None,
        description: "Region of valence and arousal: joyful, tender, sad, tense, mixed or neutral.",
        value: Value::Code(|row| row.mood.map(|mood| mood.code())),
    },
    Column {
        name: "mood_confidence",
        unit: None,
        description: "Chance that valence and arousal lie on the mood's side of its thresholds, 0 to 1.",
        value: Value::Measure(|row| row.mood_confidence),
    },
    Column {
        name: "most_positive_line",
        unit: None,
        description: "The most positive line, counted from 0 without blank lines and labels.",
        value: Value::Count(|row| row.most_positive_line),
    },
    Column {
        name: "most_negative_line",
        unit: None,
        description: "The most negative line, counted from 0 without blank lines and labels.",
        value: Value::Count(|row| row.most_negative_line),
    },
];
