//! What people see: colours where there is a terminal, faults with the line they stand in, tables.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::path::Path;

use console::{Term, style};

use crate::definition::{Diagnostic, Diagnostics};
use crate::pipeline::BuildError;

/// A line of standard output. `head` closes it early, which is no fault.
pub(super) fn line(text: fmt::Arguments<'_>) {
    if let Err(fault) = writeln!(std::io::stdout().lock(), "{text}") {
        if fault.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        eprintln!("{} standard output cannot be written: {fault}", style("error:").red().bold().for_stderr());
        std::process::exit(1);
    }
}

/// An error and its causes.
pub(super) fn error(error: &anyhow::Error) {
    eprintln!("{} {error}", style("error:").red().bold().for_stderr());
    for cause in error.chain().skip(1).filter(|cause| !error.to_string().contains(&cause.to_string())) {
        eprintln!("  {} {cause}", style("because").dim().for_stderr());
    }
}

/// Every fault, with the line it stands in.
pub(super) fn diagnostics(project: &Path, diagnostics: &Diagnostics) {
    for diagnostic in diagnostics.iter() {
        one(project, diagnostic);
    }
}

fn one(project: &Path, diagnostic: &Diagnostic) {
    let Diagnostic { place, message, remedy } = diagnostic;
    eprintln!("{}: {}", style(place).bold().for_stderr(), style(message).red().for_stderr());
    let text = std::fs::read_to_string(project.join(&*place.file)).unwrap_or_default();
    if let Some(line) = text.lines().nth(place.line - 1) {
        let number = place.line.to_string();
        let before: String = line.chars().take(place.column - 1).collect();
        let word: String =
            line.chars().skip(place.column - 1).take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let carets = "^".repeat(console::measure_text_width(&word).max(1));
        let indent = " ".repeat(console::measure_text_width(&before));
        eprintln!("  {} {line}", style(format!("{number} |")).dim().for_stderr());
        eprintln!("  {} {indent}{}", " ".repeat(number.len() + 2), style(carets).red().for_stderr());
    }
    if let Some(remedy) = remedy {
        eprintln!("    {} {remedy}", style("help:").cyan().for_stderr());
    }
}

/// Shows the faults of definitions in full; other errors go on to whoever prints them.
pub(super) fn faults(project: &Path, error: BuildError) -> anyhow::Error {
    if let BuildError::Definitions(faults) = &error {
        diagnostics(project, faults);
    }
    error.into()
}

/// Rows under a header, the columns as wide as they need to be.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| console::measure_text_width(&row[column]));
        cells.chain([console::measure_text_width(header[column])]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<String>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| console::pad_str(cell, *width, console::Alignment::Left, None).into_owned())
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    say!("{}", style(line(header.iter().map(|cell| (*cell).to_owned()).collect())).bold());
    for row in rows {
        say!("{}", line(row.clone()));
    }
}

/// Whether progress bars make sense.
pub(super) fn is_terminal() -> bool {
    Term::stderr().is_term()
}

/// `12345678` as `12,345,678`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes as people read them: `12.3 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
