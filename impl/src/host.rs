//! What the host works out for the machine: sizes in JSON, JSON and base64 in contents, SPARQL, and geometry.

use crate::wire;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use geo::{Coord, Geometry, LineString, MultiPolygon, Point, Polygon, Relate};
use m2m_machine::config::Host;
use m2m_machine::geometry::{self, GeometryType, SpatialFunction};
use m2m_machine::text::Text;
use m2m_machine::value::Value;
use spargebra::SparqlParser;

/// The host of every machine here.
pub const HOST: Host = Host {
    measure: wire::measure,
    read_json: wire::parse,
    decode_base64,
    is_sparql_query,
    relates,
};

/// Longest query whose grammar is looked at, in bytes.
const QUERY_BYTES_MAX: usize = 4_096;
/// How many brackets it may open, wherever they stand: the parser descends into each.
const QUERY_BRACKETS_MAX: usize = 8;
/// How often the parser may have to read a part twice: behind a negation, and in functions of several forms.
const QUERY_AGAIN_MAX: usize = 1;
/// Functions of several forms.
const OF_SEVERAL_FORMS: [&str; 4] = ["REGEX", "SUBSTR", "REPLACE", "GROUP_CONCAT"];

fn decode_base64(text: &str) -> Option<Text> {
    let bytes = STANDARD.decode(text).ok()?;
    Some(String::from_utf8(bytes).ok()?.into())
}

/// A query that might keep the parser for long is taken for one: nothing fulfils it anyway.
fn is_sparql_query(text: &str) -> bool {
    !is_simple(text) || SparqlParser::new().parse_query(text).is_ok()
}

/// Whether the parser is done soon with a text: the time that it takes and the stack grow with what stands in brackets,
/// and double behind what is read twice.
fn is_simple(text: &str) -> bool {
    let count = |is_meant: fn(char) -> bool| text.chars().filter(|c| is_meant(*c)).count();
    let upper = text.to_ascii_uppercase();
    let functions = OF_SEVERAL_FORMS.map(|name| upper.matches(name).count());
    text.len() <= QUERY_BYTES_MAX
        && count(|c| matches!(c, '(' | '[' | '{')) <= QUERY_BRACKETS_MAX
        && count(|c| c == '!') <= QUERY_AGAIN_MAX
        && functions.iter().sum::<usize>() <= QUERY_AGAIN_MAX
}

fn relates(
    given: &geometry::Geometry,
    function: SpatialFunction,
    place: &geometry::Geometry,
) -> bool {
    let (Some(given), Some(place)) = (shape(given), shape(place)) else {
        return false;
    };
    let relation = given.relate(&place);
    match function {
        SpatialFunction::Within => relation.is_within(),
        SpatialFunction::Contains => relation.is_contains(),
        SpatialFunction::Intersects => relation.is_intersects(),
    }
}

fn shape(geometry: &geometry::Geometry) -> Option<Geometry> {
    let value = &geometry.coordinates;
    Some(match geometry.geometry_type {
        GeometryType::Point => Point(position(value)?).into(),
        GeometryType::LineString => line(value)?.into(),
        GeometryType::Polygon => polygon(value)?.into(),
        GeometryType::MultiPoint => {
            Geometry::MultiPoint(each(value, |point| position(point).map(Point))?.into())
        }
        GeometryType::MultiLineString => {
            Geometry::MultiLineString(geo::MultiLineString(each(value, line)?))
        }
        GeometryType::MultiPolygon => MultiPolygon(each(value, polygon)?).into(),
    })
}

fn each<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_list()?.iter().map(read).collect()
}

fn position(value: &Value) -> Option<Coord> {
    let [x, y, ..] = value.as_list()? else {
        return None;
    };
    Some(Coord {
        x: x.as_number()?,
        y: y.as_number()?,
    })
}

fn line(value: &Value) -> Option<LineString> {
    each(value, position).map(LineString)
}

