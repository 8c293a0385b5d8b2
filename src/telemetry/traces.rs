//! Traces: what a request or a build spent its time in, as spans for an OpenTelemetry collector.
//!
//! Spans have a target of their own and the level that logs leave out, so that without a collector nothing is made of them.

use std::marker::PhantomData;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use crate::config::TracesConfig;

/// Their target; nothing else is traced.
pub const TARGET: &str = "rhapsode::traces";

/// How long the last spans may take to leave.
const LAST_SPANS_TIME_MAX: Duration = Duration::from_secs(5);

/// Makes a span of a trace: a name, then attributes as `tracing` takes them.
macro_rules! span {
    ($($arguments:tt)*) => { tracing::trace_span!(target: $crate::telemetry::TARGET, $($arguments)*) };
}
pub(crate) use span;

/// Why nothing can be traced.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    #[error("`traces.endpoint` is not the URL of a collector, such as `http://127.0.0.1:4318/v1/traces`: {0}")]
    Endpoint(String),
    #[error("`traces.sample_ratio` is {0}; it is a share, from 0 to 1")]
    Ratio(f64),
}

/// What is traced leaves in batches.
#[derive(Default)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Sends what has not left yet.
    pub async fn finish(self) {
        let Some(provider) = self.0 else { return };
        let finished = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_SPANS_TIME_MAX)).await;
        if let Ok(Err(error)) = finished {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

pub(super) fn init<S>(config: &TracesConfig) -> Result<(Traces, Option<impl Layer<S> + use<S>>), TracesError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(endpoint) = config.endpoint.clone() else { return Ok((Traces::default(), None)) };
    if !(0.0..=1.0).contains(&config.sample_ratio) {
        return Err(TracesError::Ratio(config.sample_ratio));
    }
    if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
        return Err(TracesError::Endpoint(endpoint));
    }
    // Its client has a runtime of its own, which must not begin within ours.
    let exporter = std::thread::spawn(move || {
        SpanExporter::builder().with_http().with_endpoint(endpoint).with_protocol(Protocol::HttpBinary).build()
    });
    let exporter = exporter.join().map_err(|_| TracesError::Endpoint("its client cannot start".to_owned()))?;
    let exporter = exporter.map_err(|error| TracesError::Endpoint(error.to_string()))?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample_ratio)));
    let resource = Resource::builder().with_service_name(config.service_name.clone()).build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter);
    let provider = provider.with_sampler(sampler).with_resource(resource).build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("rhapsode"))
        .with_location(false)
        .with_threads(false)
        .with_level(false)
        .with_target(false)
        .with_filter(Targets::new().with_target(TARGET, LevelFilter::TRACE));
    Ok((Traces(Some(provider)), Some(layer)))
}

/// Makes `span` part of its caller's trace, where `header` gives a `traceparent` (W3C Trace Context).
pub fn follow_caller<'a>(span: &tracing::Span, header: impl Fn(&str) -> Option<&'a str>) {
    if span.is_disabled() {
        return;
    }
    let caller = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(header, PhantomData));
    // An error says that nothing is traced.
    let _ = span.set_parent(caller);
}

struct Headers<'a, F>(F, PhantomData<&'a str>);

impl<'a, F: Fn(&str) -> Option<&'a str>> Extractor for Headers<'a, F> {
    fn get(&self, key: &str) -> Option<&str> {
        (self.0)(key)
    }

    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}
