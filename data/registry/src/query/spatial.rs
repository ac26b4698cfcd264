//! Spatial predicates, exact in both databases without an extension: the bounds of geometries stand in columns and decide
//! most records in SQL; those they leave open are read and compared here, and the answer goes back into the filter.

use std::ops::ControlFlow;

use banyan_base::{Problem, codes};
use banyan_package::model::FieldKind;
use banyan_store::{Dialect, Tx};

use super::ast::{Expr, Name, Settled, SpatialOp};
use super::sql::{Builder, Kind, named};
use super::{count, shape};
use crate::catalog::TypeInfo;

/// Most records that one predicate compares one by one.
const MAX_COMPARED: usize = 200_000;
/// Up to so many records are found by the spatial index and then put in order; of more, a page is full sooner by reading
/// in order and looking at each.
const FEW: i64 = 20_000;

/// The filter with each spatial predicate settled over the rows of `table`, a table or subquery whose own marks are bound
/// by `source`. `live` says that this is the type's own table, which has spatial indexes.
///
/// # Errors
/// Where a predicate names no geometry, or leaves too many records open.
pub fn settle(
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    source: &dyn Fn(&mut Builder) -> String,
    live: bool,
    expr: &Expr,
) -> Result<Expr, Problem> {
    let mut all = |parts: &[Expr]| {
        parts
            .iter()
            .map(|part| settle(tx, info, source, live, part))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(match expr {
        Expr::And(parts) => Expr::And(all(parts)?),
        Expr::Or(parts) => Expr::Or(all(parts)?),
        // An index says that a record is not among those found, which is more than is known of one without a geometry.
        Expr::Not(inner) => Expr::Not(Box::new(settle(tx, info, source, false, inner)?)),
        Expr::Spatial {
            op,
            property,
            geometry,
            settled: None,
        } => Expr::Spatial {
            op: *op,
            property: property.clone(),
            geometry: geometry.clone(),
            settled: Some(one(tx, info, source, live, *op, property, geometry)?),
        },
        other => other.clone(),
    })
}

/// Whether a filter has a spatial predicate at all.
pub fn is_spatial(expr: &Expr) -> bool {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().any(is_spatial),
        Expr::Not(inner) => is_spatial(inner),
        Expr::Spatial { .. } => true,
        _ => false,
    }
}

fn one(
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    source: &dyn Fn(&mut Builder) -> String,
    live: bool,
    op: SpatialOp,
    name: &Name,
    geometry: &geo::Geometry<f64>,
) -> Result<Settled, Problem> {
    let column = named(info, name)?;
    if column.kind != Kind::Geometry {
        return name.place.refuse(format!("字段 {} 不是几何", name.name));
    }
    let Some(bounds) = shape::bounds(geometry) else {
        return name.place.refuse("几何没有坐标");
    };
    // Disjoint is the opposite of intersects, which bounds can decide.
    let (op, negated) = match op {
        SpatialOp::Disjoint => (SpatialOp::Intersects, true),
        other => (other, false),
    };
    let sure = if op == SpatialOp::Intersects {
        shape::as_boxes(geometry)
    } else {
        Vec::new()
    };
    // Where the geometry is masked on some rows, the index knows more than the reader may.
    let indexed = if live && !negated && !info.is_masked(&name.name) {
        few(tx, info, &column.sql, bounds)?
    } else {
        None
    };
    let mut settled = Settled {
        dialect: tx.dialect(),
        indexed,
        bounds,
        sure,
        others: "[]".into(),
        negated,
    };
    // A point is in a box or it is not: nothing is left open.
    let points = info.columns.iter().any(|column| {
        column.name == name.name
            && matches!(&column.field.kind, FieldKind::Geometry { kinds } if kinds.len() == 1 && kinds.iter().all(|kind| kind == "Point"))
    });
    if points && !settled.sure.is_empty() {
        return Ok(settled);
    }
    let mut builder = Builder::default();
    let table = source(&mut builder);
    let mut condition = builder.near(&column.sql, bounds);
    if let Some(table) = &settled.indexed {
        let found = builder.indexed(&column.sql, settled.dialect, table, bounds);
        condition = format!("{found} AND {condition}");
    }
    for inside in &settled.sure {
        condition = format!("{condition} AND NOT {}", builder.inside(&column.sql, *inside));
    }
    let sql = format!("SELECT _seq, {} FROM {table} WHERE {condition}", column.sql);
    let (mut found, mut compared) = (Vec::new(), 0usize);
    tx.stream(&sql, &builder.params, &mut |row| {
        compared += 1;
        let text: String = row.get(1)?;
        let ours = serde_json::from_str(&text)
            .ok()
            .and_then(|json| shape::from_json(&json).ok());
        if ours.is_some_and(|ours| shape::holds(op, &ours, geometry)) {
            found.push(row.get::<i64>(0)?);
        }
        Ok(if compared > MAX_COMPARED {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })?;
    if compared > MAX_COMPARED {
        return Err(Problem::new(
            codes::BAD_FILTER,
            format!("空间条件涉及的记录超过 {MAX_COMPARED} 条,请缩小范围。"),
        ));
    }
    settled.others = serde_json::to_string(&found).map_err(Problem::internal)?;
    Ok(settled)
}

/// The table whose spatial index is to be used: where few enough records meet the bounds to find them by it.
fn few(tx: &mut Tx<'_>, info: &TypeInfo, column: &str, bounds: [f64; 4]) -> Result<Option<String>, Problem> {
    let mut builder = Builder::default();
    let from = match tx.dialect() {
        // The tree knows without the table behind it.
        Dialect::Sqlite => builder.in_tree(&info.base, column, bounds),
        Dialect::Postgres => format!(
            "FROM {} WHERE {}",
            info.base,
            builder.indexed(column, Dialect::Postgres, &info.base, bounds)
        ),
    };
    let rows = format!("SELECT 1 {from}");
    let count = count::bounded(tx, info, &rows, FEW + 1, &builder.params)?;
    Ok((count <= FEW).then(|| info.base.clone()))
}
