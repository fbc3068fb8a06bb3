//! Metrics. Every family is declared once in [`FAMILIES`]: registration, `/metrics` and the reference page
//! `docs/reference/metrics.md` come from it. Labels are bounded: routes, providers, rules and kinds from the
//! configuration, never tenants, keys or anything that a caller chooses.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use flyball_core::{Action, Counting, Decision, Money, Stage};
use flyball_journal::Journal;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::exchange::{Exchange, Outcome};

mod journal;

/// A family of metrics, as documented.
#[derive(Clone, Copy, Debug)]
pub struct FamilyRow {
    /// Its name; counters end in `_total`.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

macro_rules! families {
    ($($constant:ident $name:literal $kind:literal [$($label:literal),*] $help:literal;)*) => {
        $(const $constant: FamilyRow = FamilyRow { name: $name, kind: $kind, labels: &[$($label),*], help: $help };)*
        /// Every family, in the order of the reference page.
        pub static FAMILIES: &[FamilyRow] = &[$($constant),*];
    };
}

families! {
    EXCHANGES "flyball_exchanges_total" "counter" ["endpoint", "model", "provider", "stage", "outcome"]
        "Exchanges that ended. The stage is the last one entered; the outcome is answered, abandoned, or the name of the refusal.";
    DURATION "flyball_exchange_duration_seconds" "histogram" ["endpoint", "stream"]
        "From the first byte of a request to the last byte of its answer.";
    FIRST_BYTE "flyball_provider_first_byte_seconds" "histogram" ["provider"]
        "From the first byte of a request to the head of the provider's answer.";
    TOKENS "flyball_tokens_total" "counter" ["model", "provider", "direction", "counting"]
        "Tokens. The direction is input, cached_input or output; counting says who counted: reported by the provider, counted by our own tokenizer, or estimated after a crash.";
    COST "flyball_cost_micros_total" "counter" ["model", "provider"]
        "Cost in millionths of the currency unit, by the price table.";
    DECISIONS "flyball_decisions_total" "counter" ["stage", "action", "rule"]
        "Rules that matched, by stage and action; rule is empty and action allow where none did.";
    FINDINGS "flyball_findings_total" "counter" ["stage"]
        "What detectors saw, by stage.";
    REFUSALS "flyball_refusals_total" "counter" ["code", "name"]
        "Refusals of any endpoint, by E-code.";
    IN_FLIGHT "flyball_exchanges_in_flight" "gauge" []
        "Exchanges in hand.";
    KEYS "flyball_keys" "gauge" []
        "API keys in memory.";
    SNAPSHOT "flyball_snapshot_number" "gauge" []
        "The number of the configuration in force; rises with every reload.";
    RELOADS "flyball_reloads_total" "counter" ["result"]
        "Reloads of configuration and policy. The result is ok, unchanged or refused.";
    JOURNAL_RECORDS "flyball_journal_records_total" "counter" []
        "Intents and settlements that the journal accepted.";
    JOURNAL_BYTES "flyball_journal_bytes_total" "counter" []
        "Bytes that the journal wrote.";
    JOURNAL_WRITES "flyball_journal_writes_total" "counter" []
        "Writes of the journal; records that arrive together share one.";
    JOURNAL_SYNC "flyball_journal_sync_seconds" "histogram" []
        "How long the disk took to sync the journal.";
    JOURNAL_HANDED_OVER "flyball_journal_handed_over_total" "counter" []
        "Writes that the journal's own thread did because the disk was slow.";
    JOURNAL_REFUSED "flyball_journal_refused_total" "counter" []
        "Exchanges that were refused because the journal had no space.";
    JOURNAL_OPEN "flyball_journal_open_exchanges" "gauge" []
        "Exchanges that have left and are not settled.";
    JOURNAL_UNSYNCED "flyball_journal_unsynced_bytes" "gauge" []
        "Bytes that were written and not synced yet.";
    JOURNAL_SIZE "flyball_journal_size_bytes" "gauge" []
        "Bytes that the journal takes on the disk.";
    JOURNAL_FULL "flyball_journal_full" "gauge" []
        "1 while calls are refused because the journal has no space, otherwise 0.";
    USAGE_LAG "flyball_usage_lag_bytes" "gauge" []
        "Bytes of the journal that are not counted in usage yet.";
}

/// A configured name as a label. Clones share it.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Name(Arc<str>);

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&&*self.0, encoder)
    }
}

