//! `flyball policy explain`: from texts or a request to signals, as the gateway would compute them, and from signals
//! to what every rule made of them. Texts are inspected and never printed.

use std::fmt::Write;
use std::path::PathBuf;

use bytes::Bytes;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};
use flyball_core::json::{Document, Limits};
use flyball_core::{Category, Finding, Stage};
use flyball_guard::Scanner;
use flyball_policy::{Explanation, Signal, SignalType, StatedSignals};
use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::ConfigArgs;
use crate::commands::locations::Locations;
use crate::commands::mistakes::{self, Mistake};
use crate::commands::output::{Failure, Outcome, Output};
use crate::config;
use crate::pipeline::screen::verbatim::Sources;
use crate::protocols::Protocol;
use crate::refusal::Refusal;
use crate::snapshot::load_policy;

/// Arguments of `policy explain`.
#[derive(Args)]
#[command(group = ArgGroup::new("call").required(true).multiple(true).args(["prompt", "request", "output", "signal"]))]
pub(in crate::commands) struct Explain {
    /// Policy file. Default: the configured one, or else the built-in one.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Configuration file that names the policy.
    #[arg(long, value_name = "FILE", env = "FLYBALL_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// A text on its way to a model.
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// A file with the body of a request to /v1/chat/completions or /v1/embeddings.
    #[arg(long, value_name = "FILE", conflicts_with = "prompt")]
    request: Option<PathBuf>,
    /// A text on its way from a model.
    #[arg(long, value_name = "TEXT")]
    output: Option<String>,
    /// Files with texts that the answer may have copied from, protected corpora among them. The prompt
    /// or request counts too.
    #[arg(long, value_name = "FILE", requires = "output")]
    context: Vec<PathBuf>,
    /// State a signal, in place of what was computed: request.lawful_basis=consent, prompt.pii_kinds=email,iban.
    #[arg(long, value_name = "NAME=VALUE")]
    signal: Vec<String>,
    /// Which rules to explain. Default: those of the output when one is given, otherwise those of the prompt.
    #[arg(long, value_parser = stage())]
    stage: Option<Stage>,
}

fn stage() -> impl TypedValueParser<Value = Stage> {
    PossibleValuesParser::new([Stage::Prompt.name(), Stage::Output.name()])
        .map(|name| if name == Stage::Output.name() { Stage::Output } else { Stage::Prompt })
}

/// A finding and where it was.
#[derive(Serialize)]
struct Seen {
    /// `prompt`, `output`, or `text N` of a request, counted from 0 in the order of the bytes.
    place: String,
    #[serde(flatten)]
    finding: Finding,
}

/// What is known of the call.
struct Facts {
    scanner: Scanner,
    signals: StatedSignals,
    sources: Sources,
    seen: Vec<Seen>,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    explanation: Explanation,
    signals: Value,
    findings: Vec<Seen>,
}

pub(super) fn run(command: &Explain, output: Output) -> Outcome {
    let policy_file = match &command.policy {
        Some(file) => Some(file.clone()),
        None => {
            let arguments = ConfigArgs { config: command.config.clone(), data: None };
            Locations::find(&arguments.sources(), config::environment())?.policy
        }
    };
    let policy = load_policy(policy_file.as_deref())
        .map_err(|error| mistakes::failure(&Mistake::of_snapshot(&error)))?;
    let facts = Facts::gather(command)?;
    let stage = command.stage.unwrap_or(if command.output.is_some() { Stage::Output } else { Stage::Prompt });
    let report = facts.signals.lend(|signals| {
        let explanation = policy.explain(stage, signals);
        serde_json::to_value(signals).map(|signals| (explanation, signals))
    });
    let (explanation, signals) = report.map_err(|error| Failure::failed(error.to_string()))?;
    let report = Report { explanation, signals, findings: facts.seen };
    output.show(&report, || report.text())
}

impl Facts {
    fn gather(command: &Explain) -> Result<Facts, Failure> {
        let mut facts = Facts {
            scanner: Scanner::standard(),
            signals: StatedSignals::default(),
            sources: Sources::none(),
            seen: Vec::new(),
        };
        facts.set(Signal::PrincipalRoles, json!(["caller"]))?;
        facts.set(Signal::RequestOperation, json!("chat"))?;
        facts.set(Signal::RequestChoices, json!(1))?;
        if let Some(prompt) = &command.prompt {
            facts.prompt(&[("prompt".to_owned(), prompt.as_str().into())])?;
        }
        if let Some(file) = &command.request {
            facts.request(read(file)?)?;
        }
        for file in &command.context {
            facts.sources.call.add(&read(file)?);
        }
        if let Some(answer) = &command.output {
            facts.answer(answer)?;
        }
        for stated in &command.signal {
            let (name, value) = stated
                .split_once('=')
                .ok_or_else(|| Failure::wrong("--signal takes NAME=VALUE, as prompt.jailbreak_score=0.9"))?;
            facts.state(name, &value_of(name, value))?;
        }
        Ok(facts)
    }

    fn set(&mut self, signal: Signal, value: Value) -> Outcome {
        self.state(signal.name(), &value)
    }

