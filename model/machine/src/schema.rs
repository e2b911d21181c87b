//! What the attributes of each resource type must look like: one table per type, and one checker for all.
//!
//! A row says of an attribute what its values are, whether it must, may or must not stand in a CREATE (by an AE and
//! between CSEs) and in an UPDATE, whether a representation shows it, and its default. An attribute without a row is
//! refused, unless it belongs to a later release (stored as it is), to a feature that is absent here (refused as
//! such), or to a flexContainer. The tables are in `published` and `sessions`.
//!
//! Deliberately not here: who may do it ([`crate::access`]), and rules that need the tree or the clock.

mod check;
mod published;
mod sessions;
mod structures;
#[cfg(test)]
mod tests;

pub(crate) use check::is_category;
pub use sessions::check_policy;

use crate::attribute::Attribute;
use crate::resource::ResourceType;
use crate::status::Refusal;
use crate::value::{Members, Value};

/// Whether an attribute stands in a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// It must (M).
    Mandatory,
    /// It may (O).
    Optional,
    /// It must not (NP).
    Absent,
}

/// Whether an attribute stands in a representation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shown {
    /// In every one; it cannot be deleted.
    Always,
    /// Where it has a value.
    IfSet,
    /// In none: a parameter of the request, or key material.
    Never,
}

/// What the values of an attribute look like.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Anything but `null`.
    Any,
    /// Only `null`: the host puts in the value (`cr`).
    Null,
    /// A feature that is absent here.
    Unsupported,
    /// A boolean.
    Bool,
    /// An integer between the two, inclusive.
    Integer(i64, i64),
    /// A list of integers, at least one.
    Integers,
    /// Any text.
    Text,
    /// Exactly this text.
    Word(&'static str),
    /// A resource name that is not reserved.
    Name,
    /// An App-ID (TS-0004 clause 7.4.5.2.1): begins with `r`, `R` or `N`.
    AppId,
    /// Media type and encoding (TS-0004 clause 6.3.3, contentInfo).
    ContentInfo,
    /// 32 bytes in base64url.
    Key,
    /// A moment.
    Time,
    /// A duration of XML Schema, as text.
    Duration,
    /// An event category (TS-0004 clause 6.3.3).
    Category,
    /// A list of texts.
    Texts,
    /// A list of at least one text.
    SomeTexts,
    /// The target of a session: a list of one SP-relative AE-ID with a CSE-ID.
    Target,
    /// A list of at least one schedule entry.
    Schedule,
    /// A list of at least one address or block of addresses of IP version 4.
    Ipv4Blocks,
    /// The same of version 6.
    Ipv6Blocks,
    /// An object of this table.
    Object(&'static Table),
    /// A list of at least so many objects of this table.
    Objects(usize, &'static Table),
    /// A list of exactly one resource of this type.
    One(ResourceType),
    /// A list of resources of this type.
    Many(ResourceType),
}

/// A default that the host puts in.
#[derive(Clone, Copy, Debug)]
pub enum Preset {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// An object without members.
    Empty,
}

/// One attribute of a type. What is absent on CREATE and UPDATE is written by the host alone.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub name: Attribute,
    /// Its values.
    pub kind: Kind,
    /// In a CREATE by an AE.
    pub create: Presence,
    /// In a CREATE by a neighbour CSE on behalf of a session.
    pub hop: Presence,
    /// In an UPDATE.
    pub update: Presence,
    /// In a representation.
    pub shown: Shown,
    /// The default, if there is one.
    pub preset: Option<Preset>,
}

/// The attributes of a type, or the members of a structure.
#[derive(Clone, Debug)]
pub struct Table {
    /// The attributes that the machine knows.
    pub rows: &'static [Row],
    /// Published ones of optional features or later releases, by short name: stored as they are.
    pub stored: &'static [&'static [&'static str]],
    /// Published ones that would change what the CSE does, by short name: refused as not implemented.
    pub refused: &'static [&'static str],
    /// Whether other attributes are allowed too (flexContainer).
    pub open: bool,
}

/// Which column of a table applies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Column {
    Create,
    Hop,
    Update,
}

/// The table of a type.
#[must_use]
pub fn table(resource_type: ResourceType) -> &'static Table {
    match resource_type {
        ResourceType::AccessControlPolicy => &published::ACCESS_CONTROL_POLICY,
        ResourceType::Ae => &published::AE,
        ResourceType::Container => &published::CONTAINER,
        ResourceType::ContentInstance => &published::CONTENT_INSTANCE,
        ResourceType::CseBase => &published::CSE_BASE,
        ResourceType::Group => &published::GROUP,
        ResourceType::Node => &published::NODE,
        ResourceType::Schedule => &published::SCHEDULE,
        ResourceType::PollingChannel => &published::POLLING_CHANNEL,
        ResourceType::RemoteCse => &published::REMOTE_CSE,
        ResourceType::Request => &published::REQUEST,
        ResourceType::Subscription => &published::SUBSCRIPTION,
        ResourceType::FlexContainer => &published::FLEX_CONTAINER,
        ResourceType::Sessions => &sessions::SESSIONS,
        ResourceType::Session => &sessions::SESSION,
        ResourceType::SessionEndpoint => &sessions::SESSION_ENDPOINT,
        ResourceType::NextHop => &sessions::NEXT_HOP,
        ResourceType::SessionPolicy => &sessions::SESSION_POLICY,
        ResourceType::SessionContext => &sessions::SESSION_CONTEXT,
        ResourceType::SessionContextEntry => &sessions::SESSION_CONTEXT_ENTRY,
    }
}

