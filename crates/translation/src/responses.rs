//! SEAM: responses.

pub(crate) mod fields;

pub(crate) fn read_request<'d>(
    _document: &'d flyball_core::Document,
    gate: &mut crate::gate::Gate,
) -> Result<crate::conversation::Request<'d>, crate::Untranslatable> {
    Err(gate.refusal(String::new()))
}

pub(crate) fn echo(_document: &flyball_core::Document) -> String {
    String::new()
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
