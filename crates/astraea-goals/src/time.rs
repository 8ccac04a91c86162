//! Milliseconds since the epoch, written as people read them.

/// Writes `ms` (milliseconds since 1970-01-01T00:00:00Z) as RFC 3339 in UTC, with milliseconds.
///
/// ```
/// assert_eq!(astraea_goals::rfc3339(0), "1970-01-01T00:00:00.000Z");
/// assert_eq!(astraea_goals::rfc3339(1_709_164_800_123), "2024-02-29T00:00:00.123Z");
/// ```
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    let (seconds, milli) = (ms / 1000, ms % 1000);
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days are counted from 0000-03-01, so that the leap day is the last day of a year.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}
