//! Schedule windows chosen around the present, so that a case waits seconds and not until night.

use serde_json::{Value, json};

use crate::time::Stamp;

/// A window and the entries that describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// First moment it is open.
    pub opens: Stamp,
    /// First moment it is closed again.
    pub closes: Stamp,
    /// Seven-field entries; any of them opens it.
    pub entries: Vec<String>,
}

impl Window {
    /// A window of `length` seconds that opens at the first full second at least `lead` ms ahead.
    ///
    /// Only the second is given, so it opens once a minute; `length` must leave a gap.
    #[must_use]
    pub fn ahead(now: Stamp, lead: i64, length: i64) -> Self {
        assert!(
            (1..50).contains(&length),
            "a window of a minute never closes"
        );
        let opens = now.plus_ms(lead).full_second();
        let first = opens.fields().second;
        let last = first + length - 1;
        let field = |from: i64, to: i64| match from == to {
            true => format!("{from} * * * * * *"),
            false => format!("{from}-{to} * * * * * *"),
        };
        let entries = if last < 60 {
            vec![field(first, last)]
        } else {
            vec![field(first, 59), field(0, last - 60)]
        };
        Self {
            opens,
            closes: opens.plus_ms(length * 1000),
            entries,
        }
    }

    /// A window that stays closed for hours: one hour of the day, half a day away.
    #[must_use]
    pub fn far(now: Stamp) -> Self {
        let hour = (now.fields().hour + 12) % 24;
        let start = now.0.div_euclid(3_600_000) * 3_600_000;
        let opens = Stamp(start).plus_ms(12 * 3_600_000);
        let entries = vec![format!("* * {hour} * * * *")];
        Self {
            opens,
            closes: opens.plus_ms(3_600_000),
            entries,
        }
    }

    /// The `se` member of a policy.
    #[must_use]
    pub fn schedule(&self) -> Value {
        json!({"sce": self.entries})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Stamp {
        Stamp::parse(text).unwrap()
    }

    #[test]
    fn a_window_opens_at_a_full_second_ahead() {
        let window = Window::ahead(at("20270301T100010,400"), 2000, 8);

        assert_eq!(window.opens, at("20270301T100013"));
        assert_eq!(window.closes, at("20270301T100021"));
        assert_eq!(window.entries, ["13-20 * * * * * *"]);
    }

    #[test]
    fn a_window_over_the_minute_has_two_entries() {
        let window = Window::ahead(at("20270301T100055"), 2000, 8);

        assert_eq!(window.entries, ["57-59 * * * * * *", "0-4 * * * * * *"]);
    }

    #[test]
    fn a_single_second_at_the_seam_is_no_range() {
        let window = Window::ahead(at("20270301T100057"), 2000, 2);

        assert_eq!(window.entries, ["59 * * * * * *", "0 * * * * * *"]);
    }

    #[test]
    fn a_window_never_starts_beyond_the_minute() {
        for second in 0..60 {
            let now = Stamp(second * 1000 + 1);

            let window = Window::ahead(now, 3000, 10);

            assert!(window.entries.len() <= 2);
            assert_eq!(window.opens, Stamp(second * 1000 + 4000));
        }
    }

    #[test]
    fn a_far_window_is_half_a_day_away() {
        let window = Window::far(at("20270301T233010"));

        assert_eq!(window.entries, ["* * 11 * * * *"]);
        assert_eq!(window.opens, at("20270302T110000"));
    }
}
