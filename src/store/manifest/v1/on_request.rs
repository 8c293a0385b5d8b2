//! Views on request on disk.

use serde::{Deserialize, Serialize};

use super::view::Feature;
use crate::store::manifest::{FeaturePin, InputPin, OnRequestPin};

#[derive(Serialize, Deserialize)]
pub(super) struct OnRequest {
    name: String,
    entity: String,
    inputs: Vec<Input>,
    features: Vec<Feature>,
    description: Option<String>,
    owner: Option<String>,
    tags: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Input {
    name: String,
    dtype: String,
    description: Option<String>,
}

impl From<OnRequestPin> for OnRequest {
    fn from(pin: OnRequestPin) -> Self {
        let OnRequestPin { name, entity, inputs, features, description, owner, tags } = pin;
        let inputs = inputs.into_iter().map(Into::into).collect();
        let features = features.into_iter().map(Into::into).collect();
        Self { name, entity, inputs, features, description, owner, tags }
    }
}

impl TryFrom<OnRequest> for OnRequestPin {
    type Error = String;

    fn try_from(view: OnRequest) -> Result<Self, String> {
        let OnRequest { name, entity, inputs, features, description, owner, tags } = view;
        let inputs = inputs.into_iter().map(Into::into).collect();
        let features: Result<Vec<FeaturePin>, String> = features.into_iter().map(TryInto::try_into).collect();
        Ok(Self { name, entity, inputs, features: features?, description, owner, tags })
    }
}

impl From<InputPin> for Input {
    fn from(pin: InputPin) -> Self {
        let InputPin { name, dtype, description } = pin;
        Self { name, dtype, description }
    }
}

impl From<Input> for InputPin {
    fn from(input: Input) -> Self {
        let Input { name, dtype, description } = input;
        Self { name, dtype, description }
    }
}
