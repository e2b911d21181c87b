//! Durations as text (`P1DT2H3M4.5S`), a year being 365 days and a month 30.

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Milliseconds; `None` if it is no duration of XML Schema, or none at all (0).
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (rest, ""),
    };
    let days = sum(
        days,
        &[('Y', 365 * DAY_MS), ('M', 30 * DAY_MS), ('D', DAY_MS)],
    )?;
    let time = sum(time, &[('H', HOUR_MS), ('M', MINUTE_MS), ('S', SECOND_MS)])?;
    days.checked_add(time).filter(|total| *total > 0)
}

/// Numbers, each before its unit, in the order of the units.
fn sum(mut text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut total: u64 = 0;
    for (unit, milliseconds) in units {
        if let Some((number, rest)) = text.split_once(*unit) {
            let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
            // Only seconds have parts.
            if *unit != 'S' && number.contains('.') {
                return None;
            }
            let whole = digits(whole)?.checked_mul(*milliseconds)?;
            total = total.checked_add(whole)?.checked_add(thousandths(part)?)?;
            text = rest;
        }
    }
    text.is_empty().then_some(total)
}

fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// The part of a second behind the point, in milliseconds.
fn thousandths(text: &str) -> Option<u64> {
    digits(text)?;
    let known = text.get(..3).unwrap_or(text);
    let places = u32::try_from(known.len()).ok()?;
    Some(digits(known)? * 10_u64.pow(3_u32.saturating_sub(places)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("PT1S", Some(SECOND_MS))]
    #[case("PT1.25S", Some(1_250))]
    #[case("PT0.0005S", None)]
    #[case("PT2M", Some(2 * MINUTE_MS))]
    #[case("P2M", Some(60 * DAY_MS))]
    #[case("P1Y1DT1H1M1S", Some(366 * DAY_MS + HOUR_MS + MINUTE_MS + SECOND_MS))]
    #[case("P", None)]
    #[case("PT", None)]
    #[case("P1DT", None)]
    #[case("PT1", None)]
    #[case("PT1.5M", None)]
    #[case("PT1S1M", None)]
    #[case("PT-1S", None)]
    #[case("1S", None)]
    #[case("PT0S", None)]
    #[case("P99999999999999999999D", None)]
    fn a_duration_is_read(#[case] text: &str, #[case] expected: Option<u64>) {
        assert_eq!(parse(text), expected);
    }
}
