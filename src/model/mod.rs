//! Models: the objects of a file, once all that it names is trusted.
//!
//! [`Vetted`] is the permission, and only an audit against a trust list gives it; [`Model`] can only be made from it.
//! So there is no way from bytes to an object that goes around the audit. A model is read lazily: its objects are the
//! nodes of the schema (`graph`), looked at as values (`value`) when they are asked for; payloads are read once and kept
//! (`store`).

mod extract;
mod graph;
mod key;
mod object;
mod path;
mod store;
mod value;

use std::fmt;
use std::path::Path;

pub(crate) use graph::{Effort, Graph};
pub use key::{Key, KeyValue};
pub use object::{Identity, Object};
pub use value::{Bound, Dict, Generator, GeneratorState, Instance, Int, ObjectArray, Sequence, Slice, Value};

use crate::archive::Archive;
use crate::audit::{Audit, Reference};
use crate::error::Result;
use crate::limits::Limits;
use crate::schema::{NodeRef, is_storage};
use crate::trust::TrustList;
use store::Store;

/// Permission to build what a file holds: an audit whose every name a [`TrustList`] trusts.
#[derive(Debug)]
pub struct Vetted {
    audit: Audit,
}

impl Audit {
    /// Asks the list about every name. Only what is trusted as a whole can be built.
    ///
    /// # Errors
    /// [`Code::UntrustedTypes`](crate::Code::UntrustedTypes), with all the names: [`Error::untrusted`](crate::Error::untrusted).
    pub fn vet(self, trust: &TrustList) -> Result<Vetted> {
        self.vet_by(|reference| reference.is_trusted(trust))
    }

    /// As [`Audit::vet`], by whoever says of each reference whether it is trusted.
    pub(crate) fn vet_by(self, is_trusted: impl Fn(&Reference<'_>) -> bool) -> Result<Vetted> {
        match self.refusal(is_trusted) {
            None => Ok(Vetted { audit: self }),
            Some(refusal) => Err(refusal),
        }
    }
}

impl Vetted {
    /// The audit.
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The model. Nothing is read yet.
    #[must_use]
    pub fn load(self) -> Model {
        let schema = self.audit.schema();
        let store = Store::new(schema.archive().entries().len(), schema.node_count());
        Model { audit: self.audit, store }
    }
}

/// How [`load_with`] reads a file.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LoadOptions {
    /// How much the file may ask for.
    pub limits: Limits,
    /// Whether to read all arrays now, rather than each when it is asked for.
    pub eager: bool,
    /// How many threads read them; 0 and 1 mean none but the caller's. More need the feature `parallel`.
    pub threads: usize,
}

/// A model whose types are trusted: plain data, with real arrays.
///
/// Access reads like scikit-learn:
///
/// ```
/// use skops_rs::TrustList;
///
/// let trust = TrustList::default().allow("sklearn.tree._tree.Tree")?;
/// let model = skops_rs::load("fixtures/example.skops", &trust)?;
/// let scaler = model.root().attr("steps")?.index(0)?.index(1)?;
/// assert_eq!(scaler.class_name(), "StandardScaler");
/// let mean = scaler.attr("mean_")?.array1::<f64>()?;
/// assert_eq!(mean.len(), 4);
/// assert_eq!(model.at("steps[0][1].mean_")?.array1::<f64>()?, mean);
/// # Ok::<(), skops_rs::Error>(())
/// ```
///
/// **Laziness.** The source stays open. An array is read, and its CRC-32 checked, when it is asked for; from then on it is
/// kept, and shared by all who ask. [`Model::read_all`] does it for all arrays. A model can be used by several threads.
///
/// **Contents.** Before an object is looked into whose type other software follows blindly (a `Tree`, a vocabulary, the
/// state of a random generator), its contents are checked; [`Audit::verify`] does that for all objects of a file.
pub struct Model {
    audit: Audit,
    store: Store,
}

