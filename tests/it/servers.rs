//! Real servers that a test starts and that end with it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server on a port of its own.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// Starts `command` and waits until it listens.
    pub fn start(command: &mut Command, port: u16) -> Self {
        let name = format!("{command:?}");
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process =
            process.unwrap_or_else(|error| panic!("{name} cannot be started ({error}); `make setup` installs it"));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut server = Self { process, address };
        let begun = Instant::now();
        while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
            if let Some(status) = server.process.try_wait().unwrap() {
                panic!("{name} ended: {status}");
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{name} does not listen");
            std::thread::yield_now();
        }
        server
    }
}

/// A program of the scripts' Python environment.
pub fn venv(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin").join(program)
}

/// An S3 server with one bucket, `bucket`; it honours conditional creation.
pub fn s3() -> Server {
    let port = free_port();
    let mut command = Command::new(venv("moto_server"));
    let server = Server::start(command.args(["--host", "127.0.0.1", "--port", &port.to_string()]), port);
    let made = Command::new("curl")
        .args(["--silent", "--fail", "--request", "PUT", &format!("http://{}/bucket", server.address)])
        .output()
        .unwrap();
    assert!(made.status.success());
    server
}

/// `[store]` for a store in the bucket of an S3 server.
pub fn s3_configuration(server: &Server, prefix: &str, (id, secret): (&str, &str)) -> String {
    format!(
        "[store]\nurl = \"s3://bucket/{prefix}\"\n[store.options]\naws_endpoint = \"http://{}\"\naws_region = \"us-east-1\"\naws_access_key_id = \"{id}\"\naws_secret_access_key = \"{secret}\"\naws_allow_http = \"true\"\n",
        server.address
    )
}

/// A PostgreSQL server with a database of its own, and its URL.
pub struct Postgres {
    _server: Server,
    folder: tempfile::TempDir,
    pub url: String,
}

/// A program of PostgreSQL, which Debian keeps out of the path.
fn postgres_program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from(name))
}

/// A command that runs as somebody who is not root, as PostgreSQL demands.
fn unprivileged(program: &Path) -> Command {
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    if id.trim_ascii() != b"0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

pub fn postgres() -> Postgres {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    if Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0" {
        assert!(Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status().unwrap().success());
    }
    let mut command = unprivileged(&postgres_program("initdb"));
    command.args(["--auth=trust", "--username=rhapsode", "--no-sync", "--encoding=UTF8", "--pgdata"]).arg(&data);
    let made = command
        .current_dir(folder.path())
        .output()
        .unwrap_or_else(|error| panic!("initdb cannot be started ({error}); `make setup` installs PostgreSQL"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = free_port();
    let mut command = unprivileged(&postgres_program("postgres"));
    command.current_dir(folder.path()).arg("-D").arg(&data).args([
        "-p",
        &port.to_string(),
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "fsync=off",
    ]);
    command.arg("-c").arg(format!("unix_socket_directories={}", folder.path().display()));
    let server = Server::start(&mut command, port);
    let postgres = Postgres { _server: server, folder, url: format!("postgres://rhapsode@127.0.0.1:{port}/postgres") };
    // It listens before it answers.
    let begun = Instant::now();
    while !postgres.psql("select 1").0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "PostgreSQL does not answer");
        std::thread::yield_now();
    }
    postgres
}

impl Postgres {
    /// Runs statements; says whether they succeeded, and what was printed.
    pub fn psql(&self, statements: &str) -> (bool, String) {
        let mut command = Command::new(postgres_program("psql"));
        let done = command
            .current_dir(self.folder.path())
            .args([
                "--quiet",
                "--tuples-only",
                "--no-align",
                "--set=ON_ERROR_STOP=1",
                &self.url,
                "--command",
                statements,
            ])
            .output()
            .unwrap();
        (done.status.success(), String::from_utf8_lossy(&done.stdout).trim().to_owned())
    }
}
