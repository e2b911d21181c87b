//! Requests on local resources: access, representation, execution, answer (TS-0004 clauses 7.2.2.2 and 7.3.3).
//!
//! `Cse::execute` takes a request whose originator is known and whose address is resolved. It reads every type,
//! and makes, changes and deletes what is neither of sessions nor a registration nor a `<request>`: their chapters
//! do that, with the same `Cse::insert`, `Cse::apply` and `Cse::remove`.
//!
//! Deliberately not here: links, forwarding, repetition, expiration of the request.

mod child;
mod container;
#[cfg(test)]
pub(crate) mod fixture;
mod insert;
pub(crate) mod resolve;
mod subscription;
#[cfg(test)]
mod tests;

pub(crate) use child::{check_child, requested_type};
pub(crate) use insert::NewResource;
pub(crate) use resolve::{Resolved, VirtualChild};

use super::group::{FarTypes, changed_members};
use super::render::{ResultContent, View};
use super::{Cse, Step, discovery};
use crate::access::{Asker, Authority, Right};
use crate::attribute::Attribute;
use crate::id::ResourceId;
use crate::primitive::{Content, Operation, Request, Response};
use crate::resource::{Resource, ResourceType};
use crate::schema;
use crate::shared::Shared;
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::vec::Vec;

/// The name of the `<schedule>` of a subscription.
const NOTIFICATION_SCHEDULE: &str = "notificationSchedule";

impl Cse {
    /// Carries out a request of `originator` (SP-relative) on a local resource.
    ///
    /// Answered with [`Refusal::OperationNotAllowed`]: what nobody may ever do, and what other chapters carry out,
    /// so that a request of theirs which gets here by mistake does nothing.
    pub(crate) fn execute(
        &mut self,
        step: &mut Step,
        originator: &Text,
        request: &Request,
        target: &Resolved,
    ) -> Result<Response, Refusal> {
        let before = self.row(&target.resource);
        let number = self.durable.counter();
        let done = self.carry_out(step, originator, request, target);
        // Of a deletion it is told before.
        if let (Ok(_), Some(resource)) = (&done, before)
            && target.virtual_child.is_none()
            && request.operation != Operation::Delete
        {
            self.tell_operation(step, originator, request.operation, &resource, number);
        }
        done
    }

    fn carry_out(
        &mut self,
        step: &mut Step,
        originator: &Text,
        request: &Request,
        target: &Resolved,
    ) -> Result<Response, Refusal> {
        // REG-28
        let wanted = ResultContent::of(request.operation, request.result_content)?;
        let (status, content) = match request.operation {
            Operation::Create => (
                Status::CREATED,
                self.create(step, originator, request, target, wanted)?,
            ),
            Operation::Retrieve => {
                let asker = Asker::new(originator, step.now());
                let shown = self.retrieve(asker, request, target, wanted);
                if shown == Err(Refusal::NotFound) {
                    self.tell_missed(step, &target.resource);
                }
                (Status::OK, Some(shown?))
            }
            Operation::Update => (
                Status::UPDATED,
                self.update(step, originator, request, target, wanted)?,
            ),
            Operation::Delete => (
                Status::DELETED,
                self.delete(step, originator, request, target, wanted)?,
            ),
            Operation::Notify => return Err(Refusal::OperationNotAllowed),
        };
        let mut response = Response::new(status, request.request_id.clone());
        response.content = content;
        response.session.clone_from(&request.session);
        response.result_expiration = request.result_expiration;
        Ok(response)
    }

    /// Whether someone may do this to the resource ([`Authority::allows`]).
    pub(crate) fn may(
        &self,
        asker: Asker<'_>,
        resource: &Resource,
        right: Right,
    ) -> Result<(), Refusal> {
        // REG-25, USE-34
        if self.authority().allows(asker, resource, right) {
            Ok(())
        } else {
            Err(Refusal::NoPrivilege)
        }
    }

