//! Settings of providers: where they are, what they speak, with which keys they are called.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::SecretRef;
use super::service_account::AccountFile;

/// Something that answers model calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Provider {
    /// The built-in demo model: deterministic, without network or key.
    Demo(Demo),
    /// Whatever speaks OpenAI's protocol: OpenAI itself, vLLM, llama.cpp and many more.
    Openai(OpenAi),
    /// OpenAI's models on Azure: a route's `model` is the deployment.
    AzureOpenai(AzureOpenAi),
    /// Anthropic, and whatever speaks its messages.
    Anthropic(Anthropic),
    /// Google's Gemini API.
    Gemini(Gemini),
    /// Gemini on Vertex AI.
    Vertex(Vertex),
    /// Amazon Bedrock, through its Converse API.
    Bedrock(Bedrock),
    /// Mistral.
    Mistral(OpenAiLike),
    /// Cohere, through its OpenAI-compatible API.
    Cohere(OpenAiLike),
    /// Groq.
    Groq(OpenAiLike),
    /// Ollama, on this machine unless `base_url` says otherwise.
    Ollama(OpenAiLike),
    /// OpenRouter.
    Openrouter(OpenAiLike),
}

impl Provider {
    /// The name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Provider::Demo(_) => "demo",
            Provider::Openai(_) => "openai",
            Provider::AzureOpenai(_) => "azure-openai",
            Provider::Anthropic(_) => "anthropic",
            Provider::Gemini(_) => "gemini",
            Provider::Vertex(_) => "vertex",
            Provider::Bedrock(_) => "bedrock",
            Provider::Mistral(_) => "mistral",
            Provider::Cohere(_) => "cohere",
            Provider::Groq(_) => "groq",
            Provider::Ollama(_) => "ollama",
            Provider::Openrouter(_) => "openrouter",
        }
    }

    /// Where it is, where that is set or known.
    pub fn base_url(&self) -> Option<&str> {
        match self {
            Provider::Demo(_) => None,
            Provider::Openai(openai) => Some(&openai.base_url),
            Provider::AzureOpenai(azure) => Some(&azure.base_url),
            Provider::Anthropic(anthropic) => Some(&anthropic.base_url),
            Provider::Gemini(gemini) => Some(&gemini.base_url),
            Provider::Vertex(vertex) => vertex.base_url.as_deref(),
            Provider::Bedrock(bedrock) => bedrock.base_url.as_deref(),
            Provider::Mistral(like)
            | Provider::Cohere(like)
            | Provider::Groq(like)
            | Provider::Ollama(like)
            | Provider::Openrouter(like) => like.base_url.as_deref(),
        }
    }

    /// The same, to be changed; none where it is not set.
    pub(super) fn base_url_mut(&mut self) -> Option<&mut String> {
        match self {
            Provider::Demo(_) => None,
            Provider::Openai(openai) => Some(&mut openai.base_url),
            Provider::AzureOpenai(azure) => Some(&mut azure.base_url),
            Provider::Anthropic(anthropic) => Some(&mut anthropic.base_url),
            Provider::Gemini(gemini) => Some(&mut gemini.base_url),
            Provider::Vertex(vertex) => vertex.base_url.as_mut(),
            Provider::Bedrock(bedrock) => bedrock.base_url.as_mut(),
            Provider::Mistral(like)
            | Provider::Cohere(like)
            | Provider::Groq(like)
            | Provider::Ollama(like)
            | Provider::Openrouter(like) => like.base_url.as_mut(),
        }
    }

    /// Headers that every call carries.
    pub fn headers(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Provider::Demo(_) => None,
            Provider::Openai(openai) => Some(&openai.headers),
            Provider::AzureOpenai(azure) => Some(&azure.headers),
            Provider::Anthropic(anthropic) => Some(&anthropic.headers),
            Provider::Gemini(gemini) => Some(&gemini.headers),
            Provider::Vertex(vertex) => Some(&vertex.headers),
            Provider::Bedrock(bedrock) => Some(&bedrock.headers),
            Provider::Mistral(like)
            | Provider::Cohere(like)
            | Provider::Groq(like)
            | Provider::Ollama(like)
            | Provider::Openrouter(like) => Some(&like.headers),
        }
    }

    /// Its secrets, each with the name of its setting.
    pub(super) fn secrets_mut(&mut self) -> Vec<(&'static str, &mut SecretRef)> {
        match self {
            Provider::Demo(_) => Vec::new(),
            Provider::Openai(OpenAi { api_key, api_keys, .. })
            | Provider::AzureOpenai(AzureOpenAi { api_key, api_keys, .. })
            | Provider::Anthropic(Anthropic { api_key, api_keys, .. })
            | Provider::Gemini(Gemini { api_key, api_keys, .. })
            | Provider::Mistral(OpenAiLike { api_key, api_keys, .. })
            | Provider::Cohere(OpenAiLike { api_key, api_keys, .. })
            | Provider::Groq(OpenAiLike { api_key, api_keys, .. })
            | Provider::Ollama(OpenAiLike { api_key, api_keys, .. })
            | Provider::Openrouter(OpenAiLike { api_key, api_keys, .. }) => {
                let first = api_key.iter_mut().map(|key| ("api_key", key));
                first.chain(api_keys.iter_mut().map(|key| ("api_keys", key))).collect()
            }
            Provider::Vertex(Vertex { access_token, .. }) => {
                access_token.iter_mut().map(|token| ("access_token", token)).collect()
            }
            Provider::Bedrock(bedrock) => {
                let settings = [
                    ("access_key_id", &mut bedrock.access_key_id),
                    ("secret_access_key", &mut bedrock.secret_access_key),
                    ("session_token", &mut bedrock.session_token),
                    ("api_key", &mut bedrock.api_key),
                ];
                let set = settings.into_iter().filter_map(|(name, secret)| Some((name, secret.as_mut()?)));
                set.collect()
            }
        }
    }
}

