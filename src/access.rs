//! Who may ask, how often and how much: keys, tokens, tiers, rates, quotas, usage. It knows no HTTP.
//!
//! The state database has the keys; each process keeps those it has seen in memory and looks for changes every second, so
//! that a request touches no database. Rates are counted by each process for itself, quotas by all together.

mod key;
mod keys;
mod meter;
mod quota;
mod scope;
mod secret;
mod tier;
mod token;
mod usage;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::TimeDelta;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::OwnedSemaphorePermit;

pub use key::{KeyId, NewKey, id_of};
pub use keys::{Key, KeyRecord, KeyRequest, KeyState};
pub use meter::RateState;
pub use quota::{OverQuota, Period};
pub use scope::{Scope, Scopes, UnknownScope};
pub use secret::Secret;
pub use tier::{Rate, RouteClass, Tier, Tiers, Unit};
pub use token::{Claims, SignedToken, TokenFault, TokenRequest};
pub use usage::{QuotaUse, UsageRow};

use crate::clock::Clock;
use crate::config::Config;
use crate::error::ErrorKind;
use crate::limits::{
    CLOCK_SKEW_MICROS, ENDED_KEY_HOURS, KEY_LOOKUPS_PER_SECOND, KEY_NAME_CHARS_MAX, REQUESTS_OF_A_KEY_IN_FLIGHT_MAX,
};
use crate::state::{State, StateError};
use meter::Meter;
use quota::Account;
use token::Signer;

/// The keys of an installation, and what they are used for.
pub struct Access {
    state: State,
    clock: Arc<dyn Clock>,
    secret: Secret,
    tiers: Tiers,
    signer: Signer,
    ring: RwLock<HashMap<KeyId, Arc<Key>>>,
    /// When keys were last in step with the state database, microseconds.
    synced: AtomicI64,
    /// Bounds how often somebody who makes up keys reaches the database.
    lookups: DefaultDirectRateLimiter,
}

/// Why keys cannot be had or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("the secret of the keys in `{file}` cannot be used: {reason}")]
    Secret { file: PathBuf, reason: String },
    #[error("the tier `{tier}` in rhapsode.toml: {reason}")]
    Tier { tier: String, reason: String },
    #[error("there is no tier `{tier}`; there is `{known}`")]
    UnknownTier { tier: String, known: String },
    #[error("the tier `{tier}` has no scope `{scope}`; a key has at most what its tier has")]
    ScopeNotInTier { scope: &'static str, tier: String },
    #[error("a key's name has 1 to {KEY_NAME_CHARS_MAX} characters, none of them control characters")]
    KeyName,
    #[error("there is no key `{0}`; `rhapsode keys list` shows all")]
    UnknownKey(KeyId),
    #[error("the key `{0}` has ended and cannot be rotated; create another")]
    NotRotated(KeyId),
    #[error("{0} in the state database is damaged")]
    Damaged(String),
    #[error("a token cannot be signed")]
    Unsigned,
    #[error(transparent)]
    State(#[from] StateError),
}

impl AccessError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Secret { .. } | Self::Tier { .. } => ErrorKind::Invalid,
            Self::UnknownTier { .. } | Self::ScopeNotInTier { .. } | Self::KeyName => ErrorKind::Invalid,
            Self::UnknownKey(_) => ErrorKind::NotFound,
            Self::NotRotated(_) => ErrorKind::Conflict,
            Self::Damaged(_) | Self::Unsigned => ErrorKind::Internal,
            Self::State(error) => error.kind(),
        }
    }
}

impl From<sqlx::Error> for AccessError {
    fn from(error: sqlx::Error) -> Self {
        Self::State(error.into())
    }
}

/// Why credentials are not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("this is not a key: a character is missing or was changed")]
    Malformed,
    #[error("nobody has this key")]
    Unknown,
    #[error("the key `{0}` was revoked")]
    Revoked(KeyId),
    #[error("the key `{0}` has expired")]
    Expired(KeyId),
    #[error("the key `{0}` has the tier `{1}`, which there is no more")]
    TierGone(KeyId, String),
    #[error(transparent)]
    Token(#[from] TokenFault),
    #[error("keys cannot be looked up at the moment")]
    Unavailable,
}

/// Whoever asks, known.
#[derive(Clone)]
pub struct Caller {
    /// None where the server answers without keys.
    identity: Option<Identity>,
    scopes: Scopes,
    /// What is asked, for the account of usage.
    route: &'static str,
}

#[derive(Clone)]
struct Identity {
    access: Arc<Access>,
    key: Arc<Key>,
    is_token: bool,
}

