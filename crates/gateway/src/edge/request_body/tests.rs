//! Bodies that are honest, too long, too slow, packed, or bombs.

use std::convert::Infallible;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{CONTENT_ENCODING, HeaderValue};
use http_body::{Frame, SizeHint};
use http_body_util::{Empty, Full};
use proptest::prelude::*;

use super::*;

const LIMITS: RequestBodyLimits = RequestBodyLimits {
    size: 4 << 20,
    read_timeout: Duration::from_secs(3_600),
    total_timeout: Duration::from_secs(3_600),
    expansion: 100,
};

/// Frames one after another, then the end, or silence.
struct Pieces {
    pieces: std::vec::IntoIter<Bytes>,
    then_silence: bool,
}

impl Pieces {
    fn of(pieces: Vec<Bytes>) -> Self {
        Pieces { pieces: pieces.into_iter(), then_silence: false }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.pieces.next() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.then_silence => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

fn encoded(name: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(name))])
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 3).unwrap()
}

async fn read_in(name: &'static str, packed: &[u8], chunk: usize) -> Result<Bytes, RequestBodyError> {
    let pieces = packed.chunks(chunk.max(1)).map(Bytes::copy_from_slice).collect();
    read(&encoded(name), Pieces::of(pieces), &LIMITS).await
}

#[tokio::test]
async fn a_body_of_one_frame_is_handed_on_without_a_copy() {
    let sent = Bytes::from(vec![b'x'; 1_000]);
    let got = read(&HeaderMap::new(), Full::new(sent.clone()), &LIMITS).await.unwrap();
    assert_eq!(got.as_ptr(), sent.as_ptr());
    let got = read(&HeaderMap::new(), Pieces::of(vec![Bytes::new(), sent.clone()]), &LIMITS).await.unwrap();
    assert_eq!(got.as_ptr(), sent.as_ptr());
}

#[tokio::test]
async fn frames_are_joined_in_order_and_nothing_is_nothing() {
    let pieces = vec![Bytes::from_static(b"one "), Bytes::from_static(b"two "), Bytes::from_static(b"three")];
    assert_eq!(read(&HeaderMap::new(), Pieces::of(pieces), &LIMITS).await.unwrap(), "one two three");
    assert_eq!(read(&HeaderMap::new(), Empty::new(), &LIMITS).await.unwrap(), "");
    assert_eq!(read(&encoded("gzip"), Empty::new(), &LIMITS).await.unwrap(), "");
}

#[tokio::test]
async fn an_announced_length_above_the_limit_is_refused_before_reading() {
    let limits = RequestBodyLimits { size: 3, ..LIMITS };
    let outcome = read(&HeaderMap::new(), Full::new(Bytes::from_static(b"four")), &limits).await;
    assert!(matches!(outcome, Err(RequestBodyError::TooLarge { limit: 3 })));
}

#[tokio::test]
async fn an_unannounced_length_is_refused_when_it_passes_the_limit() {
    let limits = RequestBodyLimits { size: 3, ..LIMITS };
    let at = |pieces: Vec<&'static [u8]>| Pieces::of(pieces.into_iter().map(Bytes::from_static).collect());
    assert_eq!(read(&HeaderMap::new(), at(vec![b"a", b"bc"]), &limits).await.unwrap(), "abc");
    let outcome = read(&HeaderMap::new(), at(vec![b"ab", b"cd"]), &limits).await;
    assert!(matches!(outcome, Err(RequestBodyError::TooLarge { limit: 3 })));
}

#[tokio::test]
async fn a_body_that_stalls_is_slow() {
    let mut body = Pieces::of(vec![Bytes::from_static(b"begun")]);
    body.then_silence = true;
    let limits = RequestBodyLimits { read_timeout: Duration::from_millis(1), ..LIMITS };
    assert!(matches!(read(&HeaderMap::new(), body, &limits).await, Err(RequestBodyError::Slow)));
}

/// A body that never lacks a byte and never ends.
struct Drip;

impl Body for Drip {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // An empty frame counts towards nothing but time.
        cx.waker().wake_by_ref();
        Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
    }
}

#[tokio::test]
async fn a_body_that_drips_for_ever_is_cut_by_the_total_time() {
    let limits = RequestBodyLimits { total_timeout: Duration::from_millis(5), ..LIMITS };
    let outcome = read(&HeaderMap::new(), Drip, &limits).await;
    assert!(matches!(outcome, Err(RequestBodyError::Slow)));
}

