//! Headers of arrays and sparse matrices.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use common::*;
use serde_json::json;

fn code(descr: &str, shape: &str, bytes: usize) -> &'static str {
    code_of(file_of_array(npy(&header(descr, shape), &vec![0; bytes])))
}

#[test]
fn dtypes_of_numpy_are_read() {
    for (descr, bytes) in [
        ("'|b1'", 1),
        ("'|i1'", 1),
        ("'<i2'", 2),
        ("'<i4'", 4),
        ("'>i8'", 8),
        ("'|u1'", 1),
        ("'<u2'", 2),
        ("'<u4'", 4),
        ("'<u8'", 8),
        ("'<f2'", 2),
        ("'<f4'", 4),
        ("'>f8'", 8),
        ("'<f16'", 16),
        ("'<c8'", 8),
        ("'<c16'", 16),
        ("'<c32'", 32),
        ("'|S3'", 3),
        ("'<U3'", 12),
        ("'>U1'", 4),
        ("'|V5'", 5),
        ("'<M8[ns]'", 8),
        ("'<m8[25s]'", 8),
        ("'<M8'", 8),
        ("'<M8[Y]'", 8),
        ("[('a', '<i4'), ('b', '<f8')]", 12),
        ("[('a', '<i4', (2, 3))]", 24),
        ("[('a', [('b', '|u1'), ('c', '<f4')])]", 5),
        ("[('a', '|u1'), ('', '|V3'), ('b', '<f4')]", 8),
        ("[(('title', 'a'), '<f8')]", 8),
        ("[(('t', 'a'), '<f8'), (('u', 'b'), '<f8'), ('', '|V3'), ('', '|V3')]", 22),
        ("[(\"it's\", '<f8')]", 8),
        ("[('caf\\xe9', '<f8')]", 8),
    ] {
        assert_eq!(code(descr, "()", bytes), "accepted", "{descr}");
        assert_eq!(code(descr, "(3,)", bytes * 3), "accepted", "{descr}");
        assert_eq!(code(descr, "(0,)", 0), "accepted", "{descr}");
        assert_eq!(code(descr, "(3,)", bytes * 3 + 1), "npy-size", "{descr}");
        assert_eq!(code(descr, "(3,)", bytes * 3 - 1), "npy-size", "{descr}");
    }
}

#[test]
fn other_dtypes_are_refused() {
    for descr in [
        "'<q9'",
        "'<i3'",
        "'<f3'",
        "'|f8'",
        "'=f8'",
        "'f8'",
        "'<f08'",
        "'<M8[x]'",
        "'<M8[0s]'",
        "'<M4[s]'",
        "'<M8[s'",
        "'<V'",
        "''",
        "'<'",
        "'<i'",
        "'<U99999999999'",
        "'|S2147483648'",
        "[('a', '<i4'), ('a', '<f8')]",
        "[('', '<i4')]",
        "'<b2'",
        "'<M8[2147483648s]'",
        "'<M8[1s]'",
        "'<M8[025s]'",
        "'<f12'",
        "[(('a', 'a'), '<f8')]",
        // numpy finds a field by its title, too, and refuses two that are found the same.
        "[(('a', 'b'), '<f8'), ('a', '<i4')]",
        "[('a', '<i4'), (('a', 'b'), '<f8')]",
        "[(('t', 'a'), '<f8'), (('t', 'b'), '<f8')]",
        // To numpy this is a field, not padding.
        "[(('t', ''), '|V3'), ('a', '<i4')]",
        "[('a', '|V0', (3,))]",
        "'float64'",
        "'<U-1'",
    ] {
        assert_eq!(code(descr, "(0,)", 0), "npy-dtype", "{descr}");
    }
    for descr in ["'|O'", "'<O'", "'O8'", "'|O8'", "[('a', '|O')]", "[('a', '<f8'), ('b', [('c', '|O')])]"] {
        let expected = if descr == "'O8'" { "npy-dtype" } else { "npy-object" };
        assert_eq!(code(descr, "(0,)", 0), expected, "{descr}");
    }
    for descr in [
        "{'names': ['a'], 'formats': ['<f8']}",
        "('<f8', (2,))",
        "float",
        "None",
        "[('a',)]",
        "[['a', '<f8']]",
        "b'<f8'",
        "1",
    ] {
        assert_eq!(code(descr, "(0,)", 0), "npy-header", "{descr}");
    }
    // Items of no bytes: nothing bounds their count.
    for descr in ["'|V0'", "'<U0'", "'|S0'", "[]"] {
        assert_eq!(code(descr, "(5,)", 0), "npy-dtype", "{descr}");
        assert_eq!(code(descr, "(0,)", 0), "accepted", "{descr}");
    }
    let nested = |levels: usize| format!("{}'<f8'{}", "[('a', ".repeat(levels), ")]".repeat(levels));
    assert_eq!(code(&nested(15), "()", 8), "accepted");
    assert_eq!(code(&nested(16), "()", 8), "npy-dtype");
    assert_eq!(code(&nested(1000), "()", 8), "npy-dtype");
}

