//! Why a file may not be built: the names in it that are not trusted.

use super::{Audit, Reference};
use crate::error::{Code, Error, Place, Untrusted};
use crate::text::json_length;
use crate::trust::reason;

/// Bytes of a place in a report, besides its path and pointer.
const A_PLACE: u64 = 80;

/// How many names the text of an error has.
const MOST_NAMES: usize = 8;

impl Reference<'_> {
    /// The first places, as many as take no more bytes than are left once they are written. Deep nodes and long keys would
    /// otherwise let a small file make an endless list.
    pub(crate) fn places_within(&self, left: &mut u64) -> Vec<Place> {
        let mut places = Vec::new();
        let mut found = self.places();
        while *left > 0 {
            let Some(place) = found.next() else { break };
            let bytes =
                json_length(&place.path).saturating_add(json_length(&place.pointer)).saturating_add(A_PLACE);
            // Once a place does not fit, none is looked up any more: a single one can be long.
            *left = left.saturating_sub(bytes);
            if *left == 0 {
                break;
            }
            places.push(place);
        }
        places
    }
}

impl Audit {
    /// The limit `report-bytes`.
    pub(crate) fn report_bytes(&self) -> u64 {
        self.schema().archive().limits().report_bytes
    }

    /// The error that refuses the file for what is not trusted. `None` when all is.
    pub(crate) fn refusal(&self, is_trusted: impl Fn(&Reference<'_>) -> bool) -> Option<Error> {
        let untrusted: Vec<_> = self.references().filter(|reference| !is_trusted(reference)).collect();
        let mut names: Vec<_> = untrusted.iter().map(|reference| reference.name().to_string()).collect();
        // References are sorted by name.
        names.dedup();
        if names.is_empty() {
            return None;
        }
        let more = match names.len().saturating_sub(MOST_NAMES) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let count = if names.len() == 1 { "one type that is" } else { "types that are" };
        let shown = names.get(..MOST_NAMES).unwrap_or(&names).join(", ");
        let mut left = self.report_bytes();
        let list = untrusted.into_iter().map(|reference| Untrusted {
            name: reference.name().to_string(),
            role: reference.role().as_str(),
            loader: reference.loader().as_str(),
            reason: reason(reference.name()),
            places: reference.places_within(&mut left),
            place_count: reference.place_count(),
        });
        let found = format!("the file names {count} not trusted: {shown}{more}");
        Some(Error::new(Code::UntrustedTypes, found).with_untrusted(list.collect()))
    }
}
