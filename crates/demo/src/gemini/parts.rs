//! The parts of a turn: which kinds there are and what each must hold.

use serde_json::{Map, Value};

use super::fields::Fields;
use super::refused::Refused;
use crate::thought;

/// The fields of a part of which exactly one must be set.
const DATA: [&str; 7] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
];

const KNOWN: [&str; 12] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "thought",
    "thoughtSignature",
    "videoMetadata",
    "mediaResolution",
    "partMetadata",
];

/// Signatures that Google documents for calls that no model of theirs made.
const STAND_INS: [&str; 2] = ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"];

/// One part.
#[derive(Debug)]
pub(super) enum Part<'v> {
    Text(&'v str),
    Thought(&'v str),
    /// A picture, a sound, a video or a file, by its name in a chat's parts.
    Medium(&'static str),
    Call {
        id: Option<&'v str>,
        name: &'v str,
        arguments: Map<String, Value>,
    },
    Response {
        id: Option<&'v str>,
        name: &'v str,
        text: String,
    },
}

impl<'v> Part<'v> {
    /// Reads the part at `at`.
    pub(super) fn read(value: &'v Value, at: &str) -> Result<Self, Refused> {
        let fields = Fields::read(value, at, &KNOWN)?;
        let mut set = DATA.into_iter().filter(|name| fields.get(name).is_some());
        let Some(data) = set.next() else {
            return Err(Refused::field(
                &fields.path("data"),
                "required oneof field 'data' must have one initialized field",
            ));
        };
        if let Some(second) = set.next() {
            return Err(Refused::invalid(format!(
                "Invalid value at '{at}' (oneof), oneof field 'data' is already set. Cannot set '{second}'"
            )));
        }
        if let Some(signature) = fields.bytes("thoughtSignature")?
            && !STAND_INS.contains(&signature)
            && !thought::is_genuine(signature)
        {
            return Err(Refused::invalid("Corrupted thought signature."));
        }
        let thought = fields.flag("thought")?.unwrap_or(false);
        for name in ["videoMetadata", "partMetadata"] {
            fields.object(name)?;
        }
        let path = fields.path(data);
        match (data, fields.get(data)) {
            ("text", _) => {
                let text = fields.text("text")?.unwrap_or_default();
                Ok(if thought { Part::Thought(text) } else { Part::Text(text) })
            }
            ("inlineData", Some(value)) => {
                let blob = Fields::read(value, &path, &["mimeType", "data", "displayName"])?;
                let data = blob.bytes("data")?.filter(|data| !data.is_empty());
                data.ok_or_else(|| Refused::field(&blob.path("data"), "required field is not set."))?;
                medium(&blob, true)
            }
            ("fileData", Some(value)) => {
                let file = Fields::read(value, &path, &["mimeType", "fileUri", "displayName"])?;
                let uri = file.text("fileUri")?.filter(|uri| !uri.is_empty());
                uri.ok_or_else(|| Refused::field(&file.path("fileUri"), "required field is not set."))?;
                medium(&file, false)
            }
            ("functionCall", Some(value)) => call(value, &path),
            ("functionResponse", Some(value)) => response(value, &path),
            ("executableCode", Some(value)) => {
                let code = Fields::read(value, &path, &["language", "code", "id"])?;
                Ok(Part::Text(code.text("code")?.unwrap_or_default()))
            }
            (_, Some(value)) => {
                let result = Fields::read(value, &path, &["outcome", "output", "id"])?;
                Ok(Part::Text(result.text("output")?.unwrap_or_default()))
            }
            (_, None) => Err(Refused::field(&path, "required field is not set.")),
        }
    }
}

/// What a chat calls content of this type.
fn medium<'v>(fields: &Fields<'v>, required: bool) -> Result<Part<'v>, Refused> {
    let Some(mime) = fields.text("mimeType")?.filter(|mime| !mime.is_empty()) else {
        if required {
            return Err(Refused::field(&fields.path("mimeType"), "required field is not set."));
        }
        return Ok(Part::Medium("file"));
    };
    match mime.split_once('/') {
        Some(("image", "png" | "jpeg" | "jpg" | "webp" | "heic" | "heif" | "gif")) => {
            Ok(Part::Medium("image_url"))
        }
        Some(("audio", _)) => Ok(Part::Medium("input_audio")),
        Some(("video", _)) => Ok(Part::Medium("video_url")),
        Some(("application", "pdf" | "json" | "rtf" | "x-javascript" | "x-python")) | Some(("text", _)) => {
            Ok(Part::Medium("file"))
        }
        _ => Err(Refused::invalid(format!("Unsupported MIME type at '{}'.", fields.path("mimeType")))),
    }
}

fn call<'v>(value: &'v Value, at: &str) -> Result<Part<'v>, Refused> {
    let fields = Fields::read(value, at, &["id", "name", "args"])?;
    let arguments = fields.object("args")?.cloned().unwrap_or_default();
    Ok(Part::Call { id: fields.text("id")?, name: name(&fields)?, arguments })
}

fn response<'v>(value: &'v Value, at: &str) -> Result<Part<'v>, Refused> {
    let known = ["id", "name", "response", "willContinue", "scheduling", "parts"];
    let fields = Fields::read(value, at, &known)?;
    let response = fields.object("response")?;
    let response =
        response.ok_or_else(|| Refused::field(&fields.path("response"), "required field is not set."))?;
    fields.list("parts")?;
    Ok(Part::Response { id: fields.text("id")?, name: name(&fields)?, text: result(response) })
}

fn name<'v>(fields: &Fields<'v>) -> Result<&'v str, Refused> {
    let name = fields.text("name")?.filter(|name| !name.is_empty());
    name.ok_or_else(|| Refused::field(&fields.path("name"), "Name cannot be empty."))
}

/// What a function said. Google names the members `output` and `result` for it; an object of other members is the
/// answer itself.
fn result(response: &Map<String, Value>) -> String {
    let mut members = response.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) if matches!(name.as_str(), "output" | "result") => match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        },
        _ => Value::Object(response.clone()).to_string(),
    }
}
