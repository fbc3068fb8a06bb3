//! Personal data where the demo model never puts it: reasoning, refusals, titles of citations, arguments of tools,
//! fields and blocks that nobody knows; in the words of every provider, to callers of every protocol.

use super::{Form, Governed, Vendor, masked_text, personal_text};
use crate::cells::answers;

#[tokio::test]
async fn whatever_field_a_provider_writes_in_nothing_leaks() {
    let governed = Governed::start().await;
    for form in Form::TEXTS {
        for vendor in Vendor::ALL {
            for size in [1, 5, 1000] {
                prepare(&governed, form, vendor, &personal_text(), size);
                let what = format!("{form:?} at {} in pieces of {size}", vendor.name());
                let heard = governed.ask(form, &format!("canned-{}", vendor.name()), "Go on.").await;
                heard.assert_nothing_leaked(&what);
                assert_eq!(heard.status, 200, "{what}: {heard:?}");
                assert!(heard.content(0).contains(&masked_text()), "{what}: {heard:?}");
                if form.streams() {
                    heard.assert_ends_well(form, &what);
                }
            }
        }
    }
}

#[tokio::test]
async fn nothing_of_a_blocked_answer_leaks_from_any_field() {
    let rules = "  - {id: no-pii, when: output.contains_pii, action: block}\n";
    let governed = Governed::with_policy(rules).await;
    for form in Form::TEXTS {
        for vendor in Vendor::ALL {
            prepare(&governed, form, vendor, &personal_text(), 4);
            let what = format!("{form:?} at {}", vendor.name());
            let heard = governed.ask(form, &format!("canned-{}", vendor.name()), "Go on.").await;
            heard.assert_nothing_leaked(&what);
            if form.streams() {
                heard.assert_ends_as_refused(form, &what);
            } else {
                heard.assert_refused(form, 403, "policy_blocked", &what);
            }
        }
    }
}

fn prepare(governed: &Governed, form: Form, vendor: Vendor, text: &str, size: usize) {
    let (content_type, body) = answers::answer(form, vendor, text, &answers::pieces(text, size)).encode();
    governed.canned.answer_as(content_type, body);
}
