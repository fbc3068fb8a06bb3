//! SEAM: converse.

pub(crate) mod fields;

pub(crate) fn write_request(
    _request: &crate::conversation::Request<'_>,
    _wanted: crate::Wanted<'_>,
    gate: &mut crate::gate::Gate,
) -> Result<Vec<u8>, crate::Untranslatable> {
    Err(gate.refusal(String::new()))
}

pub(crate) fn read_answer(_document: &flyball_core::Document) -> Option<crate::reply::Answer<'_>> {
    None
}

#[derive(Debug, Default)]
pub(crate) struct EventReader {}

impl EventReader {
    pub(crate) fn read<'d>(
        &mut self,
        _name: Option<&str>,
        _document: &'d flyball_core::Document,
        _events: &mut Vec<crate::reply::Event<'d>>,
    ) -> Result<(), crate::events::StreamError> {
        Err(crate::events::StreamError::Invalid)
    }
}
