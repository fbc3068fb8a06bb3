//! Behaviour of chat.
