//! Analyzers as builds and requests run them: no text takes another with it.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int32Array, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Int32Type};
use rhapsode::analyze::{Analyzer, OutputField, ReadyAnalyzer};

/// Counts bytes, and cannot stand one text.
const DELICATE: Analyzer = Analyzer {
    name: "delicate",
    version: 1,
    description: "",
    reads_vectors: false,
    reads_themes: false,
    reads_stress: false,
    fields: || vec![OutputField { name: "bytes", data_type: DataType::Int32, unit: None, description: "" }],
    run: |input| {
        assert!(!input.texts.iter().flatten().any(|text| text == "boom"), "as it is written");
        let bytes = Int32Array::from_iter(input.texts.iter().map(|text| text.map(|text| text.len() as i32)));
        let field = Arc::new(Field::new("bytes", DataType::Int32, true));
        StructArray::new(vec![field].into(), vec![Arc::new(bytes)], input.texts.nulls().cloned())
    },
};

#[test]
fn a_text_that_an_analyzer_cannot_stand_takes_no_other_with_it() {
    static ANALYZER: Analyzer = DELICATE;
    let ready = ReadyAnalyzer::new(&ANALYZER, Arc::default(), Arc::default());
    let analyzed = ready.analyze(&StringArray::from(vec![Some("one"), Some("boom"), None, Some("")]), None);
    let values = analyzed.values.column(0).as_primitive::<Int32Type>().iter().collect::<Vec<_>>();
    assert_eq!(values, [Some(3), None, None, Some(0)]);
    assert_eq!(analyzed.faults, [(1, "the analyzer `delicate` failed on this text".to_owned())]);
    let analyzed = ready.analyze(&StringArray::from(vec![Some("one")]), None);
    assert_eq!(analyzed.faults, []);
}
