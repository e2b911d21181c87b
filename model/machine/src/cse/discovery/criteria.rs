//! Filter criteria (TS-0004 clause 6.3.5.8): read from a request, and values compared with them.

use super::content;
use super::labels::Query;
use super::region::Region;
use crate::attribute::Attribute;
use crate::config::Host;
use crate::env::Timestamp;
use crate::status::Refusal;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::vec::Vec;

/// A filter, taken apart.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Criteria {
    pub(super) tests: Vec<Test>,
    /// Whether one test is enough (`fo` 2).
    pub(super) any: bool,
    pub(crate) levels_max: Option<usize>,
    pub(crate) results_max: Option<usize>,
    pub(crate) skipped: usize,
    /// A path below each resource that matches (`arp`).
    pub(super) relative: Vec<Text>,
    /// Whether to look at one resource takes more than to look at its attributes.
    pub(super) is_costly: bool,
}

/// One criterion; within it, one match is enough.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Test {
    Types(Vec<i64>),
    Labels(Vec<Text>),
    LabelQuery(Vec<Query>),
    Attributes(Vec<(Attribute, Value)>),
    CreatedBefore(Timestamp),
    CreatedSince(Timestamp),
    ModifiedSince(Timestamp),
    ModifiedBefore(Timestamp),
    ExpiresBefore(Timestamp),
    ExpiresSince(Timestamp),
    StateBelow(i64),
    StateFrom(i64),
    SizeFrom(i64),
    SizeBelow(i64),
    ContentTypes(Vec<Text>),
    ChildTypes(Vec<i64>),
    ParentTypes(Vec<i64>),
    ChildLabels(Vec<Text>),
    ParentLabels(Vec<Text>),
    ChildAttributes(Vec<(Attribute, Value)>),
    ParentAttributes(Vec<(Attribute, Value)>),
    Content(content::Query),
    Region(Region),
    /// What a resource is about, as a child of type `<semanticDescriptor>` would say: nothing here has one.
    Semantics,
}

/// Most queries of a semantics filter.
const QUERIES_MAX: usize = 16;

/// The criteria that are read together.
const COMPOUND: [&str; 6] = ["cfs", "cfq", "gmty", "geom", "gsf", "smf"];

/// What a filter is for (`fu`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FilterUsage {
    Discovery,
    /// Conditions on the target, or on what is shown below it; also where there is no filter.
    Conditions,
    /// Discovery by an interworking proxy.
    OnDemand,
}

impl FilterUsage {
    pub(super) fn of(filter: Option<&Value>) -> Result<Self, Refusal> {
        let Some(filter) = filter else {
            return Ok(Self::Conditions);
        };
        let members = filter.as_object().ok_or(Refusal::BadRequest)?;
        match members.get(&Attribute::FilterUsage) {
            None | Some(Value::Integer(2)) => Ok(Self::Conditions),
            Some(Value::Integer(1)) => Ok(Self::Discovery),
            Some(Value::Integer(3)) => Ok(Self::OnDemand),
            Some(_) => Err(Refusal::BadRequest),
        }
    }
}

/// The criteria of a discovery; `None` for a RETRIEVE without filter or with conditions only.
pub(crate) fn criteria(filter: Option<&Value>, host: &Host) -> Result<Option<Criteria>, Refusal> {
    match FilterUsage::of(filter)? {
        FilterUsage::Conditions => Ok(None),
        FilterUsage::Discovery => {
            let members = filter.and_then(Value::as_object);
            let criteria = members.map(|members| Criteria::parse(members, host));
            criteria.transpose()
        }
        // A proxy is asked before; a group asks none.
        FilterUsage::OnDemand => Err(Refusal::BadRequest),
    }
}

