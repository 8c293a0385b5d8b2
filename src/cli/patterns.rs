//! `rhapsode patterns`: what goes with success, or sets a slice of the corpus apart.

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use console::style;
use serde_json::json;

use super::trends::{rate, rate_shown};
use super::{open, print_json, the_entity};
use crate::insight::{Comparing, Measure, Pattern, PatternRequest, Period, entity_of};
use crate::limits::PATTERNS_MAX;
use crate::statistics::Interval;
use crate::store::{Entitlements, ReleaseRef};

/// Show what goes with success, or sets a slice of the corpus apart from the rest: associations, not causes.
#[derive(clap::Args)]
#[command(after_help = "For example: rhapsode patterns --success purchases_count_all --by genre --time year\n\
    A slice beside the rest: rhapsode patterns --slice 'decade < 1850'")]
pub(super) struct PatternsCommand {
    /// The feature that measures success: a number or a bool.
    #[arg(long, value_name = "FEATURE", required_unless_present = "slice", conflicts_with = "slice")]
    success: Option<String>,
    /// A condition in SQL, whose pieces are compared with the rest.
    #[arg(long, value_name = "CONDITION")]
    slice: Option<String>,
    /// The feature within whose values pieces are compared.
    #[arg(long, value_name = "FEATURE")]
    by: Option<String>,
    /// The feature within whose periods they are: a whole number, a date or a timestamp.
    #[arg(long, value_name = "FEATURE")]
    time: Option<String>,
    /// How time is cut: of numbers how many together, of dates `day`, `week`, `month`, `quarter`, `year` or `decade`.
    #[arg(long)]
    period: Option<Period>,
    /// Which pieces are looked at: a condition in SQL.
    #[arg(long, value_name = "CONDITION")]
    filter: Option<String>,
    /// How much of what is told may be chance.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = rate)]
    error_rate: f64,
    /// Patterns that are told.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=PATTERNS_MAX as i64))]
    limit: u16,
    /// Which entity; by default the only one that has these features.
    #[arg(long, value_name = "NAME")]
    entity: Option<String>,
    /// A number, a tag or `latest`.
    #[arg(long, default_value = "latest", value_parser = ReleaseRef::from_str)]
    release: ReleaseRef,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl PatternsCommand {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        // Whoever may read the store's files may read all of it.
        let view = app.open(&self.release).await?.readable_by(Entitlements::ALL);
        let features: Vec<&str> = self.success.iter().chain(&self.by).chain(&self.time).map(String::as_str).collect();
        let entity = self.entity.or_else(|| entity_of(&view.readable, &features));
        let measure = match (self.success, self.slice) {
            (Some(success), _) => Measure::Success(success),
            (None, slice) => Measure::Slice(slice.unwrap_or_default()),
        };
        let request = PatternRequest {
            entity: the_entity(&view, entity)?,
            measure,
            by: self.by,
            time: self.time,
            period: self.period,
            filter: self.filter,
            error_rate: self.error_rate,
            limit: self.limit.into(),
        };
        let frame = view.readable.frame(&request.entity);
        let keys = frame.map(|frame| frame.entity().join_keys.clone()).unwrap_or_default();
        let columns = view.query().columns(&request.entity).await?;
        let comparing = Comparing::new(request.clone(), &columns, &keys)?;
        for condition in comparing.conditions() {
            view.query().check_condition(&request.entity, condition).await?;
        }
        let rows = view.query().answer(&comparing.statement(), Vec::new()).await?;
        let patterns = comparing.patterns(&rows.batches)?;
        if self.json {
            let shown: Vec<serde_json::Value> = patterns.found.iter().map(shown).collect();
            print_json(&json!({
                "release": view.readable.number().get(), "pieces": patterns.pieces, "strata": patterns.strata,
                "tested": patterns.tested, "patterns": shown,
            }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let name = |of: &Pattern| match &of.value {
            Some(value) => format!("{} = {value}", of.feature),
            None => of.feature.clone(),
        };
        let width = patterns.found.iter().map(|of| console::measure_text_width(&name(of))).max().unwrap_or_default();
        for of in &patterns.found {
            let padded = console::pad_str(&name(of), width, console::Alignment::Left, None).into_owned();
            let Interval { low, high } = of.interval;
            let effect = style(format!("{:+.3}", of.effect));
            let effect = if of.effect > 0.0 { effect.green() } else { effect.red() };
            let means = of.means.map(|(with, without)| format!("  {with:.3} with, {without:.3} without"));
            say!(
                "{}  {effect} [{low:+.3}, {high:+.3}]  {}  {} pieces{}",
                style(padded).bold(),
                rate_shown(of.q),
                of.pieces,
                means.unwrap_or_default()
            );
        }
        say!(
            "of {} that were looked at, over {} pieces in {} strata of release {}: associations, not causes",
            patterns.tested,
            patterns.pieces,
            patterns.strata,
            view.readable.number()
        );
        Ok(ExitCode::SUCCESS)
    }
}

fn shown(of: &Pattern) -> serde_json::Value {
    let Pattern { feature, value, pieces, effect, interval, p, q, means } = of;
    json!({"feature": feature, "value": value, "pieces": pieces, "effect": effect, "low": interval.low,
        "high": interval.high, "p": p, "q": q, "with": means.map(|means| means.0), "without": means.map(|means| means.1)})
}