    fn state(&mut self, name: &str, value: &Value) -> Outcome {
        self.signals.state(name, value).map_err(|error| Failure::wrong(error.to_string()))
    }

    /// Inspects a text and returns its kinds of personal data, each once, and how many findings there are.
    fn inspect(&mut self, place: &str, text: &str, kinds: &mut Vec<&'static str>) -> usize {
        let mut found = Vec::new();
        self.scanner.scan(text, &mut found);
        let count = found.len();
        for finding in found {
            if finding.category == Category::Pii && !kinds.contains(&finding.kind.0) {
                kinds.push(finding.kind.0);
            }
            self.seen.push(Seen { place: place.to_owned(), finding });
        }
        count
    }

    fn prompt(&mut self, texts: &[(String, std::borrow::Cow<'_, str>)]) -> Outcome {
        let (mut kinds, mut count, mut length) = (Vec::new(), 0, 0);
        for (place, text) in texts {
            count += self.inspect(place, text, &mut kinds);
            length += text.len();
            self.sources.call.add(text);
        }
        self.set(Signal::PromptContainsPii, json!(!kinds.is_empty()))?;
        self.set(Signal::PromptPiiKinds, json!(kinds))?;
        self.set(Signal::PromptPiiCount, json!(count))?;
        self.set(Signal::PromptLength, json!(length))
    }

    fn request(&mut self, body: String) -> Outcome {
        let wrong = |message: String| Failure::wrong(format!("--request: {message}"));
        let document = Document::parse(Bytes::from(body), Limits::default())
            .map_err(|error| wrong(format!("not acceptable JSON: {error}")))?;
        let embeddings = document.root().get("input").is_some() && document.root().get("messages").is_none();
        let protocol = if embeddings { Protocol::OpenAiEmbeddings } else { Protocol::OpenAiChat };
        let call =
            protocol.decode(document).map_err(|Refusal { message, .. }| wrong(message.into_owned()))?;
        self.set(Signal::RequestModel, json!(call.model))?;
        self.set(Signal::RequestOperation, json!(call.operation.name()))?;
        self.set(Signal::RequestStream, json!(call.stream))?;
        self.set(Signal::RequestHasTools, json!(call.has_tools))?;
        self.set(Signal::RequestServerTools, json!(call.server_tools))?;
        self.set(Signal::RequestUnseenInput, json!(call.unseen_input))?;
        self.set(Signal::RequestChoices, json!(call.choices))?;
        self.set(Signal::RequestMaxOutputTokens, json!(call.max_output_tokens.unwrap_or(0)))?;
        let texts: Vec<_> = call
            .texts
            .iter()
            .enumerate()
            .filter_map(|(index, text)| {
                Some((format!("text {index}"), call.document.value(text.node).text()?))
            })
            .collect();
        self.prompt(&texts)
    }

    fn answer(&mut self, text: &str) -> Outcome {
        let mut kinds = Vec::new();
        let count = self.inspect("output", text, &mut kinds);
        let ratio = self.sources.ratio(text);
        self.set(Signal::OutputContainsPii, json!(!kinds.is_empty()))?;
        self.set(Signal::OutputPiiKinds, json!(kinds))?;
        self.set(Signal::OutputPiiCount, json!(count))?;
        self.set(Signal::OutputLength, json!(text.len()))?;
        self.set(Signal::OutputVerbatimRatio, json!(ratio))
    }
}

/// What a value on the command line stands for, by the type of its signal: texts need no quotes, lists may be written
/// with commas.
fn value_of(name: &str, text: &str) -> Value {
    let parsed = serde_json::from_str::<Value>(text).ok();
    match Signal::named(name).map(|signal| signal.info().kind) {
        Some(SignalType::Text) => parsed.filter(Value::is_string).unwrap_or_else(|| json!(text)),
        Some(SignalType::Texts) => parsed.filter(Value::is_array).unwrap_or_else(|| {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            items.collect()
        }),
        _ => parsed.unwrap_or_else(|| json!(text)),
    }
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::wrong(format!("{}: cannot be read: {error}", file.display())))
}

impl Report {
    fn text(&self) -> String {
        let mut text = self.explanation.to_string();
        if !self.findings.is_empty() {
            text.push_str("found\n");
        }
        for Seen { place, finding } in &self.findings {
            let Finding { kind, category, span, score, .. } = finding;
            let (category, start, end) = (category.name(), span.start, span.end);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {kind} ({category}, score {score}) in {place}, bytes {start} to {end}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_by_the_type_of_its_signal() {
        assert_eq!(value_of("prompt.contains_pii", "true"), json!(true));
        assert_eq!(value_of("prompt.jailbreak_score", "0.9"), json!(0.9));
        assert_eq!(value_of("request.model", "42"), json!("42"));
        assert_eq!(value_of("request.model", "\"quoted\""), json!("quoted"));
        assert_eq!(value_of("prompt.pii_kinds", "email, iban"), json!(["email", "iban"]));
        assert_eq!(value_of("prompt.pii_kinds", "[\"email\"]"), json!(["email"]));
        assert_eq!(value_of("prompt.pii_kinds", ""), json!([]));
    }
}
