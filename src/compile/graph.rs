//! Who reads whom: the order in which views are computed, and the cycles that have none.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::{Definitions, Diagnostics, Place, Values};
use crate::engine::Statement;

/// What a view reads.
pub(super) struct Reads {
    /// Its parsed query; none for an analyzer, or where the query is broken.
    pub statement: Option<Statement>,
    /// The tables, and where each is first named.
    pub tables: BTreeMap<String, Place>,
}

/// What each view reads, by its index.
pub(super) fn reads(definitions: &Definitions, diagnostics: &mut Diagnostics) -> Vec<Reads> {
    definitions
        .views
        .iter()
        .map(|view| match &view.values {
            Values::Analyzer(call) => {
                let tables = std::iter::once(&call.source).chain(&call.vectors);
                let tables = tables.map(|table| (table.value.to_string(), table.place.clone())).collect();
                Reads { statement: None, tables }
            }
            Values::Corpus(call) => {
                let tables = BTreeMap::from([(call.view.value.to_string(), call.view.place.clone())]);
                Reads { statement: None, tables }
            }
            Values::Embedding(call) => {
                let tables = BTreeMap::from([(call.source.value.to_string(), call.source.place.clone())]);
                Reads { statement: None, tables }
            }
            Values::Aggregate(aggregate) => {
                let source = &aggregate.source;
                let tables = BTreeMap::from([(source.value.to_string(), source.place.clone())]);
                Reads { statement: None, tables }
            }
            Values::OnRequest(_) => Reads { statement: None, tables: BTreeMap::new() },
            Values::Sql(text) => match Statement::parse(&text.value) {
                Ok(statement) => {
                    let tables = statement.tables().into_iter();
                    let tables: BTreeMap<String, Place> =
                        tables.map(|read| (read.name, text.at(read.line, read.column))).collect();
                    refuse_on_request(&tables, definitions, diagnostics);
                    Reads { statement: Some(statement), tables }
                }
                Err(error) => {
                    let (line, column) = error.position.unwrap_or((1, 1));
                    diagnostics.add_with(&text.at(line, column), error.message, error.remedy);
                    Reads { statement: None, tables: BTreeMap::new() }
                }
            },
        })
        .collect()
}

/// Reports views that have no rows.
fn refuse_on_request(tables: &BTreeMap<String, Place>, definitions: &Definitions, diagnostics: &mut Diagnostics) {
    for view in definitions.views.iter().filter(|view| matches!(view.values, Values::OnRequest(_))) {
        let name = view.name.value.as_str();
        if let Some(place) = tables.get(name) {
            let message = format!("view `{name}` is computed on request and has no rows to read");
            diagnostics.add_with(place, message, Some("read the stored features that it is made of".to_owned()));
        }
    }
}

/// The indexes of the views, each after those that it reads, and whether it can be compiled: views on a circle cannot.
pub(super) fn order(definitions: &Definitions, reads: &[Reads], diagnostics: &mut Diagnostics) -> Vec<(usize, bool)> {
    // A view under a source's name is reported as such; here the source has the name.
    let is_source = |name: &str| definitions.sources.iter().any(|source| source.name.value.as_str() == name);
    let views = definitions.views.iter().enumerate().map(|(index, view)| (view.name.value.as_str(), index));
    let index: BTreeMap<&str, usize> = views.filter(|(name, _)| !is_source(name)).collect();
    let mut search = Search {
        definitions,
        reads,
        index,
        state: vec![State::New; reads.len()],
        order: Vec::new(),
        on_circle: BTreeSet::new(),
        diagnostics,
    };
    for view in (0..reads.len()).filter(|view| !is_source(definitions.views[*view].name.value.as_str())) {
        search.visit(view, &mut Vec::new());
    }
    let Search { order, on_circle, .. } = search;
    order.into_iter().map(|view| (view, !on_circle.contains(&view))).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

/// A depth-first search. Definition files bound its depth.
struct Search<'a> {
    definitions: &'a Definitions,
    reads: &'a [Reads],
    index: BTreeMap<&'a str, usize>,
    state: Vec<State>,
    order: Vec<usize>,
    on_circle: BTreeSet<usize>,
    diagnostics: &'a mut Diagnostics,
}

impl Search<'_> {
    fn visit(&mut self, view: usize, path: &mut Vec<usize>) {
        if self.state[view] != State::New {
            return;
        }
        self.state[view] = State::Open;
        path.push(view);
        for (table, place) in &self.reads[view].tables {
            let Some(&input) = self.index.get(table.as_str()) else { continue };
            match self.state[input] {
                State::New => self.visit(input, path),
                State::Open => self.report(input, path, place),
                State::Done => {}
            }
        }
        path.pop();
        self.state[view] = State::Done;
        self.order.push(view);
    }

    fn report(&mut self, first: usize, path: &[usize], place: &Place) {
        let name = |view: usize| self.definitions.views[view].name.value.as_str();
        let from = path.iter().position(|view| *view == first).unwrap_or_default();
        self.on_circle.extend(&path[from..]);
        let message = match &path[from..] {
            [only] => format!("view `{}` reads itself", name(*only)),
            cycle => {
                let steps: Vec<&str> = cycle.iter().map(|view| name(*view)).chain([name(first)]).collect();
                format!("views read each other in a circle: `{}`", steps.join("` → `"))
            }
        };
        self.diagnostics.add(place, message);
    }
}
