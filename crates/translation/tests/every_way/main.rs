//! One answer from every provider, plain and streamed, as every caller reads it: the same words, the same calls, the
//! same counts. And one conversation from every caller, turn after turn, as every provider is given it.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod told;
