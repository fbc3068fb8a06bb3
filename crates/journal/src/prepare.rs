//! Preparing space: fills segments with zeros ahead of the writers and makes the next segment, so that a write never
//! needs new space and a sync touches nothing but data. When to do so is the thread's business.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::append::{Append, ROOM};
use crate::disk::{Disk, DiskFile};
use crate::level::lock;
use crate::lsn::Lsn;
use crate::segment::{self, Header, Meta, Slot};
use crate::shared::Shared;

/// How much is prepared of the first segment before a journal opens.
pub(crate) const FIRST: u64 = 1 << 20;

/// How much is to be free.
const AHEAD: u64 = 4 << 20;

/// How much is prepared at a time. Syncs of records wait for a step that runs, so a step has to be short: with 4 MiB,
/// the slowest hundredth of syncs took 2 ms and more where the median was a quarter of one. A disk whose every sync is
/// slow pays for each step too, so it must not be tiny.
const STEP: u64 = 512 << 10;

/// Zeros are written in portions of this length.
const PORTION: usize = 512 << 10;

/// What is to be prepared.
pub(crate) enum Plan {
    /// A segment's file is to be filled further.
    Extend { slot: Slot, from: u64, to: u64 },
    /// The segment that begins here is to be made.
    Create { base: Lsn },
}

/// What was done.
pub(crate) enum Step {
    /// There is space enough, or no more is possible.
    Enough,
    /// Some was prepared.
    Done,
}

impl Append {
    /// What has to be prepared so that free space does not run out.
    pub(crate) fn plan(&self) -> Option<Plan> {
        let size = self.active.meta.header.size;
        let low = AHEAD.min(size / 4).max(2 * ROOM);
        if self.active_room() >= self.set_aside() + low {
            return None;
        }
        let extend = |slot: &Slot| {
            let from = slot.meta.prepared();
            let to = (from + STEP).min(slot.meta.header.size);
            (from < to).then(|| Plan::Extend { slot: slot.clone(), from, to })
        };
        extend(&self.active).or_else(|| {
            if !self.next.is_empty() && self.free() >= low {
                return None;
            }
            let base = self.next.back().unwrap_or(&self.active).meta.end();
            self.next.iter().find_map(extend).or(Some(Plan::Create { base }))
        })
    }
}

/// Prepares what is most needed.
pub(crate) fn step(shared: &Shared) -> io::Result<Step> {
    let Some(plan) = lock(&shared.append).plan() else { return Ok(Step::Enough) };
    match plan {
        Plan::Extend { slot, from, to } => extend(shared, &slot, from, to)?,
        Plan::Create { base } => {
            let header = Header {
                base,
                size: shared.options.segment_size(),
                created: shared.clock.now().0.max(0).unsigned_abs(),
                detached: false,
            };
            let slot = create(&*shared.disk, header, STEP)?;
            let mut append = lock(&shared.append);
            append.segments.push_back(Arc::clone(&slot.meta));
            append.next.push_back(slot);
        }
    }
    Ok(Step::Done)
}

fn extend(shared: &Shared, slot: &Slot, from: u64, to: u64) -> io::Result<()> {
    fill(&*slot.file, from, to)?;
    shared.syncing_since.store(shared.micros(), Ordering::Relaxed);
    let synced = slot.file.sync();
    shared.syncing_since.store(0, Ordering::Relaxed);
    if let Err(error) = synced {
        let is_active = lock(&shared.append).active.meta.base() == slot.meta.base();
        if is_active {
            // The sync covered records too, and nobody knows now whether they are on the disk.
            let kind = error.kind();
            shared.fail("sync", slot.meta.name(), error);
            return Err(kind.into());
        }
        return Err(error);
    }
    slot.meta.prepare_up_to(to);
    Ok(())
}

/// Writes zeros.
pub(crate) fn fill(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; PORTION.min(usize::try_from(to - from).unwrap_or(PORTION))];
    let mut at = from;
    while at < to {
        let length = usize::try_from(to - at).unwrap_or(PORTION).min(PORTION);
        file.write_at(zeros.get(..length).unwrap_or_default(), at)?;
        at += length as u64;
    }
    Ok(())
}

/// Makes a segment, its first `prepared` bytes filled. It gets its name when it is complete on the disk, so a segment
/// that has its name has a header.
pub(crate) fn create(disk: &dyn Disk, header: Header, prepared: u64) -> io::Result<Slot> {
    let unfinished = segment::unfinished_name(header.base);
    let prepared = prepared.min(header.size);
    let made = disk.create(&unfinished).and_then(|file| {
        file.write_at(&header.encode(), 0)?;
        fill(&*file, segment::HEADER, prepared)?;
        file.sync()?;
        disk.rename(&unfinished, &segment::name(header.base))?;
        disk.sync()?;
        Ok(file)
    });
    match made {
        Ok(file) => Ok(Slot { meta: Meta::new(header, prepared), file }),
        Err(error) => {
            // Gives back what was taken of a disk that may be full. If that fails too, the next start does it.
            let _removed = disk.remove(&unfinished);
            Err(error)
        }
    }
}
