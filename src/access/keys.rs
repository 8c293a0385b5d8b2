//! The keys of an installation: made, listed, revoked, rotated; and at hand for every request.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};

use super::key::{KeyId, NewKey};
use super::meter::Meter;
use super::scope::Scopes;
use super::tier::Tier;
use super::{Access, AccessError};
use crate::limits::KEY_NAME_CHARS_MAX;
use crate::state::AuditEntry;

/// A key as the state database has it: all but the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    pub id: KeyId,
    /// Whose it is, or what for.
    pub name: String,
    pub(super) hash: blake3::Hash,
    pub tier: String,
    /// What of the tier's scopes it has; all of them where none are named.
    pub scopes: Option<Scopes>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    /// The key that took its place.
    pub replaced_by: Option<KeyId>,
    pub(super) changed_at: i64,
}

/// What can be said of a key at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    Good,
    Revoked,
    Expired,
}

impl KeyState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

impl KeyRecord {
    pub fn state(&self, now: DateTime<Utc>) -> KeyState {
        match () {
            () if self.revoked_at.is_some() => KeyState::Revoked,
            () if self.expires_at.is_some_and(|end| end <= now) => KeyState::Expired,
            () => KeyState::Good,
        }
    }

    fn of_row(row: &AnyRow) -> Result<Self, AccessError> {
        let damaged = |what: &str| AccessError::Damaged(what.to_owned());
        let text = |name: &str| row.try_get::<String, _>(name);
        let optional = |name: &str| row.try_get::<Option<String>, _>(name);
        let time = |micros: i64| DateTime::from_timestamp_micros(micros);
        let when = |name: &str| row.try_get::<Option<i64>, _>(name).map(|micros| micros.and_then(time));
        Ok(Self {
            id: KeyId::parse(&text("id")?).ok_or_else(|| damaged("the id of a key"))?,
            name: text("name")?,
            hash: blake3::Hash::from_hex(text("hash")?).map_err(|_| damaged("the hash of a key"))?,
            tier: text("tier")?,
            scopes: match optional("scopes")? {
                Some(names) => Some(Scopes::parse(&names).map_err(|_| damaged("the scopes of a key"))?),
                None => None,
            },
            created_at: time(row.try_get("created_at")?).unwrap_or_default(),
            expires_at: when("expires_at")?,
            revoked_at: when("revoked_at")?,
            last_used_at: when("last_used_at")?,
            replaced_by: optional("replaced_by")?.and_then(|id| KeyId::parse(&id)),
            changed_at: row.try_get("changed_at")?,
        })
    }
}

/// A key that may be used, with its running state.
pub struct Key {
    pub record: KeyRecord,
    pub tier: Arc<Tier>,
    /// What both the tier and the key allow.
    pub scopes: Scopes,
    pub(super) meter: Arc<Meter>,
}

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct KeyRequest {
    pub name: String,
    pub tier: String,
    /// All of the tier's where none are named.
    pub scopes: Option<Scopes>,
    pub expires_in: Option<TimeDelta>,
}

const COLUMNS: &str =
    "id, name, hash, tier, scopes, created_at, expires_at, revoked_at, last_used_at, replaced_by, changed_at";

impl Access {
    /// Makes a key. It is in what is returned and nowhere else. `actor` is whoever asks, for the audit log.
    pub async fn create(&self, actor: &str, request: &KeyRequest) -> Result<(NewKey, KeyRecord), AccessError> {
        let (key, record) = self.make(request)?;
        let mut transaction = self.state.pool().begin().await?;
        insert(&mut transaction, &record).await?;
        let subject = format!("{} for {}, tier {}", record.id, record.name, record.tier);
        AuditEntry::new(self.clock.now(), actor, "create-key", subject).write(&mut transaction).await?;
        transaction.commit().await?;
        self.remember(record.clone());
        Ok((key, record))
    }

