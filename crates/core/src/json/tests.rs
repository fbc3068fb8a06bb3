//! The document against serde_json as an independent reader, and the editor against plain string surgery.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Document, JsonError> {
    Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default())
}

fn kind_of(text: &str) -> Option<JsonErrorKind> {
    parse(text).err().map(|error| error.kind)
}

#[test]
fn malformed_texts_are_refused_with_kind_and_place() {
    use JsonErrorKind::*;
    for (text, kind) in [
        ("", Truncated),
        ("{", Truncated),
        ("[1", Truncated),
        ("\"a", Truncated),
        ("{\"a\"}", Unexpected),
        ("{\"a\":1,}", Unexpected),
        ("[1,]", Unexpected),
        ("[,1]", Unexpected),
        ("[1 2]", Unexpected),
        ("{\"a\":1 \"b\":2}", Unexpected),
        ("{a:1}", Unexpected),
        ("[1}", Unexpected),
        ("nul", Truncated),
        ("nulx", Unexpected),
        ("01", Trailing),
        ("1 2", Trailing),
        ("-", Number),
        ("1.", Number),
        ("1e", Number),
        ("\"\\x\"", Escape),
        ("\"\\u12g4\"", Escape),
        ("\"\\ud800\"", Surrogate),
        ("\"\\udc00\"", Surrogate),
        ("\"\\ud800\\u0041\"", Surrogate),
        ("\"\n\"", Control),
        ("{\"a\":1,\"a\":2}", DuplicateKey),
        ("{\"a\":1,\"\\u0061\":2}", DuplicateKey),
    ] {
        assert_eq!(kind_of(text), Some(kind), "{text}");
    }
    assert_eq!(Document::parse(Bytes::from_static(b"\"\xff\""), Limits::default()).unwrap_err().offset, 1);
}

#[test]
fn duplicates_are_found_in_large_objects_too() {
    let members: Vec<String> = (0..40).map(|i| format!("\"k{i}\":{i}")).collect();
    assert_eq!(kind_of(&format!("{{{}}}", members.join(","))), None);
    assert_eq!(kind_of(&format!("{{{},\"k3\":0}}", members.join(","))), Some(JsonErrorKind::DuplicateKey));
}

#[test]
fn limits_hold() {
    let limits = Limits { depth: 3, nodes: 5 };
    let parse = |text: &'static str| Document::parse(Bytes::from_static(text.as_bytes()), limits);
    assert!(parse("[[[]]]").is_ok());
    assert_eq!(parse("[[[[]]]]").unwrap_err().kind, JsonErrorKind::TooDeep);
    assert!(parse("[1,2,3,4,5,6,7,8,9]").is_ok(), "numbers in arrays are not indexed");
    assert_eq!(parse("[\"\",\"\",\"\",\"\",\"\"]").unwrap_err().kind, JsonErrorKind::TooMany);
}

