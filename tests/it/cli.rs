//! The binary, as people run it.

use std::process::{Command, Stdio};

fn rhapsode() -> Command {
    Command::new(env!("CARGO_BIN_EXE_rhapsode"))
}

#[test]
fn a_closed_pipe_panicked() {
    for _ in 0..3 {
        let mut child =
            rhapsode().args(["schema", "openapi"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&done.stderr), "");
        assert!(done.status.success(), "{}", done.status);
    }
}

#[test]
fn every_command_shows_its_help() {
    let names: Vec<String> =
        rhapsode::cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        let done = rhapsode().args([&name, "--help"]).output().unwrap();
        assert!(done.status.success() && !done.stdout.is_empty(), "{name}");
    }
}
