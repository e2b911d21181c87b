//! Geographical discovery (`gmty`, `geom`, `gsf`; TS-0001 and TS-0004 Release 5): how a given geometry stands to the
//! `loc` of a resource.

use crate::attribute::Attribute;
use crate::config::Host;
use crate::geometry::{Geometry, SpatialFunction};
use crate::resource::Resource;
use crate::status::Refusal;
use crate::value::{Members, Value};

/// The given geometry, and how it has to stand to that of a resource.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Region {
    given: Geometry,
    function: SpatialFunction,
}

impl Region {
    /// The region in a filter, if it has one: all three members, or none.
    pub(super) fn of(filter: &Members, host: &Host) -> Result<Option<Self>, Refusal> {
        let part = |name: &str| filter.get(&Attribute::Custom(name.into()));
        match (part("gmty"), part("geom"), part("gsf")) {
            (None, None, None) => Ok(None),
            (Some(Value::Integer(geometry)), Some(coordinates), Some(Value::Integer(function))) => {
                let given = Geometry::read(*geometry, coordinates, host);
                let function = SpatialFunction::from_number(*function);
                let (given, function) = given.zip(function).ok_or(Refusal::BadRequest)?;
                Ok(Some(Self { given, function }))
            }
            (_, _, _) => Err(Refusal::BadRequest),
        }
    }

    /// Whether the resource is at a place to which the geometry stands so.
    pub(super) fn fits(&self, resource: &Resource, host: &Host) -> bool {
        let location = resource.attributes.get(&Attribute::Custom("loc".into()));
        let place = location.and_then(|location| Geometry::of_location(location, host));
        place.is_some_and(|place| (host.relates)(&self.given, self.function, &place))
    }
}

/// What a request writes as `loc` has to be a geometry, or nothing.
pub(crate) fn check_location(members: &Members, host: &Host) -> Result<(), Refusal> {
    match members.get(&Attribute::Custom("loc".into())) {
        None | Some(Value::Null) => Ok(()),
        // DIS-16
        Some(location) => match Geometry::of_location(location, host) {
            Some(_) => Ok(()),
            None => Err(Refusal::BadRequest),
        },
    }
}
