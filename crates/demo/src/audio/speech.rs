//! OpenAI's speech: silence, the longer the more there is to say.

use flyball_core::tokens;
use serde::Deserialize;
use serde_json::Value;

use crate::chat::parse_error;
use crate::demo::DemoAnswer;
use crate::play::dialect::OPENAI;
use crate::rejected::Rejected;
use crate::steered::steered;

const LONGEST_INPUT: usize = 4096;
/// Samples in a second, of two bytes each, on one channel.
const RATE: u32 = 24_000;
/// Samples for each token: a fiftieth of a second.
const PER_TOKEN: u64 = 480;
/// No sound is longer than two seconds.
const MOST_SAMPLES: u64 = 48_000;
/// An MPEG-1 layer III frame of 32 kbit/s at 44.1 kHz on one channel; with nothing in it, it is silent.
const MP3_HEADER: [u8; 4] = [0xff, 0xfb, 0x10, 0xc4];
const MP3_FRAME: usize = 104;
/// Our samples in the time of one such frame (1152 of its own).
const PER_FRAME: u64 = 627;

#[derive(Debug, Deserialize)]
struct SpeechRequest {
    model: Option<String>,
    input: Option<String>,
    voice: Option<Value>,
    response_format: Option<String>,
    speed: Option<f64>,
    stream_format: Option<String>,
}

/// Answers a body. A WAV unless another format is asked for; where nothing here can write that one, a WAV under its
/// content type.
pub(crate) fn answer(body: &[u8]) -> Result<DemoAnswer, Rejected> {
    let request: SpeechRequest =
        serde_json::from_slice(body).map_err(|error| parse_error::<SpeechRequest>(body, &error))?;
    let model = request.model.as_deref().ok_or_else(|| Rejected::missing("model"))?;
    let input = request.input.as_deref().filter(|input| !input.is_empty());
    let input = input.ok_or_else(|| Rejected::missing("input"))?;
    let steered = steered(model, input, "input")?;
    let counted = tokens::count(input);
    if let Some(answer) = OPENAI.regardless(&steered.script, counted) {
        return Ok(answer);
    }
    request.check(input)?;
    let samples = (tokens::count(steered.text) * PER_TOKEN).clamp(PER_TOKEN, MOST_SAMPLES);
    let (content_type, sound) = match request.response_format.as_deref() {
        None | Some("wav") => ("audio/wav", wav(samples)),
        Some("pcm") => ("audio/pcm", pcm(samples)),
        Some("mp3") => ("audio/mpeg", mp3(samples)),
        Some("opus") => ("audio/opus", wav(samples)),
        Some("aac") => ("audio/aac", wav(samples)),
        Some("flac") => ("audio/flac", wav(samples)),
        Some(_) => {
            let message = "'response_format' must be mp3, opus, aac, flac, wav or pcm.";
            return Err(Rejected::invalid("response_format".to_owned(), message));
        }
    };
    Ok(OPENAI.document(&steered.script, content_type, sound, (counted, 0)))
}

impl SpeechRequest {
    fn check(&self, input: &str) -> Result<(), Rejected> {
        let invalid = |param: &str, message: &str| Err(Rejected::invalid(param.to_owned(), message));
        if input.chars().count() > LONGEST_INPUT {
            return invalid("input", "'input' must have at most 4096 characters.");
        }
        let named = |voice: &Value| voice.as_str().is_some_and(|name| !name.is_empty());
        match &self.voice {
            None => return Err(Rejected::missing("voice")),
            Some(voice) if !named(voice) && !voice.get("id").is_some_and(named) => {
                return invalid("voice", "'voice' must be a name, or an object with an 'id'.");
            }
            Some(_) => {}
        }
        if self.speed.is_some_and(|speed| !(0.25..=4.0).contains(&speed)) {
            return invalid("speed", "'speed' must be from 0.25 to 4.");
        }
        if self.stream_format.as_deref().is_some_and(|format| format != "audio") {
            return invalid("stream_format", "'stream_format' must be audio.");
        }
        Ok(())
    }
}

fn pcm(samples: u64) -> Vec<u8> {
    vec![0; usize::try_from(samples * 2).unwrap_or(0)]
}

/// A RIFF file with one `fmt ` and one `data` chunk.
fn wav(samples: u64) -> Vec<u8> {
    let data = pcm(samples);
    let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut wav = b"RIFF".to_vec();
    wav.extend_from_slice(&size.saturating_add(36).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    // The size of what follows, uncompressed, one channel, samples and bytes in a second, bytes and bits of a sample.
    wav.extend_from_slice(&16_u32.to_le_bytes());
    wav.extend_from_slice(&[1, 0, 1, 0]);
    wav.extend_from_slice(&RATE.to_le_bytes());
    wav.extend_from_slice(&(RATE * 2).to_le_bytes());
    wav.extend_from_slice(&[2, 0, 16, 0]);
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&size.to_le_bytes());
    wav.extend_from_slice(&data);
    wav
}

fn mp3(samples: u64) -> Vec<u8> {
    let mut frame = MP3_HEADER.to_vec();
    frame.resize(MP3_FRAME, 0);
    frame.repeat(usize::try_from(samples.div_ceil(PER_FRAME)).unwrap_or(1))
}
