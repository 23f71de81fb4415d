//! Follows a table: told by `NOTIFY`, with a look every now and then as a net. A database that is lost is looked for until it
//! is back.

use std::sync::Arc;
use std::time::Duration;

use routes::Digest;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{Address, CONNECT_LIMIT, Database, LIMIT, sql};
use crate::error::HomeError;
use crate::watch::Seen;

/// How often the table is looked at although nothing was heard.
const POLL: Duration = Duration::from_secs(2);
/// Waits between attempts to reach the database: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The watch over one table.
#[derive(Debug)]
pub(crate) struct Follower {
    seen: mpsc::Receiver<Seen>,
    task: Option<JoinHandle<()>>,
    // The task runs on its thread.
    _database: Arc<Database>,
}

impl Follower {
    pub(crate) fn new(database: &Arc<Database>) -> Self {
        // One is enough: whoever is slow sees the newest text, not every one.
        let (tell, seen) = mpsc::channel(1);
        let task = database.worker.spawn(follow(database.address.clone(), tell));
        Self { seen, task, _database: Arc::clone(database) }
    }

    pub(crate) async fn next(&mut self) -> Seen {
        match self.seen.recv().await {
            Some(seen) => seen,
            // The thread has ended: so does the program.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn follow(address: Address, tell: mpsc::Sender<Seen>) {
    let mut pause = PAUSES.0;
    loop {
        let lost = match listen(&address, &tell, &mut pause).await {
            Ok(Ended) => return,
            Err(lost) => lost,
        };
        if tell.send(Seen::Lost(lost)).await.is_err() {
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Nobody wants to know any more.
struct Ended;

/// Tells every text until the database is lost. `pause` begins anew once it was there.
async fn listen(
    address: &Address,
    tell: &mpsc::Sender<Seen>,
    pause: &mut Duration,
) -> Result<Ended, HomeError> {
    let mut listener = in_time(address, "connect to", connect(address)).await?;
    let mut told: Option<Digest> = None;
    loop {
        let known = told.as_ref().map_or("", Digest::as_str);
        let look = sql::text_unless(&mut listener, &address.name, known);
        let (is_there, text) = in_time(address, "follow", look).await?;
        if !is_there {
            return Err(HomeError::Missing { place: address.place.clone() });
        }
        *pause = PAUSES.0;
        if let Some(text) = text {
            told = Some(Digest::of(&text));
            if tell.send(Seen::Text(text)).await.is_err() {
                return Ok(Ended);
            }
        }
        wait(address, &mut listener).await?;
    }
}

/// A connection that listens; what was told before it did is looked for afterwards.
async fn connect(address: &Address) -> Result<PgListener, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT_LIMIT)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(address.options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    // A connection that is lost is to be told before there is another.
    listener.eager_reconnect(false);
    listener.listen(sql::CHANNEL).await?;
    Ok(listener)
}

/// Waits until this table may have changed.
async fn wait(address: &Address, listener: &mut PgListener) -> Result<(), HomeError> {
    let until_told = async {
        while let Some(told) = listener.try_recv().await? {
            if told.payload() == address.name {
                return Ok(());
            }
        }
        let gone = "the server has closed the connection";
        Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, gone)))
    };
    match timeout(POLL, until_told).await {
        Ok(told) => told.map_err(|error| address.failed("follow", error)),
        Err(_nothing_heard) => Ok(()),
    }
}

async fn in_time<T>(
    address: &Address,
    doing: &'static str,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, HomeError> {
    match timeout(LIMIT, work).await {
        Ok(done) => done.map_err(|error| address.failed(doing, error)),
        Err(_late) => Err(HomeError::Late { doing, place: address.place.clone() }),
    }
}
