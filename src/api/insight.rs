//! What is asked of trends and of patterns alike.

use std::str::FromStr;

use super::Problem;
use super::extract::Parameters;
use super::features::frame;
use crate::app::ReleaseView;
use crate::dataset::Condition;
use crate::engine::SqlError;
use crate::error::ErrorKind;
use crate::insight::{InsightError, entity_of};

/// How much of what is told may be chance, where it is not said.
pub(super) const ERROR_RATE: f64 = 0.05;

/// The entity that is named, or the only one that has the features which the parameters `of_features` name.
pub(super) fn entity(view: &ReleaseView, parameters: &Parameters, of_features: &[&str]) -> Result<String, Problem> {
    let features: Vec<&str> = of_features.iter().filter_map(|name| parameters.get(name)).collect();
    let named = parameters.get("entity").map(str::to_owned).or_else(|| entity_of(&view.readable, &features));
    Ok(frame(view, named.as_deref())?.entity().name.clone())
}

/// Conditions of a caller's on an entity.
pub(super) fn conditions<'a>(entity: &str, texts: impl IntoIterator<Item = &'a str>) -> Vec<Condition> {
    texts.into_iter().map(|text| Condition { dataset: entity.to_owned(), text: text.to_owned() }).collect()
}

/// What is wrong with a caller's condition, said of the parameter that has it.
pub(super) fn refused(error: SqlError, parameters: &Parameters) -> Problem {
    match (error.kind(), parameters.get("filter"), parameters.get("slice")) {
        (ErrorKind::Invalid, Some(filter), None) => Problem::from(error).field("filter", filter),
        (ErrorKind::Invalid, None, Some(slice)) => Problem::from(error).field("slice", slice),
        _ => Problem::from(error),
    }
}

/// A number that is given, or the one that is meant where it is not.
pub(super) fn number<T: FromStr>(
    parameters: &Parameters,
    name: &str,
    default: T,
    range: &str,
    is_right: impl Fn(&T) -> bool,
) -> Result<T, Problem> {
    let Some(written) = parameters.get(name) else { return Ok(default) };
    written
        .parse()
        .ok()
        .filter(is_right)
        .ok_or_else(|| Problem::invalid("invalid-parameter", format!("`{name}` is {range}")).field(name, written))
}

impl From<InsightError> for Problem {
    fn from(error: InsightError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        match error {
            InsightError::UnknownFeature { name, parameter, nearest, .. } => {
                let remedy = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
                let problem = Self::of_kind(kind, "unknown-feature", detail).field(parameter, name);
                problem.remedy(remedy.unwrap_or_else(|| "GET /api/features lists them".to_owned()))
            }
            InsightError::WrongType { name, parameter, .. } => {
                Self::of_kind(kind, "wrong-type", detail).field(parameter, name)
            }
            InsightError::NotAPeriod(period) => Self::of_kind(kind, "invalid-period", detail).field("period", period),
            InsightError::OtherPeriod { period, is, .. } => {
                let remedy = match is {
                    "a date" => "say `day`, `week`, `month`, `quarter`, `year` or `decade`",
                    _ => "say how many numbers are taken together, such as `10`",
                };
                Self::of_kind(kind, "invalid-period", detail).field("period", period.to_string()).remedy(remedy)
            }
            InsightError::PeriodOfNothing => Self::of_kind(kind, "missing-parameter", detail).field("time", ""),
            InsightError::ManyPeriods(_) => {
                let problem = Self::of_kind(kind, "too-many", detail).field("period", "");
                problem.remedy("take longer periods, or filter")
            }
            InsightError::ManyGroups { name, .. } => {
                Self::of_kind(kind, "too-many", detail).field("by", name).remedy("filter, or group by another feature")
            }
            InsightError::ManyRows { .. } => {
                let problem = Self::of_kind(kind, "too-many", detail).field("period", "");
                problem.remedy("take longer periods or a lower `limit`, or filter")
            }
            InsightError::Condition { parameter, text, error } => Self::from(error).field(parameter, text),
            InsightError::Rows(_) => Self::of_kind(kind, "internal", detail),
        }
    }
}
