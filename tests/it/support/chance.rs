//! Chance that can be had again: the same seed gives the same plan.

use uuid::Uuid;

/// A small generator of numbers (SplitMix64), good for plans and bad for secrets.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The seed of `DOMU_TEST_SEED`, or a new one. Print it.
    pub fn seed() -> u64 {
        match std::env::var("DOMU_TEST_SEED").ok().and_then(|seed| seed.parse().ok()) {
            Some(seed) => seed,
            None => Uuid::new_v4().as_u64_pair().0,
        }
    }

    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another generator, so that plans of several actors do not depend on who draws first.
    pub fn branch(&self, number: u64) -> Self {
        let mut branch = Self(self.0 ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        branch.next();
        branch
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `from..to`.
    pub fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.next() % from.len() as u64).expect("a small number")]
    }

    /// A client id.
    pub fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}
