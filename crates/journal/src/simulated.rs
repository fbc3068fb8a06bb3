//! The journal on a simulated disk that can be cut off or made to fail at any operation. Test code only.

mod crashes;
mod disk;
mod faults;
mod random;
mod rig;
