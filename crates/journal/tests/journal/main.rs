//! The journal through its public interface, on real files. Faults of the disk are simulated in the crate's own tests.

#[cfg(test)]
mod damage;
#[cfg(test)]
mod format;
#[cfg(test)]
mod life;
#[cfg(test)]
mod many;
#[cfg(test)]
mod support;
