//! Who sends a request: the link's entity, someone who is about to register, or nobody.

use super::{NAMELESS, Open, registers};
use crate::address::Address;
use crate::cse::{Cse, Step};
use crate::id::{AeId, CseId, Entity, LinkId};
use crate::primitive::{Operation, Request};
use crate::record::Requester;
use crate::resource::ResourceType;
use crate::status::Refusal;
use crate::text::Text;
use alloc::format;

impl Cse {
    /// The entity at the other end, and the originator in SP-relative form.
    pub(super) fn identify(
        &mut self,
        step: &mut Step,
        link: LinkId,
        request: &Request,
    ) -> Result<(Entity, Text), Refusal> {
        let state = self.links.get(&link).ok_or(Refusal::NotAuthenticated)?;
        let registers = registers(request);
        match state.entity.clone() {
            Some(Entity::Ae(ae)) => {
                let from = request.from.as_deref().unwrap_or("");
                // LNK-19, REG-14
                if from == ae.stem() {
                    Ok((Entity::Ae(ae.clone()), ae.0))
                } else if registers == Some(ResourceType::Ae) {
                    Err(Refusal::AlreadyRegistered)
                } else if from.is_empty() || from.contains('/') {
                    Err(Refusal::BadRequest)
                } else {
                    Err(Refusal::NotAuthenticated)
                }
            }
            Some(Entity::Cse(cse)) => {
                let from = request.from.clone().ok_or(Refusal::BadRequest)?;
                // LNK-50
                if !state.trusted && !self.config.allow_plain_mcc {
                    return Err(Refusal::InsecureLink);
                }
                // LNK-19, REG-15
                if self.speaks_for(&cse, &from) {
                    Ok((Entity::Cse(cse), from))
                } else {
                    Err(Refusal::NotAuthenticated)
                }
            }
            // LNK-02
            None if state.replaced => Err(Refusal::NotAuthenticated),
            None => self.identify_unbound(step, link, request, registers),
        }
    }

    fn identify_unbound(
        &mut self,
        step: &mut Step,
        link: LinkId,
        request: &Request,
        registers: Option<ResourceType>,
    ) -> Result<(Entity, Text), Refusal> {
        let state = self.links.get(&link).ok_or(Refusal::NotAuthenticated)?;
        let from = request.from.clone().unwrap_or_default();
        let takes_cses = state.trusted || self.config.allow_plain_mcc;
        // The registrar introduces itself on the link that this CSE opened to it.
        if state.dialed && from.starts_with('/') {
            // LNK-50
            if !takes_cses {
                return Err(Refusal::InsecureLink);
            }
            let stem = from.trim_start_matches('/').split('/').next().unwrap_or("");
            let cse = CseId::from(format!("/{stem}").as_str());
            self.registrar_known(step, link, &cse);
            return Ok((Entity::Cse(cse), from));
        }
        let claimed = state.claimed.clone();
        let named = AeId::at(&self.config.cse_id, &from);
        let fits = claimed.as_ref().is_none_or(|claimed| {
            *claimed == from || *claimed == *named.as_str() || from.is_empty() || from == "C"
        });
        let known = self.known(&from, state.trusted);
        // REG-38
        if registers.is_some() && fits && !self.is_administrator(&from) {
            return Ok(self.newcomer(link, &from));
        }
        // LNK-06, LNK-47, LNK-59
        match known {
            Some(entity) if claimed.is_none() && !from.is_empty() => {
                let of_cse = matches!(entity, Entity::Cse(_));
                if !of_cse && from.contains('/') {
                    return Err(Refusal::BadRequest);
                }
                // LNK-50
                if of_cse && !takes_cses {
                    return Err(Refusal::InsecureLink);
                }
                self.bind(step, link, entity.clone());
                let originator = if self.is_abroad(&entity) {
                    from
                } else {
                    entity.as_str().into()
                };
                Ok((entity, originator))
            }
            Some(_) => Err(Refusal::NotAuthenticated),
            // REG-09
            None if self.cleans_up(request, &from) => Err(Refusal::NotFound),
            // LNK-50
            None if claimed.is_none() && is_cse(&from) && !takes_cses => Err(Refusal::InsecureLink),
            // LNK-03, LNK-04
            None => Err(Refusal::NotAuthenticated),
        }
    }

    /// Someone who is about to register. Its requests are told apart by its link: the name that it claims may be
    /// another's.
    fn newcomer(&self, link: LinkId, from: &str) -> (Entity, Text) {
        // REG-33
        let originator: Text = format!("{NAMELESS}{}", link.0).into();
        let entity = match from {
            "" | "C" | "S" => Entity::Ae(AeId(originator.clone())),
            id if id.starts_with('/') => Entity::Cse(CseId::from(id)),
            stem => Entity::Ae(AeId::at(&self.config.cse_id, stem)),
        };
        (entity, originator)
    }

    /// A newcomer is registered: its request is its own from now on, so that a repetition finds its outcome.
    pub(crate) fn named(&mut self, requester: &Requester, entity: &Entity) -> Requester {
        let mut named = requester.clone();
        named.key.originator = entity.as_str().into();
        named.peer = entity.clone();
        if let Some(open) = self.open.remove(&requester.key) {
            let requester = named.clone();
            self.open
                .insert(named.key.clone(), Open { requester, ..open });
        }
        named
    }

    fn cleans_up(&self, request: &Request, from: &str) -> bool {
        let by_cse = is_cse(from);
        let reads_or_deletes = match request.operation {
            Operation::Retrieve | Operation::Delete => true,
            Operation::Create | Operation::Update | Operation::Notify => false,
        };
        let own = Address::parse(&request.to).is_some_and(|address| {
            let last = address.segments.last().map_or("", Text::as_str);
            self.is_own(&address) && last == from.trim_start_matches('/')
        });
        by_cse && reads_or_deletes && own
    }

    /// Whether requests of `from` may come over the link of that CSE: a registree speaks for itself and for what is
    /// behind it, the registrar for everybody who is not on this side, another provider's node for its provider.
    fn speaks_for(&self, cse: &CseId, from: &str) -> bool {
        let below = |id: &str| crate::address::lies_within(from, id);
        if self.provider(cse).is_some() {
            // LNK-65
            return below(cse.as_str()) && self.known_abroad(from).is_some();
        }
        let behind =
            |id: &CseId| below(id.as_str()) || self.descendants(id).iter().any(|d| below(d));
        if self.registrar().as_ref() != Some(cse) {
            return behind(cse);
        }
        let mut others = self.durable.neighbours.iter().filter(|(id, _)| *id != cse);
        from.starts_with('/')
            && !below(self.config.cse_id.as_str())
            && !others.any(|(id, _)| behind(id))
    }
}

/// Whether an originator is written as a CSE-ID.
fn is_cse(from: &str) -> bool {
    from.starts_with('/') && !from.trim_start_matches('/').contains('/')
}
