//! The one task that writes. Callers put writes into a bounded queue and wait for their answer; what waits
//! together is committed together, so that one sync of the disk serves many. The tables' own SQL is not here:
//! a write brings it along.

use std::pin::Pin;

use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::error::{Fault, StoreError};
use crate::folder::Folder;
use crate::schema;

/// Writes that may wait; the next caller waits for a place.
pub(crate) const QUEUE: usize = 1024;
/// Writes in one transaction at most, so that the first does not wait for an endless stream of others.
const BATCH: usize = 64;

/// One change of stored state. It runs in its own savepoint: when it fails, others of its batch still happen.
pub(crate) trait Write: Send {
    /// What the caller learns once the change is on disk.
    type Answer: Send + 'static;

    /// Makes the change.
    fn apply(
        self,
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;
}

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What a caller asks of the writer.
pub(crate) enum Message {
    /// Make a change and answer after the commit.
    Write(Box<dyn Job>),
    /// Answer when the writer comes to it and could begin a transaction.
    Check(Reply<()>),
    /// Do what is queued, close everything, answer, end.
    Close(Reply<()>),
}

impl Message {
    /// Wraps `write` and the place where its answer goes.
    pub(crate) fn write<W: Write + 'static>(write: W, reply: Reply<W::Answer>) -> Message {
        Message::Write(Box::new(Asked { write, reply }))
    }
}

/// Tells the caller how it ended, given how the commit ended.
type Settle = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// A [`Write`] whose type is forgotten, so that one queue carries all of them.
pub(crate) trait Job: Send {
    /// Makes the change. An error means that the transaction is lost; the caller has then been told.
    fn run<'r>(
        self: Box<Self>,
        connection: &'r mut SqliteConnection,
        folder: &'r Folder,
    ) -> BoxFuture<'r, Result<Settle, StoreError>>;

    /// Tells the caller that the change was not tried.
    fn refuse(self: Box<Self>, error: StoreError);
}

struct Asked<W: Write> {
    write: W,
    reply: Reply<W::Answer>,
}

// A caller that stopped waiting does not undo its write: results of `send` are ignored throughout.
impl<W: Write + 'static> Job for Asked<W> {
    fn run<'r>(
        self: Box<Self>,
        connection: &'r mut SqliteConnection,
        folder: &'r Folder,
    ) -> BoxFuture<'r, Result<Settle, StoreError>> {
        Box::pin(async move {
            let Asked { write, reply } = *self;
            match in_savepoint(connection, write, folder).await {
                Ok(outcome) => {
                    let settle: Settle = Box::new(move |committed| {
                        let _ = reply.send(committed.and(outcome));
                    });
                    Ok(settle)
                }
                Err(lost) => {
                    let _ = reply.send(Err(lost.clone()));
                    Err(lost)
                }
            }
        })
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}

/// Runs one write so that its failure leaves the transaction as it was. The outer error says that not even that
/// worked (SQLite ends the whole transaction on a full disk): nothing of the transaction may then be believed.
async fn in_savepoint<W: Write>(
    connection: &mut SqliteConnection,
    write: W,
    folder: &Folder,
) -> Result<Result<W::Answer, StoreError>, StoreError> {
    let at = |error: sqlx::Error| Fault::from(error).at(folder.database());
    let mut savepoint = connection.begin().await.map_err(at)?;
    match write.apply(&mut savepoint).await {
        Ok(answer) => {
            savepoint.commit().await.map_err(at)?;
            Ok(Ok(answer))
        }
        Err(fault) => {
            let failed = fault.at(folder.database());
            match savepoint.rollback().await {
                Ok(()) => Ok(Err(failed)),
                Err(_) => Err(failed),
            }
        }
    }
}

/// The writing end of a [`Store`](crate::Store). It does nothing until [`Writer::run`] is polled; whoever opened
/// the store spawns that where its drain waits for it. Dropped early, it leaves the store closed.
#[must_use = "nothing is written until `run` is spawned"]
pub struct Writer {
    queue: mpsc::Receiver<Message>,
    /// None after a transaction was lost: the next one begins on a fresh connection.
    connection: Option<SqliteConnection>,
    readers: SqlitePool,
    /// Given up last, when no connection is open any more.
    folder: Folder,
}

