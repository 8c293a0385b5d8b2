//! Traces as a collector takes them: OTLP over HTTP, in protobuf.

use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::support::{TestProject, printed, rhapsode, serve};

/// What a collector was sent.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<Span>>>);

impl Collected {
    /// The address at which it collects.
    async fn listen(&self) -> String {
        let collected = self.clone();
        let take = move |body: Bytes| async move {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            collected.0.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        endpoint
    }

    fn named(&self, name: &str) -> Vec<Span> {
        self.0.lock().unwrap().iter().filter(|span| span.name == name).cloned().collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// The collector answers while the test waits for processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_and_its_statement_are_spans_of_the_callers_trace_and_a_build_has_one_a_view() {
    let project = TestProject::built().await;
    let collected = Collected::default();
    project.configure(&format!("[traces]\nendpoint = \"{}\"\n[sql]\nworkers = 1\n", collected.listen().await));
    let (mut server, address) = serve(project.path(), &["--open"]).await;
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let statement = reqwest::Client::new()
        .post(format!("{address}/api/sql"))
        .header("traceparent", format!("00-{trace}-{parent}-01"))
        .json(&serde_json::json!({"query": "select 1 as one from track"}))
        .send();
    assert_eq!(statement.await.unwrap().status(), 200);
    // The last spans leave when it ends.
    let pid = server.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    server.wait().unwrap();
    let requests = collected.named("POST /api/sql");
    assert_eq!(requests.len(), 1, "{:?}", collected.0.lock().unwrap());
    assert_eq!((hex(&requests[0].trace_id), hex(&requests[0].parent_span_id)), (trace.to_owned(), parent.to_owned()));
    let attribute = requests[0].attributes.iter().find(|attribute| attribute.key == "http.response.status_code");
    assert!(format!("{attribute:?}").contains("200"), "{attribute:?}");
    let statements = collected.named("statement");
    assert_eq!(statements[0].parent_span_id, requests[0].span_id);

    project.define(&crate::support::DEFINITIONS.replace("/ 10 * 10", "/ 5 * 5"));
    printed(&project, &["build"]);
    let builds = collected.named("build");
    let views = collected.named("view");
    assert_eq!(builds.len(), 1);
    assert!(!views.is_empty() && views.iter().all(|view| view.parent_span_id == builds[0].span_id));
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_is_refused() {
    let project = TestProject::built().await;
    project.configure("[traces]\nendpoint = \"localhost:4318\"\n");
    let output = rhapsode(&project, &["build"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("traces.endpoint") && told.contains("4318"), "{told}");
}
