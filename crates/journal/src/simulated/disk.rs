//! A disk in memory that keeps apart what the operating system has and what is on the disk. A power cut keeps of what
//! was not synced any sectors in any of their versions, and a beginning of the changes to the folder. A failed sync
//! loses what it should have written although reading still shows it, as operating systems do.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use crate::disk::{Disk, DiskFile};
use crate::level::lock;

const SECTOR: usize = 512;

/// What happens at the chosen operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The process ends: a write is done in part, and no operation works any more.
    Crash,
    /// The operation fails, once; a write is done in part.
    Error(io::ErrorKind),
    /// Whoever asked for it dies.
    Panic,
    /// It and all later ones that need space fail: the creation of a file, and a write that makes one longer.
    Full,
}

/// A small generator of pseudo-random numbers (xorshift64*), so that every run can be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound.max(1)
    }
}

#[derive(Clone, Default)]
struct Inode {
    /// What reading shows.
    content: Vec<u8>,
    /// What is on the disk.
    durable: Vec<u8>,
    /// Writes since the last sync.
    pending: Vec<(usize, Vec<u8>)>,
}

fn apply(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if content.len() < offset + bytes.len() {
        content.resize(offset + bytes.len(), 0);
    }
    content[offset..offset + bytes.len()].copy_from_slice(bytes);
}

impl Inode {
    fn after_a_power_cut(&self, random: &mut Random) -> Inode {
        let mut durable = self.durable.clone();
        let sectors: BTreeSet<usize> = self
            .pending
            .iter()
            .flat_map(|(offset, bytes)| offset / SECTOR..=(offset + bytes.len().max(1) - 1) / SECTOR)
            .collect();
        for sector in sectors {
            let (from, to) = (sector * SECTOR, (sector + 1) * SECTOR);
            // How many of the writes reached this sector.
            let reached = random.below(self.pending.len() + 1);
            for (offset, bytes) in &self.pending[..reached] {
                let (start, end) = (from.max(*offset), to.min(offset + bytes.len()));
                if start < end {
                    apply(&mut durable, start, &bytes[start - offset..end - offset]);
                }
            }
        }
        Inode { content: durable.clone(), durable, pending: Vec::new() }
    }
}

#[derive(Clone)]
enum Change {
    Name(String, usize),
    Remove(String),
}

#[derive(Clone, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    changes: Vec<Change>,
    operations: usize,
    mishap: Option<(usize, Mishap)>,
    crashed: bool,
    full: bool,
    random: Option<Random>,
}

fn rename(names: &mut BTreeMap<String, usize>, change: &Change) {
    match change {
        Change::Name(name, inode) => {
            // A file has one name: a rename takes the old one away.
            names.retain(|_, other| other != inode);
            names.insert(name.clone(), *inode);
        }
        Change::Remove(name) => {
            names.remove(name);
        }
    }
}

impl State {
    /// Counts an operation; says what befalls it.
    fn operation(&mut self) -> io::Result<Option<Mishap>> {
        if self.crashed {
            return Err(io::Error::other("the process is gone"));
        }
        self.operations += 1;
        let now = self.mishap.filter(|(at, _)| *at + 1 == self.operations).map(|(_, mishap)| mishap);
        self.crashed = now == Some(Mishap::Crash);
        self.full |= now == Some(Mishap::Full);
        assert!(now != Some(Mishap::Panic), "as arranged");
        Ok(now)
    }

    fn simple(&mut self) -> io::Result<()> {
        match self.operation()? {
            Some(Mishap::Crash) => Err(io::Error::other("the process is gone")),
            Some(Mishap::Error(kind)) => Err(kind.into()),
            _ => Ok(()),
        }
    }

    fn change(&mut self, change: Change) {
        rename(&mut self.names, &change);
        self.changes.push(change);
    }

