//! Canonical text: what a digest is made of.
//!
//! Every encoding is written by hand and has a version. Neither `Debug` nor the name of a type or field decides what
//! it says. An encoding that changes gets a new version, and what the old one stored is still read.

use std::collections::BTreeSet;

use super::{Edge, Identifier, ManagedTable, QualifiedName, RangeBounds, digest};

/// A text that no two sequences of values share.
///
/// Each value tells where it ends: a text begins with its length in bytes, a list with its number of elements, and
/// everything else ends in a semicolon, which it cannot contain.
#[derive(Debug)]
pub struct Canonical(String);

/// A value that has a canonical text.
pub trait Encode {
    /// Appends the value.
    fn encode(&self, to: &mut Canonical);
}

impl Canonical {
    /// Begins the text of an encoding in one of its versions.
    #[must_use]
    pub fn new(encoding: &'static str, version: u32) -> Self {
        let mut text = Self(String::new());
        text.word(encoding).with(&version);
        text
    }

    /// Appends a word that tells one kind of value from others.
    pub fn word(&mut self, word: &'static str) -> &mut Self {
        self.0.push_str(word);
        self.0.push(';');
        self
    }

    /// Appends a value.
    pub fn with(&mut self, value: &(impl Encode + ?Sized)) -> &mut Self {
        value.encode(self);
        self
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first `digits` hexadecimal digits of the digest of the text.
    #[must_use]
    pub fn digest(&self, digits: usize) -> String {
        digest(&self.0, digits)
    }

    /// Appends a list of values.
    pub fn list<'a, T: Encode + 'a>(
        &mut self,
        values: impl ExactSizeIterator<Item = &'a T>,
    ) -> &mut Self {
        self.with(&values.len());
        values.fold(self, |text, value| text.with(value))
    }
}

/// Encodes structs by their fields, in the order given. It compiles only if every field is named; fields after
/// `except` are omitted.
macro_rules! encode_fields {
    ($($type:ident { $($field:ident),* $(; except $($left_out:ident),+)? })*) => {$(
        impl $crate::partition::Encode for $type {
            fn encode(&self, to: &mut $crate::partition::Canonical) {
                let Self { $($field,)* $($($left_out: _,)+)? } = self;
                to$(.with($field))*;
            }
        }
    )*};
}

/// Encodes enums by a word for each variant and its fields; a variant after `..` is encoded as the enum that it holds. It
/// compiles only if every variant and every field is named.
macro_rules! encode_variants {
    ($($type:ident {
        $($variant:ident = $word:literal { $($field:ident),* $(; except $($left_out:ident),+)? })*
        $(..$($outer:ident),+)?
    })*) => {$(
        impl $crate::partition::Encode for $type {
            fn encode(&self, to: &mut $crate::partition::Canonical) {
                match self {$(
                    Self::$variant { $($field,)* $($($left_out: _,)+)? } => {
                        to.word($word)$(.with($field))*
                    }
                )*
                $($(Self::$outer(inner) => to.with(inner),)+)?
                };
            }
        }
    )*};
}

pub(crate) use {encode_fields, encode_variants};

macro_rules! encode_numbers {
    ($($number:ty),*) => {$(
        impl Encode for $number {
            fn encode(&self, to: &mut Canonical) {
                to.0.push_str(&self.to_string());
                to.0.push(';');
            }
        }
    )*};
}

encode_numbers!(u16, u32, u64, usize, i32, i128);

impl Encode for bool {
    fn encode(&self, to: &mut Canonical) {
        to.word(if *self { "yes" } else { "no" });
    }
}

impl Encode for str {
    fn encode(&self, to: &mut Canonical) {
        to.0.push_str(&self.len().to_string());
        to.0.push(':');
        to.0.push_str(self);
    }
}

/// An instant that tells one thing from another: plans do not depend on the clock.
impl Encode for jiff::Timestamp {
    fn encode(&self, to: &mut Canonical) {
        to.with(&self.to_string());
    }
}

impl Encode for String {
    fn encode(&self, to: &mut Canonical) {
        to.with(self.as_str());
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, to: &mut Canonical) {
        to.with(*self);
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, to: &mut Canonical) {
        match self {
            Some(value) => to.word("some").with(value),
            None => to.word("none"),
        };
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, to: &mut Canonical) {
        to.list(self.iter());
    }
}

impl<T: Encode> Encode for BTreeSet<T> {
    fn encode(&self, to: &mut Canonical) {
        to.list(self.iter());
    }
}

impl<A: Encode, B: Encode> Encode for (A, B) {
    fn encode(&self, to: &mut Canonical) {
        to.with(&self.0).with(&self.1);
    }
}

impl Encode for Identifier {
    fn encode(&self, to: &mut Canonical) {
        to.with(self.as_str());
    }
}

encode_fields! {
    QualifiedName { schema, name }
}

impl Encode for ManagedTable {
    fn encode(&self, to: &mut Canonical) {
        to.with(self.name());
    }
}

impl Encode for RangeBounds {
    fn encode(&self, to: &mut Canonical) {
        to.with(&self.from()).with(&self.to());
    }
}

impl Encode for Edge {
    fn encode(&self, to: &mut Canonical) {
        match self {
            Self::MinValue => to.word("minvalue"),
            Self::NegativeInfinity => to.word("-infinity"),
            Self::At(at) => to.word("at").with(at),
            Self::Infinity => to.word("infinity"),
            Self::MaxValue => to.word("maxvalue"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Canonical, Encode};

    fn text(value: &impl Encode) -> String {
        Canonical::new("test", 1).with(value).as_str().to_owned()
    }

    #[test]
    fn encoded_value_marks_its_end() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(text(&words(&["a", "b;"])), "test;1;2;1:a2:b;");
        assert_ne!(text(&words(&["a", "b"])), text(&words(&["a1:b"])));
        assert_ne!(text(&words(&[])), text(&words(&[""])));
        assert_ne!(text(&(Some(1_u32), None::<u32>)), text(&(None::<u32>, Some(1_u32))));
        assert_ne!(text(&(1_u32, 23_u32)), text(&(12_u32, 3_u32)));
        assert_ne!(text(&"some;".to_owned()), text(&Some(String::new())));
    }
}
