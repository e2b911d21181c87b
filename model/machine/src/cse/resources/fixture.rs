//! A CSE with a few resources, for the tests of this chapter and its neighbours.

use super::resolve::Resolved;
use crate::address::Address;
use crate::attribute::Attribute;
use crate::config::{Config, CseKind, Host, Limits, Timers};
use crate::cse::{Cse, Output, Step};
use crate::deviation::Deviations;
use crate::env::{Env, Fresh, Timestamp};
use crate::id::{CseId, RequestId, ResourceId};
use crate::primitive::{Content, Operation, Request, Response};
use crate::resource::{Resource, ResourceType};
use crate::shared::Shared;
use crate::status::Refusal;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::vec::Vec;

/// AE2, stem `Cae2`, name `ae2`, with `sessions`.
pub(crate) const OWNER: &str = "/cse2/Cae2";
/// AE3, stem `Cae3`, name `ae3`.
pub(crate) const OTHER: &str = "/cse2/Cae3";
/// The container of [`Fixture::with_box`].
pub(crate) const BOX: &str = "cse2/ae2/box";
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// CSE2 with AE2 (`Cae2`, its `sessions` is `sess2`) and AE3 (`Cae3`).
pub(crate) struct Fixture {
    pub(crate) cse: Cse,
    pub(crate) now: Timestamp,
    pub(crate) outputs: Vec<Output>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let config = Config {
            cse_id: CseId::from("/cse2"),
            service_provider: "sp.example".into(),
            providers: Vec::new(),
            name: "cse2".into(),
            kind: CseKind::In,
            registrar: None,
            point_of_access: Vec::new(),
            allow_plain_mcc: true,
            dial_registree_poa: false,
            administrator: None,
            serializations: alloc::vec!["json".into()],
            verify_subscriptions: true,
            timers: Timers::default(),
            limits,
            deviations: Deviations::default(),
            host: Host::simple(|_| 7),
        };
        let cse = Cse::new(config, NOW);
        let mut fixture = Self {
            cse,
            now: NOW,
            outputs: Vec::new(),
        };
        let base = fixture.base();
        for (stem, name, creator) in [("Cae2", "ae2", OWNER), ("Cae3", "ae3", OTHER)] {
            let attributes = [(Attribute::AeId, Value::text(stem))];
            fixture.put(ResourceType::Ae, &base, stem, name, creator, &attributes);
        }
        fixture.put(
            ResourceType::Sessions,
            "Cae2",
            "sess2",
            "sessions",
            OWNER,
            &[],
        );
        fixture
    }

    /// With a container `box` of AE2.
    pub(crate) fn with_box(limits: &[(Attribute, Value)]) -> Self {
        let mut fixture = Self::new();
        let members = [&[name("box")], limits].concat();
        fixture
            .create(OWNER, "cse2/ae2", ResourceType::Container, &members)
            .expect("a container");
        fixture
    }

    /// Makes an instance in the box.
    pub(crate) fn fill(&mut self, text: &str) -> Result<Members, Refusal> {
        let content = [(Attribute::Content, Value::text(text))];
        self.create(OWNER, BOX, ResourceType::ContentInstance, &content)
    }

    pub(crate) fn base(&self) -> Text {
        self.cse
            .durable
            .tree
            .base()
            .expect("the CSEBase")
            .id
            .0
            .clone()
    }

    pub(crate) fn put(
        &mut self,
        resource_type: ResourceType,
        parent: &str,
        id: &str,
        name: &str,
        creator: &str,
        attributes: &[(Attribute, Value)],
    ) {
        let sequence = self.cse.durable.next_number();
        self.cse.durable.tree.put(Resource {
            resource_type,
            id: ResourceId::from(id),
            parent: Some(ResourceId::from(parent)),
            name: name.into(),
            sequence,
            created: NOW,
            modified: NOW,
            expires: Some(NOW.plus(1_000_000)),
            creator: creator.into(),
            specialization: None,
            attributes: attributes.iter().cloned().collect(),
        });
    }

    pub(crate) fn put_at_base(&mut self, resource_type: ResourceType, id: &str, creator: &str) {
        let base = self.base();
        self.put(resource_type, &base, id, id, creator, &[]);
    }

    pub(crate) fn get(&self, id: &str) -> Shared<Resource> {
        self.cse
            .durable
            .tree
            .get(&ResourceId::from(id))
            .expect("a resource of the test")
            .clone()
    }

    pub(crate) fn resolve(&self, address: &str) -> Option<Resolved> {
        self.cse.resolve(&Address::parse(address)?)
    }

    /// Carries out a request as its chapter would get it.
    pub(crate) fn run(&mut self, from: &str, request: &Request) -> Result<Response, Refusal> {
        let target = self.resolve(&request.to).ok_or(Refusal::NotFound)?;
        let env = Env {
            now: self.now,
            fresh: Fresh::predictable(1),
        };
        let mut step = Step {
            env,
            outputs: Vec::new(),
            far_types: alloc::collections::BTreeMap::new(),
        };
        let result = self.cse.execute(&mut step, &from.into(), request, &target);
        self.outputs.extend(step.outputs);
        result
    }

    pub(crate) fn create(
        &mut self,
        from: &str,
        to: &str,
        resource_type: ResourceType,
        members: &[(Attribute, Value)],
    ) -> Result<Members, Refusal> {
        let request = create(to, resource_type, members);
        let response = self.run(from, &request)?;
        Ok(only(response, &Attribute::Resource(resource_type)))
    }

    pub(crate) fn retrieve(&mut self, from: &str, to: &str, rcn: u32) -> Result<Value, Refusal> {
        let mut request = request(Operation::Retrieve, to);
        request.result_content = Some(rcn);
        let response = self.run(from, &request)?;
        Ok(response.content.expect("a representation").value)
    }

    pub(crate) fn update(
        &mut self,
        from: &str,
        to: &str,
        resource_type: ResourceType,
        members: &[(Attribute, Value)],
    ) -> Result<Members, Refusal> {
        let mut request = request(Operation::Update, to);
        request.content = Some(Content::resource(
            resource_type,
            members.iter().cloned().collect(),
        ));
        let response = self.run(from, &request)?;
        Ok(only(response, &Attribute::Resource(resource_type)))
    }

    pub(crate) fn delete(&mut self, from: &str, to: &str) -> Result<Response, Refusal> {
        self.run(from, &request(Operation::Delete, to))
    }
}

pub(crate) fn name(name: &str) -> (Attribute, Value) {
    (Attribute::ResourceName, Value::text(name))
}

pub(crate) fn integer(members: &Members, name: &Attribute) -> Option<i64> {
    members.get(name).and_then(Value::as_integer)
}

pub(crate) fn request(operation: Operation, to: &str) -> Request {
    Request::new(operation, to, "Cae2", RequestId::from("1"))
}

pub(crate) fn create(
    to: &str,
    resource_type: ResourceType,
    members: &[(Attribute, Value)],
) -> Request {
    let mut request = request(Operation::Create, to);
    request.resource_type = Some(resource_type.number());
    request.content = Some(Content::resource(
        resource_type,
        members.iter().cloned().collect(),
    ));
    request
}

fn only(response: Response, name: &Attribute) -> Members {
    let content = response.content.expect("a representation");
    content
        .value
        .member(name)
        .and_then(Value::as_object)
        .expect("that resource")
        .clone()
}
