//! A thread with a runtime for the database, because whoever asks for a table or flips it does so as with a file: blocking.

use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Worker(Option<Runtime>);

/// The work was not done in time.
#[derive(Debug)]
pub(super) struct Late;

impl Worker {
    pub(super) fn start() -> io::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        runtime.worker_threads(1).thread_name("routes").enable_all();
        Ok(Self(Some(runtime.build()?)))
    }

    /// Does something on the thread, and blocks this one until it is done or `limit` is over.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Late> {
        let (tell, told) = mpsc::sync_channel(1);
        let _done = self.spawn(async move {
            let done = timeout(limit, work).await;
            // Whoever asked waits for it.
            let _told = tell.send(done);
        });
        match told.recv() {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) | Err(_) => Err(Late),
        }
    }

    /// Does something on the thread meanwhile; `None` when the thread is about to end.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        self.0.as_ref().map(|runtime| runtime.spawn(work))
    }

    /// Makes something that needs to know the runtime.
    pub(super) fn within<T>(&self, make: impl FnOnce() -> T) -> T {
        let _inside = self.0.as_ref().map(Runtime::enter);
        make()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // To wait for it is not allowed in an async context, where this may be.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_can_be_waited_for_and_dropped_in_an_async_context() {
        let worker = Worker::start().unwrap();
        assert_eq!(worker.wait(Duration::from_secs(10), async { 7 }).unwrap(), 7);
        let never = worker.wait(Duration::from_millis(1), std::future::pending::<()>());
        assert!(never.is_err());
        let panics = worker.wait(Duration::from_secs(10), async { panic!("a test") });
        assert!(matches!(panics, Err::<(), _>(Late)));
        drop(worker);
    }
}
