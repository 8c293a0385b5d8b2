//! What is wrong with a statement, in the words of whoever wrote it.

use std::sync::Arc;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use serde::{Deserialize, Serialize};
use tokio::task::JoinError;

use crate::error::ErrorKind;

/// A statement that cannot be planned or run.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("{message}{}", self.remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default())]
pub struct SqlError {
    kind: ErrorKind,
    pub message: String,
    pub remedy: Option<String>,
    /// Line and column in the statement, from 1.
    pub position: Option<(usize, usize)>,
}

impl SqlError {
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub fn invalid(message: String) -> Self {
        Self { kind: ErrorKind::Invalid, message, remedy: None, position: None }
    }

    pub fn not_found(message: String) -> Self {
        Self { kind: ErrorKind::NotFound, ..Self::invalid(message) }
    }

    pub fn too_large(message: String) -> Self {
        Self { kind: ErrorKind::TooLarge, ..Self::invalid(message) }
    }

    pub fn timeout(message: String) -> Self {
        Self { kind: ErrorKind::Timeout, ..Self::invalid(message) }
    }

    /// What it depends on does not answer now.
    pub fn unavailable(message: String) -> Self {
        Self { kind: ErrorKind::Unavailable, ..Self::invalid(message) }
    }

    pub fn internal(message: String) -> Self {
        Self { kind: ErrorKind::Internal, ..Self::invalid(message) }
    }

    /// The engine has a fault that the statement meets, and will meet again.
    pub fn engine_fault() -> Self {
        Self::invalid("the engine cannot answer this statement, though it should".to_owned())
            .with_remedy("write it in another way; casts to plain types help, and aggregates of columns that are named")
    }

    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// The same, said of the thing that is called `name`.
    pub(super) fn of(self, name: &str) -> Self {
        Self { message: format!("`{name}`: {}", self.message), ..self }
    }

    pub(super) fn at(self, line: u64, column: u64) -> Self {
        let position = usize::try_from(line).ok().zip(usize::try_from(column).ok());
        Self { position: position.filter(|(line, column)| *line > 0 && *column > 0), ..self }
    }

    pub(super) fn from_parser(error: ParserError) -> Self {
        let message = match error {
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
            ParserError::RecursionLimitExceeded => {
                return Self::too_large("the statement is nested too deeply".to_owned());
            }
        };
        // `Expected: …, found: … at Line: 1, Column: 8`
        let Some((text, position)) = message.rsplit_once(" at Line: ") else { return Self::invalid(message) };
        let position = position
            .split_once(", Column: ")
            .and_then(|(line, column)| line.parse().ok().zip(column.trim_end_matches(['.', ' ']).parse().ok()));
        let text = text.replacen("Expected: ", "expected ", 1).replace(", found: ", ", found ");
        Self { position, ..Self::invalid(text) }
    }

    /// `tables` are the names that the statement could have meant.
    pub(super) fn from_planning(error: DataFusionError, tables: &[String]) -> Self {
        let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
        let planned = match root(&error) {
            DataFusionError::SchemaError(schema_error, _) => schema_fault(schema_error),
            DataFusionError::SQL(parser_error, _) => Self::from_parser(parser_error.as_ref().clone()),
            DataFusionError::Plan(message) | DataFusionError::NotImplemented(message) => {
                planning_fault(message, tables)
            }
            _ => Self::from_execution(error),
        };
        match span {
            Some(span) if planned.position.is_none() => planned.at(span.start.line, span.start.column),
            _ => planned,
        }
    }

    /// Faults of the data and of the machine, once a statement runs.
    pub fn from_execution(error: DataFusionError) -> Self {
        let root = root(&error);
        if let DataFusionError::External(inner) = root
            && let Some(of_inner_statement) = inner.downcast_ref::<Self>()
        {
            return of_inner_statement.clone();
        }
        match root {
            DataFusionError::ResourcesExhausted(_) => {
                Self::too_large("the statement needs more memory than it may use".to_owned())
                    .with_remedy("select fewer columns, filter first, or aggregate")
            }
            DataFusionError::Plan(message)
            | DataFusionError::Execution(message)
            | DataFusionError::NotImplemented(message) => told(message),
            DataFusionError::SchemaError(schema_error, _) => schema_fault(schema_error),
            DataFusionError::ArrowError(error, _) => Self::invalid(first_line(&error.to_string())),
            DataFusionError::External(inner) if is_of_regex(inner.as_ref()) => {
                // The last line says what is wrong, those before show where.
                let told = inner.to_string();
                let fault = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Self::invalid(format!("a regular expression cannot be read: {fault}"))
            }
            root if matches!(root, DataFusionError::Internal(_)) || is_panic(root) => {
                tracing::warn!(%error, "the engine cannot answer a statement");
                Self::engine_fault()
            }
            _ => {
                tracing::error!(%error, "a statement failed");
                Self { kind: ErrorKind::Internal, ..Self::invalid("the statement failed inside the engine".to_owned()) }
            }
        }
    }
}

