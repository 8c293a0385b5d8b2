//! The models that a project may use: the built-in one and those of its configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, StringArray};

use super::bert::Bert;
use super::endpoint::Endpoint;
use super::sentence_encoder::SentenceEncoder;
use super::{Embedded, EmbeddingModel, ModelError, Part, Parts, parts};
use crate::clock::Stopwatch;
use crate::config::{Config, ModelConfig};
use crate::name::{Fingerprint, nearest};

/// The model that needs no configuration: Universal Sentence Encoder multilingual v3.
pub const BUILT_IN: &str = "use";

const FETCH: &str = "`make setup` brings it, `resources.folder` says where it lies";

/// All models of a project. Each is opened when it is asked for, and read when the first text comes.
#[derive(Clone, Debug)]
pub struct Models {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    project: PathBuf,
    folder: PathBuf,
    configured: BTreeMap<String, ModelConfig>,
    open: Mutex<BTreeMap<String, Arc<Model>>>,
}

/// A model under the name that definitions use.
#[derive(Debug)]
pub struct Model {
    name: String,
    is_built_in: bool,
    model: Box<dyn EmbeddingModel>,
}

impl Models {
    /// The models of the project in that folder, to which paths are relative.
    pub fn new(project: &Path, config: &Config) -> Self {
        let (folder, configured) = (project.join(config.resources.folder()), config.models.clone());
        let project = project.to_owned();
        Self { inner: Arc::new(Inner { project, folder, configured, open: Mutex::default() }) }
    }

    /// The model of that name.
    pub fn find(&self, name: &str) -> Result<Arc<Model>, ModelError> {
        let mut open = self.inner.open.lock().expect("no thread panics while it opens a model");
        if let Some(model) = open.get(name) {
            return Ok(Arc::clone(model));
        }
        let model = self.opened(name)?;
        let is_built_in = name == BUILT_IN && !self.inner.configured.contains_key(name);
        let model = Arc::new(Model { name: name.to_owned(), is_built_in, model });
        open.insert(name.to_owned(), Arc::clone(&model));
        Ok(model)
    }

    fn opened(&self, name: &str) -> Result<Box<dyn EmbeddingModel>, ModelError> {
        Ok(match self.inner.configured.get(name) {
            Some(ModelConfig::Bert(config)) => Box::new(Bert::open(name, &self.inner.project.join(&config.folder))?),
            Some(ModelConfig::Openai(config)) => Box::new(Endpoint::open(name, config)?),
            None if name == BUILT_IN => {
                Box::new(SentenceEncoder::open(name, &self.inner.folder.join(BUILT_IN), FETCH)?)
            }
            None => {
                let known: Vec<&str> = self.names().collect();
                let remedy = match nearest(name, known.iter().copied()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("there is `{}`; `[models.{name}]` in rhapsode.toml adds it", known.join("`, `")),
                };
                return Err(ModelError::Unknown { name: name.to_owned(), remedy });
            }
        })
    }

    /// The names of all, ordered.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let built_in = (!self.inner.configured.contains_key(BUILT_IN)).then_some(BUILT_IN);
        self.inner.configured.keys().map(String::as_str).chain(built_in)
    }
}

impl Model {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the one that needs no configuration, on whose vectors weights of analyzers were fitted.
    pub fn is_built_in(&self) -> bool {
        self.is_built_in
    }

    /// Numbers of a vector.
    pub fn dimensions(&self) -> usize {
        self.model.dimensions()
    }

    /// Of all that decides the vectors.
    pub fn digest(&self) -> Fingerprint {
        self.model.digest()
    }

    /// A vector for each text, as [`EmbeddingModel::embed`]; counted.
    pub async fn embed(&self, texts: StringArray) -> Result<Embedded, ModelError> {
        let watch = Stopwatch::start();
        let embedded = self.model.embed(texts).await;
        let told =
            embedded.as_ref().ok().map(|embedded| (embedded.vectors.len(), embedded.tokens, embedded.faults.len()));
        self.counted(&watch, told);
        embedded
    }

    /// The vectors of parts of texts, by one call; counted.
    pub async fn embed_parts(&self, texts: &StringArray, parts: &[Part]) -> Result<Parts, ModelError> {
        let watch = Stopwatch::start();
        let embedded = parts::embed_parts(self.model.as_ref(), texts, parts).await;
        let told = embedded.as_ref().ok().map(|parts| (texts.len(), parts.tokens, parts.faults.len()));
        self.counted(&watch, told);
        embedded
    }

    fn counted(&self, watch: &Stopwatch, told: Option<(usize, u64, usize)>) {
        let model = || self.name.clone();
        metrics::histogram!("rhapsode_model_call_seconds", "model" => model()).record(watch.seconds());
        match told {
            Some((texts, tokens, faults)) => {
                metrics::counter!("rhapsode_model_texts_total", "model" => model()).increment(texts as u64);
                metrics::counter!("rhapsode_model_tokens_total", "model" => model()).increment(tokens);
                metrics::counter!("rhapsode_model_faults_total", "model" => model()).increment(faults as u64);
            }
            None => metrics::counter!("rhapsode_model_failures_total", "model" => model()).increment(1),
        }
    }
}

/// The digest of `files` of a model's folder.
pub(super) fn digest_of_files(
    name: &str,
    folder: &Path,
    files: &[&str],
    remedy: &'static str,
) -> Result<Fingerprint, ModelError> {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        let path = folder.join(file);
        hasher.update(file.as_bytes());
        if std::fs::File::open(&path).and_then(|file| hasher.update_reader(file).map(|_| ())).is_err() {
            let (name, file) = (name.to_owned(), path.display().to_string());
            return Err(ModelError::Missing { name, file, remedy });
        }
    }
    Ok(hasher.finalize().into())
}
