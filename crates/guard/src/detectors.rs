//! The registry: one line for each detector, one file for each family.

mod email;
mod iban;
mod payment_card;
mod phone;
mod us_ssn;

use flyball_core::{Category, Kind};

use crate::detector::Detector;

/// Every detector. Among findings of one length at one place the earlier line wins.
pub static DETECTORS: &[Detector] =
    &[email::DETECTOR, iban::DETECTOR, payment_card::DETECTOR, us_ssn::DETECTOR, phone::DETECTOR];

/// The kinds that the detectors find, each with its category, in the order of [`DETECTORS`].
pub static KINDS: [(Kind, Category); 5] = [
    named(&email::DETECTOR),
    named(&iban::DETECTOR),
    named(&payment_card::DETECTOR),
    named(&us_ssn::DETECTOR),
    named(&phone::DETECTOR),
];

const fn named(detector: &Detector) -> (Kind, Category) {
    (detector.kind, detector.category)
}