/// Settings of the demo provider: none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Demo {}

/// Settings of a provider that speaks OpenAI's protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenAi {
    /// The URL before `/chat/completions`.
    #[serde(default = "openai_url")]
    #[schemars(extend("format" = "base-url"))]
    pub base_url: String,
    /// The key that the provider wants. Absent: none is sent.
    #[serde(default)]
    pub api_key: Option<SecretRef>,
    /// Further keys. Each call takes the one that was used least; one that is told to slow down (429) rests.
    #[serde(default)]
    pub api_keys: Vec<SecretRef>,
    /// The dialects that it speaks besides chat completions; calls in others are translated into these. Absent:
    /// `responses` at api.openai.com, `completions` elsewhere.
    #[serde(default)]
    pub native: Option<Vec<Native>>,
    /// Headers that every call to this provider carries.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = { "format": "header-name" },
        "additionalProperties" = { "type": "string", "format": "header-value" }
    ))]
    pub headers: BTreeMap<String, String>,
}

/// A dialect of OpenAI's besides chat completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Native {
    /// `/responses`
    Responses,
    /// `/completions`
    Completions,
}

/// Settings of OpenAI's models on Azure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureOpenAi {
    /// The resource, as `https://NAME.openai.azure.com`.
    #[schemars(extend("format" = "base-url"))]
    pub base_url: String,
    /// The key that the provider wants. Absent: none is sent.
    #[serde(default)]
    pub api_key: Option<SecretRef>,
    /// Further keys. Each call takes the one that was used least; one that is told to slow down (429) rests.
    #[serde(default)]
    pub api_keys: Vec<SecretRef>,
    /// The `api-version` of each URL, as `2024-10-21`.
    #[schemars(extend("format" = "api-version"))]
    pub api_version: String,
    /// Headers that every call to this provider carries.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = { "format": "header-name" },
        "additionalProperties" = { "type": "string", "format": "header-value" }
    ))]
    pub headers: BTreeMap<String, String>,
}

/// Settings of a provider whose protocol is like OpenAI's; where it differs, we know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenAiLike {
    /// The URL before `/chat/completions`. Absent: the provider's own.
    #[serde(default)]
    #[schemars(extend("format" = "base-url"))]
    pub base_url: Option<String>,
    /// The key that the provider wants. Absent: none is sent.
    #[serde(default)]
    pub api_key: Option<SecretRef>,
    /// Further keys. Each call takes the one that was used least; one that is told to slow down (429) rests.
    #[serde(default)]
    pub api_keys: Vec<SecretRef>,
    /// Headers that every call to this provider carries.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = { "format": "header-name" },
        "additionalProperties" = { "type": "string", "format": "header-value" }
    ))]
    pub headers: BTreeMap<String, String>,
}

