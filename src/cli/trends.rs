//! `rhapsode trends`: how the values of a feature change over time.

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use console::style;
use serde_json::json;

use super::{open, print_json, the_entity};
use crate::insight::{Counting, NotCounted, Period, Row, Trend, TrendRequest, Trends, entity_of, tidy, trend_chart};
use crate::limits::{TREND_SMOOTH_MAX, TREND_VALUES_MAX};
use crate::store::{Entitlements, ReleaseRef};

/// What lines in a terminal are drawn of, from the least value to the greatest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Rates of chance below this are as good as none.
const RATE_SHOWN_MIN: f64 = 1e-12;

/// Show how the values of a feature change over time, and which rise or fall by more than chance.
#[derive(clap::Args)]
#[command(after_help = "For example: rhapsode trends theme --time year --period 10 --by detected_language\n\
    A chart: rhapsode trends theme --time year --vega-lite > theme.vl.json, which https://vega.github.io/editor shows")]
pub(super) struct TrendsCommand {
    /// Whose values are counted, each of a list; of a number it is the mean.
    feature: String,
    /// The feature that is the time: a whole number, a date or a timestamp.
    #[arg(long, value_name = "FEATURE")]
    time: String,
    /// The feature whose values are the groups.
    #[arg(long, value_name = "FEATURE")]
    by: Option<String>,
    /// How time is cut: of numbers how many together, of dates `day`, `week`, `month`, `quarter`, `year` or `decade`.
    #[arg(long)]
    period: Option<Period>,
    /// Which pieces are counted: a condition in SQL.
    #[arg(long, value_name = "CONDITION")]
    filter: Option<String>,
    /// Periods that are taken together so that lines are smooth: an odd number, 1 for none.
    #[arg(long, value_name = "PERIODS", default_value_t = 3, value_parser = odd)]
    smooth: usize,
    /// How much of what is told to rise or fall may be chance.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = rate)]
    error_rate: f64,
    /// Values that are shown, the commonest, besides those that rise or fall; and of each of these, how many.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=TREND_VALUES_MAX as i64))]
    limit: u16,
    /// Which entity, where there are several.
    #[arg(long, value_name = "NAME")]
    entity: Option<String>,
    /// A number, a tag or `latest`.
    #[arg(long, default_value = "latest", value_parser = ReleaseRef::from_str)]
    release: ReleaseRef,
    /// Print JSON.
    #[arg(long, conflicts_with = "vega_lite")]
    json: bool,
    /// Print a chart: a specification in Vega-Lite.
    #[arg(long)]
    vega_lite: bool,
}

