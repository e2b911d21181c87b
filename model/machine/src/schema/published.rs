//! Tables of the published types (TS-0004 clause 7.4, TS-0001 clause 9.6).

use super::Presence::{Absent, Mandatory, Optional};
use super::structures::{COUNT, EVENT_CRITERIA, PRIVILEGES, SELF_PRIVILEGES};
use super::{Kind, Preset, Row, Table, structures};
use crate::attribute::Attribute;

const NAME: Row = Row::new(Attribute::ResourceName, Kind::Name, Optional, Absent).always();
const EXPIRES: Row = Row::new(Attribute::ExpirationTime, Kind::Time, Optional, Optional).always();
const LABELS: Row = Row::new(Attribute::Labels, Kind::Texts, Optional, Optional);
const POLICIES: Row = Row::new(
    Attribute::AccessControlPolicyIds,
    Kind::Texts,
    Optional,
    Optional,
);
const CREATOR: Row = Row::new(Attribute::Creator, Kind::Null, Optional, Absent);
const ONTOLOGY: Row = Row::new(Attribute::OntologyRef, Kind::Text, Optional, Optional);
const REACHED_AT: Row = Row::new(Attribute::PointOfAccess, Kind::Texts, Optional, Optional);
const NODE_LINK: Row = Row::new(Attribute::NodeLink, Kind::Text, Optional, Optional);
const FORMATS: Row = Row::new(
    Attribute::ContentSerialization,
    Kind::Texts,
    Optional,
    Optional,
);
const REACHABLE: Row = Row::new(
    Attribute::RequestReachability,
    Kind::Bool,
    Mandatory,
    Optional,
);
const RELEASES: Row = Row::new(
    Attribute::SupportedReleaseVersions,
    Kind::SomeTexts,
    Mandatory,
    Optional,
);
const CUSTODIAN: Row = Row::new(Attribute::Custodian, Kind::Text, Optional, Optional);
const STATE: Row = Row::host(Attribute::StateTag);

/// Announcement, dynamic authorisation, links, location.
const COMMON: &[&str] = &["at", "aa", "ast", "daci", "lnk", "loc"];

pub(super) static ACCESS_CONTROL_POLICY: Table = Table {
    rows: &[
        NAME,
        EXPIRES,
        LABELS,
        CUSTODIAN,
        Row::new(
            Attribute::Privileges,
            Kind::Object(&PRIVILEGES),
            Mandatory,
            Optional,
        ),
        Row::new(
            Attribute::SelfPrivileges,
            Kind::Object(&SELF_PRIVILEGES),
            Mandatory,
            Optional,
        ),
    ],
    stored: &[COMMON],
    // They add to or take from what the rules say.
    refused: &["adri", "apri", "airi"],
    ..Table::CLOSED
};

pub(super) static AE: Table = Table {
    rows: &[
        NAME,
        EXPIRES,
        LABELS,
        CUSTODIAN,
        POLICIES,
        Row::new(Attribute::AppName, Kind::Text, Optional, Optional),
        Row::new(Attribute::AppId, Kind::AppId, Mandatory, Absent),
        Row::host(Attribute::AeId),
        REACHED_AT,
        ONTOLOGY,
        NODE_LINK,
        REACHABLE,
        FORMATS,
        RELEASES,
        Row::new(Attribute::SessionCapable, Kind::Bool, Optional, Optional),
    ],
    stored: &[
        COMMON,
        &[
            "esi", "mei", "regs", "trps", "scp", "tren", "ape", "tri", "trn", "mtcc", "egid",
            "apri",
        ],
    ],
    ..Table::CLOSED
};

pub(super) static CONTAINER: Table = Table {
    rows: &[
        NAME,
        EXPIRES,
        LABELS,
        CUSTODIAN,
        POLICIES,
        CREATOR,
        STATE,
        Row::new(Attribute::MaxNrOfInstances, COUNT, Optional, Optional),
        Row::new(Attribute::MaxByteSize, COUNT, Optional, Optional),
        Row::new(Attribute::MaxInstanceAge, COUNT, Optional, Optional),
        Row::host(Attribute::CurrentNrOfInstances),
        Row::host(Attribute::CurrentByteSize),
        ONTOLOGY,
    ],
    stored: &[COMMON, &["li"]],
    refused: &["disr"],
    ..Table::CLOSED
};

pub(super) static CONTENT_INSTANCE: Table = Table {
    rows: &[
        NAME,
        Row::new(Attribute::ExpirationTime, Kind::Time, Optional, Absent).always(),
        Row::new(Attribute::Labels, Kind::Texts, Optional, Absent),
        CREATOR,
        CUSTODIAN,
        STATE,
        Row::new(Attribute::ContentInfo, Kind::ContentInfo, Optional, Absent),
        Row::host(Attribute::ContentSize),
        Row::new(Attribute::OntologyRef, Kind::Text, Optional, Absent),
        Row::new(Attribute::Content, Kind::Any, Mandatory, Absent),
    ],
    stored: &[COMMON, &["conr", "dcnt"]],
    ..Table::CLOSED
};

/// Made and changed by the host alone.
pub(super) static CSE_BASE: Table = Table {
    rows: &[
        Row::host(Attribute::CseId),
        Row::host(Attribute::CseType),
        Row::host(Attribute::SupportedResourceTypes),
        Row::host(Attribute::SupportedReleaseVersions),
        Row::host(Attribute::ContentSerialization),
        Row::host(Attribute::PointOfAccess),
    ],
    ..Table::CLOSED
};

