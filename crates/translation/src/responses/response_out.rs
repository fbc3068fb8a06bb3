//! Writing the response object, whole in an answer and three times in a stream: what frames the items.

use crate::Envelope;
use crate::reply::{Stop, Usage};
use crate::write::Json;

use super::echo;
use super::items_out::{Body, Item};

/// What an answer says of itself from the beginning.
#[derive(Debug)]
pub(super) struct Head {
    /// What the ids of the answer and of its items have in common.
    pub(super) stem: String,
    created: u64,
    model: String,
    echo: String,
}

impl Head {
    /// Of an answer that the provider names so. Its own id is the envelope's: the provider's means nothing in this
    /// dialect, where ids can be referred to.
    pub(super) fn new(
        envelope: &Envelope,
        id: Option<&str>,
        model: Option<&str>,
        created: Option<u64>,
    ) -> Self {
        let id = if envelope.id.is_empty() { id.unwrap_or("0") } else { envelope.id.as_str() };
        let model = model.filter(|model| !model.is_empty()).unwrap_or(&envelope.model);
        let echo = if envelope.echo.is_empty() { echo::silent() } else { envelope.echo.clone() };
        Head {
            stem: id.strip_prefix(PREFIX).unwrap_or(id).to_owned(),
            created: created.unwrap_or(envelope.created),
            model: model.to_owned(),
            echo,
        }
    }

    /// About how many bytes a response without items has.
    pub(super) fn size(&self) -> usize {
        self.echo.len() + self.model.len() + 512
    }

    /// Writes the response object. No `ending`: it is still in the making.
    pub(super) fn write(
        &self,
        json: &mut Json,
        ending: Option<Stop>,
        items: &[&Item<'_>],
        usage: Option<Usage>,
    ) {
        let (status, incomplete) = ending.map_or(("in_progress", None), status);
        json.object(|json| {
            json.key("id").text(&format!("{PREFIX}{}", self.stem));
            json.key("object").text("response");
            json.key("created_at").number(self.created);
            json.key("status").text(status);
            json.key("error").raw("null");
            match incomplete {
                Some(reason) => json.key("incomplete_details").object(|json| json.key("reason").text(reason)),
                None => json.key("incomplete_details").raw("null"),
            }
            json.key("model").text(&self.model);
            json.key("output").array(|json| {
                for (index, item) in items.iter().enumerate() {
                    item.write(json, item_status(ending, index + 1 == items.len()));
                }
            });
            json.members(&self.echo);
            match usage {
                Some(told) => write_usage(json.key("usage"), told),
                None => json.key("usage").raw("null"),
            }
        });
    }
}

const PREFIX: &str = "resp_";

/// The status of an answer that ended so, and why it is not complete.
pub(super) fn status(stop: Stop) -> (&'static str, Option<&'static str>) {
    match stop {
        Stop::End | Stop::StopSequence | Stop::ToolUse => ("completed", None),
        // A pause is like a cap: there is more to come, if it is asked for.
        Stop::Length | Stop::Pause => ("incomplete", Some("max_output_tokens")),
        Stop::Refusal => ("incomplete", Some("content_filter")),
    }
}

/// The status of an item: what was cut off is the last one.
pub(super) fn item_status(ending: Option<Stop>, last: bool) -> &'static str {
    match ending {
        Some(stop) if last => status(stop).0,
        _ => "completed",
    }
}

/// Writes what an answer cost. Counts that nobody told are nought: this dialect must have them all.
fn write_usage(json: &mut Json, usage: Usage) {
    let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
    json.object(|json| {
        json.key("input_tokens").number(input);
        json.key("input_tokens_details").object(|json| {
            json.key("cached_tokens").number(usage.cached.unwrap_or(0));
            json.key("cache_write_tokens").number(usage.cache_write.unwrap_or(0));
        });
        json.key("output_tokens").number(output);
        json.key("output_tokens_details")
            .object(|json| json.key("reasoning_tokens").number(usage.reasoning.unwrap_or(0)));
        json.key("total_tokens").number(input.saturating_add(output));
    });
}

/// Whether a part that is said may go on with this item.
pub(super) fn goes_on(item: &Item<'_>) -> bool {
    matches!(item.body, Body::Message(_))
}
