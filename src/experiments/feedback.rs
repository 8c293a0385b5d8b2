//! What people say of hits. Said twice it is kept once; what is said last holds.

use sqlx::Row;

use super::{ExperimentError, Experiments};
use crate::access::KeyId;
use crate::limits::FEEDBACK_OF_A_KEY_MAX;
use crate::name::ReleaseNumber;

/// Whether a hit was what was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Relevant,
    Irrelevant,
}

impl Verdict {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Relevant => "relevant",
            Self::Irrelevant => "irrelevant",
        }
    }
}

/// What somebody says of a hit.
#[derive(Clone, Debug)]
pub struct Feedback {
    /// Who says so; none where the server answers without keys.
    pub key: Option<KeyId>,
    pub search: String,
    /// By which it was found.
    pub profile: String,
    pub query: String,
    /// The key of what was found, as hits have it.
    pub piece: String,
    pub verdict: Verdict,
    /// In which it was found.
    pub release: ReleaseNumber,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    New,
    /// The same was said before.
    Same,
    /// Another verdict was there.
    Changed,
}

/// What all that was said of a hit comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub query: String,
    pub piece: String,
    /// Verdicts.
    pub relevant: u64,
    pub irrelevant: u64,
}

impl Feedback {
    /// What stands for who said something, and of what.
    fn id(&self) -> String {
        let Self { key, search, profile, query, piece, .. } = self;
        let key = key.map(|key| key.to_string()).unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        for part in [&key, search, profile, query, piece] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

impl Experiments {
    /// Keeps what is said of a hit; says what became of it, and of which experiment it is.
    pub async fn record(&self, feedback: &Feedback) -> Result<(Recorded, Option<String>), ExperimentError> {
        let id = feedback.id();
        let Feedback { key, search, profile, query, piece, verdict, release } = feedback;
        let arm = key.and_then(|key| self.arm(search, key)).filter(|arm| arm.profile == *profile);
        let experiment = arm.map(|arm| arm.experiment);
        let key = key.map(|key| key.as_str().to_owned()).unwrap_or_default();
        let before = sqlx::query("select verdict from feedback where id = $1").bind(&id);
        let before = before.fetch_optional(self.state.pool()).await?;
        let before = before.map(|row| row.try_get::<String, _>("verdict")).transpose()?;
        if before.is_none() {
            let said = sqlx::query("select count(*) as said from feedback where key_id = $1").bind(&key);
            let said: i64 = said.fetch_one(self.state.pool()).await?.try_get("said")?;
            if said >= FEEDBACK_OF_A_KEY_MAX {
                return Err(ExperimentError::TooMuch);
            }
        }
        let write =
            "insert into feedback (id, key_id, search, profile, query, piece, verdict, experiment, release, at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (id) do update
             set verdict = excluded.verdict, experiment = excluded.experiment, release = excluded.release, at = excluded.at";
        sqlx::query(write)
            .bind(&id)
            .bind(&key)
            .bind(search)
            .bind(profile)
            .bind(query)
            .bind(piece)
            .bind(verdict.name())
            .bind(&experiment)
            .bind(release.get().cast_signed())
            .bind(self.clock.now().timestamp_micros())
            .execute(self.state.pool())
            .await?;
        metrics::counter!("rhapsode_feedback_total", "verdict" => verdict.name()).increment(1);
        let recorded = match before {
            None => Recorded::New,
            Some(before) if before == verdict.name() => Recorded::Same,
            Some(_) => Recorded::Changed,
        };
        Ok((recorded, experiment))
    }

    /// What was said of the hits of a search, by query and piece.
    pub async fn judgements(&self, search: &str) -> Result<Vec<Judgement>, ExperimentError> {
        let select = "select query, piece,
             cast(sum(case when verdict = 'relevant' then 1 else 0 end) as bigint) as relevant,
             cast(sum(case when verdict = 'relevant' then 0 else 1 end) as bigint) as irrelevant
             from feedback where search = $1 group by query, piece order by query, piece";
        let rows = sqlx::query(select).bind(search).fetch_all(self.state.pool()).await?;
        rows.iter()
            .map(|row| {
                Ok(Judgement {
                    query: row.try_get("query")?,
                    piece: row.try_get("piece")?,
                    relevant: row.try_get::<i64, _>("relevant")?.cast_unsigned(),
                    irrelevant: row.try_get::<i64, _>("irrelevant")?.cast_unsigned(),
                })
            })
            .collect()
    }
}