pub(super) static REMOTE_CSE: Table = Table {
    rows: &[
        NAME,
        EXPIRES,
        LABELS,
        CUSTODIAN,
        POLICIES,
        Row::new(Attribute::CseType, Kind::Integer(1, 3), Optional, Absent),
        REACHED_AT,
        Row::new(Attribute::CseBase, Kind::Text, Mandatory, Absent),
        Row::new(Attribute::CseId, Kind::Text, Optional, Absent),
        REACHABLE,
        NODE_LINK,
        FORMATS,
        Row::new(Attribute::DescendantCses, Kind::Texts, Optional, Optional),
        Row::host(Attribute::OwnRegistration).hidden(),
        RELEASES,
    ],
    stored: &[
        COMMON,
        &[
            "mei", "tri", "trn", "esi", "mtcc", "egid", "tren", "ape", "rabc", "spi",
        ],
    ],
    ..Table::CLOSED
};

/// Made and changed by the host alone.
pub(super) static REQUEST: Table = Table {
    rows: &[
        Row::host(Attribute::Operation),
        Row::host(Attribute::Target),
        Row::host(Attribute::Originator),
        Row::host(Attribute::RequestId),
        Row::host(Attribute::MetaInformation),
        Row::host(Attribute::RequestStatus),
        Row::host(Attribute::OperationResult),
    ],
    ..Table::CLOSED
};

pub(super) static SUBSCRIPTION: Table = Table {
    rows: &[
        NAME,
        EXPIRES,
        LABELS,
        CUSTODIAN,
        POLICIES,
        CREATOR,
        Row::new(
            Attribute::EventNotificationCriteria,
            Kind::Object(&EVENT_CRITERIA),
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::NotificationUri,
            Kind::SomeTexts,
            Mandatory,
            Optional,
        ),
        Row::new(
            Attribute::NotificationContentType,
            Kind::Integer(1, 5),
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::ExpirationCounter,
            Kind::Integer(1, 0xffff_ffff),
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::PendingNotification,
            Kind::Integer(1, 2),
            Optional,
            Optional,
        ),
        Row::new(Attribute::SubscriberUri, Kind::Text, Optional, Absent),
        Row::new(
            Attribute::BatchNotify,
            Kind::Object(&structures::BATCH),
            Optional,
            Optional,
        ),
        Row::new(Attribute::LatestNotify, Kind::Bool, Optional, Optional),
        Row::new(
            Attribute::NotificationEventCategory,
            Kind::Category,
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::RateLimit,
            Kind::Object(&structures::RATE),
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::PreSubscriptionNotify,
            Kind::Integer(1, 0xffff_ffff),
            Optional,
            Absent,
        ),
        Row::host(Attribute::SentInWindow).hidden(),
    ],
    stored: &[COMMON],
    refused: &["gpi", "nfu", "nsp", "acrs", "ecae", "nse"],
    ..Table::CLOSED
};

pub(super) static GROUP: Table = Table {
    rows: &[
        NAME,
        EXPIRES,
        LABELS,
        CUSTODIAN,
        POLICIES,
        CREATOR,
        Row::new(Attribute::MemberType, COUNT, Optional, Absent).preset(Preset::Integer(0)),
        Row::host(Attribute::CurrentNrOfMembers),
        Row::new(
            Attribute::MaxNrOfMembers,
            Kind::Integer(1, 0xffff_ffff),
            Mandatory,
            Optional,
        ),
        Row::new(Attribute::MemberIds, Kind::Texts, Mandatory, Optional),
        Row::host(Attribute::MemberTypeValidated),
        Row::new(
            Attribute::ConsistencyStrategy,
            Kind::Integer(1, 3),
            Optional,
            Absent,
        )
        .preset(Preset::Integer(1)),
        Row::new(Attribute::GroupName, Kind::Text, Optional, Optional),
        Row::new(
            Attribute::MembersAccessControlPolicyIds,
            Kind::Texts,
            Optional,
            Optional,
        ),
        Row::new(Attribute::SpecializationType, Kind::Text, Optional, Absent),
    ],
    stored: &[COMMON],
    refused: &["ssi", "nar"],
    ..Table::CLOSED
};

pub(super) static NODE: Table = Table {
    rows: &[
        NAME,
        EXPIRES,
        LABELS,
        CUSTODIAN,
        POLICIES,
        CREATOR,
        Row::new(Attribute::NodeId, Kind::Text, Mandatory, Optional),
    ],
    stored: &[COMMON, &["hcl", "hael", "hsl", "mgca", "nty"]],
    ..Table::CLOSED
};

pub(super) static SCHEDULE: Table = Table {
    rows: &[
        NAME,
        EXPIRES,
        LABELS,
        CUSTODIAN,
        POLICIES,
        CREATOR,
        Row::new(
            Attribute::ScheduleElement,
            Kind::Object(&structures::SCHEDULE),
            Mandatory,
            Optional,
        ),
        Row::new(
            Attribute::NetworkCoordinated,
            Kind::Bool,
            Optional,
            Optional,
        ),
    ],
    stored: &[COMMON],
    ..Table::CLOSED
};

pub(super) static POLLING_CHANNEL: Table = Table {
    rows: &[
        NAME,
        EXPIRES,
        LABELS,
        CREATOR,
        Row::new(
            Attribute::RequestAggregation,
            Kind::Bool,
            Optional,
            Optional,
        ),
    ],
    stored: &[COMMON],
    ..Table::CLOSED
};

pub(super) static FLEX_CONTAINER: Table = Table {
    rows: &[
        NAME,
        EXPIRES,
        LABELS,
        CUSTODIAN,
        POLICIES,
        CREATOR,
        STATE,
        Row::new(
            Attribute::ContainerDefinition,
            Kind::Text,
            Mandatory,
            Absent,
        ),
        Row::host(Attribute::ContentSize),
        ONTOLOGY,
        NODE_LINK,
    ],
    stored: &[COMMON],
    open: true,
    ..Table::CLOSED
};
