//! SEAM: chat.

pub(crate) mod fields;

pub(crate) fn read_request<'d>(
    _document: &'d flyball_core::Document,
    gate: &mut crate::gate::Gate,
) -> Result<crate::conversation::Request<'d>, crate::Untranslatable> {
    Err(gate.refusal(String::new()))
}

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
        _document: &'d flyball_core::Document,
        _events: &mut Vec<crate::reply::Event<'d>>,
    ) -> Result<(), crate::events::StreamError> {
        Err(crate::events::StreamError::Invalid)
    }

    pub(crate) fn done(&mut self, _events: &mut Vec<crate::reply::Event<'static>>) {}

    pub(crate) fn end_of_body(&mut self, _events: &mut Vec<crate::reply::Event<'static>>) {}
}

pub(crate) fn write_answer(_answer: &crate::reply::Answer<'_>, _envelope: &crate::Envelope) -> Vec<u8> {
    Vec::new()
}

#[derive(Debug)]
pub(crate) struct EventWriter {}

impl EventWriter {
    pub(crate) fn new(_envelope: crate::Envelope) -> Self {
        EventWriter {}
    }

    pub(crate) fn write(&mut self, _event: &crate::reply::Event<'_>, _out: &mut Vec<crate::events::Written>) {
    }
}
