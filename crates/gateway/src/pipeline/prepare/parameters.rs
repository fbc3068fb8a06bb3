//! Parameters of the call as route and safe mode want them: concrete model, defaults, caps, renames, what is left
//! out, usage in streams; no tools and a hardening instruction in safe mode. Masks are not made here.

use flyball_core::json::{Editor, NodeKind, Value, quote};
use flyball_core::{Call, Operation};

use crate::config::SafeMode;
use crate::snapshot::Route;

/// Everything that offers tools to a model.
const TOOLS: [&str; 6] =
    ["tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "web_search_options"];

/// Callers' names of the cap on output tokens.
const CAPS: [&str; 2] = ["max_completion_tokens", "max_tokens"];

/// Edits the call for `route`, in safe mode where its settings are given. Returns the parameters that were left out.
pub(super) fn apply(
    editor: &mut Editor<'_>,
    call: &Call,
    route: &Route,
    safe_mode: Option<&SafeMode>,
) -> Vec<String> {
    let root = call.document.root();
    editor.set(root, "model", &quote(&route.model));
    for key in &route.drop_params {
        editor.remove(root, key);
    }
    defaults(editor, root, route);
    if call.operation == Operation::Chat {
        let cap = [route.max_output_tokens, safe_mode.map(|settings| settings.max_output_tokens)];
        if let Some(cap) = cap.into_iter().flatten().min() {
            cap_output(editor, root, route, cap);
        }
        if call.stream && !call.stream_usage {
            match root.get("stream_options") {
                Some(options) => editor.set(options, "include_usage", "true"),
                None => editor.set(root, "stream_options", r#"{"include_usage":true}"#),
            }
        }
        if let Some(settings) = safe_mode {
            harden(editor, root, route, settings);
        }
    }
    for (from, to) in &route.rename {
        match (root.get(from), root.get(to)) {
            (Some(_), None) => drop(editor.rename(root, from, to)),
            // A null means absent; the provider does not know the name.
            (None, _) => drop(editor.remove(root, from)),
            (Some(_), Some(_)) => {}
        }
    }
    let left_out = route.drop_params.iter().filter(|key| root.get(key).is_some());
    left_out.cloned().collect()
}

fn is_dropped(route: &Route, key: &str) -> bool {
    route.drop_params.iter().any(|dropped| dropped == key)
}

/// The name under which the provider knows a parameter.
fn target_name<'r>(route: &'r Route, key: &'r str) -> &'r str {
    route.rename.iter().find(|(from, _)| from == key).map_or(key, |(_, to)| to)
}

/// Adds the route's defaults for what the caller does not state.
fn defaults(editor: &mut Editor<'_>, root: Value<'_>, route: &Route) {
    for (key, value) in &route.defaults {
        let name = target_name(route, key);
        if root.get(key).is_none() && root.get(name).is_none() {
            editor.set(root, name, &value.to_string());
        }
    }
}

/// The route's default for a parameter, by either of its names.
fn default<'r>(route: &'r Route, key: &str) -> Option<&'r serde_json::Value> {
    route.defaults.get(key).or_else(|| route.defaults.get(target_name(route, key)))
}

/// Holds the cap on output tokens, the caller's or the route's default, to `cap`, and sets one where there is none.
fn cap_output(editor: &mut Editor<'_>, root: Value<'_>, route: &Route, cap: u64) {
    let mut capped = false;
    for key in CAPS.into_iter().filter(|key| !is_dropped(route, key)) {
        let name = target_name(route, key);
        let mut stated = false;
        for value in [key, name].into_iter().filter_map(|key| Some((key, root.get(key)?))) {
            stated = true;
            if value.1.unsigned().is_none_or(|wish| wish > cap) {
                editor.set(root, value.0, &cap.to_string());
            }
        }
        if !stated && let Some(default) = default(route, key) {
            stated = true;
            if default.as_u64().is_none_or(|wish| wish > cap) {
                editor.set(root, name, &cap.to_string());
            }
        }
        capped |= stated;
    }
    // `max_tokens` is what most providers know, unless the route says otherwise.
    if !capped && let Some(key) = CAPS.into_iter().rev().find(|key| !is_dropped(route, key)) {
        editor.set(root, target_name(route, key), &cap.to_string());
    }
}

/// Takes tools away, the route's own included, lowers the temperature, adds the hardening instruction.
fn harden(editor: &mut Editor<'_>, root: Value<'_>, route: &Route, settings: &SafeMode) {
    for key in TOOLS {
        editor.remove(root, key);
        editor.remove(root, target_name(route, key));
    }
    let stated = root.get("temperature").map(Value::float);
    let wish = stated.unwrap_or_else(|| default(route, "temperature").and_then(serde_json::Value::as_f64));
    if !is_dropped(route, "temperature") && wish.is_none_or(|wish| wish > settings.temperature) {
        let name = if stated.is_some() { "temperature" } else { target_name(route, "temperature") };
        editor.set(root, name, &settings.temperature.to_string());
    }
    let Some(messages) = root.get("messages") else { return };
    // Many chat templates take one system message only, at the beginning: add to it where there is one.
    let system = messages.items().next().filter(|first| {
        first.get("role").is_some_and(|role| role.is_text("system") || role.is_text("developer"))
    });
    match system.and_then(|first| first.get("content")).filter(|content| content.kind() == NodeKind::String) {
        Some(content) => editor.append_text(content, &format!("\n\n{}", settings.instruction)),
        None => {
            let message = format!(r#"{{"role":"system","content":{}}}"#, quote(&settings.instruction));
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
        let dropped = apply(&mut editor, &call, &snapshot.route("demo").unwrap(), safe_mode);
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
