//! Discovery on demand (`fu` 3; TS-0004 clause 7.5.1.2.8): the AE that is asked for is an interworking proxy, which
//! looks outside of oneM2M, makes resources of what it finds, and says which.
//!
//! ```text
//!  RETRIEVE <AE> fu 3 ─▶ the AE: NOTIFY idr ─▶ success with a list: those of it that the originator may discover
//!                                          ├─▶ a refusal: as it is, without content
//!                                          └─▶ none: 4008
//! ```

use super::{Criteria, FilterUsage};
use crate::access::Right;
use crate::address::Address;
use crate::attribute::Attribute;
use crate::cse::incoming::Handled;
use crate::cse::outgoing::{Conclusion, Purpose};
use crate::cse::render::{Form, View};
use crate::cse::resources::Resolved;
use crate::cse::{Cse, Step};
use crate::primitive::{Content, When};
use crate::record::Requester;
use crate::resource::{Resource, ResourceType};
use crate::shared::Shared;
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::Value;
use alloc::vec::Vec;

impl Cse {
    /// Asks an interworking proxy to discover; `None` if the request is for something else.
    pub(crate) fn discover_on_demand(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<Option<Handled>, Refusal> {
        let request = &requester.request;
        let filter = request.filter.as_ref();
        if FilterUsage::of(filter)? != FilterUsage::OnDemand {
            return Ok(None);
        }
        let members = filter
            .and_then(Value::as_object)
            .ok_or(Refusal::BadRequest)?;
        Criteria::parse(members, &self.config.host)?;
        View::form(request.identifier_type)?;
        let proxy = self.actual(target)?;
        if proxy.resource_type != ResourceType::Ae {
            return Err(Refusal::BadRequest);
        }
        // DIS-18
        self.may(requester.asker(step.now()), &proxy, Right::Discover)?;
        let peer = self.local_ae(&proxy.id);
        if !(self.is_up(&peer, step.now()) && self.has_room(&peer)) {
            return Err(Refusal::Unreachable);
        }
        let question = Value::object([
            (
                Attribute::Originator,
                Value::Text(requester.key.originator.clone()),
            ),
            (Attribute::FilterCriteria, Value::Object(members.clone())),
        ]);
        let sgn = Value::object([(Attribute::IpeDiscoveryRequest, question)]);
        let content = Content::new(Attribute::Notification, sgn);
        let expires = self.answer_due(step.now(), requester);
        let mut ask = self.notify_request(proxy.id.as_str(), content);
        ask.request_id = self.own_request_id();
        ask.request_expiration = Some(When::At(expires));
        let purpose = Purpose::OnDemand(Shared::new(requester.clone()));
        self.ask(step, &peer, ask, purpose, expires);
        Ok(Some(Handled::Later))
    }

    /// The proxy has answered, or has not.
    pub(crate) fn on_demand_concluded(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        conclusion: &Conclusion<'_>,
    ) {
        let response = match conclusion {
            Conclusion::Answer(response) => response,
            Conclusion::Overdue { .. } => {
                return self.refuse(step, requester, Refusal::Expired);
            }
        };
        if !response.status.is_success() {
            return self.respond(step, requester, response.status, None);
        }
        let listed = response
            .content
            .as_ref()
            .and_then(|content| content.value.member(&Attribute::UriList)?.as_texts())
            .unwrap_or_default();
        let asker = requester.asker(step.now());
        // DIS-02
        let found: Vec<Shared<Resource>> = listed
            .iter()
            .filter_map(|address| self.resolve(&self.localized(Address::parse(address)?)))
            .filter_map(|target| self.actual(&target).ok())
            .filter(|resource| self.may(asker, resource, Right::Discover).is_ok())
            .collect();
        let form = View::form(requester.request.identifier_type).unwrap_or(Form::Structured);
        let addresses: Vec<Text> = found
            .iter()
            .map(|found| self.address(found, form))
            .collect();
        let content = Content::new(Attribute::UriList, Value::texts(addresses));
        self.respond(step, requester, Status::OK, Some(content));
    }
}
