//! Structures within attributes: access control rules, schedules, event criteria, keys.

use super::Presence::{Mandatory, Optional};
use super::{Kind, Row, Table};
use crate::attribute::Attribute;

/// Any count that fits 32 bits.
pub(super) const COUNT: Kind = Kind::Integer(0, 0xffff_ffff);

/// `pv` (TS-0004 clause 6.3.5.14).
pub(super) static PRIVILEGES: Table = Table {
    rows: &[Row::new(
        Attribute::AccessControlRules,
        Kind::Objects(0, &RULE),
        Optional,
        Optional,
    )],
    ..Table::CLOSED
};

/// `pvs`: at least one rule, else nobody could ever change the policy.
pub(super) static SELF_PRIVILEGES: Table = Table {
    rows: &[Row::new(
        Attribute::AccessControlRules,
        Kind::Objects(1, &RULE),
        Mandatory,
        Optional,
    )],
    ..Table::CLOSED
};

/// A rule. What would restrict it in ways that are not supported is refused, because ignoring it would grant more
/// than was meant.
static RULE: Table = Table {
    rows: &[
        Row::new(
            Attribute::AccessControlOriginators,
            Kind::SomeTexts,
            Mandatory,
            Optional,
        ),
        Row::new(
            Attribute::AccessControlOperations,
            Kind::Integer(0, 63),
            Mandatory,
            Optional,
        ),
        Row::new(
            Attribute::AccessControlContexts,
            Kind::Objects(0, &CONTEXT),
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::AccessControlObjects,
            Kind::Objects(0, &OBJECT),
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::AccessControlAuthenticationFlag,
            Kind::Bool,
            Optional,
            Optional,
        ),
    ],
    ..Table::CLOSED
};

/// `acco`: when a rule holds, and for originators at which addresses. In which region an originator is, nobody can
/// tell over a link.
static CONTEXT: Table = Table {
    rows: &[
        Row::new(
            Attribute::AccessControlWindows,
            Kind::Schedule,
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::AccessControlIpAddresses,
            Kind::Object(&ADDRESSES),
            Optional,
            Optional,
        ),
    ],
    refused: &["aclr"],
    ..Table::CLOSED
};

/// `acip` (TS-0004 clause 6.3.5.27): addresses, and blocks of them.
static ADDRESSES: Table = Table {
    rows: &[
        Row::new(
            Attribute::Ipv4Addresses,
            Kind::Ipv4Blocks,
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::Ipv6Addresses,
            Kind::Ipv6Blocks,
            Optional,
            Optional,
        ),
    ],
    ..Table::CLOSED
};

/// `acod`: what a rule is about.
static OBJECT: Table = Table {
    rows: &[
        Row::new(
            Attribute::ResourceType,
            Kind::Integer(1, 0xffff),
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::SpecializationType,
            Kind::Text,
            Optional,
            Optional,
        ),
        Row::new(Attribute::ChildTypes, Kind::Integers, Optional, Optional),
    ],
    ..Table::CLOSED
};

/// `enc` (TS-0004 clause 6.3.5.7). Bounds on state, size and expiration are read where they are applied.
pub(super) static EVENT_CRITERIA: Table = Table {
    rows: &[
        Row::new(
            Attribute::NotificationEventType,
            Kind::Integers,
            Optional,
            Optional,
        ),
        Row::new(Attribute::CreatedBefore, Kind::Time, Optional, Optional),
        Row::new(Attribute::CreatedAfter, Kind::Time, Optional, Optional),
        Row::new(Attribute::ModifiedSince, Kind::Time, Optional, Optional),
        Row::new(Attribute::UnmodifiedSince, Kind::Time, Optional, Optional),
        Row::new(
            Attribute::OperationMonitor,
            Kind::Objects(1, &MONITOR),
            Optional,
            Optional,
        ),
        Row::new(
            Attribute::AttributeCriterion,
            Kind::SomeTexts,
            Optional,
            Optional,
        ),
        Row::new(Attribute::ChildTypes, Kind::Integers, Optional, Optional),
        Row::new(
            Attribute::FilterOperation,
            Kind::Integer(1, 2),
            Optional,
            Optional,
        ),
    ],
    stored: &[&["sts", "stb", "exb", "exa", "sza", "szb"]],
    ..Table::CLOSED
};

/// `om`: an operation and who asks for it; one of the two is enough.
static MONITOR: Table = Table {
    rows: &[
        Row::new(
            Attribute::MonitoredOperations,
            Kind::Integer(1, 5),
            Optional,
            Optional,
        ),
        Row::new(Attribute::Originator, Kind::Text, Optional, Optional),
    ],
    ..Table::CLOSED
};

/// `bn` (TS-0004 clause 6.3.5.6).
pub(super) static BATCH: Table = Table {
    rows: &[
        Row::new(
            Attribute::BatchNumber,
            Kind::Integer(1, 0xffff_ffff),
            Optional,
            Optional,
        ),
        Row::new(Attribute::BatchDuration, Kind::Duration, Optional, Optional),
    ],
    ..Table::CLOSED
};

/// `rl` (TS-0004 clause 6.3.5): a number without a time, or a time without a number, limits nothing.
pub(super) static RATE: Table = Table {
    rows: &[
        Row::new(
            Attribute::MaxNrOfNotify,
            Kind::Integer(1, 0xffff_ffff),
            Mandatory,
            Optional,
        ),
        Row::new(Attribute::TimeWindow, Kind::Duration, Mandatory, Optional),
    ],
    ..Table::CLOSED
};

/// `se` (TS-0004 clause 7.4.9.1).
pub(super) static SCHEDULE: Table = Table {
    rows: &[Row::new(
        Attribute::ScheduleEntries,
        Kind::Schedule,
        Mandatory,
        Optional,
    )],
    ..Table::CLOSED
};

/// `pyd`: options of a session policy.
pub(super) static POLICY_DATA: Table = Table {
    rows: &[
        Row::new(
            Attribute::DefaultRequestExpiration,
            COUNT,
            Optional,
            Optional,
        ),
        Row::new(Attribute::MaxByteSize, COUNT, Optional, Optional),
        Row::new(Attribute::Protected, Kind::Bool, Optional, Optional),
    ],
    ..Table::CLOSED
};

/// `epk`: an endpoint's public key (RFC 8037).
pub(super) static ENDPOINT_KEY: Table = Table {
    rows: &[
        Row::new(Attribute::KeyType, Kind::Word("OKP"), Mandatory, Optional),
        Row::new(
            Attribute::KeyCurve,
            Kind::Word("X25519"),
            Mandatory,
            Optional,
        ),
        Row::new(Attribute::KeyX, Kind::Key, Mandatory, Optional),
    ],
    ..Table::CLOSED
};

/// `scr`: key identifier and, in hop-trusted mode, the key.
pub(super) static CREDENTIALS: Table = Table {
    rows: &[
        Row::new(Attribute::KeyId, Kind::Text, Mandatory, Optional),
        Row::new(
            Attribute::KeyAlgorithm,
            Kind::Word("A256GCM"),
            Mandatory,
            Optional,
        ),
        Row::new(Attribute::KeyType, Kind::Word("oct"), Optional, Optional),
        Row::new(Attribute::KeyValue, Kind::Key, Optional, Optional),
    ],
    ..Table::CLOSED
};
