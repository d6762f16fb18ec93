//! Strings that occur often, each stored once.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// An interned string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Symbol(pub(crate) u32);

/// Strings by symbol and symbols by string. Each string is stored once, in one text.
#[derive(Debug)]
pub(crate) struct Interner {
    text: String,
    /// Where each string ends; it starts where the one before it ends.
    ends: Vec<u32>,
    /// Symbols by hash of their string, open addressing, a power of two in length. `EMPTY` where there is none.
    table: Vec<u32>,
    hash: IntegerHash,
    /// Strings that were interned just now. They come again and again, and are found here without a hash.
    recent: Vec<Recent>,
}

/// A string of at most 16 bytes: its length, its first and its last eight bytes say all of it.
#[derive(Debug, Clone, Copy)]
struct Recent {
    length: usize,
    head: u64,
    tail: u64,
    symbol: Symbol,
}

impl Recent {
    /// No string: none has this length.
    const NONE: Self = Self { length: usize::MAX, head: 0, tail: 0, symbol: Symbol(0) };

    /// The string, with a symbol still to be found. `None` for a longer one.
    #[inline]
    fn of(bytes: &[u8]) -> Option<Self> {
        let (head, tail) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            _ if bytes.len() > 16 => return None,
            (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
            _ => (bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
        };
        Some(Self { length: bytes.len(), head, tail, symbol: Symbol(0) })
    }

    /// Where it is looked for.
    #[inline]
    fn place(&self) -> usize {
        let word = self.head ^ self.tail.rotate_left(32) ^ self.length as u64;
        usize::try_from(word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56).unwrap_or_default()
    }

    #[inline]
    fn is(&self, other: &Self) -> bool {
        (self.length, self.head, self.tail) == (other.length, other.head, other.tail)
    }
}

/// As many as [`Recent::place`] tells apart.
const RECENT: usize = 256;

const EMPTY: u32 = u32::MAX;

impl Interner {
    #[expect(clippy::disallowed_methods, reason = "two small tables")]
    pub(crate) fn new() -> Self {
        Self {
            text: String::new(),
            ends: Vec::new(),
            table: vec![EMPTY; 64],
            hash: IntegerHash::new(),
            recent: vec![Recent::NONE; RECENT],
        }
    }

    /// The symbol of a string. `None` once there are 4 GiB of them, which no limit allows.
    pub(crate) fn intern(&mut self, string: &str) -> Option<Symbol> {
        self.intern_bytes(string.as_bytes())
    }

    /// As [`Interner::intern`], of a string that has not been made a `str`: nearly all were seen before, and need
    /// not be. `None` for what is no UTF-8, too.
    #[inline]
    pub(crate) fn intern_bytes(&mut self, bytes: &[u8]) -> Option<Symbol> {
        let Some(short) = Recent::of(bytes) else { return self.look_up(std::str::from_utf8(bytes).ok()?) };
        let place = short.place();
        if let Some(known) = self.recent.get(place).filter(|known| known.is(&short)) {
            return Some(known.symbol);
        }
        let symbol = self.look_up(std::str::from_utf8(bytes).ok()?)?;
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = Recent { symbol, ..short };
        }
        Some(symbol)
    }

    fn look_up(&mut self, string: &str) -> Option<Symbol> {
        // At most two thirds full, so that probing ends soon.
        if self.ends.len().saturating_mul(3) >= self.table.len().saturating_mul(2) {
            self.grow();
        }
        let (place, known) = self.probe(string);
        if known.is_some() {
            return known;
        }
        let symbol = u32::try_from(self.ends.len()).ok().filter(|symbol| *symbol != EMPTY)?;
        self.text.push_str(string);
        self.ends.push(u32::try_from(self.text.len()).ok()?);
        *self.table.get_mut(place)? = symbol;
        Some(Symbol(symbol))
    }

    pub(crate) fn get(&self, symbol: Symbol) -> &str {
        let index = symbol.0 as usize;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(index).copied().unwrap_or(start);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The symbol of a string that may have been interned.
    pub(crate) fn find(&self, string: &str) -> Option<Symbol> {
        self.probe(string).1
    }

    /// Where a string's symbol stands in the table, and the symbol; or the free place where it would stand.
    fn probe(&self, string: &str) -> (usize, Option<Symbol>) {
        let mut place = self.place(string);
        loop {
            match self.table.get(place).copied() {
                None | Some(EMPTY) => return (place, None),
                Some(symbol) if self.get(Symbol(symbol)) == string => return (place, Some(Symbol(symbol))),
                Some(_) => place = self.after(place),
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        let numbers = self.ends.capacity().saturating_add(self.table.capacity());
        self.text.capacity().saturating_add(numbers.saturating_mul(4))
    }

    fn place(&self, string: &str) -> usize {
        let mask = self.table.len().saturating_sub(1) as u64;
        usize::try_from(self.hash.of_bytes(string.as_bytes()) & mask).unwrap_or_default()
    }

    fn after(&self, place: usize) -> usize {
        place.wrapping_add(1) & self.table.len().saturating_sub(1)
    }

    #[expect(clippy::disallowed_methods, reason = "twice as much as is full")]
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

/// Hashes by multiplication with a random odd number, which a file's author cannot know, folding the two halves of
/// the product. Much cheaper than the standard hasher, and there are several look-ups for each node.
#[derive(Debug, Clone)]
pub(crate) struct IntegerHash {
    factor: u64,
    start: u64,
}

impl IntegerHash {
    pub(crate) fn new() -> Self {
        let random = RandomState::new();
        Self { factor: random.hash_one(0_u64) | 1, start: random.hash_one(1_u64) }
    }

    fn of_bytes(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.build_hasher();
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            hasher.write_u64(u64::from_le_bytes(*word));
        }
        hasher.write_u64(rest.iter().fold(bytes.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
        hasher.finish()
    }
}

impl BuildHasher for IntegerHash {
    type Hasher = IntegerHasher;

    fn build_hasher(&self) -> IntegerHasher {
        IntegerHasher { factor: self.factor, state: self.start }
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
