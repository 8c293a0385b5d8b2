//! `rhapsode eval`: how well the analyzers and searches do on gold.

mod search;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::Float32Type;
use clap::{Args, ValueEnum};
use console::style;
use serde_json::{Value, json};

use search::SearchGold;

use super::{config_or_default, print_json};
use crate::analyze::emotion::{Lexica, Sentiment, line_features, sentiment, sentiment_of_vector};
use crate::analyze::rhyme::StressDictionary;
use crate::analyze::{Analyzer, ReadyAnalyzer};
use crate::engine::with_vectors;
use crate::evaluate::rhyme::Setting;
use crate::evaluate::rhyme_russian::Stress;
use crate::evaluate::{self, Agreement, Interval, SchemeFigures, emotion, rap, rhyme, rhyme_russian, structure};
use crate::model::{BUILT_IN, Models, Part};
use crate::{compile, definition};

/// Measure the analyzers on texts whose analysis is known, and a search on queries whose answers are.
#[derive(Args)]
#[command(after_help = "For example: rhapsode eval structure --gold ../gold\n\
    Learnt constants are refitted without the authors that are judged, where the name does not say otherwise;\n\
    docs/evaluation.md describes the files.")]
pub struct Eval {
    /// What is measured.
    what: What,
    /// The folder with the gold files.
    #[arg(long, value_name = "DIR")]
    gold: Option<PathBuf>,
    #[command(flatten)]
    of_search: SearchGold,
    /// A dictionary of stresses, for `rhyme-russian` and `rap` (scripts/fit/russian_stress.py makes it).
    #[arg(long, value_name = "FILE")]
    stress: Option<PathBuf>,
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
    /// The sentiment of lines of verse.
    Emotion,
    /// How far models of one task agree: sentiment by words and by vectors, themes by keywords and by vectors.
    Analyzers,
    /// Rhymes and hooks of rap verses (tests/data/rap); nothing is refitted.
    Rap,
    /// A search of the project's release, on queries whose answers are known.
    Search,
}

/// One figure: what it is, its value, its interval, and what it should reach.
#[derive(Clone)]
struct Figure {
    name: &'static str,
    value: f64,
    interval: Interval,
    /// None where the figure is not one for texts that nobody has seen.
    goal: Option<f64>,
}

struct Measured {
    texts: usize,
    figures: Vec<Figure>,
    /// What the fit reads.
    dumped: Vec<Value>,
}

