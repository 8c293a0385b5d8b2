//! Any service that speaks OpenAI's `POST /v1/embeddings`: batches, retries, a bound on requests at once, what it costs.
//!
//! Written with `reqwest`, which object stores use already; `async-openai` adds what one route does not need.

use std::time::Duration;

use arrow::array::{Array, StringArray};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use serde::{Deserialize, Serialize};

use super::{Embedded, EmbeddingModel, ModelError, present, spread};
use crate::config::{OpenaiConfig, variable};
use crate::limits::{ENDPOINT_ATTEMPTS_MAX, ENDPOINT_WAIT_MAX};
use crate::name::Fingerprint;

/// A service and a model of it.
#[derive(Debug)]
pub(super) struct Endpoint {
    name: String,
    config: OpenaiConfig,
    url: String,
    /// Marked as a secret, so that it is never printed.
    authorization: Option<HeaderValue>,
    client: reqwest::Client,
    /// As many permits as requests at once.
    permits: tokio::sync::Semaphore,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [&'a str],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Response {
    data: Vec<Item>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Default, Deserialize)]
struct Usage {
    #[serde(default)]
    total_tokens: u64,
}

/// What became of a request.
enum Fault {
    /// These texts are not taken; others may be.
    Refused(String),
    /// Later, after so long at least.
    Later(String, Duration),
    Fatal(ModelError),
}

/// A vector for each text, or why it has none; and the tokens that were read.
type Answer = (Vec<Result<Vec<f32>, String>>, u64);

impl Endpoint {
    pub(super) fn open(name: &str, config: &OpenaiConfig) -> Result<Self, ModelError> {
        let unusable = |reason: String| ModelError::Unusable { name: name.to_owned(), reason };
        let authorization = match &config.key_env {
            None => None,
            Some(named) => {
                let missing = || unusable(format!("its key is expected in the variable `{named}`, which is not set"));
                let key = format!("Bearer {}", variable(named).ok_or_else(missing)?);
                let malformed = |_| unusable(format!("the variable `{named}` holds no key"));
                let mut value = HeaderValue::from_str(&key).map_err(malformed)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let timeout = Duration::from_secs(config.timeout_seconds.max(1));
        let client = reqwest::Client::builder().timeout(timeout).build();
        let client = client.map_err(|error| unusable(error.to_string()))?;
        let url = format!("{}/embeddings", config.url.trim_end_matches('/'));
        let permits = tokio::sync::Semaphore::new(config.concurrency.max(1));
        Ok(Self { name: name.to_owned(), config: config.clone(), url, authorization, client, permits })
    }

    /// The answer for a batch; texts that are refused together are asked for one by one, to find which it is.
    async fn answered(&self, texts: &[&str]) -> Result<Answer, ModelError> {
        match self.persistent(texts).await {
            Ok((vectors, tokens)) => Ok((vectors.into_iter().map(Ok).collect(), tokens)),
            Err(Fault::Fatal(error)) => Err(error),
            Err(Fault::Refused(reason) | Fault::Later(reason, _)) if texts.len() == 1 => Ok((vec![Err(reason)], 0)),
            Err(Fault::Refused(_) | Fault::Later(..)) => {
                let (mut answers, mut tokens) = (Vec::with_capacity(texts.len()), 0);
                for text in texts {
                    let (answer, count) = Box::pin(self.answered(&[text])).await?;
                    answers.extend(answer);
                    tokens += count;
                }
                Ok((answers, tokens))
            }
        }
    }

    /// Asks again as long as the answer is to come later.
    async fn persistent(&self, texts: &[&str]) -> Result<(Vec<Vec<f32>>, u64), Fault> {
        let mut attempt = 0;
        loop {
            match self.asked(texts).await {
                Err(Fault::Later(reason, least)) => {
                    attempt += 1;
                    metrics::counter!("rhapsode_model_retries_total", "model" => self.name.clone()).increment(1);
                    if attempt >= ENDPOINT_ATTEMPTS_MAX {
                        let name = self.name.clone();
                        return Err(Fault::Fatal(ModelError::Unavailable { name, reason }));
                    }
                    tokio::time::sleep(pause(attempt, texts.first().copied().unwrap_or_default()).max(least)).await;
                }
                answer => return answer,
            }
        }
    }

    async fn asked(&self, texts: &[&str]) -> Result<(Vec<Vec<f32>>, u64), Fault> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        let body = Request { model: &self.config.model, input: texts, encoding_format: "float" };
        let mut request = self.client.post(&self.url).json(&body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        // The URL stays out: it may hold a secret.
        let later = |error: reqwest::Error| Fault::Later(error.without_url().to_string(), Duration::ZERO);
        let response = request.send().await.map_err(later)?;
        match response.status() {
            status if status.is_success() => self.read(response.json().await.map_err(later)?, texts.len()),
            status @ (StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY) => {
                Err(Fault::Refused(format!("the service refused it with {status}")))
            }
            status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                let least = Duration::from_secs(seconds.unwrap_or(0)).min(ENDPOINT_WAIT_MAX);
                Err(Fault::Later(format!("it answered {status}"), least))
            }
            status => {
                let reason = format!("it answered {status}; look at `models.{}`", self.name);
                Err(Fault::Fatal(ModelError::Unusable { name: self.name.clone(), reason }))
            }
        }
    }

    /// The vectors in the order of the texts, of length 1.
    fn read(&self, response: Response, count: usize) -> Result<(Vec<Vec<f32>>, u64), Fault> {
        let unusable = |reason| Fault::Fatal(ModelError::Unusable { name: self.name.clone(), reason });
        let mut vectors = vec![Vec::new(); count];
        for Item { index, embedding } in response.data {
            let (found, expected) = (embedding.len(), self.config.dimensions);
            if found != expected {
                return Err(unusable(format!("its vectors have {found} numbers; `dimensions` says {expected}")));
            }
            let slot = vectors.get_mut(index).ok_or_else(|| unusable(format!("it answered for a text {index}")))?;
            *slot = of_length_one(embedding);
        }
        if vectors.iter().any(Vec::is_empty) {
            return Err(unusable("it left out a text".to_owned()));
        }
        self.paid(response.usage.total_tokens);
        Ok((vectors, response.usage.total_tokens))
    }

    fn paid(&self, tokens: u64) {
        if let Some(price) = self.config.price_per_million_tokens {
            // Millionths, since a counter is whole.
            let cost = (price * tokens as f64).round() as u64;
            metrics::counter!("rhapsode_model_cost_millionths_total", "model" => self.name.clone()).increment(cost);
        }
    }
}

#[async_trait]
impl EmbeddingModel for Endpoint {
    fn dimensions(&self) -> usize {
        self.config.dimensions
    }

