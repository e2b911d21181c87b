//! Short names (TS-0004 clause 8.2, and the private `smg:` block), both directions from one table.
//!
//! A short name means different things in different places: `nm` in a filter and in a reference,
//! `or` in a resource and in an operation monitor, and in a flexContainer every name that is not
//! universal is the application's own. [`Scope`] says where a name stands; within one scope names
//! and attributes match one to one.

use m2m_machine::attribute::Attribute;
use m2m_machine::resource::ResourceType;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Where a name stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scope {
    /// A resource of a known type, a notification, or the content of a primitive.
    Plain,
    /// Filter criteria, or the criteria of a subscription.
    Criteria,
    /// An attribute criterion of a filter (`atr`).
    Criterion,
    /// A reference to a resource (`ch`, `rrf`).
    Reference,
    /// A JSON Web Key (`scr`, `epk`).
    Key,
    /// An operation monitor (`om`), or a question to discover (`idr`).
    Monitor,
    /// A resource with its address (`m2m:rce`).
    Address,
    /// A flexContainer.
    Flex,
    /// The application's own data.
    Data,
}

impl Scope {
    /// The scope of the members of the value that stands under `name`.
    #[must_use]
    pub fn within(self, name: &Attribute) -> Self {
        if self == Self::Data {
            return Self::Data;
        }
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all other names open no scope"
        )]
        match name {
            Attribute::EventNotificationCriteria => Self::Criteria,
            Attribute::AttributeCriterion => Self::Criterion,
            Attribute::ChildReferences | Attribute::ResourceReference => Self::Reference,
            Attribute::Credentials | Attribute::EndpointKey => Self::Key,
            Attribute::FilterCriteria => Self::Criteria,
            Attribute::OperationMonitor | Attribute::IpeDiscoveryRequest => Self::Monitor,
            Attribute::ResourceWithAddress => Self::Address,
            Attribute::Content | Attribute::CriterionValue => Self::Data,
            Attribute::Custom(name)
                if self == Self::Criteria && matches!(name.as_str(), "catr" | "patr") =>
            {
                Self::Criterion
            }
            Attribute::Custom(name) if name.contains(':') => Self::Flex,
            Attribute::Custom(_) => Self::Data,
            _ => Self::Plain,
        }
    }
}

/// The attribute that `name` means in `scope`.
#[must_use]
pub fn attribute(name: &str, scope: Scope) -> Attribute {
    let known = match scope {
        Scope::Data => None,
        Scope::Flex => COMMON
            .iter()
            .find(|a| short(a, scope) == name)
            .or_else(|| name.contains(':').then(|| BY_NAME.get(name)).flatten()),
        Scope::Plain | Scope::Criteria => BY_NAME.get(name),
        Scope::Criterion => local(CRITERION, name),
        Scope::Reference => local(REFERENCE, name),
        Scope::Key => local(KEY, name),
        Scope::Monitor => local(MONITOR, name),
        Scope::Address => local(ADDRESS, name),
    };
    known
        .filter(|found| short(found, scope) == name)
        .cloned()
        .unwrap_or_else(|| Attribute::Custom(name.into()))
}

/// The name of the attribute in `scope`.
#[must_use]
pub fn short(attribute: &Attribute, scope: Scope) -> &str {
    match (scope, attribute) {
        (Scope::Monitor, Attribute::Originator) => "or",
        (Scope::Address, Attribute::Uri) => "uri",
        (_, attribute) => usual(attribute),
    }
}

/// The name of every attribute, and whether [`attribute`] finds it everywhere.
pub fn rows() -> impl Iterator<Item = (&'static str, &'static Attribute)> {
    TABLE
        .iter()
        .chain(CRITERION)
        .chain(REFERENCE)
        .chain(KEY)
        .map(|(name, a)| (*name, a))
}

/// The name of the wrapper of a resource of that type.
#[must_use]
pub const fn wrapper(resource_type: ResourceType) -> &'static str {
    match resource_type {
        ResourceType::AccessControlPolicy => "m2m:acp",
        ResourceType::Ae => "m2m:ae",
        ResourceType::Container => "m2m:cnt",
        ResourceType::ContentInstance => "m2m:cin",
        ResourceType::CseBase => "m2m:cb",
        ResourceType::Group => "m2m:grp",
        ResourceType::Node => "m2m:nod",
        ResourceType::PollingChannel => "m2m:pch",
        ResourceType::Schedule => "m2m:sch",
        ResourceType::RemoteCse => "m2m:csr",
        ResourceType::Request => "m2m:req",
        ResourceType::Subscription => "m2m:sub",
        ResourceType::FlexContainer => "m2m:fcnt",
        ResourceType::Sessions => "smg:sess",
        ResourceType::Session => "smg:ses",
        ResourceType::SessionEndpoint => "smg:sep",
        ResourceType::NextHop => "smg:nhp",
        ResourceType::SessionPolicy => "smg:spy",
        ResourceType::SessionContext => "smg:scx",
        ResourceType::SessionContextEntry => "smg:sce",
    }
}