impl Eval {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let gold = || self.gold.as_deref().context("name the folder of the gold: `--gold DIR`");
        let Measured { texts, figures, dumped } = match self.what {
            What::Rhyme => self.rhyme(gold()?)?,
            What::RhymeRussian => self.rhyme_russian(gold()?)?,
            What::Structure => self.structure(gold()?)?,
            What::Emotion => self.emotion(gold()?, project).await?,
            What::Analyzers => self.agreements(gold()?, project).await?,
            What::Rap => self.rap(gold()?)?,
            What::Search => return self.of_search.run(project, self.json).await,
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
        say!("{texts} texts; 95 % by bootstrap");
        for Figure { name, value, interval: Interval { low, high }, goal } in &figures {
            let goal = match goal {
                Some(goal) if value >= goal => format!("goal {goal:.2} {}", style("reached").green()),
                Some(goal) => format!("goal {goal:.2} {}", style("missed").yellow()),
                None => String::new(),
            };
            say!("{name:46} {value:.4}  [{low:.3}, {high:.3}]  {goal}");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn rhyme(&self, gold: &Path) -> anyhow::Result<Measured> {
        let stanzas = evaluate::read_rhymes(gold)?;
        let mut figures = Vec::new();
        for setting in [Setting::Alone, Setting::Together] {
            let of = SchemeFigures::of(&rhyme::cross_validate(&stanzas, setting));
            let [exact, pairs] = match setting {
                Setting::Alone => ["schemes exact, each stanza alone", "pairs of lines F1, each stanza alone"],
                Setting::Together => {
                    ["schemes exact, stanzas of a poem together", "pairs of lines F1, of a poem together"]
                }
            };
            figures.push(Figure { name: exact, value: of.exact, interval: of.exact_interval, goal: Some(0.91) });
            figures.push(Figure { name: pairs, value: of.pair_f1, interval: of.pair_f1_interval, goal: Some(0.96) });
        }
        let dumped = if self.dump.is_some() { rhyme::dump(&stanzas) } else { Vec::new() };
        Ok(Measured { texts: stanzas.len(), figures, dumped })
    }

    fn rhyme_russian(&self, gold: &Path) -> anyhow::Result<Measured> {
        let fragments = evaluate::read_fragments(gold)?;
        let without = StressDictionary::default();
        let dictionary = self.dictionary()?;
        let mut settings = vec![
            (Stress::Marked, ["schemes exact, stress as marked", "pairs of lines F1, stress as marked"]),
            (Stress::Stripped(&without), ["schemes exact, stress by rule", "pairs of lines F1, stress by rule"]),
        ];
        if self.stress.is_some() {
            let names = ["schemes exact, stress by dictionary", "pairs of lines F1, stress by dictionary"];
            settings.push((Stress::Stripped(&dictionary), names));
        }
        let mut figures = Vec::new();
        for (stress, names) in settings {
            let of = SchemeFigures::of(&rhyme_russian::cross_validate(&fragments, stress, &dictionary));
            let [exact, pairs] = names;
            figures.push(Figure { name: exact, value: of.exact, interval: of.exact_interval, goal: Some(0.75) });
            figures.push(Figure { name: pairs, value: of.pair_f1, interval: of.pair_f1_interval, goal: Some(0.85) });
        }
        let dumped = if self.dump.is_some() { rhyme_russian::dump(&fragments, &dictionary) } else { Vec::new() };
        Ok(Measured { texts: fragments.len(), figures, dumped })
    }

    /// By the constants as they are, which were fitted on these lines: `scripts/fit/emotion.py` prints what is
    /// cross-validated.
    async fn emotion(&self, gold: &Path, project: &Path) -> anyhow::Result<Measured> {
        let judgements = evaluate::read_sentiments(gold)?;
        let model = Models::new(project, &config_or_default(project)?).find(BUILT_IN)?;
        let texts: StringArray = judgements.iter().map(|judgement| Some(judgement.text.as_str())).collect();
        let embedded = model.embed(texts).await?.vectors;
        let vectors: Vec<Vec<f32>> = (0..embedded.len())
            .map(|row| embedded.value(row).as_primitive::<Float32Type>().values().to_vec())
            .collect();
        let lexica = Lexica::own();
        let figure = |name, judge: &dyn Fn(&str, &[f32]) -> Sentiment| {
            let judged = judgements.iter().zip(&vectors);
            let pairs: Vec<_> = judged.map(|(gold, vector)| (gold.sentiment, judge(&gold.text, vector))).collect();
            let of = emotion::agreement(&pairs);
            Figure { name, value: of.macro_f1, interval: of.interval, goal: None }
        };
        let figures = vec![
            figure("macro F1 by words, in sample", &|text, _| sentiment(text, None, &lexica)),
            figure("macro F1 by words and vectors, in sample", &|text, vector| sentiment(text, Some(vector), &lexica)),
        ];
        let dumped = judgements.iter().zip(&vectors).map(|(gold, vector)| {
            let label = gold.sentiment as i64 - 1;
            json!({"id": gold.id, "label": label, "features": line_features(&gold.text, &lexica), "vector": vector})
        });
        Ok(Measured { texts: judgements.len(), figures, dumped: dumped.collect() })
    }

    /// Of the sentiment of lines, and of the themes of the project's definitions in whole songs and poems.
    async fn agreements(&self, gold: &Path, project: &Path) -> anyhow::Result<Measured> {
        let model = Models::new(project, &config_or_default(project)?).find(BUILT_IN)?;
        let judgements = evaluate::read_sentiments(gold)?;
        let lines: StringArray = judgements.iter().map(|judgement| Some(judgement.text.as_str())).collect();
        let vectors = model.embed(lines).await?.vectors;
        let lexica = Lexica::own();
        let sentiments = judgements.iter().enumerate().filter_map(|(row, judgement)| {
            let by_vector = sentiment_of_vector(vectors.value(row).as_primitive::<Float32Type>().values())?;
            Some((sentiment(&judgement.text, None, &lexica) as usize, by_vector as usize))
        });
        let sentiments: Vec<(usize, usize)> = sentiments.collect();
        let mut texts = sentiments.len();
        let names = ["sentiment of lines, same by words and vectors", "sentiment of lines, kappa"];
        let mut figures = agreement_figures(names, &Agreement::of(&sentiments)).to_vec();

        let (definitions, _) = definition::parse(&definition::load(project)?);
        let analyzer = Analyzer::find("theme").ok_or_else(|| anyhow::anyhow!("there is no analyzer of themes"))?;
        let analyzer = ReadyAnalyzer::new(analyzer, compile::themes(&definitions), Arc::default());
        let analyzer = with_vectors(&analyzer, Some(&model)).await?;
        let songs = evaluate::read_songs(gold)?.into_iter().map(|song| {
            let sections = song.sections.iter().map(|(_, lines)| lines.join("\n"));
            sections.collect::<Vec<_>>().join("\n\n")
        });
        let songs: StringArray = songs.map(Some).collect();
        let poems: StringArray = evaluate::read_poems(gold)?.into_iter().map(Some).collect();
        for (of, names) in [
            (songs, ["themes of hymns, same by keywords and vectors", "themes of hymns, kappa"]),
            (poems, ["themes of Russian poems, same by both", "themes of Russian poems, kappa"]),
        ] {
            let stanzas = model.embed_parts(&of, &[Part::Stanzas]).await?.values;
            let found = analyzer.analyze(&of, stanzas.column(0).as_list_opt()).values;
            let column = |name: &str| {
                let column = found.column_by_name(name).map(|column| column.as_string::<i32>());
                column.ok_or_else(|| anyhow::anyhow!("the analyzer of themes says nothing `{name}`"))
            };
            let (keywords, vectors) = (column("by_keywords")?, column("by_vectors")?);
            let both = keywords.iter().zip(vectors.iter()).filter_map(|(a, b)| Some((a?.to_owned(), b?.to_owned())));
            let both: Vec<(String, String)> = both.collect();
            texts += both.len();
            figures.extend(agreement_figures(names, &Agreement::of(&both)));
        }
        Ok(Measured { texts, figures, dumped: Vec::new() })
    }

    fn structure(&self, gold: &Path) -> anyhow::Result<Measured> {
        let songs = evaluate::read_songs(gold)?;
        let of = structure::cross_validate(&songs);
        let figures = vec![
            Figure {
                name: "boundaries of sections F1",
                value: of.boundaries.f1(),
                interval: of.boundaries_interval,
                goal: Some(0.82),
            },
            Figure {
                name: "lines of choruses F1",
                value: of.chorus_lines.f1(),
                interval: of.chorus_lines_interval,
                goal: Some(0.94),
            },
        ];
        let dumped = if self.dump.is_some() { structure::dump(&songs) } else { Vec::new() };
        Ok(Measured { texts: songs.len(), figures, dumped })
    }

    /// Empty where no file is named.
    fn dictionary(&self) -> anyhow::Result<StressDictionary> {
        let file = self.stress.as_ref().map(std::fs::read).transpose()?;
        Ok(StressDictionary::parse(&file.unwrap_or_default())?)
    }

    /// Nothing of these verses was learnt from, so there is nothing to leave out, and nothing to dump.
    fn rap(&self, gold: &Path) -> anyhow::Result<Measured> {
        let verses = evaluate::read_verses(gold)?;
        let dictionary = self.dictionary()?;
        let mut figures = Vec::new();
        for (language, names) in RAP_NAMES {
            let rap::Figures { verses: _, end_rhymes, internal, multisyllabic, hook_lines } =
                rap::measure(&verses, language, &dictionary);
            for (measure, [f1, precision, recall]) in
                [end_rhymes, internal, multisyllabic, hook_lines].into_iter().zip(&names)
            {
                let rap::Measure { counts, precision_interval, recall_interval, f1_interval } = measure;
                let shown = [
                    (*f1, counts.f1(), f1_interval),
                    (*precision, counts.precision(), precision_interval),
                    (*recall, counts.recall(), recall_interval),
                ];
                figures.extend(shown.map(|(name, value, interval)| Figure { name, value, interval, goal: None }));
            }
        }
        Ok(Measured { texts: verses.len(), figures, dumped: Vec::new() })
    }
}

fn agreement_figures(names: [&'static str; 2], of: &Agreement) -> [Figure; 2] {
    let [share, kappa] = names;
    [
        Figure { name: share, value: of.share, interval: of.share_interval, goal: None },
        Figure { name: kappa, value: of.kappa, interval: of.kappa_interval, goal: None },
    ]
}
/// Of each language what its figures are called: F1, precision and recall of each kind.
const RAP_NAMES: [(&str, [[&str; 3]; 4]); 2] = [
    (
        "en",
        [
            ["English ends of lines F1", "English ends of lines precision", "English ends of lines recall"],
            ["English internal F1", "English internal precision", "English internal recall"],
            ["English multisyllabic F1", "English multisyllabic precision", "English multisyllabic recall"],
            ["English hook lines F1", "English hook lines precision", "English hook lines recall"],
        ],
    ),
    (
        "ru",
        [
            ["Russian ends of lines F1", "Russian ends of lines precision", "Russian ends of lines recall"],
            ["Russian internal F1", "Russian internal precision", "Russian internal recall"],
            ["Russian multisyllabic F1", "Russian multisyllabic precision", "Russian multisyllabic recall"],
            ["Russian hook lines F1", "Russian hook lines precision", "Russian hook lines recall"],
        ],
    ),
];
