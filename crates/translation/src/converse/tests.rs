//! What is tested of Converse: requests written, answers and streams read.

mod answers;
mod requests;
