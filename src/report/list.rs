//! Lists that are made while they are written, and end when they take too much: what is left out is counted.

use std::cell::Cell;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// Something that a report lists.
pub trait Row {
    /// About how many bytes it takes as JSON.
    fn bytes(&self) -> u64;
}

/// Where rows come from.
pub trait Rows: Iterator<Item: Row> {
    /// Goes through the rows that are left without making them, and counts them.
    fn pass(&mut self) -> usize;
}

/// The first rows, as many as take no more bytes than the limit `report-bytes`. A small file can have very many, each with a
/// long path.
#[derive(Debug)]
pub struct Listed<R> {
    rows: R,
    room: u64,
}

impl<R: Rows> Listed<R> {
    /// Lists rows until they take so many bytes.
    pub fn new(rows: R, most: u64) -> Self {
        Self { rows, room: most }
    }

    /// Goes through the rows that are left out, and counts them.
    pub fn left_out(&mut self) -> usize {
        self.rows.pass()
    }

    /// Where the rows came from.
    pub fn into_inner(self) -> R {
        self.rows
    }
}

impl<R: Rows> Iterator for Listed<R> {
    type Item = R::Item;

    fn next(&mut self) -> Option<R::Item> {
        if self.room == 0 {
            return None;
        }
        let row = self.rows.next()?;
        self.room = self.room.saturating_sub(row.bytes());
        Some(row)
    }
}

/// Rows as a part of a JSON object: the list under one key, and how many are left out, if any are, under another. It can
/// be serialized once.
pub struct JsonList<R> {
    keys: [&'static str; 2],
    rows: Cell<Option<Listed<R>>>,
}

impl<R: Rows> JsonList<R> {
    /// Lists rows, or none, under the first key, and counts those that are left out under the second.
    pub(crate) fn new(keys: [&'static str; 2], rows: Option<Listed<R>>) -> Self {
        Self { keys, rows: Cell::new(rows) }
    }

    /// Where the rows came from.
    #[must_use]
    pub fn into_inner(self) -> Option<R> {
        self.rows.into_inner().map(Listed::into_inner)
    }
}

impl<R: Rows<Item: Serialize>> Serialize for JsonList<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Sequence<'a, R>(&'a Cell<Option<Listed<R>>>);
        impl<R: Rows<Item: Serialize>> Serialize for Sequence<'_, R> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut rows = self.0.take();
                let written = serializer.collect_seq(rows.iter_mut().flatten());
                self.0.set(rows);
                written
            }
        }
        let [list, left_out] = self.keys;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(list, &Sequence(&self.rows))?;
        let mut rows = self.rows.take();
        let count = rows.as_mut().map_or(0, Listed::left_out);
        self.rows.set(rows);
        if count > 0 {
            map.serialize_entry(left_out, &count)?;
        }
        map.end()
    }
}
