//! The one integration test binary: behaviour of the real `flyball` binary over real sockets, and the house rules
//! of the repository itself. One file per behaviour; what can be tested inside a crate is tested there.

#[cfg(test)]
mod access;
#[cfg(test)]
mod agents;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod endpoints;
#[cfg(test)]
mod endurance;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod fuzz_corpora;
#[cfg(test)]
mod guarded;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod passthrough;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod provider_faults;
#[cfg(test)]
mod provoked;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod references;
#[cfg(test)]
mod sdk;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod usage;
#[cfg(test)]
mod usage_counting;
