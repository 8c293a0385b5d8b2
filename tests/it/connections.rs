//! Connections as a server sees them: encrypted, slow, and many.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use reqwest::{Certificate, Client};
use serde_json::Value;

use crate::support::{TestProject, printed, rhapsode, serve};

/// More than the server gives anybody; no test waits so long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    server: Child,
    address: String,
    key: String,
    project: TestProject,
    client: Client,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

async fn running() -> Running {
    let project = TestProject::built().await;
    let key = new_key(&project);
    let (server, address) = serve(project.path(), &[]).await;
    Running { server, address, key, project, client: Client::new() }
}

fn new_key(project: &TestProject) -> String {
    printed(project, &["keys", "create", "Ada", "--tier", "pro"])
}

impl Running {
    /// A connection on which `text` was sent.
    fn sent(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }

    /// The head of a batch whose body is to have a hundred bytes, and ten of them.
    fn slow_batch(&self, key: &str) -> String {
        format!(
            "POST /api/features/batch HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"keys\": ["
        )
    }

    async fn looked_up(&self, key: &str) -> reqwest::Response {
        self.client.get(format!("{}/api/features/t1", self.address)).bearer_auth(key).send().await.unwrap()
    }
}

/// All that comes until the other side ends the connection.
fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_head_that_never_ends_and_a_body_that_does_not_come_are_given_up() {
    let running = running().await;
    let head = running.sent("GET /api/features/t1 HTTP/1.1\r\nhost: x\r\nx-slow: ");
    let body = running.sent(&running.slow_batch(&running.key));
    let begun = Instant::now();
    assert_eq!(rest(head), "");
    let answer = rest(body);
    assert!(begun.elapsed() < PATIENCE, "they were not given up");
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("/problems/slow-body"), "{answer}");
    assert_eq!(running.looked_up(&running.key).await.status(), 200);
}

#[tokio::test]
async fn a_key_whose_requests_come_slowly_leaves_room_for_the_others() {
    let running = running().await;
    let mut slow: Vec<TcpStream> = Vec::new();
    let begun = Instant::now();
    loop {
        // The server gives up those of before in the end.
        slow.extend((0..140).map(|_| running.sent(&running.slow_batch(&running.key))));
        let answer = running.looked_up(&running.key).await;
        if answer.status() == 429 {
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["type"], "/problems/too-many-at-once");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the slow requests do not count");
    }
    let other = new_key(&running.project);
    assert_eq!(running.looked_up(&other).await.status(), 200);
    drop(slow);
    while running.looked_up(&running.key).await.status() != 200 {
        assert!(begun.elapsed() < PATIENCE, "those that went still count");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_without_a_restart() {
    let project = TestProject::built().await;
    project.configure("[serve.tls]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n");
    let first = certified(project.path());
    let key = new_key(&project);
    let (server, address) = serve(project.path(), &[]).await;
    let address = address.replace("http://127.0.0.1", "https://localhost");
    let running = Running { server, address, key, project, client: Client::new() };
    let ask = |trusted: &Certificate| {
        let client = Client::builder().tls_certs_only([trusted.clone()]).build().unwrap();
        client.get(format!("{}/api/features/t1", running.address)).bearer_auth(&running.key).send()
    };
    let answer = ask(&first).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_2));
    let plain = running.client.get(running.address.replace("https:", "http:")).send().await;
    assert!(plain.is_err(), "it answers without encryption");
    let second = certified(running.project.path());
    let begun = Instant::now();
    while ask(&second).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "the new certificate is not taken");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(ask(&first).await.is_err(), "the old certificate is still shown");
}

#[tokio::test]
async fn a_certificate_that_is_not_there_is_named() {
    let project = TestProject::built().await;
    project.configure("[serve.tls]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n");
    let output = rhapsode(&project, &["serve", "--listen", "127.0.0.1:0"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("chain.pem") && told.contains("key.pem"), "{told}");
}

/// Writes a new certificate for `localhost` and its key.
fn certified(project: &Path) -> Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(project.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(project.join("chain.pem"), made.cert.pem()).unwrap();
    Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
}
