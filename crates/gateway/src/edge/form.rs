//! Forms (`multipart/form-data`, RFC 7578): the parts of a body within bounds, and a body from parts. What the parts
//! mean is the protocols' business. Bodies are never passed on as they came: two readers could see different parts in
//! the same bytes.

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyDataStream, Full};
use multer::{Constraints, Multipart, SizeLimit};

/// Most parts of one form.
const PARTS: usize = 64;

/// Most bytes of a part that is no file.
const FIELD: usize = 1 << 20;

/// Most bytes of a name.
const NAME: usize = 256;

/// A part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The name of its field.
    pub name: String,
    /// The name of its file; none where it is no file.
    pub file_name: Option<String>,
    /// What its content is, where it says so.
    pub content_type: Option<String>,
    /// Its content.
    pub content: Bytes,
}

/// Why a body is not an acceptable form.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// It does not say that it is one.
    #[error("the content-type is not multipart/form-data with a boundary")]
    NoForm,
    /// It cannot be read.
    #[error("the form cannot be read")]
    Malformed(#[source] multer::Error),
    /// It has too many parts.
    #[error("the form has more than {PARTS} parts")]
    TooManyParts,
    /// A part has no name, or one that two readers could read differently.
    #[error("a part of the form has no name, or not one of plain characters")]
    Name,
    /// A part that is no file is too large.
    #[error("a field of the form is larger than {FIELD} bytes")]
    FieldTooLarge,
}

/// Reads the parts of a body with this content type.
///
/// # Errors
/// When it is no form, or one beyond the bounds.
pub async fn read(content_type: Option<&str>, body: Bytes) -> Result<Vec<Part>, FormError> {
    let boundary =
        content_type.and_then(|text| multer::parse_boundary(text).ok()).ok_or(FormError::NoForm)?;
    let whole = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let bounds = Constraints::new().size_limit(SizeLimit::new().whole_stream(whole));
    let stream = BodyDataStream::new(Full::new(body));
    let mut form = Multipart::with_constraints(stream, boundary, bounds);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(FormError::Malformed)? {
        if parts.len() == PARTS {
            return Err(FormError::TooManyParts);
        }
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        if !is_name(&name) || !file_name.as_deref().is_none_or(is_file_name) {
            return Err(FormError::Name);
        }
        let content_type = field.content_type().map(ToString::to_string);
        let content = field.bytes().await.map_err(FormError::Malformed)?;
        if file_name.is_none() && content.len() > FIELD {
            return Err(FormError::FieldTooLarge);
        }
        parts.push(Part { name, file_name, content_type, content });
    }
    Ok(parts)
}

/// Whether a field's name is one that a protocol would give: some readers look for `filename=` anywhere.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b);
    (1..=NAME).contains(&name.len()) && name.bytes().all(plain)
}

/// Whether a file's name needs no escapes, which readers understand differently.
fn is_file_name(name: &str) -> bool {
    name.len() <= NAME && !name.contains(|c: char| c.is_control() || matches!(c, '"' | '\\'))
}

/// Writes parts as a body. `boundary` must be one that no caller can foresee.
pub fn write<'p>(parts: impl IntoIterator<Item = &'p Part>, boundary: &str) -> Bytes {
    let mut out = BytesMut::new();
    for part in parts {
        let mut head =
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"", quoted(&part.name));
        if let Some(file_name) = &part.file_name {
            head.push_str(&format!("; filename=\"{}\"", quoted(file_name)));
        }
        if let Some(content_type) = &part.content_type {
            head.push_str(&format!("\r\ncontent-type: {content_type}"));
        }
        head.push_str("\r\n\r\n");
        out.reserve(head.len() + part.content.len() + 2);
        out.put_slice(head.as_bytes());
        out.put_slice(&part.content);
        out.put_slice(b"\r\n");
    }
    out.put_slice(format!("--{boundary}--\r\n").as_bytes());
    out.freeze()
}

/// A name between quotes, as browsers write it (WHATWG HTML, section 4.10.21.8).
fn quoted(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Vec<Part>, FormError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read(content_type, Bytes::copy_from_slice(body)))
    }

    const TYPE: Option<&str> = Some("multipart/form-data; boundary=b");

    #[test]
    fn a_body_that_is_no_form_is_refused() {
        for content_type in [None, Some("application/json"), Some("multipart/form-data")] {
            assert!(matches!(parse(content_type, b"{}"), Err(FormError::NoForm)), "{content_type:?}");
        }
        for body in [&b""[..], b"{}", b"--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nx"] {
            assert!(matches!(parse(TYPE, body), Err(FormError::Malformed(_))), "{body:?}");
        }
        let nameless = b"--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--\r\n";
        assert!(matches!(parse(TYPE, nameless), Err(FormError::Name)));
        for names in [r#"name="a; filename=b""#, r#"name="a b""#, r#"name="a"; filename="b\c""#] {
            let body = format!("--b\r\ncontent-disposition: form-data; {names}\r\n\r\nx\r\n--b--\r\n");
            assert!(matches!(parse(TYPE, body.as_bytes()), Err(FormError::Name)), "{names}");
        }
    }

    #[test]
    fn parts_and_fields_are_bounded() {
        let field = |content: Bytes| Part { name: "a".into(), file_name: None, content_type: None, content };
        let many: Vec<Part> = (0..=PARTS).map(|_| field(Bytes::new())).collect();
        assert!(matches!(parse(TYPE, &write(&many, "b")), Err(FormError::TooManyParts)));
        let large = [field(vec![b'a'; FIELD + 1].into())];
        assert!(matches!(parse(TYPE, &write(&large, "b")), Err(FormError::FieldTooLarge)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            parts in prop::collection::vec(
                ("[a-z\\[\\]_]{1,9}", prop::option::of("[a-z. =;é%]{1,9}"), prop::collection::vec(any::<u8>(), 0..40)),
                1..9,
            ),
        ) {
            let parts: Vec<Part> = parts
                .into_iter()
                .map(|(name, file_name, content)| {
                    let content_type = file_name.is_some().then(|| "audio/mpeg".to_owned());
                    Part { name, file_name, content_type, content: content.into() }
                })
                .collect();
            let boundary = "flyball-0192f0c1";
            let content_type = format!("multipart/form-data; boundary={boundary}");
            prop_assert_eq!(parse(Some(&content_type), &write(&parts, boundary)).unwrap(), parts);
        }
    }
}
