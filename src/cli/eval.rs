//! `rhapsode eval`: how well the analyzers do on gold.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use console::style;
use serde_json::{Value, json};

use super::print_json;
use crate::analyze::emotion::{Lexica, sentiment};
use crate::evaluate::rhyme::Setting;
use crate::evaluate::rhyme_russian::Stress;
use crate::evaluate::{self, Interval, emotion, rhyme, rhyme_russian, structure};

/// Measure the analyzers on texts whose analysis is known.
#[derive(Args)]
#[command(after_help = "For example: rhapsode eval structure --gold ../gold\n\
    Every learnt constant is refitted without the authors that are judged; docs/evaluation.md describes the files.")]
pub struct Eval {
    /// What is measured.
    what: What,
    /// The folder with the gold files.
    #[arg(long, value_name = "DIR")]
    gold: PathBuf,
    /// Write what the fit of the constants reads (scripts/fit/).
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// English rhyme schemes.
    Rhyme,
    /// Russian rhyme schemes.
    RhymeRussian,
    /// Sections and choruses of songs without blank lines.
    Structure,
    /// The sentiment of lines of verse, by their words; the constants were fitted on these.
    Emotion,
}

/// One figure: what it is, its value, its interval, and what it should reach.
struct Figure {
    name: &'static str,
    value: f64,
    interval: Interval,
    goal: f64,
}

struct Measured {
    texts: usize,
    figures: Vec<Figure>,
    /// What the fit reads.
    dumped: Vec<Value>,
}

impl Eval {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let Measured { texts, figures, dumped } = match self.what {
            What::Rhyme => self.rhyme()?,
            What::RhymeRussian => self.rhyme_russian()?,
            What::Structure => self.structure()?,
            What::Emotion => self.emotion()?,
        };
        if let Some(file) = &self.dump {
            let lines: Vec<String> = dumped.iter().map(Value::to_string).collect();
            std::fs::write(file, lines.join("\n"))?;
        }
        if self.json {
            let figure = |f: &Figure| json!({"name": f.name, "value": f.value, "low": f.interval.low, "high": f.interval.high, "goal": f.goal});
            print_json(&json!({"texts": texts, "figures": figures.iter().map(figure).collect::<Vec<_>>()}))?;
            return Ok(ExitCode::SUCCESS);
        }
        say!("{texts} texts, each by constants that were learnt from other authors; 95 % by bootstrap");
        for Figure { name, value, interval: Interval { low, high }, goal } in &figures {
            let reached = if value >= goal { style("reached").green() } else { style("missed").yellow() };
            say!("{name:46} {value:.4}  [{low:.3}, {high:.3}]  goal {goal:.2} {reached}");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn rhyme(&self) -> anyhow::Result<Measured> {
        let stanzas = evaluate::read_rhymes(&self.gold)?;
        let mut figures = Vec::new();
        for setting in [Setting::Alone, Setting::Together] {
            let (authors, found) = rhyme::cross_validate(&stanzas, setting);
            let of = rhyme::Figures::of(&authors, &found);
            let [exact, pairs] = match setting {
                Setting::Alone => ["schemes exact, each stanza alone", "pairs of lines F1, each stanza alone"],
                Setting::Together => {
                    ["schemes exact, stanzas of a poem together", "pairs of lines F1, of a poem together"]
                }
            };
            figures.push(Figure { name: exact, value: of.all.exact_share(), interval: of.exact_interval, goal: 0.91 });
            figures.push(Figure { name: pairs, value: of.all.pair_f1(), interval: of.pair_f1_interval, goal: 0.96 });
        }
        let dumped = if self.dump.is_some() { rhyme::dump(&stanzas) } else { Vec::new() };
        Ok(Measured { texts: stanzas.len(), figures, dumped })
    }

    fn rhyme_russian(&self) -> anyhow::Result<Measured> {
        let fragments = evaluate::read_fragments(&self.gold)?;
        let without = rhyme_russian::StressDictionary::default();
        let mut figures = Vec::new();
        for (stress, names) in [
            (Stress::Marked, ["schemes exact, stress as marked", "pairs of lines F1, stress as marked"]),
            (Stress::Stripped(&without), ["schemes exact, stress by rule", "pairs of lines F1, stress by rule"]),
        ] {
            let of = rhyme_russian::Figures::of(&rhyme_russian::cross_validate(&fragments, stress, &without));
            let [exact, pairs] = names;
            figures.push(Figure { name: exact, value: of.exact, interval: of.exact_interval, goal: 0.75 });
            figures.push(Figure { name: pairs, value: of.pair_f1, interval: of.pair_f1_interval, goal: 0.85 });
        }
        let dumped = if self.dump.is_some() { rhyme_russian::dump(&fragments, &without) } else { Vec::new() };
        Ok(Measured { texts: fragments.len(), figures, dumped })
    }

    fn emotion(&self) -> anyhow::Result<Measured> {
        let sentiments = evaluate::read_sentiments(&self.gold)?;
        let lexica = Lexica::own();
        let pairs: Vec<_> = sentiments.iter().map(|(text, gold)| (*gold, sentiment(text, None, &lexica))).collect();
        let of = emotion::agreement(&pairs);
        let name = "macro F1 of three classes, by words, in sample";
        let figures = vec![Figure { name, value: of.macro_f1, interval: of.interval, goal: 0.75 }];
        Ok(Measured { texts: sentiments.len(), figures, dumped: Vec::new() })
    }

    fn structure(&self) -> anyhow::Result<Measured> {
        let songs = evaluate::read_songs(&self.gold)?;
        let of = structure::cross_validate(&songs);
        let figures = vec![
            Figure {
                name: "boundaries of sections F1",
                value: of.boundaries.f1(),
                interval: of.boundaries_interval,
                goal: 0.82,
            },
            Figure {
                name: "lines of choruses F1",
                value: of.chorus_lines.f1(),
                interval: of.chorus_lines_interval,
                goal: 0.94,
            },
        ];
        let dumped = if self.dump.is_some() { structure::dump(&songs) } else { Vec::new() };
        Ok(Measured { texts: songs.len(), figures, dumped })
    }
}
