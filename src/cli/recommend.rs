//! `rhapsode recommend`: pieces that are like others.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use console::style;
use serde_json::json;

use super::search::values;
use super::{open, print_json, share};
use crate::insight::{self, Reason, Request};
use crate::limits::SEARCH_CANDIDATES;
use crate::name::EntityKey;
use crate::search::{self, written_filter};
use crate::store::{Entitlements, ReleaseRef};

/// Find pieces that are like others, or like what is wished for.
#[derive(clap::Args)]
#[command(
    after_help = "For example: rhapsode recommend t1 t2 --weights meaning=1,style=.5 --diversity .3 --at-most artist=2\n\
    Without pieces: rhapsode recommend --text 'a storm at sea' --like valence=-0.5"
)]
pub(super) struct Recommend {
    /// Keys of pieces to be like; the parts of a key with `,` between.
    #[arg(value_name = "KEY")]
    keys: Vec<String>,
    /// What they are about, in words.
    #[arg(long)]
    text: Option<String>,
    /// Values to be like, of features of the criteria.
    #[arg(long, value_name = "FEATURE=VALUE", value_delimiter = ',', value_parser = pair::<String>)]
    like: Vec<(String, String)>,
    /// How much each criterion counts; those of the definition by default.
    #[arg(long, value_name = "CRITERION=WEIGHT", value_delimiter = ',', value_parser = weight)]
    weights: Vec<(String, f64)>,
    /// Which pieces are looked at: a condition in SQL, or its JSON form.
    #[arg(long, value_name = "CONDITION")]
    filter: Option<String>,
    /// How much it counts that a piece is unlike those before it, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    diversity: f64,
    /// Of the pieces with one value of a filter, how many.
    #[arg(long, value_name = "FILTER=COUNT", value_delimiter = ',', value_parser = pair::<NonZeroUsize>)]
    at_most: Vec<(String, NonZeroUsize)>,
    /// Keys of pieces that are not recommended.
    #[arg(long, value_name = "KEY")]
    leave_out: Vec<String>,
    /// Which search, where there are several.
    #[arg(long, value_name = "NAME")]
    search: Option<String>,
    /// Pieces, 200 at most.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=SEARCH_CANDIDATES as i64))]
    limit: u16,
    /// A number, a tag or `latest`.
    #[arg(long, default_value = "latest", value_parser = ReleaseRef::from_str)]
    release: ReleaseRef,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Recommend {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        // Whoever may read the store's files may read all of it.
        let view = app.open(&self.release).await?.readable_by(Entitlements::ALL);
        let found = search::find(&view.readable, self.search.as_deref()).await?;
        let key = |key: String| match found.key_parts() {
            1 => EntityKey::new(vec![key]),
            _ => EntityKey::new(key.split(',').map(str::to_owned).collect()),
        };
        let request = Request {
            keys: self.keys.into_iter().map(key).collect(),
            text: self.text,
            like: self.like,
            weights: self.weights.into_iter().collect(),
            filter: self.filter.as_deref().map(written_filter),
            diversity: self.diversity,
            at_most: self.at_most.into_iter().map(|(filter, hits)| (filter, hits.get())).collect(),
            leave_out: self.leave_out.into_iter().map(key).collect(),
            limit: self.limit.into(),
        };
        let recommended = insight::recommend(&found, app.models(), &request).await?;
        if self.json {
            let shown = recommended.pieces.iter().map(|piece| {
                let reasons = piece.reasons.iter().map(|reason| (reason.criterion.clone(), json!(reason.likeness)));
                let reasons: serde_json::Map<_, _> = reasons.collect();
                json!({"key": piece.key.to_string(), "score": piece.score, "reasons": reasons})
            });
            print_json(&shown.collect::<Vec<_>>())?;
            return Ok(ExitCode::SUCCESS);
        }
        for piece in &recommended.pieces {
            say!(
                "{}  {}  {}",
                style(format!("{:.3}", piece.score)).green(),
                style(&piece.key).bold(),
                values(&found, piece.row)?
            );
            let reason = |Reason { criterion, likeness }: &Reason| format!("{} {likeness:.2}", style(criterion).dim());
            say!("       {}", piece.reasons.iter().map(reason).collect::<Vec<_>>().join("  "));
        }
        let weights = recommended.weights.iter().map(|(criterion, weight)| format!("{criterion} {weight}"));
        say!("by {}, of release {}", weights.collect::<Vec<_>>().join(", "), view.readable.number());
        Ok(ExitCode::SUCCESS)
    }
}

/// `criterion=weight`.
fn weight(text: &str) -> Result<(String, f64), String> {
    let (name, weight) = pair::<f64>(text)?;
    let is_weight = weight.is_finite() && weight >= 0.0;
    is_weight.then_some((name, weight)).ok_or_else(|| format!("`{text}`: a weight is a number, 0 or more"))
}

/// `name=value`.
fn pair<T: FromStr>(text: &str) -> Result<(String, T), String> {
    let pair = text.split_once('=').and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
    pair.ok_or_else(|| format!("`{text}` is not of the form `name=value`"))
}
