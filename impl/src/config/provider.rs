//! Service providers: the own one, and those whose infrastructure nodes this one has links with.

use super::{ConfigError, Flags, Kind, Security, is_name};
use crate::dial::PointOfAccess;
use m2m_machine::config::Provider;
use m2m_machine::text::Text;

/// The M2M-SP-ID that a text gives, with or without the slashes before it.
pub(super) fn id(text: &str) -> Result<String, ConfigError> {
    let name = text.strip_prefix("//").unwrap_or(text);
    if is_name(name) {
        Ok(name.to_owned())
    } else {
        Err(ConfigError::ServiceProvider(text.to_owned()))
    }
}

/// The other providers that flags name, or else the file: each once, with all its points of access.
pub(super) fn others(
    flags: &Flags,
    file: &[String],
    own: &str,
    kind: Kind,
    security: &Security,
) -> Result<Vec<Provider>, ConfigError> {
    let named = if flags.provider.is_empty() {
        file
    } else {
        &flags.provider
    };
    if kind == Kind::Mn && !named.is_empty() {
        return Err(ConfigError::Providers);
    }
    let mut all: Vec<Provider> = Vec::new();
    for text in named {
        let (provider, at) = read(text, security)?;
        if provider == own {
            return Err(ConfigError::OwnProvider(provider));
        }
        match all.iter_mut().find(|known| *known.id == *provider) {
            Some(known) => known.points_of_access.extend(at),
            None => all.push(Provider {
                id: provider.as_str().into(),
                points_of_access: at.into_iter().collect(),
            }),
        }
    }
    Ok(all)
}

fn read(text: &str, security: &Security) -> Result<(String, Option<Text>), ConfigError> {
    let Some((name, at)) = text.split_once('=') else {
        return Ok((id(text)?, None));
    };
    let at = PointOfAccess::parse(at)?;
    if at.is_secured() && security.registrar_authorities.is_none() {
        return Err(ConfigError::Authorities(at.to_string()));
    }
    Ok((id(name)?, Some(at.to_string().into())))
}
