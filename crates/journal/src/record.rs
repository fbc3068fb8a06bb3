//! The records. Each is a protocol buffers message (<https://protobuf.dev/programming-guides/encoding/>), so that a
//! reader of another version skips fields it does not know, and an outsider can decode them with any library: the
//! field numbers are documented in `docs/reference/journal-format.md`. How records are framed is not here.

/// Whose exchange it is, and what it asks for. Stands in intents and in settlements, so that each can be read alone.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Subject {
    /// The tenant's name.
    #[prost(string, tag = "1")]
    pub tenant: String,
    /// The id of the API key that called, 16 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub key: Vec<u8>,
    /// A fingerprint of the principal as it was (tenant, key, role, models, expiry): the first 8 bytes of a SHA-256.
    #[prost(fixed64, tag = "3")]
    pub principal: u64,
    /// A pseudonym of the end user whom the caller named; 0: nobody was named.
    #[prost(fixed64, tag = "4")]
    pub end_user: u64,
    /// A pseudonym of the session that the caller named; 0: none was.
    #[prost(fixed64, tag = "5")]
    pub session: u64,
    /// The tags that the exchange is counted under, sorted, none twice.
    #[prost(string, repeated, tag = "6")]
    pub tags: Vec<String>,
    /// What is wanted: `chat`, `embeddings`; empty when the request was refused before that was known.
    #[prost(string, tag = "7")]
    pub operation: String,
    /// Whether the answer is a stream of events.
    #[prost(bool, tag = "8")]
    pub stream: bool,
    /// The public model name of the route; empty when none was found.
    #[prost(string, tag = "9")]
    pub route: String,
    /// The provider behind it; empty when none was called.
    #[prost(string, tag = "10")]
    pub provider: String,
    /// The provider's name of the model; empty when none was called.
    #[prost(string, tag = "11")]
    pub model: String,
    /// When the exchange began, in microseconds since 1970.
    #[prost(uint64, tag = "12")]
    pub began: u64,
}

/// How many findings of one kind.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Count {
    /// The kind, as in policies.
    #[prost(string, tag = "1")]
    pub kind: String,
    /// How many.
    #[prost(uint32, tag = "2")]
    pub count: u32,
}

/// What was seen and decided.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Verdict {
    /// The strictest action: `allow`, `mask`, `summarize`, `safe_mode`, `block`.
    #[prost(string, tag = "1")]
    pub action: String,
    /// The ids of the rules that matched, in the policy's order.
    #[prost(string, repeated, tag = "2")]
    pub rules: Vec<String>,
    /// Findings by kind.
    #[prost(message, repeated, tag = "3")]
    pub findings: Vec<Count>,
    /// Controls that failed and were configured to let the exchange go on.
    #[prost(string, repeated, tag = "4")]
    pub failed_open: Vec<String>,
}

/// The bound that is held against budgets while the exchange runs: what it can cost at most, as long as the provider
/// bills what it was asked for.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Reservation {
    /// Tokens read at most.
    #[prost(uint64, tag = "1")]
    pub input: u64,
    /// Tokens written at most.
    #[prost(uint64, tag = "2")]
    pub output: u64,
    /// Their price in millionths of the currency unit; absent when no price is known.
    #[prost(int64, optional, tag = "3")]
    pub cost: Option<i64>,
}

/// Written before a provider is called, once for each attempt.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Intent {
    /// The exchange's id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub exchange: Vec<u8>,
    /// When it was written, in microseconds since 1970.
    #[prost(uint64, tag = "2")]
    pub time: u64,
    /// Which attempt it is, from 1.
    #[prost(uint32, tag = "3")]
    pub attempt: u32,
    /// Whose, and what for.
    #[prost(message, optional, tag = "4")]
    pub subject: Option<Subject>,
    /// What was decided on the request.
    #[prost(message, optional, tag = "5")]
    pub verdict: Option<Verdict>,
    /// The policy's SHA-256, 32 bytes.
    #[prost(bytes = "vec", tag = "6")]
    pub policy: Vec<u8>,
    /// The number of the configuration snapshot.
    #[prost(uint64, tag = "7")]
    pub snapshot: u64,
    /// The salt of this exchange's hashes, 16 random bytes.
    #[prost(bytes = "vec", tag = "8")]
    pub salt: Vec<u8>,
    /// SHA-256 of the salt and the body that is sent, 32 bytes.
    #[prost(bytes = "vec", tag = "9")]
    pub input_hash: Vec<u8>,
    /// What is held for it.
    #[prost(message, optional, tag = "10")]
    pub reservation: Option<Reservation>,
}

