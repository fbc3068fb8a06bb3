//! The values of all signals for one call, lent by whoever computed them. Nothing is copied and nothing is
//! allocated: this is filled on the hot path. Values that own their text live in `stated`.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::signal::{COUNT, Signal, SignalSet, SignalType};

/// The value of one signal.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Value<'a> {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number from 0 to 1.
    Double(f64),
    /// A text.
    Text(&'a str),
    /// A list of texts.
    Texts(&'a [&'a str]),
}

impl Value<'_> {
    /// The value that a signal of this type has when nothing is known or seen.
    pub fn neutral(kind: SignalType) -> Value<'static> {
        match kind {
            SignalType::Bool => Value::Bool(false),
            SignalType::Int => Value::Int(0),
            SignalType::Double => Value::Double(0.0),
            SignalType::Text => Value::Text(""),
            SignalType::Texts => Value::Texts(&[]),
        }
    }
}

/// What a policy may know about one call. Starts neutral: nothing seen, nothing asked for.
///
/// The setters take what we computed ourselves. What a caller states goes through the `tighten_*` methods, which
/// can only raise a signal: a caller cannot talk a decision milder.
#[derive(Clone, Debug, PartialEq)]
pub struct Signals<'a> {
    values: [Value<'a>; COUNT],
    /// Signals whose value is not neutral.
    active: SignalSet,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $method:ident($argument:ty) => $signal:ident, $convert:expr;)*) => {
        $(
            $(#[$doc])*
            pub fn $method(&mut self, value: $argument) -> &mut Self {
                let convert: fn($argument) -> Value<'a> = $convert;
                self.put(Signal::$signal, convert(value));
                self
            }
        )*
    };
}

impl<'a> Signals<'a> {
    /// Every signal at its neutral value.
    pub fn neutral() -> Self {
        let mut values = [Value::Bool(false); COUNT];
        for (value, signal) in values.iter_mut().zip(Signal::ALL) {
            *value = Value::neutral(signal.info().kind);
        }
        Signals { values, active: SignalSet::default() }
    }

    setters! {
        /// Sets `request.model`.
        request_model(&'a str) => RequestModel, Value::Text;
        /// Sets `request.operation`.
        request_operation(&'a str) => RequestOperation, Value::Text;
        /// Sets `request.stream`.
        request_stream(bool) => RequestStream, Value::Bool;
        /// Sets `request.lawful_basis`; empty when none is configured.
        request_lawful_basis(&'a str) => RequestLawfulBasis, Value::Text;
        /// Sets `request.has_tools`.
        request_has_tools(bool) => RequestHasTools, Value::Bool;
        /// Sets `request.server_tools`.
        request_server_tools(bool) => RequestServerTools, Value::Bool;
        /// Sets `request.unseen_input`.
        request_unseen_input(bool) => RequestUnseenInput, Value::Bool;
        /// Sets `request.choices`.
        request_choices(u64) => RequestChoices, whole;
        /// Sets `request.max_output_tokens`; 0 when the caller set no cap.
        request_max_output_tokens(u64) => RequestMaxOutputTokens, whole;
        /// Sets `principal.tenant`.
        principal_tenant(&'a str) => PrincipalTenant, Value::Text;
        /// Sets `principal.roles`.
        principal_roles(&'a [&'a str]) => PrincipalRoles, Value::Texts;
        /// Sets `prompt.contains_pii`.
        prompt_contains_pii(bool) => PromptContainsPii, Value::Bool;
        /// Sets `prompt.pii_kinds`, each kind once.
        prompt_pii_kinds(&'a [&'a str]) => PromptPiiKinds, Value::Texts;
        /// Sets `prompt.pii_count`.
        prompt_pii_count(u64) => PromptPiiCount, whole;
        /// Sets `prompt.length`, in bytes.
        prompt_length(u64) => PromptLength, whole;
        /// Sets `prompt.jailbreak_score`, held to 0..=1.
        prompt_jailbreak_score(f64) => PromptJailbreakScore, score;
        /// Sets `output.contains_pii`.
        output_contains_pii(bool) => OutputContainsPii, Value::Bool;
        /// Sets `output.pii_kinds`, each kind once.
        output_pii_kinds(&'a [&'a str]) => OutputPiiKinds, Value::Texts;
        /// Sets `output.pii_count`.
        output_pii_count(u64) => OutputPiiCount, whole;
        /// Sets `output.length`, in bytes.
        output_length(u64) => OutputLength, whole;
        /// Sets `output.verbatim_ratio`, held to 0..=1.
        output_verbatim_ratio(f64) => OutputVerbatimRatio, score;
    }

    /// Joins a caller's claim into `prompt.contains_pii`: `true` sets it, `false` changes nothing.
    pub fn tighten_prompt_contains_pii(&mut self, stated: bool) -> &mut Self {
        if stated { self.prompt_contains_pii(true) } else { self }
    }

    /// Joins a caller's claim into `output.contains_pii`: `true` sets it, `false` changes nothing.
    pub fn tighten_output_contains_pii(&mut self, stated: bool) -> &mut Self {
        if stated { self.output_contains_pii(true) } else { self }
    }

    /// Joins a caller's claim into `prompt.jailbreak_score`: the larger of both counts.
    pub fn tighten_jailbreak_score(&mut self, stated: f64) -> &mut Self {
        self.raise(Signal::PromptJailbreakScore, stated)
    }

    /// Joins a caller's claim into `output.verbatim_ratio`: the larger of both counts.
    pub fn tighten_verbatim_ratio(&mut self, stated: f64) -> &mut Self {
        self.raise(Signal::OutputVerbatimRatio, stated)
    }

    fn raise(&mut self, signal: Signal, stated: f64) -> &mut Self {
        let stated = score(stated);
        if let (Value::Double(ours), Value::Double(theirs)) = (self.get(signal), stated)
            && theirs > ours
        {
            self.put(signal, stated);
        }
        self
    }

    /// The value of a signal.
    pub fn get(&self, signal: Signal) -> Value<'a> {
        // A signal indexes an array of as many values; the other arm is never taken.
        self.values.get(signal as usize).copied().unwrap_or(Value::Bool(false))
    }

