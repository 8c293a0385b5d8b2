//! Embedding models as functions of a text: they wait for their model, and hold up no thread that serves others.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{exec_err, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::EMBEDDING;
use super::faults::Faults;
use crate::model::{Model, Models, Part, parts_type};

/// The parts of a text as vectors, a struct with a field for each, over the columns of a table: the text, and the columns
/// of the key, for the faults.
pub(super) fn parts_of_rows(model: &Arc<Model>, parts: &[Part], faults: Faults) -> ScalarUDF {
    let signature = Signature::variadic_any(Volatility::Immutable);
    let function = PartsFunction { model: Arc::clone(model), parts: parts.to_vec(), faults, signature };
    AsyncScalarUDF::new(Arc::new(function)).into_scalar_udf()
}

/// `embed(text)`: a text as a vector, by the model `model`.
pub(super) fn embed_function(models: &Models, model: &'static str) -> ScalarUDF {
    let signature = Signature::one_of(vec![TypeSignature::String(1)], Volatility::Immutable);
    AsyncScalarUDF::new(Arc::new(EmbedFunction { models: models.clone(), model, signature })).into_scalar_udf()
}

#[derive(Debug)]
struct PartsFunction {
    model: Arc<Model>,
    parts: Vec<Part>,
    faults: Faults,
    signature: Signature,
}

impl PartialEq for PartsFunction {
    fn eq(&self, other: &Self) -> bool {
        self.model.digest() == other.model.digest() && self.parts == other.parts
    }
}

impl Eq for PartsFunction {}

impl Hash for PartsFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.model.digest().as_bytes().hash(state);
        self.parts.hash(state);
    }
}

impl ScalarUDFImpl for PartsFunction {
    fn name(&self) -> &str {
        EMBEDDING
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(parts_type(&self.parts, self.model.dimensions())))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("`embedding` is asynchronous")
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for PartsFunction {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some((text, keys)) = args.args.split_first() else { return exec_err!("an embedding is of one text") };
        let texts = texts(text, args.number_rows)?;
        let parts = self.model.embed_parts(&texts, &self.parts).await.map_err(failed)?;
        self.faults.take(keys, &parts.faults, args.number_rows);
        if let Some((_, reason)) = parts.faults.first() {
            let (model, count) = (self.model.name(), parts.faults.len());
            tracing::warn!(model, count, reason, "texts have no vector; what is made of them is null");
        }
        Ok(ColumnarValue::Array(Arc::new(parts.values)))
    }
}

#[derive(Debug)]
struct EmbedFunction {
    models: Models,
    model: &'static str,
    signature: Signature,
}

impl PartialEq for EmbedFunction {
    fn eq(&self, other: &Self) -> bool {
        self.model == other.model
    }
}

impl Eq for EmbedFunction {}

impl Hash for EmbedFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.model.hash(state);
    }
}

impl ScalarUDFImpl for EmbedFunction {
    fn name(&self) -> &str {
        "embed"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        match self.models.find(self.model) {
            Ok(model) => Ok(Part::Whole.data_type(model.dimensions())),
            Err(error) => plan_err!("{error}"),
        }
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("`embed` is asynchronous")
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for EmbedFunction {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let model = self.models.find(self.model).map_err(failed)?;
        let [text] = args.args.as_slice() else { return exec_err!("an embedding is of one text") };
        let embedded = model.embed(texts(text, args.number_rows)?).await.map_err(failed)?;
        Ok(ColumnarValue::Array(Arc::new(embedded.vectors)))
    }
}

fn texts(text: &ColumnarValue, rows: usize) -> Result<StringArray> {
    let texts: ArrayRef = cast(&text.to_array(rows)?, &DataType::Utf8)?;
    Ok(texts.as_string::<i32>().clone())
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
