//! Registration of AEs and CSEs, and the exchange of capabilities between CSEs (flow 1 steps 1 and 2).

use super::discovery::check_location;
use super::incoming::Handled;
use super::outgoing::{Conclusion, Purpose};
use super::render::ResultContent;
use super::resources::NewResource;
use super::{Cse, Event, Step};
use crate::access::Right;
use crate::attribute::Attribute;
use crate::config::CseKind;
use crate::env::Timestamp;
use crate::id::{AeId, CseId, Entity, LinkId, RequestId, ResourceId};
use crate::primitive::{Content, Operation, Request};
use crate::record::{Neighbour, Requester};
use crate::resource::{Resource, ResourceType};
use crate::schema;
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::format;
use alloc::vec::Vec;

/// Reason codes of a session's end (`rsn`).
pub(crate) mod reason {
    pub(crate) const ASKED: u32 = 1;
    pub(crate) const EXPIRED: u32 = 2;
    pub(crate) const DEREGISTERED: u32 = 3;
    pub(crate) const HOP_LOST: u32 = 5;
    pub(crate) const ABANDONED: u32 = 6;
}

impl Cse {
    /// CREATE `<AE>` (TS-0004 clause 7.4.5.2.1).
    pub(crate) fn register_ae(
        &mut self,
        step: &mut Step,
        link: LinkId,
        requester: &Requester,
    ) -> Result<Handled, Refusal> {
        let request = &requester.request;
        ResultContent::of(request.operation, request.result_content)?;
        let content = request.content.as_ref().ok_or(Refusal::BadRequest)?;
        let mut members = content
            .members_of(ResourceType::Ae)
            .ok_or(Refusal::BadRequest)?
            .clone();
        schema::check_create(ResourceType::Ae, &members, false)?;
        check_location(&members, &self.config.host)?;
        let api = members.get(&Attribute::AppId).and_then(Value::as_text);
        // REG-03
        if !api.is_some_and(|a| a.starts_with(['R', 'r', 'N'])) {
            return Err(Refusal::BadRequest);
        }
        // REG-01, REG-02
        let stem = self.ae_stem(request.from.as_deref().unwrap_or(""))?;
        if self.durable.tree.has(&ResourceId(stem.clone())) {
            return Err(Refusal::AlreadyRegistered);
        }
        members.insert(Attribute::AeId, Value::Text(stem.clone()));
        let ae = Entity::Ae(AeId::at(&self.config.cse_id, &stem));
        let id = self.insert_at_base(step, ResourceType::Ae, Some(stem), ae.as_str(), members)?;
        self.sync_sessions(step, &id);
        self.bind(step, link, ae.clone());
        let content = self.created(request, &id)?;
        let named = self.named(requester, &ae);
        self.respond(step, &named, Status::CREATED, content);
        step.report(Event::Registered(ae));
        Ok(Handled::Later)
    }

    /// DELETE `<AE>`: its sessions end with it; the answer does not wait for the hops.
    pub(crate) fn deregister_ae(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &ResourceId,
    ) -> Result<Handled, Refusal> {
        let resource = self
            .durable
            .tree
            .get(target)
            .cloned()
            .ok_or(Refusal::NotFound)?;
        self.may(requester.asker(step.now()), &resource, Right::Delete)?;
        // END-37
        let content = self.deleted(requester, step.now(), &resource)?;
        self.respond(step, requester, Status::DELETED, content);
        self.ae_leaves(step, target);
        Ok(Handled::Later)
    }