#[tokio::test]
async fn gzip_and_zstd_are_taken_off_in_any_chunking() {
    let plain = b"a sentence that repeats itself. ".repeat(2_000);
    for chunk in [1, 7, 1_024, usize::MAX] {
        assert_eq!(read_in("gzip", &gzip(&plain), chunk).await.unwrap(), plain, "gzip by {chunk}");
        assert_eq!(read_in("X-GZIP", &gzip(&plain), chunk).await.unwrap(), plain, "x-gzip by {chunk}");
        assert_eq!(read_in("zstd", &zstd(&plain), chunk).await.unwrap(), plain, "zstd by {chunk}");
        assert_eq!(read_in("identity", &plain, chunk).await.unwrap(), plain, "identity by {chunk}");
    }
}

#[tokio::test]
async fn members_and_frames_that_follow_each_other_are_one_body() {
    let twice = |packed: Vec<u8>| [packed.clone(), packed].concat();
    assert_eq!(read_in("gzip", &twice(gzip(b"half ")), 3).await.unwrap(), "half half ");
    assert_eq!(read_in("zstd", &twice(zstd(b"half ")), 3).await.unwrap(), "half half ");
}

#[tokio::test]
async fn bombs_are_refused_by_ratio_and_by_size() {
    let zeros = vec![0; 3 << 20];
    for (name, packed) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))] {
        let outcome = read_in(name, &packed, usize::MAX).await;
        assert!(matches!(outcome, Err(RequestBodyError::Expands { limit: 100 })), "{name}: {outcome:?}");
    }
    let limits = RequestBodyLimits { expansion: usize::MAX, size: 1 << 20, ..LIMITS };
    for (name, packed) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))] {
        let outcome = read(&encoded(name), Full::new(Bytes::from(packed)), &limits).await;
        assert!(matches!(outcome, Err(RequestBodyError::TooLarge { .. })), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_zstd_window_above_eight_mebibytes_is_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.set_parameter(zstd::stream::raw::CParameter::WindowLog(27)).unwrap();
    encoder.write_all(b"small").unwrap();
    let packed = encoder.finish().unwrap();
    assert!(matches!(read_in("zstd", &packed, 64).await, Err(RequestBodyError::Corrupt { .. })));
}

#[tokio::test]
async fn chained_and_unknown_encodings_are_unsupported() {
    for name in ["br", "deflate", "gzip, zstd", "gzip, gzip", "gzip;q=1"] {
        let outcome = read(&encoded(name), Full::new(Bytes::from_static(b"x")), &LIMITS).await;
        assert!(matches!(outcome, Err(RequestBodyError::UnsupportedEncoding { .. })), "{name}: {outcome:?}");
    }
    let mut twice = encoded("gzip");
    twice.append(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
    let outcome = read(&twice, Full::new(Bytes::from_static(b"x")), &LIMITS).await;
    let Err(RequestBodyError::UnsupportedEncoding { encoding }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(encoding, "gzip,zstd");
}

#[tokio::test]
async fn truncated_and_false_encodings_are_corrupt() {
    let plain = b"some text of some length, not too short".repeat(50);
    for (name, packed) in [("gzip", gzip(&plain)), ("zstd", zstd(&plain))] {
        for cut in [1, packed.len() / 2, packed.len() - 1] {
            let outcome = read_in(name, &packed[..cut], 16).await;
            assert!(matches!(outcome, Err(RequestBodyError::Corrupt { .. })), "{name} at {cut}: {outcome:?}");
        }
        let outcome = read_in(name, b"{\"model\":\"demo\"}", 16).await;
        assert!(matches!(outcome, Err(RequestBodyError::Corrupt { .. })), "{name}: {outcome:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_fail_in_an_undocumented_way(
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000), chunk in 1_usize..300, gzipped in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let outcome = runtime.block_on(read_in(if gzipped { "gzip" } else { "zstd" }, &bytes, chunk));
        let documented = matches!(
            outcome,
            Ok(_) | Err(RequestBodyError::Corrupt { .. } | RequestBodyError::Expands { .. })
        );
        prop_assert!(documented, "{:?}", outcome);
    }

    #[test]
    fn what_was_packed_comes_out_whole(
        plain in proptest::collection::vec(any::<u8>(), 0..20_000), chunk in 1_usize..5_000, gzipped in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (name, packed) = if gzipped { ("gzip", gzip(&plain)) } else { ("zstd", zstd(&plain)) };
        prop_assert_eq!(runtime.block_on(read_in(name, &packed, chunk)).unwrap(), plain);
    }
}
