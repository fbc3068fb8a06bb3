//! One block at a time: clients of messages expect a block to end before the next begins, while other providers' calls
//! of tools may come in turns. What belongs to a later block waits for those before it.

use std::collections::VecDeque;

use crate::events::Written;

/// Puts the events of blocks that are open together one block after the other.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// The block that is being told.
    current: Option<u32>,
    /// Blocks that began meanwhile, in their order.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    part: u32,
    events: Vec<Written>,
    complete: bool,
}

impl Sequence {
    /// A block begins.
    pub(super) fn open(&mut self, part: u32, event: Written, out: &mut Vec<Written>) {
        if self.current.is_none() {
            self.current = Some(part);
            out.push(event);
        } else {
            self.waiting.push_back(Waiting { part, events: vec![event], complete: false });
        }
    }

    /// A block goes on.
    pub(super) fn piece(&mut self, part: u32, event: Written, out: &mut Vec<Written>) {
        if self.current == Some(part) {
            out.push(event);
        } else if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.part == part) {
            waiting.events.push(event);
        }
    }

    /// A block ends. Those that waited for it are told, up to one that is not complete: it is told from now on.
    pub(super) fn close(&mut self, part: u32, event: Written, out: &mut Vec<Written>) {
        if self.current != Some(part) {
            if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.part == part) {
                waiting.events.push(event);
                waiting.complete = true;
            }
            return;
        }
        out.push(event);
        self.current = None;
        while let Some(next) = self.waiting.pop_front() {
            out.extend(next.events);
            if !next.complete {
                self.current = Some(next.part);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &'static str) -> Written {
        Written { name: None, data: text.into() }
    }

    #[test]
    fn blocks_that_are_open_together_are_told_one_after_the_other() {
        let mut sequence = Sequence::default();
        let mut out = Vec::new();
        sequence.open(0, event("0 begins"), &mut out);
        sequence.open(1, event("1 begins"), &mut out);
        sequence.open(2, event("2 begins"), &mut out);
        sequence.piece(1, event("1"), &mut out);
        sequence.piece(0, event("0"), &mut out);
        sequence.close(1, event("1 ends"), &mut out);
        assert_eq!(out, [event("0 begins"), event("0")]);
        sequence.close(0, event("0 ends"), &mut out);
        sequence.piece(2, event("2"), &mut out);
        sequence.close(2, event("2 ends"), &mut out);
        let rest = ["0 ends", "1 begins", "1", "1 ends", "2 begins", "2", "2 ends"].map(event);
        assert_eq!(out[2..], rest);
    }
}
