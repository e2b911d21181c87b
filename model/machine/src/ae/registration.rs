//! Registration of the AE, its end, and what depends on it.

use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::AeId;
use crate::primitive::{Content, Operation, Request, Response};
use crate::resource::ResourceType;
use crate::shared::Shared;
use crate::status::Status;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::vec::Vec;

use super::command::{Application, EndReason, Event, Objection};
use super::exchange::{Exchange, Purpose, Stage};
use super::{Ae, Identity, Output, Registration};

impl Ae {
    pub(super) fn register(
        &mut self,
        now: Timestamp,
        tag: u64,
        wanted: &Application,
    ) -> Result<(), Objection> {
        match &self.registration {
            Registration::Missing => {}
            Registration::Asked | Registration::Known(_) | Registration::Leaving(_) => {
                return Err(Objection::AlreadyRegistered);
            }
        }
        let mut members = Members::from([
            (Attribute::AppId, Value::Text(wanted.app_id.clone())),
            (Attribute::RequestReachability, Value::Bool(true)),
            (Attribute::SupportedReleaseVersions, Value::texts(["3"])),
            (
                Attribute::SessionCapable,
                Value::Bool(wanted.session_capable),
            ),
        ]);
        if let Some(name) = &wanted.name {
            members.insert(Attribute::ResourceName, Value::Text(name.clone()));
        }
        let from = wanted.stem.as_ref().map_or("C", Text::as_str);
        let mut request = Request::new(
            Operation::Create,
            &self.config.base,
            from,
            self.next_request_id(),
        );
        request.resource_type = Some(ResourceType::Ae.number());
        request.content = Some(Content::resource(ResourceType::Ae, members));
        self.open(now, Some(tag), request, Purpose::Register)?;
        self.registration = Registration::Asked;
        Ok(())
    }

    pub(super) fn deregister(&mut self, now: Timestamp, tag: u64) -> Result<(), Objection> {
        let identity = self.registered()?.clone();
        let request = self.own(Operation::Delete, &self.own_path(&identity, ""))?;
        self.open(now, Some(tag), request, Purpose::Deregister)?;
        self.leave(&Purpose::Deregister);
        Ok(())
    }

    /// Whether the answer makes this AE registered.
    pub(super) fn is_registered_by(
        &mut self,
        exchange: &Exchange,
        response: &Shared<Response>,
        out: &mut Vec<Output>,
    ) -> bool {
        self.registration = Registration::Missing;
        if !response.status.is_success() {
            return false;
        }
        let members = response
            .content
            .as_ref()
            .and_then(|c| c.members_of(ResourceType::Ae));
        let text = |name: &Attribute| members?.get(name)?.as_text().cloned();
        let Some(stem) = text(&Attribute::AeId).or_else(|| text(&Attribute::ResourceId)) else {
            return false;
        };
        let wanted = exchange
            .request
            .content
            .as_ref()
            .and_then(|c| c.members_of(ResourceType::Ae));
        let wanted = wanted.and_then(|m| m.get(&Attribute::ResourceName)?.as_text().cloned());
        let name = text(&Attribute::ResourceName)
            .or(wanted)
            .unwrap_or_else(|| stem.clone());
        let stem = stem.rsplit('/').next().unwrap_or_default();
        let id = AeId::at(&self.config.registrar, stem);
        self.registration = Registration::Known(Identity {
            id: id.clone(),
            name: name.clone(),
        });
        if let Some(tag) = exchange.tag {
            out.push(Output::Report(Event::Registered { tag, id, name }));
        }
        true
    }

    pub(super) fn is_deregistered_by(&mut self, status: Status, out: &mut Vec<Output>) {
        let Registration::Leaving(identity) = self.registration.clone() else {
            return;
        };
        // A registrar that knows nothing of this AE has nothing to remove.
        let is_unknown =
            status == Status::NOT_FOUND || status == Status::ORIGINATOR_NOT_AUTHENTICATED;
        if status.is_success() || is_unknown {
            // END-18
            self.end_all(EndReason::Deregistered, out);
            self.registration = Registration::Missing;
            self.drop_waiting(out);
        } else {
            self.registration = Registration::Known(identity);
        }
    }

    /// Settles the requests that cannot be sent any more, because this AE has left.
    fn drop_waiting(&mut self, out: &mut Vec<Output>) {
        for (_, exchange) in core::mem::take(&mut self.exchanges) {
            if let Some(tag) = exchange.tag
                && exchange.stage != Stage::Abandoned
            {
                out.push(Output::Report(Event::Refused {
                    tag,
                    why: Objection::NotRegistered,
                }));
            }
        }
    }
}
