//! Questions about usage and the rows of their answers.

use flyball_core::{Counting, KeyId, TenantId};

use super::time::{Day, Quarter, Span};
use super::totals::UsageTotals;

/// Rows of a report at most.
pub const MAX_ROWS: u32 = 10_000;

/// What usage is told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The tenant; within a tenant's scope always the same.
    Tenant,
    /// The day, in the zone that the query's spans describe.
    Day,
    /// The hour, in the same zone. When clocks are set back there are two hours of the same name.
    Hour,
    /// The key that called.
    Key,
    /// The pseudonym of the end user.
    EndUser,
    /// The public model name.
    Model,
    /// The provider's name.
    Provider,
    /// The operation's name.
    Operation,
    /// The tag. An exchange with several tags is in the row of each of them, so that these rows do not add up to
    /// the whole.
    Tag,
    /// How the tokens became known.
    Counting,
}

/// What to leave out: each field that is present counts only the exchanges that have this value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// The key that called.
    pub key: Option<KeyId>,
    /// The pseudonym of the end user; 0 for exchanges that named none.
    pub end_user: Option<u64>,
    /// The public model name.
    pub model: Option<String>,
    /// The provider's name.
    pub provider: Option<String>,
    /// The operation's name.
    pub operation: Option<String>,
    /// One of the tags. Together with [`Dimension::Tag`] this is the only tag that gets rows.
    pub tag: Option<String>,
    /// How the tokens became known.
    pub counting: Option<Counting>,
}

/// Which time to sum, which exchanges, and what to tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    /// The time: stretches in order that do not overlap, one for each offset of the zone.
    pub spans: Vec<Span>,
    /// Which exchanges.
    pub only: UsageFilter,
    /// The dimensions to tell apart, in any order; none asks for one sum.
    pub by: Vec<Dimension>,
}

impl UsageQuery {
    /// Whether `dimension` is to be told apart.
    pub(super) fn tells(&self, dimension: Dimension) -> bool {
        self.by.contains(&dimension)
    }
}

/// What the exchanges of a row have in common. A field is present exactly when the query asked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageGroup {
    /// The tenant.
    pub tenant: Option<TenantId>,
    /// The day in the query's zone.
    pub day: Option<Day>,
    /// The first quarter of the hour, or of that part of it which lies in one span.
    pub hour: Option<Quarter>,
    /// The key.
    pub key: Option<KeyId>,
    /// The end user's pseudonym; 0 for exchanges that named none.
    pub end_user: Option<u64>,
    /// The public model name; empty for exchanges without a route.
    pub model: Option<String>,
    /// The provider's name; empty for exchanges that called none.
    pub provider: Option<String>,
    /// The operation's name; empty for exchanges that ended before it was known.
    pub operation: Option<String>,
    /// The tag; empty for exchanges without any.
    pub tag: Option<String>,
    /// How the tokens became known.
    pub counting: Option<Counting>,
}

/// One row of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// What its exchanges have in common.
    pub group: UsageGroup,
    /// The sums.
    pub totals: UsageTotals,
}