#[test]
fn shapes_are_tuples_of_sizes() {
    for (shape, bytes) in
        [("()", 1), ("(3,)", 3), ("(2, 3)", 6), ("(2, 3,)", 6), ("(0, 4294967296)", 0), ("(1, 0)", 0)]
    {
        assert_eq!(code("'|u1'", shape, bytes), "accepted", "{shape}");
    }
    for shape in [
        "(3)", "[3]", "3", "(3, -1)", "(3L,)", "(03,)", "(3.0,)", "(,)", "(3 4)", "(0x3,)", "None",
        "(True,)", "(3,,)",
    ] {
        assert_eq!(code("'|u1'", shape, 3), "npy-header", "{shape}");
    }
    // Products that are too large, or whose low bits are small.
    for shape in [
        "(8589934592, 8589934592)",
        "(4294967296, 4294967296)",
        "(0, 4294967296, 4294967296)",
        "(9223372036854775808,)",
        "(99999999999999999999,)",
        "(1000000000000,)",
    ] {
        assert_eq!(code("'<f8'", shape, 16), "npy-size", "{shape}");
    }
    let many = |rank: usize| format!("({})", "1, ".repeat(rank));
    assert_eq!(code("'|u1'", &many(64), 1), "accepted");
    assert_eq!(code("'|u1'", &many(65), 1), "limit-array-rank");
}

#[test]
fn headers_are_as_numpy_writes_them() {
    let of = |header: &str| code_of(file_of_array(npy(header, &[0; 8])));
    assert_eq!(of("{'descr': '<f8', 'fortran_order': False, 'shape': (), }"), "accepted");
    assert_eq!(of("{'shape': (), 'fortran_order': True, 'descr': '<f8'}"), "accepted");
    for header in [
        "{'descr': '<f8', 'fortran_order': False}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (), 'more': 1}",
        "{'descr': '<f8', 'descr': '<i8', 'fortran_order': False, 'shape': ()}",
        "{'descr': '<f8', 'fortran_order': 0, 'shape': ()}",
        "{'descr': '<f8', 'fortran_order': false, 'shape': ()}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': ()} # comment",
        "{'descr': '<f8', 'fortran_order': False, 'shape': ()}\n{}",
        "{'descr': '<f8' 'x', 'fortran_order': False, 'shape': ()}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': ()",
        "dict(descr='<f8', fortran_order=False, shape=())",
        "{'descr': '<f\\q', 'fortran_order': False, 'shape': ()}",
        "",
    ] {
        assert_eq!(of(header), "npy-header", "{header}");
    }
}

#[test]
fn versions_and_lengths() {
    let sound = npy(&header("'<f8'", "(1,)"), &[0; 8]);
    let text = &sound[10..sound.len() - 8];
    let version = |major: u8, minor: u8, length: u32| {
        let mut bytes = vec![0x93, b'N', b'U', b'M', b'P', b'Y', major, minor];
        bytes.extend(length.to_le_bytes());
        bytes.extend(text);
        bytes.extend([0; 8]);
        code_of(file_of_array(bytes))
    };
    let length = u32::try_from(text.len()).unwrap();
    assert_eq!((version(2, 0, length), version(3, 0, length)), ("accepted", "accepted"));
    assert_eq!(
        (version(4, 0, length), version(1, 1, length), version(0, 0, length)),
        ("npy-version", "npy-version", "npy-version")
    );
    assert_eq!(version(2, 0, u32::MAX), "npy-header");
    assert_eq!(version(2, 0, 10_001), "npy-header");
    assert_eq!(version(2, 0, length + 100), "npy-header");
    for end in 0..sound.len() - 8 {
        let code = code_of(file_of_array(sound[..end].to_vec()));
        assert!(["npy-magic", "npy-header"].contains(&code), "{end}: {code}");
    }
}

