//! The schema files: up to date, with examples on both sides, and tight around every property.
#![expect(clippy::unwrap_used, reason = "a test may end where it stands")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use m2m_conformance::schema::{self, DOCUMENTS};
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

fn examples(side: &str) -> Vec<(String, Value)> {
    let folder = folder().join("examples").join(side);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        found.push((name, serde_json::from_str(&text).unwrap()));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[test]
fn the_files_say_what_the_types_say() {
    assert_eq!(
        schema::stale(),
        Vec::<&str>::new(),
        "run `cargo run -- schemas --write`"
    );
}

#[test]
fn every_file_is_a_schema_and_embedded() {
    for document in DOCUMENTS {
        let schema: Value = serde_json::from_str(document.text).unwrap();
        assert!(
            jsonschema::meta::validate(&schema).is_ok(),
            "{}",
            document.path
        );
    }
    let mut files = BTreeSet::new();
    for place in ["", "resource"] {
        for entry in std::fs::read_dir(folder().join(place)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".schema.json") {
                files.insert(Path::new(place).join(name).to_str().unwrap().to_owned());
            }
        }
    }
    let embedded = DOCUMENTS.iter().map(|document| document.path.to_owned());
    assert_eq!(files, embedded.collect());
}

#[test]
fn valid_examples_keep_to_their_schema() {
    let examples = examples("valid");

    assert!(examples.len() > 100);
    for (name, message) in examples {
        let found = schema::check(&message);
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn invalid_examples_are_refused() {
    for (name, message) in examples("invalid") {
        let kind = name.split('-').next().unwrap();
        let validator = schema::compile(&format!("{kind}.schema.json"));
        assert!(!validator.is_valid(&message), "{name} passes");
    }
}

#[test]
fn every_property_of_every_schema_is_tight() {
    let mut tried = 0;
    for document in DOCUMENTS {
        let schema: Value = serde_json::from_str(document.text).unwrap();
        let validator = schema::compile(document.path);
        let sampler = Sampler { root: &schema };
        for name in sampler.properties(&schema) {
            let sample = sampler.object_with(&schema, &name);
            let faults: Vec<String> = validator
                .iter_errors(&sample)
                .map(|error| error.to_string())
                .collect();
            assert!(
                faults.is_empty(),
                "{} {name}: {faults:?} {sample}",
                document.path
            );
            let property = &schema["properties"][&name];
            if sampler.is_any(property) {
                continue;
            }
            for wrong in wrong_values(&sample[&name])
                .into_iter()
                .chain(beyond(property))
            {
                let mut mutated = sample.clone();
                mutated[&name] = wrong;
                tried += 1;
                assert!(
                    !validator.is_valid(&mutated),
                    "{} {name}: {mutated}",
                    document.path
                );
            }
        }
    }
    assert!(tried > 300, "only {tried} mutations");
}

#[test]
fn nested_definitions_are_tight_too() {
    for document in DOCUMENTS {
        let schema: Value = serde_json::from_str(document.text).unwrap();
        let Some(definitions) = schema["$defs"].as_object() else {
            continue;
        };
        let sampler = Sampler { root: &schema };
        for (title, definition) in definitions {
            let mut alone = definition.clone();
            let Some(object) = alone.as_object_mut() else {
                continue;
            };
            object.insert("$defs".to_owned(), schema["$defs"].clone());
            let validator = jsonschema::draft202012::new(&alone).unwrap();
            for name in sampler.properties(definition) {
                let property = &definition["properties"][&name];
                // A reference to the whole file means another root here.
                if sampler.is_any(property) || property["$ref"] == "#" {
                    continue;
                }
                let sample = sampler.object_with(definition, &name);
                assert!(validator.is_valid(&sample), "{title} {name}: {sample}");
                for wrong in wrong_values(&sample[&name])
                    .into_iter()
                    .chain(beyond(property))
                {
                    let mut mutated = sample.clone();
                    mutated[&name] = wrong;
                    assert!(!validator.is_valid(&mutated), "{title} {name}: {mutated}");
                }
            }
        }
    }
}

#[test]
fn closed_types_refuse_unknown_members_and_open_ones_do_not() {
    for document in DOCUMENTS {
        let schema: Value = serde_json::from_str(document.text).unwrap();
        let validator = schema::compile(document.path);
        let sampler = Sampler { root: &schema };
        let first = sampler.properties(&schema).remove(0);
        let mut sample = sampler.object_with(&schema, &first);
        sample["unknown"] = json!(1);
        let title = schema["title"].as_str().unwrap();
        let closed = title.contains("primitive")
            || title.contains("NOTIFY")
            || (title.contains("smg:") && !title.contains("smg:sld"));
        assert_eq!(validator.is_valid(&sample), !closed, "{}", document.path);
    }
}

/// Values that no schema of this wire takes in the place of `right`.
fn wrong_values(right: &Value) -> Vec<Value> {
    let nested = json!({"no": {"such": "thing"}});
    match right {
        Value::Number(_) => vec![json!("1"), json!(1.5), Value::Null, nested],
        Value::String(_) => vec![json!(true), json!([]), Value::Null, nested],
        Value::Bool(_) => vec![json!("true"), json!(1), Value::Null, nested],
        Value::Array(_) => vec![json!("x"), json!([[]]), json!(1), Value::Null, nested],
        Value::Object(_) => vec![json!("x"), json!([]), json!(1), Value::Null],
        Value::Null => Vec::new(),
    }
}

/// Numbers just outside the range of a property.
fn beyond(property: &Value) -> Vec<Value> {
    let bound = |name: &str, step: i64| property[name].as_i64().map(|limit| json!(limit + step));
    [bound("minimum", -1), bound("maximum", 1)]
        .into_iter()
        .flatten()
        .collect()
}

/// Makes values that keep to a schema.
struct Sampler<'a> {
    root: &'a Value,
}

impl Sampler<'_> {
    fn resolve<'v>(&'v self, schema: &'v Value) -> &'v Value {
        match schema["$ref"].as_str() {
            Some("#") => self.root,
            Some(place) => self.root.pointer(place.trim_start_matches('#')).unwrap(),
            None => schema,
        }
    }

    fn properties(&self, schema: &Value) -> Vec<String> {
        let schema = self.resolve(schema);
        let properties = schema["properties"].as_object();
        properties
            .map(|found| found.keys().cloned().collect())
            .unwrap_or_default()
    }

    fn is_any(&self, schema: &Value) -> bool {
        let schema = self.resolve(schema);
        let limits = [
            "type",
            "anyOf",
            "oneOf",
            "const",
            "enum",
            "properties",
            "allOf",
        ];
        schema.is_boolean() || limits.iter().all(|limit| schema.get(limit).is_none())
    }

    /// The smallest object that has this property and keeps to the schema.
    fn object_with(&self, schema: &Value, name: &str) -> Value {
        let schema = self.resolve(schema);
        let mut wanted: Vec<String> = vec![name.to_owned()];
        let more = |list: &Value| -> Vec<String> {
            let names = list.as_array().into_iter().flatten();
            names
                .map(|name| name.as_str().unwrap().to_owned())
                .collect()
        };
        wanted.extend(more(&schema["required"]));
        if let Some(ways) = schema["anyOf"].as_array()
            && !ways
                .iter()
                .any(|way| more(&way["required"]).iter().all(|n| wanted.contains(n)))
        {
            wanted.extend(more(&ways[0]["required"]));
        }
        wanted.extend(self.conditional(schema, name));
        let mut at = 0;
        while at < wanted.len() {
            wanted.extend(more(&schema["dependentRequired"][&wanted[at]]));
            at += 1;
            let unique: BTreeSet<String> = wanted[at..].iter().cloned().collect();
            let known: BTreeSet<String> = wanted[..at].iter().cloned().collect();
            wanted.truncate(at);
            wanted.extend(unique.difference(&known).cloned());
        }
        let mut object = Map::new();
        for name in wanted {
            object.insert(name.clone(), self.value(&schema["properties"][&name]));
        }
        self.adjust(schema, name, &mut object);
        Value::Object(object)
    }

    /// What the conditions of a request, response or event demand beside this property.
    fn conditional(&self, schema: &Value, name: &str) -> Vec<String> {
        let members = self.properties(schema);
        let names: &[&str] = match (members.iter().any(|member| member == "op"), name) {
            (true, "ty" | "pc") if schema["allOf"].is_array() => &["ty", "pc", "fr"],
            (true, _) if schema["allOf"].is_array() => &["fr"],
            (false, _) if members.iter().any(|member| member == "rsc") => &["rqi"],
            _ => &[],
        };
        names
            .iter()
            .filter(|name| members.iter().any(|m| m == *name))
            .map(|&n| n.to_owned())
            .collect()
    }

    /// Operation and event type as the property demands.
    fn adjust(&self, schema: &Value, name: &str, object: &mut Map<String, Value>) {
        if !schema["allOf"].is_array() {
            return;
        }
        if object.contains_key("op") && object.contains_key("rqi") {
            let op = match name {
                "ty" | "pc" => 1,
                "rsn" => 4,
                _ => 2,
            };
            object.insert("op".to_owned(), op.into());
            if op == 1 {
                object.insert("ty".to_owned(), 3.into());
            }
        }
        if object.contains_key("net") {
            object.insert("net".to_owned(), 1.into());
        }
    }

    fn value(&self, schema: &Value) -> Value {
        let schema = self.resolve(schema);
        if let Some(example) = schema["examples"].get(0) {
            return example.clone();
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(options) = schema["anyOf"].as_array()
            && schema.get("properties").is_none()
        {
            return self.value(&options[0]);
        }
        match schema["type"].as_str() {
            Some("string") => json!("text"),
            Some("integer") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
            Some("boolean") => json!(true),
            Some("array") => json!([self.value(&schema["items"])]),
            Some("object") => match self.properties(schema).first() {
                Some(first) => self.object_with(schema, first),
                None => json!({}),
            },
            Some(_) | None => json!({"any": "thing"}),
        }
    }
}
