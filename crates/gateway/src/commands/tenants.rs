//! `flyball tenants`: create and list.

use clap::Subcommand;
use flyball_core::TenantId;

use super::ConfigArgs;
use super::operator::{Absent, act};
use super::output::{Outcome, Output, table, time};

/// Subcommands of `tenants`.
#[derive(Subcommand)]
pub(super) enum Tenants {
    /// Create a tenant.
    Create {
        /// Its name: 1 to 64 of a-z, 0-9 and '-', starting with a letter or digit.
        name: TenantId,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// List all tenants.
    List(ConfigArgs),
}

pub(super) fn run(command: &Tenants, output: Output) -> Outcome {
    match command {
        Tenants::Create { name, config } => {
            let created = act(config, Absent::Make, async |operator| operator.create_tenant(name).await)?;
            output.show(&created, || {
                format!("created tenant {0}; give it a key: flyball keys create --tenant {0}", created.id)
            })
        }
        Tenants::List(config) => {
            let tenants = act(config, Absent::Refuse, async |operator| operator.tenants().await)?;
            output.show(&tenants, || {
                table(["TENANT", "CREATED"], tenants.iter().map(|row| [row.id.clone(), time(row.created_at)]))
            })
        }
    }
}
