//! The description of the format is complete: a reader that knows only `docs/reference/journal-format.md`, and takes the
//! messages' fields from the schema printed there, reads what a journal wrote.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use flyball_journal::{
    Count, Counting, Intent, Options, Outcome, Reservation, Settlement, Subject, Usage, Verdict, repair,
};

use crate::support::{NOW, exchange, intent, open, settlement};

const PAGE: &str = include_str!("../../../../docs/reference/journal-format.md");

/// Fields by message and number: their type and name. Enumerations are not in it.
type Schema = HashMap<(String, u64), (String, String)>;

fn schema() -> Schema {
    let (_, rest) = PAGE.split_once("```proto\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let (mut message, mut fields) = (None, Schema::new());
    for line in text.lines() {
        let words: Vec<&str> = line.split("//").next().unwrap().split_whitespace().collect();
        match words.as_slice() {
            ["message", name, "{"] => message = Some(name.to_string()),
            ["enum", _, "{"] | ["}"] => message = None,
            [.., form, name, "=", number] => {
                if let Some(message) = &message {
                    let number = number.trim_end_matches(';').parse().unwrap();
                    fields.insert((message.clone(), number), (form.to_string(), name.to_string()));
                }
            }
            _ => {}
        }
    }
    fields
}

fn crc(parts: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for byte in parts.iter().flat_map(|part| part.iter()) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x1edc_6f41u32.reverse_bits() } else { crc >> 1 };
        }
    }
    !crc
}

fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fields of a message as `path=value`, in the order in which they stand.
fn fields(schema: &Schema, message: &str, path: &str, mut bytes: &[u8], found: &mut Vec<String>) {
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let (form, name) = &schema[&(message.to_owned(), key >> 3)];
        let path = format!("{path}{name}");
        let value = match key & 7 {
            0 => varint(&mut bytes).to_string(),
            1 => {
                let value = number(bytes, 0, 8);
                bytes = &bytes[8..];
                value.to_string()
            }
            2 => {
                let length = varint(&mut bytes) as usize;
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                match form.as_str() {
                    "string" => String::from_utf8(value.to_vec()).unwrap(),
                    "bytes" => hex(value),
                    message => {
                        fields(schema, message, &format!("{path}."), value, found);
                        continue;
                    }
                }
            }
            other => panic!("wire type {other}"),
        };
        let wire = match form.as_str() {
            "string" | "bytes" => 2,
            "fixed64" => 1,
            _ => 0,
        };
        assert_eq!(key & 7, wire, "{path} is a {form}");
        found.push(format!("{path}={value}"));
    }
}

/// All records of a folder: position, message, fields.
fn read(folder: &Path) -> Vec<(u64, &'static str, Vec<String>)> {
    let schema = schema();
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name.len() == 24 && name.ends_with(".journal"));
    names.sort();
    let (mut records, mut expected) = (Vec::new(), None);
    for name in names {
        let file = fs::read(folder.join(&name)).unwrap();
        let base = u64::from_str_radix(&name[..16], 16).unwrap();
        assert_eq!(&file[..8], b"flyjrnl\x1a");
        assert_eq!((number(&file, 8, 4), number(&file, 16, 8)), (1, base));
        assert_eq!(number(&file, 60, 4), u64::from(crc(&[&file[..60]])));
        let size = number(&file, 24, 8) as usize;
        assert!(
            expected.is_none_or(|end| end == base) || number(&file, 12, 4) == 1,
            "segments are contiguous"
        );
        let mut at = 64;
        let complete = loop {
            if at == size {
                break true;
            }
            let Some(header) = file.get(at..at + 24) else { break false };
            let (length, kind) = (number(header, 4, 4) as usize, number(header, 8, 4));
            let end = at + (24 + length).next_multiple_of(8);
            let covered = if kind == 1 { at + 4..end } else { at + 4..at + 24 };
            if !(1..=3).contains(&kind) || end > size || covered.end > file.len() {
                break false;
            }
            let position = base + at as u64;
            if number(header, 0, 4) != u64::from(crc(&[&position.to_le_bytes(), &file[covered]])) {
                break false;
            }
            if kind == 2 {
                break true;
            }
            if kind == 1 {
                let payload = &file[at + 24..at + 24 + length];
                let mut rest = payload;
                let mut count = 0;
                while let Some((kind, mut body)) = rest.split_first() {
                    let start = position + 24 + (payload.len() - rest.len()) as u64;
                    let message = ["Intent", "Settlement"][usize::from(*kind) - 1];
                    let length = varint(&mut body) as usize;
                    let (body, behind) = body.split_at(length);
                    let mut found = Vec::new();
                    fields(&schema, message, "", body, &mut found);
                    records.push((start, message, found));
                    rest = behind;
                    count += 1;
                }
                assert_eq!(count, number(header, 12, 4));
            }
            at = end;
        };
        if !complete {
            break;
        }
        expected = Some(base + size as u64);
    }
    records
}

