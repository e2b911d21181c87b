//! Session policies: what may be asked, and which one decides for a request (flow 1 steps 18 to 23).

mod distribution;

use super::incoming::Handled;
use super::session::{Capacity, merge};
use super::{Cse, Step};
use crate::attribute::Attribute;
use crate::deviation::Deviation;
use crate::env::Timestamp;
use crate::id::AeId;
use crate::record::{ChangeKind, Phase, Requester, Session};
use crate::resource::{Resource, ResourceType};
use crate::schema;
use crate::shared::Shared;
use crate::status::Refusal;
use crate::value::{Members, Value};
use alloc::format;
use alloc::vec::Vec;

/// Which role of a CSE a policy is looked up for (`pys`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Forward,
    Serve,
}

/// Kinds of policies (`pyt`).
pub(crate) const IMMEDIATE: i64 = 1;
/// By schedule.
pub(crate) const SCHEDULED: i64 = 2;
/// The rank of a policy that names none (`pyo`).
const DEFAULT_ORDER: i64 = 100;

impl Cse {
    /// CREATE `<sessionPolicy>`.
    pub(crate) fn create_policy(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        session: &Session,
        capacity: Capacity,
    ) -> Result<Handled, Refusal> {
        // EST-26
        if session.phase != Phase::Active {
            return Err(Refusal::SessionUnknown);
        }
        let content = requester
            .request
            .content
            .as_ref()
            .ok_or(Refusal::BadRequest)?;
        let members = content
            .members_of(ResourceType::SessionPolicy)
            .ok_or(Refusal::BadRequest)?;
        schema::check_create(
            ResourceType::SessionPolicy,
            members,
            capacity == Capacity::Neighbour,
        )?;
        let mut policy = members.clone();
        self.complete_policy(&mut policy);
        let name = policy.get(&Attribute::ResourceName).cloned();
        let taken = |r: &Resource| name.as_ref().and_then(Value::as_text) == Some(&r.name);
        let under_way = self.policies_under_way(session);
        let pending = |p: &Members| p.get(&Attribute::ResourceName) == name.as_ref();
        // POL-05
        if self
            .durable
            .tree
            .children(&session.resource)
            .any(|r| taken(r))
            || under_way.iter().any(pending)
        {
            return Err(Refusal::Conflict);
        }
        // POL-14
        let existing = self.policies(session).map(|r| r.attributes.clone());
        let collides = existing
            .chain(under_way)
            .any(|other| collide(&other, &policy));
        if collides && !self.config.deviations.has(Deviation::RivalPolicies) {
            return Err(Refusal::PolicyConflict);
        }
        self.distribute(step, requester, session, ChangeKind::CreatePolicy(policy))
    }

    /// UPDATE `<sessionPolicy>`.
    pub(crate) fn update_policy(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        session: &Session,
        policy: &Resource,
    ) -> Result<Handled, Refusal> {
        let content = requester
            .request
            .content
            .as_ref()
            .ok_or(Refusal::BadRequest)?;
        let members = content
            .members_of(ResourceType::SessionPolicy)
            .ok_or(Refusal::BadRequest)?;
        // POL-08
        schema::check_update(ResourceType::SessionPolicy, members)?;
        let mut changed = policy.clone();
        merge(&mut changed, members);
        schema::check_policy(&changed.attributes)?;
        let others = self.policies(session).filter(|r| r.id != policy.id);
        if others
            .map(|r| &r.attributes)
            .any(|other| collide(other, &changed.attributes))
        {
            return Err(Refusal::PolicyConflict);
        }
        let what = ChangeKind::UpdatePolicy(policy.id.clone(), members.clone());
        self.distribute(step, requester, session, what)
    }

    /// DELETE `<sessionPolicy>`.
    pub(crate) fn delete_policy(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        session: &Session,
        policy: &Resource,
    ) -> Result<Handled, Refusal> {
        self.distribute(
            step,
            requester,
            session,
            ChangeKind::DeletePolicy(policy.id.clone()),
        )
    }

