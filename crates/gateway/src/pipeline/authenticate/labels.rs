//! What a caller says to sort its own calls by: tags and a session. They are counted and recorded, and decide nothing.

use flyball_core::Principal;
use http::HeaderMap;

use crate::exchange::Exchange;
use crate::pseudonyms::Of;
use crate::refusal::{Kind, Refusal};

/// The header that names tags, joined by commas.
pub(super) const TAGS: &str = "x-flyball-tags";

/// The header that names the session. It is recorded as a pseudonym.
pub(super) const SESSION: &str = "x-flyball-session";

/// Tags of one call at most.
const MOST: usize = 8;

/// Bytes of a tag at most.
const LONGEST: usize = 48;

/// Reads tags and session.
///
/// # Errors
/// When a tag is not one: tags are recorded as they are, so they must not be able to hold much.
pub(super) fn read(
    exchange: &mut Exchange,
    principal: &Principal,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    if let Some(value) = headers.get(SESSION)
        && let Some(tenant) = &principal.tenant
        && !value.is_empty()
    {
        let name = value.to_str().map_err(|_| {
            Refusal::new(Kind::InvalidField, format!("'{SESSION}' must be ASCII.")).at(SESSION)
        })?;
        exchange.session = exchange.gateway.pseudonyms.of(tenant, Of::Session, name);
    }
    for value in headers.get_all(TAGS) {
        let value = value.to_str().unwrap_or("?");
        for tag in value.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            if !is_tag(tag) || exchange.tags.len() == MOST {
                let message = format!(
                    "'{TAGS}' takes up to {MOST} tags of a-z, 0-9 and '_.:=/-', at most {LONGEST} long, with a \
                     letter first."
                );
                return Err(Refusal::new(Kind::InvalidField, message).at(TAGS));
            }
            if !exchange.tags.iter().any(|known| known == tag) {
                exchange.tags.push(tag.to_owned());
            }
        }
    }
    exchange.tags.sort_unstable();
    Ok(())
}

/// Whether a text is a tag. Neither an address nor a telephone or card number is one.
fn is_tag(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.:=/-".contains(&b);
    let mut digits = 0;
    text.len() <= LONGEST
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| {
            digits = if b.is_ascii_digit() { digits + 1 } else { 0 };
            plain(b) && digits <= 8
        })
}

#[cfg(test)]
mod tests {
    use super::is_tag;

    #[test]
    fn tags_are_words_and_not_personal_data() {
        for good in ["search", "team:eu-1", "release=2026.11", "a/b_c", "day-20261125"] {
            assert!(is_tag(good), "{good}");
        }
        for bad in
            ["", "Search", "a b", "ada@example.org", "+491511234567", "card4111111111111111", &"x".repeat(49)]
        {
            assert!(!is_tag(bad), "{bad}");
        }
    }
}
