//! How commands print and end: text for people or JSON for programs, an exit code for both. A closed pipe is the
//! reader's way of saying that it has seen enough. Log lines of a serving gateway are not printed here.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};

/// How a command ends that did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was tried and failed.
    Failed = 1,
    /// Usage, configuration or policy is wrong.
    Wrong = 2,
    /// The gateway, or the state in its place, said no.
    Refused = 3,
}

impl Ending {
    fn name(self) -> &'static str {
        match self {
            Ending::Failed => "failed",
            Ending::Wrong => "wrong",
            Ending::Refused => "refused",
        }
    }
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(super) struct Failure {
    ending: Ending,
    /// Absent when the command's own output says it.
    message: Option<String>,
    details: Option<Value>,
}

impl Failure {
    pub(super) fn new(ending: Ending, message: impl Into<String>) -> Self {
        Failure { ending, message: Some(message.into()), details: None }
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Failure::new(Ending::Failed, message)
    }

    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Failure::new(Ending::Wrong, message)
    }

    pub(super) fn refused(message: impl Into<String>) -> Self {
        Failure::new(Ending::Refused, message)
    }

    /// What went wrong is in the output already.
    pub(super) fn told(ending: Ending) -> Self {
        Failure { ending, message: None, details: None }
    }

    /// Puts what it is about in front of the message.
    #[must_use]
    pub(super) fn saying(mut self, subject: &str) -> Self {
        self.message = self.message.map(|message| format!("{subject}: {message}"));
        self
    }

    /// More for programs than the message says.
    #[must_use]
    pub(super) fn with_details(mut self, details: impl Serialize) -> Self {
        self.details = serde_json::to_value(details).ok();
        self
    }
}

/// What a command returns.
pub(super) type Outcome = Result<(), Failure>;

/// Where a command prints.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Output { json }
    }

    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// Prints a result: `value` for programs, `text` for people.
    ///
    /// # Errors
    /// When standard output cannot be written, unless its reader has gone.
    pub(super) fn show(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Outcome {
        let text = if self.json {
            serde_json::to_string(value).map_err(|error| Failure::failed(error.to_string()))?
        } else {
            text()
        };
        self.write(&text)?;
        if text.ends_with('\n') { Ok(()) } else { self.write("\n") }
    }

    /// Prints a piece of text as it is.
    ///
    /// # Errors
    /// When standard output cannot be written, unless its reader has gone.
    pub(super) fn write(self, text: &str) -> Outcome {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::failed(format!("the output cannot be written: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Says on standard error what went wrong, and gives the exit code.
    pub(super) fn end(self, outcome: Outcome) -> ExitCode {
        let Err(failure) = outcome else { return ExitCode::SUCCESS };
        if let Some(message) = failure.message {
            let text = if self.json {
                let mut error = json!({ "kind": failure.ending.name(), "message": message });
                if let (Some(details), Some(error)) = (failure.details, error.as_object_mut()) {
                    error.insert("details".to_owned(), details);
                }
                json!({ "error": error }).to_string()
            } else {
                format!("flyball: {message}")
            };
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
        ExitCode::from(failure.ending as u8)
    }
}

/// Columns of text, as wide as their longest cell.
pub(super) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A point in time as people read it, in UTC.
pub(super) fn time(micros: i64) -> String {
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Err(_) => "far away".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let text =
            table(["id", "name"], [["1".to_owned(), "é".to_owned()], ["long".to_owned(), "b".to_owned()]]);
        assert_eq!(text, "id    name\n1     é\nlong  b\n");
    }

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(time(0), "1970-01-01 00:00:00Z");
        assert_eq!(time(1_800_000_000_999_999), "2027-01-15 08:00:00Z");
        assert_eq!(time(i64::MAX), "far away");
    }
}
