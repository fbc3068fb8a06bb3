//! The parameters of a request as a route wants them: dropped, renamed, filled in, capped; and the limits of safe
//! mode, which go last so that nothing loosens them. Texts and decisions are not looked at here.

use flyball_core::json::{Editor, NodeKind, Value, quote};
use flyball_core::{Call, Operation};
use flyball_translation::Dialect;

use super::names::Names;
use crate::config::SafeMode;
use crate::snapshot::Route;

/// What is done to the parameters of a request: everything at once where the provider speaks the caller's dialect.
/// Where it does not, the limits come first, in the caller's dialect, and the route's own parameters after the
/// translation, in the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Drops, limits, and the route's own.
    All,
    /// Drops and limits.
    Limits,
    /// The route's own, with drops and limits once more.
    Own,
}

/// Applies the route: concrete model, defaults, caps, renames, dropped parameters, usage in streams; and safe mode,
/// if it is on. `dialect` is what `root` is written in. Returns what was dropped.
pub(super) fn apply(
    editor: &mut Editor<'_>,
    root: Value<'_>,
    call: &Call,
    dialect: Option<Dialect>,
    route: &Route,
    safe_mode: Option<&SafeMode>,
    part: Part,
) -> Vec<String> {
    let parameters = Parameters::new(root, dialect, route, part);
    if part != Part::Limits && parameters.names.model {
        editor.set(root, "model", &quote(&route.model));
    }
    let dropped = parameters.drops.iter().filter(|key| editor.remove(root, key)).cloned().collect();
    for (from, to) in parameters.renames {
        let written = |key: &str| root.members().any(|(name, _)| name.text().as_deref() == Some(key));
        if root.get(to).is_none() {
            editor.rename(root, from, to);
        } else if written(from) && root.get(from).is_none() {
            editor.remove(root, from);
        }
    }
    for (key, value) in parameters.defaults.into_iter().flatten() {
        let name = parameters.provider_name(key);
        if parameters.stated(name).is_none() {
            editor.set(root, name, &value.to_string());
        }
    }
    if part == Part::All && dialect == Some(Dialect::Chat) && !route.developer {
        for message in root.get("messages").into_iter().flat_map(Value::items) {
            if message.get("role").is_some_and(|role| role.is_text("developer")) {
                editor.set(message, "role", r#""system""#);
            }
        }
    }
    if call.operation == Operation::Chat {
        let cap = [route.max_output_tokens, safe_mode.map(|settings| settings.max_output_tokens)];
        if let Some(cap) = cap.into_iter().flatten().min() {
            parameters.cap_output(editor, cap);
        }
        let on_demand = parameters.names.usage_on_demand && !parameters.drops("stream_options");
        if call.stream && part == Part::All && on_demand && !call.stream_usage {
            match root.get("stream_options") {
                Some(options) => editor.set(options, "include_usage", "true"),
                None => editor.set(root, "stream_options", r#"{"include_usage":true}"#),
            }
        }
        if let Some(settings) = safe_mode {
            parameters.harden(editor, settings);
        }
    }
    dropped
}

/// The cap on output tokens of one answer that holds after [`apply`] of the route's own; none when nobody set one.
pub(super) fn output_bound(
    root: Value<'_>,
    dialect: Option<Dialect>,
    route: &Route,
    safe_mode: Option<&SafeMode>,
) -> Option<u64> {
    let parameters = Parameters::new(root, dialect, route, Part::All);
    let stated = parameters.names.output_caps.iter().filter(|key| !parameters.drops(key)).filter_map(|key| {
        let name = parameters.provider_name(key);
        match parameters.stated(name) {
            Some(value) => value.unsigned(),
            None => parameters.default(name).and_then(serde_json::Value::as_u64),
        }
    });
    // Which of two contradicting wishes a provider heeds is its own affair.
    let wish = stated.max();
    let caps = [wish, route.max_output_tokens, safe_mode.map(|settings| settings.max_output_tokens)];
    caps.into_iter().flatten().min()
}

/// The parameters of one request on one route.
struct Parameters<'d, 'r> {
    root: Value<'d>,
    names: &'static Names,
    renames: &'r [(String, String)],
    defaults: Option<&'r serde_json::Map<String, serde_json::Value>>,
    drops: &'r [String],
}

impl<'d, 'r> Parameters<'d, 'r> {
    fn new(root: Value<'d>, dialect: Option<Dialect>, route: &'r Route, part: Part) -> Self {
        let own = part != Part::Limits;
        Parameters {
            root,
            names: Names::of(dialect),
            renames: if own { &route.rename } else { &[] },
            defaults: own.then_some(&route.defaults),
            drops: &route.drop_params,
        }
    }

    /// What the provider calls a parameter.
    fn provider_name<'k>(&self, key: &'k str) -> &'k str
    where
        'r: 'k,
    {
        self.renames.iter().find(|(from, _)| from == key).map_or(key, |(_, to)| to)
    }

    fn drops(&self, key: &str) -> bool {
        self.drops.iter().any(|dropped| dropped == key)
    }

    /// What the caller stated for a parameter, by the provider's name of it or by one that is renamed to it.
    fn stated(&self, name: &str) -> Option<Value<'_>> {
        let renamed = self.renames.iter().filter(|(_, to)| to == name).map(|(from, _)| from.as_str());
        std::iter::once(name).chain(renamed).filter(|key| !self.drops(key)).find_map(|key| self.root.get(key))
    }

    /// What the route sets for a parameter that the caller left out.
    fn default(&self, name: &str) -> Option<&serde_json::Value> {
        self.defaults
            .into_iter()
            .flatten()
            .find(|(key, _)| self.provider_name(key) == name)
            .map(|(_, value)| value)
    }

    /// Holds every output cap that leaves to `cap`, under whatever name, and sets one where there is none.
    fn cap_output(&self, editor: &mut Editor<'_>, cap: u64) {
        let mut names: Vec<&str> =
            self.names.output_caps.iter().flat_map(|key| [self.provider_name(key), *key]).collect();
        names.dedup();
        let mut set = false;
        for name in &names {
            let wish = match self.stated(name) {
                Some(value) => value.unsigned(),
                None => match self.default(name) {
                    Some(value) => value.as_u64(),
                    None => continue,
                },
            };
            // A name that is renamed leaves under the other one.
            if self.provider_name(name) != *name && self.root.get(self.provider_name(name)).is_none() {
                continue;
            }
            set = true;
            if wish.is_none_or(|wish| wish > cap) {
                editor.set(self.root, name, &cap.to_string());
            }
        }
        if !set && let Some(name) = names.iter().find(|name| !self.drops(name)) {
            editor.set(self.root, name, &cap.to_string());
        }
    }

    /// Takes tools away and lowers the temperature.
    fn harden(&self, editor: &mut Editor<'_>, settings: &SafeMode) {
        for key in self.names.tools {
            editor.remove(self.root, self.provider_name(key));
        }
        if !self.names.temperature {
            return;
        }
        let name = self.provider_name("temperature");
        let wish = match self.stated(name) {
            Some(value) => value.float(),
            None => self.default(name).and_then(serde_json::Value::as_f64),
        };
        if !self.drops("temperature") && wish.is_none_or(|wish| wish > settings.temperature) {
            editor.set(self.root, name, &settings.temperature.to_string());
        }
    }
}

