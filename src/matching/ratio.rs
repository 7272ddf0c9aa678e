//! Exact fractions, for scores where a half decides the rounding.

use std::cmp::Ordering;
use std::ops::{Add, Mul, Sub};

/// A fraction in its lowest terms with a positive denominator.
///
/// # Units
/// Scores have denominators below 10^20 (five module weights, a span of half hours, three constants), so that products of
/// two stay inside 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    over: i128,
    under: i128,
}

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self { over: 0, under: 1 };
    /// All.
    pub const ONE: Self = Self { over: 1, under: 1 };
    /// What is said of a part that nobody knows.
    pub const HALF: Self = Self { over: 1, under: 2 };

    /// `over / under`, where `under` is above zero.
    pub fn new(over: i128, under: i128) -> Self {
        let divisor = divisor(over.unsigned_abs(), under.unsigned_abs()).max(1);
        let divisor = i128::try_from(divisor).unwrap_or(1);
        Self { over: over / divisor, under: under.max(1) / divisor }
    }

    /// `self / other`, or nothing when `other` is zero or less.
    pub fn per(self, other: Self) -> Option<Self> {
        (other.over > 0).then(|| Self::new(self.over * other.under, self.under * other.over))
    }

    /// The nearest whole percent between 0 and 100; a half goes up.
    pub fn percent(self) -> u8 {
        let doubled = (self.over * 200 + self.under).div_euclid(self.under * 2);
        u8::try_from(doubled.clamp(0, 100)).unwrap_or(0)
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        // Thirty decimal places, read back: the division is exact where doubles are not.
        let mut rest = self.over.abs() % self.under;
        let mut text = format!("{}{}.", if self.over < 0 { "-" } else { "" }, self.over.abs() / self.under);
        for _ in 0..30 {
            rest *= 10;
            text.push_str(&(rest / self.under).to_string());
            rest %= self.under;
        }
        text.parse().unwrap_or_default()
    }
}

fn divisor(mut a: u128, mut b: u128) -> u128 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Add for Ratio {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.over * other.under + other.over * self.under, self.under * other.under)
    }
}

impl Sub for Ratio {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.over * other.under - other.over * self.under, self.under * other.under)
    }
}

impl Mul for Ratio {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::new(self.over * other.over, self.under * other.under)
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.over * other.under).cmp(&(other.over * self.under))
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_goes_up_where_doubles_would_go_down() {
        assert_eq!(Ratio::new(705, 1000).percent(), 71);
        assert_eq!(Ratio::new(795, 1000).percent(), 80);
        assert_eq!(Ratio::new(7949, 10_000).percent(), 79);
        assert_eq!((Ratio::new(-1, 2).percent(), Ratio::new(3, 2).percent()), (0, 100));
    }

    #[test]
    fn fractions_are_exact_and_print_as_the_nearest_double() {
        let third = Ratio::new(1, 3);
        assert_eq!(third + third + third, Ratio::ONE);
        assert_eq!(third * Ratio::new(6, 4) - Ratio::HALF, Ratio::ZERO);
        assert_eq!(Ratio::ONE.per(third), Some(Ratio::new(3, 1)));
        assert_eq!(Ratio::ONE.per(Ratio::ZERO), None);
        for (over, under) in [(1, 3), (2, 3), (75_203_375, 100_000_000), (1, 1), (0, 7), (-1, 8)] {
            let ratio = Ratio::new(over.into(), under.into());
            assert!((ratio.to_f64() - f64::from(over) / f64::from(under)).abs() < 1e-16, "{over}/{under}");
        }
        assert!(Ratio::new(2, 3) > Ratio::HALF);
    }
}
