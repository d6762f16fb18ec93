//! Judging files by a policy: what a gate does with each upload.
//!
//! ```
//! use skops_rs::check::{Checker, Outcome};
//! use skops_rs::policy::{Policy, Preset};
//!
//! let checker = Checker::new(Policy::default().preset(Preset::Trees));
//! let verdict = checker.check("fixtures/example.skops");
//! assert_eq!(verdict.outcome, Outcome::Pass);
//! println!("{} {}", verdict.sha256.unwrap(), verdict.path);
//! ```
//!
//! A [`Checker`] holds a policy and judges bytes; [`Finder`] finds files in folders; [`Checker::run`] judges many of them
//! on several threads and gives the verdicts in order; [`crate::report::check`] writes them down. `docs/gate.md` shows the
//! command line, which does just that.

mod digest;
mod finding;
mod input;
mod judge;
mod mlflow;
mod pinned;
mod publish;
mod run;
mod spool;
mod subject;
mod verdict;

pub use digest::Sha256;
pub use finding::Finding;
pub use input::{Finder, Found, Input, read_list};
pub use judge::{Checker, Level};
pub use publish::Publisher;
pub use run::Pace;
pub use spool::Spool;
pub use verdict::{ClaimReport, Outcome, Summary, Verdict};

pub use crate::schema::Region;