fn member(name: &str, descr: &str, shape: &str, data: &[u8]) -> Entry {
    Entry::stored(&format!("{name}.npy"), npy(&header(descr, shape), data))
}

/// A csr matrix of two rows, three columns and two values.
fn csr() -> Vec<Entry> {
    let sizes = [2_i64.to_le_bytes(), 3_i64.to_le_bytes()].concat();
    vec![
        member("indices", "'<i4'", "(2,)", &[0; 8]),
        member("indptr", "'<i4'", "(3,)", &[0; 12]),
        member("format", "'|S3'", "()", b"csr"),
        member("shape", "'<i8'", "(2,)", &sizes),
        member("data", "'<f8'", "(2,)", &[0; 16]),
        member("_is_array", "'|b1'", "()", &[0]),
    ]
}

fn sparse(class: &str, change: impl FnOnce(&mut Vec<Entry>)) -> &'static str {
    let mut members = csr();
    change(&mut members);
    let npz = Zip::new(members).build();
    let node = node("SparseMatrixNode", class, json!({"type": "scipy", "file": "140000000000001.npz"}));
    code_of(skops(node, &[("140000000000001.npz", npz)]))
}

const CSR: &str = "scipy.sparse._csr.csr_matrix";

#[test]
fn sparse_matrices_declare_their_format() {
    assert_eq!(sparse(CSR, |_| {}), "accepted");
    assert_eq!(sparse("scipy.sparse.csr.csr_matrix", |_| {}), "accepted");
    for class in [
        "scipy.sparse._csr.csr_array",
        "scipy.sparse._csc.csc_matrix",
        "scipy.sparse._matrix.spmatrix",
        "scipy.sparse._base.sparray",
        "a.csr_matrix",
        "scipy.sparsely.csr_matrix",
        // Not where scipy keeps the class, though it reads it all the same. Found by tests/soundness.
        "scipy.sparse._csc.csr_matrix",
        "scipy.sparse.linalg.csr_matrix",
        "scipy.sparse._csr.csr_matrix_",
    ] {
        assert_eq!(sparse(class, |_| {}), "type-mismatch", "{class}");
    }
    let array = |members: &mut Vec<Entry>| members[5] = member("_is_array", "'|b1'", "()", &[1]);
    assert_eq!(sparse("scipy.sparse._csr.csr_array", array), "accepted");
    assert_eq!(sparse(CSR, array), "type-mismatch");
    // scipy before 1.12 does not say whether it is an array, and reads a matrix. Its arrays are in a module of their own
    // up to 1.10, and in that of the format since.
    let silent = |members: &mut Vec<Entry>| drop(members.pop());
    assert_eq!(sparse(CSR, silent), "accepted");
    assert_eq!(sparse("scipy.sparse._arrays.csr_array", silent), "accepted");
    assert_eq!(sparse("scipy.sparse._csr.csr_array", silent), "accepted");
    assert_eq!(sparse("scipy.sparse._csc.csc_array", silent), "type-mismatch");
    assert_eq!(sparse("scipy.sparse._csc.csc_matrix", silent), "type-mismatch");
    assert_eq!(sparse("a.csr_array", silent), "type-mismatch");
}

#[test]
fn sparse_members_are_those_of_the_format() {
    for index in 0..5 {
        assert_eq!(sparse(CSR, |members| drop(members.remove(index))), "npz-members", "without {index}");
    }
    assert_eq!(sparse(CSR, |members| members.push(member("row", "'<i4'", "(2,)", &[0; 8]))), "npz-members");
    assert_eq!(sparse(CSR, |members| members.push(Entry::stored("x.py", "x"))), "npz-members");
    assert_eq!(
        sparse(CSR, |members| members[0] = member("indices", "'<f8'", "(2,)", &[0; 16])),
        "npz-members"
    );
    assert_eq!(sparse(CSR, |members| members[0] = member("indices", "'|O'", "(2,)", &[0; 16])), "npy-object");
    assert_eq!(
        sparse(CSR, |members| members[4] = Entry::stored("data.npy", &b"\x80\x04K\x01."[..])),
        "npy-magic"
    );
    assert_eq!(sparse(CSR, |members| members[5] = member("_is_array", "'|b1'", "()", &[2])), "npz-members");
    assert_eq!(
        sparse(CSR, |members| members[5] = member("_is_array", "'<i8'", "()", &[0; 8])),
        "npz-members"
    );
    let negative = (-2_i64).to_le_bytes();
    assert_eq!(
        sparse(CSR, |members| members[3] = member("shape", "'<i8'", "(1,)", &negative)),
        "npz-members"
    );
    for (format, expected) in
        [("csc", "shape-mismatch"), ("os", "npz-format"), ("lil", "npz-format"), ("CSR", "npz-format")]
    {
        let descr = format!("'|S{}'", format.len());
        let change =
            |members: &mut Vec<Entry>| members[2] = member("format", &descr, "()", format.as_bytes());
        assert_eq!(sparse(CSR, change), expected, "{format}");
    }
}