/// The attribute of a short name, as far as it can be searched by one of the machine's own names; any other is
/// custom.
pub(crate) fn attribute_of(short: &str) -> Attribute {
    match short {
        "rn" => Attribute::ResourceName,
        "ty" => Attribute::ResourceType,
        "ri" => Attribute::ResourceId,
        "pi" => Attribute::ParentId,
        "lbl" => Attribute::Labels,
        "acpi" => Attribute::AccessControlPolicyIds,
        "st" => Attribute::StateTag,
        "cr" => Attribute::Creator,
        "apn" => Attribute::AppName,
        "api" => Attribute::AppId,
        "aei" => Attribute::AeId,
        "poa" => Attribute::PointOfAccess,
        "rr" => Attribute::RequestReachability,
        "srv" => Attribute::SupportedReleaseVersions,
        "csz" => Attribute::ContentSerialization,
        "or" => Attribute::OntologyRef,
        "nl" => Attribute::NodeLink,
        "cst" => Attribute::CseType,
        "csi" => Attribute::CseId,
        "cb" => Attribute::CseBase,
        "dcse" => Attribute::DescendantCses,
        "scap" => Attribute::SessionCapable,
        "mni" => Attribute::MaxNrOfInstances,
        "mbs" => Attribute::MaxByteSize,
        "mia" => Attribute::MaxInstanceAge,
        "cni" => Attribute::CurrentNrOfInstances,
        "cbs" => Attribute::CurrentByteSize,
        "cnf" => Attribute::ContentInfo,
        "cs" => Attribute::ContentSize,
        "cnd" => Attribute::ContainerDefinition,
        "nu" => Attribute::NotificationUri,
        "ct" => Attribute::CreationTime,
        "lt" => Attribute::LastModifiedTime,
        "et" => Attribute::ExpirationTime,
        "con" => Attribute::Content,
        "srt" => Attribute::SupportedResourceTypes,
        "pv" => Attribute::Privileges,
        "pvs" => Attribute::SelfPrivileges,
        "enc" => Attribute::EventNotificationCriteria,
        "nct" => Attribute::NotificationContentType,
        "exc" => Attribute::ExpirationCounter,
        "su" => Attribute::SubscriberUri,
        "rs" => Attribute::RequestStatus,
        "ors" => Attribute::OperationResult,
        "mid" => Attribute::MemberIds,
        "mt" => Attribute::MemberType,
        "mtv" => Attribute::MemberTypeValidated,
        "csy" => Attribute::ConsistencyStrategy,
        "mnm" => Attribute::MaxNrOfMembers,
        "cnm" => Attribute::CurrentNrOfMembers,
        "gn" => Attribute::GroupName,
        "se" => Attribute::ScheduleElement,
        "nco" => Attribute::NetworkCoordinated,
        "rqag" => Attribute::RequestAggregation,
        "pn" => Attribute::PendingNotification,
        "ni" => Attribute::NodeId,
        custom => Attribute::Custom(custom.into()),
    }
}

type Reader = fn(&Value) -> Result<Test, Refusal>;

/// The criteria that have no name of their own in [`Attribute`].
static BY_SHORT_NAME: [(&str, Reader); 13] = [
    ("exb", |value| moment(value).map(Test::ExpiresBefore)),
    ("exa", |value| moment(value).map(Test::ExpiresSince)),
    ("sts", |value| integer(value).map(Test::StateBelow)),
    ("stb", |value| integer(value).map(Test::StateFrom)),
    ("sza", |value| integer(value).map(Test::SizeFrom)),
    ("szb", |value| integer(value).map(Test::SizeBelow)),
    ("cty", |value| texts(value).map(Test::ContentTypes)),
    ("lbq", |value| queries(value).map(Test::LabelQuery)),
    ("pty", |value| integers(value).map(Test::ParentTypes)),
    ("clbl", |value| texts(value).map(Test::ChildLabels)),
    ("palb", |value| texts(value).map(Test::ParentLabels)),
    ("catr", |value| pairs(value).map(Test::ChildAttributes)),
    ("patr", |value| pairs(value).map(Test::ParentAttributes)),
];

