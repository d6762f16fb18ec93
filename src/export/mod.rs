//! A model as plain JSON, for programs that know nothing of Python. `schemas/export.schema.json` describes it.
//!
//! Numbers, text, `true`, `false`, `null` and lists are what they are in JSON; anything else is an object with its class
//! under `class`. NaN and the infinities, which JSON does not have, are the strings `"NaN"`, `"Infinity"` and
//! `"-Infinity"`: within arrays as they are, elsewhere as `{"class": "builtins.float", "value": "NaN"}`. An `int` of more
//! than 64 bits is its digits, as `{"class": "builtins.int", "value": "..."}`. What was written before is written as
//! `{"same_as": PATH}`, so the JSON is in proportion to the model.

mod array;
mod value;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::error::{Code, Error, Result};
use crate::model::{Identity, Model, Object};
use crate::npy::NdArray;
use crate::report::write_json_with;
use crate::text::shown;

/// What becomes of arrays.
#[non_exhaustive]
pub enum Arrays<'a> {
    /// Their items are part of the JSON, in row order.
    Inline,
    /// Only their dtype and shape are.
    Left,
    /// They are given to this function, which keeps them and says under which name: the JSON has that as `file`. The
    /// text is the path of the array in the model.
    Saved(&'a dyn Fn(&NdArray, &str) -> io::Result<String>),
}

/// Writes a model as JSON, in ASCII, indented by two spaces but for the items of arrays, with a line break at the end.
///
/// The whole model is read and its contents are checked first, so that nothing is written of one that is damaged.
///
/// ```
/// use skops_rs::{TrustList, export};
///
/// let trust = TrustList::default().allow("sklearn.tree._tree.Tree")?;
/// let model = skops_rs::load("fixtures/example.skops", &trust)?;
/// let mut json = Vec::new();
/// export::write(&model, &export::Arrays::Inline, &mut json)?;
/// # assert!(json.starts_with(b"{\n  \"protocol\": 2,"));
/// # Ok::<(), skops_rs::Error>(())
/// ```
///
/// # Errors
/// What is wrong with the model, or [`Code::Io`] when `out` cannot be written.
pub fn write(model: &Model, arrays: &Arrays<'_>, out: impl io::Write) -> Result<()> {
    model.read_all()?;
    model.verify()?;
    let export =
        Export { arrays, shown: RefCell::default(), fault: RefCell::default(), on_one_line: Cell::default() };
    let written = write_json_with(out, &Document { model, export: &export }, &export.on_one_line);
    match (export.fault.into_inner(), written) {
        (Some(fault), _) => Err(fault),
        (None, Err(error)) => Err(Error::io("cannot write the export", error)),
        (None, Ok(())) => Ok(()),
    }
}

/// What is known while a model is written.
struct Export<'a, 'm> {
    arrays: &'a Arrays<'a>,
    /// What has been written.
    shown: RefCell<HashMap<Identity, Object<'m>>>,
    /// What went wrong. The serializer can only be told that something did.
    fault: RefCell<Option<Error>>,
    /// Whether what is written now is the items of an array: one a line would be mostly white space.
    on_one_line: Cell<bool>,
}

impl Export<'_, '_> {
    /// Ends the export with an error.
    #[expect(clippy::disallowed_methods, reason = "no borrow outlasts its statement")]
    fn fail<E: serde::ser::Error>(&self, error: Error) -> E {
        let failure = E::custom(&error);
        self.fault.borrow_mut().get_or_insert(error);
        failure
    }
}

struct Document<'a, 'm> {
    model: &'m Model,
    export: &'a Export<'a, 'm>,
}

impl Serialize for Document<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let schema = self.model.audit().schema();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("protocol", &schema.protocol())?;
        map.serialize_entry(
            "skops_version",
            &schema.skops_version().map(|version| shown(version).to_string()),
        )?;
        let sklearn_version = schema.sklearn_version();
        map.serialize_entry("sklearn_version", &sklearn_version.map(|version| shown(&version).to_string()))?;
        let root = Node { export: self.export, object: self.model.root(), depth: 0 };
        map.serialize_entry("root", &root)?;
        map.end()
    }
}

/// Writing recurses. Genuine files stay below 50 levels of JSON, of which an object takes two.
const MOST_DEPTH: usize = 256;

/// An object on its way to JSON.
struct Node<'a, 'm> {
    export: &'a Export<'a, 'm>,
    object: Object<'m>,
    depth: usize,
}

impl<'m> Node<'_, 'm> {
    fn below(&self, object: Object<'m>) -> Self {
        Node { export: self.export, object, depth: self.depth.saturating_add(1) }
    }

    /// The same object, if it has been written.
    #[expect(clippy::disallowed_methods, reason = "nothing else is called while it is borrowed")]
    fn shown_before(&self) -> Option<Object<'m>> {
        if !self.object.is_shared() {
            return None;
        }
        let mut shown = self.export.shown.borrow_mut();
        let identity = self.object.identity();
        let before = shown.get(&identity).copied();
        if before.is_none() {
            shown.insert(identity, self.object);
        }
        before
    }
}

impl Serialize for Node<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if self.depth > MOST_DEPTH {
            let found = format!("is {MOST_DEPTH} levels deep, too deep for an export");
            return Err(self.export.fail(self.object.refuse(Code::LimitJsonDepth, &found)));
        }
        if let Some(before) = self.shown_before() {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry("same_as", &before.short_path())?;
            return map.end();
        }
        match self.object.value() {
            Ok(value) => self.serialize_value(value, serializer),
            Err(error) => Err(self.export.fail(error)),
        }
    }
}
