//! What the disk itself takes to make 512 bytes durable: the floor under everything that is synced.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use rustix::fs::{FallocateFlags, fallocate, fdatasync};
use serde::{Deserialize, Serialize};

use crate::closed::nanos;
use crate::percentiles::Percentiles;

/// Syncs that are timed.
const SYNCS: usize = 300;
/// Bytes of each record.
const RECORD: [u8; 512] = [0x5a; 512];

/// The disk's own sync time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct DiskSync {
    /// Of `fdatasync` after each of 300 appends of 512 bytes to a preallocated file, nanoseconds.
    pub(crate) fdatasync: Percentiles,
}

/// Measures the disk under the folder.
///
/// # Errors
///
/// When the file cannot be made, allocated, written or synced.
pub(crate) fn measure(folder: &Path) -> anyhow::Result<DiskSync> {
    let path = folder.join("sync-probe");
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    fallocate(&file, FallocateFlags::empty(), 0, (SYNCS * RECORD.len()) as u64)?;
    file.sync_all()?;
    let mut samples = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&RECORD)?;
        let begin = Instant::now();
        fdatasync(&file)?;
        samples.push(nanos(begin.elapsed()));
    }
    std::fs::remove_file(&path)?;
    Ok(DiskSync { fdatasync: Percentiles::of(samples).unwrap_or_default() })
}
