//! The file of a Google service account: who it is, the key that it signs with, where it asks for tokens. Read and
//! tried at load, so that a file that cannot work is a mistake of the configuration. Asking is the provider's.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Uri;
use jsonwebtoken::{Algorithm, EncodingKey};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest file, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Why a file is of no use. Never holds what the file holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AccountError {
    /// It cannot be read.
    #[error("the file {0} cannot be read ({1})")]
    Unreadable(PathBuf, String),
    /// It is something else.
    #[error("the file {0} is not the JSON key of a service account: {1}")]
    NoAccount(PathBuf, &'static str),
}

/// A service account that can sign.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// Its address, which is its name.
    pub client_email: String,
    /// The id of its key, if the file tells.
    pub key_id: Option<String>,
    /// The key. It does not show itself when printed.
    pub key: EncodingKey,
    /// Where it asks for tokens.
    pub token_uri: Uri,
}

impl PartialEq for ServiceAccount {
    fn eq(&self, other: &Self) -> bool {
        let named = |account: &Self| (account.client_email.clone(), account.key_id.clone());
        named(self) == named(other)
            && self.key.as_bytes() == other.key.as_bytes()
            && self.token_uri == other.token_uri
    }
}

/// The path of the file, and the account that was read from it at load.
#[derive(Clone, PartialEq)]
pub struct AccountFile {
    path: PathBuf,
    account: Option<Arc<ServiceAccount>>,
}

/// What counts in the file. Google's own names.
#[derive(Deserialize)]
struct Content {
    #[serde(rename = "type")]
    kind: Option<String>,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

impl AccountFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The account. None only before load has read it, which no code outside the loader sees.
    pub fn account(&self) -> Option<Arc<ServiceAccount>> {
        self.account.clone()
    }

    /// Reads the file and signs with its key once.
    pub(super) fn resolve(&mut self) -> Result<(), AccountError> {
        let unreadable =
            |error: std::io::Error| AccountError::Unreadable(self.path.clone(), error.to_string());
        let length = std::fs::metadata(&self.path).map_err(unreadable)?.len();
        let unfit = |reason| AccountError::NoAccount(self.path.clone(), reason);
        if length > LARGEST {
            return Err(unfit("it is larger than 64 KiB"));
        }
        let text = std::fs::read(&self.path).map_err(unreadable)?;
        let account = read(&text).map_err(unfit)?;
        self.account = Some(Arc::new(account));
        Ok(())
    }
}

fn read(text: &[u8]) -> Result<ServiceAccount, &'static str> {
    let content: Content = serde_json::from_slice(text).map_err(|_| "it is not a JSON object of texts")?;
    if content.kind.is_some_and(|kind| kind != "service_account") {
        return Err("its 'type' is not 'service_account'");
    }
    let client_email =
        content.client_email.filter(|email| !email.is_empty()).ok_or("'client_email' is missing")?;
    let pem = content.private_key.ok_or("'private_key' is missing")?;
    let token_uri = content.token_uri.ok_or("'token_uri' is missing")?;
    let unsigned = "'private_key' is not an RSA key in PEM form";
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| unsigned)?;
    jsonwebtoken::crypto::sign(b"", &key, Algorithm::RS256).map_err(|_| unsigned)?;
    let token_uri = address(&token_uri).ok_or("'token_uri' is not an http or https URL")?;
    Ok(ServiceAccount { client_email, key_id: content.private_key_id, key, token_uri })
}

fn address(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("https" | "http"));
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    (known && plain).then_some(uri)
}

impl fmt::Debug for AccountFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountFile({self})")
    }
}

impl fmt::Display for AccountFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Serialize for AccountFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AccountFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        Ok(AccountFile { path, account: None })
    }
}

impl JsonSchema for AccountFile {
    fn schema_name() -> Cow<'static, str> {
        "AccountFile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "path" })
    }
}