    /// What decides who may do what here.
    pub(crate) fn authority(&self) -> Authority<'_> {
        Authority {
            tree: &self.durable.tree,
            home: self.config.home(),
            administrator: self.config.administrator.as_deref(),
            links: (&self.links, &self.link_of),
        }
    }

    /// The resource that is meant: of a virtual child, the one it stands for.
    pub(crate) fn actual(&self, target: &Resolved) -> Result<Shared<Resource>, Refusal> {
        let tree = &self.durable.tree;
        let resource = tree.get(&target.resource).ok_or(Refusal::NotFound)?;
        let Some(virtual_child) = target.virtual_child else {
            return Ok(resource.clone());
        };
        let instance = if resource.resource_type == ResourceType::SessionContext {
            ResourceType::SessionContextEntry
        } else {
            ResourceType::ContentInstance
        };
        let mut instances = tree.children_of_type(&resource.id, instance);
        let meant = match virtual_child {
            VirtualChild::Latest => instances.next_back(),
            VirtualChild::Oldest => instances.next(),
            VirtualChild::FanOutPoint | VirtualChild::PollingChannelUri => {
                return Err(Refusal::OperationNotAllowed);
            }
        };
        meant.cloned().ok_or(Refusal::NotFound)
    }

    fn create(
        &mut self,
        step: &mut Step,
        originator: &Text,
        request: &Request,
        target: &Resolved,
        wanted: ResultContent,
    ) -> Result<Option<Content>, Refusal> {
        let new = self.prepare(step, originator, request, target)?;
        let parent = new.parent.clone();
        let id = self.insert(step, new)?;
        self.instance_added(step, &parent, &id);
        self.tell_earlier(step, &id);
        let (_, sent) = new_members(requested_type(request.resource_type)?, request)?;
        Ok(self.render_created(wanted, &id, sent))
    }

    /// Everything that a CREATE has to pass before the tree changes.
    pub(crate) fn prepare(
        &self,
        step: &Step,
        originator: &Text,
        request: &Request,
        target: &Resolved,
    ) -> Result<NewResource, Refusal> {
        // REG-64
        if request.filter.is_some() {
            return Err(Refusal::BadRequest);
        }
        child::check_kind(request.resource_type, self.config.kind)?;
        let resource_type = requested_type(request.resource_type)?;
        let parent = self.actual(&Resolved::whole(target.resource.clone()))?;
        child::check_creatable(resource_type)?;
        if target.virtual_child.is_some() {
            return Err(Refusal::OperationNotAllowed);
        }
        let asker = Asker::making(originator, step.now(), resource_type);
        self.may(asker, &parent, Right::Create)?;
        check_child(parent.resource_type, resource_type)?;
        if target.collection.is_some_and(|only| only != resource_type) {
            return Err(Refusal::InvalidChild);
        }
        let (specialization, members) = new_members(resource_type, request)?;
        schema::check_create(resource_type, members, false)?;
        discovery::check_location(members, &self.config.host)?;
        let mut attributes = members.clone();
        let name = attributes.remove(&Attribute::ResourceName);
        let expires = attributes.remove(&Attribute::ExpirationTime);
        if let Some(creator) = attributes.get_mut(&Attribute::Creator) {
            *creator = Value::text(as_it_says(request, originator));
        }
        let mut new = NewResource {
            resource_type,
            parent: parent.id.clone(),
            id: None,
            name: name.as_ref().and_then(Value::as_text).cloned(),
            creator: originator.clone(),
            expires: expires.as_ref().and_then(Value::as_time),
            specialization,
            attributes,
        };
        self.complete(step, asker, &parent, &mut new)?;
        if resource_type == ResourceType::Subscription {
            let creator = as_it_says(request, originator);
            self.complete_subscription(originator, creator, &mut new.attributes);
        }
        Ok(new)
    }

    /// Checks that need the tree, and attributes that only the host writes.
    fn complete(
        &self,
        step: &Step,
        asker: Asker<'_>,
        parent: &Resource,
        new: &mut NewResource,
    ) -> Result<(), Refusal> {
        match new.resource_type {
            ResourceType::AccessControlPolicy | ResourceType::Node => Ok(()),
            ResourceType::Group => self.check_group(&mut new.attributes, &step.far_types),
            ResourceType::Schedule => {
                self.check_only(parent, ResourceType::Schedule)?;
                check_schedule(parent, &new.attributes)?;
                name_schedule(parent, &mut new.name)
            }
            ResourceType::PollingChannel => {
                // REG-41
                if self.registree(&parent.id).is_none_or(|owner| owner.as_str() != asker.originator) {
                    return Err(Refusal::NoPrivilege);
                }
                self.check_only(parent, ResourceType::PollingChannel)
            }
            ResourceType::Container => {
                for counter in [
                    Attribute::StateTag,
                    Attribute::CurrentNrOfInstances,
                    Attribute::CurrentByteSize,
                ] {
                    new.attributes.insert(counter, Value::Integer(0));
                }
                Ok(())
            }
            ResourceType::ContentInstance => self.complete_instance(step, parent, new),
            ResourceType::Subscription => {
                self.may(asker, parent, Right::Retrieve)?;
                self.check_subscription(asker.now, parent, None, &new.attributes)
            }
            ResourceType::FlexContainer => {
                let size = self.custom_size(&new.attributes);
                new.attributes.insert(Attribute::StateTag, Value::Integer(0));
                new.attributes.insert(Attribute::ContentSize, Value::Integer(size));
                Ok(())
            }
            // Their chapters make them.
            ResourceType::Ae
            | ResourceType::RemoteCse
            | ResourceType::Session
            | ResourceType::SessionPolicy
            // Nobody makes these by request.
            | ResourceType::CseBase
            | ResourceType::Request
            | ResourceType::Sessions
            | ResourceType::SessionEndpoint
            | ResourceType::NextHop
            | ResourceType::SessionContext
            | ResourceType::SessionContextEntry => Err(Refusal::OperationNotAllowed),
        }
    }

    fn retrieve(
        &self,
        asker: Asker<'_>,
        request: &Request,
        target: &Resolved,
        wanted: ResultContent,
    ) -> Result<Content, Refusal> {
        let names = attribute_names(request)?;
        let form = View::form(request.identifier_type)?;
        if let Some(criteria) = discovery::criteria(request.filter.as_ref(), &self.config.host)? {
            let root = self.actual(target)?;
            let asked = request.result_content.map(|_| wanted);
            return self.discover(asker, &root.id, &criteria, asked, form);
        }
        let resource = self.actual(target)?;
        self.may(asker, &resource, Right::Retrieve)?;
        let shows_below = match wanted {
            ResultContent::AttributesAndChildren
            | ResultContent::AttributesAndReferences
            | ResultContent::References
            | ResultContent::Children => names.is_empty(),
            ResultContent::Nothing
            | ResultContent::Attributes
            | ResultContent::Address
            | ResultContent::AddressAndAttributes
            | ResultContent::Modified => false,
        };
        let filter = request.filter.as_ref().and_then(Value::as_object);
        let filter = filter.map(|filter| discovery::Criteria::parse(filter, &self.config.host));
        let filter = filter.transpose()?;
        if !shows_below {
            // DIS-12
            self.check_conditions(request, &resource)?;
        }
        if !names.is_empty() {
            return self.some_attributes(&resource, &names);
        }
        let wanted = match target.collection {
            // EST-73
            Some(_) => ResultContent::Children,
            None => wanted,
        };
        let view = View {
            wanted,
            form,
            only: target.collection,
            // DIS-12
            filter: filter.as_ref().filter(|_| shows_below),
        };
        self.render(asker, &resource, &view)
    }

    /// Some attributes of a resource, as a content (TS-0004 clause 7.3.3.2).
    fn some_attributes(&self, resource: &Resource, names: &[Text]) -> Result<Content, Refusal> {
        let all = self.represent(resource);
        let mut chosen = Members::new();
        for name in names {
            let name = discovery::attribute_of(name);
            let value = all.get(&name).ok_or(Refusal::NotFound)?.clone();
            chosen.insert(name, value);
        }
        Ok(Content::new(resource.wrapper(), Value::Object(chosen)))
    }

    /// A conditional UPDATE or DELETE finds no resource that does not fulfil its conditions (REG-64).
    fn check_conditions(&self, request: &Request, resource: &Resource) -> Result<(), Refusal> {
        let Some(filter) = &request.filter else {
            return Ok(());
        };
        let conditions = filter.as_object().ok_or(Refusal::BadRequest)?;
        let usage = conditions.get(&Attribute::FilterUsage);
        if usage.is_some_and(|usage| *usage != Value::Integer(2)) {
            return Err(Refusal::BadRequest);
        }
        let criteria = discovery::Criteria::parse(conditions, &self.config.host)?;
        if self.passes(&criteria, resource) {
            Ok(())
        } else {
            Err(Refusal::NotFound)
        }
    }

    /// Everything that an UPDATE has to pass before the tree changes: the resource, and what is to change.
    pub(crate) fn prepare_update<'a>(
        &self,
        asker: Asker<'_>,
        request: &'a Request,
        target: &Resolved,
    ) -> Result<(Shared<Resource>, &'a Members), Refusal> {
        let resource = self.actual(&Resolved::whole(target.resource.clone()))?;
        if target.virtual_child.is_some() || target.collection.is_some() {
            return Err(Refusal::OperationNotAllowed);
        }
        child::check_updatable(resource.resource_type)?;
        let members = match request.content.as_ref().and_then(Content::single) {
            Some((name, Value::Object(members))) if *name == resource.wrapper() => members,
            Some(_) | None => return Err(Refusal::BadRequest),
        };
        if members.contains_key(&Attribute::AccessControlPolicyIds) {
            self.may_assign(asker, &resource)?;
            if members.len() > 1 {
                return Err(Refusal::BadRequest);
            }
        } else {
            self.may(asker, &resource, Right::Update)?;
        }
        self.check_conditions(request, &resource)?;
        schema::check_update(resource.resource_type, members)?;
        discovery::check_location(members, &self.config.host)?;
        self.check_outlives_children(&resource, members)?;
        if resource.resource_type == ResourceType::Subscription {
            let parent = resource
                .parent
                .as_ref()
                .and_then(|id| self.durable.tree.get(id));
            let parent = parent.ok_or(Refusal::NotFound)?;
            let merged = insert::merged(&resource.attributes, members);
            subscription::check_events_of_update(members)?;
            self.check_subscription(asker.now, parent, Some(&resource.id), &merged)?;
        }
        Ok((resource, members))
    }

    fn update(
        &mut self,
        step: &mut Step,
        originator: &str,
        request: &Request,
        target: &Resolved,
        wanted: ResultContent,
    ) -> Result<Option<Content>, Refusal> {
        let asker = Asker::new(originator, step.now());
        let (resource, sent, members) =
            self.planned_update(&step.far_types, asker, request, target)?;
        let modified = self.apply(step, &resource.id, &members)?;
        self.policies_changed(step, &resource);
        Ok(self.render_updated(wanted, &resource.id, modified, sent))
    }

    /// What an UPDATE changes that passes all checks: the resource, what was sent, and what becomes of that here.
    pub(crate) fn planned_update<'a>(
        &self,
        far_types: &FarTypes,
        asker: Asker<'_>,
        request: &'a Request,
        target: &Resolved,
    ) -> Result<(Shared<Resource>, &'a Members, Members), Refusal> {
        let (resource, sent) = self.prepare_update(asker, request, target)?;
        let mut members = sent.clone();
        if resource.resource_type == ResourceType::Group {
            let mut group = insert::merged(&resource.attributes, &members);
            self.check_group(&mut group, far_types)?;
            members.extend(changed_members(&group));
        }
        if resource.resource_type == ResourceType::Schedule {
            let parent = resource.parent.as_ref().and_then(|id| self.row(id));
            let merged = insert::merged(&resource.attributes, &members);
            check_schedule(&*parent.ok_or(Refusal::NotFound)?, &merged)?;
        }
        Ok((resource, sent, members))
    }

    /// Of some types there is at most one below a parent (TS-0001 clauses 9.6.3 to 9.6.8).
    fn check_only(&self, parent: &Resource, resource_type: ResourceType) -> Result<(), Refusal> {
        let tree = &self.durable.tree;
        let mut others = tree.children_of_type(&parent.id, resource_type);
        if parent.resource_type != ResourceType::Node && others.next().is_some() {
            return Err(Refusal::Conflict);
        }
        Ok(())
    }

    fn may_assign(&self, asker: Asker<'_>, resource: &Resource) -> Result<(), Refusal> {
        if self.authority().allows_assignment(asker, resource) {
            Ok(())
        } else {
            Err(Refusal::NoPrivilege)
        }
    }

    fn delete(
        &mut self,
        step: &mut Step,
        originator: &str,
        request: &Request,
        target: &Resolved,
        wanted: ResultContent,
    ) -> Result<Option<Content>, Refusal> {
        if target.collection.is_some() {
            return Err(Refusal::OperationNotAllowed);
        }
        let resource = self.actual(target)?;
        child::check_deletable(resource.resource_type)?;
        if request.content.is_some() {
            return Err(Refusal::BadRequest);
        }
        let asker = Asker::new(originator, step.now());
        self.may(asker, &resource, Right::Delete)?;
        self.check_conditions(request, &resource)?;
        let content = self.render_deleted(asker, wanted, &resource)?;
        let number = self.durable.counter();
        self.tell_operation(step, originator, request.operation, &resource, number);
        self.remove(step, &resource.id);
        Ok(content)
    }

    pub(super) fn row(&self, id: &ResourceId) -> Option<Shared<Resource>> {
        self.durable.tree.get(id).cloned()
    }
}

