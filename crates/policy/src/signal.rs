//! The signals that a rule may read: one table, from which everything else about them follows. How a condition is
//! checked against it is the business of `expression`; the values of one call live in `signals`.

use flyball_core::{LawfulBasis, Operation, Stage};

/// The type of a signal's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalType {
    /// `true` or `false`.
    Bool,
    /// A whole number from 0 to 2^63 - 1.
    Int,
    /// A number from 0 to 1.
    Double,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
}

impl SignalType {
    /// What people call it in messages.
    pub fn name(self) -> &'static str {
        match self {
            SignalType::Bool => "true or false",
            SignalType::Int => "a whole number",
            SignalType::Double => "a number from 0 to 1",
            SignalType::Text => "a text",
            SignalType::Texts => "a list of texts",
        }
    }
}

/// When a signal's value is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Before the provider is called.
    Call,
    /// Finding by finding, while an answer streams.
    Span,
    /// When the answer is complete.
    WholeAnswer,
}

impl Scope {
    /// What people call it in the reference.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Call => "before the call",
            Scope::Span => "finding by finding",
            Scope::WholeAnswer => "with the whole answer",
        }
    }
}

/// What the table says about one signal.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct SignalInfo {
    /// The dotted name used in conditions, test cases and answers.
    pub name: &'static str,
    /// The type of its value.
    #[serde(rename = "type")]
    pub kind: SignalType,
    /// The stage at which it is first known.
    pub stage: Stage,
    /// When within the stage its value is known.
    pub scope: Scope,
    /// What it says, in one sentence.
    pub documentation: &'static str,
}

macro_rules! signals {
    ($($variant:ident $name:literal $kind:ident $stage:ident $scope:ident $documentation:literal;)*) => {
        /// A signal; indexes [`SIGNALS`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Signal {
            $(#[doc = $documentation] $variant,)*
        }

        /// Every signal, in the order of [`Signal`]: the only source of names, types and documentation.
        pub static SIGNALS: &[SignalInfo] = &[
            $(SignalInfo {
                name: $name,
                kind: SignalType::$kind,
                stage: Stage::$stage,
                scope: Scope::$scope,
                documentation: $documentation,
            },)*
        ];

        impl Signal {
            /// Every signal.
            pub const ALL: &[Signal] = &[$(Signal::$variant,)*];

            /// What the table says about it.
            pub fn info(self) -> &'static SignalInfo {
                match self {
                    $(Signal::$variant => {
                        static INFO: SignalInfo = SignalInfo {
                            name: $name,
                            kind: SignalType::$kind,
                            stage: Stage::$stage,
                            scope: Scope::$scope,
                            documentation: $documentation,
                        };
                        &INFO
                    })*
                }
            }
        }
    };
}

signals! {
    RequestModel "request.model" Text Prompt Call
        "The public model name that the caller asked for.";
    RequestOperation "request.operation" Text Prompt Call
        "What is wanted: `chat`, `embeddings`, `count_tokens`, `moderations`, `rerank`, `images`, `speech`, `transcriptions` or `passthrough`.";
    RequestStream "request.stream" Bool Prompt Call
        "Whether the answer is wanted as a stream.";
    RequestLawfulBasis "request.lawful_basis" Text Prompt Call
        "The lawful basis configured on the key or route: `consent`, `contract`, `legal_obligation`, `legitimate_interest`, `public_task`; empty when none is.";
    RequestHasTools "request.has_tools" Bool Prompt Call
        "Whether tools are offered to the model.";
    RequestServerTools "request.server_tools" Bool Prompt Call
        "Whether the provider itself would run tools.";
    RequestUnseenInput "request.unseen_input" Bool Prompt Call
        "Whether something goes to the model that no detector can read: media, encoded files, stored state.";
    RequestChoices "request.choices" Int Prompt Call
        "How many answers are wanted.";
    RequestMaxOutputTokens "request.max_output_tokens" Int Prompt Call
        "The caller's cap on output tokens per choice; 0 when there is none.";
    PrincipalTenant "principal.tenant" Text Prompt Call
        "The tenant that the credential belongs to.";
    PrincipalRoles "principal.roles" Texts Prompt Call
        "What the credential may do.";
    PromptContainsPii "prompt.contains_pii" Bool Prompt Call
        "Whether the detectors saw personal data in what goes to the model.";
    PromptPiiKinds "prompt.pii_kinds" Texts Prompt Call
        "The kinds of personal data seen in what goes to the model, each once.";
    PromptPiiCount "prompt.pii_count" Int Prompt Call
        "How many findings of personal data there are in what goes to the model.";
    PromptLength "prompt.length" Int Prompt Call
        "Bytes of inspected text that go to the model.";
    PromptJailbreakScore "prompt.jailbreak_score" Double Prompt Call
        "How much the prompt looks like an attempt to lift the model's restrictions.";
    OutputContainsPii "output.contains_pii" Bool Output Span
        "Whether the detectors saw personal data in the answer.";
    OutputPiiKinds "output.pii_kinds" Texts Output WholeAnswer
        "The kinds of personal data seen in the answer, each once.";
    OutputPiiCount "output.pii_count" Int Output WholeAnswer
        "How many findings of personal data there are in the answer.";
    OutputLength "output.length" Int Output WholeAnswer
        "Bytes of text in the answer.";
    OutputVerbatimRatio "output.verbatim_ratio" Double Output WholeAnswer
        "Share of the answer's word 8-grams found in the call's own context or a protected corpus.";
}

