//! Timestamps: `YYYYMMDDThhmmss`, optionally `,` and one to six digits of a second (TS-0004 clause
//! 6.3.3); in UTC.

use m2m_machine::Timestamp;
use m2m_machine::schedule::civil;

const DAY_MS: u64 = 86_400_000;
/// 9999-12-31T23:59:59,999: years have four digits.
const LAST: u64 = 253_402_300_799_999;

/// The moment, to the millisecond; `None` if the text is no timestamp or lies before 1970.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() < 15 || bytes[8] != b'T' {
        return None;
    }
    let part = |from: usize, to: usize| digits(&bytes[from..to]);
    let day = day(part(0, 4)?, part(4, 6)?, part(6, 8)?)?;
    let (hour, minute, second) = (part(9, 11)?, part(11, 13)?, part(13, 15)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(Timestamp(
        day * DAY_MS + seconds * 1_000 + fraction(&bytes[15..])?,
    ))
}

/// The text of a moment; with a fraction only if there is one.
#[must_use]
pub fn format(moment: Timestamp) -> String {
    spelled(moment, str::to_owned)
}

/// Hands the text of a moment to `take`.
pub(super) fn spelled<T>(moment: Timestamp, take: impl FnOnce(&str) -> T) -> T {
    let moment = moment.0.min(LAST);
    let (year, month, day) = civil(moment / DAY_MS);
    let seconds = moment % DAY_MS / 1_000;
    let mut text = *b"YYYYMMDDThhmmss,fff";
    put(&mut text[..4], year.into());
    put(&mut text[4..6], month.into());
    put(&mut text[6..8], day.into());
    put(&mut text[9..11], seconds / 3_600);
    put(&mut text[11..13], seconds / 60 % 60);
    put(&mut text[13..15], seconds % 60);
    put(&mut text[16..], moment % 1_000);
    let is_whole = moment.is_multiple_of(1_000);
    let text = &text[..if is_whole { 15 } else { text.len() }];
    take(std::str::from_utf8(text).expect("digits are ASCII"))
}

/// Fills the place with the last digits of a number: an answer has many times, and the formatter takes long for
/// each.
fn put(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("a digit is small");
        number /= 10;
    }
}

fn fraction(bytes: &[u8]) -> Option<u64> {
    let Some((separator, rest)) = bytes.split_first() else {
        return Some(0);
    };
    if *separator != b',' || rest.is_empty() || rest.len() > 6 {
        return None;
    }
    let missing = 6 - u32::try_from(rest.len()).ok()?;
    Some(digits(rest)? * 10_u64.pow(missing) / 1_000)
}

fn digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0, |n, byte| {
        byte.is_ascii_digit()
            .then(|| n * 10 + u64::from(byte - b'0'))
    })
}

/// Days since 1970-01-01 of a date of the Gregorian calendar; the inverse of [`civil`].
fn day(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let (shifted, month_from_march) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era = shifted / 400;
    let year_of_era = shifted % 400;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let number = era * 146_097 + day_of_era - 719_468;
    let (y, m, d) = civil(number);
    ((u64::from(y), u64::from(m), u64::from(d)) == (year, month, day)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("19700101T000000", 0)]
    #[case("20270301T100500", 1_803_895_500_000)]
    #[case("20240229T000000", 1_709_164_800_000)]
    #[case("20270301T100500,5", 1_803_895_500_500)]
    #[case("20270301T100500,001999", 1_803_895_500_001)]
    #[case("99991231T235959,999", LAST)]
    fn a_timestamp_is_a_moment(#[case] text: &str, #[case] expected: u64) {
        assert_eq!(parse(text), Some(Timestamp(expected)));
    }

    #[rstest]
    #[case("20270301")]
    #[case("20270301T1005")]
    #[case("20270301t100500")]
    #[case("20270301T100500Z")]
    #[case("20270301T100500,")]
    #[case("20270301T100500,1234567")]
    #[case("20270301T100500.5")]
    #[case("20270229T000000")]
    #[case("20271301T000000")]
    #[case("20270300T000000")]
    #[case("20270301T240000")]
    #[case("20270301T106000")]
    #[case("19691231T235959")]
    #[case("2027é301T100500")]
    #[case("+0270301T100500")]
    fn anything_else_is_none(#[case] text: &str) {
        assert_eq!(parse(text), None);
    }

    #[test]
    fn a_moment_beyond_four_digit_years_is_written_as_the_last_one() {
        assert_eq!(format(Timestamp(u64::MAX)), "99991231T235959,999");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(moment in 0..=LAST) {
            prop_assert_eq!(parse(&format(Timestamp(moment))), Some(Timestamp(moment)));
        }
    }
}