fn local(rows: &'static [(&'static str, Attribute)], name: &str) -> Option<&'static Attribute> {
    rows.iter()
        .find(|row| row.0 == name)
        .map(|row| &row.1)
        .or_else(|| BY_NAME.get(name))
}

static BY_NAME: LazyLock<HashMap<&'static str, Attribute>> = LazyLock::new(|| {
    let resources = ResourceType::ALL
        .into_iter()
        .map(|t| (wrapper(t), Attribute::Resource(t)));
    TABLE
        .iter()
        .map(|(name, attribute)| (*name, attribute.clone()))
        .chain(resources)
        .collect()
});

/// What a flexContainer shares with other resources.
static COMMON: &[Attribute] = &[
    Attribute::ResourceName,
    Attribute::ResourceType,
    Attribute::ResourceId,
    Attribute::ParentId,
    Attribute::CreationTime,
    Attribute::LastModifiedTime,
    Attribute::ExpirationTime,
    Attribute::Labels,
    Attribute::AccessControlPolicyIds,
    Attribute::StateTag,
    Attribute::Creator,
    Attribute::ContainerDefinition,
    Attribute::ContentSize,
    Attribute::OntologyRef,
    Attribute::NodeLink,
    Attribute::Custodian,
    Attribute::ChildReferences,
];

static MONITOR: &[(&str, Attribute)] = &[("or", Attribute::Originator)];
static ADDRESS: &[(&str, Attribute)] = &[("uri", Attribute::Uri)];

macro_rules! names {
    ($($table:ident { $($name:literal $attribute:ident)* })*) => {
        $(static $table: &[(&str, Attribute)] = &[$(($name, Attribute::$attribute)),*];)*

        fn usual(attribute: &Attribute) -> &str {
            match attribute {
                $($(Attribute::$attribute => $name,)*)*
                Attribute::Resource(resource_type) => wrapper(*resource_type),
                Attribute::Custom(name) => name,
            }
        }
    };
}

