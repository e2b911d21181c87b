//! What a run found: rows for people, and the same as JSON.

use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// All findings of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Rates.
    pub rows: Vec<Row>,
    /// Memory of idle links.
    pub memory: Vec<Memory>,
    /// Starts with a store that has something in it.
    pub recovery: Vec<Recovery>,
    /// The disk that durable rows wait for; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Disk>,
}

/// What the disk does without a CSE: append 4 KiB and have it on stable storage.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Disk {
    /// Half of the synchronizations took less, in microseconds.
    pub sync_p50_us: u64,
    /// All but one in a hundred took less.
    pub sync_p99_us: u64,
}

impl Disk {
    /// Answers in a second that this disk allows if each waits for one synchronization, and all that
    /// are open share it.
    #[must_use]
    pub fn ceiling(&self, shape: Shape) -> f64 {
        let open = u32::try_from(shape.links * shape.outstanding).unwrap_or(u32::MAX);
        let each = u32::try_from(self.sync_p50_us.max(1)).unwrap_or(u32::MAX);
        f64::from(open) * 1e6 / f64::from(each)
    }
}

/// A rate beside that of the echo.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was asked.
    pub name: &'static str,
    /// On how many links.
    pub links: usize,
    /// How many requests were open on each.
    pub outstanding: usize,
    /// Whether the answer waited for the disk.
    pub durable: bool,
    /// Answers of the CSE in a second.
    pub ours_per_s: f64,
    /// Answers of the echo in a second.
    pub echo_per_s: f64,
    /// The first as a part of the second.
    pub ratio: f64,
    /// Half of the answers of the CSE took less.
    pub p50_us: u64,
    /// All but one in a hundred took less.
    pub p99_us: u64,
}

/// Memory of idle links.
#[derive(Clone, Debug, Serialize)]
pub struct Memory {
    /// How many there were.
    pub links: usize,
    /// Resident memory of each.
    pub bytes_per_link: u64,
}

/// A start.
#[derive(Clone, Debug, Serialize)]
pub struct Recovery {
    /// Records in the store.
    pub records: usize,
    /// From opening the store to a machine that answers.
    pub seconds: f64,
}

/// How many answers came in how long, and how long each took.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Each answer's time, in ascending order.
    took: Vec<Duration>,
    /// Over which they came.
    span: Duration,
}

impl Sample {
    /// The sample of these times.
    #[must_use]
    pub fn new(mut took: Vec<Duration>, span: Duration) -> Self {
        took.sort_unstable();
        Self { took, span }
    }

    /// Answers in a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        let count = u32::try_from(self.took.len()).unwrap_or(u32::MAX);
        f64::from(count) / self.span.as_secs_f64().max(f64::EPSILON)
    }

    /// The time that so many of a hundred answers do not exceed, in microseconds.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> u64 {
        let last = self.took.len().saturating_sub(1);
        let took = self.took.get(last * percent / 100);
        took.map_or(0, |d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
    }
}

impl Row {
    /// The row of a sample beside that of the echo.
    #[must_use]
    pub fn new(name: &'static str, shape: Shape, durable: bool, ours: &Sample, echo: f64) -> Self {
        Self {
            name,
            links: shape.links,
            outstanding: shape.outstanding,
            durable,
            ours_per_s: ours.per_second(),
            echo_per_s: echo,
            ratio: if echo > 0.0 {
                ours.per_second() / echo
            } else {
                0.0
            },
            p50_us: ours.percentile(50),
            p99_us: ours.percentile(99),
        }
    }
}

/// How a load is spread.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Shape {
    /// Links.
    pub links: usize,
    /// Requests open on each.
    pub outstanding: usize,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stored = if self.durable { "durable" } else { "memory" };
        write!(
            f,
            "{:<18}{:>3} links {:>3} open  {stored:<8}{:>9.0}/s  echo {:>9.0}/s  ratio {:>5.2}  \
             p50 {:>6} us  p99 {:>6} us",
            self.name,
            self.links,
            self.outstanding,
            self.ours_per_s,
            self.echo_per_s,
            self.ratio,
            self.p50_us,
            self.p99_us
        )
    }
}
