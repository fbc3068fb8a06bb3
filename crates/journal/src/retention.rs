//! Which segments are removed, and when: the oldest first, so that what is left is always contiguous, and never one
//! that is needed by those who count or by an exchange that is open.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::level::lock;
use crate::lsn::Lsn;
use crate::options::Options;
use crate::segment::Meta;
use crate::shared::Shared;

/// What retention looks at in a segment.
#[derive(Clone, Copy, Debug)]
struct Age {
    /// The position behind it.
    end: Lsn,
    /// Bytes on the disk.
    bytes: u64,
    /// Time of its youngest record, in microseconds since 1970.
    newest: u64,
}

/// How many of `segments`, oldest first, may go at the time `now`. Nothing at or behind `needed` goes.
fn removable(segments: &[Age], needed: Lsn, now: u64, options: &Options) -> usize {
    let kept = u64::try_from(options.retention.as_micros()).unwrap_or(u64::MAX);
    let mut total: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let mut count = 0;
    for segment in segments {
        let old = now.saturating_sub(segment.newest) > kept;
        if segment.end > needed || !(old || total > options.max_size) {
            break;
        }
        total = total.saturating_sub(segment.bytes);
        count += 1;
    }
    count
}

/// Removes what may go.
pub(crate) fn remove_old(shared: &Shared) {
    let (segments, needed): (Vec<Arc<Meta>>, Lsn) = {
        let append = lock(&shared.append);
        let needed = append.oldest_open().unwrap_or(append.active.meta.base());
        let needed = needed.min(append.active.meta.base()).min(Lsn(shared.synced.get()));
        (append.segments.iter().cloned().collect(), needed.min(Lsn(shared.forgotten.load(Ordering::SeqCst))))
    };
    let followers = segments.iter().skip(1).map(|meta| meta.header.created).chain([u64::MAX]);
    let ages: Vec<Age> = segments
        .iter()
        .zip(followers)
        .map(|(meta, follower)| Age {
            end: meta.end(),
            bytes: meta.prepared(),
            // A segment that was not read at the start is judged by when the next one was made.
            newest: meta.times().map_or(follower, |(_, newest)| newest),
        })
        .collect();
    let now = shared.clock.now().0.max(0).unsigned_abs();
    let count = removable(&ages, needed, now, &shared.options);
    for meta in segments.iter().take(count) {
        // What cannot be removed now is tried again later; what follows has to wait, so that no hole appears.
        if shared.disk.remove(&meta.name()).is_err() {
            return;
        }
        lock(&shared.append).segments.pop_front();
    }
    if count > 0 {
        // A removal that a power cut undoes is repeated later.
        let _synced = shared.disk.sync();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ages(newest: [u64; 4]) -> Vec<Age> {
        newest
            .iter()
            .zip(1..)
            .map(|(newest, at)| Age { end: Lsn(at * 100), bytes: 100, newest: *newest })
            .collect()
    }

    fn options(retention: u64, max_size: u64) -> Options {
        Options { retention: Duration::from_micros(retention), max_size, ..Options::default() }
    }

    #[test]
    fn old_segments_go_and_young_ones_stay() {
        assert_eq!(removable(&ages([10, 20, 30, 40]), Lsn(400), 50, &options(25, 1000)), 2);
        assert_eq!(removable(&ages([10, 20, 30, 40]), Lsn(400), 35, &options(25, 1000)), 0);
    }

    #[test]
    fn too_much_goes_from_the_oldest_on_whatever_its_age() {
        assert_eq!(removable(&ages([10, 20, 30, 40]), Lsn(400), 41, &options(1000, 200)), 2);
        assert_eq!(removable(&ages([10, 20, 30, 40]), Lsn(400), 41, &options(1000, 400)), 0);
    }

    #[test]
    fn what_is_needed_stays_however_old_or_much_it_is() {
        assert_eq!(removable(&ages([1, 1, 1, 1]), Lsn(199), 1_000_000, &options(1, 0)), 1);
        assert_eq!(removable(&ages([1, 1, 1, 1]), Lsn(0), 1_000_000, &options(1, 0)), 0);
    }

    #[test]
    fn a_young_segment_protects_older_looking_ones_behind_it() {
        // The clock went backwards: the second is "older" than the first. Removal stays in order.
        assert_eq!(removable(&ages([90, 10, 10, 95]), Lsn(400), 100, &options(50, 1000)), 0);
    }
}