/// How many signals there are.
pub(crate) const COUNT: usize = Signal::ALL.len();

impl Signal {
    /// The dotted name.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The signal of that name.
    pub fn named(name: &str) -> Option<Signal> {
        Signal::ALL.iter().copied().find(|signal| signal.name() == name)
    }

    /// Whether hardly any call leaves this signal neutral, so that reading it tells rules apart badly.
    pub(crate) fn usually_set(self) -> bool {
        matches!(
            self,
            Signal::RequestModel
                | Signal::RequestOperation
                | Signal::RequestChoices
                | Signal::PrincipalTenant
                | Signal::PrincipalRoles
                | Signal::PromptLength
                | Signal::OutputLength
        )
    }

    /// The texts that this signal can hold, where that is a closed set known to this crate. The kinds of
    /// findings are closed too, but known to the vocabulary of the load only.
    pub(crate) fn closed_values(self) -> Option<Vec<&'static str>> {
        match self {
            Signal::RequestOperation => {
                Some(Operation::ALL.iter().map(|operation| operation.name()).collect())
            }
            Signal::RequestLawfulBasis => {
                Some(std::iter::once("").chain(LawfulBasis::ALL.iter().map(|basis| basis.name())).collect())
            }
            _ => None,
        }
    }
}

/// A set of signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SignalSet(u32);

// A set is one word; a thirty-third signal asks for a wider one.
const _: () = assert!(COUNT <= 32);

impl SignalSet {
    pub(crate) fn insert(&mut self, signal: Signal) {
        self.0 |= 1 << signal as u8;
    }

    pub(crate) fn remove(&mut self, signal: Signal) {
        self.0 &= !(1 << signal as u8);
    }

    pub(crate) fn contains(self, signal: Signal) -> bool {
        self.0 & (1 << signal as u8) != 0
    }

    pub(crate) fn union(self, other: SignalSet) -> SignalSet {
        SignalSet(self.0 | other.0)
    }

    pub(crate) fn intersects(self, other: SignalSet) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in the order of the table.
    pub(crate) fn iter(self) -> impl Iterator<Item = Signal> {
        Signal::ALL.iter().copied().filter(move |signal| self.contains(*signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_enum_agree() {
        assert_eq!(SIGNALS.len(), COUNT);
        for (index, signal) in Signal::ALL.iter().enumerate() {
            assert_eq!(*signal as usize, index);
            assert_eq!(SIGNALS[index].name, signal.name());
            assert_eq!(Signal::named(signal.name()), Some(*signal));
        }
    }

    #[test]
    fn only_signals_of_the_answer_belong_to_the_output_stage() {
        for info in SIGNALS {
            assert_eq!(info.name.starts_with("output."), info.stage == Stage::Output, "{}", info.name);
            assert_eq!(info.scope == Scope::Call, info.stage == Stage::Prompt, "{}", info.name);
        }
    }
}
