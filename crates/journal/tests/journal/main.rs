//! The journal through its public interface, on real files. Faults of the disk are simulated in the crate's own tests.

mod damage;
mod life;
mod many;
mod support;