/// Rings, the outer one first; or the outer one alone.
fn polygon(value: &Value) -> Option<Polygon> {
    let mut rings = each(value, line)
        .or_else(|| line(value).map(|ring| vec![ring]))?
        .into_iter();
    Some(Polygon::new(rings.next()?, rings.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("SELECT ?s WHERE { ?s a <http://example.org/Thing> }", true)]
    #[case(
        "PREFIX e: <http://example.org/> ASK { ?s e:p 'x' FILTER(!BOUND(?t)) }",
        true
    )]
    #[case("SELECT ?s WHERE { ?s a }", false)]
    #[case("INSERT DATA { <a:a> <a:b> <a:c> }", false)]
    #[case("", false)]
    fn a_query_is_told_from_other_text(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_sparql_query(text), expected, "DIS-17");
    }

    #[rstest]
    #[case("SELECT * WHERE { FILTER(", "(", "1", ")", ") }")]
    #[case("SELECT * WHERE ", "{", "", "}", "")]
    #[case("SELECT * WHERE { ?a ?b ", "(", "1", ")", " }")]
    #[case("SELECT * WHERE { ?a ", "(", "<a:a>", ")", " ?c }")]
    #[case("SELECT * WHERE { ?a ?b ", "[ ?p ", "?o", " ]", " }")]
    #[case("SELECT * WHERE { FILTER(", "STR(", "1", ")", ") }")]
    #[case("SELECT * WHERE { ", "FILTER EXISTS { ", "", " } ", "}")]
    #[case("SELECT * WHERE ", "{ SELECT * WHERE ", "{}", " }", "")]
    #[case("ASK{FILTER(", "!REGEX(", "1", ",'b')", ")}")]
    #[case("ASK{FILTER(", "!(", "1", ")", ")}")]
    #[case("ASK{FILTER(", "(#)\n", "1", ")", ")}")]
    #[case("ASK{FILTER(", "(\")\"=", "1", ")", ")}")]
    #[case("ASK{FILTER(", "!#a\n", "true", "", ")}")]
    fn what_keeps_the_parser_is_not_given_to_it(
        #[case] head: &str,
        #[case] open: &str,
        #[case] core: &str,
        #[case] close: &str,
        #[case] tail: &str,
    ) {
        for times in [22, 200, 1_000, 200_000] {
            let (open, close) = (open.repeat(times), close.repeat(times));
            let text = format!("{head}{open}{core}{close}{tail}");

            assert!(!is_simple(&text), "{times} times");
            assert!(is_sparql_query(&text), "{times} times");
        }
    }

    #[test]
    fn the_deepest_query_that_is_read_fits_a_small_stack() {
        let depth = QUERY_BRACKETS_MAX - 1;
        let text = format!(
            "ASK {{ {}?s ?p 1{} }}",
            "FILTER EXISTS { ".repeat(depth),
            " }".repeat(depth)
        );
        assert!(is_simple(&text));
        let thread = std::thread::Builder::new().stack_size(1 << 20);

        let answer = thread
            .spawn(move || is_sparql_query(&text))
            .expect("a thread");

        assert!(answer.join().expect("no overflow"), "DIS-17");
    }

    const SQUARE: &str = "[[0,0],[10,0],[10,10],[0,10],[0,0]]";
    const WITH_HOLE: &str = "[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[4,4],[6,4],[6,6],[4,6],[4,4]]]";

    #[rstest]
    #[case((1, "[5,5]"), (1, 0, 1), (3, SQUARE))]
    #[case((1, "[5.5, 5.5, 100]"), (1, 0, 1), (3, SQUARE))]
    #[case((1, "[15,5]"), (0, 0, 0), (3, SQUARE))]
    #[case((1, "[5,5]"), (0, 0, 0), (3, WITH_HOLE))]
    #[case((1, "[2,2]"), (1, 0, 1), (3, WITH_HOLE))]
    #[case((3, SQUARE), (0, 1, 1), (1, "[5,5]"))]
    #[case((3, SQUARE), (0, 1, 1), (4, "[[5,5],[6,6]]"))]
    #[case((3, SQUARE), (0, 0, 1), (4, "[[5,5],[16,6]]"))]
    #[case((2, "[[-5,5],[5,5]]"), (0, 0, 1), (3, SQUARE))]
    #[case((2, "[[1,5],[5,5]]"), (1, 0, 1), (3, SQUARE))]
    #[case((5, "[[[1,5],[5,5]],[[20,20],[30,30]]]"), (0, 0, 1), (3, SQUARE))]
    #[case((6, "[[[[0,0],[10,0],[10,10],[0,0]]],[[[20,20],[30,20],[30,30],[20,20]]]]"), (0, 1, 1), (1, "[25,22]"))]
    #[case((3, SQUARE), (1, 1, 1), (3, SQUARE))]
    fn geometries_relate(
        #[case] given: (i64, &str),
        #[case] expected: (u8, u8, u8),
        #[case] place: (i64, &str),
    ) {
        let read = |(number, text): (i64, &str)| {
            geometry::Geometry::read(number, &Value::text(text), &HOST).expect("a geometry")
        };
        let (given, place) = (read(given), read(place));
        let relation = |function| u8::from(relates(&given, function, &place));

        let found = (
            relation(SpatialFunction::Within),
            relation(SpatialFunction::Contains),
            relation(SpatialFunction::Intersects),
        );

        assert_eq!(found, expected, "DIS-16");
    }
}