/// Whether these attributes can make a resource of that type (TS-0004 clause 7.3.3.3).
///
/// `from_cse` selects the column of requests between CSEs on behalf of a session.
///
/// # Errors
///
/// What is wrong with them.
pub fn check_create(
    resource_type: ResourceType,
    members: &Members,
    from_cse: bool,
) -> Result<(), Refusal> {
    let column = if from_cse {
        Column::Hop
    } else {
        Column::Create
    };
    // REG-23
    table(resource_type).check(members, column)?;
    match resource_type {
        ResourceType::Session => sessions::check_session(members, from_cse),
        ResourceType::SessionPolicy => check_policy(members),
        ResourceType::AccessControlPolicy
        | ResourceType::Ae
        | ResourceType::Container
        | ResourceType::ContentInstance
        | ResourceType::CseBase
        | ResourceType::Group
        | ResourceType::Node
        | ResourceType::Schedule
        | ResourceType::PollingChannel
        | ResourceType::RemoteCse
        | ResourceType::Request
        | ResourceType::Subscription
        | ResourceType::FlexContainer
        | ResourceType::Sessions
        | ResourceType::SessionEndpoint
        | ResourceType::NextHop
        | ResourceType::SessionContext
        | ResourceType::SessionContextEntry => Ok(()),
    }
}

/// Whether these attributes can change a resource of that type (TS-0004 clause 7.3.3.7). `null` deletes an optional
/// attribute.
///
/// # Errors
///
/// What is wrong with them.
pub fn check_update(resource_type: ResourceType, members: &Members) -> Result<(), Refusal> {
    // REG-23
    table(resource_type).check(members, Column::Update)
}

/// Whether a representation never shows the attribute.
#[must_use]
pub fn is_hidden(resource_type: ResourceType, name: &Attribute) -> bool {
    table(resource_type)
        .row(name)
        .is_some_and(|row| row.shown == Shown::Never)
}

/// Whether the attribute is one of a flexContainer's own, and not of its type.
#[must_use]
pub fn is_custom(name: &Attribute) -> bool {
    let table = table(ResourceType::FlexContainer);
    table.row(name).is_none() && !table.stores(name)
}

/// Puts in the defaults that a representation always shows.
pub fn put_defaults(resource_type: ResourceType, members: &mut Members) {
    for row in table(resource_type).rows {
        if let Some(preset) = row.preset {
            members.insert_missing(row.name.clone(), || preset.value());
        }
    }
}

impl Preset {
    fn value(self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Empty => Value::Object(Members::new()),
        }
    }
}

impl Table {
    /// Nothing but its rows.
    const CLOSED: Self = Self {
        rows: &[],
        stored: &[],
        refused: &[],
        open: false,
    };

    /// Whether it is one of a later release.
    fn stores(&self, name: &Attribute) -> bool {
        let short = if let Attribute::Custom(short) = name {
            short.as_str()
        } else {
            ""
        };
        self.stored.iter().any(|names| names.contains(&short))
    }

    fn row(&self, name: &Attribute) -> Option<&'static Row> {
        self.rows.iter().find(|row| row.name == *name)
    }
}

impl Row {
    const fn presence(&self, column: Column) -> Presence {
        match column {
            Column::Create => self.create,
            Column::Hop => self.hop,
            Column::Update => self.update,
        }
    }

    /// The same between CSEs as by an AE; always shown exactly if it is mandatory.
    const fn new(name: Attribute, kind: Kind, create: Presence, update: Presence) -> Self {
        let shown = match create {
            Presence::Mandatory => Shown::Always,
            Presence::Optional | Presence::Absent => Shown::IfSet,
        };
        Self {
            name,
            kind,
            create,
            hop: create,
            update,
            shown,
            preset: None,
        }
    }

    /// Written by the host alone.
    const fn host(name: Attribute) -> Self {
        Self::new(name, Kind::Any, Presence::Absent, Presence::Absent).always()
    }

    const fn hop(mut self, hop: Presence) -> Self {
        self.hop = hop;
        self
    }

    const fn always(mut self) -> Self {
        self.shown = Shown::Always;
        self
    }

    const fn hidden(mut self) -> Self {
        self.shown = Shown::Never;
        self
    }

    const fn preset(mut self, preset: Preset) -> Self {
        self.preset = Some(preset);
        self.always()
    }
}
