//! The files that a configuration depends on and a hash of what they hold, so that a reload can tell a real
//! change from a touched file. Content is hashed, not times: Kubernetes swaps symlinks.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Files in the order they were read, and what they held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    files: Vec<PathBuf>,
    hashes: Vec<[u8; 32]>,
}

impl Fingerprint {
    /// Adds what `file` holds now. A file that cannot be read is added too: it may come later.
    pub(super) fn add(&mut self, file: &Path) -> io::Result<()> {
        if self.files.iter().any(|known| known == file) {
            return Ok(());
        }
        self.files.push(file.to_path_buf());
        let content = std::fs::read(file);
        // No content hashes to zeros: an unreadable file differs from every readable one.
        self.hashes.push(content.as_deref().map_or([0; 32], |bytes| Sha256::digest(bytes).into()));
        content.map(drop)
    }

    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// One hash over all files, in lower-case hexadecimal.
    pub(super) fn hash(&self) -> String {
        let mut all = Sha256::new();
        for hash in &self.hashes {
            all.update(hash);
        }
        all.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The same files as they are now.
    pub(super) fn now(&self) -> Fingerprint {
        let mut now = Fingerprint::default();
        for file in &self.files {
            // Unreadable files count as changed, which is what the hash then says.
            let _ = now.add(file);
        }
        now
    }
}