    /// CREATE `<remoteCSE>` (TS-0004 clause 7.4.4.2.1).
    pub(crate) fn register_cse(
        &mut self,
        step: &mut Step,
        link: LinkId,
        requester: &Requester,
    ) -> Result<Handled, Refusal> {
        let request = &requester.request;
        let trusted = self.links.get(&link).is_some_and(|l| l.trusted);
        // LNK-50
        if !trusted && !self.config.allow_plain_mcc {
            return Err(Refusal::InsecureLink);
        }
        let Entity::Cse(cse) = requester.peer.clone() else {
            // REG-13
            return Err(Refusal::OperationNotAllowed);
        };
        if cse.stem().contains('/') || cse == self.config.cse_id {
            return Err(Refusal::BadRequest);
        }
        ResultContent::of(request.operation, request.result_content)?;
        let content = request.content.as_ref().ok_or(Refusal::BadRequest)?;
        let mut members = content
            .members_of(ResourceType::RemoteCse)
            .ok_or(Refusal::BadRequest)?
            .clone();
        schema::check_create(ResourceType::RemoteCse, &members, true)?;
        check_location(&members, &self.config.host)?;
        let named = members.insert(Attribute::CseId, Value::Text(cse.0.clone()));
        if named.is_some_and(|v| v.as_text() != Some(&cse.0)) {
            return Err(Refusal::BadRequest);
        }
        // REG-07
        if self.remote_cse(&cse).is_some() {
            return Err(Refusal::AlreadyRegistered);
        }
        let base = members
            .get(&Attribute::CseBase)
            .and_then(Value::as_text)
            .cloned();
        let id = self.insert_at_base(step, ResourceType::RemoteCse, None, cse.as_str(), members)?;
        let row = Neighbour {
            cse: cse.clone(),
            base: base.unwrap_or_else(|| cse.0.clone()),
            speaks_sessions: None,
            is_registrar: false,
        };
        self.durable.neighbours.put(cse.clone(), row);
        let content = self.created(request, &id)?;
        let entity = Entity::Cse(cse.clone());
        let named = self.named(requester, &entity);
        self.respond(step, &named, Status::CREATED, content);
        self.bind(step, link, entity.clone());
        self.hop_is_back(&cse);
        step.report(Event::Registered(entity));
        self.read_base(step, &cse);
        self.tell_descendants(step);
        Ok(Handled::Later)
    }

    /// DELETE `<remoteCSE>`: sessions over that hop end after a grace period.
    pub(crate) fn deregister_cse(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &ResourceId,
    ) -> Result<Handled, Refusal> {
        let resource = self
            .durable
            .tree
            .get(target)
            .cloned()
            .ok_or(Refusal::NotFound)?;
        self.may(requester.asker(step.now()), &resource, Right::Delete)?;
        let content = self.deleted(requester, step.now(), &resource)?;
        self.respond(step, requester, Status::DELETED, content);
        self.cse_leaves(step, target);
        Ok(Handled::Later)
    }

    /// The link to the registrar is open: register, or, being registered, just go on.
    pub(crate) fn registrar_reached(&mut self, step: &mut Step, link: LinkId) {
        if let Some(registrar) = self.registrar() {
            // LNK-06
            self.bind(step, link, Entity::Cse(registrar.clone()));
            self.read_base(step, &registrar);
            return;
        }
        let request = self.registration_request();
        self.ask_registrar(step, link, request, Purpose::Register);
    }

    pub(crate) fn registration_concluded(
        &mut self,
        step: &mut Step,
        conclusion: &Conclusion<'_>,
        link: LinkId,
    ) {
        let Conclusion::Answer(response) = conclusion else {
            return;
        };
        let status = response.status;
        if !status.is_success() && status != Status::ALREADY_REGISTERED {
            step.report(Event::RegistrationRefused(status.0));
            return;
        }
        let made = response.content.as_ref();
        let made = made.and_then(|content| content.members_of(ResourceType::RemoteCse));
        let name = made.and_then(|made| made.get(&Attribute::ResourceName)?.as_text());
        self.registered_as = name.cloned();
        match self.registrar() {
            Some(registrar) => self.read_base(step, &registrar),
            None => {
                let request = self.base_request(&self.registrar_address());
                self.ask_registrar(step, link, request, Purpose::ReadBase);
            }
        }
    }

