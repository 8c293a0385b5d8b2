//! The columns of `structure`: the one place that says how a [`Structure`] looks from outside.

use super::{Kind, Structure};
use crate::analyze::column::{Column, Value};

fn count(row: &Structure, counts: impl Fn(Kind) -> bool) -> usize {
    row.sections.iter().filter(|section| counts(section.kind)).count()
}

pub(super) const COLUMNS: &[Column<Structure>] = &[
    Column {
        name: "sections",
        unit: Some("sections"),
        description: "How many sections there are.",
        value: Value::Count(|row| Some(row.sections.len())),
    },
    Column {
        name: "verses",
        unit: Some("sections"),
        description: "How many of them are verses.",
        value: Value::Count(|row| Some(count(row, |kind| kind == Kind::Verse))),
    },
    Column {
        name: "choruses",
        unit: Some("sections"),
        description: "How many of them are choruses, refrains or hooks.",
        value: Value::Count(|row| Some(count(row, Kind::is_sung_again))),
    },
    Column {
        name: "has_bridge",
        unit: None,
        description: "Whether one of them is a bridge.",
        value: Value::Flag(|row| (!row.sections.is_empty()).then(|| count(row, |kind| kind == Kind::Bridge) > 0)),
    },
    Column {
        name: "form",
        unit: None,
        description: "The sections in order, a letter each: V verse, C chorus, P pre-chorus, R refrain, H hook, B bridge, I intro, O outro, X other.",
        value: Value::Text(|row| {
            let form: String = row.sections.iter().map(|section| section.kind.letter()).collect();
            (!form.is_empty()).then_some(form)
        }),
    },
    Column {
        name: "is_given",
        unit: None,
        description: "Whether the text shows its sections, by blank lines or labels; otherwise they were found.",
        value: Value::Flag(|row| row.is_given),
    },
    Column {
        name: "section_kinds",
        unit: None,
        description: "What each section is: verse, chorus, pre_chorus, refrain, hook, bridge, intro, outro or other.",
        value: Value::Texts(|row| Some(row.sections.iter().map(|section| section.kind.name().to_owned()).collect())),
    },
    Column {
        name: "section_starts",
        unit: Some("lines"),
        description: "The line that each section begins with, from 0, lines that are blank or a label left out.",
        value: Value::Counts(|row| Some(row.sections.iter().map(|section| section.start).collect())),
    },
    Column {
        name: "section_lengths",
        unit: Some("lines"),
        description: "The lines of each section.",
        value: Value::Counts(|row| Some(row.sections.iter().map(|section| section.lines).collect())),
    },
    Column {
        name: "chorus_share",
        unit: None,
        description: "Share of the lines that are of a chorus, refrain or hook.",
        value: Value::Measure(|row| row.chorus_share),
    },
    Column {
        name: "repetition_ratio",
        unit: None,
        description: "Share of the lines whose words were said by an earlier line.",
        value: Value::Measure(|row| row.repetition_ratio),
    },
    Column {
        name: "hook_position",
        unit: None,
        description: "Where the hook comes first, 0 to 1 of the lines. The hook is the chorus that comes most often; without a chorus the line that does.",
        value: Value::Measure(|row| row.hook_position),
    },
    Column {
        name: "hook_length",
        unit: Some("lines"),
        description: "Lines of the hook.",
        value: Value::Count(|row| row.hook_length),
    },
    Column {
        name: "hook_occurrences",
        unit: Some("times"),
        description: "How often the hook comes.",
        value: Value::Count(|row| row.hook_occurrences),
    },
    Column {
        name: "hook_lines",
        unit: None,
        description: "The lines of the hook, eight at most, 120 characters each.",
        value: Value::Texts(|row| Some(row.hook_lines.clone())),
    },
];
