//! `structure`: how a text is built. Its sections, choruses and hooks, and how much of it is said again.
//!
//! Sections are those that the text shows, by blank lines or labels (`[Chorus]`, `Припев:`). Where it shows none they are
//! found (`segment`): by the ends of sentences, by rhyme, by verses of one length and by lines that come again.

mod calibration;
mod columns;
mod gaps;
mod lines;
mod repeats;
mod segment;

use arrow::array::StructArray;

use self::columns::COLUMNS;
pub use self::gaps::{GAP_FEATURES, GapWeights};
use self::lines::Line;
use self::repeats::Repeats;
use super::column::{self, Column};
pub use super::labels::Kind;
use super::{Analyzer, Input, OutputField};

pub(super) const ANALYZER: Analyzer = Analyzer {
    name: "structure",
    version: 1,
    description: "How a text is built: sections, choruses, hooks and repetition.",
    reads_vectors: false,
    reads_themes: false,
    reads_stress: false,
    fields: output_fields,
    run: analyze,
};

/// Lines of a hook that are named.
const HOOK_LINES_MAX: usize = 8;

/// Characters of a line that is named.
const HOOK_LINE_CHARS_MAX: usize = 120;

/// Choruses of one text that are compared with each other. A song has ten.
const CHORUSES_COMPARED_MAX: usize = 128;

/// A section of a text. Lines are counted from 0, those that are blank or a label left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub kind: Kind,
    pub start: usize,
    pub lines: usize,
}

/// What [`structure`] finds in a text. Of a text without lines everything is empty, and shares are null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Structure {
    pub sections: Vec<Section>,
    /// Whether the text shows its sections; null where there are none.
    pub is_given: Option<bool>,
    /// Share of the lines that are of a chorus or refrain.
    pub chorus_share: Option<f64>,
    /// Share of the lines that were said before.
    pub repetition_ratio: Option<f64>,
    /// Where the hook comes first, 0 to 1 of the lines; null without a hook.
    pub hook_position: Option<f64>,
    /// Lines of the hook.
    pub hook_length: Option<usize>,
    /// How often it comes.
    pub hook_occurrences: Option<usize>,
    /// Its lines as they are written.
    pub hook_lines: Vec<String>,
}

/// The structure of a text.
pub fn structure(text: &str) -> Structure {
    structure_by(text, &GapWeights::FITTED)
}

/// The same with other weights: for those who fit them.
pub fn structure_by(text: &str, weights: &GapWeights) -> Structure {
    let lines = lines::of(text);
    let repeats = Repeats::of(&lines);
    let is_given = lines.iter().skip(1).any(|line| line.opens) || lines.iter().any(|line| line.kind.is_some());
    let mut sections = match is_given {
        true => given(&lines, &repeats),
        false => segment::segment(&lines, &repeats, weights),
    };
    name_bridges(&mut sections);
    let choruses = sections.iter().filter(|section| section.kind.is_sung_again());
    let chorus_lines: usize = choruses.map(|section| section.lines).sum();
    let share = |count: usize| (!lines.is_empty()).then(|| count as f64 / lines.len() as f64);
    let hook = hook(&sections, &lines, &repeats);
    Structure {
        is_given: (!lines.is_empty()).then_some(is_given),
        chorus_share: share(chorus_lines),
        repetition_ratio: share(repeats.said_before()),
        hook_position: hook.as_ref().and_then(|hook| share(hook.start)),
        hook_length: hook.as_ref().map(|hook| hook.length),
        hook_occurrences: hook.as_ref().map(|hook| hook.occurrences),
        hook_lines: hook.map(|hook| named(&lines[hook.start..hook.start + hook.length])).unwrap_or_default(),
        sections,
    }
}

/// What `gaps` sees between the lines of a text without breaks: a row for each gap.
pub fn gap_features(text: &str) -> Vec<[f64; GAP_FEATURES]> {
    let lines = lines::of(text);
    gaps::features(&lines, &Repeats::of(&lines))
}

/// The lines of a text as they are written, without those that are blank or a label.
pub fn verse_lines(text: &str) -> Vec<&str> {
    lines::of(text).into_iter().map(|line| line.text).collect()
}

/// The sections that the text shows; those without a label are choruses where most of their lines come again.
fn given(lines: &[Line<'_>], repeats: &Repeats) -> Vec<Section> {
    let mut starts: Vec<usize> = (0..lines.len()).filter(|index| *index == 0 || lines[*index].opens).collect();
    starts.push(lines.len());
    let section = |bounds: &[usize]| {
        let (start, end) = (bounds[0], bounds[1]);
        let found = if repeats.is_chorus(start..end) { Kind::Chorus } else { Kind::Verse };
        Section { kind: lines[start].kind.unwrap_or(found), start, lines: end - start }
    };
    starts.windows(2).map(section).collect()
}

/// The last verse is a bridge where it stands alone between choruses, comes after two of them, and is of another length
/// than the verses before.
fn name_bridges(sections: &mut [Section]) {
    let Some(index) = sections.iter().rposition(|section| section.kind != Kind::Chorus) else { return };
    let (before, rest) = sections.split_at_mut(index);
    let [last, after @ ..] = rest else { return };
    let choruses = before.iter().filter(|section| section.kind == Kind::Chorus).count();
    let is_alone = !after.is_empty() && before.last().is_some_and(|section| section.kind == Kind::Chorus);
    let is_like_verses = before.iter().any(|section| section.kind == Kind::Verse && section.lines == last.lines);
    if last.kind == Kind::Verse && is_alone && choruses >= 2 && !is_like_verses {
        last.kind = Kind::Bridge;
    }
}

struct HookFound {
    start: usize,
    length: usize,
    occurrences: usize,
}

/// The chorus that comes most often, the first of several; without a chorus the line that comes most often, twice at least.
fn hook(sections: &[Section], lines: &[Line<'_>], repeats: &Repeats) -> Option<HookFound> {
    let choruses = sections.iter().filter(|section| section.kind.is_sung_again()).take(CHORUSES_COMPARED_MAX);
    let choruses: Vec<&Section> = choruses.collect();
    let like = |one: &Section| choruses.iter().filter(|other| repeats.alike(one, other)).count();
    let chorus = choruses.iter().map(|section| (like(section), *section));
    if let Some((occurrences, section)) = chorus.rev().max_by_key(|(occurrences, _)| *occurrences) {
        return Some(HookFound { start: section.start, length: section.lines, occurrences });
    }
    let (start, occurrences) = repeats.commonest()?;
    (start < lines.len()).then_some(HookFound { start, length: 1, occurrences })
}

fn named(lines: &[Line<'_>]) -> Vec<String> {
    lines.iter().take(HOOK_LINES_MAX).map(|line| line.text.chars().take(HOOK_LINE_CHARS_MAX).collect()).collect()
}

fn output_fields() -> Vec<OutputField> {
    COLUMNS.iter().map(Column::output_field).collect()
}

fn analyze(input: &Input<'_>) -> StructArray {
    let rows: Vec<Option<Structure>> = input.texts.iter().map(|text| text.map(structure)).collect();
    column::struct_array(COLUMNS, &rows)
}
