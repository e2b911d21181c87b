//! The checker: values against kinds, members against tables.

use super::{Column, Kind, Presence, Shown, Table, check_create};
use crate::access::AddressBlock;
use crate::address::is_name;
use crate::attribute::Attribute;
use crate::duration;
use crate::id::AeId;
use crate::resource::ResourceType;
use crate::schedule;
use crate::status::Refusal;
use crate::text::Text;
use crate::value::{Members, Value};

/// Names that stand for something else in an address: virtual children (TS-0004 clause 6.8) and the collections of
/// the session types.
const RESERVED: [&str; 8] = [
    "la",
    "ol",
    "fopt",
    "pcu",
    "subscriptions",
    "sessionPolicies",
    "sessionEndpoints",
    "nextHops",
];

impl Table {
    pub(super) fn check(&self, members: &Members, column: Column) -> Result<(), Refusal> {
        for (name, value) in members {
            match self.row(name) {
                Some(row) => match row.presence(column) {
                    Presence::Absent => return Err(Refusal::BadRequest),
                    Presence::Mandatory | Presence::Optional => {
                        let deletes = column == Column::Update && *value == Value::Null;
                        if !deletes {
                            row.kind.check(value, column)?;
                        } else if row.shown == Shown::Always {
                            return Err(Refusal::BadRequest);
                        }
                    }
                },
                None => self.check_unlisted(name, value, column)?,
            }
        }
        let is_missing = |name| !members.contains_key(name);
        let mut mandatory = self
            .rows
            .iter()
            .filter(|row| row.presence(column) == Presence::Mandatory);
        if mandatory.any(|row| is_missing(&row.name)) {
            return Err(Refusal::BadRequest);
        }
        Ok(())
    }

    fn check_unlisted(
        &self,
        name: &Attribute,
        value: &Value,
        column: Column,
    ) -> Result<(), Refusal> {
        let short = if let Attribute::Custom(short) = name {
            short.as_str()
        } else {
            ""
        };
        if self.refused.contains(&short) {
            return Err(Refusal::NotImplemented);
        }
        let is_known = self.stores(name) || self.open && !is_universal(name);
        let has_value = column == Column::Update || *value != Value::Null;
        ok_if(is_known && has_value)
    }
}

impl Kind {
    pub(super) fn check(self, value: &Value, column: Column) -> Result<(), Refusal> {
        match self {
            Self::Any => ok_if(*value != Value::Null),
            Self::Null => ok_if(*value == Value::Null),
            Self::Unsupported => Err(Refusal::NotImplemented),
            Self::Bool => ok_if(value.as_bool().is_some()),
            Self::Integer(low, high) => ok_if(
                value
                    .as_integer()
                    .is_some_and(|n| (low..=high).contains(&n)),
            ),
            Self::Integers => ok_if(value.as_list().is_some_and(|list| {
                !list.is_empty() && list.iter().all(|v| v.as_integer().is_some())
            })),
            Self::Text => ok_if(value.as_text().is_some()),
            Self::Word(word) => ok_if(value.as_text().is_some_and(|t| *t == word)),
            // EST-73
            Self::Name => ok_if(
                value
                    .as_text()
                    .is_some_and(|t| is_name(t) && !RESERVED.contains(&t.as_str())),
            ),
            // REG-03
            Self::AppId => ok_if(
                value
                    .as_text()
                    .is_some_and(|t| t.starts_with(['r', 'R', 'N'])),
            ),
            Self::ContentInfo => ok_if(value.as_text().is_some_and(is_content_info)),
            Self::Key => ok_if(match value {
                Value::Secret(secret) => is_key(&secret.0),
                Value::Text(text) => is_key(text),
                Value::Null
                | Value::Bool(_)
                | Value::Integer(_)
                | Value::Number(_)
                | Value::Time(_)
                | Value::List(_)
                | Value::Object(_)
                | Value::Sealed(_) => false,
            }),
            Self::Time => ok_if(value.as_time().is_some()),
            Self::Duration => ok_if(
                value
                    .as_text()
                    .is_some_and(|text| duration::parse(text).is_some()),
            ),
            Self::Category => ok_if(
                value
                    .as_integer()
                    .and_then(|number| u32::try_from(number).ok())
                    .is_some_and(is_category),
            ),
            Self::Texts => ok_if(value.as_texts().is_some()),
            Self::SomeTexts => ok_if(value.as_texts().is_some_and(|texts| !texts.is_empty())),
            Self::Target => check_target(value),
            // POL-03
            Self::Schedule => ok_if(value.as_texts().is_some_and(|entries| {
                !entries.is_empty() && entries.iter().all(|e| schedule::Entry::parse(e).is_some())
            })),
            Self::Ipv4Blocks => check_blocks(value, true),
            Self::Ipv6Blocks => check_blocks(value, false),
            Self::Object(table) => check_object(table, value, column),
            Self::Objects(least, table) => {
                let list = value.as_list().ok_or(Refusal::BadRequest)?;
                ok_if(list.len() >= least)?;
                list.iter()
                    .try_for_each(|value| check_object(table, value, column))
            }
            Self::One(resource_type) => {
                ok_if(value.as_list().is_some_and(|list| list.len() == 1))?;
                check_resources(resource_type, value, column)
            }
            Self::Many(resource_type) => check_resources(resource_type, value, column),
        }
    }
}

