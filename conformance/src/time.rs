//! Times as they stand on the wire: UTC, `YYYYMMDDThhmmss`, optionally a fraction.

use std::fmt;

/// Milliseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub i64);

/// Parts of a [`Stamp`] as a schedule sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields {
    /// Year.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
}

const DAY: i64 = 86_400;

impl Stamp {
    /// The system's clock. Only a live peer and the report ask it.
    #[must_use]
    pub fn system() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let millis = since.expect("the clock stands after 1970").as_millis();
        Self(i64::try_from(millis).expect("the clock stands before the year 292 million"))
    }

    /// This many milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, millis: i64) -> Self {
        Self(self.0 + millis)
    }

    /// The next full second, or this one if it is full.
    #[must_use]
    pub const fn full_second(self) -> Self {
        Self((self.0 + 999).div_euclid(1000) * 1000)
    }

    /// Calendar parts.
    #[must_use]
    pub const fn fields(self) -> Fields {
        let seconds = self.0.div_euclid(1000);
        let (day_number, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        // Days to a date in the proleptic Gregorian calendar, years starting in March.
        let shifted = day_number + 719_468;
        let era = shifted.div_euclid(146_097);
        let in_era = shifted.rem_euclid(146_097);
        let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * in_year + 2) / 153;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Fields {
            year,
            month,
            day: in_year - (153 * march_month + 2) / 5 + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    /// Reads a timestamp; `None` if it has not the form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once(',').unwrap_or((text, ""));
        let (date, clock) = whole.split_once('T')?;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if date.len() != 8 || clock.len() != 6 || fraction.len() > 6 {
            return None;
        }
        if !digits(date) || !digits(clock) || !digits(fraction) {
            return None;
        }
        let number = |part: &str| part.parse::<i64>().ok();
        let days = day_number(
            number(&date[..4])?,
            number(&date[4..6])?,
            number(&date[6..])?,
        );
        let hours = number(&clock[..2])?;
        let seconds = hours * 3600 + number(&clock[2..4])? * 60 + number(&clock[4..])?;
        let millis = number(&format!("{fraction:0<3}")[..3])?;
        Some(Self((days * DAY + seconds) * 1000 + millis))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.fields();
        write!(out, "{:04}{:02}{:02}T", at.year, at.month, at.day)?;
        write!(out, "{:02}{:02}{:02}", at.hour, at.minute, at.second)?;
        match self.0.rem_euclid(1000) {
            0 => Ok(()),
            millis => write!(out, ",{millis:03}"),
        }
    }
}

const fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = (month + 9) % 12;
    let in_year = (153 * march_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + in_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_survives_reading_and_writing() {
        for text in ["20270301T100130", "20280229T235959,250", "19991231T000000"] {
            assert_eq!(Stamp::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_forms_are_no_timestamps() {
        for text in [
            "",
            "20270301",
            "20270301T1001",
            "2027-03-01T10:01:30",
            "20270301T100130Z",
        ] {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_known_elsewhere_has_its_calendar_date() {
        assert_eq!(Stamp(1_700_000_000_000).to_string(), "20231114T221320");
    }

    #[test]
    fn the_next_full_second_is_not_earlier() {
        assert_eq!(Stamp(1001).full_second(), Stamp(2000));
        assert_eq!(Stamp(2000).full_second(), Stamp(2000));
    }
}
