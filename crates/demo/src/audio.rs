//! OpenAI's endpoints for sound: speech from text, and text from speech. There is no voice and no ear in them: what
//! comes out follows from lengths and prompts.

mod multipart;
mod speech;
mod transcription;

pub(crate) use speech::answer as speech;
pub(crate) use transcription::answer as transcription;
