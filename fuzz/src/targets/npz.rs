//! A sparse matrix's file: an archive within the archive.

use serde_json::json;
use skops_rs::npy::{Item, SparseFormat, SparseMatrix};
use skops_rs::{Code, NdArray, Value};

use super::common::{node, skops};
use super::files::{self, Answer};
use super::load::describe_array;
use super::memory;

const FORMATS: [&str; 5] = ["csr", "csc", "coo", "bsr", "dia"];
const NAME: &str = "140000000000001.npz";

/// Whatever the bytes are, they are a matrix of one format at most. The answer is the same when the outer archive is
/// compressed, and the indices of what can be read are in range.
pub fn check(data: &[u8]) {
    let formats = FORMATS.iter().filter(|format| check_as(format, data));
    assert!(formats.count() <= 1, "two formats at once");
}

/// Whether the bytes are accepted as a matrix, or an array, of this format.
fn check_as(format: &str, data: &[u8]) -> bool {
    let says_kind = data.windows(9).any(|window| window == b"_is_array");
    let kind = if says_kind { "array" } else { "matrix" };
    let class = format!("scipy.sparse._{format}.{format}_{kind}");
    let root = node("SparseMatrixNode", &class, json!({"type": "scipy", "file": NAME}));
    let file = skops(root, &[(NAME, data.to_vec())]);
    let (first, matrix) = read(&file);
    if matches!(first, Answer::Refused { code: Code::TypeMismatch, .. }) {
        return false;
    }
    let parts = files::unpack(&file, files::small()).expect("a sound archive");
    let (other, _) = read(&files::pack(&parts, true));
    if !first.is_over_limit() && !other.is_over_limit() {
        assert_eq!(first.in_short(), other.in_short(), "deflated, as {class}");
    }
    if let Some(matrix) = matrix {
        assert_eq!(matrix.format().as_str(), format);
        check_indices(&matrix);
    }
    first.is_accepted()
}

/// What the headers say, or why they are refused; and the matrix, if its indices are sound.
fn read(file: &[u8]) -> (Answer, Option<SparseMatrix>) {
    let archive = files::open(file, files::small()).expect("a sound archive");
    let (listed, model) = match files::model(&archive) {
        Ok(read) => read,
        Err(refused) => return (refused, None),
    };
    // Members may be deflated; none is larger than the limit.
    let limits = files::small();
    let size = archive.size() as usize;
    let most = 4 * size.max(limits.nested_bytes as usize) + (4 << 20);
    match memory::within(most, "a matrix", || model.root().value()) {
        Ok(Value::Sparse(matrix)) => {
            let said = format!("{listed} {} {:?}", describe_array(matrix.data()), matrix.shape());
            (Answer::Accepted(said), Some(*matrix))
        }
        Ok(other) => panic!("{}", other.kind()),
        Err(error) => (Answer::Accepted(format!("{listed} {}", error.code())), None),
    }
}

fn numbers(array: &NdArray) -> Vec<i128> {
    let number = |item| match item {
        Item::Int(value) => i128::from(value),
        Item::Uint(value) => i128::from(value),
        other => panic!("an index {other}"),
    };
    array.items().map(number).collect()
}

/// What scipy follows without looking. Written down another way than the reader has it.
fn check_indices(matrix: &SparseMatrix) {
    let sizes: Vec<_> = matrix.shape().iter().map(|size| *size as i128).collect();
    let all_below = |name: &str, end: i128| {
        let indices = numbers(matrix.index_array(name).expect("a member of its format"));
        assert!(indices.iter().all(|index| (0..end).contains(index)), "{name} of {matrix:?}: {indices:?}");
    };
    let block = |axis: usize| matrix.data().shape()[axis] as i128;
    match matrix.format() {
        SparseFormat::Csr => all_below("indices", *sizes.last().expect("a dimension")),
        SparseFormat::Csc => all_below("indices", sizes[0]),
        SparseFormat::Bsr => all_below("indices", sizes[1] / block(2)),
        SparseFormat::Coo if matrix.index_array("row").is_some() => {
            all_below("row", sizes[0]);
            all_below("col", sizes[1]);
        }
        SparseFormat::Coo => all_below("coords", sizes.iter().copied().max().unwrap_or(0)),
        _ => {}
    }
    let Some(pointers) = matrix.index_array("indptr").map(numbers) else { return };
    let indices = matrix.index_array("indices").map_or(0, NdArray::len) as i128;
    assert!(pointers.is_sorted() && pointers[0] == 0, "{pointers:?}");
    assert!(pointers.iter().all(|pointer| (0..=indices).contains(pointer)), "{pointers:?}");
}