    /// UPDATE of `et` (EST-68).
    pub(crate) fn change_expiry(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        session: &Session,
        asked: Timestamp,
    ) -> Result<Handled, Refusal> {
        let longest = step.now().plus(self.config.timers.session_life_max_ms);
        let parents = self.durable.tree.ancestry(&session.resource).skip(1);
        let capped = parents.filter_map(|r| r.expires).min().unwrap_or(longest);
        // EST-68, EST-27
        let expires = asked.min(longest).min(capped);
        let members = Members::from([(Attribute::ExpirationTime, Value::Time(expires))]);
        self.distribute(step, requester, session, ChangeKind::UpdateSession(members))
    }

    /// Policies that the hop beyond is being asked to make.
    fn policies_under_way(&self, session: &Session) -> Vec<Members> {
        self.durable
            .changes
            .iter()
            .filter(|(_, c)| c.session == session.id && !c.undoing)
            .filter_map(|(_, c)| match &c.what {
                ChangeKind::CreatePolicy(members) => Some(members.clone()),
                ChangeKind::UpdatePolicy(..)
                | ChangeKind::DeletePolicy(_)
                | ChangeKind::UpdateSession(_) => None,
            })
            .collect()
    }

    fn policies<'a>(
        &'a self,
        session: &Session,
    ) -> impl Iterator<Item = &'a Shared<Resource>> + use<'a> {
        self.durable
            .tree
            .children_of_type(&session.resource, ResourceType::SessionPolicy)
    }

    /// The one policy that decides for a request: of those that apply, the lowest in order (POL-12, POL-13).
    pub(crate) fn policy_for(
        &self,
        session: &Session,
        originator: &str,
        owner: &AeId,
        role: Role,
    ) -> Option<Shared<Resource>> {
        let applies = |policy: &&Shared<Resource>| {
            let listed = policy
                .get(&Attribute::PolicyEndpoints)
                .and_then(Value::as_texts);
            let names = |ae: &str| {
                listed
                    .as_ref()
                    .is_none_or(|list| list.iter().any(|e| e == ae))
            };
            covers(policy.integer(&Attribute::PolicyScope), role)
                && names(originator)
                && names(owner.as_str())
        };
        // POL-12, POL-13, USE-28
        self.policies(session)
            .filter(applies)
            .min_by_key(|p| order(&p.attributes))
            .cloned()
    }

    /// Gives a new policy a name if it has none (POL-05).
    pub(crate) fn complete_policy(&mut self, policy: &mut Members) {
        policy.insert_missing(Attribute::ResourceName, || {
            let number = self.durable.next_number();
            Value::text(&format!("{}-{number}", self.config.cse_id.stem()))
        });
    }
}

/// Two policies collide if they bind the same role for the same endpoints, rank equally, and say different things.
pub(crate) fn collide(one: &Members, other: &Members) -> bool {
    let both = |role: Role| {
        covers(integer(one, &Attribute::PolicyScope), role)
            && covers(integer(other, &Attribute::PolicyScope), role)
    };
    let same = |name: &Attribute| one.get(name) == other.get(name);
    let data = |policy: &Members| {
        policy
            .get(&Attribute::PolicyData)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let says_the_same = same(&Attribute::PolicyType)
        && same(&Attribute::ScheduleElement)
        && data(one) == data(other);
    (both(Role::Forward) || both(Role::Serve))
        && endpoints_overlap(one, other)
        && order(one) == order(other)
        && !says_the_same
}

/// Whether some pair of endpoints is listed by both; a list that is absent lists all.
fn endpoints_overlap(one: &Members, other: &Members) -> bool {
    let listed = |policy: &Members| {
        policy
            .get(&Attribute::PolicyEndpoints)
            .and_then(Value::as_texts)
    };
    let Some(first) = listed(one) else {
        return true;
    };
    let Some(second) = listed(other) else {
        return true;
    };
    first.iter().any(|endpoint| second.contains(endpoint))
}

fn covers(scope: Option<i64>, role: Role) -> bool {
    match role {
        Role::Forward => matches!(scope, Some(1 | 3)),
        Role::Serve => matches!(scope, Some(2 | 3)),
    }
}

fn order(policy: &Members) -> i64 {
    integer(policy, &Attribute::PolicyOrder).unwrap_or(DEFAULT_ORDER)
}

fn integer(policy: &Members, name: &Attribute) -> Option<i64> {
    policy.get(name).and_then(Value::as_integer)
}
