//! Messages as readable text, with the short names of the wire contract.

use super::Node;
use m2m_machine::Timestamp;
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Content, Operation, Primitive, Request, Response, When};
use m2m_machine::resource::ResourceType;
use m2m_machine::schedule::civil;
use m2m_machine::value::Value;
use std::fmt::Write;

/// One line of a transcript.
pub(crate) fn line(step: &str, from: Node, to: Node, primitive: &Primitive) -> String {
    format!("{step:<7} {from:>4} → {to:<4}  {}", message(primitive))
}

pub(crate) fn message(primitive: &Primitive) -> String {
    match primitive {
        Primitive::Request(request) => asked(request),
        Primitive::Response(response) => answered(response),
    }
}

fn asked(request: &Request) -> String {
    let mut text = format!("{} ", verb(request.operation));
    if let Some(number) = request.resource_type {
        let name = ResourceType::from_number(number).map(kind);
        let _ = write!(text, "{} at ", name.unwrap_or("unknown"));
    }
    let _ = write!(text, "{}", request.to);
    if let Some(from) = &request.from {
        let _ = write!(text, ", fr {from}");
    }
    let _ = write!(text, ", rqi {}", request.request_id);
    if let Some(wanted) = &request.response_type {
        let _ = write!(text, ", rt {}", wanted.mode.number());
    }
    match request.request_expiration {
        Some(When::At(at)) => {
            let _ = write!(text, ", rqet {}", time(at));
        }
        Some(When::After(ms)) => {
            let _ = write!(text, ", rqet +{ms} ms");
        }
        None => {}
    }
    if let Some(number) = request.result_content {
        let _ = write!(text, ", rcn {number}");
    }
    if let Some(session) = &request.session {
        let _ = write!(text, ", sid {session}");
    }
    if let Some(reason) = request.reason {
        let _ = write!(text, ", rsn {reason}");
    }
    if let Some(filter) = &request.filter {
        let _ = write!(text, ", fc {}", value(filter));
    }
    text + &carried(request.content.as_ref())
}

fn answered(response: &Response) -> String {
    let mut text = response.status.0.to_string();
    if let Some(id) = &response.request_id {
        let _ = write!(text, " to {id}");
    }
    if let Some(session) = &response.session {
        let _ = write!(text, ", sid {session}");
    }
    text + &carried(response.content.as_ref())
}

fn carried(content: Option<&Content>) -> String {
    content.map_or_else(String::new, |c| format!("  {}", members(&c.value)))
}

/// A value as text.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Integer(n) => n.to_string(),
        Value::Number(text) | Value::Text(text) => text.to_string(),
        Value::Time(at) => time(*at),
        Value::List(list) => {
            let list: Vec<String> = list.iter().map(self::value).collect();
            format!("[{}]", list.join(" "))
        }
        Value::Object(_) => format!("{{{}}}", members(value)),
        Value::Sealed(sealed) => format!("sealed({} {})", sealed.header.key_id, sealed.header.to),
        Value::Secret(_) => "secret".into(),
    }
}

fn members(value: &Value) -> String {
    let Some(members) = value.as_object() else {
        return self::value(value);
    };
    let one =
        |(name, value): (&Attribute, &Value)| format!("{} {}", short(name), self::value(value));
    let all: Vec<String> = members.iter().map(one).collect();
    all.join(", ")
}

/// `03-01 10:01:30`, with the year if it is not 2027, and milliseconds where there are any.
pub(crate) fn time(at: Timestamp) -> String {
    let (year, month, day) = civil(at.0 / 86_400_000);
    let seconds = at.0 / 1_000 % 86_400;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    if year != 2027 {
        let _ = write!(text, "{year}-");
    }
    let _ = write!(
        text,
        "{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
    );
    if !at.0.is_multiple_of(1_000) {
        let _ = write!(text, ".{:03}", at.0 % 1_000);
    }
    text
}

pub(crate) const fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "CREATE",
        Operation::Retrieve => "RETRIEVE",
        Operation::Update => "UPDATE",
        Operation::Delete => "DELETE",
        Operation::Notify => "NOTIFY",
    }
}

const fn kind(of: ResourceType) -> &'static str {
    match of {
        ResourceType::AccessControlPolicy => "acp",
        ResourceType::Ae => "ae",
        ResourceType::Container => "cnt",
        ResourceType::ContentInstance => "cin",
        ResourceType::CseBase => "cb",
        ResourceType::Group => "grp",
        ResourceType::Node => "nod",
        ResourceType::Schedule => "sch",
        ResourceType::PollingChannel => "pch",
        ResourceType::RemoteCse => "csr",
        ResourceType::Request => "req",
        ResourceType::Subscription => "sub",
        ResourceType::FlexContainer => "fcnt",
        ResourceType::Sessions => "sess",
        ResourceType::Session => "ses",
        ResourceType::SessionEndpoint => "sep",
        ResourceType::NextHop => "nhp",
        ResourceType::SessionPolicy => "spy",
        ResourceType::SessionContext => "scx",
        ResourceType::SessionContextEntry => "sce",
    }
}

/// The short name of a member; of those that no flow shows, a long one.
pub(crate) fn short(name: &Attribute) -> String {
    let known = NAMES.iter().find(|(attribute, _)| attribute == name);
    match (known, name) {
        (Some((_, short)), _) => (*short).into(),
        (None, Attribute::Resource(of)) => kind(*of).into(),
        (None, Attribute::Custom(name)) => name.to_string(),
        (None, other) => format!("{other:?}"),
    }
}

