//! Log-linear latency histogram (about 1.6 % resolution), nanoseconds.

const SUB_BITS: u32 = 6;
const SUB: usize = 1 << SUB_BITS;

pub struct Hist {
    buckets: Vec<u64>,
    pub count: u64,
    pub max: u64,
    sum: u128,
}

impl Hist {
    pub fn new() -> Self {
        Hist { buckets: vec![0; SUB * 60], count: 0, max: 0, sum: 0 }
    }

    #[inline]
    fn index(v: u64) -> usize {
        if v < SUB as u64 {
            return v as usize;
        }
        let msb = 63 - v.leading_zeros();
        let shift = msb - SUB_BITS;
        ((shift as usize + 1) << SUB_BITS) + ((v >> shift) as usize & (SUB - 1))
    }

    fn value(i: usize) -> u64 {
        if i < SUB {
            return i as u64;
        }
        let shift = (i >> SUB_BITS) as u32 - 1;
        ((SUB as u64) | (i as u64 & (SUB as u64 - 1))) << shift
    }

    #[inline]
    pub fn record(&mut self, v: u64) {
        let i = Self::index(v).min(self.buckets.len() - 1);
        self.buckets[i] += 1;
        self.count += 1;
        self.sum += v as u128;
        if v > self.max {
            self.max = v;
        }
    }

    pub fn quantile(&self, q: f64) -> u64 {
        if self.count == 0 {
            return 0;
        }
        let want = ((self.count as f64) * q).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (i, c) in self.buckets.iter().enumerate() {
            seen += c;
            if seen >= want {
                return Self::value(i).min(self.max);
            }
        }
        self.max
    }

    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_two_in_a_hundred() {
        let mut h = Hist::new();
        (1..=100_000u64).for_each(|v| h.record(v * 1_000));
        for (q, want) in [(0.5, 50_000_000.0), (0.99, 99_000_000.0), (0.999, 99_900_000.0)] {
            let got = h.quantile(q) as f64;
            assert!((got / want - 1.0).abs() < 0.02, "{q}: {got}");
        }
        assert_eq!((h.quantile(1.0) / 1_000_000, h.max), (99, 100_000_000));
        assert!((h.mean() - 50_000_500.0).abs() < 1.0);
        assert_eq!((Hist::new().quantile(0.5), Hist::new().mean()), (0, 0.0));
    }
}
