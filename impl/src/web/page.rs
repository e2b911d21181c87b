//! The page itself: one document without script, from what the machine shows of its state.

use super::html::escape;
use super::ladder::Ladders;
use crate::wire::names::{Scope, short, wrapper};
use crate::wire::{time, value};
use m2m_machine::attribute::Attribute;
use m2m_machine::id::{AeId, CseId, Entity, ResourceId, SessionId};
use m2m_machine::record::Phase;
use m2m_machine::resource::{Resource, ResourceType};
use m2m_machine::value::Value;
use m2m_machine::{Cse, Timestamp};
use std::fmt::Write;

/// Rows of one table.
const ROWS_MAX: usize = 100;
/// Children that are counted of each resource in a table.
const CHILDREN_MAX: usize = 1_000;
/// Sessions with their ladders.
const SESSIONS_MAX: usize = 20;
/// Characters of a value.
const VALUE_CHARS: usize = 300;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8886;--soft:#8882;--mark:#07c}\
body{font:15px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:76rem;padding:0 1rem}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1rem 0 .3rem}\
p{margin:.3rem 0}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}\
th{font-weight:600}td code{overflow-wrap:anywhere}code{font:13px ui-monospace,monospace}a{color:var(--mark)}\
.wide{overflow-x:auto}.facts{display:flex;flex-wrap:wrap;gap:.3rem 1.6rem;padding:0;list-style:none}\
.on::before{content:'\\25cf ';color:#2a2}.off::before{content:'\\25cb ';color:#999}\
svg{max-width:none}svg text{font:12px ui-monospace,monospace;fill:currentColor;text-anchor:middle}\
svg .who{font-weight:600}svg path{stroke:currentColor;fill:none}svg .life{stroke-dasharray:3 4;opacity:.4}\
svg .tip{fill:currentColor}";

/// The page; `None` if there is no such resource.
#[must_use]
pub fn render(cse: &Cse, ladders: &Ladders, at: Option<&ResourceId>) -> Option<String> {
    let tree = &cse.state().tree;
    let resource = match at {
        Some(id) => tree.get(id),
        None => tree.base(),
    }?;
    let mut page = Page(String::new());
    let own = escape(cse.config().cse_id.as_str());
    page.put(format_args!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>CSE {own}</title><style>{STYLE}</style></head><body>"
    ));
    page.heading(cse, &own);
    if at.is_none() {
        page.registrees(cse);
        page.links(cse);
        page.sessions(cse, ladders);
    }
    page.resource(cse, resource);
    page.put(format_args!("</body></html>\n"));
    Some(page.0)
}

struct Page(String);