    /// The neighbour's CSEBase arrived: its identity, and whether it speaks sessions (flow 1 step 1).
    pub(crate) fn base_read(
        &mut self,
        step: &mut Step,
        peer: &Entity,
        conclusion: &Conclusion<'_>,
        link: LinkId,
    ) {
        let Conclusion::Answer(response) = conclusion else {
            return;
        };
        // A registrar that has forgotten this CSE, since it keeps nothing over its restarts, is registered at again.
        let forgotten = response.status == Status::ORIGINATOR_NOT_AUTHENTICATED;
        if forgotten && self.opens_link_to(peer) {
            let request = self.registration_request();
            let expires = step.now().plus(self.config.timers.request_life_ms);
            self.ask(step, peer, request, Purpose::Register, expires);
            return;
        }
        let base = response
            .content
            .as_ref()
            .and_then(|c| c.members_of(ResourceType::CseBase));
        let Some(base) = base else { return };
        let named = base.get(&Attribute::CseId).and_then(Value::as_text);
        let cse = match peer {
            Entity::Cse(cse) if *peer != super::link::unknown_registrar() => cse.clone(),
            Entity::Cse(_) | Entity::Ae(_) => match named {
                Some(name) if name.starts_with('/') => CseId(name.clone()),
                Some(_) | None => return,
            },
        };
        self.registrar_known(step, link, &cse);
        let sessions = i64::from(ResourceType::Session.number());
        let types = base
            .get(&Attribute::SupportedResourceTypes)
            .and_then(Value::as_list);
        // EST-10, REG-10
        let speaks =
            types.is_some_and(|list| list.iter().any(|t| t.as_integer() == Some(sessions)));
        let name = base
            .get(&Attribute::ResourceName)
            .and_then(Value::as_text)
            .cloned();
        self.durable.neighbours.change(&cse, |row| {
            row.speaks_sessions = Some(speaks);
            if let Some(name) = &name {
                row.base = format!("{}/{name}", row.cse).into();
            }
        });
        if self
            .durable
            .neighbours
            .get(&cse)
            .is_some_and(|row| row.is_registrar)
        {
            self.mirror_registrar(step, &cse, base);
            step.report(Event::RegisteredAt(cse.clone()));
            self.tell_descendants(step);
        }
        self.capability_known(step, &cse);
    }

    /// The registrar's CSE-ID is known: the link this CSE opened is its link.
    pub(crate) fn registrar_known(&mut self, step: &mut Step, link: LinkId, cse: &CseId) {
        let dialed = self
            .links
            .get(&link)
            .is_some_and(|l| l.dialed && l.entity.is_none());
        if !dialed {
            return;
        }
        if !self.durable.neighbours.has(cse) {
            let row = Neighbour {
                cse: cse.clone(),
                base: cse.0.clone(),
                speaks_sessions: None,
                is_registrar: true,
            };
            self.durable.neighbours.put(cse.clone(), row);
        }
        self.adopt_outgoing(&super::link::unknown_registrar(), &Entity::Cse(cse.clone()));
        self.bind(step, link, Entity::Cse(cse.clone()));
    }

    /// Whether an AE of that stem is registered here.
    pub(crate) fn is_registered_ae(&self, stem: &Text) -> bool {
        self.type_of(&ResourceId(stem.clone())) == Some(ResourceType::Ae)
    }

    /// The AE of an `<AE>` resource.
    pub(crate) fn local_ae(&self, id: &ResourceId) -> Entity {
        Entity::Ae(AeId::at(&self.config.cse_id, id.as_str()))
    }

    /// Asks a neighbour for its CSEBase, unless that is under way.
    pub(crate) fn read_base(&mut self, step: &mut Step, cse: &CseId) {
        let peer = Entity::Cse(cse.clone());
        let asked = |o: &super::outgoing::Outgoing| o.purpose == Purpose::ReadBase;
        if self.store_failing
            || self
                .outgoing
                .iter()
                .any(|((to, _), o)| *to == peer && asked(o))
        {
            return;
        }
        let Some(row) = self.durable.neighbours.get(cse).cloned() else {
            return;
        };
        let request = self.base_request(&row.base);
        let expires = step.now().plus(self.config.timers.request_life_ms);
        self.ask(step, &peer, request, Purpose::ReadBase, expires);
    }