    fn make(&self, request: &KeyRequest) -> Result<(NewKey, KeyRecord), AccessError> {
        let KeyRequest { name, tier, scopes, expires_in } = request;
        if name.trim().is_empty() || name.chars().count() > KEY_NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(AccessError::KeyName);
        }
        let known = self.tiers.get(tier).ok_or_else(|| self.unknown_tier(tier))?;
        if let Some(extra) = scopes.and_then(|asked| asked.iter().find(|scope| !known.scopes.has(*scope))) {
            return Err(AccessError::ScopeNotInTier { scope: extra.name(), tier: tier.clone() });
        }
        let (now, key) = (self.clock.now(), NewKey::random());
        let record = KeyRecord {
            id: key.id(),
            name: name.trim().to_owned(),
            hash: self.secret.hash(key.reveal()),
            tier: tier.clone(),
            scopes: *scopes,
            created_at: now,
            expires_at: expires_in.map(|after| now + after),
            revoked_at: None,
            last_used_at: None,
            replaced_by: None,
            changed_at: now.timestamp_micros(),
        };
        Ok((key, record))
    }

    /// All keys, the newest first.
    pub async fn list(&self) -> Result<Vec<KeyRecord>, AccessError> {
        let sql = format!("select {COLUMNS} from api_keys order by created_at desc, id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(self.state.pool()).await?;
        rows.iter().map(KeyRecord::of_row).collect()
    }

    /// The key of that id, whatever its state.
    pub async fn find(&self, id: KeyId) -> Result<KeyRecord, AccessError> {
        self.look_up(id).await?.ok_or(AccessError::UnknownKey(id))
    }

    /// Ends a key for good. One that has ended stays as it is.
    pub async fn revoke(&self, actor: &str, id: KeyId) -> Result<KeyRecord, AccessError> {
        self.find(id).await?;
        let now = self.clock.now().timestamp_micros();
        let mut transaction = self.state.pool().begin().await?;
        let revoke = "update api_keys set revoked_at = coalesce(revoked_at, $1), changed_at = $2 where id = $3";
        sqlx::query(revoke).bind(now).bind(now).bind(id.as_str()).execute(&mut *transaction).await?;
        AuditEntry::new(self.clock.now(), actor, "revoke-key", id.to_string()).write(&mut transaction).await?;
        transaction.commit().await?;
        let record = self.find(id).await?;
        self.remember(record.clone());
        Ok(record)
    }

    /// Makes a key that takes the place of another, which stays good for `overlap`.
    pub async fn rotate(&self, actor: &str, id: KeyId, overlap: TimeDelta) -> Result<(NewKey, KeyRecord), AccessError> {
        let old = self.find(id).await?;
        let now = self.clock.now();
        if old.state(now) != KeyState::Good {
            return Err(AccessError::NotRotated(id));
        }
        let expires_in = old.expires_at.map(|end| end - old.created_at);
        let end = old.expires_at.map_or(now + overlap, |end| end.min(now + overlap));
        let request = KeyRequest { name: old.name, tier: old.tier, scopes: old.scopes, expires_in };
        let (key, record) = self.make(&request)?;
        let mut transaction = self.state.pool().begin().await?;
        insert(&mut transaction, &record).await?;
        let replace = "update api_keys set expires_at = $1, replaced_by = $2, changed_at = $3 where id = $4";
        sqlx::query(replace)
            .bind(end.timestamp_micros())
            .bind(record.id.as_str())
            .bind(now.timestamp_micros())
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await?;
        let subject = format!("{id}, replaced by {}", record.id);
        AuditEntry::new(self.clock.now(), actor, "rotate-key", subject).write(&mut transaction).await?;
        transaction.commit().await?;
        self.remember(record.clone());
        self.remember(self.find(id).await?);
        Ok((key, record))
    }

    pub(super) async fn look_up(&self, id: KeyId) -> Result<Option<KeyRecord>, AccessError> {
        let sql = format!("select {COLUMNS} from api_keys where id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).fetch_optional(self.state.pool()).await?;
        row.as_ref().map(KeyRecord::of_row).transpose()
    }

    /// The keys that were changed since then, microseconds.
    pub(super) async fn changed_since(&self, micros: i64) -> Result<Vec<KeyRecord>, AccessError> {
        let sql = format!("select {COLUMNS} from api_keys where changed_at >= $1 order by changed_at, id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(micros).fetch_all(self.state.pool()).await?;
        rows.iter().map(KeyRecord::of_row).collect()
    }

    fn unknown_tier(&self, tier: &str) -> AccessError {
        AccessError::UnknownTier { tier: tier.to_owned(), known: self.tiers.names().collect::<Vec<_>>().join("`, `") }
    }
}

async fn insert(transaction: &mut Transaction<'_, Any>, record: &KeyRecord) -> Result<(), AccessError> {
    let insert = "insert into api_keys (id, name, hash, tier, scopes, created_at, expires_at, changed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)";
    sqlx::query(insert)
        .bind(record.id.as_str())
        .bind(&record.name)
        .bind(record.hash.to_hex().to_string())
        .bind(&record.tier)
        .bind(record.scopes.map(|scopes| scopes.to_string()))
        .bind(record.created_at.timestamp_micros())
        .bind(record.expires_at.map(|end| end.timestamp_micros()))
        .bind(record.changed_at)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

impl Key {
    pub fn id(&self) -> KeyId {
        self.record.id
    }
}
