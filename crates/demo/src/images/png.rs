//! The smallest picture that any reader takes: a PNG of one pixel (W3C PNG, third edition; zlib as in RFC 1950,
//! DEFLATE as in RFC 1951).

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
/// Width and height of one, eight bits, truecolour, the only compression and filters, not interlaced.
const HEADER: [u8; 13] = [0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0];

/// A picture of one pixel of this colour: red, green, blue.
pub(super) fn pixel([red, green, blue]: [u8; 3]) -> Vec<u8> {
    // One line: the filter, which is none, and the pixel.
    let line = [0, red, green, blue];
    // A zlib header, and one last block, stored: its length, the length's complement, the line.
    let mut data = vec![0x78, 0x01, 0x01, 4, 0, 0xfb, 0xff];
    data.extend_from_slice(&line);
    data.extend_from_slice(&adler(&line).to_be_bytes());
    let mut png = SIGNATURE.to_vec();
    push_chunk(&mut png, *b"IHDR", &HEADER);
    push_chunk(&mut png, *b"IDAT", &data);
    push_chunk(&mut png, *b"IEND", &[]);
    png
}

fn push_chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let checked = [kind.as_slice(), data].concat();
    png.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    png.extend_from_slice(&checked);
    png.extend_from_slice(&crc32fast::hash(&checked).to_be_bytes());
}

/// Adler-32 (RFC 1950, section 8.2).
fn adler(bytes: &[u8]) -> u32 {
    let sums = bytes.iter().fold((1, 0), |(one, two), byte| {
        let one = (one + u32::from(*byte)) % 65_521;
        (one, (two + one) % 65_521)
    });
    sums.1 << 16 | sums.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known sum of the example in Wikipedia's and many other texts.
    #[test]
    fn the_checksum_is_adlers() {
        assert_eq!(adler(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler(b""), 1);
    }

    /// The checksum of an empty last chunk is the same in every PNG.
    #[test]
    fn a_picture_ends_as_every_picture_does() {
        let png = pixel([1, 2, 3]);
        assert!(png.ends_with(&[0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]));
    }
}