const NAMES: [(Attribute, &str); 102] = [
    (Attribute::ResourceName, "rn"),
    (Attribute::ResourceType, "ty"),
    (Attribute::ResourceId, "ri"),
    (Attribute::ParentId, "pi"),
    (Attribute::CreationTime, "ct"),
    (Attribute::LastModifiedTime, "lt"),
    (Attribute::ExpirationTime, "et"),
    (Attribute::Labels, "lbl"),
    (Attribute::AccessControlPolicyIds, "acpi"),
    (Attribute::StateTag, "st"),
    (Attribute::AppId, "api"),
    (Attribute::AeId, "aei"),
    (Attribute::PointOfAccess, "poa"),
    (Attribute::RequestReachability, "rr"),
    (Attribute::SupportedReleaseVersions, "srv"),
    (Attribute::ContentSerialization, "csz"),
    (Attribute::OntologyRef, "or"),
    (Attribute::CseType, "cst"),
    (Attribute::CseId, "csi"),
    (Attribute::CseBase, "cb"),
    (Attribute::SupportedResourceTypes, "srt"),
    (Attribute::SessionCapable, "scap"),
    (Attribute::Privileges, "pv"),
    (Attribute::SelfPrivileges, "pvs"),
    (Attribute::AccessControlRules, "acr"),
    (Attribute::AccessControlOriginators, "acor"),
    (Attribute::AccessControlOperations, "acop"),
    (Attribute::MaxNrOfInstances, "mni"),
    (Attribute::MaxByteSize, "mbs"),
    (Attribute::CurrentNrOfInstances, "cni"),
    (Attribute::CurrentByteSize, "cbs"),
    (Attribute::ContentInfo, "cnf"),
    (Attribute::ContentSize, "cs"),
    (Attribute::Content, "con"),
    (Attribute::ContainerDefinition, "cnd"),
    (Attribute::NotificationUri, "nu"),
    (Attribute::EventNotificationCriteria, "enc"),
    (Attribute::NotificationEventType, "net"),
    (Attribute::Operation, "op"),
    (Attribute::Target, "tg"),
    (Attribute::Originator, "org"),
    (Attribute::RequestId, "rid"),
    (Attribute::MetaInformation, "mi"),
    (Attribute::PrimitiveContent, "pc"),
    (Attribute::RequestStatus, "rs"),
    (Attribute::OperationResult, "ors"),
    (Attribute::ResponseStatusCode, "rsc"),
    (Attribute::RequestIdentifier, "rqi"),
    (Attribute::To, "to"),
    (Attribute::From, "fr"),
    (Attribute::OriginatingTimestamp, "ot"),
    (Attribute::ResultContent, "rcn"),
    (Attribute::ResponseType, "rt"),
    (Attribute::ResponseTypeValue, "rtv"),
    (Attribute::RequestExpiration, "rqet"),
    (Attribute::ReleaseVersion, "rvi"),
    (Attribute::FilterUsage, "fu"),
    (Attribute::AttributeCriterion, "atr"),
    (Attribute::CriterionName, "nm"),
    (Attribute::CriterionValue, "val"),
    (Attribute::SubscriptionReference, "sur"),
    (Attribute::NotificationEvent, "nev"),
    (Attribute::Representation, "rep"),
    (Attribute::OperationMonitor, "om"),
    (Attribute::SessionId, "sid"),
    (Attribute::SessionOriginator, "soi"),
    (Attribute::SessionTargets, "sto"),
    (Attribute::Lifecycle, "slc"),
    (Attribute::SessionState, "sst"),
    (Attribute::EndToEnd, "see"),
    (Attribute::AllEndpointsRequired, "aer"),
    (Attribute::KeyId, "kid"),
    (Attribute::Credentials, "scr"),
    (Attribute::RemoteSession, "nhr"),
    (Attribute::Visited, "vst"),
    (Attribute::EndpointId, "epi"),
    (Attribute::EndpointType, "ept"),
    (Attribute::EndpointPaths, "epp"),
    (Attribute::NextHopId, "nhi"),
    (Attribute::NextHopEndpoints, "nhe"),
    (Attribute::NextHopState, "nhs"),
    (Attribute::PolicyType, "pyt"),
    (Attribute::PolicyScope, "pys"),
    (Attribute::PolicyEndpoints, "pye"),
    (Attribute::PolicyOrder, "pyo"),
    (Attribute::ScheduleElement, "se"),
    (Attribute::ScheduleEntries, "sce"),
    (Attribute::PolicyData, "pyd"),
    (Attribute::RequestBytes, "rqb"),
    (Attribute::ResponseBytes, "rsb"),
    (Attribute::PolicyName, "pyn"),
    (Attribute::Reason, "rsn"),
    (Attribute::MaxNrOfSessions, "mns"),
    (Attribute::KeyType, "kty"),
    (Attribute::KeyAlgorithm, "alg"),
    (Attribute::KeyValue, "k"),
    (Attribute::Protected, "jwe"),
    (Attribute::DefaultRequestExpiration, "dqet"),
    (Attribute::Uri, "uri"),
    (Attribute::UriList, "uril"),
    (Attribute::Notification, "sgn"),
    (Attribute::ResponsePrimitive, "rsp"),
];
