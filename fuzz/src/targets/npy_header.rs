//! An array's file: the header, and the items after it.

use skops_rs::{NdArray, Value};

use super::common::file_of_array;
use super::files::{self, Answer};
use super::load::describe_array;
use super::memory;

/// Whatever the bytes are: what is accepted as a header is what the array has once it is read, to the last byte; it can
/// be written down and read again; and a byte more or less is refused.
pub fn check(data: &[u8]) {
    let file = file_of_array(data.to_vec());
    let (first, read) = read(&file);
    let deflated = files::pack(&files::unpack(&file, files::small()).expect("a sound archive"), true);
    let (other, _) = self::read(&deflated);
    if !other.is_over_limit() {
        assert_eq!(first, other, "deflated");
    }
    let Some(read) = read else { return };
    let items = data.len() - read.nbytes();
    assert_eq!(read.bytes(), Some(&data[items..]), "the items come after the header");
    check_written(&read);
    check_items(&read);
    for cut in [&data[..data.len() - 1], &[data, b"\0"].concat()] {
        let (other, _) = self::read(&file_of_array(cut.to_vec()));
        assert!(!other.is_accepted(), "a byte more or less");
    }
}

/// What the file's header says, or why it is refused; and the array, if its items are sound.
fn read(file: &[u8]) -> (Answer, Option<NdArray>) {
    let archive = files::open(file, files::small()).expect("a sound archive");
    let (listed, model) = match files::model(&archive) {
        Ok(read) => read,
        Err(refused) => return (refused, None),
    };
    let root = model.root();
    let info = root.array_info().map(|(dtype, shape)| (dtype.clone(), shape.to_vec()));
    let (dtype, shape) = info.expect("an array has a header");
    let size: u64 = archive.entries().iter().map(|entry| entry.size).sum();
    let most = 4 * size as usize + (2 << 20);
    match memory::within(most, "an array", || root.value()) {
        Ok(Value::Array(array)) => {
            let sizes: Vec<_> = array.shape().iter().map(|size| *size as u64).collect();
            assert_eq!((array.dtype(), sizes), (&dtype, shape), "the header was true");
            (Answer::Accepted(format!("{listed} {}", describe_array(&array))), Some(array))
        }
        Ok(other) => panic!("{}", other.kind()),
        Err(error) => (Answer::Accepted(format!("{listed} {}", error.code())), None),
    }
}

/// An array that is written down and read again is the same.
fn check_written(array: &NdArray) {
    let mut written = Vec::new();
    array.write_npy(&mut written).expect("memory can be written to");
    let (_, again) = read(&file_of_array(written));
    let again = again.expect("what was written is an array");
    assert_eq!((array.dtype(), array.shape()), (again.dtype(), again.shape()), "written");
    assert_eq!(array.bytes(), again.bytes(), "written");
    if array.fortran_order() && !array.is_empty() {
        assert!(again.fortran_order(), "written");
    }
}

/// There are as many items as there ought to be, each of them can be shown, and so are the columns.
fn check_items(array: &NdArray) {
    // Items of records may have very many fields each.
    let most = 4096;
    if array.len() <= most {
        assert_eq!(array.items().count(), array.len());
    }
    for item in array.items().take(64) {
        files::assert_shown(&item.to_string());
    }
    if let Ok(values) = array.to_vec::<f64>() {
        assert_eq!(values.len(), array.len());
        let view = array.to_array::<f64>().expect("as its items");
        assert_eq!(view.shape(), array.shape());
        let same = view.iter().zip(&values).all(|(one, other)| one.to_bits() == other.to_bits());
        assert!(same, "rows");
    }
    let skops_rs::npy::Dtype::Struct(structure) = array.dtype() else { return };
    for field in structure.fields.iter().take(16) {
        let column = array.field(&field.name).expect("a field of its own");
        assert!(column.shape().starts_with(array.shape()));
        if column.len() <= most {
            assert_eq!(column.items().count(), column.len());
        }
    }
}
