//! Invented personal data, to show what masking does. The people do not exist, the domains are reserved for
//! examples (RFC 2606), the telephone numbers for fiction, and the payment cards and accounts are the published
//! test numbers: they pass their checksums and belong to nobody.

use crate::hash::{choose, hash, mix};

const FIRST: [&str; 6] = ["Alex", "Robin", "Sam", "Kim", "Jo", "Chris"];
const LAST: [&str; 5] = ["Example", "Sample", "Specimen", "Placeholder", "Testcase"];
const CARDS: [&str; 3] = ["4111 1111 1111 1111", "5555 5555 5555 4444", "3782 822463 10005"];
const ACCOUNTS: [&str; 3] =
    ["DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606"];

/// The record when the prompt asks for one. The first answer to the plainest prompt is always the same person.
pub(super) fn answer(text: &str, words: &[&str], choice: u32) -> Option<String> {
    let invents =
        words.iter().any(|word| matches!(*word, "invent" | "generate" | "make" | "create" | "fake"));
    let person = words.iter().any(|word| matches!(*word, "customer" | "person" | "personal" | "patient"));
    let record = words.iter().any(|word| matches!(*word, "record" | "data" | "profile" | "details"));
    if !(invents && person && record) {
        return None;
    }
    let plain = words == ["invent", "a", "customer", "record"] && choice == 0;
    let seed = if plain { 0 } else { mix(hash(text.as_bytes()) ^ u64::from(choice)) };
    let first = choose(&FIRST, seed);
    let last = choose(&LAST, seed >> 8);
    let mail = format!("{}.{}@example.com", first.to_lowercase(), last.to_lowercase());
    let line = 100 + (seed >> 16) % 100;
    let card = choose(&CARDS, seed >> 24);
    let account = choose(&ACCOUNTS, seed >> 32);
    Some(format!(
        "Here is an invented customer record:\nName: {first} {last}\nE-mail: {mail}\n\
         Phone: +1 415-555-0{line}\nCard: {card}\nIBAN: {account}\nSSN: 536-90-4399\n\
         Nobody of that name exists."
    ))
}
