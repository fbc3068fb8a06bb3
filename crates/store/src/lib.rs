//! State on SQLite, reached through scopes. The only crate that knows SQL.
//!
//! [`Store::open`] claims a data folder and returns a [`Store`] and its [`Writer`]. Data is reached through
//! [`Store::tenant`], which carries the tenant into every statement, or [`Store::operator`]. Reads use a small
//! pool of connections that cannot write. Writes go through one queue to one connection, are committed in batches
//! and answered after the commit. No exchange waits for any of it: usage comes from the journal, behind the
//! exchanges, and keys are verified in memory.
//!
//! Deliberately absent: secrets (only fingerprints come here), prompts and answers, words of HTTP, and every
//! decision. The journal of exchanges is not a table.
//!
//! # Adding a table
//!
//! 1. **It belongs to a tenant or to the operator.** A tenant's table has the tenant as first column of its
//!    primary key or of a unique index. Its type with the table's methods borrows a [`TenantScope`], and every
//!    one of its statements says `tenant = $n`. What reaches across tenants borrows an [`OperatorScope`] and has
//!    a text of its own: no statement opens up because a parameter is null.
//! 2. **Another tenant's row is no row.** Whatever is not in the scope is [`StoreError::NotFound`], with the same
//!    words as if it did not exist. A list of nothing is an empty list.
//! 3. **One SQL text for two databases.** Parameters are `$1`, `$2`, ...; texts are constants, never built from
//!    data. Ids are UUID version 7 through sqlx's `Uuid`; times are microseconds and money is micro-units in
//!    64-bit integers; lists are JSON through sqlx's `Json`; a JSON text that a hash names is TEXT, kept to the
//!    byte. Conflicts are `ON CONFLICT DO NOTHING` and a look at the rows affected, not a caught error. Sums are
//!    cast to BIGINT. Ordering is always written. What differs between databases (types, checks) goes into their
//!    migration folders: `migrations/sqlite` holds SQLite's.
//! 4. **Migrations only go forward** and are never edited once released. A binary refuses a database that has a
//!    migration it does not know.
//! 5. **A write is a type** that implements the crate's `Write` beside the table's other code. It runs in a
//!    savepoint together with others, so it may fail alone, and must not begin or commit anything itself.
//! 6. **Time and ids come from the clock** that the store was opened with, and are taken before the write is
//!    queued.
//! 7. **Bounded.** A read that can grow without end has a limit and an error for what exceeds it.
//! 8. **The conformance suite** in `tests/suite` states the table's behaviour, isolation first, without naming a
//!    database.

mod decode;
mod error;
mod folder;
pub mod keys;
pub mod policies;
mod schema;
mod scope;
mod store;
pub mod tenants;
pub mod usage;
mod writer;

pub use error::StoreError;
pub use folder::Folder;
pub use keys::{ApiKey, Fingerprint, NewKey};
pub use policies::PolicyVersion;
pub use scope::{OperatorScope, TenantScope};
pub use store::Store;
pub use tenants::Tenant;
pub use usage::{
    Batch, Cursor, Day, Dimension, Quarter, RollUp, Settled, Span, UsageFilter, UsageGroup, UsageQuery,
    UsageRow, UsageTotals,
};
pub use writer::Writer;
