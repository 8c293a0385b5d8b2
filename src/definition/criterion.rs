//! `criteria:` of a search: what makes two pieces alike, for recommendations.

use schemars::JsonSchema;

use super::fields::Fields;
use super::tree::Node;
use super::{Diagnostics, Spanned};
use crate::name::FeatureName;

/// Something in which two pieces are alike or not: their vectors, or the values of features.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Criterion {
    /// What requests call it.
    pub name: Spanned<FeatureName>,
    /// One of the search's vectors alone, or columns of the source and features: single values, and lists of numbers or texts.
    pub of: Vec<Spanned<FeatureName>>,
    /// How much it counts where a request does not say it, 0 or more; 1 by default.
    pub weight: Option<f64>,
}

pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Criterion> {
    let fields = Fields::open(node, "criterion", &["name", "of", "weight"], diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    fields.required_list("of", diagnostics);
    let of = fields.names("of", diagnostics);
    let is_weight = |weight: f64| weight.is_finite() && weight >= 0.0;
    let weight = fields.number("weight", "a weight: a number, 0 or more", is_weight, diagnostics);
    Some(Criterion { name: name?, of, weight })
}
