//! The bound on what callers name. Tenants, keys, models and providers are configured and therefore few; end users
//! and tags come from callers. So many of them are counted apart on a day; the rest are counted together, and no
//! sum changes by that.

use std::collections::{BTreeMap, BTreeSet};

use flyball_core::TenantId;
use sqlx::SqliteConnection;

use super::roll_up::{Cell, NO_TAGS};
use super::time::Day;
use crate::error::Fault;

/// End users of one tenant that are counted apart on one day in UTC. Those who come later that day are counted
/// together as [`OTHER_USERS`].
pub const MAX_END_USERS: u32 = 10_000;
/// Different lists of tags of one tenant that are counted apart on one day in UTC. Later ones are counted together
/// under the one tag [`OTHER_TAG`].
pub const MAX_TAG_LISTS: u32 = 1_000;
/// Stands for the end users beyond [`MAX_END_USERS`]. A real pseudonym is this one with a chance of 2^-64.
pub const OTHER_USERS: u64 = u64::MAX;
/// Stands for the tags beyond [`MAX_TAG_LISTS`].
pub const OTHER_TAG: &str = "*";
/// The list of [`OTHER_TAG`].
const OTHER_TAGS: &str = r#"["*"]"#;

/// How many days names are remembered after they were used. A settlement that comes later still counts; only the
/// number of names of its day begins again.
const REMEMBERED: i64 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    EndUser,
    Tags,
}

impl Named {
    fn name(self) -> &'static str {
        match self {
            Named::EndUser => "end_user",
            Named::Tags => "tags",
        }
    }

    fn most(self) -> u32 {
        match self {
            Named::EndUser => MAX_END_USERS,
            Named::Tags => MAX_TAG_LISTS,
        }
    }
}

type Of<'c> = (Day, &'c TenantId, Named);

/// The names of a batch that are not counted apart.
#[derive(Default)]
pub(super) struct Others<'c>(BTreeSet<(Of<'c>, String)>);

impl<'c> Others<'c> {
    /// The end user and the tags under which `cell` is counted.
    pub(super) fn named(&self, cell: &'c Cell) -> (u64, &'c str) {
        if self.0.is_empty() {
            return (cell.end_user, &cell.tags);
        }
        let (mut end_user, mut tags) = (cell.end_user, &*cell.tags);
        for name in names(cell) {
            if self.0.contains(&name) {
                match name.0.2 {
                    Named::EndUser => end_user = OTHER_USERS,
                    Named::Tags => tags = OTHER_TAGS,
                }
            }
        }
        (end_user, tags)
    }
}

fn names(cell: &Cell) -> impl Iterator<Item = (Of<'_>, String)> {
    let day = Day::from(cell.quarter.start());
    let user = (cell.end_user != 0 && cell.end_user != OTHER_USERS)
        .then(|| ((day, &cell.tenant, Named::EndUser), format!("{:016x}", cell.end_user)));
    let tags = (cell.tags != NO_TAGS && cell.tags != OTHER_TAGS)
        .then(|| ((day, &cell.tenant, Named::Tags), cell.tags.clone()));
    user.into_iter().chain(tags)
}

/// Notes the names in `cells` as far as there is place for them, forgets those of old days, and says which names
/// found no place.
pub(super) async fn note<'c>(
    connection: &mut SqliteConnection,
    cells: impl Iterator<Item = &'c Cell>,
) -> Result<Others<'c>, Fault> {
    let mut wanted: BTreeMap<Of<'c>, BTreeSet<String>> = BTreeMap::new();
    for (of, name) in cells.flat_map(names) {
        wanted.entry(of).or_default().insert(name);
    }
    let Some(newest) = wanted.keys().map(|(day, ..)| *day).max() else { return Ok(Others::default()) };
    sqlx::query("DELETE FROM usage_names WHERE day < $1")
        .bind(newest.0 - REMEMBERED)
        .execute(&mut *connection)
        .await?;
    let mut others = Others::default();
    for (of, names) in wanted {
        let mut places = free_places(connection, of).await?;
        for name in names {
            let known = if places > 0 {
                let added = add(connection, of, &name).await?;
                places -= i64::from(added);
                true
            } else {
                is_known(connection, of, &name).await?
            };
            if !known {
                others.0.insert((of, name));
            }
        }
    }
    Ok(others)
}

async fn free_places(connection: &mut SqliteConnection, (day, tenant, named): Of<'_>) -> Result<i64, Fault> {
    let taken: i64 = sqlx::query_scalar(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM usage_names WHERE day = $1 AND tenant = $2 AND dimension = $3",
    )
    .bind(day.0)
    .bind(tenant.as_str())
    .bind(named.name())
    .fetch_one(connection)
    .await?;
    Ok(i64::from(named.most()) - taken)
}

/// Whether the name is new.
async fn add(
    connection: &mut SqliteConnection,
    (day, tenant, named): Of<'_>,
    name: &str,
) -> Result<bool, Fault> {
    let inserted = sqlx::query(
        "INSERT INTO usage_names (day, tenant, dimension, name) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(day.0)
    .bind(tenant.as_str())
    .bind(named.name())
    .bind(name)
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

async fn is_known(
    connection: &mut SqliteConnection,
    (day, tenant, named): Of<'_>,
    name: &str,
) -> Result<bool, Fault> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT day FROM usage_names WHERE day = $1 AND tenant = $2 AND dimension = $3 AND name = $4",
    )
    .bind(day.0)
    .bind(tenant.as_str())
    .bind(named.name())
    .bind(name)
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}
