//! Strings that occur often, each stored once.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// An interned string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Symbol(pub(crate) u32);

/// Strings by symbol and symbols by string. Each string is stored once, in one text.
#[derive(Debug)]
pub(super) struct Interner {
    text: String,
    /// Where each string ends; it starts where the one before it ends.
    ends: Vec<u32>,
    /// Symbols by hash of their string, open addressing, a power of two in length. `EMPTY` where there is none.
    table: Vec<u32>,
    hasher: RandomState,
}

const EMPTY: u32 = u32::MAX;

impl Interner {
    pub(super) fn new() -> Self {
        Self { text: String::new(), ends: Vec::new(), table: vec![EMPTY; 64], hasher: RandomState::new() }
    }

    /// The symbol of a string. `None` once there are 4 GiB of them, which no limit allows.
    pub(super) fn intern(&mut self, string: &str) -> Option<Symbol> {
        // At most two thirds full, so that probing ends soon.
        if self.ends.len().saturating_mul(3) >= self.table.len().saturating_mul(2) {
            self.grow();
        }
        let mut place = self.place(string);
        loop {
            match self.table.get(place).copied() {
                None | Some(EMPTY) => break,
                Some(symbol) if self.get(Symbol(symbol)) == string => return Some(Symbol(symbol)),
                Some(_) => place = self.after(place),
            }
        }
        let symbol = u32::try_from(self.ends.len()).ok().filter(|symbol| *symbol != EMPTY)?;
        self.text.push_str(string);
        self.ends.push(u32::try_from(self.text.len()).ok()?);
        *self.table.get_mut(place)? = symbol;
        Some(Symbol(symbol))
    }

    pub(super) fn get(&self, symbol: Symbol) -> &str {
        let index = symbol.0 as usize;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(index).copied().unwrap_or(start);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The symbol of a string that may have been interned.
    pub(super) fn find(&self, string: &str) -> Option<Symbol> {
        let mut place = self.place(string);
        loop {
            match self.table.get(place).copied() {
                None | Some(EMPTY) => return None,
                Some(symbol) if self.get(Symbol(symbol)) == string => return Some(Symbol(symbol)),
                Some(_) => place = self.after(place),
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let numbers = self.ends.capacity().saturating_add(self.table.capacity());
        self.text.capacity().saturating_add(numbers.saturating_mul(4))
    }

    fn place(&self, string: &str) -> usize {
        let mask = self.table.len().saturating_sub(1) as u64;
        usize::try_from(self.hasher.hash_one(string) & mask).unwrap_or_default()
    }

    fn after(&self, place: usize) -> usize {
        place.wrapping_add(1) & self.table.len().saturating_sub(1)
    }

    fn grow(&mut self) {
        self.table = vec![EMPTY; self.table.len().saturating_mul(2)];
        for symbol in 0..self.ends.len() {
            let symbol = u32::try_from(symbol).unwrap_or(EMPTY);
            let mut place = self.place(self.get(Symbol(symbol)));
            while self.table.get(place).is_some_and(|taken| *taken != EMPTY) {
                place = self.after(place);
            }
            if let Some(free) = self.table.get_mut(place) {
                *free = symbol;
            }
        }
    }
}

/// Hashes integers (ids, pairs of symbols) by multiplication with a random odd number, which a file's author cannot
/// know. Much cheaper than the standard hasher, and there is one look-up for each node.
#[derive(Debug, Clone)]
pub(crate) struct IntegerHash(u64);

impl IntegerHash {
    pub(crate) fn new() -> Self {
        Self(RandomState::new().hash_one(0_u64) | 1)
    }
}

impl BuildHasher for IntegerHash {
    type Hasher = IntegerHasher;

    fn build_hasher(&self) -> IntegerHasher {
        IntegerHasher { factor: self.0, state: 0 }
    }
}

/// See [`IntegerHash`].
pub(crate) struct IntegerHasher {
    factor: u64,
    state: u64,
}

impl Hasher for IntegerHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.state ^ value).wrapping_mul(u128::from(self.factor));
        #[allow(clippy::cast_possible_truncation, reason = "the two halves are folded into one")]
        let folded = (product >> 64) as u64 ^ product as u64;
        self.state = folded;
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

/// A map with integer keys that a file's author chooses.
pub(crate) type IntegerMap<K, V> = HashMap<K, V, IntegerHash>;
