//! The command line: one file a subcommand. It translates and decides nothing.

/// Prints a line to standard output; whoever closes it ends the program quietly.
macro_rules! say {
    ($($arguments:tt)*) => { $crate::cli::paint::line(format_args!($($arguments)*)) };
}

mod audit;
mod build;
mod check;
pub mod corpus;
mod diff;
mod eval;
mod experiments;
mod feedback;
mod gc;
mod ingest;
mod init;
mod keys;
mod paint;
mod patterns;
mod plan;
mod quality;
mod recommend;
mod releases;
mod schema;
mod search;
mod serve;
mod sql;
mod sql_worker;
mod training_set;
mod trends;
mod usage;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand};

use crate::app::{App, ReleaseView};
use crate::clock::SystemClock;
use crate::config::{Config, ConfigError};

/// Who does what commands do, in the audit log.
const ACTOR: &str = "the command line";

/// A feature store for content: definitions in, versioned datasets and an API out.
#[derive(Parser)]
#[command(
    name = "rhapsode",
    version,
    about,
    after_help = "A first project: rhapsode init demo && cd demo && rhapsode ingest tracks data/example.jsonl && rhapsode build && rhapsode sql 'select * from track'"
)]
struct Arguments {
    /// The folder of the project.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    project: PathBuf,
    /// What is logged to standard error: error, warn, info, debug, or a filter such as `rhapsode=debug,warn`.
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        default_value = "info,lance=warn,lance_core=warn,lance_index=warn,datafusion=warn"
    )]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a small commented project.
    Init(init::Init),
    /// Report every fault of the definitions.
    Check(check::Check),
    /// Show what a build would compute, and why.
    Plan(plan::PlanCommand),
    /// Compute what is stale and publish a release.
    Build(build::Build),
    /// Read files into a source.
    Ingest(ingest::Ingest),
    /// Answer over HTTP.
    Serve(serve::Serve),
    /// Make, list, revoke and rotate keys.
    Keys(keys::Keys),
    /// Show who changed keys and releases.
    Audit(audit::Audit),
    /// Show what keys were used for.
    Usage(usage::Usage),
    /// Answer one statement.
    Sql(sql::Sql),
    #[command(hide = true)]
    SqlWorker(sql_worker::SqlWorker),
    /// Write rows at moments, each with the features that were known then.
    TrainingSet(training_set::TrainingSet),
    /// List, show, compare, tag, yank and roll back releases.
    Releases(releases::Releases),
    /// Show what was expected of the values of a release, and what was found.
    Quality(quality::Quality),
    /// Free what old releases hold.
    Gc(gc::Gc),
    /// Find pieces by their words and by their meaning.
    Search(search::Search),
    /// Find pieces that are like others, or like what is wished for.
    Recommend(recommend::Recommend),
    /// Show how the values of a feature change over time.
    Trends(trends::TrendsCommand),
    /// Show what goes with success, or sets a slice of the corpus apart from the rest.
    Patterns(patterns::PatternsCommand),
    /// Compare profiles of a search by what people say of hits.
    Experiments(experiments::ExperimentsCommand),
    /// Write what was said of hits as queries and judgements.
    Feedback(feedback::FeedbackCommand),
    /// Measure the analyzers and the search on texts whose analysis, and queries whose answers, are known.
    Eval(eval::Eval),
    /// Make corpora.
    Corpus(corpus::Corpus),
    /// Print the JSON Schema of definition files, or the OpenAPI document of the API.
    Schema(schema::SchemaCommand),
    /// Print a completion script for a shell.
    #[command(
        after_help = "For example: rhapsode completions bash > ~/.local/share/bash-completion/completions/rhapsode"
    )]
    Completions { shell: clap_complete::Shell },
}

/// Runs the command that the arguments name. Boxed, so that all of it is compiled with the library and not once more
/// with each binary.
pub fn main() -> Pin<Box<dyn Future<Output = ExitCode> + Send>> {
    Box::pin(run())
}

