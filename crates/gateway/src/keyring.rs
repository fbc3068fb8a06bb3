//! API keys in memory. A key is `fb_` and 256 random bits in base64url; only its SHA-256 is kept, here and in the
//! store. The ring is replaced as a whole behind an atomic pointer, so that a revocation acts on the next call.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flyball_core::Principal;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What every key begins with, so that scanners of repositories recognise it.
pub const PREFIX: &str = "fb_";

/// The SHA-256 of a key. A fast hash is enough: the key is 256 random bits, not a password.
pub type Fingerprint = [u8; 32];

/// Makes a new key.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret)))
}

/// The fingerprint of a key.
pub fn fingerprint(key: &str) -> Fingerprint {
    Sha256::digest(key.as_bytes()).into()
}

/// Every key that is not revoked.
#[derive(Default)]
pub struct KeyRing {
    keys: ArcSwap<HashMap<Fingerprint, Arc<Principal>>>,
}

impl KeyRing {
    /// Replaces all keys.
    pub fn replace(&self, keys: impl IntoIterator<Item = (Fingerprint, Principal)>) {
        let keys = keys.into_iter().map(|(print, principal)| (print, Arc::new(principal))).collect();
        self.keys.store(Arc::new(keys));
    }

    /// The principal of the key with this fingerprint. Lookup is by hash and so tells nothing of the key's bytes;
    /// the final comparison takes the same time wherever the fingerprints differ.
    pub fn find(&self, wanted: &Fingerprint) -> Option<Arc<Principal>> {
        let keys = self.keys.load();
        let (print, principal) = keys.get_key_value(wanted)?;
        bool::from(print.ct_eq(wanted)).then(|| Arc::clone(principal))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.load().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use flyball_core::{Clock, KeyId, Role, SystemClock};

    use super::*;

    #[test]
    fn keys_are_found_until_the_ring_is_replaced() {
        let key = generate().unwrap();
        assert!(key.starts_with(PREFIX) && key.len() == 3 + 43);
        let principal = Principal {
            tenant: None,
            key: KeyId(SystemClock.uuid()),
            role: Role::Operator,
            models: [].into(),
            expires: None,
            lawful_basis: None,
        };
        let ring = KeyRing::default();
        assert!(ring.find(&fingerprint(&key)).is_none());
        ring.replace([(fingerprint(&key), principal.clone())]);
        assert_eq!(ring.find(&fingerprint(&key)).as_deref(), Some(&principal));
        assert!(ring.find(&fingerprint(&key[..45])).is_none());
        ring.replace([]);
        assert!(ring.find(&fingerprint(&key)).is_none());
    }
}