    /// Tells the registrar which CSEs are behind this one, so that it routes to them (TS-0001 clause 10.2.2.7).
    pub(crate) fn tell_descendants(&mut self, step: &mut Step) {
        let Some(registrar) = self.registrar() else {
            return;
        };
        let behind = self
            .durable
            .neighbours
            .iter()
            .filter(|(_, n)| !n.is_registrar);
        let own: Vec<CseId> = behind.map(|(id, _)| id.clone()).collect();
        let further = own.iter().flat_map(|id| self.descendants(id));
        let all: Vec<Text> = own.iter().map(|id| id.0.clone()).chain(further).collect();
        if all.is_empty() || self.store_failing {
            return;
        }
        let Some(row) = self.durable.neighbours.get(&registrar).cloned() else {
            return;
        };
        let mirror = self.remote_cse(&registrar).and_then(|id| self.row(&id));
        let given = mirror.and_then(|row| row.text(&Attribute::OwnRegistration).cloned());
        // REG-50
        let name = given.unwrap_or_else(|| self.config.name.clone());
        let to = format!("{}/{name}", row.base);
        let id = self.own_request_id();
        let mut request = Request::new(Operation::Update, &to, self.config.cse_id.as_str(), id);
        let members = Members::from([(Attribute::DescendantCses, Value::texts(all))]);
        request.result_content = Some(0);
        request.content = Some(Content::resource(ResourceType::RemoteCse, members));
        let expires = step.now().plus(self.config.timers.request_life_ms);
        let peer = Entity::Cse(registrar);
        self.ask(step, &peer, request, Purpose::Descendants, expires);
    }

    fn base_request(&mut self, to: &str) -> Request {
        let id = self.own_request_id();
        Request::new(Operation::Retrieve, to, self.config.cse_id.as_str(), id)
    }

    fn registration_request(&mut self) -> Request {
        let id: RequestId = self.own_request_id();
        let own = self.config.cse_id.clone();
        let base = format!("{own}/{}", self.config.name);
        let mut request = Request::new(
            Operation::Create,
            &self.registrar_address(),
            own.as_str(),
            id,
        );
        request.resource_type = Some(ResourceType::RemoteCse.number());
        let mut members = Members::new();
        members.insert(
            Attribute::ResourceName,
            Value::Text(self.config.name.clone()),
        );
        members.insert(
            Attribute::CseType,
            Value::Integer(cse_type(self.config.kind)),
        );
        members.insert(Attribute::CseId, Value::Text(own.0));
        members.insert(Attribute::CseBase, Value::text(&base));
        members.insert(Attribute::RequestReachability, Value::Bool(true));
        members.insert(Attribute::SupportedReleaseVersions, Value::texts(["3"]));
        // REG-39
        if !self.config.point_of_access.is_empty() {
            let own = self.config.point_of_access.iter().cloned();
            members.insert(Attribute::PointOfAccess, Value::texts(own));
        }
        request.content = Some(Content::resource(ResourceType::RemoteCse, members));
        request
    }

    fn registrar_address(&self) -> Text {
        self.config.registrar.clone().unwrap_or_else(|| "-".into())
    }

    /// Sends a request over the link to the registrar, whose CSE-ID may not be known yet.
    fn ask_registrar(&mut self, step: &mut Step, link: LinkId, request: Request, purpose: Purpose) {
        let expires = step.now().plus(self.config.timers.request_life_ms);
        let peer = super::link::unknown_registrar();
        self.link_of.insert(peer.clone(), link);
        self.ask(step, &peer, request, purpose, expires);
        self.link_of.remove(&peer);
    }

