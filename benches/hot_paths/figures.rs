//! Latencies and rates.

use std::time::Duration;

/// What was measured of one competitor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    latencies: Vec<Duration>,
    elapsed: Duration,
}

impl Figures {
    /// Adds operations that took this long each, done within `elapsed`.
    pub(crate) fn add(&mut self, latencies: &[Duration], elapsed: Duration) {
        self.latencies.extend_from_slice(latencies);
        self.elapsed += elapsed;
    }

    /// Of operations that ran one after another.
    pub(crate) fn of(latencies: &[Duration]) -> Self {
        let mut figures = Self::default();
        figures.add(latencies, latencies.iter().sum());
        figures
    }

    /// How many operations were measured.
    pub(crate) fn count(&self) -> usize {
        self.latencies.len()
    }

    /// The latency that half of the operations stayed within.
    pub(crate) fn p50(&self) -> Duration {
        self.quantile(50)
    }

    /// The latency that 99 of 100 operations stayed within; the longest where there are fewer than 100.
    pub(crate) fn p99(&self) -> Duration {
        self.quantile(99)
    }

    /// The nearest rank: the smallest latency that `percent` of the operations stayed within.
    fn quantile(&self, percent: usize) -> Duration {
        let rank = (self.latencies.len() * percent).div_ceil(100);
        let mut latencies = self.latencies.clone();
        if latencies.is_empty() {
            return Duration::ZERO;
        }
        *latencies.select_nth_unstable(rank.saturating_sub(1)).1
    }

    /// Operations per second.
    pub(crate) fn per_second(&self) -> f64 {
        rate(self.count(), self.elapsed)
    }
}

/// How many per second.
pub(crate) fn rate(count: usize, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// E.g. `640 ns`, `83.1 µs`, `4.20 ms`, `1.73 s`.
pub(crate) fn show_duration(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos() as f64;
    let (value, unit) = match nanoseconds {
        small if small < 1e3 => return format!("{small:.0} ns"),
        small if small < 1e6 => (nanoseconds / 1e3, "µs"),
        medium if medium < 1e9 => (nanoseconds / 1e6, "ms"),
        _ => (nanoseconds / 1e9, "s"),
    };
    match value {
        value if value < 10.0 => format!("{value:.2} {unit}"),
        value if value < 100.0 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    }
}

/// E.g. `10,700`.
pub(crate) fn show_number(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// E.g. `0.93×`.
pub(crate) fn show_ratio(value: f64, baseline: f64) -> String {
    if baseline <= 0.0 {
        return "—".to_owned();
    }
    let ratio = value / baseline;
    if ratio < 10.0 { format!("{ratio:.2}×") } else { format!("{}×", show_number(ratio)) }
}
