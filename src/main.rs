//! Arguments, configuration, one command, exit code.

use std::process::ExitCode;

use rhapsode::cli;
use rhapsode::limits::THREAD_STACK_BYTES;

/// Lookups and operators allocate many small things.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // `matrixmultiply` would divide each multiplication among threads of its own, which wait by spinning, beside ours, which
    // divide the texts. It has no other switch.
    // SAFETY: this is the only thread yet.
    unsafe { std::env::set_var("MATMUL_NUM_THREADS", "1") };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(THREAD_STACK_BYTES).build();
    match runtime {
        // On a worker thread, whose stack the planner needs; the main thread's is the system's choice.
        Ok(runtime) => runtime.block_on(async { tokio::spawn(cli::main()).await.unwrap_or(ExitCode::FAILURE) }),
        Err(error) => {
            eprintln!("error: the runtime cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}