/// The error beneath contexts, diagnostics and collections.
fn root(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(inner),
        DataFusionError::Collection(errors) => errors.first().map(root).unwrap_or(error),
        DataFusionError::Shared(inner) => root(inner),
        DataFusionError::External(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => root(inner),
            None => error,
        },
        error => error,
    }
}

/// Whether an expression of `regex` or of `regex-syntax` could not be read.
fn is_of_regex(error: &(dyn std::error::Error + Send + Sync)) -> bool {
    error.to_string().starts_with("regex parse error")
}

/// Whether a task of the engine panicked. One whose rows several wait for is shared.
fn is_panic(error: &DataFusionError) -> bool {
    match error {
        DataFusionError::ExecutionJoin(join) => join.is_panic(),
        DataFusionError::External(inner) => {
            let shared = inner.downcast_ref::<Arc<JoinError>>().map(AsRef::as_ref);
            shared.or_else(|| inner.downcast_ref()).is_some_and(JoinError::is_panic)
        }
        _ => false,
    }
}

fn schema_fault(error: &SchemaError) -> SqlError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names: std::collections::BTreeSet<&str> =
                valid_fields.iter().map(|field| field.name.as_str()).collect();
            let fault = SqlError::invalid(format!("unknown column `{}`", field.name));
            match crate::name::nearest(&field.name, names.iter().copied()) {
                Some(nearest) => fault.with_remedy(format!("did you mean `{nearest}`?")),
                None if (1..=40).contains(&names.len()) => {
                    fault.with_remedy(format!("there is `{}`", names.into_iter().collect::<Vec<_>>().join("`, `")))
                }
                None => fault,
            }
        }
        SchemaError::AmbiguousReference { field } => {
            SqlError::invalid(format!("column `{}` is in more than one table", field.name))
                .with_remedy("write the table before it")
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            SqlError::invalid(format!("two columns are called `{name}`"))
                .with_remedy("give one of them another name with `as`")
        }
    }
}

fn planning_fault(message: &str, tables: &[String]) -> SqlError {
    // `table 'datafusion.public.trcks' not found`
    if let Some(table) = message.strip_prefix("table '").and_then(|rest| rest.split_once("' not found")) {
        let name = table.0.rsplit('.').next().unwrap_or(table.0);
        let fault = SqlError::invalid(format!("unknown table `{name}`"));
        let mut tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        tables.sort_unstable();
        return match crate::name::nearest(name, tables.iter().copied()) {
            Some(nearest) => fault.with_remedy(format!("did you mean `{nearest}`?")),
            None if !tables.is_empty() => fault.with_remedy(format!("there is `{}`", tables.join("`, `"))),
            None => fault,
        };
    }
    // `Invalid function 'nou'.\nDid you mean 'now'?`
    if let Some(rest) = message.strip_prefix("Invalid function '") {
        let (name, meant) = rest.split_once('\'').unwrap_or((rest, ""));
        if let Some(reason) = super::functions::refusal(name) {
            return SqlError::invalid(format!("the function `{name}` is refused: {reason}"));
        }
        let fault = SqlError::invalid(format!("unknown function `{name}`"));
        let meant = meant.split_once("Did you mean '").and_then(|(_, meant)| meant.split_once('\''));
        return match meant {
            Some((meant, _)) if !meant.eq_ignore_ascii_case(name) => {
                fault.with_remedy(format!("did you mean `{meant}`?"))
            }
            _ => fault,
        };
    }
    told(message)
}

/// The engine's own words, where they are not worth more.
fn told(message: &str) -> SqlError {
    let message = first_line(message);
    // `Field tokns not found in struct`
    match message.strip_prefix("Field ").and_then(|rest| rest.strip_suffix(" not found in struct")) {
        Some(field) => SqlError::invalid(format!("unknown field `{field}`")),
        None => SqlError::invalid(message),
    }
}

/// The first line: the rest is advice for users of the engine.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.trim_start_matches("Error during planning: ").trim_end().to_owned()
}
