//! Geometries on a map, as GeoJSON has them (TS-0004 Release 5, m2m:geoCoordinates; RFC 7946 section 3.1). How two of
//! them relate is for the host to work out.

use crate::attribute::Attribute;
use crate::config::Host;
use crate::value::Value;

/// Most positions of a geometry: to relate two takes time with their product.
const POSITIONS_MAX: usize = 32;

/// Kinds of geometry (m2m:geometryType).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GeometryType {
    /// One position.
    Point,
    /// Positions in a row.
    LineString,
    /// A ring of positions, and rings for the holes in it.
    Polygon,
    /// Positions.
    MultiPoint,
    /// Rows of positions.
    MultiLineString,
    /// Polygons.
    MultiPolygon,
}

/// How the first of two geometries stands to the second (m2m:geoSpatialFunctionType).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SpatialFunction {
    /// It lies in the second.
    Within,
    /// The second lies in it.
    Contains,
    /// They have at least one point in common.
    Intersects,
}

impl SpatialFunction {
    /// The function of that number.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Within),
            2 => Some(Self::Contains),
            3 => Some(Self::Intersects),
            _ => None,
        }
    }
}

/// A geometry whose coordinates have the form of its type: lists of positions, as deep as it needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Geometry {
    /// Its type.
    pub geometry_type: GeometryType,
    /// A position is two or three numbers, longitude and latitude first. A polygon that is not in rings is its outer
    /// ring.
    pub coordinates: Value,
}

impl Geometry {
    /// The geometry of that number and these coordinates, which may stand in text; `None` if they do not fit.
    #[must_use]
    pub fn read(number: i64, coordinates: &Value, host: &Host) -> Option<Self> {
        let coordinates = match coordinates.as_text() {
            Some(text) => (host.read_json)(text)?,
            None => coordinates.clone(),
        };
        let (geometry_type, is_whole): (_, fn(&Value) -> bool) = match number {
            1 => (GeometryType::Point, is_position),
            2 => (GeometryType::LineString, is_line),
            3 => (GeometryType::Polygon, is_polygon),
            4 => (GeometryType::MultiPoint, |value| {
                is_some_of(value, is_position)
            }),
            5 => (GeometryType::MultiLineString, |value| {
                is_some_of(value, is_line)
            }),
            6 => (GeometryType::MultiPolygon, |value| {
                is_some_of(value, is_polygon)
            }),
            _ => return None,
        };
        let is_taken = is_whole(&coordinates) && positions(&coordinates) <= POSITIONS_MAX;
        is_taken.then_some(Self {
            geometry_type,
            coordinates,
        })
    }

    /// The geometry of a `location` (m2m:geoCoordinates); `None` if it is none.
    #[must_use]
    pub fn of_location(location: &Value, host: &Host) -> Option<Self> {
        let number = location.member(&Attribute::Custom("typ".into()))?;
        let coordinates = location.member(&Attribute::Custom("crd".into()))?;
        Self::read(number.as_integer()?, coordinates, host)
    }
}

fn is_some_of(value: &Value, is_whole: fn(&Value) -> bool) -> bool {
    value
        .as_list()
        .is_some_and(|list| !list.is_empty() && list.iter().all(is_whole))
}

fn is_position(value: &Value) -> bool {
    value
        .as_list()
        .is_some_and(|list| matches!(list.len(), 2 | 3) && list.iter().all(is_finite))
}

fn is_finite(value: &Value) -> bool {
    value.as_number().is_some_and(f64::is_finite)
}

fn is_line(value: &Value) -> bool {
    value
        .as_list()
        .is_some_and(|list| list.len() >= 2 && list.iter().all(is_position))
}

/// How many positions there are in whole coordinates.
fn positions(value: &Value) -> usize {
    if is_position(value) {
        return 1;
    }
    value
        .as_list()
        .map_or(0, |list| list.iter().map(positions).sum())
}

/// At least three corners, and the first of them again.
fn is_ring(value: &Value) -> bool {
    value.as_list().is_some_and(|list| {
        list.len() >= 4 && list.first() == list.last() && list.iter().all(is_position)
    })
}

fn is_polygon(value: &Value) -> bool {
    is_ring(value) || is_some_of(value, is_ring)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use rstest::rstest;

    fn list<const N: usize>(values: [Value; N]) -> Value {
        Value::List(Vec::from(values))
    }

    fn at(x: i64, y: i64) -> Value {
        list([Value::Integer(x), Value::Integer(y)])
    }

    fn ring() -> Value {
        list([at(0, 0), at(4, 0), at(4, 4), at(0, 0)])
    }

    #[rstest]
    #[case(1, at(1, 2), true)]
    #[case(1, list([Value::Integer(1), Value::Number("2.5".into()), Value::Integer(0)]), true)]
    #[case(1, list([Value::Integer(1)]), false)]
    #[case(1, list([Value::Integer(1), Value::text("2")]), false)]
    #[case(1, list([Value::Integer(1), Value::Number("1e999".into())]), false)]
    #[case(1, list([at(1, 2)]), false)]
    #[case(2, list([at(1, 2), at(3, 4)]), true)]
    #[case(2, list([at(1, 2)]), false)]
    #[case(3, ring(), true)]
    #[case(3, list([ring(), ring()]), true)]
    #[case(3, list([at(0, 0), at(4, 0), at(4, 4), at(0, 4)]), false)]
    #[case(3, list([at(0, 0), at(4, 0), at(0, 0)]), false)]
    #[case(4, list([at(1, 2)]), true)]
    #[case(4, list([]), false)]
    #[case(5, list([list([at(1, 2), at(3, 4)])]), true)]
    #[case(6, list([list([ring()])]), true)]
    #[case(6, at(1, 2), false)]
    #[case(7, at(1, 2), false)]
    #[case(0, at(1, 2), false)]
    fn coordinates_fit_the_type(
        #[case] number: i64,
        #[case] coordinates: Value,
        #[case] expected: bool,
    ) {
        let geometry = Geometry::read(number, &coordinates, &Host::simple(|_| 0));

        assert_eq!(geometry.is_some(), expected);
    }

    #[rstest]
    #[case(32, true)]
    #[case(33, false)]
    fn a_geometry_has_only_so_many_positions(#[case] count: i64, #[case] expected: bool) {
        let host = Host::simple(|_| 0);
        let line = Value::List((0..count).map(|x| at(x, x)).collect());
        let points = list([line.clone()]);

        assert_eq!(Geometry::read(2, &line, &host).is_some(), expected);
        assert_eq!(Geometry::read(5, &points, &host).is_some(), expected);
    }

    #[test]
    fn coordinates_in_text_are_read_by_the_host() {
        let mut host = Host::simple(|_| 0);
        let text = Value::text("[1, 2]");
        assert_eq!(Geometry::read(1, &text, &host), None);

        host.read_json = |text| (text == "[1, 2]").then(|| at(1, 2));

        assert_eq!(
            Geometry::read(1, &text, &host),
            Geometry::read(1, &at(1, 2), &host)
        );
    }
}
