//! A short, stable digest: the same text gives the same digits on every machine and in every
//! version of this program.

use sha2::{Digest as _, Sha256};

/// The first `digits` hexadecimal digits of the SHA-256 of `text`.
#[must_use]
pub fn digest(text: &str, digits: usize) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let mut hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.truncate(digits);
    hex
}

/// Returns the first 32 bits of the SHA-256 of `text`.
pub(super) fn digest_number(text: &str) -> u32 {
    let [first, second, third, fourth, ..] = <[u8; 32]>::from(Sha256::digest(text.as_bytes()));
    u32::from_be_bytes([first, second, third, fourth])
}
