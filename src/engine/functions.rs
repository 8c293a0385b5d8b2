//! The functions that a statement may call: an allow-list of DataFusion's, and the analyzers.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, WindowUDF,
};

use super::faults::Faults;
use super::terms;
use crate::analyze::{ANALYZERS, ReadyAnalyzer};

/// DataFusion's scalar functions that are known here. Absent on purpose are those whose value depends on the moment, those
/// that say what they run on, and those whose result can be far larger than what they are given (`repeat`, `lpad`, `range`).
#[rustfmt::skip]
pub const FUNCTIONS: &[&str] = &[
    "abs", "acos", "acosh", "array_any_value", "array_append", "array_compact", "array_concat", "array_dims",
    "array_distance", "array_distinct", "array_element", "array_except", "array_has", "array_has_all",
    "array_has_any", "array_intersect", "array_length", "array_max", "array_min", "array_ndims",
    "array_normalize", "array_pop_back", "array_pop_front", "array_position", "array_positions",
    "array_prepend", "array_remove", "array_remove_all", "array_remove_n", "array_replace", "array_replace_all",
    "array_replace_n", "array_reverse", "array_slice", "array_sort", "array_to_string", "array_union",
    "arrays_zip", "arrow_cast", "arrow_try_cast", "arrow_typeof", "ascii", "asin", "asinh", "atan", "atan2",
    "atanh", "bit_length", "btrim", "cardinality", "cbrt", "ceil", "character_length", "chr", "coalesce",
    "concat", "concat_ws", "contains", "cos", "cosh", "cosine_distance", "cot", "date_bin", "date_part",
    "date_trunc", "decode", "degrees", "digest", "empty", "encode", "ends_with", "exp", "factorial",
    "find_in_set", "flatten", "floor", "from_unixtime", "gcd", "get_field", "greatest", "initcap",
    "inner_product", "isnan", "iszero", "lcm", "least", "left", "levenshtein", "ln", "log", "log10", "log2",
    "lower", "ltrim", "make_array", "make_date", "make_time", "map", "map_entries", "map_extract", "map_keys",
    "map_values", "md5", "named_struct", "nanvl", "nullif", "nvl", "nvl2", "octet_length", "overlay", "pi",
    "power", "radians", "regexp_count", "regexp_instr", "regexp_like", "regexp_match", "regexp_replace",
    "replace", "reverse", "right", "round", "rtrim", "sha224", "sha256", "sha384", "sha512", "signum", "sin",
    "sinh", "split_part", "sqrt", "starts_with", "string_to_array", "strpos", "struct", "substr",
    "substr_index", "tan", "tanh", "to_char", "to_date", "to_hex", "to_local_time", "to_time", "to_timestamp",
    "to_timestamp_micros", "to_timestamp_millis", "to_timestamp_nanos", "to_timestamp_seconds", "to_unixtime",
    "translate", "trunc", "upper",
];

/// Why a function that people know is not there.
pub(super) fn refusal(name: &str) -> Option<&'static str> {
    match name {
        "now" | "today" | "random" | "uuid" | "current_date" | "current_time" | "current_timestamp" => {
            Some("its value depends on the moment, and an answer depends on its release alone")
        }
        "repeat" | "lpad" | "rpad" | "range" | "generate_series" | "array_repeat" | "list_repeat" | "array_resize" => {
            Some("it makes something huge of something small")
        }
        "version" => Some("it tells about the engine and not about the data"),
        _ => None,
    }
}

pub(super) fn expression_planners() -> Vec<Arc<dyn ExprPlanner>> {
    SessionStateDefaults::default_expr_planners()
}

pub(super) fn scalar() -> Vec<Arc<ScalarUDF>> {
    let ready = |analyzer| ReadyAnalyzer::new(analyzer, Arc::default(), Arc::default());
    let ours = ANALYZERS.iter().map(|analyzer| Arc::new(analyzer_function(ready(analyzer))));
    let theirs = SessionStateDefaults::default_scalar_functions();
    let theirs = theirs.into_iter().filter(|function| FUNCTIONS.contains(&function.name()));
    theirs.chain(ours).chain([Arc::new(terms::function())]).collect()
}

pub(super) fn aggregate() -> Vec<Arc<AggregateUDF>> {
    SessionStateDefaults::default_aggregate_functions()
}

pub(super) fn window() -> Vec<Arc<WindowUDF>> {
    SessionStateDefaults::default_window_functions()
}

/// `lexical(text)`: the analyzer as a function of a text, with a struct as its value.
pub(super) fn analyzer_function(ready: ReadyAnalyzer) -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Utf8], Volatility::Immutable);
    ScalarUDF::new_from_impl(AnalyzerFunction {
        formula: ready.formula(),
        ready,
        has_vectors: false,
        faults: Faults::default(),
        signature,
    })
}

/// The same over the columns of a table: the text, a list of vectors where `has_vectors`, and the columns of the key, for
/// the faults.
pub(super) fn analyzer_of_rows(ready: ReadyAnalyzer, has_vectors: bool, faults: Faults) -> ScalarUDF {
    let signature = Signature::variadic_any(Volatility::Immutable);
    ScalarUDF::new_from_impl(AnalyzerFunction { formula: ready.formula(), ready, has_vectors, faults, signature })
}

#[derive(Debug)]
struct AnalyzerFunction {
    ready: ReadyAnalyzer,
    /// All that decides its values.
    formula: String,
    has_vectors: bool,
    faults: Faults,
    signature: Signature,
}

impl PartialEq for AnalyzerFunction {
    fn eq(&self, other: &Self) -> bool {
        self.formula == other.formula && self.has_vectors == other.has_vectors && self.signature == other.signature
    }
}

impl Eq for AnalyzerFunction {}

impl Hash for AnalyzerFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.formula.hash(state);
        self.has_vectors.hash(state);
    }
}

impl ScalarUDFImpl for AnalyzerFunction {
    fn name(&self) -> &str {
        self.ready.analyzer().name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.ready.analyzer().data_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = self.ready.analyzer().name;
        let Some((text, rest)) = args.args.split_first() else { return exec_err!("`{name}` takes one text") };
        let (vectors, keys) = rest.split_at(usize::from(self.has_vectors).min(rest.len()));
        let texts = text.to_array(args.number_rows)?;
        let Some(texts) = texts.as_string_opt::<i32>() else {
            return exec_err!("`{name}` takes a text, not {}", texts.data_type());
        };
        let vectors = vectors.first().map(|vectors| vectors.to_array(args.number_rows)).transpose()?;
        let analyzed = self.ready.analyze(texts, vectors.as_ref().and_then(|vectors| vectors.as_list_opt()));
        self.faults.take(keys, &analyzed.faults, args.number_rows);
        Ok(ColumnarValue::Array(Arc::new(analyzed.values)))
    }
}
