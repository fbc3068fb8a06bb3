//! What the demo model says to what.

use crate::support::said;

#[test]
fn instructions_are_followed() {
    for (prompt, answer) in [
        ("Say exactly: Keep: this  as it is", "Keep: this  as it is"),
        ("Please repeat after me: hello", "hello"),
        ("what is 12*7?", "12*7 = 84"),
        ("Count to 5", "1, 2, 3, 4, 5"),
        ("reverse: abc", "cba"),
        ("Reverse the text: \"ab\u{e9}\"", "\u{e9}ba"),
        ("upper case: hello", "HELLO"),
        ("word count: one two three", "3 words."),
        ("How many words are in: a b", "2 words."),
        ("Summarize: One thing. Another thing. A third.", "One thing. Another thing."),
    ] {
        assert_eq!(said(prompt), answer, "{prompt}");
    }
}

#[test]
fn questions_are_answered() {
    assert!(said("List the planets").contains("Neptune"));
    assert!(said("What are the colours of the rainbow?").contains("indigo"));
    assert!(said("hello").contains("demo model"));
    assert!(said("help").contains("customer record"));
    assert!(said("").contains("demo model"));
}

#[test]
fn a_story_is_about_its_subject() {
    let story = said("Write a story about a red lighthouse.");
    assert!(story.contains("a red lighthouse"));
    assert!(story.matches(['.', '!']).count() >= 6, "{story}");
}

#[test]
fn an_invented_record_holds_every_kind_of_personal_data() {
    let record = said("Invent a customer record.");
    for part in ["@example.com", "415-555-01", "4111 1111 1111 1111", "DE89370400440532013000", "536-90-4399"]
    {
        assert!(record.contains(part), "{part} is not in {record}");
    }
}

#[test]
fn anything_else_is_echoed() {
    let answer = said("My mail is alex@example.com, who am I?");
    assert!(answer.contains("My mail is alex@example.com, who am I?"));
    assert!(said(&"long ".repeat(1000)).len() < 600);
}
