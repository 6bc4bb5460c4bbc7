/// A repeatable sequence of numbers: splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
pub struct Random(u64);

impl Random {
    /// The sequence of `LIVE_CHAT_SEED`, or one of this moment. It is printed, which a failing test shows.
    pub fn from_environment() -> Self {
        let now = || std::time::UNIX_EPOCH.elapsed().expect("a clock").as_nanos() as u64;
        let seed = std::env::var("LIVE_CHAT_SEED").map_or_else(|_| now(), |seed| seed.parse().expect("a number"));
        println!("to repeat this run: LIVE_CHAT_SEED={seed}");
        Self(seed)
    }

    /// A sequence of its own, for another thread.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