impl Writer {
    pub(crate) fn new(
        queue: mpsc::Receiver<Message>,
        connection: SqliteConnection,
        readers: SqlitePool,
        folder: Folder,
    ) -> Writer {
        Writer { queue, connection: Some(connection), readers, folder }
    }

    /// Writes until [`Store::close`](crate::Store::close) is called or every handle of the store is gone; then
    /// closes the database and gives up the data folder. Spawn it on a task that shutdown waits for.
    pub async fn run(mut self) {
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            let received = self.queue.recv_many(&mut waiting, BATCH).await;
            let closing = self.serve(&mut waiting).await;
            if received == 0 || !closing.is_empty() {
                return self.finish(closing).await;
            }
        }
    }

    /// Does what the messages ask, in one transaction; returns those who wait for the end.
    async fn serve(&mut self, messages: &mut Vec<Message>) -> Vec<Reply<()>> {
        let (mut jobs, mut checks, mut closing) = (Vec::new(), Vec::new(), Vec::new());
        for message in messages.drain(..) {
            match message {
                Message::Write(job) => jobs.push(job),
                Message::Check(reply) => checks.push(reply),
                Message::Close(reply) => closing.push(reply),
            }
        }
        if jobs.is_empty() && checks.is_empty() {
            return closing;
        }
        let outcome = self.commit(jobs).await;
        for reply in checks {
            let _ = reply.send(outcome.clone());
        }
        closing
    }

    /// Commits `jobs` in one transaction. Each job's caller has been told about its own; the result is about the
    /// transaction.
    async fn commit(&mut self, jobs: Vec<Box<dyn Job>>) -> Result<(), StoreError> {
        let mut connection = match self.take_connection().await {
            Ok(connection) => connection,
            Err(error) => {
                for job in jobs {
                    job.refuse(error.clone());
                }
                return Err(error);
            }
        };
        let committed = transact(&mut connection, jobs, &self.folder).await;
        match &committed {
            Ok(()) => self.connection = Some(connection),
            Err(_) => {
                // Its state is unknown; closing it ends whatever transaction is left.
                let _ = connection.close().await;
            }
        }
        committed
    }

    async fn take_connection(&mut self) -> Result<SqliteConnection, StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => {
                let path = self.folder.database();
                schema::connect_writer(path).await.map_err(|error| Fault::from(error).at(path))
            }
        }
    }

    /// Does what was queued before the end, closes everything and tells who waits.
    async fn finish(mut self, mut closing: Vec<Reply<()>>) {
        self.queue.close();
        let mut waiting = Vec::new();
        while self.queue.recv_many(&mut waiting, BATCH).await > 0 {
            closing.append(&mut self.serve(&mut waiting).await);
        }
        self.readers.close().await;
        let mut outcome = Ok(());
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            outcome = Err(Fault::from(error).at(self.folder.database()));
        }
        drop(self);
        for reply in closing {
            let _ = reply.send(outcome.clone());
        }
    }
}

/// Runs one transaction. An error means that nothing of it happened.
async fn transact(
    connection: &mut SqliteConnection,
    jobs: Vec<Box<dyn Job>>,
    folder: &Folder,
) -> Result<(), StoreError> {
    let at = |error: sqlx::Error| Fault::from(error).at(folder.database());
    let mut jobs = jobs.into_iter();
    let mut settles: Vec<Settle> = Vec::new();
    let committed = async {
        let mut transaction = connection.begin().await.map_err(at)?;
        for job in jobs.by_ref() {
            settles.push(job.run(&mut transaction, folder).await?);
        }
        transaction.commit().await.map_err(at)
    }
    .await;
    for settle in settles {
        settle(committed.clone());
    }
    if let Err(lost) = &committed {
        for job in jobs {
            job.refuse(lost.clone());
        }
    }
    committed
}
