//! From a request's document, as decision and route have left it, to the body that leaves us: the same bytes, or the
//! form, or the request that the document was made of.

use bytes::Bytes;
use http::HeaderValue;

use super::reread;
use crate::edge::form;
use crate::exchange::Exchange;
use crate::protocols::openai::transcriptions;
use crate::protocols::passthrough::address::Address;
use crate::protocols::passthrough::{self, Passed};
use crate::refusal::{Kind, Refusal};

/// A body, and what it is; none: JSON.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) body: Bytes,
    pub(super) content_type: Option<HeaderValue>,
    /// Where it goes, if the caller says so.
    pub(super) address: Option<Address>,
}

/// Writes a request anew in the form that it came in.
pub(super) fn write(exchange: &mut Exchange, document: &Bytes) -> Result<Written, Refusal> {
    if let Some(passing) = exchange.passing.take() {
        let Passed { address, body, content_type } = passthrough::close(&reread(document.clone())?, passing)?;
        return Ok(Written { body, content_type, address: Some(address) });
    }
    let Some(recording) = exchange.recording.take() else {
        return Ok(Written { body: document.clone(), content_type: None, address: None });
    };
    let parts = transcriptions::close(&reread(document.clone())?, recording);
    // The salt is random and nobody outside has it yet.
    let salt: String = exchange.salt.iter().map(|byte| format!("{byte:02x}")).collect();
    let boundary = format!("flyball-{salt}");
    let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"))
        .map_err(|error| Refusal::new(Kind::Internal, "The form could not be rebuilt.").because(error))?;
    Ok(Written { body: form::write(&parts, &boundary), content_type: Some(content_type), address: None })
}
