//! Geometries of filters and records: made from coordinates, checked, compared.

use geo::{
    BoundingRect, Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon,
    Relate,
};
use serde_json::Value as Json;

use super::ast::{MAX_DEPTH, SpatialOp};

/// Coordinates in lists as deep as the kind of geometry asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Coordinates {
    Position(f64, f64),
    List(Vec<Coordinates>),
}

/// How many lists stand around the positions of a kind of geometry.
pub fn levels(kind: &str) -> Option<u32> {
    Some(match kind {
        "point" => 0,
        "multipoint" | "linestring" => 1,
        "multilinestring" | "polygon" => 2,
        "multipolygon" => 3,
        _ => return None,
    })
}

type Made<T> = Result<T, String>;

fn list(coordinates: &Coordinates) -> Made<&[Coordinates]> {
    match coordinates {
        Coordinates::List(items) if !items.is_empty() => Ok(items),
        _ => Err("坐标的层次不对".into()),
    }
}

fn position(coordinates: &Coordinates) -> Made<Coord<f64>> {
    match coordinates {
        Coordinates::Position(x, y) if x.abs() <= 180.0 && y.abs() <= 90.0 => Ok(Coord { x: *x, y: *y }),
        Coordinates::Position(..) => Err("经度应在 ±180、纬度应在 ±90 之内".into()),
        Coordinates::List(_) => Err("坐标的层次不对".into()),
    }
}

fn line(coordinates: &Coordinates) -> Made<LineString<f64>> {
    let line = list(coordinates)?
        .iter()
        .map(position)
        .collect::<Made<Vec<_>>>()?;
    if line.len() < 2 {
        return Err("线至少两个点".into());
    }
    Ok(LineString::new(line))
}

fn polygon(coordinates: &Coordinates) -> Made<Polygon<f64>> {
    let mut rings = list(coordinates)?
        .iter()
        .map(line)
        .collect::<Made<Vec<_>>>()?
        .into_iter();
    let outer = rings.next().ok_or("多边形没有环")?;
    let rings: Vec<_> = rings.collect();
    if std::iter::once(&outer)
        .chain(&rings)
        .any(|ring| ring.0.len() < 4 || !ring.is_closed())
    {
        return Err("多边形的环应闭合,且至少四个点".into());
    }
    Ok(Polygon::new(outer, rings))
}

/// A geometry of this kind (lower case).
pub fn make(kind: &str, coordinates: &Coordinates) -> Made<Geometry<f64>> {
    Ok(match kind {
        "point" => Point(position(coordinates)?).into(),
        "linestring" => line(coordinates)?.into(),
        "polygon" => polygon(coordinates)?.into(),
        "multipoint" => MultiPoint(
            list(coordinates)?
                .iter()
                .map(|item| position(item).map(Point))
                .collect::<Made<_>>()?,
        )
        .into(),
        "multilinestring" => {
            MultiLineString(list(coordinates)?.iter().map(line).collect::<Made<_>>()?).into()
        }
        "multipolygon" => MultiPolygon(list(coordinates)?.iter().map(polygon).collect::<Made<_>>()?).into(),
        _ => return Err("没有这种几何".into()),
    })
}

fn rectangle([west, south, east, north]: [f64; 4]) -> Polygon<f64> {
    geo::Rect::new((west, south), (east, north)).to_polygon()
}

/// A box of four numbers, or six with heights; one that crosses the antimeridian becomes two.
pub fn bbox(numbers: &[f64]) -> Made<Geometry<f64>> {
    Ok(match boxes(numbers)?.as_slice() {
        [one] => corner(*one),
        many => MultiPolygon(many.iter().map(|one| rectangle(*one)).collect()).into(),
    })
}

/// A box that has shrunk to a line or a point is one: as a polygon it would have no inside.
fn corner([west, south, east, north]: [f64; 4]) -> Geometry<f64> {
    if west < east && south < north {
        rectangle([west, south, east, north]).into()
    } else if west == east && south == north {
        Point::new(west, south).into()
    } else {
        LineString::from(vec![(west, south), (east, north)]).into()
    }
}

/// The boxes of a box: west, south, east, north.
pub fn boxes(numbers: &[f64]) -> Made<Vec<[f64; 4]>> {
    let [west, south, east, north] = match numbers {
        [west, south, east, north] | [west, south, _, east, north, _] => [*west, *south, *east, *north],
        _ => return Err("框应有四个或六个数".into()),
    };
    if !numbers.iter().all(|number| number.is_finite()) || west.abs() > 180.0 || east.abs() > 180.0 {
        return Err("经度应在 ±180 之内".into());
    }
    if south.abs() > 90.0 || north.abs() > 90.0 || south > north {
        return Err("纬度应在 ±90 之内,且南不大于北".into());
    }
    Ok(if west <= east {
        vec![[west, south, east, north]]
    } else {
        vec![[west, south, 180.0, north], [-180.0, south, east, north]]
    })
}

