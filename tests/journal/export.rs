//! The journal as `flyball journal export` tells it, and usage as `/v1/usage` does: what the tests compare.

use std::collections::{BTreeMap, HashMap, HashSet};

use flyball_testkit::{Client, Flyball};
use serde_json::Value;

/// Every record of a gateway's journal.
#[derive(Debug, Default)]
pub(super) struct Export {
    /// Intents, by exchange.
    pub(super) intents: HashMap<String, Vec<Value>>,
    /// Settlements, by exchange: one each, or the journal is wrong.
    pub(super) settlements: HashMap<String, Value>,
}

/// What usage sums: exchanges, input, cached input and output tokens, cost in millionths.
pub(super) type Sums = (u64, u64, u64, u64, i64);

impl Export {
    /// Reads the whole journal. Fails on a record that is there twice.
    pub(super) fn of(flyball: &Flyball) -> Self {
        let output =
            flyball.command().args(["journal", "export", "--data"]).arg(flyball.data_dir()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut export = Export::default();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let exchange = record["exchange"].as_str().unwrap().to_owned();
            match record["record"].as_str().unwrap() {
                "intent" => export.intents.entry(exchange).or_default().push(record),
                "settlement" => {
                    let earlier = export.settlements.insert(exchange, record);
                    assert!(earlier.is_none(), "settled twice: {earlier:?}");
                }
                other => panic!("what is a {other}?"),
            }
        }
        for (exchange, intents) in &export.intents {
            let attempts: HashSet<u64> =
                intents.iter().map(|intent| intent["attempt"].as_u64().unwrap()).collect();
            assert_eq!(attempts.len(), intents.len(), "an attempt of {exchange} is recorded twice");
        }
        export
    }

    /// The tags that intents carry.
    pub(super) fn intended_tags(&self) -> HashSet<&str> {
        self.intents.values().flatten().flat_map(tags).collect()
    }

    /// The sums over all settlements, by model and way of counting.
    pub(super) fn sums(&self) -> BTreeMap<(String, String), Sums> {
        let mut sums = BTreeMap::new();
        for settlement in self.settlements.values() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let count = |name: &str| settlement["usage"][name].as_u64().unwrap();
            let cell: &mut Sums =
                sums.entry((text(&settlement["route"]), text(&settlement["usage"]["counting"]))).or_default();
            cell.0 += 1;
            cell.1 += count("input_tokens");
            cell.2 += count("cached_input_tokens");
            cell.3 += count("output_tokens");
            cell.4 += settlement["cost_micros"].as_i64().unwrap_or(0);
        }
        sums
    }
}

/// The tags of a record.
pub(super) fn tags(record: &Value) -> impl Iterator<Item = &str> {
    record["tags"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Usage as the gateway tells it, summed the same way.
pub(super) async fn usage(client: &Client) -> BTreeMap<(String, String), Sums> {
    let answer = client.get("/v1/usage?by=model,counting").await.unwrap();
    let report = answer.json().unwrap();
    let row = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let count = |name: &str| row[name].as_u64().unwrap();
        let cost = text("cost").replace('.', "").parse().unwrap();
        let sums = (
            count("exchanges"),
            count("input_tokens"),
            count("cached_input_tokens"),
            count("output_tokens"),
            cost,
        );
        ((text("model"), text("counting")), sums)
    };
    report["rows"].as_array().unwrap_or_else(|| panic!("{report}")).iter().map(row).collect()
}
