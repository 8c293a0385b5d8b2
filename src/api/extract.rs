//! What handlers take: parameters and bodies, checked, with a problem that names what is wrong.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::{Problem, layers};
use crate::limits::REQUEST_BODY_BYTES_MAX;
use crate::name::nearest;
use crate::store::ReleaseRef;

/// The parameters of a URL, each once.
pub(super) struct Parameters(BTreeMap<String, String>);

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            if parameters.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Problem::invalid("doubled-parameter", format!("`{name}` is given twice")).field(name, ""));
            }
        }
        Ok(Self(parameters))
    }
}

impl Parameters {
    /// Refuses parameters that are not `known`.
    pub fn only(self, known: &[&str]) -> Result<Self, Problem> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(self),
            Some((name, value)) => {
                let problem = Problem::invalid("unknown-parameter", format!("there is no parameter `{name}`"));
                let remedy = match nearest(name, known.iter().copied()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
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

    /// The items of a comma-separated list; none where the parameter is absent.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        Some(self.get(name)?.split(',').map(|item| item.trim().to_owned()).collect())
    }

    /// The release that is asked for, `latest` by default.
    pub fn release(&self) -> Result<ReleaseRef, Problem> {
        match self.get("release") {
            None => Ok(ReleaseRef::Latest),
            Some(text) => Ok(text.parse::<ReleaseRef>()?),
        }
    }
}

/// A JSON body.
pub(super) struct JsonBody<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let media_type =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let is_json =
            media_type.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "the body must be JSON")
                .field("content-type", media_type)
                .remedy("send `content-type: application/json`"));
        }
        let body = layers::body(request, REQUEST_BODY_BYTES_MAX).await?;
        Ok(Self(json(&body)?))
    }
}

/// A JSON body, read.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        malformed(error.inner(), if path == "." { "body".to_owned() } else { path })
    })?;
    deserializer.end().map_err(|error| malformed(&error, "body".to_owned()))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error, field: String) -> Problem {
    match error.is_data() {
        true => Problem { field: Some(field), ..Problem::invalid("invalid-body", error.to_string()) },
        false => Problem { field: Some("body".to_owned()), ..Problem::invalid("malformed-json", error.to_string()) },
    }
}
