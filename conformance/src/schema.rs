//! The schemas: generated from [`crate::wire`], stored in `schemas/`, embedded here and applied to
//! every message that arrives.
//!
//! What is validated against is the embedded text, not the types: the files are what others use,
//! so they are what must be right. A test compares the two.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use crate::report::results::Results;
use crate::wire::notify::{Establishment, Notification, Termination, Update};
use crate::wire::{Request, Response, resource, session};

/// One schema file.
#[derive(Debug, Clone, Copy)]
pub struct Document {
    /// Path below `schemas/`.
    pub path: &'static str,
    /// The text as stored.
    pub text: &'static str,
    title: &'static str,
    generate: fn() -> Schema,
}

/// Every schema file.
pub const DOCUMENTS: &[Document] = &[
    Document {
        path: "request.schema.json",
        text: include_str!("../../schemas/request.schema.json"),
        title: "Request primitive",
        generate: root::<Request>,
    },
    Document {
        path: "response.schema.json",
        text: include_str!("../../schemas/response.schema.json"),
        title: "Response primitive",
        generate: root::<Response>,
    },
    Document {
        path: "notification.schema.json",
        text: include_str!("../../schemas/notification.schema.json"),
        title: "Content of a NOTIFY caused by a subscription",
        generate: root::<Notification>,
    },
    Document {
        path: "resource/ae.schema.json",
        text: include_str!("../../schemas/resource/ae.schema.json"),
        title: "AE, m2m:ae",
        generate: root::<resource::Ae>,
    },
    Document {
        path: "resource/cse-base.schema.json",
        text: include_str!("../../schemas/resource/cse-base.schema.json"),
        title: "CSEBase, m2m:cb",
        generate: root::<resource::CseBase>,
    },
    Document {
        path: "resource/remote-cse.schema.json",
        text: include_str!("../../schemas/resource/remote-cse.schema.json"),
        title: "remoteCSE, m2m:csr",
        generate: root::<resource::RemoteCse>,
    },
    Document {
        path: "resource/access-control-policy.schema.json",
        text: include_str!("../../schemas/resource/access-control-policy.schema.json"),
        title: "accessControlPolicy, m2m:acp",
        generate: root::<resource::AccessControlPolicy>,
    },
    Document {
        path: "resource/container.schema.json",
        text: include_str!("../../schemas/resource/container.schema.json"),
        title: "container, m2m:cnt",
        generate: root::<resource::Container>,
    },
    Document {
        path: "resource/content-instance.schema.json",
        text: include_str!("../../schemas/resource/content-instance.schema.json"),
        title: "contentInstance, m2m:cin",
        generate: root::<resource::ContentInstance>,
    },
    Document {
        path: "resource/sealed-container.schema.json",
        text: include_str!("../../schemas/resource/sealed-container.schema.json"),
        title: "flexContainer for sealed values, smg:sld",
        generate: root::<resource::SealedContainer>,
    },
    Document {
        path: "resource/subscription.schema.json",
        text: include_str!("../../schemas/resource/subscription.schema.json"),
        title: "subscription, m2m:sub",
        generate: root::<resource::Subscription>,
    },
    Document {
        path: "resource/request.schema.json",
        text: include_str!("../../schemas/resource/request.schema.json"),
        title: "request, m2m:req",
        generate: root::<resource::PendingRequest>,
    },
    Document {
        path: "resource/sessions.schema.json",
        text: include_str!("../../schemas/resource/sessions.schema.json"),
        title: "sessions, smg:sess",
        generate: root::<session::Sessions>,
    },
    Document {
        path: "resource/session.schema.json",
        text: include_str!("../../schemas/resource/session.schema.json"),
        title: "session, smg:ses",
        generate: root::<session::Session>,
    },
    Document {
        path: "resource/session-endpoint.schema.json",
        text: include_str!("../../schemas/resource/session-endpoint.schema.json"),
        title: "sessionEndpoint, smg:sep",
        generate: root::<session::SessionEndpoint>,
    },
    Document {
        path: "resource/next-hop.schema.json",
        text: include_str!("../../schemas/resource/next-hop.schema.json"),
        title: "nextHop, smg:nhp",
        generate: root::<session::NextHop>,
    },
    Document {
        path: "resource/session-policy.schema.json",
        text: include_str!("../../schemas/resource/session-policy.schema.json"),
        title: "sessionPolicy, smg:spy",
        generate: root::<session::SessionPolicy>,
    },
    Document {
        path: "resource/session-context.schema.json",
        text: include_str!("../../schemas/resource/session-context.schema.json"),
        title: "sessionContext, smg:scx",
        generate: root::<session::SessionContext>,
    },
    Document {
        path: "resource/session-context-entry.schema.json",
        text: include_str!("../../schemas/resource/session-context-entry.schema.json"),
        title: "sessionContextEntry, smg:sce",
        generate: root::<session::SessionContextEntry>,
    },
];

/// Schema files of what the suite itself writes; no message is validated against them.
pub const REPORTS: &[Document] = &[Document {
    path: "report/results.schema.json",
    text: include_str!("../../schemas/report/results.schema.json"),
    title: "Results of a run of the conformance suite",
    generate: root::<Results>,
}];

