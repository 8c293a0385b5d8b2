//! Work on all cores, apart from the threads that wait for others.

use tokio::sync::oneshot;

/// Runs `work` among the threads that compute.
pub(super) async fn on_all_cores<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = oneshot::channel();
    rayon::spawn(move || {
        // Nobody waits any more: then nobody needs it.
        let _ = sender.send(work());
    });
    receiver.await.expect("the work ends, and sends what it made")
}
