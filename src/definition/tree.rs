//! YAML as a tree in which everything knows its line and column.

use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::{Diagnostics, File, Place, Spanned};
use crate::limits::DEFINITION_DEPTH_MAX;

/// A piece of YAML and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Scalar(Text),
    List(Vec<Node>),
    Map(Vec<(Spanned<String>, Node)>),
}

/// A scalar, and how its own lines and columns map to those of the file.
#[derive(Clone, Debug)]
pub struct Text {
    pub value: String,
    pub place: Place,
    layout: Layout,
}

#[derive(Clone, Copy, Debug)]
enum Layout {
    /// One line, verbatim.
    Line,
    /// A `|` block whose lines begin after so many columns.
    Block { indent: usize },
    /// Escaped or folded: only its beginning can be told.
    Folded,
}

impl Text {
    /// A text that stands on one line at `place`.
    pub fn line(value: impl Into<String>, place: Place) -> Self {
        Self { value: value.into(), place, layout: Layout::Line }
    }

    /// The place in the file of a line and a column (from 1) within the text.
    pub fn at(&self, line: usize, column: usize) -> Place {
        let Place { file, line: first_line, column: first_column } = &self.place;
        let (line, column) = match self.layout {
            Layout::Line if line == 1 => (*first_line, first_column + column - 1),
            Layout::Block { indent } => (first_line + line - 1, indent + column),
            Layout::Line | Layout::Folded => (*first_line, *first_column),
        };
        Place { file: Arc::clone(file), line, column }
    }
}

/// The documents of a file. What is not YAML is reported, and the documents before it are returned.
pub(super) fn documents(file: &File, diagnostics: &mut Diagnostics) -> Vec<Node> {
    let mut builder = Builder { file, diagnostics, open: Vec::new(), documents: Vec::new() };
    let mut parser = Parser::new_from_str(&file.text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => {
                if builder.event(event, span).is_err() {
                    break;
                }
            }
            Err(error) => {
                let place = builder.place(error.marker());
                builder.diagnostics.add(&place, format!("this is not YAML: {}", error.info()));
                break;
            }
        }
    }
    builder.documents
}

/// A list or a map that is not closed yet; `key` is the key that waits for its value.
enum Open {
    List(Place, Vec<Node>),
    Map(Place, Vec<(Spanned<String>, Node)>, Option<Spanned<String>>),
}

struct Builder<'a> {
    file: &'a File,
    diagnostics: &'a mut Diagnostics,
    open: Vec<Open>,
    documents: Vec<Node>,
}

/// The file cannot be read any further; why is in the diagnostics.
struct Stop;

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let place = self.place(&span.start);
        match event {
            Event::Scalar(text, style, _, _) => {
                let value = self.scalar(text.into_owned(), style, &place);
                self.close(Node { place, value })
            }
            Event::SequenceStart(..) => self.begin(Open::List(place, Vec::new())),
            Event::MappingStart(..) => self.begin(Open::Map(place, Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(place, nodes)) => self.close(Node { place, value: Value::List(nodes) }),
                Some(Open::Map(place, entries, _)) => self.close(Node { place, value: Value::Map(entries) }),
                None => Ok(()),
            },
            Event::Alias(_) => {
                self.diagnostics.add(&place, "aliases (`*name`) are not read; write the value out");
                Err(Stop)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, open: Open) -> Result<(), Stop> {
        if self.open.len() >= DEFINITION_DEPTH_MAX {
            let (Open::List(place, _) | Open::Map(place, ..)) = &open;
            self.diagnostics.add(place, format!("more than {DEFINITION_DEPTH_MAX} levels of nesting"));
            return Err(Stop);
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self, node: Node) -> Result<(), Stop> {
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::List(_, nodes)) => nodes.push(node),
            Some(Open::Map(_, entries, key)) => match (key.take(), node.value) {
                (Some(key), value) => entries.push((key, Node { place: node.place, value })),
                (None, Value::Scalar(text)) => *key = Some(Spanned::new(text.value, node.place)),
                (None, _) => {
                    self.diagnostics.add(&node.place, "a key must be a word");
                    return Err(Stop);
                }
            },
        }
        Ok(())
    }

    fn scalar(&self, value: String, style: ScalarStyle, place: &Place) -> Value {
        if style == ScalarStyle::Plain && matches!(value.as_str(), "" | "~" | "null") {
            return Value::Null;
        }
        let one_line = !value.contains('\n') && self.starts_with(place, &value);
        let (layout, place) = match style {
            ScalarStyle::Literal => {
                // The parser's place of a block is that of its first word.
                let indent = self.indent_of(place.line);
                (Layout::Block { indent }, Place { column: indent + 1, ..place.clone() })
            }
            ScalarStyle::Plain if one_line => (Layout::Line, place.clone()),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                let inside = Place { column: place.column + 1, ..place.clone() };
                let verbatim = !value.contains('\n') && self.starts_with(&inside, &value);
                (if verbatim { Layout::Line } else { Layout::Folded }, inside)
            }
            _ => (Layout::Folded, place.clone()),
        };
        Value::Scalar(Text { value, place, layout })
    }

    fn starts_with(&self, place: &Place, value: &str) -> bool {
        let line = self.file.text.lines().nth(place.line - 1).unwrap_or_default();
        let rest: String = line.chars().skip(place.column - 1).collect();
        rest.starts_with(value)
    }

    /// Leading spaces of a line.
    fn indent_of(&self, line: usize) -> usize {
        let line = self.file.text.lines().nth(line - 1).unwrap_or_default();
        line.len() - line.trim_start().len()
    }

    fn place(&self, marker: &Marker) -> Place {
        Place { file: Arc::clone(&self.file.path), line: marker.line().max(1), column: marker.col() + 1 }
    }
}
