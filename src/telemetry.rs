//! Logs, metrics and traces. Secrets and texts are never among them.

mod traces;

use std::io::IsTerminal;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::TracesConfig;

pub(crate) use traces::span;
pub use traces::{TARGET, Traces, TracesError, follow_caller};

/// Upper bounds of the buckets of every `*_seconds` histogram: a lookup takes 50 µs, a statement up to 30 s.
const SECONDS_BUCKETS: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Sends logs to standard error, for people on a terminal, as JSON lines otherwise, and traces where `traces` says. `level`
/// is a filter such as `info` or `rhapsode=debug,warn`.
pub fn init(level: &str, traces: &TracesConfig) -> Result<Traces, TracesError> {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let logs = match std::io::stderr().is_terminal() {
        true => logs.with_target(false).with_filter(filter).boxed(),
        false => logs.json().flatten_event(true).with_current_span(false).with_filter(filter).boxed(),
    };
    let (sent, layer) = traces::init(traces)?;
    // A second call in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(logs).with(layer).try_init();
    Ok(sent)
}

/// Installs the recorder of metrics and returns what renders them. None where one is installed already.
pub fn init_metrics() -> Option<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS_BUCKETS)
        .ok()?
        .install_recorder()
        .ok()?;
    describe();
    Some(handle)
}

/// What each metric means: `docs/metrics.md` is the same list.
fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("rhapsode_http_requests_total", "Requests by route, method and status");
    describe_histogram!("rhapsode_http_request_seconds", "Time until the answer's head, by route");
    describe_gauge!("rhapsode_http_requests_in_flight", "Requests that are being worked on");
    describe_gauge!("rhapsode_release_number", "Number of the release that is served as `latest`");
    describe_gauge!("rhapsode_release_age_seconds", "Time since that release was published");
    describe_gauge!("rhapsode_online_memory_bytes", "Arrow memory of the features that are held for lookups");
    describe_counter!("rhapsode_online_reads_total", "Rows of indexed views that lookups read, by outcome");
    describe_gauge!("rhapsode_connections", "Connections that are open");
    describe_counter!("rhapsode_connections_refused_total", "Connections for which there was no room");
    describe_counter!("rhapsode_entities_read_total", "Entities that lookups returned");
    describe_counter!("rhapsode_sql_statements_total", "Statements by outcome");
    describe_histogram!("rhapsode_sql_seconds", "Time of a statement");
    describe_histogram!("rhapsode_analysis_seconds", "Time that a view's features took for the texts of a request");
    describe_histogram!("rhapsode_analyzer_batch_seconds", "Time of an analyzer for a batch of texts");
    describe_counter!("rhapsode_analyzer_texts_total", "Texts that an analyzer was given");
    describe_counter!("rhapsode_analyzer_faults_total", "Texts of which an analyzer could make nothing");
    describe_histogram!("rhapsode_model_call_seconds", "Time of a call of an embedding model");
    describe_counter!("rhapsode_model_texts_total", "Texts that a model was given");
    describe_counter!("rhapsode_model_tokens_total", "Tokens that a model read");
    describe_counter!("rhapsode_model_faults_total", "Texts that a model did not take");
    describe_counter!("rhapsode_model_failures_total", "Calls of a model that failed");
    describe_counter!("rhapsode_model_retries_total", "Requests that a model's service was asked again");
    describe_counter!("rhapsode_model_cost_millionths_total", "What a model's tokens cost, in millionths");
    describe_histogram!("rhapsode_job_chunk_seconds", "Time of a chunk of a job");
    describe_counter!("rhapsode_job_texts_total", "Texts of jobs that were worked off");
    describe_counter!("rhapsode_problems_total", "Problems that were answered, by kind");
    describe_counter!("rhapsode_feedback_total", "What was said of hits");
    describe_counter!("rhapsode_quota_spent_total", "What keys used, by the units of quotas");
    describe_counter!("rhapsode_answers_kept_total", "Answers of statements that were kept, or made");
    describe_gauge!("rhapsode_answers_kept_bytes", "Bytes of those that are kept");
    describe_gauge!("rhapsode_sql_waiting", "Statements that wait for a worker, as the last to come found them");
    describe_counter!("rhapsode_sql_workers_started_total", "Worker processes that were started");
    describe_counter!("rhapsode_sql_workers_died_total", "Those that a statement ended");
    describe_gauge!("rhapsode_keys_at_hand", "Keys that are held in memory");
    describe_gauge!("rhapsode_state_connections", "Connections to the state database that are open");
    describe_gauge!("rhapsode_state_connections_idle", "Those that rest");
    describe_gauge!("rhapsode_build_seconds", "Time that the last build which computed a table took for it");
    describe_gauge!("rhapsode_build_rows", "Rows of it then");
    describe_counter!("rhapsode_exports_written_total", "Downloads that were written, by format");
}
