//! What a process and its children use, read from /proc: CPU time of each thread in nanoseconds, resident memory.
//! The scheduler keeps the first to the nanosecond and brings that of a running thread up to date at each tick, so
//! a window of a second is right to some 0.4 %.

use std::collections::BTreeMap;
use std::fs;
use std::io;

/// The process and everything below it.
pub(crate) fn tree(root: u32) -> io::Result<Vec<u32>> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // One that ended meanwhile is no child of ours.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        parents.extend(parent(&stat).map(|parent| (pid, parent)));
    }
    Ok(below(root, &parents))
}

/// The parent's id in a line of /proc/PID/stat: the second field after the name, which may hold anything.
fn parent(stat: &str) -> Option<u32> {
    stat.get(stat.rfind(')')? + 1..)?.split_whitespace().nth(1)?.parse().ok()
}

fn below(root: u32, parents: &BTreeMap<u32, u32>) -> Vec<u32> {
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&one) = tree.get(next) {
        tree.extend(parents.iter().filter(|&(_, &parent)| parent == one).map(|(&pid, _)| pid));
        next += 1;
    }
    tree
}

/// CPU time of threads so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct CpuTimes(BTreeMap<(u32, u32), (String, u64)>);

/// CPU time spent between two readings, nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// By all threads.
    pub(crate) total: u64,
    /// By threads whose name begins with `journal`.
    pub(crate) journal: u64,
    /// Threads that ended in between, whose time since the first reading is missing.
    pub(crate) ended_threads: usize,
}

impl CpuTimes {
    /// Of every thread of these processes.
    pub(crate) fn read(processes: &[u32]) -> io::Result<CpuTimes> {
        let mut times = BTreeMap::new();
        for &pid in processes {
            for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
                let path = entry?.path();
                let tid = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
                let Some(tid) = tid else { continue };
                // A thread that ended meanwhile has no files any more.
                let Ok(schedstat) = fs::read_to_string(path.join("schedstat")) else { continue };
                let Ok(name) = fs::read_to_string(path.join("comm")) else { continue };
                let nanos = schedstat.split_whitespace().next().and_then(|field| field.parse().ok());
                let nanos = nanos.ok_or_else(|| io::Error::other("/proc has no schedstat"))?;
                times.insert((pid, tid), (name.trim_end().to_owned(), nanos));
            }
        }
        Ok(CpuTimes(times))
    }

    /// What was spent since an earlier reading.
    pub(crate) fn since(&self, earlier: &CpuTimes) -> Spent {
        let mut spent = Spent::default();
        for (thread, (name, now)) in &self.0 {
            let before = earlier.0.get(thread).map_or(0, |(_, nanos)| *nanos);
            let nanos = now.saturating_sub(before);
            spent.total += nanos;
            if name.starts_with("journal") {
                spent.journal += nanos;
            }
        }
        spent.ended_threads = earlier.0.keys().filter(|thread| !self.0.contains_key(*thread)).count();
        spent
    }
}

/// Resident memory of these processes, bytes. Pages that they share count in each.
pub(crate) fn resident(processes: &[u32]) -> io::Result<u64> {
    let mut bytes = 0;
    for pid in processes {
        // Sums the page tables; the counters of /proc/PID/status are approximate.
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        bytes += rss(&rollup).ok_or_else(|| io::Error::other("no Rss in smaps_rollup"))?;
    }
    Ok(bytes)
}

fn rss(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(threads: &[(u32, &str, u64)]) -> CpuTimes {
        CpuTimes(threads.iter().map(|&(tid, name, nanos)| ((1, tid), (name.to_owned(), nanos))).collect())
    }

    #[test]
    fn time_is_summed_over_threads_and_the_journals_share_is_told() {
        let before = times(&[(1, "flyball", 100), (2, "journal", 50), (3, "gone", 9)]);
        let after = times(&[(1, "flyball", 400), (2, "journal", 70), (4, "journal-sync", 5)]);
        assert_eq!(after.since(&before), Spent { total: 325, journal: 25, ended_threads: 1 });
    }

    #[test]
    fn a_process_name_with_a_bracket_does_not_hide_the_parent() {
        assert_eq!(parent("17 (a) b) S 4 17 17 0"), Some(4));
    }

    #[test]
    fn a_tree_has_grandchildren_and_no_strangers() {
        let parents = BTreeMap::from([(1, 0), (2, 1), (3, 2), (4, 0)]);
        assert_eq!(below(1, &parents), [1, 2, 3]);
    }

    #[test]
    fn this_process_uses_time_and_memory() {
        let own = [std::process::id()];
        let before = CpuTimes::read(&own).unwrap();
        let work: u64 = (0..40_000_000u64).fold(1, |sum, n| std::hint::black_box(sum.wrapping_mul(31) + n));
        std::hint::black_box(work);
        assert!(CpuTimes::read(&own).unwrap().since(&before).total > 0);
        assert!(resident(&own).unwrap() > 100 * 1024);
        assert!(tree(own[0]).unwrap().contains(&own[0]));
    }
}
