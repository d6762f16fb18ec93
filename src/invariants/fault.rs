//! What is wrong with an object's contents.

use crate::error::{Blame, Code, Error};
use crate::model::Object;

/// Why a check ends: the contents are wrong, or they cannot be read.
pub(super) enum Fault {
    /// What is wrong, in words that go on after the object's path.
    Broken(String),
    /// Why something cannot be read.
    Unreadable(Error),
}

/// What a check gives.
pub(super) type Check<T = ()> = std::result::Result<T, Fault>;

impl From<Error> for Fault {
    /// A check asks for what the type promises. That there is something else is not the caller's fault.
    fn from(error: Error) -> Self {
        if error.code().blame() == Blame::Caller {
            Self::Broken(format!("does not hold what its type promises: {}", error.found()))
        } else {
            Self::Unreadable(error)
        }
    }
}

impl Fault {
    /// The error about an object, with the code of what its type promises.
    pub(super) fn about(self, object: Object<'_>, code: Code) -> Error {
        match self {
            Self::Broken(text) => object.refuse(code, &format!("({}) {text}", object.class_name())),
            Self::Unreadable(error) => error,
        }
    }
}

/// Ends a check: the contents are wrong.
macro_rules! refuse {
    ($($text:tt)*) => {
        return Err($crate::invariants::fault::Fault::Broken(format!($($text)*)))
    };
}
pub(super) use refuse;

/// Ends a check unless something holds.
macro_rules! ensure {
    ($holds:expr, $($text:tt)*) => {
        if !$holds {
            $crate::invariants::fault::refuse!($($text)*);
        }
    };
}
pub(super) use ensure;
