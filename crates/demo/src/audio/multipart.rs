//! Reading `multipart/form-data` (RFC 7578, in the frame of RFC 2046, section 5.1): parts with a name, some with a file
//! name. Strict: every delimiter stands on a line of its own and the last one closes.

/// A part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'b> {
    pub(super) name: String,
    pub(super) file: Option<String>,
    pub(super) content: &'b [u8],
}

/// The parts of a form. `None` when the body is none, or does not end.
pub(super) fn parts<'b>(content_type: &str, body: &'b [u8]) -> Option<Vec<Part<'b>>> {
    let boundary = boundary(content_type)?;
    let opening = format!("--{boundary}").into_bytes();
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let mut rest = match body.strip_prefix(opening.as_slice()) {
        Some(rest) => rest,
        // What stands ahead of the first delimiter says nothing.
        None => split(body, &delimiter)?.1,
    };
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let after = rest.strip_prefix(b"\r\n")?;
        let (whole, after) = split(after, &delimiter)?;
        parts.push(part(whole)?);
        rest = after;
    }
}

fn part(whole: &[u8]) -> Option<Part<'_>> {
    let (headers, content) = split(whole, b"\r\n\r\n")?;
    let headers = std::str::from_utf8(headers).ok()?;
    let disposition = headers.split("\r\n").find_map(|header| {
        let (name, value) = header.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then(|| value.trim())
    })?;
    let (kind, parameters) = disposition.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    Some(Part { name: parameter(parameters, "name")?, file: parameter(parameters, "filename"), content })
}

fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    let boundary = parameter(parameters, "boundary")?;
    let fits = (1..=70).contains(&boundary.len());
    (fits && kind.trim().eq_ignore_ascii_case("multipart/form-data")).then_some(boundary)
}

/// The value of a parameter, quoted or not.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        let (own, after) = rest.split_once('=')?;
        let (value, after) = value(after.trim_start());
        if own.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after.trim_start().strip_prefix(';')?;
    }
}

/// A value, and what comes after it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return (value.trim_end().to_owned(), after);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            other => value.push(other),
        }
    }
    (value, characters.as_str())
}

/// What stands before and after the first `by`.
fn split<'b>(bytes: &'b [u8], by: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(by.len()).position(|window| window == by)?;
    let (before, after) = bytes.split_at(at);
    Some((before, after.get(by.len()..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_may_be_quoted_and_hold_quotes() {
        let body = b"--b\r\nContent-Disposition: form-data; filename=\"a \\\"b\\\";c\"; name=file\r\n\r\nx\r\n--b--\r\n";
        let parts = parts("multipart/form-data; charset=utf-8; boundary=\"b\"", body).unwrap();
        let expected = Part { name: "file".to_owned(), file: Some("a \"b\";c".to_owned()), content: b"x" };
        assert_eq!(parts, [expected]);
    }

    #[test]
    fn what_is_no_form_is_not_read() {
        let kind = "multipart/form-data; boundary=b";
        let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n";
        assert_eq!(parts(kind, format!("{part}--b--").as_bytes()).unwrap().len(), 1);
        for (kind, body) in [
            (kind, part.to_owned()),
            (kind, format!("{part}--c--")),
            (kind, "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--".to_owned()),
            (kind, "--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--".to_owned()),
            (kind, "--b\r\nno end of headers\r\n--b--".to_owned()),
            ("multipart/form-data", format!("{part}--b--")),
            ("multipart/mixed; boundary=b", format!("{part}--b--")),
            ("application/json", format!("{part}--b--")),
        ] {
            assert_eq!(parts(kind, body.as_bytes()), None, "{kind} {body}");
        }
    }

    proptest! {
        #[test]
        fn written_forms_read_back(
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..5),
        ) {
            // The boundary has a byte that no content has.
            let contents: Vec<Vec<u8>> =
                contents.into_iter().map(|content| content.into_iter().filter(|byte| *byte != b'~').collect()).collect();
            let mut body = Vec::new();
            for (at, content) in contents.iter().enumerate() {
                body.extend(format!("--~x\r\ncontent-disposition: form-data; name=\"{at}\"\r\n\r\n").bytes());
                body.extend(content);
                body.extend(b"\r\n");
            }
            body.extend(b"--~x--\r\n");
            let read = parts("multipart/form-data; boundary=~x", &body).unwrap();
            prop_assert_eq!(read.len(), contents.len());
            for (at, (part, content)) in read.iter().zip(&contents).enumerate() {
                prop_assert_eq!(&part.name, &at.to_string());
                prop_assert_eq!(part.content, content.as_slice());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let read = parts("multipart/form-data; boundary=b", &bytes);
            prop_assert!(read.is_none_or(|parts| parts.len() <= bytes.len()));
        }
    }
}