impl TrendsCommand {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        // Whoever may read the store's files may read all of it.
        let view = app.open(&self.release).await?.readable_by(Entitlements::ALL);
        let features: Vec<&str> = [&self.feature, &self.time].into_iter().chain(&self.by).map(String::as_str).collect();
        let entity = self.entity.or_else(|| entity_of(&view.readable, &features));
        let entity = the_entity(&view, entity)?;
        let request = TrendRequest {
            entity,
            feature: self.feature,
            time: self.time,
            by: self.by,
            period: self.period,
            filter: self.filter,
            smooth: self.smooth,
            error_rate: self.error_rate,
            limit: self.limit.into(),
        };
        let counting = Counting::new(request.clone(), &view.query().columns(&request.entity).await?)?;
        if let Some(condition) = counting.condition() {
            view.query().check_condition(&request.entity, condition).await?;
        }
        let counts = view.query().answer(&counting.statement(), Vec::new()).await?;
        let trends = counting.trends(&counts.batches)?;
        match (self.vega_lite, self.json) {
            (true, _) => print_json(&trend_chart(&request, &trends))?,
            (_, true) => print_json(&json!({
                "period": trends.period.to_string(),
                "rows": tidy(&trends),
                "risers": trends.risers.iter().map(found).collect::<Vec<_>>(),
                "fallers": trends.fallers.iter().map(found).collect::<Vec<_>>(),
                "tested": trends.tested,
                "values": trends.values,
                "not_counted": {
                    "without_time": trends.not_counted.without_time,
                    "without_group": trends.not_counted.without_group,
                    "without_value": trends.not_counted.without_value,
                },
                "release": view.readable.number().get(),
            }))?,
            _ => {
                print(&request, &trends);
                say!("of release {}", view.readable.number());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn found(trend: &Trend) -> serde_json::Value {
    let Trend { group, value, slope, change, q } = trend;
    json!({"group": group, "value": value, "change": change, "slope": slope.value,
        "low": slope.interval.low, "high": slope.interval.high, "p": slope.p, "q": q})
}

/// A line for each value: how it went, where it began and ended, and whether that is more than chance.
fn print(request: &TrendRequest, trends: &Trends) {
    let name = |row: &Row| [row.group.clone(), row.value.clone()].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let lines: Vec<&[Row]> = trends.rows.chunk_by(|a, b| a.group == b.group && a.value == b.value).collect();
    let width = lines.iter().map(|rows| console::measure_text_width(&name(&rows[0]))).max().unwrap_or_default();
    let shown = |estimate: f64| match trends.values {
        Some(_) => format!("{:5.1} %", 100.0 * estimate),
        None => format!("{estimate:8.3}"),
    };
    let (Some(first), Some(last)) =
        (trends.rows.iter().map(|row| row.start).min(), trends.rows.iter().map(|row| row.start).max())
    else {
        say!("nothing was counted");
        return;
    };
    say!("{} of {} by {}, {first} to {last}", trends.estimate(), request.feature, request.time);
    for rows in lines {
        let is_it = |trend: &&Trend| trend.group == rows[0].group && trend.value == rows[0].value;
        let mark = match (trends.risers.iter().find(is_it), trends.fallers.iter().find(is_it)) {
            (Some(trend), _) => style(format!("rises ({})", rate_shown(trend.q))).green().to_string(),
            (_, Some(trend)) => style(format!("falls ({})", rate_shown(trend.q))).red().to_string(),
            _ => String::new(),
        };
        let padded = console::pad_str(&name(&rows[0]), width, console::Alignment::Left, None).into_owned();
        let ends = rows.first().zip(rows.last()).map(|(a, b)| format!("{} → {}", shown(a.smoothed), shown(b.smoothed)));
        say!("{}  {}  {}  {mark}", style(padded).bold(), drawn(rows), ends.unwrap_or_default());
    }
    let NotCounted { without_time, without_group, without_value } = trends.not_counted;
    let not = [(without_time, "time"), (without_group, "group"), (without_value, "value")];
    let not = not.into_iter().filter(|(pieces, _)| *pieces > 0).map(|(pieces, of)| format!("{pieces} without {of}"));
    let not: Vec<String> = not.collect();
    let not = if not.is_empty() { String::new() } else { format!("; not counted: {}", not.join(", ")) };
    let rate = request.error_rate;
    say!("looked at {}; of those that rise or fall a share of {rate} may be chance{not}", trends.tested);
}

pub(super) fn rate_shown(q: f64) -> String {
    if q < RATE_SHOWN_MIN { format!("q < {RATE_SHOWN_MIN:e}") } else { format!("q {q:.1e}") }
}

/// Smoothed values as bars between the least and the greatest.
fn drawn(rows: &[Row]) -> String {
    let smoothed = || rows.iter().map(|row| row.smoothed);
    let (least, greatest) = (smoothed().fold(f64::MAX, f64::min), smoothed().fold(f64::MIN, f64::max));
    let bar = |value: f64| {
        let place = if greatest > least { (value - least) / (greatest - least) } else { 0.5 };
        BARS[(place * (BARS.len() - 1) as f64).round() as usize]
    };
    smoothed().map(bar).collect()
}

/// An odd number.
fn odd(text: &str) -> Result<usize, String> {
    let odd = text.parse().ok().filter(|periods| periods % 2 == 1 && *periods <= TREND_SMOOTH_MAX);
    odd.ok_or_else(|| format!("`{text}` is no odd number up to {TREND_SMOOTH_MAX}"))
}

/// Between 0 and 1.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| *rate > 0.0 && *rate < 1.0);
    rate.ok_or_else(|| format!("`{text}` is not between 0 and 1"))
}
