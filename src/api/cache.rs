//! Answers that need not be made again. An answer is a function of the release, the request, what its caller may read and
//! the media type: their hash is its `ETag`, so nothing is ever invalidated.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::respond::name_release;
use crate::app::ReleaseView;
use crate::name::ReleaseNumber;

/// What an answer is a function of, hashed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct AnswerId {
    hash: [u8; 16],
    release: ReleaseNumber,
    /// Whether the release was named by its number, so that the same request has the same answer for good.
    is_pinned: bool,
}

impl AnswerId {
    /// `request` is what distinguishes the request: its path with parameters, its body.
    pub fn new(view: &ReleaseView, request: &[&[u8]], media_type: &str, is_pinned: bool) -> Self {
        let release = view.readable.number();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&release.get().to_le_bytes());
        hasher.update(&[u8::from(view.readable.entitlements().has_restricted())]);
        for part in request.iter().copied().chain([media_type.as_bytes()]) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self { hash, release, is_pinned }
    }

    pub fn hash(&self) -> [u8; 16] {
        self.hash
    }

    /// The answer to a caller that has it already; none to every other. `*` is taken for no tag: whether there is an answer at
    /// all is not known yet.
    pub fn not_modified(&self, headers: &HeaderMap) -> Option<Response> {
        let asked = headers.get(header::IF_NONE_MATCH)?.to_str().ok()?;
        let own = self.tag();
        let has = |tag: &str| {
            // The encoded forms of an answer have tags of their own, which begin alike.
            let tag = tag.trim().trim_start_matches("W/");
            tag.strip_prefix(&own[..own.len() - 1]).is_some_and(|rest| ["\"", "-gzip\"", "-zstd\""].contains(&rest))
        };
        let tag = asked.split(',').find(|tag| has(tag))?.trim();
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        response.headers_mut().extend(HeaderValue::from_str(tag).ok().map(|tag| (header::ETAG, tag)));
        response.headers_mut().insert(header::CACHE_CONTROL, self.control());
        name_release(&mut response, self.release);
        Some(response)
    }

    /// Names the answer, and says how long it may be kept.
    pub fn name(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.extend(HeaderValue::from_str(&self.tag()).ok().map(|tag| (header::ETAG, tag)));
        headers.insert(header::CACHE_CONTROL, self.control());
        response
    }

    fn tag(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut tag = String::with_capacity(34);
        tag.push('"');
        for byte in self.hash {
            tag.push(char::from(DIGITS[usize::from(byte >> 4)]));
            tag.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        tag.push('"');
        tag
    }

    /// Its owner's caches may keep it: for an hour where the request names a release, which may be yanked or the key revoked;
    /// else they ask each time, which costs little.
    fn control(&self) -> HeaderValue {
        HeaderValue::from_static(if self.is_pinned { "private, max-age=3600" } else { "private, no-cache" })
    }
}

/// A strong tag is of the very bytes, so an encoding has a tag of its own.
pub(super) async fn tag_encodings(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers();
    if let (Some(encoding), Some(tag)) = (headers.get(header::CONTENT_ENCODING), headers.get(header::ETAG))
        && let (Ok(encoding), Some(tag)) = (encoding.to_str(), tag.to_str().ok().and_then(|tag| tag.strip_suffix('"')))
        && let Ok(tag) = HeaderValue::from_str(&format!("{tag}-{encoding}\""))
    {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
