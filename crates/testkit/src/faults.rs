//! Faults of the disk below a real gateway: a library that is loaded before the C library and fails, delays or hangs
//! the journal's writes and syncs, and what a power cut would have left. Needs the C compiler that links Rust anyway.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use tempfile::TempDir;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A sync does not return.
    SyncHangs,
    /// A sync takes 30 ms longer.
    SyncSlow,
    /// A sync fails.
    SyncFails,
    /// A write does not return.
    WriteHangs,
    /// A write fails as on a disk that became read-only.
    WriteFails,
    /// The wall clock shows an hour less.
    ClockBack,
}

impl Fault {
    fn file(self) -> &'static str {
        match self {
            Fault::SyncHangs => "sync-hangs",
            Fault::SyncSlow => "sync-slow",
            Fault::SyncFails => "sync-fails",
            Fault::WriteHangs => "write-hangs",
            Fault::WriteFails => "write-fails",
            Fault::ClockBack => "clock-back",
        }
    }
}

/// The switchboard of one process's faults.
#[derive(Debug)]
pub struct Faults {
    folder: TempDir,
}

impl Faults {
    /// Builds the library. No fault is on.
    ///
    /// # Errors
    ///
    /// When there is no C compiler, or it refuses.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("flyball-faults-").tempdir()?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/faults.c");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-o"])
            .arg(folder.path().join("faults.so"))
            .arg(source)
            .arg("-ldl")
            .output()
            .context("cc does not start")?;
        if !output.status.success() {
            bail!("cc: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(Faults { folder })
    }

    /// The environment of the process that is to suffer.
    pub fn environment(&self) -> [(&'static str, PathBuf); 2] {
        [
            ("LD_PRELOAD", self.folder.path().join("faults.so")),
            ("FLYBALL_FAULTS", self.folder.path().to_owned()),
        ]
    }

    /// Switches a fault on.
    ///
    /// # Errors
    ///
    /// When its file cannot be made.
    pub fn begin(&self, fault: Fault) -> anyhow::Result<()> {
        Ok(std::fs::write(self.folder.path().join(fault.file()), b"")?)
    }

    /// Switches a fault off.
    ///
    /// # Errors
    ///
    /// When its file cannot be removed.
    pub fn end(&self, fault: Fault) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.folder.path().join(fault.file()))?)
    }

    /// Takes from the journal's files what a power cut would have taken: every write that no sync covered. Call it
    /// when the process is dead. Returns how many bytes that were.
    ///
    /// # Errors
    ///
    /// When log or files cannot be read or written.
    pub fn cut_power(&self) -> anyhow::Result<u64> {
        let log = std::fs::read_to_string(self.folder.path().join("log"))?;
        let mut writes: Vec<(u64, u64, usize, &str)> = Vec::new();
        let mut covered: HashMap<&str, u64> = HashMap::new();
        for line in log.lines() {
            let fields: Vec<&str> = line.splitn(5, ' ').collect();
            match fields.as_slice() {
                ["w", number, offset, length, path] => {
                    writes.push((number.parse()?, offset.parse()?, length.parse()?, path));
                }
                ["s", number, path] => {
                    let number: u64 = number.parse()?;
                    let known = covered.entry(path).or_default();
                    *known = number.max(*known);
                }
                // The process died while it wrote the last line.
                _ => {}
            }
        }
        let mut lost = 0;
        for (number, offset, length, path) in writes {
            if number < covered.get(path).copied().unwrap_or(0) || !Path::new(path).exists() {
                continue;
            }
            let file = OpenOptions::new().write(true).open(path)?;
            file.write_all_at(&vec![0; length], offset)?;
            lost += u64::try_from(length)?;
        }
        std::fs::remove_file(self.folder.path().join("log"))?;
        Ok(lost)
    }
}