/// Adds the instruction of safe mode in front of a conversation.
pub(super) fn instruct(editor: &mut Editor<'_>, call: &Call, dialect: Option<Dialect>, instruction: &str) {
    let root = call.document.root();
    match dialect {
        Some(Dialect::Chat) => instruct_chat(editor, root, instruction),
        Some(Dialect::Messages) => match root.get("system") {
            Some(system) if system.kind() == NodeKind::Array => {
                editor.prepend_item(system, &format!(r#"{{"type":"text","text":{}}}"#, quote(instruction)));
            }
            other => extend(editor, root, "system", other, instruction),
        },
        Some(Dialect::Responses) => {
            extend(editor, root, "instructions", root.get("instructions"), instruction);
        }
        Some(Dialect::Completions) => {
            let prompt = root.get("prompt");
            for text in prompt.into_iter().chain(prompt.into_iter().flat_map(Value::items)) {
                if text.kind() == NodeKind::String {
                    editor.rewrite_text(text, [(0..0, format!("{instruction}\n\n").as_str())]);
                }
            }
        }
        _ => {}
    }
}

/// Adds to a text that may be there, or puts one there.
fn extend(editor: &mut Editor<'_>, root: Value<'_>, key: &str, text: Option<Value<'_>>, instruction: &str) {
    match text.filter(|text| text.kind() == NodeKind::String) {
        Some(text) => editor.append_text(text, &format!("\n\n{instruction}")),
        None => editor.set(root, key, &quote(instruction)),
    }
}

fn instruct_chat(editor: &mut Editor<'_>, root: Value<'_>, instruction: &str) {
    let Some(messages) = root.get("messages") else { return };
    // Many chat templates take one system message only, at the beginning: add to it where there is one.
    let system = messages.items().next().filter(|first| {
        first.get("role").is_some_and(|role| role.is_text("system") || role.is_text("developer"))
    });
    match system.and_then(|first| first.get("content")).filter(|content| content.kind() == NodeKind::String) {
        Some(content) => editor.append_text(content, &format!("\n\n{instruction}")),
        None => {
            let message = format!(r#"{{"role":"system","content":{}}}"#, quote(instruction));
            editor.prepend_item(messages, &message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use flyball_core::json::{Document, Limits};
    use flyball_demo::Demo;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Config;
    use crate::snapshot::Snapshot;

    /// What is sent for these parameters of a call by a route with these settings, and what was left out.
    fn sent(parameters: Value, route: Value, safe_mode: bool) -> (Value, Vec<String>) {
        let mut config = Config::default();
        let settings = config.routes.get_mut("demo").unwrap();
        let mut all = serde_json::to_value(&settings).unwrap();
        all.as_object_mut().unwrap().extend(route.as_object().unwrap().clone());
        *settings = serde_json::from_value(all).unwrap();
        let snapshot = Snapshot::build(1, config, &Arc::new(Demo::new())).unwrap();
        let mut body = json!({"model": "demo", "messages": [{"role": "user", "content": "Hi"}]});
        body.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
        let document = Document::parse(Bytes::from(body.to_string()), Limits::default()).unwrap();
        let call = crate::protocols::openai::chat::decode(document).unwrap();
        let mut editor = Editor::new(&call.document);
        let safe_mode = safe_mode.then_some(&snapshot.config.safe_mode);
        let (root, route) = (call.document.root(), snapshot.route("demo").unwrap());
        let dropped = apply(&mut editor, root, &call, Some(Dialect::Chat), &route, safe_mode, Part::All);
        // The parser refuses duplicate members.
        let changed = Document::parse(editor.finish(), Limits::default()).unwrap();
        let mut changed: Value = serde_json::from_slice(changed.source()).unwrap();
        let object = changed.as_object_mut().unwrap();
        object.remove("model");
        object.remove("messages");
        (changed, dropped)
    }

    #[test]
    fn a_cap_holds_whatever_name_the_wish_has_and_wherever_it_comes_from() {
        let cap = json!({"max_output_tokens": 100});
        let renamed = json!({"caps": cap, "rename": {"max_tokens": "max_new"}});
        for (parameters, route, expected) in [
            (json!({}), json!({"caps": cap}), json!({"max_tokens": 100})),
            (json!({"max_tokens": null}), json!({"caps": cap}), json!({"max_tokens": 100})),
            (json!({"max_tokens": 7}), json!({"caps": cap}), json!({"max_tokens": 7})),
            (
                json!({"max_completion_tokens": 700, "max_tokens": 701}),
                json!({"caps": cap}),
                json!({"max_completion_tokens": 100, "max_tokens": 100}),
            ),
            (json!({}), json!({"caps": cap, "defaults": {"max_tokens": 7}}), json!({"max_tokens": 7})),
            (json!({}), json!({"caps": cap, "defaults": {"max_tokens": 700}}), json!({"max_tokens": 100})),
            (json!({}), renamed.clone(), json!({"max_new": 100})),
            (json!({"max_tokens": 700}), renamed.clone(), json!({"max_new": 100})),
            (json!({"max_new": 700}), renamed.clone(), json!({"max_new": 100})),
            (json!({"max_tokens": null, "max_new": null}), renamed.clone(), json!({"max_new": 100})),
            (json!({"max_tokens": 7, "max_new": null}), renamed.clone(), json!({"max_new": 7})),
            (
                json!({"max_tokens": 700}),
                json!({"caps": cap, "drop_params": ["max_tokens"]}),
                json!({"max_completion_tokens": 100}),
            ),
        ] {
            assert_eq!(sent(parameters.clone(), route.clone(), false).0, expected, "{parameters} {route}");
        }
    }

    #[test]
    fn what_is_reserved_follows_what_the_route_makes_of_the_cap() {
        for (body, route, expected) in [
            (json!({}), json!({"defaults": {"max_tokens": 60_000}}), Some(60_000)),
            (json!({"max_tokens": 7}), json!({"drop_params": ["max_tokens"]}), None),
            (json!({"max_tokens": 7}), json!({"rename": {"max_tokens": "max_new"}}), Some(7)),
            (json!({"max_tokens": 7}), json!({}), Some(7)),
        ] {
            let mut config = Config::default();
            let settings = config.routes.get_mut("demo").unwrap();
            let mut all = serde_json::to_value(&settings).unwrap();
            all.as_object_mut().unwrap().extend(route.as_object().unwrap().clone());
            *settings = serde_json::from_value(all).unwrap();
            let snapshot = Snapshot::build(1, config, &Arc::new(Demo::new())).unwrap();
            let document = Document::parse(Bytes::from(body.to_string()), Limits::default()).unwrap();
            let route = snapshot.route("demo").unwrap();
            let bound = output_bound(document.root(), Some(Dialect::Chat), &route, None);
            assert_eq!(bound, expected, "{body}");
        }
    }

    #[test]
    fn defaults_are_renamed_and_do_not_displace_what_the_caller_states() {
        let route = json!({"defaults": {"seed": 1, "top_p": 0.5}, "rename": {"seed": "random_seed"}});
        assert_eq!(sent(json!({}), route.clone(), false).0, json!({"random_seed": 1, "top_p": 0.5}));
        assert_eq!(sent(json!({"seed": 2}), route.clone(), false).0, json!({"random_seed": 2, "top_p": 0.5}));
        assert_eq!(
            sent(json!({"random_seed": 3, "top_p": null}), route, false).0,
            json!({"random_seed": 3, "top_p": 0.5})
        );
    }

    #[test]
    fn what_is_dropped_is_told_only_when_it_was_stated() {
        let route = json!({"drop_params": ["logit_bias", "user"]});
        let (body, dropped) = sent(json!({"user": "u", "n": 1}), route, false);
        assert_eq!((body, dropped), (json!({"n": 1}), vec!["user".to_owned()]));
    }

    #[test]
    fn safe_mode_has_no_tools_and_no_heat_from_the_route_either() {
        let tools = json!([{"type": "function", "function": {"name": "f"}}]);
        let route = json!({"defaults": {"tools": tools, "tool_choice": "auto", "temperature": 1.5, "max_tokens": 9999}});
        let expected = json!({"temperature": 0.2, "max_tokens": 512});
        assert_eq!(sent(json!({}), route.clone(), true).0, expected);
        assert_eq!(sent(json!({"tools": tools, "temperature": 2}), route.clone(), true).0, expected);
        let cool = json!({"temperature": 0, "max_tokens": 5});
        assert_eq!(sent(cool.clone(), route, true).0, cool);
    }
}
