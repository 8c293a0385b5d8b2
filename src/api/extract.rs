//! What handlers take: parameters and bodies, checked, with a problem that names what is wrong.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::respond::JSON;
use super::{Problem, layers};
use crate::limits::REQUEST_BODY_BYTES_MAX;
use crate::name::nearest;
use crate::store::ReleaseRef;

/// The parameters of a URL, each once.
pub(super) struct Parameters(BTreeMap<String, String>);

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(parts.uri.query().unwrap_or_default())
    }
}

impl Parameters {
    /// As they stand in a URL.
    pub fn read(written: &str) -> Result<Self, Problem> {
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(written.as_bytes()) {
            if parameters.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Problem::invalid("doubled-parameter", format!("`{name}` is given twice")).field(name, ""));
            }
        }
        Ok(Self(parameters))
    }

    /// Refuses parameters that are not `known`.
    pub fn only(self, known: &[&str]) -> Result<Self, Problem> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(self),
            Some((name, value)) => {
                let problem = Problem::invalid("unknown-parameter", format!("there is no parameter `{name}`"));
                let remedy = match nearest(name, known.iter().copied()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None if known.is_empty() => "this path takes no parameters".to_owned(),
                    None => format!("there is `{}`", known.join("`, `")),
                };
                Err(problem.field(name, value).remedy(remedy))
            }
        }
    }

    /// Takes out those whose names begin with `prefix`, and gives them without it.
    pub fn take_prefixed(&mut self, prefix: &str) -> BTreeMap<String, String> {
        let taken = self.0.extract_if(.., |name, _| name.starts_with(prefix));
        taken.map(|(name, value)| (name[prefix.len()..].to_owned(), value)).collect()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn required(&self, name: &str, remedy: &str) -> Result<&str, Problem> {
        self.get(name).ok_or_else(|| {
            Problem::invalid("missing-parameter", format!("the parameter `{name}` is missing"))
                .field(name, "")
                .remedy(remedy)
        })
    }

    /// False where the parameter is absent.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                let detail = format!("`{name}` is `true` or `false`");
                Err(Problem::invalid("invalid-parameter", detail).field(name, other))
            }
        }
    }

    /// The items of a comma-separated list; none where the parameter is absent.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        Some(self.get(name)?.split(',').map(|item| item.trim().to_owned()).collect())
    }

    /// All of them, ordered, but for the release.
    pub fn canonical(&self) -> String {
        let others = self.0.iter().filter(|(name, _)| *name != "release");
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(others).finish()
    }

    /// Whether the release that is asked for is named by its number.
    pub fn is_pinned(&self) -> bool {
        self.get("release").is_some_and(|text| text.parse::<u64>().is_ok())
    }

    /// The release that is asked for, `latest` by default.
    pub fn release(&self) -> Result<ReleaseRef, Problem> {
        match self.get("release") {
            None => Ok(ReleaseRef::Latest),
            Some(text) => Ok(text.parse::<ReleaseRef>()?),
        }
    }
}

/// What a body is sent as, in lower case and without parameters; empty where its sender does not say.
pub(super) fn sent_as(headers: &HeaderMap) -> String {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A JSON body.
pub(super) struct JsonBody<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let sent = sent_as(request.headers());
        if sent != JSON {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "the body must be JSON")
                .field("content-type", &sent)
                .remedy("send `content-type: application/json`"));
        }
        let body = layers::body(request, REQUEST_BODY_BYTES_MAX).await?;
        Ok(Self(json_object(&body)?))
    }
}

/// A JSON body that must be an object: a list of its values in order is none, though serde takes one.
pub(super) fn json_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    match body.trim_ascii_start().first() {
        Some(b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {
            let problem = Problem::invalid("invalid-body", "the body must be a JSON object");
            Err(problem.field("body", "").remedy("send `{…}` with the members that /docs shows"))
        }
        _ => json(body),
    }
}

/// A JSON body, read. An integer may be written as `5.0`, as JSON Schema has it, where the body is not one of rows.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = match serde_path_to_error::deserialize(&mut deserializer) {
        Ok(value) => value,
        Err(error) => {
            return with_plain_integers(body).ok_or_else(|| {
                let path = error.path().to_string();
                malformed(error.inner(), if path == "." { "body".to_owned() } else { path })
            });
        }
    };
    deserializer.end().map_err(|error| malformed(&error, "body".to_owned()))?;
    Ok(value)
}

/// A body that can be read once its integers are written without a point; none where they are, or where it is wrong otherwise.
fn with_plain_integers<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    /// Up to here every integer is a number with a point.
    const EXACT_MAX: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    fn rewrite(value: &mut Value) -> bool {
        match value {
            Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(whole) if whole.fract() == 0.0 && whole.abs() <= EXACT_MAX => {
                    *value = Value::from(whole as i64);
                    true
                }
                _ => false,
            },
            Value::Array(values) => values.iter_mut().fold(false, |any, value| rewrite(value) | any),
            Value::Object(members) => members.values_mut().fold(false, |any, value| rewrite(value) | any),
            _ => false,
        }
    }
    // Its values take many times as much memory as the body.
    let body = Some(body).filter(|body| body.len() <= REQUEST_BODY_BYTES_MAX)?;
    let mut value: Value = serde_json::from_slice(body).ok()?;
    rewrite(&mut value).then(|| serde_json::from_value(value).ok())?
}

fn malformed(error: &serde_json::Error, field: String) -> Problem {
    match error.is_data() {
        true => Problem { field: Some(field), ..Problem::invalid("invalid-body", error.to_string()) },
        false => Problem { field: Some("body".to_owned()), ..Problem::invalid("malformed-json", error.to_string()) },
    }
}
