//! Resources as they stand in responses and notifications (TS-0004 clauses 7.3.3.12 and 8.4).
//!
//! What a type hides is never shown ([`crate::schema::is_hidden`]). Children and references are shown as far as the
//! originator may read them.

use super::Cse;
use super::discovery::Criteria;
use crate::access::{Asker, Right};
use crate::attribute::Attribute;
use crate::config::CseKind;
use crate::id::ResourceId;
use crate::primitive::{Content, Operation};
use crate::resource::{Resource, ResourceType};
use crate::schema;
use crate::shared::Shared;
use crate::status::Refusal;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// How many resources one representation may hold; above, the originator has to ask for less.
const RESOURCES_MAX: usize = 10_000;

/// What a response shows (`rcn`, TS-0004 clause 6.3.4.2.7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ResultContent {
    /// 0
    Nothing,
    /// 1
    Attributes,
    /// 2
    Address,
    /// 3
    AddressAndAttributes,
    /// 4
    AttributesAndChildren,
    /// 5
    AttributesAndReferences,
    /// 6
    References,
    /// 8
    Children,
    /// 9
    Modified,
}

/// Which form addresses in a response have (`drt`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// 1: names from the CSEBase down.
    Structured,
    /// 2: the identifier.
    Unstructured,
}

/// How a resource is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    /// Which parts.
    pub(crate) wanted: ResultContent,
    /// References in which form.
    pub(crate) form: Form,
    /// Only children of this type.
    pub(crate) only: Option<ResourceType>,
    /// Only what fulfils these conditions below the resource.
    pub(crate) filter: Option<&'a Criteria>,
}

/// What of the tree below a resource is still to be shown.
struct Choice<'a> {
    filter: Option<&'a Criteria>,
    skipped: usize,
    left: usize,
    room: usize,
    shown: usize,
    is_cut: bool,
}

impl<'a> Choice<'a> {
    fn new(filter: Option<&'a Criteria>) -> Self {
        Self {
            filter,
            skipped: filter.map_or(0, |criteria| criteria.skipped),
            left: filter
                .and_then(|criteria| criteria.results_max)
                .unwrap_or(usize::MAX),
            room: RESOURCES_MAX,
            shown: 0,
            is_cut: false,
        }
    }

    fn levels(&self) -> usize {
        let filter = self.filter.and_then(|criteria| criteria.levels_max);
        filter.unwrap_or(usize::MAX)
    }

    /// Whether the next resource that fits is shown.
    fn takes(&mut self) -> Result<bool, Refusal> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(false);
        }
        if self.left == 0 {
            self.is_cut = true;
            return Ok(false);
        }
        self.left -= 1;
        self.shown += 1;
        self.room = self.room.checked_sub(1).ok_or(Refusal::NotAcceptable)?;
        Ok(true)
    }

    /// The number of the first resource that the limit left out.
    fn rest(&self) -> Option<u32> {
        let skipped = self.filter.map_or(0, |criteria| criteria.skipped);
        rest_after(skipped, self.shown, self.is_cut)
    }
}

impl ResultContent {
    /// What this operation shows, by default or as asked.
    pub(crate) fn of(operation: Operation, number: Option<u32>) -> Result<Self, Refusal> {
        // REG-28
        let allowed: &[Self] = match operation {
            Operation::Create => &[
                Self::Attributes,
                Self::Nothing,
                Self::Address,
                Self::AddressAndAttributes,
                Self::Modified,
            ],
            Operation::Retrieve => &[
                Self::Attributes,
                Self::AttributesAndChildren,
                Self::AttributesAndReferences,
                Self::References,
                Self::Children,
            ],
            Operation::Update => &[Self::Attributes, Self::Nothing, Self::Modified],
            Operation::Delete => &[
                Self::Nothing,
                Self::Attributes,
                Self::AttributesAndChildren,
                Self::AttributesAndReferences,
                Self::References,
                Self::Children,
            ],
            Operation::Notify => &[Self::Nothing],
        };
        // The original of an announced resource and semantic content.
        if operation == Operation::Retrieve && matches!(number, Some(7 | 10)) {
            return Err(Refusal::NotImplemented);
        }
        let found = match number {
            None => allowed.first(),
            Some(number) => allowed.iter().find(|wanted| wanted.number() == number),
        };
        found.copied().ok_or(Refusal::BadRequest)
    }