names! {
    TABLE {
        "rn" ResourceName
        "ty" ResourceType
        "ri" ResourceId
        "pi" ParentId
        "ct" CreationTime
        "lt" LastModifiedTime
        "et" ExpirationTime
        "lbl" Labels
        "acpi" AccessControlPolicyIds
        "st" StateTag
        "cr" Creator

        "apn" AppName
        "api" AppId
        "aei" AeId
        "poa" PointOfAccess
        "rr" RequestReachability
        "srv" SupportedReleaseVersions
        "csz" ContentSerialization
        "or" OntologyRef
        "nl" NodeLink
        "cst" CseType
        "csi" CseId
        "cb" CseBase
        "srt" SupportedResourceTypes
        "dcse" DescendantCses
        "smg:own" OwnRegistration
        "scap" SessionCapable

        "pv" Privileges
        "pvs" SelfPrivileges
        "acr" AccessControlRules
        "acor" AccessControlOriginators
        "acop" AccessControlOperations

        "mni" MaxNrOfInstances
        "mbs" MaxByteSize
        "mia" MaxInstanceAge
        "cni" CurrentNrOfInstances
        "cbs" CurrentByteSize
        "cnf" ContentInfo
        "cs" ContentSize
        "con" Content
        "cnd" ContainerDefinition

        "nu" NotificationUri
        "enc" EventNotificationCriteria
        "net" NotificationEventType
        "nct" NotificationContentType
        "exc" ExpirationCounter

        "op" Operation
        "tg" Target
        "org" Originator
        "rid" RequestId
        "mi" MetaInformation
        "pc" PrimitiveContent
        "rs" RequestStatus
        "ors" OperationResult
        "rsc" ResponseStatusCode
        "rqi" RequestIdentifier
        "to" To
        "fr" From
        "ot" OriginatingTimestamp
        "rcn" ResultContent
        "rt" ResponseType
        "rtv" ResponseTypeValue
        "rqet" RequestExpiration
        "rvi" ReleaseVersion

        "fu" FilterUsage
        "lvl" Level
        "lim" Limit
        "ofst" Offset
        "atr" AttributeCriterion
        "crb" CreatedBefore
        "cra" CreatedAfter
        "ms" ModifiedSince
        "us" UnmodifiedSince
        "fo" FilterOperation

        "sur" SubscriptionReference
        "nev" NotificationEvent
        "rep" Representation
        "om" OperationMonitor
        "vrq" VerificationRequest
        "idr" IpeDiscoveryRequest
        "fc" FilterCriteria
        "sud" SubscriptionDeletion

        "sid" SessionId
        "soi" SessionOriginator
        "sto" SessionTargets
        "slc" Lifecycle
        "sst" SessionState
        "see" EndToEnd
        "aer" AllEndpointsRequired
        "sdl" Descriptors
        "kid" KeyId
        "scr" Credentials
        "nhr" RemoteSession
        "vst" Visited
        "mns" MaxNrOfSessions
        "epi" EndpointId
        "ept" EndpointType
        "epp" EndpointPaths
        "epk" EndpointKey
        "nhi" NextHopId
        "nhe" NextHopEndpoints
        "nhs" NextHopState
        "pyt" PolicyType
        "pys" PolicyScope
        "pye" PolicyEndpoints
        "pyo" PolicyOrder
        "se" ScheduleElement
        "sce" ScheduleEntries
        "pyd" PolicyData
        "dqet" DefaultRequestExpiration
        "jwe" Protected
        "rqb" RequestBytes
        "rsb" ResponseBytes
        "pyn" PolicyName
        "rsn" Reason

        "m2m:uri" Uri
        "m2m:uril" UriList
        "m2m:sgn" Notification
        "m2m:rsp" ResponsePrimitive
        "m2m:rqp" RequestPrimitive
        "m2m:rce" ResourceWithAddress
        "ch" ChildReferences
        "m2m:rrl" ResourceReferenceList
        "rrf" ResourceReference
        "m2m:dbg" DebugInfo

        "su" SubscriberUri
        "ops" MonitoredOperations
        "chty" ChildTypes
        "acco" AccessControlContexts
        "actw" AccessControlWindows
        "acod" AccessControlObjects
        "acip" AccessControlIpAddresses
        "ipv4" Ipv4Addresses
        "ipv6" Ipv6Addresses
        "acaf" AccessControlAuthenticationFlag

        "mid" MemberIds
        "mt" MemberType
        "mtv" MemberTypeValidated
        "csy" ConsistencyStrategy
        "mnm" MaxNrOfMembers
        "cnm" CurrentNrOfMembers
        "gn" GroupName
        "nco" NetworkCoordinated
        "ni" NodeId
        "rqag" RequestAggregation
        "m2m:agrp" AggregatedRequest
        "pn" PendingNotification
        "m2m:agr" AggregatedResponse
        "m2m:atrl" AttributeList
        "macp" MembersAccessControlPolicyIds
        "spty" SpecializationType
        "cstn" Custodian

        "gid" GroupRequestId
        "rp" ResultPersistence
        "rset" ResultExpiration
        "oet" ExecutionTime
        "ec" EventCategory

        "bn" BatchNotify
        "num" BatchNumber
        "dur" BatchDuration
        "ln" LatestNotify
        "nec" NotificationEventCategory
        "m2m:agn" AggregatedNotification
        "rl" RateLimit
        "mnn" MaxNrOfNotify
        "tww" TimeWindow
        "psn" PreSubscriptionNotify
        "smg:sent" SentInWindow
    }
    CRITERION {
        "nm" CriterionName
        "val" CriterionValue
    }
    REFERENCE {
        "nm" ReferenceName
        "typ" ReferenceType
        "val" ReferenceValue
    }
    KEY {
        "kty" KeyType
        "alg" KeyAlgorithm
        "k" KeyValue
        "crv" KeyCurve
        "x" KeyX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::collections::BTreeSet;

    const SCOPES: [Scope; 9] = [
        Scope::Plain,
        Scope::Criteria,
        Scope::Criterion,
        Scope::Reference,
        Scope::Key,
        Scope::Monitor,
        Scope::Address,
        Scope::Flex,
        Scope::Data,
    ];

    #[test]
    fn within_a_scope_names_and_attributes_match_one_to_one() {
        for scope in SCOPES {
            let mut found = BTreeSet::new();
            let names: BTreeSet<_> = rows()
                .map(|row| row.0)
                .chain(["uri"])
                .chain(ResourceType::ALL.map(wrapper))
                .collect();
            for name in names {
                let attribute = attribute(name, scope);
                assert_eq!(short(&attribute, scope), name, "{scope:?}");
                assert!(found.insert(attribute), "{name} in {scope:?}");
            }
        }
    }

    #[test]
    fn no_two_rows_of_the_table_share_a_name() {
        let names: BTreeSet<_> = TABLE.iter().map(|row| row.0).collect();
        assert_eq!(names.len(), TABLE.len());
    }

    #[rstest]
    #[case("nm", Scope::Criterion, Attribute::CriterionName)]
    #[case("nm", Scope::Reference, Attribute::ReferenceName)]
    #[case("nm", Scope::Plain, Attribute::Custom("nm".into()))]
    #[case("or", Scope::Monitor, Attribute::Originator)]
    #[case("or", Scope::Plain, Attribute::OntologyRef)]
    #[case("org", Scope::Monitor, Attribute::Custom("org".into()))]
    #[case("lvl", Scope::Flex, Attribute::Custom("lvl".into()))]
    #[case("rn", Scope::Flex, Attribute::ResourceName)]
    #[case(
        "m2m:sub",
        Scope::Flex,
        Attribute::Resource(ResourceType::Subscription)
    )]
    #[case("rn", Scope::Data, Attribute::Custom("rn".into()))]
    #[case("uri", Scope::Address, Attribute::Uri)]
    #[case("k", Scope::Plain, Attribute::Custom("k".into()))]
    fn a_name_means_what_its_place_says(
        #[case] name: &str,
        #[case] scope: Scope,
        #[case] expected: Attribute,
    ) {
        assert_eq!(attribute(name, scope), expected);
    }
}
