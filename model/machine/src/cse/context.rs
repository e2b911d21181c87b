//! The session context: one entry for each data request that this CSE forwarded or served (flow 2 steps 13, 15, 26).

use super::incoming::Handled;
use super::policy::Role;
use super::resources::NewResource;
use super::session::{Capacity, merge};
use super::{Cse, Step};
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{ResourceId, SessionId};
use crate::primitive::Content;
use crate::record::{Requester, Stored};
use crate::resource::{Resource, ResourceType};
use crate::schema;
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::format;
use alloc::vec::Vec;

/// What an entry records.
pub(crate) struct Entry<'a> {
    pub(crate) requester: &'a Requester,
    pub(crate) accepted: Timestamp,
    pub(crate) status: Status,
    pub(crate) content: Option<&'a Content>,
    pub(crate) role: Role,
    pub(crate) policy: Option<Text>,
}

impl Cse {
    /// Writes an entry, and drops the oldest beyond the bounds.
    pub(crate) fn note(&mut self, step: &mut Step, session: &SessionId, entry: &Entry<'_>) {
        if self.store_failing {
            return;
        }
        let Some(row) = self.durable.sessions.get(session).cloned() else {
            return;
        };
        let context = self
            .durable
            .tree
            .children_of_type(&row.resource, ResourceType::SessionContext)
            .next()
            .cloned();
        let Some(context) = context else { return };
        let number = row.entries + 1;
        self.durable
            .sessions
            .change(session, |s| s.entries = number);
        let new = NewResource {
            resource_type: ResourceType::SessionContextEntry,
            parent: context.id.clone(),
            id: None,
            name: Some(format!("e{number}").into()),
            creator: self.config.cse_id.0.clone(),
            expires: context.expires,
            specialization: None,
            attributes: self.entry_attributes(entry),
        };
        if self.insert(step, new).is_ok() {
            self.trim_context(step, &context.id);
        }
    }

    /// Writes the entry of a request that was forwarded while its originator waited.
    pub(crate) fn note_forwarded(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        accepted: Timestamp,
        status: Status,
        content: Option<&Content>,
    ) {
        let Some(session) = requester.request.session.clone() else {
            return;
        };
        let Some(row) = self.durable.sessions.get(&session).cloned() else {
            return;
        };
        let originator = &requester.key.originator;
        let policy = self
            .owner_of_path(&row, &requester.request.to)
            .and_then(|owner| self.policy_for(&row, originator, &owner, Role::Forward))
            .map(|policy| policy.name.clone());
        let entry = Entry {
            requester,
            accepted,
            status,
            content,
            role: Role::Forward,
            policy,
        };
        self.note(step, &session, &entry);
    }

    /// Writes the entry of a stored request that is settled.
    pub(crate) fn note_stored(
        &mut self,
        step: &mut Step,
        row: &Stored,
        status: Status,
        content: Option<&Content>,
    ) {
        let Some(session) = &row.session else { return };
        let entry = Entry {
            requester: &row.requester,
            accepted: row.accepted,
            status,
            content,
            role: Role::Forward,
            policy: row.policy.clone(),
        };
        self.note(step, session, &entry);
    }

    /// UPDATE of the bounds (`mni`, `mia`) by an endpoint.
    pub(crate) fn update_context(
        &mut self,
        step: &Step,
        requester: &Requester,
        context: &Resource,
        capacity: Capacity,
    ) -> Result<Handled, Refusal> {
        if capacity == Capacity::Neighbour {
            return Err(Refusal::NoPrivilege);
        }
        let content = requester
            .request
            .content
            .as_ref()
            .ok_or(Refusal::BadRequest)?;
        let members = content
            .members_of(ResourceType::SessionContext)
            .ok_or(Refusal::BadRequest)?;
        schema::check_update(ResourceType::SessionContext, members)?;
        let bound = i64::from(self.config.limits.context_entries);
        let now = step.now();
        self.durable.tree.change(&context.id, |resource| {
            merge(resource, members);
            let most = resource
                .integer(&Attribute::MaxNrOfInstances)
                .unwrap_or(bound);
            let kept = Value::Integer(most.min(bound));
            resource
                .attributes
                .insert(Attribute::MaxNrOfInstances, kept);
            resource.modified = now;
        });
        self.trim_context(step, &context.id);
        self.updated(requester, &context.id)
    }

    /// USE-18: at most `mni` entries, none older than `mia`; the oldest go first.
    fn trim_context(&mut self, step: &Step, id: &ResourceId) {
        let Some(context) = self.durable.tree.get(id).cloned() else {
            return;
        };
        let now = step.now();
        let most = context
            .integer(&Attribute::MaxNrOfInstances)
            .unwrap_or(i64::MAX);
        let most = usize::try_from(most).unwrap_or(0);
        let oldest_age = context
            .integer(&Attribute::MaxInstanceAge)
            .and_then(|s| u64::try_from(s).ok())
            .map(|seconds| seconds.saturating_mul(1_000));
        let tree = &mut self.durable.tree;
        let all = tree.count_of_type(id, ResourceType::SessionContextEntry);
        let excess = all.saturating_sub(most);
        let too_old = |at: Timestamp| oldest_age.is_some_and(|age| at.plus(age) <= now);
        // There may be many, and without an age limit only the first ones matter.
        let looked_at = if oldest_age.is_some() { all } else { excess };
        let gone: Vec<ResourceId> = tree
            .children_of_type(id, ResourceType::SessionContextEntry)
            .take(looked_at)
            .enumerate()
            .filter(|(place, entry)| *place < excess || too_old(entry.created))
            .map(|(_, entry)| entry.id.clone())
            .collect();
        // USE-18
        for entry in &gone {
            tree.remove(entry);
        }
        let left = all.saturating_sub(gone.len());
        let count = Value::Integer(i64::try_from(left).unwrap_or(i64::MAX));
        self.durable.tree.change(id, |resource| {
            resource
                .attributes
                .insert(Attribute::CurrentNrOfInstances, count);
            resource.modified = now;
        });
    }

    fn entry_attributes(&self, entry: &Entry<'_>) -> Members {
        let request = &entry.requester.request;
        let own = &self.config.cse_id;
        let to = self
            .structured(&request.to)
            .or_else(|| crate::address::normalized(&request.to, own, &self.config.name))
            .unwrap_or_else(|| request.to.clone());
        let bytes = |content: Option<&Content>| {
            let size = content.map_or(0, |c| match c.size {
                0 => (self.config.host.measure)(&c.value),
                size => size,
            });
            Value::Integer(i64::from(size))
        };
        let role = match entry.role {
            Role::Forward => 1,
            Role::Serve => 2,
        };
        // USE-19, USE-48
        let mut members = Members::from([
            (
                Attribute::Operation,
                Value::Integer(i64::from(request.operation.number())),
            ),
            (Attribute::To, Value::Text(to)),
            (
                Attribute::From,
                Value::Text(entry.requester.key.originator.clone()),
            ),
            (
                Attribute::RequestIdentifier,
                Value::Text(request.request_id.0.clone()),
            ),
            (
                Attribute::ResponseStatusCode,
                Value::Integer(i64::from(entry.status.0)),
            ),
            (Attribute::OriginatingTimestamp, Value::Time(entry.accepted)),
            (Attribute::RequestBytes, bytes(request.content.as_ref())),
            (Attribute::ResponseBytes, bytes(entry.content)),
            (Attribute::PolicyScope, Value::Integer(role)),
        ]);
        if let Some(policy) = &entry.policy {
            members.insert(Attribute::PolicyName, Value::Text(policy.clone()));
        }
        members
    }
}
