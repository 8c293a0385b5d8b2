//! Views and features on disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{statistics, text, windows};
use crate::store::manifest::{FeaturePin, Online, ViewData, ViewPin};

#[derive(Serialize, Deserialize)]
pub(super) struct View {
    name: String,
    entity: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lance_version: Option<u64>,
    /// The file, where it is no Lance dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parquet: Option<String>,
    rows: u64,
    inputs: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp_field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    windows: Option<windows::Windows>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<text::Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rejects: Option<text::Rejects>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duplicates: Option<text::Duplicates>,
    features: Vec<Feature>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    checks: Vec<statistics::Check>,
    ttl_seconds: Option<u64>,
    description: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Feature {
    name: String,
    dtype: String,
    version: u32,
    fingerprint: String,
    expr: String,
    reads: Vec<String>,
    nulls: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statistics: Option<statistics::Statistics>,
    unit: Option<String>,
    description: Option<String>,
    licence: Option<String>,
    restricted: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_offline: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_indexed: bool,
    #[serde(default)]
    tags: Vec<String>,
}

impl From<ViewPin> for View {
    fn from(pin: ViewPin) -> Self {
        let ViewPin {
            name,
            entity,
            data,
            rows,
            inputs,
            timestamp_field,
            windows,
            text,
            rejects,
            duplicates,
            features,
            checks,
            ttl_seconds,
            description,
            owner,
            tags,
        } = pin;
        let (lance_version, parquet) = match data {
            ViewData::Lance(version) => (Some(version), None),
            ViewData::Parquet(path) => (None, Some(path)),
        };
        Self {
            name,
            entity,
            lance_version,
            parquet,
            rows,
            inputs,
            timestamp_field,
            windows: windows.map(Into::into),
            text: text.map(Into::into),
            rejects: rejects.map(Into::into),
            duplicates: duplicates.map(Into::into),
            features: features.into_iter().map(Into::into).collect(),
            checks: checks.into_iter().map(Into::into).collect(),
            ttl_seconds,
            description,
            owner,
            tags,
        }
    }
}

impl TryFrom<View> for ViewPin {
    type Error = String;

    fn try_from(view: View) -> Result<Self, String> {
        let View {
            name,
            entity,
            lance_version,
            parquet,
            rows,
            inputs,
            timestamp_field,
            windows,
            text,
            rejects,
            duplicates,
            features,
            checks,
            ttl_seconds,
            description,
            owner,
            tags,
        } = view;
        let data = match (lance_version, parquet) {
            (Some(version), None) => ViewData::Lance(version),
            (None, Some(path)) => ViewData::Parquet(path),
            _ => return Err(format!("the view `{name}` has no data, or data twice")),
        };
        let features: Result<Vec<FeaturePin>, String> = features.into_iter().map(TryInto::try_into).collect();
        let checks = checks.into_iter().map(Into::into).collect();
        Ok(Self {
            name,
            entity,
            data,
            rows,
            inputs,
            timestamp_field,
            windows: windows.map(Into::into),
            text: text.map(TryInto::try_into).transpose()?,
            rejects: rejects.map(Into::into),
            duplicates: duplicates.map(Into::into),
            features: features?,
            checks,
            ttl_seconds,
            description,
            owner,
            tags,
        })
    }
}

impl From<FeaturePin> for Feature {
    fn from(pin: FeaturePin) -> Self {
        let FeaturePin {
            name,
            dtype,
            version,
            fingerprint,
            expr,
            reads,
            nulls,
            statistics,
            unit,
            description,
            licence,
            restricted,
            online,
            tags,
        } = pin;
        let fingerprint = fingerprint.to_string();
        let statistics = statistics.map(Into::into);
        Self {
            name,
            dtype,
            version,
            fingerprint,
            expr,
            reads,
            nulls,
            statistics,
            unit,
            description,
            licence,
            restricted,
            is_offline: online == Online::Off,
            is_indexed: online == Online::Indexed,
            tags,
        }
    }
}

impl TryFrom<Feature> for FeaturePin {
    type Error = String;

    fn try_from(feature: Feature) -> Result<Self, String> {
        let Feature {
            name,
            dtype,
            version,
            fingerprint,
            expr,
            reads,
            nulls,
            statistics,
            unit,
            description,
            licence,
            restricted,
            is_offline,
            is_indexed,
            tags,
        } = feature;
        let fingerprint = fingerprint.parse()?;
        let statistics = statistics.map(Into::into);
        let online = match (is_offline, is_indexed) {
            (true, _) => Online::Off,
            (false, true) => Online::Indexed,
            (false, false) => Online::Memory,
        };
        Ok(Self {
            name,
            dtype,
            version,
            fingerprint,
            expr,
            reads,
            nulls,
            statistics,
            unit,
            description,
            licence,
            restricted,
            online,
            tags,
        })
    }
}