/// The boxes a geometry consists of, where it consists of boxes only.
pub fn as_boxes(geometry: &Geometry<f64>) -> Vec<[f64; 4]> {
    let one = |polygon: &Polygon<f64>| -> Option<[f64; 4]> {
        let rect = polygon.bounding_rect()?;
        let corners = polygon.exterior().0.iter().all(|c| {
            (c.x == rect.min().x || c.x == rect.max().x) && (c.y == rect.min().y || c.y == rect.max().y)
        });
        // Five corners that follow the edges: not crossing ones.
        let straight = polygon
            .exterior()
            .lines()
            .all(|l| l.start.x == l.end.x || l.start.y == l.end.y);
        let simple = polygon.interiors().is_empty() && polygon.exterior().0.len() == 5;
        (corners && straight && simple).then(|| [rect.min().x, rect.min().y, rect.max().x, rect.max().y])
    };
    let all: Option<Vec<_>> = match geometry {
        Geometry::Polygon(polygon) => one(polygon).map(|one| vec![one]),
        Geometry::MultiPolygon(many) => many.iter().map(one).collect(),
        _ => None,
    };
    all.unwrap_or_default()
}

/// West, south, east, north of a geometry.
pub fn bounds(geometry: &Geometry<f64>) -> Option<[f64; 4]> {
    let rect = geometry.bounding_rect()?;
    Some([rect.min().x, rect.min().y, rect.max().x, rect.max().y])
}

fn coordinates(json: &Json, levels: u32) -> Made<Coordinates> {
    let items = json.as_array().ok_or("坐标的层次不对")?;
    if levels > 0 {
        return Ok(Coordinates::List(
            items
                .iter()
                .map(|item| coordinates(item, levels - 1))
                .collect::<Made<_>>()?,
        ));
    }
    match items.as_slice() {
        [x, y] | [x, y, _] => Ok(Coordinates::Position(
            x.as_f64().ok_or("坐标应是数字")?,
            y.as_f64().ok_or("坐标应是数字")?,
        )),
        _ => Err("坐标应为 [经度, 纬度]".into()),
    }
}

/// A GeoJSON geometry.
pub fn from_json(json: &Json) -> Made<Geometry<f64>> {
    nested(json, 0)
}

fn nested(json: &Json, depth: usize) -> Made<Geometry<f64>> {
    if depth > MAX_DEPTH {
        return Err("嵌套过深".into());
    }
    let kind = json
        .get("type")
        .and_then(Json::as_str)
        .ok_or("应为 GeoJSON 几何")?;
    if kind == "GeometryCollection" {
        let parts = json
            .get("geometries")
            .and_then(Json::as_array)
            .ok_or("应有 geometries")?;
        let parts = parts
            .iter()
            .map(|part| nested(part, depth + 1))
            .collect::<Made<Vec<_>>>()?;
        return Ok(Geometry::GeometryCollection(parts.into()));
    }
    let kind = kind.to_ascii_lowercase();
    let levels = levels(&kind).ok_or("没有这种几何")?;
    make(
        &kind,
        &coordinates(json.get("coordinates").unwrap_or(&Json::Null), levels)?,
    )
}

/// A geometry's parts that are no collections themselves.
fn parts(geometry: &Geometry<f64>) -> Vec<&Geometry<f64>> {
    match geometry {
        Geometry::GeometryCollection(all) => all.iter().flat_map(parts).collect(),
        one => vec![one],
    }
}

/// Whether a predicate is defined for a geometry: collections only meet or do not.
pub fn comparable(op: SpatialOp, geometry: &Geometry<f64>) -> bool {
    matches!(op, SpatialOp::Intersects | SpatialOp::Disjoint)
        || !matches!(geometry, Geometry::GeometryCollection(_))
}

/// Whether `ours` stands to `theirs` as the predicate says.
pub fn holds(op: SpatialOp, ours: &Geometry<f64>, theirs: &Geometry<f64>) -> bool {
    // Parts of collections may overlap, which matrices of whole collections do not survive.
    let meet = || {
        let theirs = parts(theirs);
        let pairs = parts(ours)
            .into_iter()
            .flat_map(|a| theirs.iter().map(move |b| (a, *b)));
        pairs.into_iter().any(|(a, b)| a.relate(b).is_intersects())
    };
    match op {
        SpatialOp::Intersects => meet(),
        SpatialOp::Disjoint => !meet(),
        SpatialOp::Equals => ours.relate(theirs).is_equal_topo(),
        SpatialOp::Within => ours.relate(theirs).is_within(),
        SpatialOp::Contains => ours.relate(theirs).is_contains(),
        SpatialOp::Touches => ours.relate(theirs).is_touches(),
        SpatialOp::Crosses => ours.relate(theirs).is_crosses(),
        SpatialOp::Overlaps => ours.relate(theirs).is_overlaps(),
    }
}