impl Page {
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a string takes all");
    }

    fn heading(&mut self, cse: &Cse, own: &str) {
        let state = cse.state();
        self.put(format_args!(
            "<h1><a href=\"/\">CSE {own}</a></h1><ul class=\"facts\">"
        ));
        for (what, number) in [
            ("Resources", state.tree.len()),
            ("Links", cse.links().len()),
            ("Sessions", state.sessions.len()),
            ("Stored requests", state.stored.len()),
            ("Requests without answer", cse.outgoing_requests().count()),
        ] {
            self.put(format_args!("<li>{what}: {number}</li>"));
        }
        self.put(format_args!("</ul>"));
    }

    /// Opens a table; the caller puts its rows and closes it.
    fn table(&mut self, columns: &[&str]) {
        self.put(format_args!("<div class=\"wide\"><table><thead><tr>"));
        for column in columns {
            self.put(format_args!("<th>{column}</th>"));
        }
        self.put(format_args!("</tr></thead><tbody>"));
    }

    fn close_table(&mut self, shown: usize, all: usize) {
        self.put(format_args!("</tbody></table></div>"));
        if shown < all {
            self.put(format_args!("<p>The first {shown} of {all}.</p>"));
        }
    }

    fn registrees(&mut self, cse: &Cse) {
        self.put(format_args!("<h2>Registered here</h2>"));
        let tree = &cse.state().tree;
        let Some(base) = tree.base() else { return };
        let of = |kind| tree.children_of_type(&base.id, kind);
        let all = of(ResourceType::RemoteCse).count() + of(ResourceType::Ae).count();
        let rows = of(ResourceType::RemoteCse).chain(of(ResourceType::Ae));
        self.table(&["Who", "Resource", "Since (UTC)", "Points of access", "Link"]);
        for resource in rows.take(ROWS_MAX) {
            let entity = entity_of(cse, resource);
            let link = entity.as_ref().and_then(|entity| cse.link_to(entity));
            let who = entity.as_ref().map_or("", Entity::as_str);
            let is_registrar = match &entity {
                Some(Entity::Cse(cse_id)) => {
                    let row = cse.state().neighbours.get(cse_id);
                    row.is_some_and(|row| row.is_registrar)
                }
                Some(Entity::Ae(_)) | None => false,
            };
            let role = if is_registrar { " (registrar)" } else { "" };
            let points = resource.texts(&Attribute::PointOfAccess).join(" ");
            self.put(format_args!(
                "<tr><td>{}{role}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(who),
                link_to(resource),
                moment(resource.created),
                escape(&points),
                match link {
                    Some(link) => format!("<span class=\"on\">{}</span>", link.0),
                    None => "<span class=\"off\">none</span>".to_owned(),
                }
            ));
        }
        self.close_table(all.min(ROWS_MAX), all);
    }

    fn links(&mut self, cse: &Cse) {
        self.put(format_args!("<h2>Links</h2>"));
        let all = cse.links().len();
        self.table(&["Number", "Whose", "Opened by", "Trusted"]);
        for link in cse.links().take(ROWS_MAX) {
            let whose = match (link.entity, link.replaced) {
                (Some(entity), _) => escape(entity.as_str()),
                (None, true) => "replaced, closing".to_owned(),
                (None, false) => "not known yet".to_owned(),
            };
            self.put(format_args!(
                "<tr><td>{}</td><td>{whose}</td><td>{}</td><td>{}</td></tr>",
                link.link.0,
                if link.dialed {
                    "this CSE"
                } else {
                    "the other side"
                },
                if link.trusted { "yes" } else { "no" },
            ));
        }
        self.close_table(all.min(ROWS_MAX), all);
    }

    fn sessions(&mut self, cse: &Cse, ladders: &Ladders) {
        self.put(format_args!("<h2>Sessions</h2>"));
        let live = &cse.state().sessions;
        // What was heard of last comes first; the others are there since before the start.
        let heard = ladders.sessions().filter(|id| live.has(id));
        let unheard = live
            .iter()
            .map(|(id, _)| id)
            .filter(|id| ladders.svg(id).is_none());
        let shown: Vec<&SessionId> = heard.chain(unheard).take(SESSIONS_MAX).collect();
        for id in &shown {
            self.session(cse, ladders, id);
        }
        if shown.len() < live.len() {
            let (shown, all) = (shown.len(), live.len());
            self.put(format_args!(
                "<p>{shown} of {all}, the ones in use first.</p>"
            ));
        }
        if live.is_empty() {
            self.put(format_args!("<p>There is none.</p>"));
        }
        let ended = ladders.sessions().filter(|id| !live.has(id));
        for id in ended.take(SESSIONS_MAX - shown.len().min(SESSIONS_MAX)) {
            let diagram = ladders.svg(id).unwrap_or_default();
            self.put(format_args!(
                "<h3><code>{}</code> has ended</h3><div class=\"wide\">{diagram}</div>",
                escape(id.as_str())
            ));
        }
    }

    fn session(&mut self, cse: &Cse, ladders: &Ladders, id: &SessionId) {
        let Some(session) = cse.state().sessions.get(id) else {
            return;
        };
        let phase = match session.phase {
            Phase::Pending { .. } => "not confirmed yet",
            Phase::Active => "in use",
            Phase::Terminating(_) => "ending",
        };
        let until = cse.expiry_of(id).map(moment).unwrap_or_default();
        let resource = cse.state().tree.get(&session.resource);
        self.put(format_args!(
            "<h3><code>{}</code></h3><p>{} and {}, {phase}, until {until}, resource {}</p>",
            escape(id.as_str()),
            escape(session.initiator.as_str()),
            escape(session.target.as_str()),
            resource.map(|r| link_to(r)).unwrap_or_default()
        ));
        let diagram = ladders.svg(id);
        let diagram =
            diagram.unwrap_or_else(|| "<p>Nothing was heard of it since the start.</p>".into());
        self.put(format_args!("<div class=\"wide\">{diagram}</div>"));
    }

    fn resource(&mut self, cse: &Cse, resource: &Resource) {
        let tree = &cse.state().tree;
        self.put(format_args!("<h2>Resource <code>"));
        let mut above: Vec<String> = tree.ancestry(&resource.id).map(|r| link_to(r)).collect();
        above.reverse();
        self.put(format_args!("{}</code></h2>", above.join("/")));
        self.table(&["Attribute", "Value"]);
        let expires = resource.expires.map_or_else(|| "never".to_owned(), moment);
        for (name, text) in [
            (
                "ty",
                format!(
                    "{} (<code>{}</code>)",
                    resource.resource_type.number(),
                    wrapper(resource.resource_type)
                ),
            ),
            ("ri", escape(resource.id.as_str())),
            ("ct", moment(resource.created)),
            ("lt", moment(resource.modified)),
            ("et", expires),
        ] {
            self.put(format_args!("<tr><td>{name}</td><td>{text}</td></tr>"));
        }
        for (name, found) in resource.attributes.iter().take(ROWS_MAX) {
            self.put(format_args!(
                "<tr><td>{}</td><td><code>{}</code></td></tr>",
                escape(short(name, Scope::Plain)),
                escape(&shown(found))
            ));
        }
        self.close_table(0, 0);
        let all = tree.children(&resource.id).count();
        self.put(format_args!("<h2>Children</h2>"));
        self.table(&["Name", "Type", "Created (UTC)", "Expires (UTC)", "Children"]);
        for child in tree.children(&resource.id).take(ROWS_MAX) {
            self.put(format_args!(
                "<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                link_to(child),
                wrapper(child.resource_type),
                moment(child.created),
                child.expires.map_or_else(|| "never".to_owned(), moment),
                number_of_children(cse, child)
            ));
        }
        self.close_table(all.min(ROWS_MAX), all);
    }
}

