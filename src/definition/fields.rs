//! Reads the fields of a map and reports each one that is missing, doubled, unknown or of the wrong shape.

use std::str::FromStr;

use super::diagnostic::suggestion;
use super::tree::{Node, Text, Value};
use super::{Diagnostics, Place, Spanned};
use crate::name::Name;

/// The fields of one map.
pub(super) struct Fields<'a> {
    pub place: &'a Place,
    /// What the map is, for messages: `source`, `feature`.
    what: &'static str,
    entries: &'a [(Spanned<String>, Node)],
}

impl<'a> Fields<'a> {
    /// The fields of `node`; those that are not in `known` are reported.
    pub fn open(node: &'a Node, what: &'static str, known: &[&str], diagnostics: &mut Diagnostics) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            diagnostics.add(&node.place, format!("a {what} is written as `name: value` lines"));
            return None;
        };
        for (index, (key, _)) in entries.iter().enumerate() {
            if !known.contains(&key.value.as_str()) {
                let message = format!("a {what} has no `{}`", key.value);
                diagnostics.add_with(&key.place, message, suggestion(&key.value, known.iter().copied()));
            }
            if entries[..index].iter().any(|(earlier, _)| earlier.value == key.value) {
                diagnostics.add(&key.place, format!("`{}` is written twice", key.value));
            }
        }
        Some(Self { place: &node.place, what, entries })
    }

    /// The node of `key`, where it is there and not null.
    pub fn node(&self, key: &str) -> Option<&'a Node> {
        let (_, node) = self.entries.iter().find(|(name, _)| name.value == key)?;
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    pub fn required(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<&'a Node> {
        let node = self.node(key);
        if node.is_none() {
            diagnostics.add(self.place, format!("this {} has no `{key}`", self.what));
        }
        node
    }

    pub fn text(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<&'a Text> {
        text(self.node(key)?, key, diagnostics)
    }

    pub fn required_text(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<&'a Text> {
        text(self.required(key, diagnostics)?, key, diagnostics)
    }

    pub fn string(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<String> {
        self.text(key, diagnostics).map(|text| text.value.trim().to_owned())
    }

    pub fn name<Of>(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<Spanned<Name<Of>>> {
        name(self.text(key, diagnostics)?, diagnostics)
    }

    pub fn required_name<Of>(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<Spanned<Name<Of>>> {
        name(self.required_text(key, diagnostics)?, diagnostics)
    }

    /// What the word of `key` stands for, of those that are `known`.
    pub fn one_of<T: Copy>(&self, key: &str, known: &[(&str, T)], diagnostics: &mut Diagnostics) -> Option<T> {
        let text = self.text(key, diagnostics)?;
        let found = known.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let remedy = suggestion(&text.value, known.iter().map(|(word, _)| *word));
            diagnostics.add_with(&text.place, format!("unknown {key} `{}`", text.value), remedy);
        }
        found.map(|(_, meant)| *meant)
    }

    /// The number of `key`, which `is_right`.
    pub fn number<T: FromStr + Copy>(
        &self,
        key: &str,
        what: &str,
        is_right: impl Fn(T) -> bool,
        diagnostics: &mut Diagnostics,
    ) -> Option<T> {
        let text = self.text(key, diagnostics)?;
        let number = text.value.trim().parse().ok().filter(|number| is_right(*number));
        if number.is_none() {
            diagnostics.add(&text.place, format!("`{}` is not {what}", text.value));
        }
        number
    }

    /// The items of a list; a single value is a list of one.
    pub fn list(&self, key: &str, diagnostics: &mut Diagnostics) -> &'a [Node] {
        match self.node(key) {
            None => &[],
            Some(Node { value: Value::List(nodes), .. }) => nodes,
            Some(node) => {
                diagnostics.add_with(
                    &node.place,
                    format!("`{key}` is a list"),
                    Some(format!("write `{key}: [first, second]`")),
                );
                &[]
            }
        }
    }

    /// The items of a list, of which there must be one.
    pub fn required_list(&self, key: &str, diagnostics: &mut Diagnostics) -> &'a [Node] {
        if self.required(key, diagnostics).is_none() {
            return &[];
        }
        let nodes = self.list(key, diagnostics);
        if let Some(Node { value: Value::List(nodes), place }) = self.node(key)
            && nodes.is_empty()
        {
            diagnostics.add(place, format!("`{key}` is empty"));
        }
        nodes
    }

    /// The items of a list of single values.
    pub fn texts(&self, key: &str, diagnostics: &mut Diagnostics) -> Vec<Spanned<String>> {
        let nodes = self.list(key, diagnostics);
        let texts = nodes.iter().filter_map(|node| text(node, key, diagnostics));
        texts.map(|text| Spanned::new(text.value.clone(), text.place.clone())).collect()
    }

    /// The items of a list of names.
    pub fn names<Of>(&self, key: &str, diagnostics: &mut Diagnostics) -> Vec<Spanned<Name<Of>>> {
        let nodes = self.list(key, diagnostics);
        nodes.iter().filter_map(|node| name(text(node, key, diagnostics)?, diagnostics)).collect()
    }

    pub fn strings(&self, key: &str, diagnostics: &mut Diagnostics) -> Vec<String> {
        self.texts(key, diagnostics).into_iter().map(|text| text.value).collect()
    }
}

/// The scalar of `node`.
pub(super) fn text<'a>(node: &'a Node, key: &str, diagnostics: &mut Diagnostics) -> Option<&'a Text> {
    match &node.value {
        Value::Scalar(text) => Some(text),
        Value::Null | Value::List(_) | Value::Map(_) => {
            diagnostics.add(&node.place, format!("`{key}` is a single value"));
            None
        }
    }
}

/// The name that `text` is.
pub(super) fn name<Of>(text: &Text, diagnostics: &mut Diagnostics) -> Option<Spanned<Name<Of>>> {
    match Name::parse(&text.value) {
        Ok(name) => Some(Spanned::new(name, text.place.clone())),
        Err(error) => {
            diagnostics.add(&text.place, error.to_string());
            None
        }
    }
}