fn subject() -> Option<Subject> {
    Some(Subject {
        tenant: "demo".into(),
        key: vec![1; 16],
        principal: 21,
        end_user: 22,
        session: 23,
        tags: vec!["a".into(), "b".into()],
        operation: "chat".into(),
        stream: true,
        route: "large".into(),
        provider: "north".into(),
        model: "large-1".into(),
        began: NOW,
    })
}

fn verdict() -> Option<Verdict> {
    Some(Verdict {
        action: "mask".into(),
        rules: vec!["r1".into(), "r2".into()],
        findings: vec![Count { kind: "email".into(), count: 3 }],
        failed_open: vec!["detector".into()],
    })
}

const SUBJECT: &str = "subject.tenant=demo subject.key=01010101010101010101010101010101 subject.principal=21 \
                       subject.end_user=22 subject.session=23 subject.tags=a subject.tags=b subject.operation=chat \
                       subject.stream=1 subject.route=large subject.provider=north subject.model=large-1 \
                       subject.began=1790000000000000";
const VERDICT: &str = "verdict.action=mask verdict.rules=r1 verdict.rules=r2 verdict.findings.kind=email \
                       verdict.findings.count=3 verdict.failed_open=detector";

#[tokio::test]
async fn a_reader_made_from_the_description_reads_every_field() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path(), &Options::default());
    let before = Intent {
        exchange: vec![0xab; 16],
        time: 31,
        attempt: 2,
        subject: subject(),
        verdict: verdict(),
        policy: vec![4; 2],
        snapshot: 32,
        salt: vec![5; 2],
        input_hash: vec![6; 2],
        reservation: Some(Reservation { input: 33, output: 34, cost: Some(35) }),
    };
    let after = Settlement {
        exchange: vec![0xab; 16],
        time: 41,
        subject: subject(),
        verdict: verdict(),
        outcome: Outcome::Abandoned.into(),
        refusal: "E301".into(),
        usage: Some(Usage { input: 42, cached_input: 43, output: 44, counting: Counting::Counted.into() }),
        cost: Some(0),
        attempts: 45,
        first_byte: Some(46),
        total: 47,
        output_hash: vec![7; 2],
        policy: vec![8; 2],
        snapshot: 48,
        salt: vec![9; 2],
        input_hash: vec![10; 2],
    };
    journal.intend(&before).await.unwrap();
    journal.settle(&after).unwrap();
    journal.close().await.unwrap();
    let found: Vec<(&str, String)> =
        read(folder.path()).into_iter().map(|(_, message, fields)| (message, fields.join(" "))).collect();
    let exchange = "ab".repeat(16);
    let before = format!(
        "exchange={exchange} time=31 attempt=2 {SUBJECT} {VERDICT} policy=0404 snapshot=32 salt=0505 input_hash=0606 \
         reservation.input=33 reservation.output=34 reservation.cost=35"
    );
    let after = format!(
        "exchange={exchange} time=41 {SUBJECT} {VERDICT} outcome=3 refusal=E301 usage.input=42 usage.cached_input=43 \
         usage.output=44 usage.counting=2 cost=0 attempts=45 first_byte=46 total=47 output_hash=0707 policy=0808 \
         snapshot=48 salt=0909 input_hash=0a0a"
    );
    assert_eq!(found, [("Intent", before), ("Settlement", after)]);
}

#[tokio::test]
async fn a_reader_made_from_the_description_follows_segments_gaps_and_torn_ends() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment: 64 << 10, ..Options::default() };
    let (journal, _) = open(folder.path(), &options);
    for number in 1..=1200 {
        journal.intend(&intent(number)).await.unwrap();
        journal.settle(&settlement(number)).unwrap();
    }
    journal.close().await.unwrap();
    let ids = |folder: &Path| -> Vec<String> {
        read(folder).into_iter().map(|(_, message, fields)| format!("{message} {}", fields[0])).collect()
    };
    let expected: Vec<String> = (1..=1200)
        .flat_map(|number| {
            let id = hex(&exchange(number));
            [format!("Intent exchange={id}"), format!("Settlement exchange={id}")]
        })
        .collect();
    let found = read(folder.path());
    assert!(found.last().unwrap().0 > 2 * (64 << 10), "there are several segments");
    assert!(found.is_sorted_by_key(|(position, _, _)| *position));
    assert_eq!(ids(folder.path()), expected);

    let first = folder.path().join("0000000000000000.journal");
    let mut damaged = fs::read(&first).unwrap();
    damaged[64 + 40] ^= 1;
    fs::write(&first, damaged).unwrap();
    assert_eq!(ids(folder.path()), [] as [String; 0], "reading ends at a frame that is not valid");
    repair(folder.path(), NOW).unwrap();
    let left = ids(folder.path());
    assert!(expected.ends_with(&left) && left.len() + 2 >= expected.len(), "a gap is stepped over");
}

#[test]
fn the_checksum_is_described_by_its_check_value() {
    assert!(PAGE.contains(&format!("0x{:X}", crc(&[b"123456789"]))));
}
