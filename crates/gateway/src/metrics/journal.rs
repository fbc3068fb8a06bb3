//! The journal's metrics. It counts for itself; what it has counted is read when somebody asks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flyball_journal::{Journal, SYNC_BOUNDS};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::{
    FamilyRow, JOURNAL_BYTES, JOURNAL_FULL, JOURNAL_HANDED_OVER, JOURNAL_OPEN, JOURNAL_RECORDS,
    JOURNAL_REFUSED, JOURNAL_SIZE, JOURNAL_SYNC, JOURNAL_UNSYNCED, JOURNAL_WRITES, USAGE_LAG,
};

/// Reads a journal.
pub(super) struct JournalMetrics {
    pub(super) journal: Journal,
    /// Up to where usage is counted.
    pub(super) counted: Arc<AtomicU64>,
}

impl fmt::Debug for JournalMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalMetrics").finish_non_exhaustive()
    }
}

impl Collector for JournalMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (stats, health) = (self.journal.stats(), self.journal.health());
        for (row, count) in [
            (JOURNAL_RECORDS, stats.records),
            (JOURNAL_BYTES, stats.bytes),
            (JOURNAL_WRITES, stats.writes),
            (JOURNAL_HANDED_OVER, stats.handed_over),
            (JOURNAL_REFUSED, stats.refused),
        ] {
            metric(&mut encoder, row, &ConstCounter::new(count))?;
        }
        let lag = health.written.0.saturating_sub(self.counted.load(Ordering::Relaxed));
        for (row, value) in [
            (JOURNAL_OPEN, health.open),
            (JOURNAL_UNSYNCED, health.written.0.saturating_sub(health.synced.0)),
            (JOURNAL_SIZE, health.bytes),
            (JOURNAL_FULL, u64::from(health.full)),
            (USAGE_LAG, lag),
        ] {
            metric(&mut encoder, row, &ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)))?;
        }
        let bounds = SYNC_BOUNDS.iter().map(|micros| *micros as f64 / 1e6).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(stats.sync_times).collect();
        let mut histogram = encoder.encode_descriptor(
            JOURNAL_SYNC.name,
            JOURNAL_SYNC.help.trim_end_matches('.'),
            None,
            MetricType::Histogram,
        )?;
        let seconds = stats.sync_micros as f64 / 1e6;
        histogram.encode_histogram::<NoLabelSet>(seconds, stats.syncs, &buckets, None)
    }
}

fn metric(encoder: &mut DescriptorEncoder<'_>, row: FamilyRow, metric: &impl EncodeMetric) -> fmt::Result {
    // The encoder adds the suffix of counters itself.
    let name = if row.kind == "counter" { row.name.trim_end_matches("_total") } else { row.name };
    let help = row.help.trim_end_matches('.');
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}