async fn run() -> ExitCode {
    let Arguments { project, log, command } = Arguments::parse();
    let is_server = matches!(command, Command::Serve(_));
    // What a person did at the command line is in the audit log; no need to tell the same person.
    let log = if is_server { log } else { format!("{log},rhapsode::audit=warn") };
    // Commands that may trace; what else is wrong with the configuration they say themselves.
    let traced = matches!(command, Command::Serve(_) | Command::Build(_));
    let traces = traced.then(|| Config::load(&project).ok()).flatten().map(|config| config.traces);
    let traces = match crate::telemetry::init(&log, &traces.unwrap_or_default()) {
        Ok(traces) => traces,
        Err(error) => {
            paint::error(&error.into());
            return ExitCode::FAILURE;
        }
    };
    if !is_server {
        without_huge_pages();
    }
    let done = command_done(command, &project).await;
    traces.finish().await;
    done.unwrap_or_else(|error| {
        paint::error(&error);
        ExitCode::FAILURE
    })
}

async fn command_done(command: Command, project: &Path) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init(command) => command.run(project),
        Command::Check(command) => command.run(project).await,
        Command::Plan(command) => command.run(project).await,
        Command::Search(command) => command.run(project).await,
        Command::Recommend(command) => command.run(project).await,
        Command::Trends(command) => command.run(project).await,
        Command::Patterns(command) => command.run(project).await,
        Command::Experiments(command) => command.run(project).await,
        Command::Feedback(command) => command.run(project).await,
        Command::Eval(command) => command.run(project).await,
        Command::Build(command) => command.run(project).await,
        Command::Ingest(command) => command.run(project).await,
        Command::Serve(command) => command.run(project).await,
        Command::Keys(command) => command.run(project).await,
        Command::Audit(command) => command.run(project).await,
        Command::Usage(command) => command.run(project).await,
        Command::SqlWorker(command) => command.run(project).await,
        Command::Sql(command) => command.run(project).await,
        Command::TrainingSet(command) => command.run(project).await,
        Command::Releases(command) => command.run(project).await,
        Command::Quality(command) => command.run(project).await,
        Command::Gc(command) => command.run(project).await,
        Command::Corpus(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "rhapsode", &mut script);
            say!("{}", String::from_utf8_lossy(&script).trim_end());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Huge pages pay where memory is read again and again. A command that ends soon would spend its time clearing them: of a
/// build of a hundred changed rows a quarter.
#[cfg(target_os = "linux")]
fn without_huge_pages() {
    // SAFETY: it sets a flag of this process and touches no memory. Where the system refuses, all stays as it is.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}

#[cfg(not(target_os = "linux"))]
fn without_huge_pages() {}

/// The arguments, for tests of the help texts.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Opens the project in `folder`.
fn open(folder: &Path) -> anyhow::Result<App> {
    let config = Config::load(folder)?;
    Ok(App::new(folder, config, Arc::new(SystemClock))?)
}

/// The configuration of the project in `folder`; the defaults where it is no project.
fn config_or_default(folder: &Path) -> anyhow::Result<Config> {
    match Config::load(folder) {
        Err(ConfigError::NoProject { .. }) => Ok(Config::default()),
        config => Ok(config?),
    }
}

/// Prints `value` as JSON, for machines.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    say!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// From 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("`{text}` is not from 0 to 1"))
}

/// The entity that is asked for; where there is one, it need not be named.
fn the_entity(view: &ReleaseView, asked: Option<String>) -> anyhow::Result<String> {
    let known: Vec<&str> = view.readable.entities().collect();
    match (asked, known.as_slice()) {
        (Some(asked), _) => Ok(asked),
        (None, [only]) => Ok((*only).to_owned()),
        (None, _) => anyhow::bail!("there are several entities; --entity says which: {}", known.join(", ")),
    }
}
