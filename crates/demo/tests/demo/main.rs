//! The demo model through its public surface, one file per behaviour. One binary, so that it links once.

#[cfg(test)]
mod audio;
#[cfg(test)]
mod bad_requests;
#[cfg(test)]
mod completions;
#[cfg(test)]
mod converse;
#[cfg(test)]
mod converse_rules;
#[cfg(test)]
mod embeddings;
#[cfg(test)]
mod gemini;
#[cfg(test)]
mod gemini_rules;
#[cfg(test)]
mod log;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod responses;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod services;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod skills;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tools;
