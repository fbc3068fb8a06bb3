//! The test kit itself: the simulator over real sockets, and the harness around a stand-in for the binary.

#[cfg(test)]
mod harness;
#[cfg(test)]
mod simulator;