/// A moment for people, in UTC, to the second.
fn moment(at: Timestamp) -> String {
    let text = time::format(at);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{} {}:{}:{}",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(9, 11),
        part(11, 13),
        part(13, 15)
    )
}

/// How many children there are, as far as it is worth counting.
fn number_of_children(cse: &Cse, parent: &Resource) -> String {
    let children = cse.state().tree.children(&parent.id);
    match children.take(CHILDREN_MAX + 1).count() {
        number if number > CHILDREN_MAX => format!("more than {CHILDREN_MAX}"),
        number => number.to_string(),
    }
}

/// Who is registered by a resource.
fn entity_of(cse: &Cse, resource: &Resource) -> Option<Entity> {
    if resource.resource_type == ResourceType::Ae {
        let id = AeId::at(&cse.config().cse_id, resource.id.as_str());
        return Some(Entity::Ae(id));
    }
    let id = resource.text(&Attribute::CseId)?;
    Some(Entity::Cse(CseId(id.clone())))
}

fn link_to(resource: &Resource) -> String {
    let (id, name) = (escape(resource.id.as_str()), escape(&resource.name));
    format!("<a href=\"/?at={id}\">{name}</a>")
}

/// A value as JSON, cut short; what holds key material is withheld.
fn shown(found: &Value) -> String {
    if is_secret(found) {
        return "(withheld)".to_owned();
    }
    let text = value::write(found);
    match text.char_indices().nth(VALUE_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn is_secret(found: &Value) -> bool {
    match found {
        Value::Secret(_) | Value::Sealed(_) => true,
        Value::List(list) => list.iter().any(is_secret),
        Value::Object(members) => members.values().any(is_secret),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Time(_) => false,
    }
}
