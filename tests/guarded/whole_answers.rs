//! Rules about whole answers: how much is copied, how long it is, how much personal data it holds. Plain, and in
//! streams that are held or judged as they run.

use std::fs;

use super::{Form, Governed, Heard, personal_text, says};

const PASSAGE: &str = "The harbour committee met on Monday to discuss the new budget for the bridge and the quay. \
    After a long debate the members approved the plan for the harbour with nine votes against two. \
    The bridge will be painted in spring and the quay will be repaired before the autumn storms begin. \
    A second meeting about the harbour budget is planned for the last week of the following month.";

const OWN: &str = "Governors keep engines steady without asking anyone about history or painting. \
    Nothing in this answer was taken from elsewhere, and it has plenty of words to count.";

const SUMMARISE: &str = "  - {id: copied, when: output.verbatim_ratio > 0.2, action: summarize}\n";

/// Whether eight words in a row of the passage are in `text`.
fn copies(text: &str) -> bool {
    let words: Vec<&str> = PASSAGE.split_whitespace().collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.windows(8).any(|window| text.contains(&window.join(" ")))
}

async fn repeats(governed: &Governed, form: Form, size: usize) -> Heard {
    let prompt = format!("{}\nRepeat: {PASSAGE}", says(PASSAGE, size));
    governed.ask(form, "sim", &prompt).await
}

#[tokio::test]
async fn an_answer_that_copies_its_prompt_is_summarised_on_every_route() {
    let governed = Governed::with("summarize: {sentences: 2}\n", Some(SUMMARISE)).await;
    let mut summaries = Vec::new();
    for form in Form::TEXTS {
        for size in [1, 5, 1000] {
            let heard = repeats(&governed, form, size).await;
            let what = format!("{form:?} {size}");
            assert_eq!(heard.status, 200, "{what}");
            let summary = heard.content(0);
            assert!(!summary.is_empty() && summary.len() < PASSAGE.len() / 2, "{what}: {summary}");
            assert!(!copies(&summary), "{what}: {summary}");
            assert!(!copies(&String::from_utf8_lossy(&heard.bytes)), "{what}");
            if form.streams() {
                heard.assert_ends_well(form, &what);
            } else {
                assert_eq!(heard.header("x-flyball-action"), "summarize", "{what}");
            }
            summaries.push(summary);
        }
    }
    summaries.dedup();
    assert_eq!(summaries.len(), 1, "plain or streamed, the summary is the same: {summaries:?}");
    for form in Form::TEXTS {
        let heard = governed.ask(form, "sim", &says(OWN, 4)).await;
        assert_eq!(heard.content(0), OWN, "{form:?}: an answer of its own words stays");
    }
}

#[tokio::test]
async fn a_running_stream_ends_before_it_has_copied_much() {
    let governed = Governed::with("stream: {on_whole_answer: running}\n", Some(SUMMARISE)).await;
    for form in Form::TEXTS.into_iter().filter(|form| form.streams()) {
        for size in [1, 6] {
            let heard = repeats(&governed, form, size).await;
            let what = format!("{form:?} {size}");
            heard.assert_ends_as_refused(form, &what);
            let said = heard.content(0);
            assert!(PASSAGE.starts_with(&said), "{what}: {said}");
            assert!(
                said.split_whitespace().count() <= 9,
                "{what}: the breach showed at the eighth word: {said}"
            );
        }
        let heard = governed.ask(form, "sim", &says(OWN, 4)).await;
        assert_eq!(heard.content(0), OWN, "{form:?}");
        heard.assert_ends_well(form, "allowed");
    }
    let heard = repeats(&governed, Form::Chat, 5).await;
    assert!(!copies(&heard.content(0)), "a plain answer is summarised whatever streams do: {heard:?}");
}

#[tokio::test]
async fn nothing_of_a_held_answer_gets_out_when_it_is_refused() {
    let rules = "  - {id: copied, when: output.verbatim_ratio > 0.2, action: block}\n";
    let governed = Governed::with_policy(rules).await;
    for form in Form::TEXTS {
        let heard = repeats(&governed, form, 5).await;
        let what = format!("{form:?}");
        if form.streams() {
            heard.assert_ends_as_refused(form, &what);
            assert_eq!(heard.content(0), "", "{what}");
        } else {
            assert_eq!(heard.status, 403, "{what}");
            heard.assert_refused(form, 403, "policy_blocked", &what);
        }
        assert!(!String::from_utf8_lossy(&heard.bytes).contains("harbour"), "{what}: {heard:?}");
    }
}

#[tokio::test]
async fn a_held_stream_that_is_allowed_goes_out_as_it_came() {
    let governed = Governed::with_policy(SUMMARISE).await;
    let mut body = Form::ChatStream.request("sim", &says(OWN, 4));
    body["n"] = serde_json::json!(2);
    body["stream_options"] = serde_json::json!({ "include_usage": true });
    let heard = governed.send(Form::ChatStream.path(), &body).await;
    let direct = flyball_testkit::Client::new(governed.simulator.address()).with_key("sk-sim");
    let expected = super::hear(&direct, "/v1/chat/completions", &governed.received()).await;
    assert_eq!(String::from_utf8_lossy(&heard.bytes), String::from_utf8_lossy(&expected.bytes));
}

#[tokio::test]
async fn protected_texts_are_not_repeated_though_no_prompt_holds_them() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = folder.path().join("corpus.txt");
    fs::write(&corpus, PASSAGE).unwrap();
    let config = format!("protected: {{corpora: ['{}']}}\n", corpus.display());
    let governed = Governed::with(&config, Some(SUMMARISE)).await;
    for form in Form::TEXTS {
        let heard = governed.ask(form, "sim", &says(PASSAGE, 5)).await;
        assert!(!copies(&heard.content(0)) && !heard.content(0).is_empty(), "{form:?}: {heard:?}");
        let heard = governed.ask(form, "sim", &says(OWN, 5)).await;
        assert_eq!(heard.content(0), OWN, "{form:?}");
    }
}

#[tokio::test]
async fn how_much_personal_data_an_answer_holds_decides_over_all_of_it() {
    let rules = "  - {id: much, when: output.pii_count > 3, action: block}\n  \
                 - {id: some, when: output.contains_pii, action: mask}\n";
    let governed = Governed::with_policy(rules).await;
    for form in Form::TEXTS {
        for size in [1, 6] {
            let what = format!("{form:?} {size}");
            let heard = governed.ask(form, "sim", &says(&personal_text(), size)).await;
            heard.assert_nothing_leaked(&what);
            if form.streams() {
                heard.assert_ends_as_refused(form, &what);
            } else {
                assert_eq!(heard.status, 403, "{what}");
            }
            let heard = governed.ask(form, "sim", &says("Ask alex.example@example.com.", size)).await;
            heard.assert_nothing_leaked(&what);
            assert_eq!(heard.content(0), "Ask <email>.", "{what}");
        }
    }
}

#[tokio::test]
async fn a_summary_holds_no_personal_data_either() {
    let rules = format!("{SUMMARISE}  - {{id: mask, when: output.contains_pii, action: mask}}\n");
    let governed = Governed::with_policy(&rules).await;
    let text = format!("{PASSAGE} {}", personal_text());
    for form in Form::TEXTS {
        let prompt = format!("{}\nRepeat: {PASSAGE}", says(&text, 3));
        let heard = governed.ask(form, "sim", &prompt).await;
        heard.assert_nothing_leaked(&format!("{form:?}"));
        assert!(!copies(&heard.content(0)), "{form:?}");
    }
}
