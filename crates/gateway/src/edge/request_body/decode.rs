//! Takes gzip (RFC 1952) and zstd (RFC 8878) off, within a size and a ratio that hold at every step: memory
//! never grows past the limit, whatever the input claims.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use zstd::stream::raw::{DParameter, InBuffer, Operation, OutBuffer};

use super::{RequestBodyError, RequestBodyLimits};

/// The window that RFC 9659 section 3 lets a sender of `content-encoding: zstd` use: 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Below this many decoded bytes any ratio is fine: small bodies of repeated text compress very well.
const RATIO_FLOOR: usize = 1 << 20;

/// What `content-encoding` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    Zstd,
}

impl Encoding {
    /// The one encoding of a request, if it has one. Names are compared without case (RFC 9110 section
    /// 8.4.1).
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, RequestBodyError> {
        let mut found = None;
        for value in headers.get_all(CONTENT_ENCODING) {
            for name in value.as_bytes().split(|&byte| byte == b',') {
                let next = match name.trim_ascii() {
                    name if name.is_empty() || name.eq_ignore_ascii_case(b"identity") => continue,
                    name if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") => {
                        Encoding::Gzip
                    }
                    name if name.eq_ignore_ascii_case(b"zstd") => Encoding::Zstd,
                    _ => return Err(unsupported(headers)),
                };
                if found.replace(next).is_some() {
                    return Err(unsupported(headers));
                }
            }
        }
        Ok(found)
    }

    fn name(self) -> &'static str {
        match self {
            Encoding::Gzip => "gzip",
            Encoding::Zstd => "zstd",
        }
    }
}

fn unsupported(headers: &HeaderMap) -> RequestBodyError {
    let encoding = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().iter().copied().chain([b',']))
        .filter(|byte| byte.is_ascii_graphic())
        .map(char::from)
        .take(40)
        .collect::<String>();
    RequestBodyError::UnsupportedEncoding { encoding: encoding.trim_end_matches(',').to_owned() }
}

/// A decoder that is fed slices.
pub(super) struct Decoder {
    encoding: Encoding,
    inner: Inner,
}

enum Inner {
    Gzip(Box<MultiGzDecoder<Sink>>),
    Zstd { decoder: Box<zstd::stream::raw::Decoder<'static>>, sink: Sink, open: bool, block: Box<[u8]> },
}

impl Decoder {
    pub(super) fn new(encoding: Encoding, limits: &RequestBodyLimits) -> Result<Self, RequestBodyError> {
        let corrupt = |_| RequestBodyError::Corrupt { encoding: encoding.name() };
        let sink = Sink { out: Vec::new(), fed: 0, limits: *limits, breach: None };
        let inner = match encoding {
            Encoding::Zstd => {
                let mut decoder = zstd::stream::raw::Decoder::new().map_err(corrupt)?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).map_err(corrupt)?;
                let block = vec![0; 1 << 15].into_boxed_slice();
                Inner::Zstd { decoder: Box::new(decoder), sink, open: true, block }
            }
            Encoding::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(sink))),
        };
        Ok(Decoder { encoding, inner })
    }

    /// Decodes a slice.
    pub(super) fn feed(&mut self, slice: &[u8]) -> Result<(), RequestBodyError> {
        let outcome = match &mut self.inner {
            Inner::Gzip(decoder) => {
                decoder.get_mut().fed += slice.len();
                // `flush` moves what is decoded into the sink, so that its limits see it now.
                decoder.write_all(slice).and_then(|()| decoder.flush())
            }
            Inner::Zstd { decoder, sink, open, block } => {
                sink.fed += slice.len();
                unpack(decoder.as_mut(), sink, open, block, slice)
            }
        };
        outcome.map_err(|_| self.error())
    }

    /// Decoded bytes so far.
    pub(super) fn produced(&self) -> usize {
        self.sink().out.len()
    }

    /// The decoded body, when the input was complete.
    pub(super) fn finish(mut self) -> Result<Bytes, RequestBodyError> {
        let complete = match &mut self.inner {
            Inner::Gzip(decoder) => decoder.try_finish().is_ok(),
            Inner::Zstd { open, .. } => !*open,
        };
        if !complete {
            return Err(self.error());
        }
        let sink = match &mut self.inner {
            Inner::Gzip(decoder) => decoder.get_mut(),
            Inner::Zstd { sink, .. } => sink,
        };
        Ok(Bytes::from(std::mem::take(&mut sink.out)))
    }

    fn sink(&self) -> &Sink {
        match &self.inner {
            Inner::Gzip(decoder) => decoder.get_ref(),
            Inner::Zstd { sink, .. } => sink,
        }
    }

    fn error(&self) -> RequestBodyError {
        let sink = self.sink();
        match sink.breach {
            Some(Breach::Size) => RequestBodyError::TooLarge { limit: sink.limits.size },
            Some(Breach::Ratio) => RequestBodyError::Expands { limit: sink.limits.expansion },
            None => RequestBodyError::Corrupt { encoding: self.encoding.name() },
        }
    }
}

/// Runs the zstd decoder until it has taken all of `slice` and given all that follows from it. `open` says
/// whether a frame has begun and not ended.
fn unpack(
    decoder: &mut zstd::stream::raw::Decoder<'static>,
    sink: &mut Sink,
    open: &mut bool,
    block: &mut [u8],
    slice: &[u8],
) -> io::Result<()> {
    let mut input = InBuffer::around(slice);
    loop {
        if !*open && input.pos() < slice.len() {
            // Another frame follows the one that ended (RFC 8878 section 3.1).
            decoder.reinit()?;
            *open = true;
        }
        let mut output = OutBuffer::around(&mut *block);
        let hint = decoder.run(&mut input, &mut output)?;
        let filled = output.pos() == output.capacity();
        sink.write_all(output.as_slice())?;
        *open = hint != 0;
        if input.pos() >= slice.len() && (!filled || !*open) {
            return Ok(());
        }
    }
}

/// Why the sink takes no more.
#[derive(Clone, Copy, Debug)]
enum Breach {
    Size,
    Ratio,
}

/// Where decoded bytes go, as long as the limits allow.
struct Sink {
    out: Vec<u8>,
    /// Encoded bytes that went in.
    fed: usize,
    limits: RequestBodyLimits,
    breach: Option<Breach>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.out.len().saturating_add(bytes.len());
        if length > self.limits.size {
            self.breach = Some(Breach::Size);
        } else if length > RATIO_FLOOR && length > self.fed.saturating_mul(self.limits.expansion) {
            self.breach = Some(Breach::Ratio);
        } else {
            self.out.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        Err(io::Error::from(io::ErrorKind::FileTooLarge))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
