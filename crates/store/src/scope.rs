//! The two ways to stored data. A [`TenantScope`] carries its tenant into every statement; an [`OperatorScope`]
//! reaches across tenants and is for the operator's own actions. Who may have which is decided where credentials
//! are verified.

use flyball_core::TenantId;

use crate::keys::{AllKeys, TenantKeys};
use crate::policies::PolicyVersions;
use crate::store::Store;
use crate::tenants::Tenants;
use crate::usage::{AllUsage, TenantUsage};

/// One tenant's data and nothing else. Cheap to clone and to keep for the length of an exchange.
#[derive(Clone, Debug)]
pub struct TenantScope {
    pub(crate) store: Store,
    pub(crate) tenant: TenantId,
}

impl TenantScope {
    /// Whose data this is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The tenant's API keys.
    pub fn keys(&self) -> TenantKeys<'_> {
        TenantKeys(self)
    }

    /// The tenant's usage.
    pub fn usage(&self) -> TenantUsage<'_> {
        TenantUsage(self)
    }
}

/// What belongs to the operator, and all tenants' data for the operator's actions.
#[derive(Clone, Debug)]
pub struct OperatorScope {
    pub(crate) store: Store,
}

impl OperatorScope {
    /// The tenants.
    pub fn tenants(&self) -> Tenants<'_> {
        Tenants(self)
    }

    /// The keys of all tenants and of the operator.
    pub fn keys(&self) -> AllKeys<'_> {
        AllKeys(self)
    }

    /// The policies that were ever in force.
    pub fn policies(&self) -> PolicyVersions<'_> {
        PolicyVersions(self)
    }

    /// The usage of all tenants.
    pub fn usage(&self) -> AllUsage<'_> {
        AllUsage(self)
    }
}
