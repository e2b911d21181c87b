//! Schedules: seven-field entries (TS-0004 clause 7.4.9.1) and the windows they open.
//!
//! Fields: second, minute, hour, day of month, month, day of week (0 is Sunday), year; in UTC. A field is `*`, a
//! number, a range `a-b`, a step `*/s` or `a-b/s`, or a comma list of these. A moment is inside an entry if all
//! seven fields match it; any entry opens the window.

use crate::env::Timestamp;
use crate::text::Text;
use alloc::vec::Vec;

/// The allowed numbers of each field.
const RANGES: [(u32, u32); 7] = [
    (0, 59),
    (0, 59),
    (0, 23),
    (1, 31),
    (1, 12),
    (0, 6),
    (2000, 9999),
];

/// How far ahead an opening is looked for, in days: the calendar repeats by then.
const HORIZON_DAYS: u64 = 366 * 28;

const SECOND_MS: u64 = 1_000;
const DAY_SECONDS: u64 = 86_400;

/// One entry, as the numbers each field allows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry([Vec<(u32, u32, u32)>; 7]);

impl Entry {
    /// Parses an entry; `None` if it is not well-formed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace();
        let mut entry = Self([const { Vec::new() }; 7]);
        for (parts, range) in entry.0.iter_mut().zip(RANGES) {
            for part in fields.next()?.split(',') {
                parts.push(parse_part(part, range)?);
            }
        }
        fields.next().is_none().then_some(entry)
    }

    fn allows(&self, field: usize, number: u32) -> bool {
        self.0.get(field).is_some_and(|parts| {
            parts.iter().any(|(low, high, step)| {
                (*low..=*high).contains(&number) && (number - low).is_multiple_of(*step)
            })
        })
    }

    fn allows_day(&self, day: u64) -> bool {
        let (year, month, day_of_month) = civil(day);
        let weekday = u32::try_from((day + 4) % 7).unwrap_or(0);
        self.allows(3, day_of_month)
            && self.allows(4, month)
            && self.allows(5, weekday)
            && self.allows(6, year)
    }

    fn allows_second(&self, second_of_day: u64) -> bool {
        let part = |n: u64| u32::try_from(n).unwrap_or(0);
        self.allows(0, part(second_of_day % 60))
            && self.allows(1, part(second_of_day / 60 % 60))
            && self.allows(2, part(second_of_day / 3600))
    }

    /// The first second of the day, from `from` on, that the entry allows.
    fn next_second(&self, from: u64) -> Option<u64> {
        let mut second = from;
        while second < DAY_SECONDS {
            let hour = u32::try_from(second / 3600).unwrap_or(0);
            let minute = u32::try_from(second / 60 % 60).unwrap_or(0);
            if !self.allows(2, hour) {
                second = (second / 3600 + 1) * 3600;
            } else if !self.allows(1, minute) {
                second = (second / 60 + 1) * 60;
            } else if !self.allows_second(second) {
                second += 1;
            } else {
                return Some(second);
            }
        }
        None
    }

    /// The first moment, from `now` on, inside the entry.
    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let seconds = now.0 / SECOND_MS;
        let today = seconds / DAY_SECONDS;
        for day in today..today.saturating_add(HORIZON_DAYS) {
            let from = if day == today {
                seconds % DAY_SECONDS
            } else {
                0
            };
            if self.allows_day(day)
                && let Some(second) = self.next_second(from)
            {
                let opens = Timestamp((day * DAY_SECONDS + second) * SECOND_MS);
                return Some(opens.max(now));
            }
        }
        None
    }
}

/// The first moment, from `now` on, at which any of the entries opens the window; no entries: always open.
#[must_use]
pub fn next_open(entries: &[Text], now: Timestamp) -> Option<Timestamp> {
    if entries.is_empty() {
        return Some(now);
    }
    entries
        .iter()
        .filter_map(|e| Entry::parse(e)?.next(now))
        .min()
}

/// Whether the window is open at `now`.
#[must_use]
pub fn is_open(entries: &[Text], now: Timestamp) -> bool {
    // POL-04
    entries.is_empty()
        || entries.iter().filter_map(|e| Entry::parse(e)).any(|entry| {
            let seconds = now.0 / SECOND_MS;
            entry.allows_day(seconds / DAY_SECONDS) && entry.allows_second(seconds % DAY_SECONDS)
        })
}

fn parse_part(text: &str, (low, high): (u32, u32)) -> Option<(u32, u32, u32)> {
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, number(step)?),
        None => (text, 1),
    };
    let (from, to) = match range.split_once('-') {
        _ if range == "*" => (low, high),
        Some((from, to)) => (number(from)?, number(to)?),
        None if step == 1 => (number(range)?, number(range)?),
        None => return None,
    };
    (step > 0 && low <= from && from <= to && to <= high).then_some((from, to, step))
}

fn number(text: &str) -> Option<u32> {
    (!text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

/// Year, month and day of a day counted from 1970-01-01 (proleptic Gregorian calendar).
#[must_use]
pub fn civil(day: u64) -> (u32, u32, u32) {
    let shifted = day + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    (narrow(year), narrow(month), narrow(day_of_month))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const HOUR: u64 = 3_600_000;
    /// 2027-03-01T10:05:00
    const MORNING: Timestamp = Timestamp(1_803_895_500_000);

    #[test]
    fn days_have_their_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(MORNING.0 / 86_400_000), (2027, 3, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
    }

    #[test]
    fn the_night_window_opens_at_two_on_the_next_day() {
        let night = [Text::from("* * 2-3 * * * *")];

        assert!(!is_open(&night, MORNING));
        let opens = next_open(&night, MORNING).expect("it opens");
        assert_eq!(opens.0 - MORNING.0, 16 * HOUR - 5 * 60_000);
        assert!(is_open(&night, opens));
        assert!(is_open(&night, opens.plus(2 * HOUR - 1)));
        assert!(!is_open(&night, opens.plus(2 * HOUR)));
    }

    #[test]
    fn inside_the_window_it_opens_now() {
        let at = [Text::from("* 5 10 * * * *")];

        assert_eq!(next_open(&at, MORNING.plus(17)), Some(MORNING.plus(17)));
    }

    #[test]
    fn all_seven_fields_must_match() {
        let first_of_march_2027_is_a_monday = [Text::from("* * * 1 3 1 2027")];

        assert!(is_open(&first_of_march_2027_is_a_monday, MORNING));
        assert!(!is_open(&[Text::from("* * * 1 3 2 *")], MORNING));
    }

    #[test]
    fn a_window_in_the_past_never_opens() {
        assert_eq!(next_open(&[Text::from("* * * * * * 2020")], MORNING), None);
    }

    #[rstest]
    #[case("* * * * * *")]
    #[case("* * * * * * * *")]
    #[case("60 * * * * * *")]
    #[case("5-1 * * * * * *")]
    #[case("*/0 * * * * * *")]
    #[case("a * * * * * *")]
    #[case("5/2 * * * * * *")]
    fn malformed_entries_are_refused(#[case] text: &str) {
        assert_eq!(Entry::parse(text), None);
    }

    #[rstest]
    #[case("*/10 * * * * * *")]
    #[case("0,30 10-20/5 * * * 1-5 *")]
    fn lists_ranges_and_steps_are_understood(#[case] text: &str) {
        assert!(Entry::parse(text).is_some());
    }
}