    /// The registree's own `<remoteCSE>` for its registrar.
    // REG-08
    fn mirror_registrar(&mut self, step: &mut Step, cse: &CseId, base: &Members) {
        let given = self.registered_as.take();
        if let Some(mirror) = self.remote_cse(cse) {
            if let Some(given) = given {
                self.durable.tree.change(&mirror, |row| {
                    let name = Attribute::OwnRegistration;
                    row.attributes.insert(name, Value::Text(given));
                });
            }
            return;
        }
        let mut members = Members::new();
        if let Some(given) = given {
            members.insert(Attribute::OwnRegistration, Value::Text(given));
        }
        let name = base.get(&Attribute::ResourceName).and_then(Value::as_text);
        let path = format!("{cse}/{}", name.map_or_else(|| cse.stem(), Text::as_str));
        members.insert(Attribute::ResourceName, Value::text(cse.stem()));
        members.insert(Attribute::CseId, Value::Text(cse.0.clone()));
        members.insert(Attribute::CseBase, Value::text(&path));
        members.insert(Attribute::RequestReachability, Value::Bool(true));
        for copied in [
            Attribute::CseType,
            Attribute::PointOfAccess,
            Attribute::SupportedReleaseVersions,
        ] {
            if let Some(value) = base.get(&copied) {
                members.insert(copied, value.clone());
            }
        }
        let _ = self.insert_at_base(step, ResourceType::RemoteCse, None, cse.as_str(), members);
    }

    fn insert_at_base(
        &mut self,
        step: &mut Step,
        resource_type: ResourceType,
        id: Option<Text>,
        creator: &str,
        mut members: Members,
    ) -> Result<ResourceId, Refusal> {
        let parent = self
            .durable
            .tree
            .base()
            .map(|b| b.id.clone())
            .ok_or(Refusal::NotFound)?;
        let name = members
            .remove(&Attribute::ResourceName)
            .and_then(|v| v.as_text().cloned());
        let expires = members
            .remove(&Attribute::ExpirationTime)
            .and_then(|v| v.as_time());
        self.insert(
            step,
            NewResource {
                resource_type,
                parent,
                id: id.map(ResourceId),
                name,
                creator: creator.into(),
                expires,
                specialization: None,
                attributes: members,
            },
        )
    }

    /// The AE-ID stem of a newcomer: its own, or one of this CSE's making.
    fn ae_stem(&mut self, from: &str) -> Result<Text, Refusal> {
        match from {
            "" | "C" | "S" => {
                // REG-51
                let start = match from {
                    "S" => format!("S{}-", self.config.cse_id.stem()),
                    _ => "C".into(),
                };
                loop {
                    let stem: Text = format!("{start}{}", self.durable.next_number()).into();
                    if !self.durable.tree.has(&ResourceId(stem.clone())) {
                        return Ok(stem);
                    }
                }
            }
            stem if stem.starts_with(['C', 'S']) && crate::address::is_name(stem) => {
                Ok(stem.into())
            }
            _ => Err(Refusal::BadRequest),
        }
    }

    /// The CSEBase and its collection of transit sessions, made at the first start.
    pub(crate) fn ensure_base(&mut self, now: Timestamp) {
        if self.durable.tree.base().is_some() {
            return;
        }
        let sequence = self.durable.next_number();
        let base = Resource {
            resource_type: ResourceType::CseBase,
            id: ResourceId::from("cb"),
            parent: None,
            name: self.config.name.clone(),
            sequence,
            created: now,
            modified: now,
            expires: None,
            creator: self.config.cse_id.0.clone(),
            specialization: None,
            attributes: Members::new(),
        };
        self.durable.tree.put(base);
        let sequence = self.durable.next_number();
        let sessions = Resource {
            resource_type: ResourceType::Sessions,
            id: ResourceId(format!("sess{sequence}").into()),
            parent: Some(ResourceId::from("cb")),
            name: "sessions".into(),
            sequence,
            created: now,
            modified: now,
            expires: None,
            creator: self.config.cse_id.0.clone(),
            specialization: None,
            attributes: Members::new(),
        };
        self.durable.tree.put(sessions);
    }
}

/// The number of a kind of CSE (`cst`).
pub(crate) const fn cse_type(kind: CseKind) -> i64 {
    match kind {
        CseKind::In => 1,
        CseKind::Mn => 2,
    }
}
