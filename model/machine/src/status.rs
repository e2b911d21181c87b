//! Response status codes, and which offence gets which.

/// Response status codes (TS-0004 clause 6.6) that the machines give or look at.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Status(pub u16);

#[expect(missing_docs, reason = "the names are those of TS-0004 clause 6.6.3")]
impl Status {
    pub const ACCEPTED: Self = Self(1000);
    pub const ACCEPTED_SYNCH: Self = Self(1001);
    pub const ACCEPTED_ASYNCH: Self = Self(1002);
    pub const OK: Self = Self(2000);
    pub const CREATED: Self = Self(2001);
    pub const DELETED: Self = Self(2002);
    pub const UPDATED: Self = Self(2004);
    pub const BAD_REQUEST: Self = Self(4000);
    pub const RELEASE_VERSION_NOT_SUPPORTED: Self = Self(4001);
    pub const NOT_FOUND: Self = Self(4004);
    pub const OPERATION_NOT_ALLOWED: Self = Self(4005);
    pub const REQUEST_TIMEOUT: Self = Self(4008);
    pub const CONTENTS_UNACCEPTABLE: Self = Self(4102);
    pub const ORIGINATOR_HAS_NO_PRIVILEGE: Self = Self(4103);
    pub const CONFLICT: Self = Self(4105);
    pub const ORIGINATOR_NOT_AUTHENTICATED: Self = Self(4106);
    pub const SECURITY_ASSOCIATION_REQUIRED: Self = Self(4107);
    pub const INVALID_CHILD_RESOURCE_TYPE: Self = Self(4108);
    pub const UNKNOWN_KEY: Self = Self(4112);
    pub const AUTHENTICATION_FAILED: Self = Self(4115);
    pub const ALREADY_REGISTERED: Self = Self(4117);
    pub const BLOCKING_SUBSCRIPTION_ALREADY_EXISTS: Self = Self(4124);
    pub const OPERATION_DENIED_BY_REMOTE_ENTITY: Self = Self(4127);
    pub const INVALID_SPARQL_QUERY: Self = Self(4143);
    pub const INTERNAL_SERVER_ERROR: Self = Self(5000);
    pub const NOT_IMPLEMENTED: Self = Self(5001);
    pub const TARGET_NOT_REACHABLE: Self = Self(5103);
    pub const RECEIVER_HAS_NO_PRIVILEGE: Self = Self(5105);
    pub const REMOTE_ENTITY_NOT_REACHABLE: Self = Self(5107);
    pub const TARGET_NOT_SUBSCRIBABLE: Self = Self(5203);
    pub const NON_BLOCKING_NOT_SUPPORTED: Self = Self(5206);
    pub const SUBSCRIPTION_VERIFICATION_INITIATION_FAILED: Self = Self(5204);
    pub const NOT_ACCEPTABLE: Self = Self(5207);
    pub const GROUP_MEMBERS_NOT_RESPONDED: Self = Self(5209);
    pub const GROUP_REQUEST_IDENTIFIER_EXISTS: Self = Self(4104);
    pub const NO_MEMBERS: Self = Self(4109);
    pub const GROUP_MEMBER_TYPE_INCONSISTENT: Self = Self(4110);
    pub const MAX_NUMBER_OF_MEMBER_EXCEEDED: Self = Self(6010);
    pub const TARGET_HAS_NO_SESSION_CAPABILITY: Self = Self(5214);
    pub const SESSION_IS_ONLINE: Self = Self(5215);
    pub const UNABLE_TO_RECALL_REQUEST: Self = Self(5220);

    /// Whether the code says that the request was carried out (2xxx).
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 / 1000 == 2
    }
}