impl Document {
    /// The text as the types demand it.
    #[must_use]
    pub fn generated(&self) -> String {
        let mut schema = (self.generate)();
        schema.insert("title".to_owned(), self.title.into());
        let mut text =
            serde_json::to_string_pretty(schema.as_value()).expect("a schema is plain JSON");
        text.push('\n');
        text
    }
}

/// What kind of message a violation was found in; each is a requirement of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// A request primitive.
    Request,
    /// A response primitive.
    Response,
    /// The content of a NOTIFY.
    Notification,
}

impl Shape {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 3] = [Self::Request, Self::Response, Self::Notification];

    /// Identifier of the case that messages of this kind keep to their schema.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Request => "SCHEMA-1",
            Self::Response => "SCHEMA-2",
            Self::Notification => "SCHEMA-3",
        }
    }

    /// Requirements on messages of this kind.
    #[must_use]
    pub const fn requirements(self) -> &'static [&'static str] {
        match self {
            Self::Request => &["LNK-53"],
            Self::Response => &["LNK-53", "REG-29"],
            Self::Notification => &["EST-54", "USE-51", "END-28"],
        }
    }

    /// The file that says so.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Request => "request.schema.json",
            Self::Response => "response.schema.json",
            Self::Notification => "notification.schema.json",
        }
    }
}

/// A message that does not keep to its schema.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Which rule.
    pub shape: Shape,
    /// Where in the message, as a JSON pointer.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// Checks one message; nothing found means valid.
#[must_use]
pub fn check(message: &Value) -> Vec<Violation> {
    if message.get("op").is_some() {
        let mut found = apply(Shape::Request, message);
        let content = message.get("pc").filter(|pc| pc.get("m2m:sgn").is_some());
        if let Some(content) = content {
            let inner = apply(Shape::Notification, content);
            // The request embeds the notification: say it once, under the closer rule.
            if !inner.is_empty() {
                found.retain(|violation| !violation.place.starts_with("/pc"));
            }
            found.extend(inner);
        }
        found
    } else {
        apply(Shape::Response, message)
    }
}

/// A schema file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: std::io::Error,
}

/// Writes all schema files below `folder`.
///
/// # Errors
/// If a folder or file cannot be written.
pub fn write(folder: &Path) -> Result<usize, WriteError> {
    for document in DOCUMENTS.iter().chain(REPORTS) {
        let path = folder.join(document.path);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, document.generated()))
            .map_err(|source| WriteError { path, source })?;
    }
    Ok(DOCUMENTS.len() + REPORTS.len())
}

/// Files whose stored text differs from what the types demand.
#[must_use]
pub fn stale() -> Vec<&'static str> {
    let differs = |document: &&Document| document.generated() != document.text;
    DOCUMENTS
        .iter()
        .chain(REPORTS)
        .filter(differs)
        .map(|document| document.path)
        .collect()
}

fn apply(shape: Shape, message: &Value) -> Vec<Violation> {
    let errors = validator(shape).iter_errors(message);
    errors
        .map(|error| Violation {
            shape,
            place: error.instance_path().to_string(),
            what: shorten(&error.to_string()),
        })
        .collect()
}

fn shorten(text: &str) -> String {
    const MOST: usize = 300;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn validator(shape: Shape) -> &'static Validator {
    static COMPILED: OnceLock<Vec<(Shape, Validator)>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| {
        Shape::ALL
            .map(|shape| (shape, compile(shape.file())))
            .into_iter()
            .collect()
    });
    let found = compiled.iter().find(|(other, _)| *other == shape);
    &found.expect("every shape is compiled").1
}

/// Compiles the stored text of one schema file.
///
/// # Panics
/// If there is no such file or it is no valid schema: the tests exclude both.
#[must_use]
pub fn compile(path: &str) -> Validator {
    let mut documents = DOCUMENTS.iter().chain(REPORTS);
    let document = documents.find(|document| document.path == path);
    let text = document.expect("a known schema file").text;
    let schema: Value = serde_json::from_str(text).expect("schema files are JSON");
    jsonschema::draft202012::new(&schema).expect("schema files are schemas")
}

fn root<T: JsonSchema>() -> Schema {
    let mut generator: SchemaGenerator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.root_schema_for::<T>();
    let names_events = serde_json::to_string(schema.as_value())
        .is_ok_and(|text| text.contains("#/$defs/Establishment"));
    if names_events {
        // Only named in a condition, so that the derive cannot see them.
        generator.subschema_for::<Establishment>();
        generator.subschema_for::<Update>();
        generator.subschema_for::<Termination>();
        schema = generator.into_root_schema_for::<T>();
    }
    RecursiveTransform(without_null).transform(&mut schema);
    schema
}

/// An absent attribute is left out on this wire, never null.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    object.remove("format");
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    let is_null = |entry: &Value| entry.get("type").is_some_and(|name| name == "null");
    let Some(Value::Array(options)) = object.get_mut("anyOf") else {
        return;
    };
    if !options.iter().any(is_null) {
        return;
    }
    options.retain(|entry| !is_null(entry));
    if let [Value::Object(only)] = options.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        for (name, value) in only {
            object.entry(name).or_insert(value);
        }
    }
}
