//! `rhapsode schema`: what editors and client generators read.

use std::process::ExitCode;

use clap::ValueEnum;

use super::print_json;
use crate::api;
use crate::definition::json_schema;

/// Print the JSON Schema of definition files, or the OpenAPI document of the API.
#[derive(clap::Args)]
pub(super) struct SchemaCommand {
    #[arg(value_enum, default_value = "definition")]
    of: Of,
}

#[derive(Clone, Copy, ValueEnum)]
enum Of {
    Definition,
    Openapi,
}

impl SchemaCommand {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.of {
            Of::Definition => print_json(&json_schema())?,
            Of::Openapi => print_json(&api::openapi())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
