//! `search_terms(text, languages)`: the terms of a text as a search stores them.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

use crate::text::terms::{TERMS_VERSION, Tokenizer};

/// What the function is called.
pub const SEARCH_TERMS: &str = "search_terms";

/// The function by name and version, as fingerprints have it.
pub(super) fn versioned() -> String {
    format!("{SEARCH_TERMS}@{TERMS_VERSION}")
}

pub(super) fn function() -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable);
    ScalarUDF::new_from_impl(SearchTerms { signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SearchTerms {
    signature: Signature,
}

impl ScalarUDFImpl for SearchTerms {
    fn name(&self) -> &str {
        SEARCH_TERMS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [texts, ColumnarValue::Scalar(ScalarValue::Utf8(Some(languages)))] = args.args.as_slice() else {
            return exec_err!(
                "`{SEARCH_TERMS}` takes a text and the codes of languages: `{SEARCH_TERMS}(title, 'en,ru')`"
            );
        };
        let codes = languages.split(',').map(str::trim).filter(|code| !code.is_empty());
        let tokenizer = match Tokenizer::parse(codes) {
            Ok(tokenizer) => tokenizer,
            Err(unknown) => return exec_err!("`{SEARCH_TERMS}` knows no language `{unknown}`"),
        };
        let texts = texts.to_array(args.number_rows)?;
        let Some(texts) = texts.as_string_opt::<i32>() else {
            return exec_err!("`{SEARCH_TERMS}` takes a text, not {}", texts.data_type());
        };
        let terms: StringArray = texts.iter().map(|text| text.map(|text| tokenizer.joined(text))).collect();
        Ok(ColumnarValue::Array(Arc::new(terms)))
    }
}
