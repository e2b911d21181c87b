//! Tables of the session types, and what holds between their attributes.

use super::Presence::{Absent, Mandatory, Optional};
use super::check::ok_if;
use super::structures::{COUNT, CREDENTIALS, ENDPOINT_KEY, POLICY_DATA, SCHEDULE};
use super::{Kind, Preset, Row, Table};
use crate::attribute::Attribute;
use crate::resource::ResourceType;
use crate::status::Refusal;
use crate::value::{Members, Value};

/// Local at each CSE: never carried over a hop.
const LABELS: Row = Row::new(Attribute::Labels, Kind::Texts, Optional, Optional).hop(Absent);

/// Type 50001.
pub(super) static SESSIONS: Table = Table {
    rows: &[Row::host(Attribute::MaxNrOfSessions)],
    ..Table::CLOSED
};

/// Type 50002: of an UPDATE the table allows what an endpoint or a neighbour may write; who wrote it, and the members
/// that are fixed (`sto`, `see`, `aer`), are looked at by the chapter.
pub(super) static SESSION: Table = Table {
    rows: &[
        // EST-47
        Row::new(Attribute::ResourceName, Kind::Name, Optional, Absent)
            .hop(Absent)
            .always(),
        Row::new(Attribute::ExpirationTime, Kind::Time, Optional, Optional)
            .hop(Mandatory)
            .always(),
        LABELS,
        Row::new(Attribute::SessionId, Kind::Text, Absent, Absent)
            .hop(Mandatory)
            .always(),
        Row::new(Attribute::SessionOriginator, Kind::Text, Absent, Absent)
            .hop(Mandatory)
            .always(),
        Row::new(Attribute::SessionTargets, Kind::Target, Mandatory, Absent),
        Row::new(Attribute::Lifecycle, Kind::Integer(2, 2), Absent, Optional).always(),
        Row::host(Attribute::SessionState),
        Row::new(Attribute::EndToEnd, Kind::Bool, Optional, Absent)
            .hop(Mandatory)
            .preset(Preset::Bool(false)),
        Row::new(
            Attribute::AllEndpointsRequired,
            Kind::Bool,
            Optional,
            Absent,
        )
        .hop(Mandatory)
        .preset(Preset::Bool(true)),
        Row::new(Attribute::Descriptors, Kind::Texts, Optional, Optional),
        Row::host(Attribute::KeyId),
        Row::new(
            Attribute::Credentials,
            Kind::Object(&CREDENTIALS),
            Absent,
            Absent,
        )
        .hop(Mandatory)
        .hidden(),
        Row::new(Attribute::RemoteSession, Kind::Text, Absent, Absent)
            .hop(Mandatory)
            .hidden(),
        Row::new(Attribute::Visited, Kind::SomeTexts, Absent, Absent)
            .hop(Mandatory)
            .hidden(),
        Row::new(
            Attribute::Resource(ResourceType::SessionEndpoint),
            Kind::One(ResourceType::SessionEndpoint),
            Mandatory,
            Absent,
        ),
        Row::new(
            Attribute::Resource(ResourceType::SessionPolicy),
            Kind::Many(ResourceType::SessionPolicy),
            Optional,
            Absent,
        ),
    ],
    ..Table::CLOSED
};

/// Type 50003: as an entry of a CREATE of the session, and of the target's verdict.
pub(super) static SESSION_ENDPOINT: Table = Table {
    rows: &[
        Row::new(Attribute::EndpointId, Kind::Text, Optional, Absent)
            .hop(Mandatory)
            .always(),
        Row::new(Attribute::EndpointType, Kind::Integer(1, 2), Absent, Absent)
            .hop(Mandatory)
            .preset(Preset::Integer(1)),
        Row::new(Attribute::EndpointPaths, Kind::Texts, Mandatory, Absent),
        Row::new(
            Attribute::EndpointKey,
            Kind::Object(&ENDPOINT_KEY),
            Optional,
            Absent,
        ),
        Row::new(Attribute::NotificationUri, Kind::Texts, Absent, Absent),
        Row::host(Attribute::SessionState),
    ],
    ..Table::CLOSED
};

