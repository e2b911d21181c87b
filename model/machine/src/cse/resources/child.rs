//! Which types may be made where, and which operations a type never takes.

use crate::config::CseKind;
use crate::resource::ResourceType;
use crate::status::Refusal;

/// The type of a CREATE. A published type that is absent here is told from a number that means nothing.
pub(crate) fn requested_type(number: Option<u32>) -> Result<ResourceType, Refusal> {
    let number = number.ok_or(Refusal::BadRequest)?;
    match ResourceType::from_number(number) {
        Some(resource_type) => Ok(resource_type),
        // REG-24
        None if matches!(number, 1..=99 | 10_001..=10_099) => Err(Refusal::NotImplemented),
        None => Err(Refusal::BadRequest),
    }
}

/// Whether a CSE of that kind may host the type of a CREATE: service subscriptions, their nodes and rules, and what
/// is collected for charging belong to the infrastructure (TS-0001 clause 9.6, TS-0004 clause 7.3.3.3).
pub(crate) fn check_kind(number: Option<u32>, kind: CseKind) -> Result<(), Refusal> {
    match kind {
        CseKind::In => Ok(()),
        // REG-24
        CseKind::Mn if matches!(number, Some(7 | 11 | 19..=22)) => {
            Err(Refusal::OperationNotAllowed)
        }
        CseKind::Mn => Ok(()),
    }
}

/// Whether a resource of type `child` may stand below one of type `parent` (TS-0001 clause 9.6).
pub(crate) fn check_child(parent: ResourceType, child: ResourceType) -> Result<(), Refusal> {
    use ResourceType::{
        AccessControlPolicy, Ae, Container, ContentInstance, CseBase, FlexContainer, Group,
        NextHop, Node, PollingChannel, RemoteCse, Request, Schedule, Session, SessionContext,
        SessionContextEntry, SessionEndpoint, SessionPolicy, Sessions, Subscription,
    };
    let children: &[ResourceType] = match parent {
        CseBase => &[
            AccessControlPolicy,
            Ae,
            Container,
            RemoteCse,
            Request,
            Subscription,
            FlexContainer,
            Group,
            Node,
            Schedule,
            Sessions,
        ],
        Ae => &[
            AccessControlPolicy,
            Container,
            Subscription,
            FlexContainer,
            Group,
            PollingChannel,
            Schedule,
            Sessions,
        ],
        RemoteCse => &[
            AccessControlPolicy,
            Container,
            Subscription,
            FlexContainer,
            Group,
            PollingChannel,
            Schedule,
        ],
        Container => &[Container, ContentInstance, Subscription, FlexContainer],
        FlexContainer => &[Container, Subscription, FlexContainer],
        Node => &[Schedule, Subscription],
        AccessControlPolicy | Group | Request | Schedule => &[Subscription],
        Sessions => &[Session, Subscription],
        Session => &[SessionEndpoint, NextHop, SessionPolicy, SessionContext],
        SessionContext => &[SessionContextEntry],
        Subscription => &[Schedule],
        ContentInstance | PollingChannel | SessionEndpoint | NextHop | SessionPolicy
        | SessionContextEntry => &[],
    };
    if children.contains(&child) {
        Ok(())
    } else if child == Subscription {
        // EST-72
        Err(Refusal::NotSubscribable)
    } else {
        // REG-24
        Err(Refusal::InvalidChild)
    }
}

/// Whether anybody ever makes such a resource by request.
pub(super) fn check_creatable(resource_type: ResourceType) -> Result<(), Refusal> {
    match resource_type {
        ResourceType::AccessControlPolicy
        | ResourceType::Ae
        | ResourceType::Container
        | ResourceType::ContentInstance
        | ResourceType::Group
        | ResourceType::Node
        | ResourceType::Schedule
        | ResourceType::PollingChannel
        | ResourceType::RemoteCse
        | ResourceType::Subscription
        | ResourceType::FlexContainer
        | ResourceType::Session
        | ResourceType::SessionPolicy => Ok(()),
        // EST-71
        ResourceType::CseBase
        | ResourceType::Request
        | ResourceType::Sessions
        | ResourceType::SessionEndpoint
        | ResourceType::NextHop
        | ResourceType::SessionContext
        | ResourceType::SessionContextEntry => Err(Refusal::OperationNotAllowed),
    }
}

