//! The store as a whole: opening, closing, and the passages that every read and every write takes. It gives out
//! scopes and no connection.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flyball_core::{Clock, TenantId};
use sqlx::sqlite::SqlitePool;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Fault, StoreError};
use crate::folder::Folder;
use crate::schema;
use crate::scope::{OperatorScope, TenantScope};
use crate::writer::{Message, QUEUE, Write, Writer};

/// A handle on stored state. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    database: PathBuf,
    clock: Arc<dyn Clock>,
    readers: SqlitePool,
    queue: mpsc::Sender<Message>,
}

impl Store {
    /// Claims the data folder, creating it where it is absent, makes sure that its database is sound, and brings
    /// the schema up to date. Nothing is written until the [`Writer`] runs: spawn [`Writer::run`] where shutdown
    /// waits for it. (A future of the caller's, and no thread or task of ours, so that the caller's drain knows
    /// every task there is.)
    ///
    /// The check reads the whole file, so a start takes longer as the database grows.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Corrupt`], [`StoreError::NewerSchema`] and
    /// [`StoreError::Unwritable`], each naming what stands in the way; [`StoreError::Database`] for the rest.
    pub async fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<(Store, Writer), StoreError> {
        let folder = Folder::claim(folder)?;
        let database = folder.database().to_owned();
        let connection = schema::open_writer(&database).await.map_err(|fault| fault.at(&database))?;
        let readers = schema::open_readers(&database);
        let (queue, received) = mpsc::channel(QUEUE);
        let writer = Writer::new(received, connection, readers.clone(), folder);
        Ok((Store(Arc::new(Inner { database, clock, readers, queue })), writer))
    }

    /// The data of one tenant. Whether it exists shows when something is asked of it.
    pub fn tenant(&self, tenant: &TenantId) -> TenantScope {
        TenantScope { store: self.clone(), tenant: tenant.clone() }
    }

    /// The data of the operator.
    pub fn operator(&self) -> OperatorScope {
        OperatorScope { store: self.clone() }
    }

    /// Whether writes can be made: waits for those that were asked for before, and for an empty transaction.
    ///
    /// # Errors
    /// What a write can meet.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.ask(Message::Check).await
    }

    /// Ends the store: does the writes that wait, closes the database and gives up the folder. What is asked of any
    /// handle afterwards is answered [`StoreError::Closed`].
    ///
    /// # Errors
    /// When the database does not close well; [`StoreError::Closed`] when it is closed already.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.ask(Message::Close).await
    }

    /// Queues `write` and waits until it is on disk. A caller that stops waiting does not undo it.
    pub(crate) async fn write<W: Write + 'static>(&self, write: W) -> Result<W::Answer, StoreError> {
        self.ask(|reply| Message::write(write, reply)).await
    }

    /// Awaits a read and gives its failure a meaning.
    pub(crate) async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, StoreError> {
        read.await.map_err(|fault| fault.at(&self.0.database))
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.0.readers
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Message,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.0.queue.send(message(reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.database).finish()
    }
}