    fn lookup(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct Simulated(Arc<Mutex<State>>);

impl Simulated {
    /// Lets `mishap` befall the operation with number `at`, counted from now.
    pub(crate) fn arm(&self, at: usize, mishap: Mishap, seed: u64) {
        let mut state = lock(&self.0);
        state.operations = 0;
        state.mishap = Some((at, mishap));
        state.random = Some(Random::new(seed));
    }

    /// Whether the operation was reached that was to meet with a mishap.
    pub(crate) fn met(&self) -> bool {
        let state = lock(&self.0);
        state.mishap.is_some_and(|(at, _)| state.operations > at)
    }

    /// The disk works again; what the operating system has is still there.
    pub(crate) fn restart(&self) {
        let mut state = lock(&self.0);
        (state.crashed, state.full, state.mishap) = (false, false, None);
    }

    /// There is space again.
    pub(crate) fn make_space(&self) {
        lock(&self.0).full = false;
    }

    /// What is there after the power was cut.
    pub(crate) fn after_a_power_cut(&self, seed: u64) -> Simulated {
        let state = lock(&self.0);
        let mut random = Random::new(seed);
        let mut names = state.durable_names.clone();
        for change in state.changes.iter().take(random.below(state.changes.len() + 1)) {
            rename(&mut names, change);
        }
        let inodes = state.inodes.iter().map(|inode| inode.after_a_power_cut(&mut random)).collect();
        let state = State { inodes, durable_names: names.clone(), names, ..State::default() };
        Simulated(Arc::new(Mutex::new(state)))
    }

    /// The same disk a second time, so that both can meet with different fates.
    pub(crate) fn copy(&self) -> Simulated {
        Simulated(Arc::new(Mutex::new(lock(&self.0).clone())))
    }

    /// Changes bytes of a file, on the disk too.
    pub(crate) fn damage(&self, name: &str, offset: usize, bytes: &[u8]) {
        let mut state = lock(&self.0);
        let inode = state.lookup(name).unwrap();
        apply(&mut state.inodes[inode].content, offset, bytes);
        apply(&mut state.inodes[inode].durable, offset, bytes);
    }
}

struct File {
    disk: Simulated,
    inode: usize,
}

impl Disk for Simulated {
    fn make(&self) -> io::Result<()> {
        lock(&self.0).simple()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = lock(&self.0);
        state.simple()?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = lock(&self.0);
        state.simple()?;
        if state.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change(Change::Name(name.to_owned(), inode));
        Ok(Arc::new(File { disk: self.clone(), inode }))
    }

    fn open(&self, name: &str, _write: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = lock(&self.0);
        state.simple()?;
        let inode = state.lookup(name)?;
        Ok(Arc::new(File { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = lock(&self.0);
        state.simple()?;
        let inode = state.lookup(from)?;
        state.change(Change::Name(to.to_owned(), inode));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = lock(&self.0);
        state.simple()?;
        state.lookup(name)?;
        state.change(Change::Remove(name.to_owned()));
        Ok(())
    }

    fn keep(&self, name: &str) -> io::Result<()> {
        let mut state = lock(&self.0);
        state.simple()?;
        let inode = state.lookup(name)?;
        let copy = Inode { durable: state.inodes[inode].content.clone(), ..state.inodes[inode].clone() };
        let number = state.inodes.len();
        state.inodes.push(copy);
        state.names.insert(format!("damaged/{name}"), number);
        state.durable_names.insert(format!("damaged/{name}"), number);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = lock(&self.0);
        state.simple()?;
        state.durable_names = state.names.clone();
        state.changes.clear();
        Ok(())
    }
}

impl DiskFile for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = lock(&self.disk.0);
        let mishap = state.operation()?;
        let offset = offset as usize;
        let (mut length, mut outcome) = (bytes.len(), Ok(()));
        let part = state.random.as_mut().map_or(0, |random| random.below(length + 1));
        match mishap {
            Some(Mishap::Crash) => (length, outcome) = (part, Err(io::Error::other("the process is gone"))),
            Some(Mishap::Error(kind)) => (length, outcome) = (part, Err(kind.into())),
            _ => {}
        }
        let longer = offset + length > state.inodes[self.inode].content.len();
        if state.full && longer {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = &mut state.inodes[self.inode];
        apply(&mut inode.content, offset, &bytes[..length]);
        inode.pending.push((offset, bytes[..length].to_vec()));
        outcome
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = lock(&self.disk.0);
        state.simple()?;
        let content = &state.inodes[self.inode].content;
        let rest = content.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = lock(&self.disk.0);
        let done = state.simple();
        let crashed = state.crashed;
        let inode = &mut state.inodes[self.inode];
        if done.is_ok() {
            for (offset, bytes) in std::mem::take(&mut inode.pending) {
                apply(&mut inode.durable, offset, &bytes);
            }
        } else if !crashed {
            inode.pending.clear();
        }
        done
    }

    fn length(&self) -> io::Result<u64> {
        let mut state = lock(&self.disk.0);
        state.simple()?;
        Ok(state.inodes[self.inode].content.len() as u64)
    }
}
