//! Random numbers from a seed that a failing test prints.

use std::time::UNIX_EPOCH;

use anyhow::Result;

/// Random numbers (xorshift64*).
pub(crate) struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// Begins with the seed in the environment variable `SEED`, or with another one each time. Prints the seed.
    #[expect(clippy::print_stdout, reason = "a schedule that fails can be repeated")]
    pub(crate) fn from_environment() -> Result<Self> {
        let seed = match std::env::var("SEED") {
            Ok(seed) => seed.parse()?,
            Err(_) => UNIX_EPOCH.elapsed()?.as_nanos() as u64 | 1,
        };
        println!("SEED={seed} repeats this schedule");
        Ok(Self { seed, state: seed })
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}