#[test]
fn members_items_and_texts_are_found() {
    let document = parse(r#"{"a":[{"b":"x\ny"},"z",1,true],"n":null,"u":7}"#).unwrap();
    let root = document.root();
    let array = root.get("a").unwrap();
    assert_eq!(array.items().count(), 2);
    assert!(array.holds_scalars());
    assert_eq!(array.items().next().unwrap().get("b").unwrap().text().unwrap(), "x\ny");
    assert!(root.get("n").is_none(), "null counts as absent");
    assert_eq!(root.get("u").unwrap().unsigned(), Some(7));
    assert_eq!(root.members().count(), 3);
}

#[test]
fn members_are_removed_and_added_with_their_commas() {
    for (source, remove, add, expected) in [
        (r#"{"a":1,"b":2,"c":3}"#, vec!["a"], vec![], r#"{"b":2,"c":3}"#),
        (r#"{"a":1,"b":2,"c":3}"#, vec!["b"], vec![], r#"{"a":1,"c":3}"#),
        (r#"{"a":1,"b":2,"c":3}"#, vec!["c"], vec![], r#"{"a":1,"b":2}"#),
        (r#"{"a":1,"b":2,"c":3}"#, vec!["b", "c"], vec![], r#"{"a":1}"#),
        (r#"{"a":1,"b":2,"c":3}"#, vec!["a", "c"], vec!["d"], r#"{"b":2,"d":0}"#),
        (r#"{"a":1, "b":2}"#, vec!["a", "b"], vec!["c", "d"], r#"{"c":0,"d":0}"#),
        (r#"{}"#, vec!["x"], vec!["a"], r#"{"a":0}"#),
        (r#"{"a":1}"#, vec![], vec!["a"], r#"{"a":0}"#),
    ] {
        let document = parse(source).unwrap();
        let mut editor = Editor::new(&document);
        for key in remove {
            editor.remove(document.root(), key);
        }
        for key in add {
            editor.set(document.root(), key, "0");
        }
        assert_eq!(editor.finish(), expected.as_bytes(), "{source}");
    }
}

#[test]
fn text_is_rewritten_across_escapes() {
    let document = parse(r#"{"t":"a\u00e9\ud83d\ude00 me@x.org \"q\""}"#).unwrap();
    let value = document.root().get("t").unwrap();
    let text = value.text().unwrap();
    let at = text.find("me@x.org").unwrap();
    let mut editor = Editor::new(&document);
    editor.rewrite_text(value, [(at..at + 8, "<\"email\">")]);
    assert_eq!(editor.finish(), r#"{"t":"a\u00e9\ud83d\ude00 <\"email\"> \"q\""}"#.as_bytes());
}

#[test]
fn items_and_text_are_added() {
    let document = parse(r#"{"m":[{"c":"x"}],"e":[]}"#).unwrap();
    let root = document.root();
    let mut editor = Editor::new(&document);
    editor.prepend_item(root.get("m").unwrap(), "1");
    editor.prepend_item(root.get("e").unwrap(), "2");
    let content = root.get("m").unwrap().items().next().unwrap().get("c").unwrap();
    editor.append_text(content, "\ny");
    assert_eq!(editor.finish(), r#"{"m":[1,{"c":"x\ny"}],"e":[2]}"#.as_bytes());
}

pub(super) fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(|x| serde_json::json!(x)),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::Array),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn valid_texts_are_accepted_and_strings_agree(value in any_json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let document = parse(&text).unwrap();
            for found in document.values() {
                if let Some(text) = found.text() {
                    prop_assert_eq!(text, serde_json::from_str::<String>(found.raw()).unwrap());
                }
            }
        }
    }

    #[test]
    fn what_serde_refuses_is_refused(text in r#"[\[\]{}",:0-9a-u\\ .eE+-]{0,24}"#) {
        if parse(&text).is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn mutated_texts_are_judged_as_serde_judges_them(value in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = value.to_string().into_bytes();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        let ours = Document::parse(Bytes::from(bytes.clone()), Limits::default());
        let theirs = serde_json::from_slice::<serde_json::Value>(&bytes);
        match ours {
            Ok(_) => prop_assert!(theirs.is_ok() || theirs.unwrap_err().to_string().contains("out of range")),
            Err(error) if matches!(error.kind, JsonErrorKind::DuplicateKey) => {}
            Err(_) => prop_assert!(theirs.is_err()),
        }
    }

    #[test]
    fn quoting_is_undone_by_reading(text in any::<String>()) {
        let document = parse(&quote(&text)).unwrap();
        prop_assert_eq!(document.root().text().unwrap(), text);
    }

    #[test]
    fn rewriting_touches_nothing_else(before in any::<String>(), secret in "[a-z@.]{1,20}", after in any::<String>()) {
        let whole = format!("{before}{secret}{after}");
        let document = parse(&format!("{{\"k\":{}}}", serde_json::Value::from(whole))).unwrap();
        let value = document.root().get("k").unwrap();
        let mut editor = Editor::new(&document);
        editor.rewrite_text(value, [(before.len()..before.len() + secret.len(), "<x>")]);
        let changed = Document::parse(editor.finish(), Limits::default()).unwrap();
        prop_assert_eq!(changed.root().get("k").unwrap().text().unwrap(), format!("{before}<x>{after}"));
    }
}

/// A change to the outermost object, or to whatever value the index names.
#[derive(Clone, Debug)]
enum Change {
    Set(String, i64),
    Remove(String),
    Rename(String, String),
    Replace(prop::sample::Index),
    Rewrite(prop::sample::Index),
    Append(prop::sample::Index),
    Prepend(prop::sample::Index),
}

fn any_change() -> impl Strategy<Value = Change> {
    let key = || "[abc]";
    prop_oneof![
        (key(), any::<i64>()).prop_map(|(key, value)| Change::Set(key, value)),
        key().prop_map(Change::Remove),
        (key(), key()).prop_map(|(key, name)| Change::Rename(key, name)),
        any::<prop::sample::Index>().prop_map(Change::Replace),
        any::<prop::sample::Index>().prop_map(Change::Rewrite),
        any::<prop::sample::Index>().prop_map(Change::Append),
        any::<prop::sample::Index>().prop_map(Change::Prepend),
    ]
}

fn keyed(members: Vec<(String, serde_json::Value)>) -> serde_json::Value {
    serde_json::Value::Object(members.into_iter().collect())
}

proptest! {
    #[test]
    fn whatever_is_changed_the_text_stays_json(
        members in prop::collection::vec(("[abcd]", any_json()), 0..5),
        changes in prop::collection::vec(any_change(), 0..12),
        pretty in any::<bool>(),
    ) {
        let value = keyed(members);
        let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let document = parse(&text).unwrap();
        let mut editor = Editor::new(&document);
        for change in changes {
            let pick = |at: prop::sample::Index, kind| {
                let those: Vec<_> = document.values().filter(|value| value.kind() == kind).collect();
                (!those.is_empty()).then(|| those[at.index(those.len())])
            };
            match change {
                Change::Set(key, value) => editor.set(document.root(), &key, &value.to_string()),
                Change::Remove(key) => drop(editor.remove(document.root(), &key)),
                Change::Rename(key, name) => drop(editor.rename(document.root(), &key, &name)),
                Change::Replace(at) => {
                    let Some(value) = pick(at, NodeKind::String) else { continue };
                    editor.replace(value, "[7]");
                }
                Change::Rewrite(at) => {
                    let Some(value) = pick(at, NodeKind::String) else { continue };
                    let length = value.text().unwrap().len();
                    editor.rewrite_text(value, [(0..length, "\"<x>\\")]);
                }
                Change::Append(at) => {
                    let Some(value) = pick(at, NodeKind::String) else { continue };
                    editor.append_text(value, "\n\u{1}");
                }
                Change::Prepend(at) => {
                    let Some(value) = pick(at, NodeKind::Array) else { continue };
                    editor.prepend_item(value, "{}");
                }
            }
        }
        let changed = editor.finish();
        prop_assert!(Document::parse(changed.clone(), Limits::default()).is_ok(), "{:?}", changed);
    }

    #[test]
    fn members_end_as_the_changes_say_one_after_the_other(
        members in prop::collection::vec(("[abcd]", any::<i64>()), 0..5),
        changes in prop::collection::vec(any_change(), 0..12),
    ) {
        let value = keyed(members.into_iter().map(|(key, value)| (key, value.into())).collect());
        let document = parse(&value.to_string()).unwrap();
        let mut editor = Editor::new(&document);
        let mut expected = value.as_object().unwrap().clone();
        // Only members of the document can be renamed; what an editor adds has its name already.
        let mut own: Vec<String> = expected.keys().cloned().collect();
        for change in changes {
            match change {
                Change::Set(key, value) => {
                    editor.set(document.root(), &key, &value.to_string());
                    expected.insert(key, value.into());
                }
                Change::Remove(key) => {
                    prop_assert_eq!(editor.remove(document.root(), &key), expected.remove(&key).is_some());
                    own.retain(|own| *own != key);
                }
                Change::Rename(key, name) if own.contains(&key) => {
                    prop_assert!(editor.rename(document.root(), &key, &name));
                    let value = expected.remove(&key).unwrap();
                    expected.insert(name.clone(), value);
                    own.retain(|own| *own != key && *own != name);
                    own.push(name);
                }
                _ => {}
            }
        }
        let changed: serde_json::Value = serde_json::from_slice(&editor.finish()).unwrap();
        prop_assert_eq!(changed, serde_json::Value::Object(expected));
    }
}
