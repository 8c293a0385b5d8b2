//! What models and analyzers read beside texts: files that set-up brings. Each is read when it is asked for.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::analyze::rhyme::StressDictionary;
use crate::config::Config;
use crate::model::Models;

/// Where the dictionary of Russian stresses lies in the folder of resources.
const STRESS: &str = "russian_stress/stress.tsv";

/// Models and dictionaries of a project.
#[derive(Clone, Debug)]
pub struct Resources {
    models: Models,
    stress_file: PathBuf,
    stress: Arc<OnceLock<Result<Arc<StressDictionary>, String>>>,
}

impl Resources {
    /// Those of the project in that folder, to which paths are relative.
    pub fn new(project: &Path, config: &Config) -> Self {
        let stress_file = project.join(config.resources.folder()).join(STRESS);
        Self { models: Models::new(project, config), stress_file, stress: Arc::default() }
    }

    pub fn models(&self) -> &Models {
        &self.models
    }

    /// How Russian words are stressed: an empty dictionary where there is no file, since a rule then speaks for all words.
    /// The error says what is wrong with the file.
    pub fn stress(&self) -> Result<Arc<StressDictionary>, String> {
        self.stress.get_or_init(|| read(&self.stress_file)).clone()
    }
}

fn read(file: &Path) -> Result<Arc<StressDictionary>, String> {
    let told = |error: &dyn std::fmt::Display| format!("`{}` cannot be read: {error}", file.display());
    match std::fs::read(file) {
        Ok(bytes) => Ok(Arc::new(StressDictionary::parse(&bytes).map_err(|error| told(&error))?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Arc::default()),
        Err(error) => Err(told(&error)),
    }
}
