//! What is measured: a cell is a way between protocols, a shape of call, a delay of the provider and a number of
//! connections. Names of cells and the filters of `--cells` are read here; nothing is run here.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::script::EVENTS;
use crate::way::Way;

/// Connections of the full matrix.
pub(crate) const CONNECTIONS: [usize; 4] = [1, 32, 128, 512];
/// Connections of the quick form.
pub(crate) const QUICK_CONNECTIONS: [usize; 2] = [1, 128];
/// Delays of the provider, milliseconds.
pub(crate) const DELAYS: [u32; 2] = [0, 20];
/// Connections of the cells of other ways than from chat to chat.
const WAY_CONNECTIONS: usize = 128;
/// Shapes of these cells, without delay.
const WAY_SHAPES: [Shape; 2] = [Shape::Plain1k, Shape::StreamBurst];

/// The form of a call and of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Shape {
    /// A body of 170 bytes, a plain answer.
    #[serde(rename = "plain-170")]
    Plain170,
    /// A prompt of 1 KB, a plain answer.
    #[serde(rename = "plain-1k")]
    Plain1k,
    /// A body of 170 bytes, 32 events that arrive together.
    StreamBurst,
    /// A body of 170 bytes, 32 events 5 ms apart.
    StreamPaced,
}

impl Shape {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Shape; 4] =
        [Shape::Plain170, Shape::Plain1k, Shape::StreamBurst, Shape::StreamPaced];

    /// The name in filters and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Shape::Plain170 => "plain-170",
            Shape::Plain1k => "plain-1k",
            Shape::StreamBurst => "stream-burst",
            Shape::StreamPaced => "stream-paced",
        }
    }

    /// The words in headings.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Shape::Plain170 => "plain, body of 170 B",
            Shape::Plain1k => "plain, prompt of 1 KB",
            Shape::StreamBurst => "streamed, 32 events together",
            Shape::StreamPaced => "streamed, 32 events 5 ms apart",
        }
    }

    /// Whether the answer is a stream.
    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Shape::StreamBurst | Shape::StreamPaced)
    }

    /// From one event to the next, milliseconds.
    pub(crate) fn pace_ms(self) -> u32 {
        if self == Shape::StreamPaced { 5 } else { 0 }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One cell of the matrix. Ordered as measured: few connections first, so that memory under few connections is not
/// that of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// Connections that the client holds, each with one call at a time.
    pub(crate) connections: usize,
    /// How long the provider waits before it answers, milliseconds.
    pub(crate) delay_ms: u32,
    /// The form of the call.
    pub(crate) shape: Shape,
    /// From which protocol to which.
    #[serde(default)]
    pub(crate) way: Way,
}

impl Cell {
    /// All delays and shapes of a call from chat to chat over so many connections.
    pub(crate) fn over(connections: usize) -> impl Iterator<Item = Cell> {
        DELAYS.into_iter().flat_map(move |delay_ms| {
            Shape::ALL.map(|shape| Cell { connections, delay_ms, shape, way: Way::ChatToChat })
        })
    }

    /// The cells of the other ways over so many connections.
    pub(crate) fn of_ways(connections: usize) -> impl Iterator<Item = Cell> {
        let ways = Way::ALL.into_iter().filter(|way| *way != Way::ChatToChat);
        ways.flat_map(move |way| WAY_SHAPES.map(|shape| Cell { connections, delay_ms: 0, shape, way }))
    }

    /// The whole matrix, in the order of measurement.
    pub(crate) fn matrix(connections: &[usize]) -> Vec<Cell> {
        let mut cells: Vec<Cell> = connections.iter().flat_map(|&number| Cell::over(number)).collect();
        cells.extend(Cell::of_ways(WAY_CONNECTIONS));
        cells.sort_unstable();
        cells
    }

    /// How long the provider itself takes from the request to the end of its answer.
    pub(crate) fn provider_time(self) -> Duration {
        let gaps = u32::try_from(EVENTS).unwrap_or(u32::MAX).saturating_sub(1);
        Duration::from_millis(u64::from(self.delay_ms) + u64::from(self.shape.pace_ms() * gaps))
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.way != Way::ChatToChat {
            write!(f, "{}:", self.way.name())?;
        }
        write!(f, "{}", self.shape)?;
        if self.delay_ms != 0 {
            write!(f, "+{}ms", self.delay_ms)?;
        }
        write!(f, "@{}", self.connections)
    }
}

/// Which cells are wanted: `WAY:`, `SHAPE`, `SHAPE+DELAYms`, `@CONNECTIONS` and combinations. What is not said is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    way: Option<Way>,
    shape: Option<Shape>,
    delay_ms: Option<u32>,
    connections: Option<usize>,
}

