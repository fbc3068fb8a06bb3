//! What each dialect calls the parameters that routes and safe mode limit. Dialects that only providers speak have
//! none: their requests are limited before they are translated.

use flyball_translation::Dialect;

/// The names of one dialect.
#[derive(Debug)]
pub(super) struct Names {
    /// Whether the body names the model.
    pub(super) model: bool,
    /// Names of the cap on output tokens.
    pub(super) output_caps: &'static [&'static str],
    /// What safe mode takes away: tools, whoever runs them, and thinking that its low cap has no room for.
    pub(super) tools: &'static [&'static str],
    /// Whether there is a `temperature`.
    pub(super) temperature: bool,
    /// Whether streams tell usage only when `stream_options.include_usage` asks for it.
    pub(super) usage_on_demand: bool,
}

impl Names {
    /// The names of a dialect; none: of calls that are no conversation.
    pub(super) fn of(dialect: Option<Dialect>) -> &'static Names {
        match dialect {
            Some(Dialect::Chat) => &CHAT,
            Some(Dialect::Completions) => &COMPLETIONS,
            Some(Dialect::Responses) => &RESPONSES,
            Some(Dialect::Messages) => &MESSAGES,
            Some(Dialect::Gemini | Dialect::Converse) => &IN_THE_ADDRESS,
            None => &NO_CONVERSATION,
        }
    }
}

const CHAT: Names = Names {
    model: true,
    output_caps: &["max_tokens", "max_completion_tokens"],
    tools: &[
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "functions",
        "function_call",
        "web_search_options",
        "plugins",
    ],
    temperature: true,
    usage_on_demand: true,
};

const COMPLETIONS: Names =
    Names { model: true, output_caps: &["max_tokens"], tools: &[], temperature: true, usage_on_demand: true };

const RESPONSES: Names = Names {
    model: true,
    output_caps: &["max_output_tokens"],
    tools: &["tools", "tool_choice", "parallel_tool_calls", "max_tool_calls"],
    temperature: true,
    usage_on_demand: false,
};

const MESSAGES: Names = Names {
    model: true,
    output_caps: &["max_tokens"],
    tools: &["tools", "tool_choice", "mcp_servers", "container", "thinking"],
    temperature: true,
    usage_on_demand: false,
};

const IN_THE_ADDRESS: Names = Names {
    model: false,
    output_caps: &[],
    // A route's defaults bring them in.
    tools: &["tools", "toolConfig"],
    temperature: false,
    usage_on_demand: false,
};

const NO_CONVERSATION: Names =
    Names { model: true, output_caps: &[], tools: &[], temperature: false, usage_on_demand: false };
