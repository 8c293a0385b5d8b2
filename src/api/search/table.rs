//! `search()` in SQL: `from search('the sea at night', limit => 50)` is a table of the keys that a search finds, each with its
//! `rank`, from 1, and its `score`. It is asked before the statement, which then has its rows in place of the call.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Map, Value};

use super::asked::SearchRequest;
use crate::api::Problem;
use crate::api::respond::unencodable;
use crate::app::{App, ReleaseView};
use crate::engine::{Statement, TableCall};
use crate::limits::{SEARCH_CALLS_MAX, SEARCH_CANDIDATES};
use crate::search::{self, Answer};
use crate::store::ReadableSearch;

/// The table function.
const FUNCTION: &str = "search";

/// A statement that searches.
pub(crate) struct SearchCalls {
    statement: Statement,
    requests: Vec<SearchRequest>,
}

impl SearchCalls {
    /// The calls of a statement, checked; none where there are none, or nobody can read the statement: then what plans it says
    /// why.
    pub fn of(sql: &str, parameters: &[Value]) -> Result<Option<Self>, Problem> {
        let says_so = sql.as_bytes().windows(FUNCTION.len()).any(|at| at.eq_ignore_ascii_case(FUNCTION.as_bytes()));
        let Some(statement) = says_so.then(|| Statement::parse(sql).ok()).flatten() else { return Ok(None) };
        let calls = statement.calls(FUNCTION, parameters)?;
        if calls.len() > SEARCH_CALLS_MAX {
            let detail = format!("a statement calls `search` {SEARCH_CALLS_MAX} times at most, not {}", calls.len());
            return Err(Problem::invalid("statement", detail).remedy("ask several statements"));
        }
        let requests = calls.into_iter().map(request).collect::<Result<Vec<_>, _>>()?;
        Ok((!requests.is_empty()).then_some(Self { statement, requests }))
    }

    /// How many hits are asked for.
    pub fn hits(&self) -> Result<usize, Problem> {
        self.requests.iter().map(SearchRequest::limit).sum()
    }

    /// The statement with what was found in place of the calls.
    pub async fn answered(self, app: &App, view: &ReleaseView) -> Result<String, Problem> {
        let mut tables = Vec::new();
        for request in &self.requests {
            let found = search::find(&view.readable, request.search.as_deref()).await?;
            let asked = request.of(&found)?;
            tables.push(table(&found, &search::search(&found, app.models(), &asked).await?)?);
        }
        Ok(self.statement.with_tables(FUNCTION, &tables)?)
    }
}

/// The fields of a request to `POST /api/search` are the arguments, but those that shape what is shown.
fn request(TableCall { first, named }: TableCall) -> Result<SearchRequest, Problem> {
    const ARGUMENTS: [&str; 11] = [
        "search",
        "profile",
        "mode",
        "filter",
        "typing",
        "expand",
        "related",
        "proximity",
        "rerank",
        "diversity",
        "limit",
    ];
    if let Some(name) = named.keys().find(|name| !ARGUMENTS.contains(&name.as_str())) {
        let problem = Problem::invalid("statement", format!("`{FUNCTION}` takes no `{name}`")).field(name, "");
        return Err(problem.remedy(format!("it takes `{}`", ARGUMENTS.join("`, `"))));
    }
    let mut fields = Map::from_iter([("query".to_owned(), first), ("limit".to_owned(), SEARCH_CANDIDATES.into())]);
    fields.extend(named);
    serde_json::from_value(Value::Object(fields))
        .map_err(|error| Problem::invalid("statement", format!("a call of `{FUNCTION}`: {error}")))
}

/// The keys of what was found, each with its rank and its score.
fn table(found: &ReadableSearch, answer: &Answer) -> Result<RecordBatch, Problem> {
    let rows: UInt64Array = answer.hits.iter().map(|hit| hit.row as u64).collect::<Vec<_>>().into();
    let keys: Vec<usize> = (0..found.key_parts()).collect();
    let keys = found.columns().project(&keys).and_then(|keys| take_record_batch(&keys, &rows));
    let keys = keys.map_err(unencodable)?;
    let rank: ArrayRef = Arc::new(Int64Array::from_iter_values((1..).take(answer.hits.len())));
    let score: ArrayRef = Arc::new(Float64Array::from_iter_values(answer.hits.iter().map(|hit| hit.explanation.score)));
    let mut fields: Vec<Field> = keys.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.extend([Field::new("rank", DataType::Int64, false), Field::new("score", DataType::Float64, false)]);
    let columns = keys.columns().iter().cloned().chain([rank, score]).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(unencodable)
}