/// Settings of Anthropic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Anthropic {
    /// The URL before `/v1/messages`.
    #[serde(default = "anthropic_url")]
    #[schemars(extend("format" = "base-url"))]
    pub base_url: String,
    /// The key that the provider wants. Absent: none is sent.
    #[serde(default)]
    pub api_key: Option<SecretRef>,
    /// Further keys. Each call takes the one that was used least; one that is told to slow down (429) rests.
    #[serde(default)]
    pub api_keys: Vec<SecretRef>,
    /// The `anthropic-version` of calls whose caller names none.
    #[serde(default = "anthropic_version")]
    #[schemars(extend("format" = "api-version"))]
    pub version: String,
    /// Headers that every call to this provider carries.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = { "format": "header-name" },
        "additionalProperties" = { "type": "string", "format": "header-value" }
    ))]
    pub headers: BTreeMap<String, String>,
}

/// Settings of Google's Gemini API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gemini {
    /// The URL before `/v1beta/models`.
    #[serde(default = "gemini_url")]
    #[schemars(extend("format" = "base-url"))]
    pub base_url: String,
    /// The key that the provider wants. Absent: none is sent.
    #[serde(default)]
    pub api_key: Option<SecretRef>,
    /// Further keys. Each call takes the one that was used least; one that is told to slow down (429) rests.
    #[serde(default)]
    pub api_keys: Vec<SecretRef>,
    /// Headers that every call to this provider carries.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = { "format": "header-name" },
        "additionalProperties" = { "type": "string", "format": "header-value" }
    ))]
    pub headers: BTreeMap<String, String>,
}

/// Settings of Gemini on Vertex AI.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vertex {
    /// The project's id.
    #[schemars(extend("format" = "name"))]
    pub project: String,
    /// The location, as `europe-west4` or `global`.
    #[schemars(extend("format" = "name"))]
    pub location: String,
    /// An OAuth access token; somebody else keeps it fresh, in a file that is read again when it changes.
    #[serde(default)]
    pub access_token: Option<SecretRef>,
    /// The JSON key of a service account, in place of a token: the file that Google's console makes.
    #[serde(default)]
    pub credentials: Option<AccountFile>,
    /// The URL before `/v1/projects`. Absent: that of the location.
    #[serde(default)]
    #[schemars(extend("format" = "base-url"))]
    pub base_url: Option<String>,
    /// Headers that every call to this provider carries.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = { "format": "header-name" },
        "additionalProperties" = { "type": "string", "format": "header-value" }
    ))]
    pub headers: BTreeMap<String, String>,
}

/// Settings of Amazon Bedrock. Calls are signed with the access key, or carry the API key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bedrock {
    /// The region, as `eu-central-1`.
    #[schemars(extend("format" = "name"))]
    pub region: String,
    /// The id of an access key.
    #[serde(default)]
    pub access_key_id: Option<SecretRef>,
    /// Its secret.
    #[serde(default)]
    pub secret_access_key: Option<SecretRef>,
    /// The session's token, for temporary access keys.
    #[serde(default)]
    pub session_token: Option<SecretRef>,
    /// A Bedrock API key, in place of an access key.
    #[serde(default)]
    pub api_key: Option<SecretRef>,
    /// The URL before `/model`. Absent: that of the region.
    #[serde(default)]
    #[schemars(extend("format" = "base-url"))]
    pub base_url: Option<String>,
    /// Headers that every call to this provider carries.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = { "format": "header-name" },
        "additionalProperties" = { "type": "string", "format": "header-value" }
    ))]
    pub headers: BTreeMap<String, String>,
}

fn openai_url() -> String {
    "https://api.openai.com/v1".to_owned()
}

fn anthropic_url() -> String {
    "https://api.anthropic.com".to_owned()
}

fn anthropic_version() -> String {
    "2023-06-01".to_owned()
}

fn gemini_url() -> String {
    "https://generativelanguage.googleapis.com".to_owned()
}

pub(super) fn default_providers() -> BTreeMap<String, Provider> {
    BTreeMap::from([("demo".to_owned(), Provider::Demo(Demo {}))])
}