#[test]
fn sparse_lengths_fit_each_other() {
    assert_eq!(
        sparse(CSR, |members| members[0] = member("indices", "'<i4'", "(1,)", &[0; 4])),
        "shape-mismatch"
    );
    assert_eq!(
        sparse(CSR, |members| members[1] = member("indptr", "'<i4'", "(2,)", &[0; 8])),
        "shape-mismatch"
    );
    assert_eq!(
        sparse(CSR, |members| members[4] = member("data", "'<f8'", "(1, 2)", &[0; 16])),
        "shape-mismatch"
    );
    // A matrix has two dimensions, an array in rows may have one; scipy refuses any other number.
    let empty = |dimensions: usize, is_array: bool| {
        let sizes = [2_i64, 3, 1, 1].map(i64::to_le_bytes).concat()[..dimensions * 8].to_vec();
        let pointers = if dimensions == 1 { 2 } else { 3 };
        let class = if is_array { "scipy.sparse._csr.csr_array" } else { CSR };
        sparse(class, |members| {
            members[0] = member("indices", "'<i4'", "(0,)", &[]);
            members[1] = member("indptr", "'<i4'", &format!("({pointers},)"), &vec![0; pointers * 4]);
            members[3] = member("shape", "'<i8'", &format!("({dimensions},)"), &sizes);
            members[4] = member("data", "'<f8'", "(0,)", &[]);
            members[5] = member("_is_array", "'|b1'", "()", &[u8::from(is_array)]);
        })
    };
    for dimensions in 0..5 {
        let expected = |fits| if fits { "accepted" } else { "shape-mismatch" };
        assert_eq!(empty(dimensions, false), expected(dimensions == 2), "{dimensions}");
        assert_eq!(empty(dimensions, true), expected(matches!(dimensions, 1 | 2)), "{dimensions}");
    }
    // Coordinates of no axis, or of more than a matrix has.
    for (axes, is_array, expected) in [
        (0, true, "shape-mismatch"),
        (1, true, "accepted"),
        (3, true, "accepted"),
        (1, false, "shape-mismatch"),
        (2, false, "accepted"),
    ] {
        let class = if is_array { "scipy.sparse._coo.coo_array" } else { "scipy.sparse._coo.coo_matrix" };
        let members = |members: &mut Vec<Entry>| {
            *members = vec![
                member("coords", "'<i4'", &format!("({axes}, 0)"), &[]),
                member("format", "'|S3'", "()", b"coo"),
                member("shape", "'<i8'", &format!("({axes},)"), &vec![0; axes * 8]),
                member("data", "'<f8'", "(0,)", &[]),
                member("_is_array", "'|b1'", "()", &[u8::from(is_array)]),
            ];
        };
        assert_eq!(sparse(class, members), expected, "{axes} {is_array}");
    }
}

#[test]
fn sparse_archives_follow_the_rules_of_the_container() {
    assert_eq!(sparse(CSR, |members| members.push(members[0].clone())), "entry-duplicate");
    assert_eq!(sparse(CSR, |members| members[0].before = vec![0]), "zip-gap");
    assert_eq!(sparse(CSR, |members| members[0].local_date = 0), "zip-header-mismatch");
    let node = node("SparseMatrixNode", CSR, json!({"type": "scipy", "file": "140000000000001.npz"}));
    assert_eq!(code_of(skops(node, &[("140000000000001.npz", doubles(&[1.0]))])), "not-zip");
}

/// Errors name the member within the archive within the archive.
#[test]
fn errors_in_a_member_say_so() {
    let mut members = csr();
    members[4] = member("data", "'|O'", "(2,)", &[0; 16]);
    let node = node("SparseMatrixNode", CSR, json!({"type": "scipy", "file": "140000000000001.npz"}));
    let error = audit(skops(node, &[("140000000000001.npz", Zip::new(members).build())])).unwrap_err();
    assert_eq!(error.at().entry.as_deref(), Some("140000000000001.npz/data.npy"));
}