impl From<&Arc<str>> for Name {
    fn from(name: &Arc<str>) -> Self {
        Name(Arc::clone(name))
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ExchangeLabels {
    endpoint: &'static str,
    model: Name,
    provider: Name,
    stage: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DurationLabels {
    endpoint: &'static str,
    stream: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ProviderLabels {
    provider: Name,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    model: Name,
    provider: Name,
    direction: &'static str,
    counting: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    model: Name,
    provider: Name,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DecisionLabels {
    stage: &'static str,
    action: &'static str,
    rule: Name,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RefusalLabels {
    code: &'static str,
    name: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReloadLabels {
    result: &'static str,
}

/// Five milliseconds to ten minutes: model calls are slow, and their tail is what people ask about.
const SECONDS: [f64; 16] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// How many endpoints exchanges come in at.
const ENDPOINTS: usize = 4;

/// The series that answered exchanges of one route count in. Each is looked up by its labels once, when it is first
/// counted in, so that to settle an exchange takes no hashing; a reload begins anew and finds the same ones.
#[derive(Debug, Default)]
pub struct RouteSeries {
    /// By protocol, with the stage that the series is of.
    answered: [OnceLock<(&'static str, Counter)>; ENDPOINTS],
    first_byte: OnceLock<Histogram>,
    /// Input, cached input, output.
    tokens: [OnceLock<Counter>; 3],
    cost: OnceLock<Counter<u64, AtomicU64>>,
}

/// Counts in a series: the one that is known, or the one that `find` looks up and that is known from then on.
fn resolve<M, R>(known: Option<&OnceLock<M>>, find: impl FnOnce() -> M, count: impl FnOnce(&M) -> R) -> R {
    match known {
        Some(known) => count(known.get_or_init(find)),
        None => count(&find()),
    }
}

/// The metrics of one process.
pub struct Metrics {
    registry: Registry,
    /// By protocol, and whether as a stream.
    durations: [[OnceLock<Histogram>; 2]; ENDPOINTS],
    /// Decisions without a matching rule, by stage.
    unmatched: [OnceLock<Counter>; 2],
    exchanges: Family<ExchangeLabels, Counter>,
    duration: Family<DurationLabels, Histogram, fn() -> Histogram>,
    first_byte: Family<ProviderLabels, Histogram, fn() -> Histogram>,
    tokens: Family<TokenLabels, Counter>,
    cost: Family<RouteLabels, Counter<u64, AtomicU64>>,
    decisions: Family<DecisionLabels, Counter>,
    findings: Family<StageLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    in_flight: Gauge,
    keys: Gauge,
    snapshot: Gauge,
    reloads: Family<ReloadLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Metrics {
            registry: Registry::default(),
            durations: Default::default(),
            unmatched: Default::default(),
            exchanges: Family::default(),
            duration: Family::new_with_constructor(seconds),
            first_byte: Family::new_with_constructor(seconds),
            tokens: Family::default(),
            cost: Family::default(),
            decisions: Family::default(),
            findings: Family::default(),
            refusals: Family::default(),
            in_flight: Gauge::default(),
            keys: Gauge::default(),
            snapshot: Gauge::default(),
            reloads: Family::default(),
        };
        let registry = &mut metrics.registry;
        let mut register = |row: FamilyRow, metric: Box<dyn Registered>| metric.register(registry, row);
        register(EXCHANGES, Box::new(metrics.exchanges.clone()));
        register(DURATION, Box::new(metrics.duration.clone()));
        register(FIRST_BYTE, Box::new(metrics.first_byte.clone()));
        register(TOKENS, Box::new(metrics.tokens.clone()));
        register(COST, Box::new(metrics.cost.clone()));
        register(DECISIONS, Box::new(metrics.decisions.clone()));
        register(FINDINGS, Box::new(metrics.findings.clone()));
        register(REFUSALS, Box::new(metrics.refusals.clone()));
        register(IN_FLIGHT, Box::new(metrics.in_flight.clone()));
        register(KEYS, Box::new(metrics.keys.clone()));
        register(SNAPSHOT, Box::new(metrics.snapshot.clone()));
        register(RELOADS, Box::new(metrics.reloads.clone()));
        metrics
    }
}

impl Metrics {
    /// Tells of a journal too, and how far usage is behind it.
    pub fn watch(&mut self, journal: Journal, counted: Arc<AtomicU64>) {
        self.registry.register_collector(Box::new(journal::JournalMetrics { journal, counted }));
    }
}

/// A metric that can enter the registry under its row.
trait Registered {
    fn register(self: Box<Self>, registry: &mut Registry, row: FamilyRow);
}

impl<M: prometheus_client::registry::Metric> Registered for M {
    fn register(self: Box<Self>, registry: &mut Registry, row: FamilyRow) {
        // The library adds the suffix of counters itself.
        let name = if row.kind == "counter" { row.name.trim_end_matches("_total") } else { row.name };
        // It also ends every help text with a full stop.
        registry.register(name, row.help.trim_end_matches('.'), *self);
    }
}

impl Metrics {
    /// The text form (OpenMetrics 1.0).
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// An exchange ended.
    pub fn settled(&self, exchange: &Exchange, cost: Option<Money>) {
        let endpoint = exchange.protocol.endpoint();
        let route = exchange.route.as_deref();
        let called = route.filter(|_| exchange.attempts > 0);
        let nothing = || Name("".into());
        let model = || route.map_or_else(nothing, |route| Name::from(&route.name));
        let provider = || called.map_or_else(nothing, |route| Name::from(&route.provider.name));
        // The series of those that were called are found once per route.
        let series = called.map(|route| &route.series);

        let ended = |outcome| {
            let labels = ExchangeLabels {
                endpoint,
                model: model(),
                provider: provider(),
                stage: exchange.stage,
                outcome,
            };
            self.exchanges.get_or_create_owned(&labels)
        };
        match exchange.outcome {
            Outcome::Answered => {
                let known = series.and_then(|series| series.answered.get(exchange.protocol as usize));
                match known.map(|known| known.get_or_init(|| (exchange.stage, ended("answered")))) {
                    Some((stage, counter)) if *stage == exchange.stage => counter.inc(),
                    _ => ended("answered").inc(),
                };
            }
            Outcome::Abandoned => {
                ended("abandoned").inc();
            }
            Outcome::Refused(kind) => {
                ended(kind.row().name).inc();
                self.refused(kind);
            }
        }
        let known = self.durations.get(exchange.protocol as usize);
        let known = known.and_then(|known| known.get(usize::from(exchange.stream)));
        let stream = if exchange.stream { "true" } else { "false" };
        let duration = || self.duration.get_or_create_owned(&DurationLabels { endpoint, stream });
        resolve(known, duration, |histogram| histogram.observe(exchange.started.elapsed().as_secs_f64()));
        if let Some(micros) = exchange.first_byte_micros {
            let first_byte = || self.first_byte.get_or_create_owned(&ProviderLabels { provider: provider() });
            resolve(series.map(|s| &s.first_byte), first_byte, |histogram| {
                histogram.observe(micros as f64 / 1e6)
            });
        }
        if let Some(usage) = exchange.usage {
            let directions =
                [("input", usage.input), ("cached_input", usage.cached_input), ("output", usage.output)];
            // What providers report is the rule; only its series are kept at hand.
            let at_hand = series.filter(|_| usage.how == Counting::Reported);
            for (index, (direction, count)) in directions.into_iter().enumerate() {
                let counting = usage.how.name();
                let labels = || TokenLabels { model: model(), provider: provider(), direction, counting };
                let known = at_hand.and_then(|series| series.tokens.get(index));
                resolve(known, || self.tokens.get_or_create_owned(&labels()), |tokens| tokens.inc_by(count));
            }
        }
        if let Some(cost) = cost {
            let micros = u64::try_from(cost.0).unwrap_or(0);
            let labels = || RouteLabels { model: model(), provider: provider() };
            let known = series.map(|series| &series.cost);
            resolve(known, || self.cost.get_or_create_owned(&labels()), |cost| cost.inc_by(micros));
        }
        for (stage, count) in
            [("prompt", exchange.prompt_findings.total()), ("output", exchange.output_findings.total())]
        {
            if count > 0 {
                self.findings.get_or_create(&StageLabels { stage }).inc_by(u64::from(count));
            }
        }
    }

    /// The policy spoke.
    pub fn decided(&self, stage: Stage, decision: &Decision) {
        let name = stage.name();
        if decision.reasons.is_empty() {
            let unmatched = || {
                let labels =
                    DecisionLabels { stage: name, action: Action::Allow.name(), rule: Name("".into()) };
                self.decisions.get_or_create_owned(&labels)
            };
            resolve(self.unmatched.get(stage as usize), unmatched, Counter::inc);
        }
        for reason in &decision.reasons {
            let labels =
                DecisionLabels { stage: name, action: reason.action.name(), rule: Name::from(&reason.rule) };
            self.decisions.get_or_create(&labels).inc();
        }
    }

    /// Something was refused.
    pub fn refused(&self, kind: crate::refusal::Kind) {
        let row = kind.row();
        self.refusals.get_or_create(&RefusalLabels { code: row.code, name: row.name }).inc();
    }

    /// A reload ended.
    pub fn reloaded(&self, result: &'static str) {
        self.reloads.get_or_create(&ReloadLabels { result }).inc();
    }

    /// Sets the gauges that are read from elsewhere.
    pub fn observe(&self, in_flight: usize, keys: usize, snapshot: u64) {
        let gauge = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        self.in_flight.set(gauge(in_flight));
        self.keys.set(gauge(keys));
        self.snapshot.set(i64::try_from(snapshot).unwrap_or(i64::MAX));
    }
}

/// The reference page.
pub fn reference() -> String {
    let mut page = String::from(
        "# Metrics\n\nServed at `/metrics`. Generated from `crates/gateway/src/metrics.rs`; do not edit.\n\n\
         | name | kind | labels | what it tells |\n|---|---|---|---|\n",
    );
    for row in FAMILIES {
        let labels: Vec<String> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        page.push_str(&format!("| `{}` | {} | {} | {} |\n", row.name, row.kind, labels.join(", "), row.help));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_served_under_its_documented_name() {
        let metrics = Metrics::default();
        metrics.decided(Stage::Prompt, &Decision::default());
        metrics.refused(crate::refusal::Kind::UnknownModel);
        metrics.reloaded("ok");
        metrics.observe(1, 2, 3);
        let text = metrics.text();
        for line in [
            r#"flyball_decisions_total{stage="prompt",action="allow",rule=""} 1"#,
            r#"flyball_refusals_total{code="E607",name="model_not_found"} 1"#,
            r#"flyball_reloads_total{result="ok"} 1"#,
            "flyball_exchanges_in_flight 1",
            "flyball_keys 2",
            "flyball_snapshot_number 3",
        ] {
            assert!(text.lines().any(|served| served == line), "{line}\n{text}");
        }
    }

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for row in FAMILIES {
            assert!(row.name.starts_with("flyball_"), "{}", row.name);
            assert_eq!(row.name.ends_with("_total"), row.kind == "counter", "{}", row.name);
            assert_eq!(row.name.ends_with("_seconds"), row.kind == "histogram", "{}", row.name);
        }
    }
}
