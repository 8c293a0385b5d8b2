//! How well sentiments agree with those that people gave: macro F1, confusion.

use super::bootstrap::{Interval, interval};
use crate::analyze::emotion::Sentiment;

/// A line whose sentiment is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub id: String,
    pub text: String,
    pub sentiment: Sentiment,
}

/// Classes, in the order of [`Confusion`].
const CLASSES: [Sentiment; 3] = [Sentiment::Negative, Sentiment::Neutral, Sentiment::Positive];

/// How often each class of the gold (row) was given each class (column): negative, neutral, positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confusion(pub [[usize; 3]; 3]);

/// How well some sentiments agree with the gold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    pub confusion: Confusion,
    pub macro_f1: f64,
    /// By bootstrap over texts.
    pub interval: Interval,
}

/// Compares pairs of gold and given sentiments. The same pairs give the same interval.
pub fn agreement(pairs: &[(Sentiment, Sentiment)]) -> Agreement {
    let confusion = Confusion::of(pairs.iter().copied());
    let units: Vec<Confusion> = pairs.iter().map(|pair| Confusion::of(std::iter::once(*pair))).collect();
    Agreement {
        confusion,
        macro_f1: confusion.macro_f1(),
        interval: interval(&units, Confusion::add, Confusion::macro_f1),
    }
}

impl Confusion {
    pub fn of(pairs: impl Iterator<Item = (Sentiment, Sentiment)>) -> Self {
        let mut counts = [[0; 3]; 3];
        for (gold, given) in pairs {
            counts[gold as usize][given as usize] += 1;
        }
        Self(counts)
    }

    /// The mean F1 of the classes; a class that neither judge gave has 0.
    pub fn macro_f1(&self) -> f64 {
        CLASSES.into_iter().map(|class| self.f1(class)).sum::<f64>() / CLASSES.len() as f64
    }

    pub fn f1(&self, class: Sentiment) -> f64 {
        let class = class as usize;
        let both = self.0[class][class];
        let either = self.row(class) + self.column(class);
        if either == 0 { 0.0 } else { 2.0 * both as f64 / either as f64 }
    }

    fn add(&mut self, other: &Self) {
        let counts = self.0.iter_mut().flatten().zip(other.0.iter().flatten());
        counts.for_each(|(sum, count)| *sum += count);
    }

    fn row(&self, class: usize) -> usize {
        self.0[class].iter().sum()
    }

    fn column(&self, class: usize) -> usize {
        self.0.iter().map(|row| row[class]).sum()
    }
}