/// Event categories: immediate, best effort, latest, and an operator's own (TS-0004 clause 6.3.3).
pub(crate) const fn is_category(number: u32) -> bool {
    matches!(number, 2..=4 | 100..=999)
}

/// Addresses and blocks of them, all of one version.
fn check_blocks(value: &Value, of_ipv4: bool) -> Result<(), Refusal> {
    let texts = value.as_texts().ok_or(Refusal::BadRequest)?;
    let fits = |text: &Text| {
        let block = AddressBlock::parse(text);
        block.is_some_and(|block| block.is_ipv4() == of_ipv4)
    };
    ok_if(!texts.is_empty() && texts.iter().all(fits))
}

/// `Ok` if the condition holds, else the refusal of a malformed request.
pub(super) const fn ok_if(condition: bool) -> Result<(), Refusal> {
    if condition {
        Ok(())
    } else {
        Err(Refusal::BadRequest)
    }
}

/// An UPDATE replaces a structure as a whole, so its members are checked as those of a new one.
fn check_object(table: &Table, value: &Value, column: Column) -> Result<(), Refusal> {
    let inner = match column {
        Column::Create | Column::Update => Column::Create,
        Column::Hop => Column::Hop,
    };
    table.check(value.as_object().ok_or(Refusal::BadRequest)?, inner)
}

fn check_resources(kind: ResourceType, value: &Value, column: Column) -> Result<(), Refusal> {
    let list = value.as_list().ok_or(Refusal::BadRequest)?;
    list.iter().try_for_each(|value| {
        let members = value.as_object().ok_or(Refusal::BadRequest)?;
        check_create(kind, members, column == Column::Hop)
    })
}

fn check_target(value: &Value) -> Result<(), Refusal> {
    let targets = value.as_texts().ok_or(Refusal::BadRequest)?;
    ok_if(
        targets
            .iter()
            .all(|t| AeId(t.clone()).registrar().is_some()),
    )?;
    match targets.len() {
        0 => Err(Refusal::BadRequest),
        1 => Ok(()),
        // EST-33
        _ => Err(Refusal::NotImplemented),
    }
}

/// `type/subtype:encoding[:security]` with encoding 0 to 2.
fn is_content_info(text: &Text) -> bool {
    let mut parts = text.split(':');
    let is_media_type = parts
        .next()
        .and_then(|media| media.split_once('/'))
        .is_some_and(|(kind, subtype)| {
            let is_token = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_graphic());
            is_token(kind) && is_token(subtype) && !subtype.contains('/')
        });
    let is_encoding = matches!(parts.next(), Some("0" | "1" | "2"));
    let is_security = parts
        .next()
        .is_none_or(|security| matches!(security, "0" | "1" | "2" | "3" | "4" | "5"));
    is_media_type && is_encoding && is_security && parts.next().is_none()
}

fn is_key(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Attributes of every resource that only the host writes.
fn is_universal(name: &Attribute) -> bool {
    [
        Attribute::ResourceType,
        Attribute::ResourceId,
        Attribute::ParentId,
        Attribute::CreationTime,
        Attribute::LastModifiedTime,
        Attribute::StateTag,
    ]
    .contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("text/plain:0", true)]
    #[case("application/jose:0", true)]
    #[case("application/octet-stream:2:1", true)]
    #[case("text/plain", false)]
    #[case("text:0", false)]
    #[case("text/plain:3", false)]
    #[case("text/plain:0:0:0", false)]
    fn content_info_has_a_form(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_content_info(&text.into()), expected);
    }
}
