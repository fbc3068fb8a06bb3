//! A loaded policy: immutable, shared between threads, asked once or twice for every call. Reading the file is the
//! business of `yaml` and `document`, compiling of `rule`.

use flyball_core::{Category, Decision, Kind, Stage};
use serde_json::Value;

use crate::document::RuleSource;
use crate::error::{Faults, LoadErrors, Place};
use crate::index::{Index, RuleSet};
use crate::rule::Rule;
use crate::signal::{Signal, SignalSet};
use crate::signals::Signals;
use crate::thresholds::Thresholds;
use crate::{canonical, document, yaml};

/// What the binary around this crate can find: conditions and masks may name nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary<'a> {
    /// The kinds of findings that detectors report, and what each is about.
    pub kinds: &'a [(Kind, Category)],
}

/// A checked and compiled set of rules.
#[derive(Debug)]
pub struct Policy {
    hash: String,
    document: Value,
    thresholds: Thresholds,
    rules: Vec<Rule>,
    index: Index,
    reads: SignalSet,
    prompt: RuleSet,
    output: RuleSet,
    /// Rules of the output stage that need not wait for the whole answer.
    span: RuleSet,
    whole_answer: bool,
}

/// The stack that conditions are parsed on, in bytes. The parser takes up to 200 KiB for a level of brackets when
/// it is built without optimisation, and 16 levels are allowed; a runtime's threads have 2 MiB in all.
const PARSER_STACK: usize = 16 << 20;

/// Compiles on a thread of known stack, so that neither depth nor a defect of the parser can take the process
/// down. `None` when there was no thread or the parser gave up.
fn compile(rules: Vec<RuleSource>, source: &str, kinds: &[Kind], faults: &mut Faults) -> Option<Vec<Rule>> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("policy-parser".to_owned())
            .stack_size(PARSER_STACK)
            .spawn_scoped(scope, move || {
                rules.into_iter().filter_map(|rule| Rule::compile(rule, source, kinds, faults)).collect()
            })
            .ok()?
            .join()
            .ok()
    })
}

impl Policy {
    /// Reads, checks and compiles the policy in `source`; `file` is its name in messages.
    ///
    /// # Errors
    /// Every fault of meaning in the file, each with its place; a fault of YAML syntax alone, as nothing after it
    /// can be read.
    pub fn load(source: &str, file: &str, vocabulary: &Vocabulary<'_>) -> Result<Policy, LoadErrors> {
        let mut faults = Faults::new(file);
        let Some(root) = yaml::read(source, &mut faults) else { return Err(faults.into_errors()) };
        let document = document::read(&root, vocabulary, &mut faults);
        let kinds: Vec<Kind> = vocabulary.kinds.iter().map(|(kind, _)| *kind).collect();
        let Some(rules) = compile(document.rules, source, &kinds, &mut faults) else {
            let start = Place { line: 1, column: 1 };
            faults.within(None);
            faults.add(start, "the conditions could not be parsed", Some("simplify them".to_owned()));
            return Err(faults.into_errors());
        };
        let mut policy = Policy {
            hash: canonical::hash(&document.json),
            document: document.json,
            thresholds: document.thresholds,
            index: Index::new(&rules),
            reads: SignalSet::default(),
            prompt: RuleSet::EMPTY,
            output: RuleSet::EMPTY,
            span: RuleSet::EMPTY,
            whole_answer: false,
            rules: Vec::new(),
        };
        for (place, rule) in rules.iter().enumerate() {
            policy.reads = policy.reads.union(rule.read_set());
            match rule.stage() {
                Stage::Prompt => policy.prompt.insert(place),
                Stage::Output => policy.output.insert(place),
            }
            if rule.is_whole_answer() {
                policy.whole_answer = true;
            } else if rule.stage() == Stage::Output {
                policy.span.insert(place);
            }
        }
        policy.rules = rules;
        faults.finish(policy)
    }

    /// The policy's name: `sha256:` and the digest of the RFC 8785 form of its document.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The digest in [`Policy::hash`], as bytes.
    pub fn digest(&self) -> [u8; 32] {
        let digits = self.hash.strip_prefix("sha256:").unwrap_or(&self.hash).as_bytes();
        let mut digest = [0; 32];
        let value = |digit: u8| {
            char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0)
        };
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            if let [high, low] = pair {
                *byte = value(*high) << 4 | value(*low);
            }
        }
        digest
    }

    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The document as it was understood, without defaults: what [`Policy::hash`] names.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The thresholds that the document states.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// What the rules of a stage say about a call: the strictest of all that match, with their reasons in the
    /// order of the file. A rule that cannot be evaluated blocks.
    pub fn decide(&self, stage: Stage, signals: &Signals<'_>) -> Decision {
        self.decide_among(self.stage_rules(stage), signals)
    }

    /// What the output rules say that read no signal of the whole answer: safe to ask before the answer is
    /// complete, finding by finding.
    pub fn decide_span(&self, signals: &Signals<'_>) -> Decision {
        self.decide_among(&self.span, signals)
    }

    fn decide_among(&self, among: &RuleSet, signals: &Signals<'_>) -> Decision {
        let mut decision = Decision::default();
        let candidates = self.index.candidates(signals);
        for rule in candidates.common(among).filter_map(|place| self.rules.get(place)) {
            match rule.evaluate(signals) {
                Ok(true) => rule.apply(&mut decision),
                Ok(false) => {}
                Err(fault) => rule.fail(fault, &mut decision),
            }
        }
        decision
    }

    /// Whether some rule reads `signal`: what none reads need not be computed.
    pub fn reads(&self, signal: Signal) -> bool {
        self.reads.contains(signal)
    }

    /// Whether there are rules of a stage.
    pub fn has_rules(&self, stage: Stage) -> bool {
        !self.stage_rules(stage).is_empty()
    }

    /// Whether some rule can be decided only when the answer is complete.
    pub fn has_whole_answer_rules(&self) -> bool {
        self.whole_answer
    }

    fn stage_rules(&self, stage: Stage) -> &RuleSet {
        match stage {
            Stage::Prompt => &self.prompt,
            Stage::Output => &self.output,
        }
    }
}