    const fn number(self) -> u32 {
        match self {
            Self::Nothing => 0,
            Self::Attributes => 1,
            Self::Address => 2,
            Self::AddressAndAttributes => 3,
            Self::AttributesAndChildren => 4,
            Self::AttributesAndReferences => 5,
            Self::References => 6,
            Self::Children => 8,
            Self::Modified => 9,
        }
    }
}

impl View<'_> {
    /// The form that `drt` asks for.
    pub(crate) const fn form(number: Option<u32>) -> Result<Form, Refusal> {
        match number {
            None | Some(1) => Ok(Form::Structured),
            Some(2) => Ok(Form::Unstructured),
            Some(_) => Err(Refusal::BadRequest),
        }
    }
}

impl Cse {
    /// The attributes of a resource as anybody may see them who may read it.
    pub(crate) fn represent(&self, resource: &Resource) -> Members {
        let parent = resource.parent.as_ref().map(|parent| parent.0.clone());
        let parent = Value::Text(parent.unwrap_or_default());
        let expires = resource.expires.map(Value::Time);
        let universal = [
            (Attribute::ResourceName, Value::Text(resource.name.clone())),
            (
                Attribute::ResourceType,
                Value::Integer(i64::from(resource.resource_type.number())),
            ),
            (Attribute::ResourceId, Value::Text(resource.id.0.clone())),
            (Attribute::ParentId, parent),
            (Attribute::CreationTime, Value::Time(resource.created)),
            (Attribute::LastModifiedTime, Value::Time(resource.modified)),
        ]
        .into_iter()
        .chain(expires.map(|at| (Attribute::ExpirationTime, at)));
        let own = resource
            .attributes
            .iter()
            // EST-44, DIS-05
            .filter(|(name, _)| !schema::is_hidden(resource.resource_type, name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .filter(|(name, _)| *name > Attribute::ExpirationTime);
        // In order and all at once: cheaper than one by one.
        let mut members: Members = universal.chain(own).collect();
        members.extend(self.live_attributes(resource));
        schema::put_defaults(resource.resource_type, &mut members);
        if resource.resource_type == ResourceType::CseBase {
            members.extend(self.describe());
        }
        members
    }

    /// The resource under its name, as a content.
    pub(crate) fn represented(&self, resource: &Resource) -> Content {
        Content::new(resource.wrapper(), Value::Object(self.represent(resource)))
    }

    /// The answer to a RETRIEVE.
    pub(crate) fn render(
        &self,
        asker: Asker<'_>,
        resource: &Resource,
        view: &View<'_>,
    ) -> Result<Content, Refusal> {
        let mut members = match view.wanted {
            ResultContent::Attributes
            | ResultContent::AttributesAndChildren
            | ResultContent::AttributesAndReferences => self.represent(resource),
            ResultContent::References | ResultContent::Children => Members::new(),
            ResultContent::Nothing
            | ResultContent::Address
            | ResultContent::AddressAndAttributes
            | ResultContent::Modified => return Err(Refusal::BadRequest),
        };
        let mut choice = Choice::new(view.filter);
        match view.wanted {
            ResultContent::AttributesAndChildren | ResultContent::Children => {
                let levels = choice.levels();
                let children = self.children(asker, resource, view.only, levels, &mut choice);
                members.extend(children?);
            }
            ResultContent::AttributesAndReferences => {
                let below = self.readable_below(asker, resource, &mut choice)?;
                members.insert(
                    Attribute::ChildReferences,
                    self.references(&below, view.form),
                );
            }
            ResultContent::References => {
                let below = self.readable_below(asker, resource, &mut choice)?;
                let mut list = self.reference_list(&below, view.form);
                list.rest = choice.rest();
                return Ok(list);
            }
            ResultContent::Nothing
            | ResultContent::Attributes
            | ResultContent::Address
            | ResultContent::AddressAndAttributes
            | ResultContent::Modified => {}
        }
        let mut content = Content::new(resource.wrapper(), Value::Object(members));
        // DIS-13
        content.rest = choice.rest();
        Ok(content)
    }

    /// The answer to a CREATE that brought the members `sent`.
    pub(crate) fn render_created(
        &self,
        wanted: ResultContent,
        id: &ResourceId,
        sent: &Members,
    ) -> Option<Content> {
        let resource = self.row(id)?;
        let uri = || Value::Text(self.durable.tree.path(id));
        match wanted {
            ResultContent::Attributes => Some(self.represented(&resource)),
            ResultContent::Address => Some(Content::new(Attribute::Uri, uri())),
            ResultContent::AddressAndAttributes => {
                let whole = Value::Object(self.represent(&resource));
                let with_address =
                    Value::object([(resource.wrapper(), whole), (Attribute::Uri, uri())]);
                Some(Content::new(Attribute::ResourceWithAddress, with_address))
            }
            // REG-67
            ResultContent::Modified => {
                let mut chosen = self.represent(&resource);
                chosen.retain(|name, value| sent.get(name) != Some(value));
                Some(Content::new(resource.wrapper(), Value::Object(chosen)))
            }
            ResultContent::Nothing
            | ResultContent::AttributesAndChildren
            | ResultContent::AttributesAndReferences
            | ResultContent::References
            | ResultContent::Children => None,
        }
    }

    /// The answer to an UPDATE that brought the members `sent` and changed the attributes `modified`.
    pub(crate) fn render_updated(
        &self,
        wanted: ResultContent,
        id: &ResourceId,
        mut modified: Members,
        sent: &Members,
    ) -> Option<Content> {
        let resource = self.row(id)?;
        match wanted {
            ResultContent::Attributes => Some(self.represented(&resource)),
            // REG-67
            ResultContent::Modified => {
                modified.retain(|name, value| sent.get(name) != Some(value));
                Some(Content::new(resource.wrapper(), Value::Object(modified)))
            }
            ResultContent::Nothing
            | ResultContent::Address
            | ResultContent::AddressAndAttributes
            | ResultContent::AttributesAndChildren
            | ResultContent::AttributesAndReferences
            | ResultContent::References
            | ResultContent::Children => None,
        }
    }

    /// The answer to a DELETE of a resource that is still there.
    pub(crate) fn render_deleted(
        &self,
        asker: Asker<'_>,
        wanted: ResultContent,
        resource: &Resource,
    ) -> Result<Option<Content>, Refusal> {
        if wanted == ResultContent::Nothing {
            return Ok(None);
        }
        let view = View {
            wanted,
            form: Form::Structured,
            only: None,
            filter: None,
        };
        self.render(asker, resource, &view).map(Some)
    }

    /// `m2m:rrl`: a list of references, as a content.
    pub(crate) fn reference_list(&self, to: &[Shared<Resource>], form: Form) -> Content {
        let references = self.references(to, form);
        let list = Value::object([(Attribute::ResourceReference, references)]);
        Content::new(Attribute::ResourceReferenceList, list)
    }

    /// The address of a resource, CSE-relative.
    pub(crate) fn address(&self, resource: &Resource, form: Form) -> Text {
        match form {
            // DIS-04
            Form::Structured => self.durable.tree.path(&resource.id),
            Form::Unstructured => resource.id.0.clone(),
        }
    }

    /// What the CSEBase says of this CSE.
    fn describe(&self) -> Members {
        let kind = match self.config.kind {
            CseKind::In => 1,
            CseKind::Mn => 2,
        };
        // REG-11
        let types = ResourceType::ALL
            .iter()
            .map(|t| Value::Integer(i64::from(t.number())));
        let mut members: Members = [
            (Attribute::CseId, Value::Text(self.config.cse_id.0.clone())),
            (Attribute::CseType, Value::Integer(kind)),
            (
                Attribute::SupportedResourceTypes,
                Value::List(types.collect()),
            ),
            (Attribute::SupportedReleaseVersions, Value::texts(["3"])),
        ]
        .into();
        if !self.config.serializations.is_empty() {
            let spoken = Value::texts(&self.config.serializations);
            members.insert(Attribute::ContentSerialization, spoken);
        }
        if !self.config.point_of_access.is_empty() {
            let reached_at = Value::texts(&self.config.point_of_access);
            members.insert(Attribute::PointOfAccess, reached_at);
        }
        members
    }

    /// The children and what is below them, by type in the order of creation; what does not fit is left out with all
    /// below it. The tree is never deep (see `insert`).
    fn children(
        &self,
        asker: Asker<'_>,
        parent: &Resource,
        only: Option<ResourceType>,
        levels: usize,
        choice: &mut Choice<'_>,
    ) -> Result<Members, Refusal> {
        let mut by_type: BTreeMap<Attribute, Vec<Value>> = BTreeMap::new();
        let children = self.durable.tree.children(&parent.id);
        for child in children.filter(|_| levels > 0) {
            let fits = choice
                .filter
                .is_none_or(|filter| self.passes(filter, child));
            if only.is_some_and(|only| child.resource_type != only)
                || !fits
                || self.may(asker, child, Right::Retrieve).is_err()
                || !choice.takes()?
            {
                continue;
            }
            let mut members = self.represent(child);
            members.extend(self.children(asker, child, None, levels - 1, choice)?);
            by_type
                .entry(child.wrapper())
                .or_default()
                .push(Value::Object(members));
        }
        Ok(by_type
            .into_iter()
            .map(|(name, list)| (name, Value::List(list)))
            .collect())
    }

    fn readable_below(
        &self,
        asker: Asker<'_>,
        resource: &Resource,
        choice: &mut Choice<'_>,
    ) -> Result<Vec<Shared<Resource>>, Refusal> {
        let tree = &self.durable.tree;
        let filter = choice.filter;
        let depth = |id: &ResourceId| tree.ancestry(id).count();
        let deepest = depth(&resource.id).saturating_add(choice.levels());
        let subtree = tree.subtree(&resource.id);
        let candidates = subtree
            .iter()
            .skip(1)
            .filter(|id| filter.is_none() || depth(id) <= deepest)
            .filter_map(|id| tree.get(id).cloned())
            .filter(|r| filter.is_none_or(|filter| self.passes(filter, r)))
            .filter(|r| self.may(asker, r, Right::Retrieve).is_ok());
        let mut below = Vec::new();
        for candidate in candidates {
            if choice.takes()? {
                below.push(candidate);
            }
        }
        Ok(below)
    }

    fn references(&self, to: &[Shared<Resource>], form: Form) -> Value {
        let reference = |resource: &Shared<Resource>| {
            let number = i64::from(resource.resource_type.number());
            Value::object([
                (Attribute::ReferenceName, Value::Text(resource.name.clone())),
                (Attribute::ReferenceType, Value::Integer(number)),
                (
                    Attribute::ReferenceValue,
                    Value::Text(self.address(resource, form)),
                ),
            ])
        };
        Value::List(to.iter().map(reference).collect())
    }
}

/// The number of the first result that a limit left out, for the next request's `ofst`.
pub(super) fn rest_after(skipped: usize, shown: usize, is_cut: bool) -> Option<u32> {
    let next = skipped.saturating_add(shown).saturating_add(1);
    is_cut.then(|| u32::try_from(next).unwrap_or(u32::MAX))
}
