//! Nothing unrecorded: every call that left the gateway has its intent, every answer that anybody saw a byte of has
//! it on the disk, and usage is the journal's sums, whatever kills the process or ails the disk.

mod commands;
mod crash;
mod damage;
mod disk;
mod export;
mod mixed;
mod records;

use export::Export;