/// Why a request is refused, named as the offence; [`Refusal::status`] is the only mapping to codes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Refusal {
    /// A parameter, attribute or value breaks the rules of its type.
    BadRequest,
    /// The release version indicator is missing or unknown.
    ReleaseVersion,
    /// The target does not exist.
    NotFound,
    /// The session is unknown here, over, or not in use yet (USE-03, USE-32).
    SessionUnknown,
    /// The operation is never allowed on this resource.
    OperationNotAllowed,
    /// The target lies outside every endpoint's paths (USE-01).
    OutsidePaths,
    /// The time of the request is over.
    Expired,
    /// The session demands protection and the data has none, or it has the wrong shape (USE-24).
    Unprotected,
    /// A policy of equal rank says something else (USE-28).
    PolicyConflict,
    /// An endpoint path that is not the endpoint's own.
    ForeignPath,
    /// The originator has no right to do this.
    NoPrivilege,
    /// The originator is no endpoint of the session, or the request came by the wrong hop (USE-02, USE-04).
    NotAnEndpoint,
    /// The name or identifier is taken, or the request conflicts with one that is open.
    Conflict,
    /// A request visits this CSE a second time (EST-29).
    Loop,
    /// The originator is not the one this link belongs to, or not registered (LNK-03, LNK-19).
    NotAuthenticated,
    /// The link is not secure enough for this.
    InsecureLink,
    /// This type cannot be a child of the target.
    InvalidChild,
    /// The sealed value names a key that is not the session's.
    UnknownKey,
    /// The entity is registered already.
    AlreadyRegistered,
    /// The collection has its consent subscription already.
    SecondConsent,
    /// The target endpoint said no (flow 1 step 13, negative).
    Denied,
    /// A semantics filter is no query in SPARQL.
    NoSparqlQuery,
    /// This release does not do that.
    NotImplemented,
    /// The entity behind the link cannot be reached now.
    Unreachable,
    /// This CSE itself has no right to read what it must read elsewhere.
    NoPrivilegeElsewhere,
    /// The remote entity that has to answer cannot be reached.
    RemoteUnreachable,
    /// Nobody can subscribe to this type.
    NotSubscribable,
    /// A limit is reached, or a delay is due that the originator does not accept.
    NotAcceptable,
    /// The store is not writable now.
    StoreUnavailable,
    /// The target AE does not do sessions.
    NotSessionCapable,
    /// A member that is fixed while the session is online.
    SessionOnline,
    /// A target of notifications does not want them.
    VerificationFailed,
    /// Network coordination outside of a node.
    ForeignSchedule,
    /// A group has no members.
    NoMembers,
    /// A member of a group has another type than the group says.
    MemberType,
    /// A group would have more members than it takes.
    TooManyMembers,
    /// A group reaches itself.
    GroupLoop,
    /// No member of a group has answered.
    SilentGroup,
}

impl Refusal {
    /// The response status code of this offence.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::BadRequest => Status::BAD_REQUEST,
            Self::ReleaseVersion => Status::RELEASE_VERSION_NOT_SUPPORTED,
            Self::NotFound | Self::SessionUnknown => Status::NOT_FOUND,
            Self::OperationNotAllowed | Self::OutsidePaths => Status::OPERATION_NOT_ALLOWED,
            Self::Expired => Status::REQUEST_TIMEOUT,
            Self::Unprotected
            | Self::PolicyConflict
            | Self::ForeignPath
            | Self::ForeignSchedule => Status::CONTENTS_UNACCEPTABLE,
            Self::NoPrivilege | Self::NotAnEndpoint => Status::ORIGINATOR_HAS_NO_PRIVILEGE,
            Self::Conflict | Self::Loop => Status::CONFLICT,
            Self::NotAuthenticated => Status::ORIGINATOR_NOT_AUTHENTICATED,
            Self::InsecureLink => Status::SECURITY_ASSOCIATION_REQUIRED,
            Self::InvalidChild => Status::INVALID_CHILD_RESOURCE_TYPE,
            Self::UnknownKey => Status::UNKNOWN_KEY,
            Self::AlreadyRegistered => Status::ALREADY_REGISTERED,
            Self::SecondConsent => Status::BLOCKING_SUBSCRIPTION_ALREADY_EXISTS,
            Self::Denied => Status::OPERATION_DENIED_BY_REMOTE_ENTITY,
            Self::NoSparqlQuery => Status::INVALID_SPARQL_QUERY,
            Self::NotImplemented => Status::NOT_IMPLEMENTED,
            Self::Unreachable => Status::TARGET_NOT_REACHABLE,
            Self::NoPrivilegeElsewhere => Status::RECEIVER_HAS_NO_PRIVILEGE,
            Self::RemoteUnreachable => Status::REMOTE_ENTITY_NOT_REACHABLE,
            Self::NotSubscribable => Status::TARGET_NOT_SUBSCRIBABLE,
            Self::NotAcceptable | Self::StoreUnavailable => Status::NOT_ACCEPTABLE,
            Self::NotSessionCapable => Status::TARGET_HAS_NO_SESSION_CAPABILITY,
            Self::SessionOnline => Status::SESSION_IS_ONLINE,
            Self::VerificationFailed => Status::SUBSCRIPTION_VERIFICATION_INITIATION_FAILED,
            Self::NoMembers => Status::NO_MEMBERS,
            Self::MemberType => Status::GROUP_MEMBER_TYPE_INCONSISTENT,
            Self::TooManyMembers => Status::MAX_NUMBER_OF_MEMBER_EXCEEDED,
            Self::GroupLoop => Status::GROUP_REQUEST_IDENTIFIER_EXISTS,
            Self::SilentGroup => Status::GROUP_MEMBERS_NOT_RESPONDED,
        }
    }
}
