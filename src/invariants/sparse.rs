//! Sparse arrays that skops 0.9 to 0.13 store as any other instance: by their attributes. Those with an archive of their
//! own are checked where it is read, in `npy`.

use super::facts::{below, list, plain_ints};
use super::fault::{Check, Fault, ensure, refuse};
use crate::model::Object;
use crate::npy::{NdArray, SparseFormat, SparseMatrix};
use crate::schema::Loader;

/// `csr_array` and its like.
pub(super) fn check(object: Object<'_>) -> Check {
    let is_object = object.node().loader() == Loader::Object;
    ensure!(is_object, "is made by a {}, whose arguments nobody looks at", object.node().loader());
    let shape: Vec<_> = match object.get_attr("_shape")? {
        Some(shape) => plain_ints(shape, "_shape", "builtins.tuple")?,
        None => refuse!("has no _shape"),
    };
    let shape = shape.into_iter().map(usize::try_from).collect::<Result<Vec<_>, _>>();
    let Ok(shape) = shape else { refuse!("has a negative size") };
    let format = match object.class_name().split('_').next().unwrap_or_default() {
        "csr" => SparseFormat::Csr,
        "csc" => SparseFormat::Csc,
        "bsr" => SparseFormat::Bsr,
        "dia" => SparseFormat::Dia,
        "coo" => return check_coordinates(object, &shape),
        _ => return check_lists(object, &shape),
    };
    let names: &[&'static str] =
        if format == SparseFormat::Dia { &["offsets"] } else { &["indices", "indptr"] };
    let array = |name: &str| -> Check<NdArray> { Ok(object.attr(name)?.ndarray()?) };
    let indices = names.iter().map(|name| Ok((*name, array(name)?))).collect::<Check<Vec<_>>>()?;
    for (_, indices) in &indices {
        let _ = super::facts::integers(indices)?;
    }
    match SparseMatrix::fault_of(format, shape, array("data")?, indices) {
        None => Ok(()),
        Some(fault) => Err(Fault::Broken(fault)),
    }
}

/// `coo_array`: since scipy 1.13 a tuple of indices for each dimension, before `row` and `col`.
fn check_coordinates(object: Object<'_>, shape: &[usize]) -> Check {
    let coordinates = match object.get_attr("coords")? {
        Some(coordinates) => list(coordinates, "coords")?,
        None => vec![object.attr("row")?, object.attr("col")?],
    };
    ensure!(coordinates.len() == shape.len(), "has {} lists of indices for {shape:?}", coordinates.len());
    let data = object.attr("data")?.ndarray()?;
    let [stored] = *data.shape() else { refuse!("has data of shape {:?}", data.shape()) };
    for (axis, (coordinates, size)) in coordinates.into_iter().zip(shape).enumerate() {
        let coordinates = coordinates.ndarray()?;
        let found = coordinates.shape();
        ensure!(found == [stored], "has {stored} values and indices of shape {found:?}");
        for index in super::facts::integers(&coordinates)? {
            ensure!(
                below(index, *size),
                "has a coordinate {index} along axis {axis}, which is not below {size}"
            );
        }
    }
    Ok(())
}

/// `lil_array`: lists of indices and of values for each row. Others have neither.
fn check_lists(object: Object<'_>, shape: &[usize]) -> Check {
    let Some(rows) = object.get_attr("rows")? else { return Ok(()) };
    let (rows, values) = (list(rows, "rows")?, list(object.attr("data")?, "data")?);
    let fits = shape.first() == Some(&rows.len()) && rows.len() == values.len();
    ensure!(fits, "has {} rows and {} lists of values for {shape:?}", rows.len(), values.len());
    let width = shape.get(1).copied().unwrap_or(0);
    for (row, values) in rows.into_iter().zip(values) {
        let (row, values) = (list(row, "rows")?, list(values, "data")?);
        ensure!(row.len() == values.len(), "has {} indices and {} values in a row", row.len(), values.len());
        for index in row {
            let index = index.as_i64()?;
            ensure!(below(index, width), "has the index {index}, where there are {width}");
        }
    }
    Ok(())
}