static READERS: [(Attribute, Reader); 8] = [
    (Attribute::ChildTypes, |value| {
        integers(value).map(Test::ChildTypes)
    }),
    (Attribute::ResourceType, |value| {
        integers(value).map(Test::Types)
    }),
    (Attribute::Labels, |value| {
        value
            .as_texts()
            .map(Test::Labels)
            .ok_or(Refusal::BadRequest)
    }),
    (Attribute::AttributeCriterion, |value| {
        pairs(value).map(Test::Attributes)
    }),
    (Attribute::CreatedBefore, |value| {
        moment(value).map(Test::CreatedBefore)
    }),
    (Attribute::CreatedAfter, |value| {
        moment(value).map(Test::CreatedSince)
    }),
    (Attribute::ModifiedSince, |value| {
        moment(value).map(Test::ModifiedSince)
    }),
    (Attribute::UnmodifiedSince, |value| {
        moment(value).map(Test::ModifiedBefore)
    }),
];

fn reader(name: &Attribute) -> Option<Reader> {
    let named = READERS.iter().find(|(known, _)| known == name);
    let short = || {
        let Attribute::Custom(short) = name else {
            return None;
        };
        BY_SHORT_NAME.iter().find(|(known, _)| *short == *known)
    };
    named.map(|row| row.1).or_else(|| short().map(|row| row.1))
}

/// The conditions in a subscription's criteria that look at one resource, and whether one is enough.
pub(crate) fn conditions(criteria: &Members) -> Result<Criteria, Refusal> {
    let mut conditions = Criteria::default();
    for (name, value) in criteria {
        if [
            Attribute::NotificationEventType,
            Attribute::AttributeCriterion,
            Attribute::ChildTypes,
        ]
        .contains(name)
            || *name == Attribute::OperationMonitor
        {
            continue;
        }
        match reader(name) {
            Some(read) => conditions.tests.push(read(value)?),
            None => conditions.set_option(name, value)?,
        }
    }
    Ok(conditions)
}

impl Criteria {
    /// Reads a filter; what it is used for is not looked at.
    pub(crate) fn parse(members: &Members, host: &Host) -> Result<Self, Refusal> {
        let mut criteria = Self::default();
        criteria.tests.extend(semantics(members, host)?);
        for (name, value) in members {
            if is_compound(name) {
                continue;
            }
            match reader(name) {
                Some(read) => criteria.tests.push(read(value)?),
                None => criteria.set_option(name, value)?,
            }
        }
        // DIS-15
        let content = content::Query::of(members, host)?.map(Test::Content);
        // DIS-16
        let region = Region::of(members, host)?.map(Test::Region);
        criteria.is_costly = content.is_some() || region.is_some();
        // Last, so that the others are asked before them.
        criteria.tests.extend(content.into_iter().chain(region));
        Ok(criteria)
    }

    fn set_option(&mut self, name: &Attribute, value: &Value) -> Result<(), Refusal> {
        let number = || -> Result<usize, Refusal> {
            let number = value.as_integer().and_then(|n| usize::try_from(n).ok());
            number.filter(|n| *n > 0).ok_or(Refusal::BadRequest)
        };
        if *name == Attribute::FilterOperation {
            self.any = match number()? {
                1 => false,
                2 => true,
                _ => return Err(Refusal::BadRequest),
            };
        } else if *name == Attribute::Level {
            self.levels_max = Some(number()?);
        } else if *name == Attribute::Limit {
            let limit = value.as_integer().and_then(|n| usize::try_from(n).ok());
            // DIS-09
            self.results_max = Some(limit.ok_or(Refusal::BadRequest)?);
        } else if *name == Attribute::Offset {
            self.skipped = number()? - 1;
        } else if *name == Attribute::Custom("arp".into()) {
            let path = value.as_text().ok_or(Refusal::BadRequest)?;
            self.relative = path.split('/').map(Text::from).collect();
            if self.relative.iter().any(|segment| segment.is_empty()) {
                return Err(Refusal::BadRequest);
            }
        } else if *name != Attribute::FilterUsage {
            return Err(Refusal::BadRequest);
        }
        Ok(())
    }
}

fn is_compound(name: &Attribute) -> bool {
    if let Attribute::Custom(short) = name {
        COMPOUND.contains(&short.as_str())
    } else {
        false
    }
}