/// Good credentials: whose they are, and what for.
pub struct Credentials {
    pub key: Arc<Key>,
    pub scopes: Scopes,
    /// Whether a token was shown and not the key itself.
    pub is_token: bool,
    /// The one request that they are for, where they come from a signed link.
    pub link: Option<String>,
}

impl Access {
    /// Opens the keys of the project in that folder. Whoever comes first makes the secret.
    pub fn open(project: &Path, config: &Config, state: State, clock: Arc<dyn Clock>) -> Result<Self, AccessError> {
        let secret = Secret::open(&project.join(&config.access.secret_file))?;
        let lookups = Quota::per_second(KEY_LOOKUPS_PER_SECOND.try_into().unwrap_or(std::num::NonZeroU32::MIN));
        Ok(Self {
            state,
            tiers: Tiers::new(&config.tiers)?,
            signer: Signer::new(&secret, &config.access),
            secret,
            ring: RwLock::default(),
            synced: AtomicI64::new(clock.now().timestamp_micros()),
            clock,
            lookups: RateLimiter::direct(lookups),
        })
    }

    /// Whose `credentials` are: a key, or a token that was made of one.
    pub async fn authenticate(&self, credentials: &str) -> Result<Credentials, Refusal> {
        if !credentials.starts_with(key::PREFIX) {
            let claims = self.signer.verify(credentials, self.clock.now()).await?;
            let id = KeyId::parse(&claims.sub).ok_or(TokenFault::Malformed)?;
            let key = self.good(id).await?;
            let scopes = Scopes::parse(&claims.scope).map_err(|_| TokenFault::Malformed)?.and(key.scopes);
            return Ok(Credentials { key, scopes, is_token: true, link: claims.link });
        }
        let id = key::id_of(credentials).ok_or(Refusal::Malformed)?;
        let hash = self.secret.hash(credentials);
        let key = self.known(id).await?;
        // Compared in constant time.
        if key.record.hash != hash {
            return Err(Refusal::Unknown);
        }
        let key = self.checked(key)?;
        Ok(Credentials { scopes: key.scopes, key, is_token: false, link: None })
    }

    async fn good(&self, id: KeyId) -> Result<Arc<Key>, Refusal> {
        self.checked(self.known(id).await?)
    }

    /// Whether the key may be used now.
    fn checked(&self, key: Arc<Key>) -> Result<Arc<Key>, Refusal> {
        let now = self.clock.now();
        match key.record.state(now) {
            KeyState::Good => {
                key.meter.used_at(now.timestamp_micros());
                Ok(key)
            }
            KeyState::Revoked => Err(Refusal::Revoked(key.id())),
            KeyState::Expired => Err(Refusal::Expired(key.id())),
        }
    }

    async fn known(&self, id: KeyId) -> Result<Arc<Key>, Refusal> {
        if let Some(key) = self.ring.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Arc::clone(key));
        }
        if self.lookups.check().is_err() {
            return Err(Refusal::Unknown);
        }
        // Boxed, since each request's future would have room for it.
        match Box::pin(self.look_up(id)).await {
            Ok(Some(record)) => {
                let tier = record.tier.clone();
                self.remember(record).ok_or(Refusal::TierGone(id, tier))
            }
            Ok(None) => Err(Refusal::Unknown),
            Err(error) => {
                tracing::warn!(%error, "a key cannot be looked up");
                Err(Refusal::Unavailable)
            }
        }
    }

    /// Keeps a key at hand; none where its tier is gone. What is running of a key that is known goes on, and what is known of
    /// it later is not forgotten for what was read before.
    fn remember(&self, record: KeyRecord) -> Option<Arc<Key>> {
        let tier = Arc::clone(self.tiers.get(&record.tier)?);
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let id = record.id;
        let meter = match ring.get(&id) {
            Some(known) if known.record.changed_at > record.changed_at => return Some(Arc::clone(known)),
            Some(known) => Arc::clone(&known.meter),
            None => Arc::new(Meter::new(&tier)),
        };
        let scopes = record.scopes.map_or(tier.scopes, |scopes| scopes.and(tier.scopes));
        let key = Arc::new(Key { record, tier, scopes, meter });
        ring.insert(id, Arc::clone(&key));
        Some(key)
    }

    /// Takes over what other processes changed of keys, and writes down what was used.
    pub async fn sync(&self) -> Result<(), AccessError> {
        let now = self.clock.now().timestamp_micros();
        let since = self.synced.load(Ordering::Relaxed) - CLOCK_SKEW_MICROS;
        let known: BTreeSet<KeyId> = self.at_hand().iter().map(|key| key.id()).collect();
        // Others are read when they are first used.
        for record in self.changed_since(since).await?.into_iter().filter(|record| known.contains(&record.id)) {
            self.remember(record);
        }
        self.synced.store(now, Ordering::Relaxed);
        self.write_usage().await?;
        self.forget_ended();
        Ok(())
    }

    /// Keys that ended long ago need not be at hand: nothing runs of them.
    fn forget_ended(&self) {
        let then = self.clock.now() - TimeDelta::hours(ENDED_KEY_HOURS);
        let has_ended = |key: &Key| {
            let ends = [key.record.revoked_at, key.record.expires_at];
            ends.iter().flatten().any(|end| *end < then)
        };
        if self.ring.read().unwrap_or_else(PoisonError::into_inner).values().any(|key| has_ended(key)) {
            self.ring.write().unwrap_or_else(PoisonError::into_inner).retain(|_, key| !has_ended(key));
        }
    }

    /// How many keys are at hand: those that were used since this process began, and did not end long ago.
    pub fn keys_at_hand(&self) -> usize {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The keys at hand, in the order of their ids.
    fn at_hand(&self) -> Vec<Arc<Key>> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys: Vec<Arc<Key>> = ring.values().cloned().collect();
        keys.sort_by_key(|key| key.id());
        keys
    }
}