    /// Signals that are not neutral.
    pub(crate) fn active(&self) -> SignalSet {
        self.active
    }

    /// Stores a value whose type is the signal's own.
    pub(crate) fn put(&mut self, signal: Signal, value: Value<'a>) {
        let kind = signal.info().kind;
        if let Some(place) = self.values.get_mut(signal as usize) {
            *place = value;
        }
        if value == Value::neutral(kind) { self.active.remove(signal) } else { self.active.insert(signal) }
    }
}

fn whole(value: u64) -> Value<'static> {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A score that is not a number counts as the strictest one.
fn score(value: f64) -> Value<'static> {
    Value::Double(if value.is_nan() { 1.0 } else { value.clamp(0.0, 1.0) })
}

impl Serialize for Signals<'_> {
    /// An object of dotted names, in the order of the table.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(COUNT))?;
        for (signal, value) in Signal::ALL.iter().zip(&self.values) {
            map.serialize_entry(signal.name(), value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_claim_can_only_raise_a_signal() {
        let mut signals = Signals::neutral();
        signals.prompt_jailbreak_score(0.5).prompt_contains_pii(true);
        signals.tighten_jailbreak_score(0.2).tighten_prompt_contains_pii(false);
        assert_eq!(signals.get(Signal::PromptJailbreakScore), Value::Double(0.5));
        assert_eq!(signals.get(Signal::PromptContainsPii), Value::Bool(true));
        signals.tighten_jailbreak_score(0.9).tighten_verbatim_ratio(7.0).tighten_output_contains_pii(true);
        assert_eq!(signals.get(Signal::PromptJailbreakScore), Value::Double(0.9));
        assert_eq!(signals.get(Signal::OutputVerbatimRatio), Value::Double(1.0));
        assert_eq!(signals.get(Signal::OutputContainsPii), Value::Bool(true));
    }

    #[test]
    fn a_score_that_is_not_a_number_is_the_strictest() {
        let mut signals = Signals::neutral();
        signals.prompt_jailbreak_score(f64::NAN);
        assert_eq!(signals.get(Signal::PromptJailbreakScore), Value::Double(1.0));
    }

    #[test]
    fn every_setter_stores_the_type_that_the_table_declares() {
        let mut signals = Signals::neutral();
        signals
            .request_model("m")
            .request_operation("chat")
            .request_stream(true)
            .request_lawful_basis("consent")
            .request_has_tools(true)
            .request_server_tools(true)
            .request_unseen_input(true)
            .request_choices(u64::MAX)
            .request_max_output_tokens(1)
            .principal_tenant("t")
            .principal_roles(&["caller"])
            .prompt_contains_pii(true)
            .prompt_pii_kinds(&["email"])
            .prompt_pii_count(1)
            .prompt_length(1)
            .prompt_jailbreak_score(1.0)
            .output_contains_pii(true)
            .output_pii_kinds(&["email"])
            .output_pii_count(1)
            .output_length(1)
            .output_verbatim_ratio(1.0);
        for signal in Signal::ALL {
            let value = signals.get(*signal);
            assert_eq!(
                std::mem::discriminant(&value),
                std::mem::discriminant(&Value::neutral(signal.info().kind)),
                "{}",
                signal.name()
            );
            assert!(signals.active().contains(*signal), "{}", signal.name());
        }
    }

    #[test]
    fn signals_serialize_as_dotted_names() {
        let mut signals = Signals::neutral();
        signals.request_model("m").principal_roles(&["caller"]);
        let json = serde_json::to_value(&signals).unwrap();
        assert_eq!(json["request.model"], "m");
        assert_eq!(json["principal.roles"], serde_json::json!(["caller"]));
        assert_eq!(json["prompt.jailbreak_score"], 0.0);
    }
}
