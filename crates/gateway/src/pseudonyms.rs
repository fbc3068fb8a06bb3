//! Names that cannot be turned back: pseudonyms of end users and sessions, and the salts of content hashes. Both come
//! from a secret: the pseudonyms' lies in the data folder, so that a person keeps a pseudonym over restarts; the
//! salts' lives as long as the process, since each record carries its salt.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flyball_core::TenantId;
use sha2::{Digest, Sha256};

/// The file in the data folder that holds the secret.
pub const FILE: &str = "pseudonyms.key";

/// What a pseudonym stands for: the same name as user and as session gives two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// An end user of the application.
    EndUser,
    /// A session or conversation.
    Session,
}

/// Makes pseudonyms.
pub struct Pseudonyms([u8; 32]);

/// Why there can be no pseudonyms.
#[derive(Debug, thiserror::Error)]
#[error("{}: the secret of pseudonyms cannot be read or made: {source}; restore the file from a backup, or remove it: users and sessions then get new pseudonyms", path.display())]
pub struct PseudonymsError {
    path: PathBuf,
    source: io::Error,
}

impl Pseudonyms {
    /// Reads the secret of a data folder, or makes it (mode 0600).
    ///
    /// # Errors
    /// When it can neither be read nor made, or is not 32 bytes long.
    pub fn open(data: &Path) -> Result<Self, PseudonymsError> {
        let path = data.join(FILE);
        secret(&path).map(Pseudonyms).map_err(|source| PseudonymsError { path, source })
    }

    /// The pseudonym of a name within a tenant; never 0, which stands for nobody.
    pub fn of(&self, tenant: &TenantId, what: Of, name: &str) -> u64 {
        let mut hash = Sha256::new();
        // The secret fills half a block and every part but the last has a fixed end, so no two inputs look alike.
        hash.update(self.0);
        hash.update(tenant.as_str());
        hash.update(match what {
            Of::EndUser => b"\0u",
            Of::Session => b"\0s",
        });
        hash.update(name);
        // Hashed once more with the secret: the inner hash alone could be extended (RFC 2104).
        let inner = hash.finalize();
        let outer: [u8; 32] = Sha256::new_with_prefix(self.0).chain_update(inner).finalize().into();
        outer.first_chunk().map_or(1, |first| u64::from_be_bytes(*first).max(1))
    }
}

fn secret(path: &Path) -> io::Result<[u8; 32]> {
    match OpenOptions::new().read(true).open(path) {
        Ok(mut file) => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            bytes
                .try_into()
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not 32 bytes long"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
            // Under another name first: a crash in between leaves no half secret.
            let unfinished = path.with_extension("new");
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&unfinished, path)?;
            if let Some(folder) = path.parent() {
                std::fs::File::open(folder)?.sync_all()?;
            }
            Ok(bytes)
        }
        Err(error) => Err(error),
    }
}

/// Makes salts.
pub struct Salts([u8; 32]);

impl Salts {
    /// With a secret of their own.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Salts(secret))
    }

    /// The salt for an id that is used once.
    pub fn salt(&self, id: &[u8; 16]) -> [u8; 16] {
        let hash: [u8; 32] = Sha256::new_with_prefix(self.0).chain_update(id).finalize().into();
        hash.first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_pseudonym_and_shares_it_with_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other): (TenantId, TenantId) = ("one".parse().unwrap(), "other".parse().unwrap());
        let pseudonyms = Pseudonyms::open(folder.path()).unwrap();
        let known = pseudonyms.of(&one, Of::EndUser, "ada");
        for (tenant, what, name) in
            [(&one, Of::Session, "ada"), (&other, Of::EndUser, "ada"), (&one, Of::EndUser, "adb")]
        {
            assert_ne!(pseudonyms.of(tenant, what, name), known);
        }
        assert_eq!(Pseudonyms::open(folder.path()).unwrap().of(&one, Of::EndUser, "ada"), known);
        let elsewhere = tempfile::tempdir().unwrap();
        assert_ne!(Pseudonyms::open(elsewhere.path()).unwrap().of(&one, Of::EndUser, "ada"), known);
    }

    #[test]
    fn a_broken_secret_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), b"short").unwrap();
        assert!(Pseudonyms::open(folder.path()).is_err());
    }

    #[test]
    fn salts_differ_by_id_and_by_process() {
        let (one, two) = (Salts::new().unwrap(), Salts::new().unwrap());
        assert_eq!(one.salt(&[1; 16]), one.salt(&[1; 16]));
        assert_ne!(one.salt(&[1; 16]), one.salt(&[2; 16]));
        assert_ne!(one.salt(&[1; 16]), two.salt(&[1; 16]));
    }
}