/// Type 50004.
pub(super) static NEXT_HOP: Table = Table {
    rows: &[
        Row::host(Attribute::NextHopId),
        Row::host(Attribute::RemoteSession),
        Row::host(Attribute::NextHopEndpoints),
        Row::host(Attribute::NextHopState),
    ],
    ..Table::CLOSED
};

/// Type 50005.
pub(super) static SESSION_POLICY: Table = Table {
    rows: &[
        Row::new(Attribute::ResourceName, Kind::Name, Optional, Absent)
            .hop(Mandatory)
            .always(),
        LABELS,
        Row::new(
            Attribute::PolicyType,
            Kind::Integer(1, 2),
            Mandatory,
            Absent,
        ),
        Row::new(
            Attribute::PolicyScope,
            Kind::Integer(1, 3),
            Mandatory,
            Absent,
        ),
        Row::new(Attribute::PolicyEndpoints, Kind::Texts, Optional, Absent),
        Row::new(Attribute::PolicyOrder, COUNT, Optional, Optional).preset(Preset::Integer(100)),
        Row::new(
            Attribute::ScheduleElement,
            Kind::Object(&SCHEDULE),
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::PolicyData,
            Kind::Object(&POLICY_DATA),
            Optional,
            Optional,
        )
        .preset(Preset::Empty),
        Row::host(Attribute::StateTag),
    ],
    ..Table::CLOSED
};

/// Type 50006.
pub(super) static SESSION_CONTEXT: Table = Table {
    rows: &[
        Row::new(Attribute::MaxNrOfInstances, COUNT, Absent, Optional).always(),
        Row::new(Attribute::MaxInstanceAge, COUNT, Absent, Optional),
        Row::host(Attribute::CurrentNrOfInstances),
    ],
    ..Table::CLOSED
};

/// Type 50007.
pub(super) static SESSION_CONTEXT_ENTRY: Table = Table {
    rows: &[
        Row::host(Attribute::Operation),
        Row::host(Attribute::ResponseStatusCode),
        Row::host(Attribute::To),
        Row::host(Attribute::From),
        Row::host(Attribute::RequestIdentifier),
        Row::host(Attribute::OriginatingTimestamp),
        Row::host(Attribute::RequestBytes),
        Row::host(Attribute::ResponseBytes),
        Row::host(Attribute::PolicyScope),
    ],
    ..Table::CLOSED
};

/// What `see` demands of the other members of a session.
pub(super) fn check_session(members: &Members, from_cse: bool) -> Result<(), Refusal> {
    let end_to_end = members.get(&Attribute::EndToEnd) == Some(&Value::Bool(true));
    let endpoint = members
        .get(&Attribute::Resource(ResourceType::SessionEndpoint))
        .and_then(Value::as_list)
        .and_then(<[Value]>::first);
    if end_to_end {
        // EST-46
        ok_if(endpoint.is_some_and(|e| e.member(&Attribute::EndpointKey).is_some()))?;
    }
    if from_cse {
        let credentials = members
            .get(&Attribute::Credentials)
            .ok_or(Refusal::BadRequest)?;
        let has = |name| credentials.member(&name).is_some();
        ok_if(has(Attribute::KeyType) != end_to_end)?;
        ok_if(has(Attribute::KeyValue) != end_to_end)?;
    }
    Ok(())
}

/// What the type of a policy demands of its other members; of an UPDATE, of the members as they will be.
///
/// # Errors
///
/// What they lack.
pub fn check_policy(members: &Members) -> Result<(), Refusal> {
    const BY_SCHEDULE: i64 = 2;
    const SERVE_ONLY: i64 = 2;
    let integer = |name| members.get(&name).and_then(Value::as_integer);
    let by_schedule = integer(Attribute::PolicyType) == Some(BY_SCHEDULE);
    // POL-01
    ok_if(members.contains_key(&Attribute::ScheduleElement) == by_schedule)?;
    // POL-02
    if by_schedule && integer(Attribute::PolicyScope) == Some(SERVE_ONLY) {
        return Err(Refusal::PolicyConflict);
    }
    Ok(())
}
