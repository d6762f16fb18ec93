//! What a check has to say about a file.

use serde::Serialize;

use crate::audit::Reference;
use crate::error::{Code, Error, Location, Place};
use crate::policy::Severity;
use crate::schema::Region;
use crate::text::{self, PLACE_LENGTH};
use crate::trust::reason;

/// Something that a policy, or the format, does not allow. Text of the file is escaped and cut.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The stable code: what kind of finding it is.
    pub code: Code,
    /// What it does to the verdict.
    pub severity: Severity,
    /// What was found, and what is allowed.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// The name that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What skops does with the name: `instantiate`, `call`, `reference` or `attribute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// The class of skops that does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<&'static str>,
    /// What to know about the name, where that is not obvious.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where in the archive it was found. What does not apply is null; a pointer is cut when it is very long.
    pub at: Location,
    /// The first few places where a name stands, cut when they are very long.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// In how many places a name stands.
    #[serde(skip_serializing_if = "is_zero")]
    pub place_count: usize,
    /// Where in the text of `schema.json` it was found, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The pointer as it is, to find the region by.
    #[serde(skip)]
    pub(super) exact: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(super) fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A place, cut when it is very long.
fn cut(place: Place) -> Place {
    let Place { path, pointer } = place;
    Place { path: text::cut(path, PLACE_LENGTH), pointer: pointer.chars().take(PLACE_LENGTH).collect() }
}

/// How many places of a name a finding has.
const MOST_PLACES: usize = 5;

impl Finding {
    pub(super) fn new(code: Code, severity: Severity, message: String) -> Self {
        Self {
            code,
            severity,
            message,
            hint: code.hint().to_owned(),
            name: None,
            role: None,
            loader: None,
            reason: None,
            at: Location::default(),
            places: Vec::new(),
            place_count: 0,
            region: None,
            exact: None,
        }
    }

    /// Says which name it is about, and where that stands.
    pub(super) fn about(mut self, reference: &Reference<'_>) -> Self {
        self.name = Some(reference.name().to_string());
        self.role = Some(reference.role().as_str());
        self.loader = Some(reference.loader().as_str());
        self.reason = reason(reference.name()).map(str::to_owned);
        self.place_count = reference.place_count();
        let places: Vec<_> = reference.places().take(MOST_PLACES).collect();
        self.exact = places.first().map(|place| place.pointer.clone());
        self.places = places.into_iter().map(cut).collect();
        self.at.entry = Some(crate::archive::SCHEMA_NAME.to_owned());
        self.at.pointer = self.places.first().map(|place| place.pointer.clone());
        self
    }

    /// About how many bytes a report of it takes.
    pub(super) fn bytes(&self) -> usize {
        let places = self.places.iter().map(|place| place.path.len().saturating_add(place.pointer.len()));
        let exact = self.exact.as_ref().map_or(0, String::len);
        places.fold(512, usize::saturating_add).saturating_add(self.message.len()).saturating_add(exact)
    }
}

impl From<&Error> for Finding {
    fn from(error: &Error) -> Self {
        Self {
            at: error.at().cut(),
            exact: error.at().pointer.clone(),
            ..Self::new(error.code(), Severity::Deny, error.to_string())
        }
    }
}
