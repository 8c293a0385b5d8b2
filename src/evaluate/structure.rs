//! How well `structure` finds sections and choruses of songs that are given without breaks, with the weights of gaps
//! refitted without a fifth of the authors, that which is judged.

use serde_json::json;

use super::bootstrap::{Interval, interval};
use super::counts::Counts;
use super::fit::{Patterns, logistic};
use crate::analyze::structure::{GAP_FEATURES, GapWeights, Kind, gap_features, structure_by, verse_lines};

/// Parts of the authors, each of which is judged by what was learnt of the others.
const FOLDS: usize = 5;

/// A song whose sections are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Song {
    pub author: String,
    /// Whether it is a chorus or refrain, and its lines.
    pub sections: Vec<(bool, Vec<String>)>,
}

/// The figures of all songs, and 95 % by bootstrap over songs.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub songs: usize,
    /// Over all places between two lines.
    pub boundaries: Counts,
    pub boundaries_interval: Interval,
    /// Over all lines.
    pub chorus_lines: Counts,
    pub chorus_lines_interval: Interval,
}

/// A song without breaks, and what is to be found in it.
struct Task {
    text: String,
    /// Whether a section begins with each line but the first.
    boundaries: Vec<bool>,
    chorus: Vec<bool>,
    fold: usize,
}

/// What is found by weights that were learnt from other authors.
pub fn cross_validate(songs: &[Song]) -> Figures {
    let tasks: Vec<Task> = songs.iter().map(task).collect();
    let patterns = patterns(&tasks);
    let weights: Vec<GapWeights> = (0..FOLDS).map(|fold| fitted(&patterns, Some(fold))).collect();
    let counts: Vec<(Counts, Counts)> = tasks.iter().map(|task| counted(task, &weights[task.fold])).collect();
    let (boundaries, chorus): (Vec<Counts>, Vec<Counts>) = counts.into_iter().unzip();
    let total = |counts: &[Counts]| {
        let mut sum = Counts::default();
        counts.iter().for_each(|one| sum.add(one));
        sum
    };
    Figures {
        songs: songs.len(),
        boundaries_interval: interval(&boundaries, Counts::add, Counts::f1),
        boundaries: total(&boundaries),
        chorus_lines_interval: interval(&chorus, Counts::add, Counts::f1),
        chorus_lines: total(&chorus),
    }
}

/// What the fit reads, as JSON Lines: patterns of what is seen of a gap, and how often a section ends there.
pub fn dump(songs: &[Song]) -> Vec<serde_json::Value> {
    let tasks: Vec<Task> = songs.iter().map(task).collect();
    let patterns = patterns(&tasks);
    let rows = patterns.without(None);
    rows.iter().map(|(features, [no, yes])| json!({"features": features, "no": no, "yes": yes})).collect()
}

fn task(song: &Song) -> Task {
    let (mut lines, mut boundaries, mut chorus) = (Vec::new(), Vec::new(), Vec::new());
    for (is_chorus, section) in &song.sections {
        for (index, line) in section.iter().enumerate() {
            // As the analyzer counts lines: one that it takes for a label is none.
            if verse_lines(line).len() == 1 {
                lines.push(line.as_str());
                boundaries.push(index == 0);
                chorus.push(*is_chorus);
            }
        }
    }
    let boundaries = boundaries.into_iter().skip(1).collect();
    let fold = usize::from(blake3::hash(song.author.as_bytes()).as_bytes()[0]) % FOLDS;
    Task { text: lines.join("\n"), boundaries, chorus, fold }
}

fn patterns(tasks: &[Task]) -> Patterns {
    let mut patterns = Patterns::new(FOLDS);
    for task in tasks {
        for (seen, ends) in gap_features(&task.text).iter().zip(&task.boundaries) {
            let holding = (0..).zip(seen).filter(|(_, seen)| **seen > 0.0).map(|(feature, _)| feature);
            patterns.add(task.fold, &holding.collect::<Vec<u16>>(), *ends);
        }
    }
    patterns
}

/// The weights of all folds but one, with the base rate in them.
fn fitted(patterns: &Patterns, without: Option<usize>) -> GapWeights {
    let rows = patterns.without(without);
    let [no, yes] = rows.iter().fold([0.0; 2], |sum, (_, count)| [sum[0] + count[0], sum[1] + count[1]]);
    let mut weights = [0.0; GAP_FEATURES];
    for (weight, fitted) in weights.iter_mut().zip(logistic(&rows, GAP_FEATURES)) {
        *weight = f64::from(fitted);
    }
    weights[0] += (yes / no).ln();
    GapWeights(weights)
}

fn counted(task: &Task, weights: &GapWeights) -> (Counts, Counts) {
    let sections = structure_by(&task.text, weights).sections;
    let mut boundaries = vec![false; task.boundaries.len()];
    let mut chorus = vec![false; task.chorus.len()];
    for section in &sections {
        if let Some(before) = section.start.checked_sub(1) {
            boundaries[before] = true;
        }
        chorus[section.start..section.start + section.lines].fill(section.kind == Kind::Chorus);
    }
    (compared(&boundaries, &task.boundaries), compared(&chorus, &task.chorus))
}

fn compared(found: &[bool], truth: &[bool]) -> Counts {
    let mut counts = Counts::default();
    found.iter().zip(truth).for_each(|(found, truth)| counts.count(*found, *truth));
    counts
}