    /// What is known of a model that somebody else runs: its name and its size. Where the service changes the model under
    /// its name, give it another name here.
    fn digest(&self) -> Fingerprint {
        let dimensions = self.config.dimensions.to_le_bytes();
        Fingerprint::of([b"openai".as_slice(), self.config.model.as_bytes(), &dimensions])
    }

    async fn embed(&self, texts: StringArray) -> Result<Embedded, ModelError> {
        let (rows, words) = present(&texts);
        let mut batches = Vec::new();
        for batch in words.chunks(self.config.batch.max(1)) {
            batches.push(self.answered(batch));
        }
        let answers: Vec<Answer> = stream::iter(batches).buffered(self.config.concurrency.max(1)).try_collect().await?;
        let tokens = answers.iter().map(|(_, tokens)| tokens).sum();
        let mut faults = Vec::new();
        let (mut answered_rows, mut numbers) = (Vec::new(), Vec::new());
        for (row, answer) in rows.iter().zip(answers.into_iter().flat_map(|(answers, _)| answers)) {
            match answer {
                Ok(vector) => {
                    answered_rows.push(*row);
                    numbers.extend(vector);
                }
                Err(reason) => faults.push((*row, reason)),
            }
        }
        let vectors = spread(self.config.dimensions, texts.len(), &answered_rows, &numbers);
        Ok(Embedded { vectors, tokens, faults })
    }
}

/// How long to wait before an attempt: twice as long each time, and between once and twice that, so that those who failed
/// together do not come back together.
fn pause(attempt: u32, text: &str) -> Duration {
    let base = 100 * 2_u64.saturating_pow(attempt.saturating_sub(1));
    let hash = blake3::hash(text.as_bytes());
    let spread = u64::from(u16::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1]])) * base / u64::from(u16::MAX);
    Duration::from_millis(base + spread).min(ENDPOINT_WAIT_MAX)
}

fn of_length_one(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    }
    vector
}
