//! The keys of a provider. One is sent as it is; of several, each call takes the one that was used least, and one
//! that is told to slow down rests for as long as the provider says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::time::Instant;

/// How long a key rests whose provider does not say.
const REST: Duration = Duration::from_secs(10);

/// The longest that a key rests.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// A key holds characters that no header may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the api_key holds characters that cannot stand in a header")]
pub struct KeyError;

/// Keys that are sent in one header.
#[derive(Debug)]
pub(super) struct KeyPool {
    header: HeaderName,
    keys: Vec<Key>,
    began: Instant,
}

#[derive(Debug)]
struct Key {
    value: HeaderValue,
    /// Calls so far.
    used: AtomicU64,
    /// Until when it rests, in milliseconds from the pool's beginning.
    rests_until: AtomicU64,
}

/// The key of one call.
#[derive(Debug)]
pub(super) struct Lease<'p> {
    pool: &'p KeyPool,
    key: Option<&'p Key>,
}

impl KeyPool {
    /// A pool of `keys`, sent as `header` with `prefix` before each.
    ///
    /// # Errors
    /// When a key cannot stand in a header.
    pub(super) fn new<'k>(
        header: HeaderName,
        prefix: &str,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> Result<Self, KeyError> {
        let key = |text: &str| {
            let mut value = HeaderValue::from_str(&format!("{prefix}{text}")).map_err(|_| KeyError)?;
            value.set_sensitive(true);
            Ok(Key { value, used: AtomicU64::new(0), rests_until: AtomicU64::new(0) })
        };
        let keys = keys.into_iter().map(key).collect::<Result<_, _>>()?;
        Ok(KeyPool { header, keys, began: Instant::now() })
    }

    /// Puts the key of this call among its headers. When all keys rest, the one that rests least is taken.
    pub(super) fn sign(&self, headers: &mut HeaderMap) -> Lease<'_> {
        self.sign_at(headers, self.now())
    }

    fn sign_at(&self, headers: &mut HeaderMap, now: u64) -> Lease<'_> {
        let key = self.keys.iter().min_by_key(|key| {
            let rests = key.rests_until.load(Ordering::Relaxed).saturating_sub(now);
            (rests, key.used.load(Ordering::Relaxed))
        });
        if let Some(key) = key {
            key.used.fetch_add(1, Ordering::Relaxed);
            headers.insert(self.header.clone(), key.value.clone());
        }
        Lease { pool: self, key }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Lease<'_> {
    /// What the provider answered to the call.
    pub(super) fn answered(&self, status: StatusCode, retry_after: Option<Duration>) {
        self.answered_at(status, retry_after, self.pool.now());
    }

    fn answered_at(&self, status: StatusCode, retry_after: Option<Duration>, now: u64) {
        if let (StatusCode::TOO_MANY_REQUESTS, Some(key)) = (status, self.key) {
            let rest = retry_after.unwrap_or(REST).min(LONGEST_REST);
            let rest = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
            key.rests_until.fetch_max(now.saturating_add(rest), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(pool: &KeyPool, now: u64) -> (String, Lease<'_>) {
        let mut headers = HeaderMap::new();
        let lease = pool.sign_at(&mut headers, now);
        (headers["x-api-key"].to_str().unwrap().to_owned(), lease)
    }

    #[test]
    fn keys_take_turns_and_rest_when_they_are_told_to() {
        let pool = KeyPool::new(HeaderName::from_static("x-api-key"), "", ["a", "b", "c"]).unwrap();
        let turns: Vec<_> = (0..6).map(|_| sent(&pool, 0).0).collect();
        assert_eq!(turns, ["a", "b", "c", "a", "b", "c"]);
        let (name, lease) = sent(&pool, 0);
        assert_eq!(name, "a");
        lease.answered_at(StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(2)), 0);
        let turns: Vec<_> = (0..4).map(|_| sent(&pool, 1_999).0).collect();
        assert_eq!(turns, ["b", "c", "b", "c"]);
        assert_eq!(sent(&pool, 2_000).0, "a", "the rested key was used least");
    }

    #[test]
    fn when_all_rest_the_one_that_rests_least_is_taken() {
        let pool = KeyPool::new(HeaderName::from_static("x-api-key"), "k-", ["a", "b"]).unwrap();
        for wait in [9, 5] {
            let lease = sent(&pool, 0).1;
            lease.answered_at(StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(wait)), 0);
        }
        assert_eq!(sent(&pool, 1).0, "k-b");
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused() {
        assert_eq!(KeyPool::new(HeaderName::from_static("x"), "", ["a\nb"]).unwrap_err(), KeyError);
    }
}
