//! `on_request:`: the values that come with a request.

use super::fields::Fields;
use super::tree::Node;
use super::written::{Feature, Input, OnRequest};
use super::{Diagnostics, read};

/// Reads the `on_request` of a view.
pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<OnRequest> {
    let fields = Fields::open(node, "on_request", &["inputs"], diagnostics)?;
    let inputs = fields.required_list("inputs", diagnostics);
    let inputs = inputs.iter().filter_map(|node| input(node, diagnostics)).collect();
    Some(OnRequest { place: node.place.clone(), inputs })
}

fn input(node: &Node, diagnostics: &mut Diagnostics) -> Option<Input> {
    let fields = Fields::open(node, "input", &["name", "dtype", "description"], diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let dtype = read::dtype(&fields, diagnostics);
    let description = fields.string("description", diagnostics);
    let dtype = dtype?;
    if !dtype.value.is_scalar() {
        let message = format!("an input is a single value, not {}", dtype.value);
        diagnostics.add_with(&dtype.place, message, Some("send its parts as inputs of their own".to_owned()));
        return None;
    }
    Some(Input { name: name?, dtype, description })
}

/// Refuses what is about stored rows, and features without an expression.
pub(super) fn check(fields: &Fields<'_>, features: &[Feature], diagnostics: &mut Diagnostics) {
    for feature in features {
        let (name, place) = (&feature.name.value, &feature.name.place);
        if feature.expr.is_none() {
            let remedy = "write `expr: …` over features of the entity and the inputs".to_owned();
            diagnostics.add_with(place, format!("`{name}` is on request and has no expression"), Some(remedy));
        }
        if !feature.expect.is_empty() {
            diagnostics.add(place, format!("no value of `{name}` is stored to be checked; leave `expect` out"));
        }
    }
    for name in ["timestamp_field", "ttl", "format", "expect"] {
        if let Some(node) = fields.node(name) {
            let message = format!("nothing of a view on request is stored; leave `{name}` out");
            diagnostics.add(&node.place, message);
        }
    }
}
