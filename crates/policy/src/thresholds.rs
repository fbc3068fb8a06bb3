//! The numbers that a model has to keep, as section `thresholds` of a policy states them. Comparing measurements
//! with them is the business of gates, not of rules.

use serde::Serialize;

use crate::error::{Faults, did_you_mean};
use crate::yaml::Node;

macro_rules! thresholds {
    ($($group:literal { $($key:literal $field:ident $max:literal $doc:literal;)* })*) => {
        /// What the document states; absent where it states nothing.
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        pub struct Thresholds {
            $($(#[doc = $doc] pub $field: Option<f64>,)*)*
        }

        /// Group, key and the largest sensible value of each threshold.
        const KNOWN: &[(&str, &str, f64)] = &[$($(($group, $key, $max),)*)*];

        impl Thresholds {
            fn set(&mut self, group: &str, key: &str, value: f64) {
                match (group, key) {
                    $($(($group, $key) => self.$field = Some(value),)*)*
                    _ => {}
                }
            }
        }
    };
}

thresholds! {
    "quality" {
        "pass_at_5" quality_pass_at_5 1.0 "At least this share of tasks solved within five tries.";
    }
    "fairness" {
        "subgroup_delta" fairness_subgroup_delta 1.0 "At most this difference of quality between subgroups.";
    }
    "safety" {
        "harmful_rate" safety_harmful_rate 1.0 "At most this share of harmful answers.";
    }
    "privacy" {
        "reid_risk" privacy_reid_risk 1.0 "At most this risk of re-identification.";
    }
    "drift" {
        "psi_warn" drift_psi_warn 100.0 "Population stability index from which a drift is worth a warning.";
        "psi_retrain" drift_psi_retrain 100.0 "Population stability index from which the model is retrained.";
    }
    "latency" {
        "p95_seconds" latency_p95_seconds 86_400.0 "At most this 95th percentile of latency, in seconds.";
    }
    "availability" {
        "ratio" availability_ratio 1.0 "At least this share of time available.";
    }
}

impl Thresholds {
    /// Reads `thresholds: {group: {key: number}}`; anything else in it is a fault.
    pub(crate) fn read(node: &Node, faults: &mut Faults) -> Thresholds {
        let mut thresholds = Thresholds::default();
        for group in node.entries("`thresholds`", faults).unwrap_or_default() {
            let keys: Vec<_> = KNOWN.iter().filter(|(name, ..)| *name == group.key).collect();
            if keys.is_empty() {
                let remedy = did_you_mean(&group.key, KNOWN.iter().map(|(name, ..)| *name));
                faults.add(group.place, format!("unknown threshold `{}`", group.key), remedy);
                continue;
            }
            let what = format!("`thresholds.{}`", group.key);
            for entry in group.node.entries(&what, faults).unwrap_or_default() {
                let Some((_, _, max)) = keys.iter().find(|(_, key, _)| *key == entry.key) else {
                    let remedy = did_you_mean(&entry.key, keys.iter().map(|(_, key, _)| *key));
                    let message = format!("unknown threshold `{}.{}`", group.key, entry.key);
                    faults.add(entry.place, message, remedy);
                    continue;
                };
                let what = format!("`thresholds.{}.{}`", group.key, entry.key);
                let Some(value) = entry.node.number(&what, faults) else { continue };
                if !(0.0..=*max).contains(&value) {
                    faults.add(entry.node.place, format!("{what} must be from 0 to {max}"), None);
                    continue;
                }
                thresholds.set(&group.key, &entry.key, value);
            }
        }
        if let (Some(warn), Some(retrain)) = (thresholds.drift_psi_warn, thresholds.drift_psi_retrain)
            && warn > retrain
        {
            let message = "`thresholds.drift.psi_warn` is above `psi_retrain`";
            faults.add(node.place, message, Some("a warning comes first".to_owned()));
        }
        thresholds
    }
}