impl Filter {
    /// Whether the cell is wanted.
    pub(crate) fn admits(self, cell: Cell) -> bool {
        self.way.is_none_or(|way| way == cell.way)
            && self.shape.is_none_or(|shape| shape == cell.shape)
            && self.delay_ms.is_none_or(|delay| delay == cell.delay_ms)
            && self.connections.is_none_or(|connections| connections == cell.connections)
    }

    /// Whether calls of the shape from chat to chat without delay are wanted, on some number of connections.
    pub(crate) fn admits_shape(self, shape: Shape) -> bool {
        let cell = Cell { connections: 1, delay_ms: 0, shape, way: Way::ChatToChat };
        Filter { connections: None, ..self }.admits(cell)
    }

    /// The number of connections it names, which need not be one of the matrix.
    pub(crate) fn connections(self) -> Option<usize> {
        self.connections
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Filter, String> {
        let (way, text) = match text.split_once(':') {
            Some((name, rest)) => (Some(way(name)?), rest),
            None => (None, text),
        };
        let (rest, connections) = match text.split_once('@') {
            Some((rest, number)) => (rest, Some(number.parse().map_err(|_| not_a_number(number))?)),
            None => (text, None),
        };
        if connections.is_some_and(|number: usize| number == 0 || number > 4000) {
            return Err("from 1 to 4000 connections".to_owned());
        }
        let (shape, delay_ms) = match rest.split_once('+') {
            Some((shape, delay)) => {
                let number = delay.strip_suffix("ms").unwrap_or(delay);
                (shape, Some(number.parse().map_err(|_| not_a_number(number))?))
            }
            None => (rest, None),
        };
        let shape = match shape {
            "" => None,
            name => Some(Shape::ALL.into_iter().find(|shape| shape.name() == name).ok_or_else(|| {
                let names = Shape::ALL.map(Shape::name).join(", ");
                format!("unknown shape {name:?}; there are {names}")
            })?),
        };
        Ok(Filter { way, shape, delay_ms, connections })
    }
}

fn way(name: &str) -> Result<Way, String> {
    Way::ALL.into_iter().find(|way| way.name() == name).ok_or_else(|| {
        let names = Way::ALL.map(Way::name).join(", ");
        format!("unknown way {name:?}; there are {names}")
    })
}

fn not_a_number(text: &str) -> String {
    format!("{text:?} is not a whole number")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(filter: &str) -> Vec<String> {
        let filter: Filter = filter.parse().unwrap();
        let cells = Cell::matrix(&CONNECTIONS);
        cells.into_iter().filter(|cell| filter.admits(*cell)).map(|cell| cell.to_string()).collect()
    }

    #[test]
    fn a_filter_leaves_free_what_it_does_not_say() {
        assert_eq!(admitted("chat-to-chat:plain-1k@128"), ["plain-1k@128", "plain-1k+20ms@128"]);
        assert_eq!(admitted("chat-to-chat:plain-1k+0ms@128"), ["plain-1k@128"]);
        assert_eq!(admitted("chat-to-messages:stream-burst"), ["chat-to-messages:stream-burst@128"]);
        assert_eq!(admitted("plain-1k@128").len(), 2 + 4);
        assert_eq!(admitted("stream-paced+20").len(), 4);
        assert_eq!(admitted("@512").len(), 8);
        assert_eq!(admitted("").len(), 32 + 8);
    }

    #[test]
    fn a_filter_with_an_unknown_way_shape_or_number_is_refused() {
        for wrong in ["plain", "plain-1k@many", "plain-1k+soon", "plain-1k@0", "chat-to-vapour:", ":plain-1k"]
        {
            assert!(wrong.parse::<Filter>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_shape_is_wanted_with_any_connections_but_not_with_another_delay() {
        let admits = |filter: &str| filter.parse::<Filter>().unwrap().admits_shape(Shape::Plain1k);
        assert!(admits("plain-1k@128") && admits("@1") && admits("plain-1k+0ms"));
        assert!(!admits("plain-170@128") && !admits("plain-1k+20ms") && !admits("chat-to-gemini:plain-1k"));
    }

    #[test]
    fn few_connections_are_measured_before_many() {
        let cells = Cell::matrix(&CONNECTIONS);
        assert!(cells.is_sorted_by_key(|cell| cell.connections));
    }

    #[test]
    fn a_paced_stream_takes_the_provider_thirty_one_gaps() {
        let cell = Cell { connections: 1, delay_ms: 20, shape: Shape::StreamPaced, way: Way::ChatToChat };
        assert_eq!(cell.provider_time(), Duration::from_millis(20 + 31 * 5));
    }
}
