//! A short, stable digest: the same text gives the same digits on every machine and in every
//! version of this program.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The first `digits` hexadecimal digits of the SHA-256 of `text`.
#[must_use]
pub fn digest(text: &str, digits: usize) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
    }
    hex.truncate(digits);
    hex
}

/// Returns the first 32 bits of the SHA-256 of `text`.
pub(super) fn digest_number(text: &str) -> u32 {
    let [first, second, third, fourth, ..] = <[u8; 32]>::from(Sha256::digest(text.as_bytes()));
    u32::from_be_bytes([first, second, third, fourth])
}