/// `smf`: queries in SPARQL (TS-0004 clause 7.3.3.18).
fn semantics(filter: &Members, host: &Host) -> Result<Option<Test>, Refusal> {
    let Some(value) = filter.get(&Attribute::Custom("smf".into())) else {
        return Ok(None);
    };
    let queries = match value.as_text() {
        Some(query) => Vec::from([query.clone()]),
        None => texts(value)?,
    };
    // DIS-17
    if queries.len() > QUERIES_MAX {
        Err(Refusal::BadRequest)
    } else if queries.iter().all(|query| (host.is_sparql_query)(query)) {
        Ok(Some(Test::Semantics))
    } else {
        Err(Refusal::NoSparqlQuery)
    }
}

fn integer(value: &Value) -> Result<i64, Refusal> {
    value.as_integer().ok_or(Refusal::BadRequest)
}

fn texts(value: &Value) -> Result<Vec<Text>, Refusal> {
    value.as_texts().ok_or(Refusal::BadRequest)
}

fn queries(value: &Value) -> Result<Vec<Query>, Refusal> {
    let texts = value.as_texts().ok_or(Refusal::BadRequest)?;
    let queries = texts.iter().map(|text| Query::parse(text));
    queries.collect::<Option<_>>().ok_or(Refusal::BadRequest)
}

fn moment(value: &Value) -> Result<Timestamp, Refusal> {
    value.as_time().ok_or(Refusal::BadRequest)
}

fn integers(value: &Value) -> Result<Vec<i64>, Refusal> {
    let list = value.as_list().ok_or(Refusal::BadRequest)?;
    list.iter()
        .map(|v| v.as_integer().ok_or(Refusal::BadRequest))
        .collect()
}

/// What `atr` does not name, since criteria of their own look at it (TS-0004 clause 7.3.3.17.9).
const WITH_OWN_CRITERIA: [Attribute; 8] = [
    Attribute::CreationTime,
    Attribute::LastModifiedTime,
    Attribute::StateTag,
    Attribute::ExpirationTime,
    Attribute::Labels,
    Attribute::ResourceType,
    Attribute::ContentSize,
    Attribute::ContentInfo,
];

/// `atr`: short names and the values they must have.
fn pairs(value: &Value) -> Result<Vec<(Attribute, Value)>, Refusal> {
    let list = value.as_list().ok_or(Refusal::BadRequest)?;
    list.iter()
        .map(|pair| {
            let name = pair
                .member(&Attribute::CriterionName)
                .and_then(Value::as_text);
            let value = pair.member(&Attribute::CriterionValue);
            let (name, value) = name.zip(value).ok_or(Refusal::BadRequest)?;
            let name = attribute_of(name);
            // DIS-14
            if WITH_OWN_CRITERIA.contains(&name) {
                return Err(Refusal::BadRequest);
            }
            Ok((name, value.clone()))
        })
        .collect()
}

/// Equality; text may have wildcards, and of a list one member is enough.
pub(super) fn is_equal(found: &Value, wanted: &Value) -> bool {
    match found {
        Value::List(list) => found == wanted || list.iter().any(|v| is_equal(v, wanted)),
        Value::Text(text) => wanted
            .as_text()
            .is_some_and(|pattern| is_like(text, pattern)),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Time(_)
        | Value::Object(_)
        | Value::Sealed(_)
        | Value::Secret(_) => found == wanted,
    }
}

/// Whether the text matches a pattern in which `*` stands for any text.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return text == pattern;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some((_, behind)) = text.split_once(part) else {
            return false;
        };
        text = behind;
    }
    text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Cae2", "Cae2", true)]
    #[case("Cae2", "C*", true)]
    #[case("Cae2", "*2", true)]
    #[case("Cae2", "*a*2", true)]
    #[case("Cae2", "C*2*", true)]
    #[case("Cae2", "*", true)]
    #[case("Cae2", "Cae", false)]
    #[case("Cae2", "*3", false)]
    #[case("aXa", "a*Xa*a", false)]
    fn wildcards_stand_for_any_text(
        #[case] text: &str,
        #[case] pattern: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(is_like(text, pattern), expected);
    }
}
