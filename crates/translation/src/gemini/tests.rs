//! What is tested of `generateContent`: requests written, answers and streams read.

mod answers;
mod requests;
