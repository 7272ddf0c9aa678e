//! Medians with intervals, and when two of them are the same.

use std::fmt;

/// One figure, measured several times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series(pub Vec<f64>);

/// Within this of 1, a ratio says nothing.
const PARITY: f64 = 0.2;

/// What a ratio says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Clearly less.
    Less,
    /// No difference that could be believed.
    Parity,
    /// Clearly more.
    More,
}

impl Series {
    /// The median; none without values.
    pub fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => None,
            odd if odd % 2 == 1 => Some(sorted[middle]),
            _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        }
    }

    /// The least and the greatest value.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let least = self.0.iter().copied().min_by(f64::total_cmp)?;
        let greatest = self.0.iter().copied().max_by(f64::total_cmp)?;
        Some((least, greatest))
    }

    /// The ratio to another series, repetition by repetition.
    pub fn over(&self, other: &Series) -> Series {
        let pairs = self.0.iter().zip(&other.0).filter(|(_, under)| **under > 0.0);
        Series(pairs.map(|(over, under)| over / under).collect())
    }

    /// As a ratio: what it says.
    pub fn verdict(&self) -> Option<Verdict> {
        let (median, (least, greatest)) = (self.median()?, self.interval()?);
        Some(if (median - 1.0).abs() <= PARITY || (least <= 1.0 && greatest >= 1.0) {
            Verdict::Parity
        } else if median < 1.0 {
            Verdict::Less
        } else {
            Verdict::More
        })
    }
}

/// Three digits that matter.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 10_000.0 {
        format!("{:.0}k", value / 1_000.0)
    } else if size >= 100.0 || value == 0.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.median(), self.interval()) {
            (Some(median), Some((least, greatest))) if self.0.len() > 1 => {
                write!(f, "{} [{}–{}]", short(median), short(least), short(greatest))
            }
            (Some(median), _) => f.write_str(&short(median)),
            _ => f.write_str("–"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        Series(values.to_vec())
    }

    #[test]
    fn medians_of_odd_even_and_none() {
        assert_eq!(series(&[3.0, 1.0, 2.0]).median(), Some(2.0));
        assert_eq!(series(&[4.0, 1.0, 2.0, 3.0]).median(), Some(2.5));
        assert_eq!((series(&[]).median(), series(&[]).interval(), series(&[]).verdict()), (None, None, None));
        assert_eq!(series(&[3.0, 1.0, 2.0]).interval(), Some((1.0, 3.0)));
    }

    #[test]
    fn ratios_are_of_the_same_repetition() {
        let ratio = series(&[10.0, 30.0, 8.0]).over(&series(&[5.0, 10.0, 0.0]));
        assert_eq!(ratio, series(&[2.0, 3.0]));
    }

    #[test]
    fn small_differences_and_wide_intervals_are_parity() {
        for (values, want) in [
            (&[0.5, 0.6, 0.55][..], Verdict::Less),
            (&[2.0, 3.0, 2.5], Verdict::More),
            (&[0.85, 0.81, 0.9], Verdict::Parity),
            (&[1.19, 1.15, 1.18], Verdict::Parity),
            (&[0.5, 0.6, 1.4], Verdict::Parity),
            (&[0.9, 1.5, 1.6], Verdict::Parity),
        ] {
            assert_eq!(series(values).verdict(), Some(want), "{values:?}");
        }
    }

    #[test]
    fn figures_are_as_short_as_they_are_sure() {
        assert_eq!(series(&[1.234, 5.0, 0.5]).to_string(), "1.23 [0.50–5.00]");
        assert_eq!(series(&[12_345.0]).to_string(), "12k");
        assert_eq!([short(0.0), short(99.96), short(123.4), short(-2.0)], ["0", "100.0", "123", "-2.00"]);
        assert_eq!(series(&[]).to_string(), "–");
    }
}