/// Whether this chapter changes such a resource.
pub(super) fn check_updatable(resource_type: ResourceType) -> Result<(), Refusal> {
    match resource_type {
        ResourceType::AccessControlPolicy
        | ResourceType::Ae
        | ResourceType::Container
        | ResourceType::Group
        | ResourceType::Node
        | ResourceType::Schedule
        | ResourceType::PollingChannel
        | ResourceType::RemoteCse
        | ResourceType::Subscription
        | ResourceType::FlexContainer => Ok(()),
        ResourceType::ContentInstance
        | ResourceType::CseBase
        | ResourceType::Request
        | ResourceType::Sessions
        | ResourceType::SessionEndpoint
        | ResourceType::NextHop
        | ResourceType::SessionContextEntry
        // Their chapters change them.
        | ResourceType::Session
        | ResourceType::SessionPolicy
        | ResourceType::SessionContext => Err(Refusal::OperationNotAllowed),
    }
}

/// Whether this chapter deletes such a resource.
pub(super) fn check_deletable(resource_type: ResourceType) -> Result<(), Refusal> {
    match resource_type {
        ResourceType::AccessControlPolicy
        | ResourceType::Container
        | ResourceType::Group
        | ResourceType::Node
        | ResourceType::Schedule
        | ResourceType::PollingChannel
        | ResourceType::ContentInstance
        | ResourceType::Subscription
        | ResourceType::FlexContainer => Ok(()),
        // EST-71
        ResourceType::CseBase
        | ResourceType::Sessions
        | ResourceType::SessionEndpoint
        | ResourceType::NextHop
        | ResourceType::SessionContext
        | ResourceType::SessionContextEntry
        // Their chapters delete them.
        | ResourceType::Ae
        | ResourceType::RemoteCse
        | ResourceType::Request
        | ResourceType::Session
        | ResourceType::SessionPolicy => Err(Refusal::OperationNotAllowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Some(3), Ok(ResourceType::Container))]
    #[case(Some(50_002), Ok(ResourceType::Session))]
    #[case(Some(10), Err(Refusal::NotImplemented))]
    #[case(Some(10_002), Err(Refusal::NotImplemented))]
    #[case(Some(0), Err(Refusal::BadRequest))]
    #[case(Some(50_008), Err(Refusal::BadRequest))]
    #[case(None, Err(Refusal::BadRequest))]
    fn a_type_is_known_published_or_nonsense(
        #[case] number: Option<u32>,
        #[case] expected: Result<ResourceType, Refusal>,
    ) {
        assert_eq!(requested_type(number), expected);
    }

    #[rstest]
    #[case(ResourceType::Ae, ResourceType::Container, Ok(()))]
    #[case(ResourceType::Container, ResourceType::ContentInstance, Ok(()))]
    #[case(
        ResourceType::Ae,
        ResourceType::ContentInstance,
        Err(Refusal::InvalidChild)
    )]
    #[case(ResourceType::Container, ResourceType::Ae, Err(Refusal::InvalidChild))]
    #[case(
        ResourceType::Container,
        ResourceType::Session,
        Err(Refusal::InvalidChild)
    )]
    #[case(ResourceType::Sessions, ResourceType::Subscription, Ok(()))]
    #[case(
        ResourceType::Session,
        ResourceType::Subscription,
        Err(Refusal::NotSubscribable)
    )]
    #[case(
        ResourceType::ContentInstance,
        ResourceType::Subscription,
        Err(Refusal::NotSubscribable)
    )]
    fn a_parent_takes_some_types(
        #[case] parent: ResourceType,
        #[case] child: ResourceType,
        #[case] expected: Result<(), Refusal>,
    ) {
        assert_eq!(check_child(parent, child), expected);
    }
}