impl Caller {
    /// Whoever reaches a server that answers without keys.
    pub fn without_key(scopes: Scopes) -> Self {
        Self { identity: None, scopes, route: "" }
    }

    /// Whoever showed `credentials`, and asks `route`.
    pub fn new(access: Arc<Access>, credentials: Credentials, route: &'static str) -> Self {
        let Credentials { key, scopes, is_token, link: _ } = credentials;
        Self { identity: Some(Identity { access, key, is_token }), scopes, route }
    }

    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }

    pub fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// Whose key it is; none where the server answers without keys.
    pub fn key(&self) -> Option<&Arc<Key>> {
        self.identity.as_ref().map(|identity| &identity.key)
    }

    /// Whether a token was shown, which is to end, and not the key itself.
    pub fn has_token(&self) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.is_token)
    }

    /// What stands in the audit log and owns jobs; none where the server answers without keys.
    pub fn id(&self) -> Option<KeyId> {
        self.key().map(|key| key.id())
    }

    /// Counts a request against the rate of its class; none where there is no rate.
    pub fn request(&self, class: RouteClass) -> Option<RateState> {
        let key = self.key()?;
        key.meter.count(self.route, Unit::Requests, 1);
        Some(key.meter.request(class))
    }

    /// Room for one more request while it is held, which a key alone needs; or how many a key may have in flight, where they
    /// are.
    pub fn in_flight(&self) -> Result<Option<OwnedSemaphorePermit>, usize> {
        match self.key() {
            Some(key) => key.meter.in_flight().map(Some).ok_or(REQUESTS_OF_A_KEY_IN_FLIGHT_MAX),
            None => Ok(None),
        }
    }

    /// Room for one more piece of work while it is held, which a key alone needs; or as how many the tier allows at once, where
    /// they are being done.
    pub fn work(&self) -> Result<Option<OwnedSemaphorePermit>, usize> {
        match self.key() {
            Some(key) => key.meter.work().map(Some).ok_or(key.tier.concurrent),
            None => Ok(None),
        }
    }

    /// Spends `amount` of the key's quotas, all of it or nothing.
    pub async fn spend(&self, unit: Unit, amount: u64) -> Result<Result<(), OverQuota>, StateError> {
        let Some(identity) = &self.identity else { return Ok(Ok(())) };
        let spent = identity.account().spend(unit, amount, identity.access.clock.now()).await?;
        if spent.is_ok() && unit != Unit::Requests && amount > 0 {
            identity.key.meter.count(self.route, unit, amount);
        }
        Ok(spent)
    }

    /// Spends `amount` that was used already, whether there is enough or not.
    pub async fn settle(&self, unit: Unit, amount: u64) -> Result<(), StateError> {
        let Some(identity) = &self.identity else { return Ok(()) };
        if amount > 0 {
            identity.key.meter.count(self.route, unit, amount);
        }
        identity.account().settle(unit, amount, identity.access.clock.now()).await
    }
}

impl Identity {
    fn account(&self) -> Account<'_> {
        Account { id: self.key.id(), tier: &self.key.tier, meter: &self.key.meter, state: &self.access.state }
    }
}