/// Network coordination is a matter of nodes (TS-0004 clause 7.4.9.2.1).
fn check_schedule(parent: &Resource, attributes: &Members) -> Result<(), Refusal> {
    let coordinated = attributes.contains_key(&Attribute::NetworkCoordinated);
    if coordinated && parent.resource_type != ResourceType::Node {
        return Err(Refusal::ForeignSchedule);
    }
    Ok(())
}

/// The schedule of a subscription has a name of its own (TS-0001 clause 9.6.8).
fn name_schedule(parent: &Resource, name: &mut Option<Text>) -> Result<(), Refusal> {
    if parent.resource_type != ResourceType::Subscription {
        return Ok(());
    }
    // REG-91
    let given = name.get_or_insert_with(|| NOTIFICATION_SCHEDULE.into());
    if *given == NOTIFICATION_SCHEDULE {
        Ok(())
    } else {
        Err(Refusal::BadRequest)
    }
}

/// An originator in the form in which the request names it (TS-0004 clause 7.3.3.5).
fn as_it_says<'a>(request: &'a Request, originator: &'a Text) -> &'a str {
    // REG-92
    request.from.as_ref().unwrap_or(originator)
}

/// The attributes in a CREATE, and the name of a flexContainer's specialization.
fn new_members(
    resource_type: ResourceType,
    request: &Request,
) -> Result<(Option<Text>, &Members), Refusal> {
    let content = request.content.as_ref().ok_or(Refusal::BadRequest)?;
    match content.single() {
        Some((Attribute::Resource(found), Value::Object(members))) if *found == resource_type => {
            Ok((None, members))
        }
        Some((Attribute::Custom(name), Value::Object(members)))
            if resource_type == ResourceType::FlexContainer && name.contains(':') =>
        {
            Ok((Some(name.clone()), members))
        }
        Some(_) | None => Err(Refusal::BadRequest),
    }
}

/// The attributes that a RETRIEVE asks for: behind `#` in its address, or listed in its content.
fn attribute_names(request: &Request) -> Result<Vec<Text>, Refusal> {
    let mut names: Vec<Text> = Vec::new();
    if let Some((_, name)) = request.to.split_once('#') {
        if name.is_empty() {
            return Err(Refusal::BadRequest);
        }
        names.push(name.into());
    }
    match request.content.as_ref().map(Content::single) {
        None => {}
        Some(Some((Attribute::AttributeList, list))) => {
            names.extend(list.as_texts().ok_or(Refusal::BadRequest)?);
        }
        Some(Some(_) | None) => return Err(Refusal::BadRequest),
    }
    Ok(names)
}