impl Model {
    /// The object that was saved.
    #[must_use]
    pub fn root(&self) -> Object<'_> {
        self.graph().root()
    }

    /// The object at a path from the root, such as `steps[1][1].coef_`.
    ///
    /// # Errors
    /// See [`Object::at`].
    pub fn at(&self, path: &str) -> Result<Object<'_>> {
        self.root().at(path)
    }

    /// All objects of the model, each once, parts before what they are part of.
    ///
    /// Each is checked when it is looked into; what it is part of is not. An array of a `Tree` can be had here although
    /// the `Tree` breaks a rule: walk from the root where that matters.
    pub fn objects(&self) -> impl Iterator<Item = Object<'_>> {
        self.graph().objects().filter(|object| !is_storage(object.node()))
    }

    /// The audit that the model was vetted by.
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The object that a node of the audit's schema is.
    pub(crate) fn object<'m>(&'m self, node: NodeRef<'m>) -> Object<'m> {
        Object::new(self.graph(), node)
    }

    fn graph(&self) -> Graph<'_> {
        Graph::new(&self.audit, &self.store)
    }

    /// Reads all payloads that have not been read.
    ///
    /// # Errors
    /// Why one of them cannot be read.
    pub fn read_all(&self) -> Result<()> {
        self.read_all_with(1)
    }

    /// As [`Model::read_all`], by several threads, if this was built with the feature `parallel`.
    ///
    /// # Errors
    /// Why one of the payloads cannot be read.
    pub fn read_all_with(&self, threads: usize) -> Result<()> {
        let graph = self.graph();
        let objects: Vec<_> = graph.objects().filter(Object::has_payload).collect();
        #[cfg(feature = "parallel")]
        if threads > 1 {
            return in_parallel(&objects, threads);
        }
        let _ = threads;
        objects.iter().try_for_each(Object::read)
    }

    /// Checks the contents of all objects whose type promises something. What was read for it is kept.
    ///
    /// # Errors
    /// The first thing that is wrong: a code `invariant-...`, or why a payload cannot be read.
    pub fn verify(&self) -> Result<()> {
        self.graph().objects().try_for_each(|object| object.check())
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("root", &self.root()).finish_non_exhaustive()
    }
}

/// Lets threads take one object after the other.
#[cfg(feature = "parallel")]
fn in_parallel(objects: &[Object<'_>], threads: usize) -> Result<()> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = object.read() {
                // The others stop, too.
                next.store(objects.len(), Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(objects.len()))
            // What no thread can be had for, the others do.
            .filter_map(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut result = work();
        for other in others {
            result = match other.join() {
                Ok(other) => result.and(other),
                Err(panic) => std::panic::resume_unwind(panic),
            };
        }
        result
    })
}

/// Loads a model, after an audit against the list.
///
/// # Errors
/// When the file is refused, or names something that the list does not trust.
pub fn load(path: impl AsRef<Path>, trust: &TrustList) -> Result<Model> {
    load_with(path, trust, &LoadOptions::default())
}

/// As [`load`], from bytes in memory.
///
/// # Errors
/// As [`load`].
pub fn load_bytes(bytes: Vec<u8>, trust: &TrustList) -> Result<Model> {
    load_archive(&Archive::from_bytes(bytes, Limits::default())?, trust, &LoadOptions::default())
}

/// As [`load`], with options.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: impl AsRef<Path>, trust: &TrustList, options: &LoadOptions) -> Result<Model> {
    load_archive(&Archive::open_with(path, options.limits.clone())?, trust, options)
}

/// As [`load`], from an archive that is open, whose limits apply.
///
/// # Errors
/// As [`load`].
pub fn load_archive(archive: &Archive, trust: &TrustList, options: &LoadOptions) -> Result<Model> {
    let model = archive.schema()?.audit()?.vet(trust)?.load();
    if options.eager {
        model.read_all_with(options.threads)?;
    }
    Ok(model)
}
