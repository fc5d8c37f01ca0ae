//! Values that know whether they came from a Secret. Those that did are never shown.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The key of a Secret that a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretKey {
    /// Name of the Secret.
    pub secret: String,
    /// Key in the data of the Secret.
    pub key: String,
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {:?} of Secret {:?}", self.key, self.secret)
    }
}

/// A value and its origin. `Display` and `Debug` show the value if a user stated it in the open, and
/// name the key of the Secret otherwise. Two settings are equal if their values are.
#[derive(Clone)]
pub struct Setting<T> {
    value: T,
    secret: Option<Arc<SecretKey>>,
}

impl<T> Setting<T> {
    /// Returns a value that a user stated in the open: in the resource or on the command line.
    pub const fn stated(value: T) -> Self {
        Self { value, secret: None }
    }

    /// Returns a value that came from a Secret.
    pub fn from_secret(value: T, key: &Arc<SecretKey>) -> Self {
        Self { value, secret: Some(Arc::clone(key)) }
    }

    /// Returns a value whose origin is `key`, or the open if there is none.
    pub fn new(value: T, key: Option<&Arc<SecretKey>>) -> Self {
        Self { value, secret: key.cloned() }
    }

    /// Returns the value, to connect with.
    pub const fn expose(&self) -> &T {
        &self.value
    }

    /// Returns the key of the Secret that the value came from, or `None` if it was stated in the open.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretKey> {
        self.secret.as_deref()
    }

    /// Returns another value of the same origin.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: change(self.value), secret: self.secret }
    }
}

impl<T: fmt::Display> fmt::Display for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.secret {
            None => self.value.fmt(f),
            Some(key) => write!(f, "the value of {key}"),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.secret {
            None => self.value.fmt(f),
            Some(key) => write!(f, "<{key}>"),
        }
    }
}

impl<T: PartialEq> PartialEq for Setting<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Setting<T> {}

impl<T: Hash> Hash for Setting<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

/// A value that is never shown, wherever it came from: a password, a private key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Hidden<T>(T);

impl<T> Hidden<T> {
    /// Hides a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value, to connect with.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<hidden>")
    }
}