/// How tokens became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Counting {
    /// There is nothing to count: no provider did any work.
    Nothing = 0,
    /// The provider told.
    Reported = 1,
    /// The provider did not tell, or not to the end: counted by our own tokenizer.
    Counted = 2,
    /// Nobody knows, because the process died: the reservation stands for it.
    Estimated = 3,
}

/// Tokens of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Usage {
    /// Tokens read, cached ones included.
    #[prost(uint64, tag = "1")]
    pub input: u64,
    /// Tokens read from the provider's prompt cache.
    #[prost(uint64, tag = "2")]
    pub cached_input: u64,
    /// Tokens written.
    #[prost(uint64, tag = "3")]
    pub output: u64,
    /// How they became known.
    #[prost(enumeration = "Counting", tag = "4")]
    pub counting: i32,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Outcome {
    /// The caller got the whole answer.
    Answered = 0,
    /// The policy stopped it.
    Blocked = 1,
    /// It ended with another refusal or a fault; `refusal` says which.
    Failed = 2,
    /// The caller went away.
    Abandoned = 3,
    /// The process died while it ran.
    Interrupted = 4,
}

/// Written once when an exchange has ended. Without an intent before it, the exchange never left us.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Settlement {
    /// The exchange's id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub exchange: Vec<u8>,
    /// When it was written, in microseconds since 1970.
    #[prost(uint64, tag = "2")]
    pub time: u64,
    /// Whose, and what for.
    #[prost(message, optional, tag = "3")]
    pub subject: Option<Subject>,
    /// What was decided on request and answer together; findings are those of the answer, and those of the request
    /// when no intent says them.
    #[prost(message, optional, tag = "4")]
    pub verdict: Option<Verdict>,
    /// How it ended.
    #[prost(enumeration = "Outcome", tag = "5")]
    pub outcome: i32,
    /// The E-code of the refusal; empty when there was none.
    #[prost(string, tag = "6")]
    pub refusal: String,
    /// Its tokens.
    #[prost(message, optional, tag = "7")]
    pub usage: Option<Usage>,
    /// What they cost in millionths of the currency unit; absent when no price is known.
    #[prost(int64, optional, tag = "8")]
    pub cost: Option<i64>,
    /// How often a provider was called.
    #[prost(uint32, tag = "9")]
    pub attempts: u32,
    /// From the beginning to the head of the provider's answer, in microseconds; absent when there was none.
    #[prost(uint64, optional, tag = "10")]
    pub first_byte: Option<u64>,
    /// From the beginning to the end, in microseconds.
    #[prost(uint64, tag = "11")]
    pub total: u64,
    /// SHA-256 of the salt and the bytes of the answer that were released, 32 bytes; empty when none were.
    #[prost(bytes = "vec", tag = "12")]
    pub output_hash: Vec<u8>,
    /// The policy's SHA-256 where no intent says it, 32 bytes.
    #[prost(bytes = "vec", tag = "13")]
    pub policy: Vec<u8>,
    /// The number of the configuration snapshot where no intent says it.
    #[prost(uint64, tag = "14")]
    pub snapshot: u64,
    /// The salt where no intent says it, 16 bytes.
    #[prost(bytes = "vec", tag = "15")]
    pub salt: Vec<u8>,
    /// SHA-256 of the salt and the body as it came, where no intent says it, 32 bytes; empty when there was no body.
    #[prost(bytes = "vec", tag = "16")]
    pub input_hash: Vec<u8>,
}

/// One record of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Something is about to leave us.
    Intent(Intent),
    /// Something ended.
    Settlement(Settlement),
}
