//! What the demo model was asked, kept for tests to search. Off unless a capacity is given; the oldest entry
//! gives way to the newest.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::demo::DemoRequest;

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The method, for example `POST`.
    pub method: String,
    /// The path with its query, as it was given.
    pub path: String,
    /// The headers in order; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, unchanged.
    pub body: Bytes,
}

impl Received {
    /// The first value of the header `name`, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
pub(crate) struct Log {
    capacity: usize,
    entries: Mutex<VecDeque<Received>>,
}

impl Log {
    pub(crate) fn new(capacity: usize) -> Self {
        Log { capacity, entries: Mutex::new(VecDeque::new()) }
    }

    pub(crate) fn record(&self, request: &DemoRequest<'_>) {
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let received = Received {
            method: request.method.to_owned(),
            path: request.path.to_owned(),
            headers,
            body: request.body.clone(),
        };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.capacity {
            entries.pop_front();
        }
        if self.capacity > 0 {
            entries.push_back(received);
        }
    }

    pub(crate) fn entries(&self) -> Vec<Received> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
