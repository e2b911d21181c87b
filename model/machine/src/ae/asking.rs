//! What an application asks for, made into requests.

use crate::address::{Address, normalized};
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::RequestId;
use crate::primitive::{Content, Operation, Request, ResponseMode, When};
use crate::resource::ResourceType;
use crate::shared::Shared;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::format;
use alloc::vec::Vec;

use super::command::{Ask, Command, Event, Objection};
use super::exchange::Purpose;
use super::link::Reach;
use super::{Ae, Identity, Output, Registration};

impl Ae {
    pub(super) fn asked(&mut self, now: Timestamp, command: Command, out: &mut Vec<Output>) {
        let Command { tag, ask } = command;
        let done = match ask {
            Ask::Connect => {
                self.link.reach = Reach::Always;
                Ok(())
            }
            Ask::Disconnect => {
                self.link.reach = Reach::Finished;
                Ok(())
            }
            Ask::Register(application) => self.register(now, tag, &application),
            Ask::Deregister => self.deregister(now, tag),
            Ask::Discover { at } => self.discover(now, tag, &at),
            Ask::Subscribe { name, consent } => self.subscribe(now, tag, name, consent),
            Ask::Establish(proposal) => self.establish(now, tag, &proposal),
            Ask::Decide { session, verdict } => self.decide(now, tag, &session, verdict, out),
            Ask::SetPolicy { session, policy } => self.set_policy(now, tag, &session, policy),
            Ask::Terminate { session } => self.terminate(now, tag, &session),
            Ask::Request { request, protect } => self.request(now, tag, &request, protect),
        };
        if let Err(why) = done {
            out.push(Output::Report(Event::Refused { tag, why }));
        }
    }

    fn discover(&mut self, now: Timestamp, tag: u64, at: &Text) -> Result<(), Objection> {
        let address = Address::parse(at).ok_or(Objection::BadAddress)?;
        let cse = address.cse.unwrap_or_else(|| self.config.registrar.clone());
        let mut request = self.own(Operation::Retrieve, at)?;
        // DIS-04
        request.identifier_type = Some(2);
        let capable = Value::object([
            (Attribute::CriterionName, Value::text("scap")),
            (Attribute::CriterionValue, Value::Bool(true)),
        ]);
        let types = Value::List(Vec::from([Value::Integer(i64::from(
            ResourceType::Ae.number(),
        ))]));
        request.filter = Some(Value::object([
            (Attribute::FilterUsage, Value::Integer(1)),
            (Attribute::ResourceType, types),
            (
                Attribute::AttributeCriterion,
                Value::List(Vec::from([capable])),
            ),
        ]));
        self.open(now, Some(tag), request, Purpose::Discover(cse))
    }

    fn subscribe(
        &mut self,
        now: Timestamp,
        tag: u64,
        name: Option<Text>,
        consent: bool,
    ) -> Result<(), Objection> {
        let identity = self.registered()?.clone();
        let mut request = self.own(Operation::Create, &self.own_path(&identity, "/sessions"))?;
        let types = [50001, 50002, 50003]
            .into_iter()
            .skip(usize::from(!consent));
        let mut members = Members::from([
            // EST-52
            (
                Attribute::NotificationUri,
                Value::texts([identity.id.stem()]),
            ),
            (
                Attribute::EventNotificationCriteria,
                Value::object([(
                    Attribute::NotificationEventType,
                    Value::List(types.map(Value::Integer).collect()),
                )]),
            ),
        ]);
        if let Some(name) = name {
            members.insert(Attribute::ResourceName, Value::Text(name));
        }
        request.resource_type = Some(ResourceType::Subscription.number());
        request.content = Some(Content::resource(ResourceType::Subscription, members));
        self.open(now, Some(tag), request, Purpose::Plain)
    }

    fn request(
        &mut self,
        now: Timestamp,
        tag: u64,
        wanted: &Shared<Request>,
        protect: bool,
    ) -> Result<(), Objection> {
        let identity = self.registered()?.clone();
        match wanted.response_mode() {
            ResponseMode::NoResponse => return Err(Objection::NoResponse),
            ResponseMode::NonBlockingSynch
            | ResponseMode::NonBlockingAsynch
            | ResponseMode::Blocking
            | ResponseMode::FlexBlocking => {}
        }
        if self.is_full() {
            return Err(Objection::TooMany);
        }
        let mut request = Request::clone(wanted);
        request.from = Some(identity.id.stem().into());
        request.request_id = self.next_request_id();
        if let Some(session) = request.session.clone() {
            self.in_session(&session, now)?;
            if protect {
                // USE-24
                self.seal(&session, &mut request)?;
            }
        }
        let purpose = self.purpose_of(&identity, &request);
        self.open(now, Some(tag), request, purpose.clone())?;
        self.leave(&purpose);
        Ok(())
    }

    /// Who this AE is, if it may send requests.
    pub(super) fn registered(&self) -> Result<&Identity, Objection> {
        match &self.registration {
            Registration::Known(identity) => Ok(identity),
            // LNK-03, LNK-20
            Registration::Missing | Registration::Asked | Registration::Leaving(_) => {
                Err(Objection::NotRegistered)
            }
        }
    }

    /// A request of this AE's own.
    pub(super) fn own(&self, operation: Operation, to: &str) -> Result<Request, Objection> {
        let stem = self.registered()?.id.stem();
        Ok(Request::new(operation, to, stem, self.next_request_id()))
    }

    /// CSE-relative structured address of the own `<AE>`, or of something below it.
    pub(super) fn own_path(&self, identity: &Identity, below: &str) -> Text {
        format!("{}/{}{below}", self.config.base, identity.name).into()
    }

    pub(super) fn next_request_id(&self) -> RequestId {
        RequestId(format!("{}{}", self.config.request_prefix, self.next).into())
    }

    /// Until when an answer is due.
    pub(super) fn due(&self, now: Timestamp, wanted: Option<When>) -> When {
        let life = When::After(self.config.timers.request_life_ms);
        When::At(wanted.unwrap_or(life).from(now))
    }

    /// Own paths, as they stand in an endpoint: SP-relative structured.
    pub(super) fn paths(&self, paths: &[Text]) -> Result<Value, Objection> {
        let one = |path: &Text| normalized(path, &self.config.registrar, &self.config.base);
        let all: Option<Vec<Text>> = paths.iter().map(one).collect();
        Ok(Value::List(
            all.ok_or(Objection::BadAddress)?
                .into_iter()
                .map(Value::Text)
                .collect(),
        ))
    }
}
