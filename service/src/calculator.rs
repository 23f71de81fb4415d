//! Runs what calculates for long on a thread of its own, so that requests go on being answered.

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::oneshot;

/// The lowest priority that a thread can have.
const LOWEST: i32 = 19;

/// One thread, and a queue before it. What a calculation would spread over further threads stays on this one.
#[derive(Debug)]
pub struct Calculator(ThreadPool);

/// A calculation has come to no end: it panicked, which is a mistake of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a calculation broke off")]
pub struct BrokenOff;

impl Calculator {
    /// A thread with this name.
    pub fn new(name: &'static str) -> Result<Self, ThreadPoolBuildError> {
        Self::build(Self::builder(name))
    }

    /// A thread with this name that runs only while nobody else wants the CPU.
    pub fn giving_way(name: &'static str) -> Result<Self, ThreadPoolBuildError> {
        Self::build(Self::builder(name).start_handler(|_| give_way()))
    }

    fn builder(name: &'static str) -> ThreadPoolBuilder {
        ThreadPoolBuilder::new().num_threads(1).thread_name(move |_| name.to_owned())
    }

    fn build(builder: ThreadPoolBuilder) -> Result<Self, ThreadPoolBuildError> {
        // Whoever waits for a calculation that panicked hears of it; the thread goes on.
        let builder = builder.panic_handler(|_| tracing::error!("a calculation panicked"));
        builder.build().map(Self)
    }

    /// What `calculation` gives. Nobody waiting for it any more, it does not begin.
    pub async fn run<T: Send + 'static>(
        &self,
        calculation: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BrokenOff> {
        let (done, wait) = oneshot::channel();
        self.0.spawn(move || {
            if !done.is_closed() {
                drop(done.send(calculation()));
            }
        });
        wait.await.map_err(|_gone| BrokenOff)
    }
}

fn give_way() {
    // Linux keeps the priority of each thread apart; "no process" means the calling thread.
    if let Err(error) = rustix::process::setpriority_process(None, LOWEST) {
        tracing::warn!(%error, "can't lower the priority of trainings; they compete with requests for the CPU");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_panic_breaks_off_one_calculation_and_no_other() {
        let calculator = Calculator::new("test").unwrap();
        let broken: Result<u8, _> = calculator.run(|| panic!("a mistake")).await;
        assert_eq!(broken, Err(BrokenOff));
        assert_eq!(calculator.run(|| 1 + 1).await, Ok(2));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_does_not_begin() {
        let calculator = Calculator::giving_way("test").unwrap();
        let (let_go, held) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let first = calculator.run(move || held.recv().is_ok());
        let second = {
            let tell = tell.clone();
            calculator.run(move || tell.send("second").is_ok())
        };
        let mut first = Box::pin(first);
        let mut second = Box::pin(second);
        // Both are in the queue, and then nobody waits for the second.
        assert!(
            futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending()
        );
        drop(second);
        let_go.send(()).unwrap();
        assert_eq!(first.await, Ok(true));
        assert_eq!(calculator.run(move || tell.send("third").is_ok()).await, Ok(true));
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["third"]);
    }
}
