//! Tokens: a key's scopes, or some of them, for minutes, for web pages and links. JWT (RFC 7519), signed by Ed25519.
//!
//! The keys that sign come from the installation's secret, one for each thirty days, so that all processes agree on them
//! without a word and one follows another by itself.

use chrono::{DateTime, Utc};
use jsonwebtoken::errors::ErrorKind as JwtErrorKind;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use moka::future::Cache;
use serde::{Deserialize, Serialize};

use super::key::KeyId;
use super::scope::Scopes;
use super::{Access, AccessError, Secret};
use crate::config::AccessConfig;
use crate::limits::{TOKEN_BYTES_MAX, TOKENS_REMEMBERED_MAX};

const ISSUER: &str = "rhapsode";

/// Seconds for which one key signs.
const SIGNING_SECONDS: i64 = 30 * 86_400;

/// Seconds by which the clocks of two processes may differ.
const LEEWAY_SECONDS: i64 = 5;

/// What stands before the seed in the PKCS #8 form of an Ed25519 key (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// The key that it was made of.
    pub sub: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    /// Names of scopes, with a blank between them.
    pub scope: String,
    /// The one request that it is for: path and query.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
}

/// A token that is asked for.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    pub key: KeyId,
    pub scopes: Scopes,
    pub link: Option<String>,
}

/// A token, and until when it is good.
#[derive(Clone, Debug)]
pub struct SignedToken {
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("this is neither a key, which begins with `rhp_`, nor a token of this server")]
    Malformed,
    #[error("the token is signed by another algorithm than EdDSA")]
    Algorithm,
    #[error("the token is signed by a key that this server does not have, or has no longer")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token is for another server")]
    Audience,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not good yet")]
    NotYet,
}

/// Signs and verifies.
pub(super) struct Signer {
    secret: Secret,
    audience: String,
    seconds: i64,
    /// By their text, tokens whose signature was found right.
    verified: Cache<String, Claims>,
}

impl Signer {
    pub fn new(secret: &Secret, config: &AccessConfig) -> Self {
        Self {
            secret: secret.clone(),
            audience: config.audience.clone(),
            seconds: i64::from(config.token_minutes.max(1)) * 60,
            verified: Cache::new(TOKENS_REMEMBERED_MAX),
        }
    }

    fn sign(&self, request: &TokenRequest, now: DateTime<Utc>) -> Result<SignedToken, AccessError> {
        let now = now.timestamp();
        let turn = now / SIGNING_SECONDS;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: self.audience.clone(),
            sub: request.key.as_str().to_owned(),
            iat: now,
            nbf: now,
            exp: now + self.seconds,
            scope: request.scopes.to_string(),
            link: request.link.clone(),
        };
        let header = Header { kid: Some(turn.to_string()), ..Header::new(Algorithm::EdDSA) };
        let token = encode(&header, &claims, &self.encoding_key(turn)).map_err(|_| AccessError::Unsigned)?;
        let expires_at = DateTime::from_timestamp(claims.exp, 0).unwrap_or_default();
        Ok(SignedToken { token, expires_at })
    }

    /// What a token says, where it is one of ours and good now.
    pub async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, TokenFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Malformed);
        }
        let claims = match self.verified.get(token).await {
            Some(claims) => claims,
            None => {
                let claims = self.verify_signature(token, now)?;
                self.verified.insert(token.to_owned(), claims.clone()).await;
                claims
            }
        };
        let now = now.timestamp();
        match () {
            () if claims.exp <= now => Err(TokenFault::Expired),
            () if claims.nbf > now + LEEWAY_SECONDS => Err(TokenFault::NotYet),
            () => Ok(claims),
        }
    }

    fn verify_signature(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, TokenFault> {
        let header = decode_header(token).map_err(|error| match error.kind() {
            JwtErrorKind::InvalidAlgorithmName | JwtErrorKind::InvalidAlgorithm => TokenFault::Algorithm,
            _ => TokenFault::Malformed,
        })?;
        if header.alg != Algorithm::EdDSA {
            return Err(TokenFault::Algorithm);
        }
        let turn: i64 = header.kid.and_then(|kid| kid.parse().ok()).ok_or(TokenFault::UnknownKey)?;
        if !turns(now).contains(&turn) {
            return Err(TokenFault::UnknownKey);
        }
        let key = self.jwk(turn).and_then(|jwk| DecodingKey::from_jwk(&jwk)).map_err(|_| TokenFault::UnknownKey)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[&self.audience]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        // By our clock, later.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        decode::<Claims>(token, &key, &validation).map(|data| data.claims).map_err(|error| match error.kind() {
            JwtErrorKind::InvalidAudience | JwtErrorKind::InvalidIssuer => TokenFault::Audience,
            JwtErrorKind::InvalidSignature => TokenFault::Signature,
            _ => TokenFault::Malformed,
        })
    }

    fn encoding_key(&self, turn: i64) -> EncodingKey {
        let seed = self.secret.derive(&format!("signing {turn}"));
        EncodingKey::from_ed_der(&[&PKCS8_HEAD[..], &seed].concat())
    }

    fn jwk(&self, turn: i64) -> Result<Jwk, jsonwebtoken::errors::Error> {
        let mut jwk = Jwk::from_encoding_key(&self.encoding_key(turn), Algorithm::EdDSA)?;
        jwk.common.key_id = Some(turn.to_string());
        Ok(jwk)
    }
}

/// The keys that are good: the one before, since its tokens are still about, the one that signs, and the next, for clocks
/// that are ahead.
fn turns(now: DateTime<Utc>) -> [i64; 3] {
    let turn = now.timestamp() / SIGNING_SECONDS;
    [turn - 1, turn, turn + 1]
}

impl Access {
    /// A token of a key's scopes, or of some of them.
    pub fn token(&self, request: &TokenRequest) -> Result<SignedToken, AccessError> {
        self.signer.sign(request, self.clock.now())
    }

    /// The public keys by which others verify tokens (RFC 7517).
    pub fn jwks(&self) -> Result<JwkSet, AccessError> {
        let keys: Result<Vec<Jwk>, _> = turns(self.clock.now()).into_iter().map(|turn| self.signer.jwk(turn)).collect();
        Ok(JwkSet { keys: keys.map_err(|_| AccessError::Unsigned)? })
    }
}
