//! Secrets by reference. The configuration names where a secret is kept; the value is fetched at load and can be
//! read by the code that sends it, but not printed: `Debug` and `Serialize` show the reference only.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest secret, in bytes.
const LARGEST: u64 = 16 * 1024;

/// Why a secret is not to be had. Never holds the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// A literal stands where a reference is wanted.
    #[error(
        "a secret must not stand in the configuration: write env:NAME or file:/path and keep the value there"
    )]
    Literal,
    /// The variable is not set.
    #[error("the environment variable {0} is not set: set it, or remove the key")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("the file {0} cannot be read ({1}): create it, or correct the path")]
    NoFile(PathBuf, String),
    /// The value is empty, too large, or has characters that no header can carry.
    #[error(
        "the value behind {0} is not a secret: one line of 1 to 16384 visible ASCII characters is wanted"
    )]
    Unusable(String),
}

/// Where a secret is kept.
#[derive(Clone, PartialEq, Eq)]
enum Reference {
    Variable(String),
    File(PathBuf),
}

/// A reference to a secret, `env:NAME` or `file:/path`, and the value it was resolved to at load.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretRef {
    reference: Reference,
    value: Option<Arc<str>>,
}

impl SecretRef {
    /// Reads a reference; nothing is fetched yet.
    ///
    /// # Errors
    /// [`SecretError::Literal`] for anything that is not `env:NAME` or `file:/path`.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let reference = match text.split_once(':') {
            Some(("env", name)) if is_variable_name(name) => Reference::Variable(name.to_owned()),
            Some(("file", path)) if !path.is_empty() && !path.contains('\0') => Reference::File(path.into()),
            _ => return Err(SecretError::Literal),
        };
        Ok(SecretRef { reference, value: None })
    }

    /// Fetches the value.
    ///
    /// # Errors
    /// The variable or file does not exist, or what it holds cannot be a secret.
    pub(super) fn resolve(&mut self, environment: &BTreeMap<String, String>) -> Result<(), SecretError> {
        let raw = match &self.reference {
            Reference::Variable(name) => {
                environment.get(name).cloned().ok_or_else(|| SecretError::NoVariable(name.clone()))?
            }
            Reference::File(path) => read(path)?,
        };
        let value = raw.trim_end_matches(['\r', '\n']);
        if value.is_empty()
            || value.len() as u64 > LARGEST
            || !value.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(SecretError::Unusable(self.to_string()));
        }
        self.value = Some(value.into());
        Ok(())
    }

    /// The secret, for the one place that sends it. Empty only before load has resolved it, which no code outside
    /// the loader sees.
    pub fn expose(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }

    /// The file that holds it, when it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.reference {
            Reference::File(path) => Some(path),
            Reference::Variable(_) => None,
        }
    }

    /// A relative file becomes one under `folder`.
    pub(super) fn under(text: &str, folder: &Path) -> String {
        match text.strip_prefix("file:") {
            Some(path) => format!("file:{}", folder.join(path).display()),
            None => text.to_owned(),
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn read(path: &Path) -> Result<String, SecretError> {
    let missing = |error: std::io::Error| SecretError::NoFile(path.to_path_buf(), error.to_string());
    let length = std::fs::metadata(path).map_err(missing)?.len();
    if length > LARGEST {
        return Err(SecretError::Unusable(format!("file:{}", path.display())));
    }
    std::fs::read_to_string(path).map_err(missing)
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reference {
            Reference::Variable(name) => write!(f, "env:{name}"),
            Reference::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretRef({self})")
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        SecretRef::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "secret-reference", "pattern": "^(env|file):." })
    }
}
