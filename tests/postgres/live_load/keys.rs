//! Random choices of a client, and the keys that it inserts.

use fastrand::Rng;

use super::tables::ROWS;

/// Distance between the keys of two clients.
const SPACE: u64 = 1_000_000;

/// First of the keys that a client writes repeatedly.
const AGAIN: u64 = 500_000;

/// The keys that a client inserts once.
pub(super) const ONCE: &str = "id % 1000000 < 500000";

/// By how much a bulk update moves keys.
pub(super) const FAR: u64 = 10_000_000_000;

/// Chance, and the keys of one client.
pub(super) struct Keys {
    client: u64,
    last: u64,
    rng: Rng,
}

impl Keys {
    pub(super) fn new(client: u64, seed: u64) -> Self {
        Self { client, last: 0, rng: Rng::with_seed(seed.wrapping_add(client)) }
    }

    pub(super) fn client(&self) -> u64 {
        self.client
    }

    /// Returns a key that no client has used.
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.client * SPACE + self.last
    }

    /// Returns a key that only this client inserts, and possibly not for the first time.
    pub(super) fn again(&self, number: u64) -> u64 {
        self.client * SPACE + AGAIN + number
    }

    /// Returns a place among the keys of all clients.
    pub(super) fn any(&mut self) -> u64 {
        match self.below(4) {
            0 => self.rng.u64(1..=ROWS),
            1 => FAR + self.rng.u64(1..=ROWS),
            2 => 900_000_000 + self.rng.u64(0..=self.last * 20),
            _ => self.rng.u64(0..=self.client) * SPACE + self.rng.u64(0..=self.last),
        }
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.rng.u64(0..limit)
    }

    /// Returns an instant in SQL: mostly in a period with a partition, now and then in none.
    pub(super) fn at(&mut self) -> String {
        let days = if self.below(10) == 0 { 400 } else { self.rng.i32(-40..10) };
        format!("now() + {days} * interval '1 day'")
    }

    /// Returns an instant in SQL that is not later than now.
    pub(super) fn at_before_now(&mut self) -> String {
        format!("now() - {} * interval '1 day'", self.below(40))
    }

    /// Returns the key of some row of a table in SQL, or NULL if there is none. Keys that a client writes repeatedly are left
    /// out.
    pub(super) fn of(&mut self, t: &str) -> String {
        let any = self.any();
        format!("(SELECT id FROM {t} WHERE id >= {any} AND {ONCE} ORDER BY id LIMIT 1)")
    }
}
