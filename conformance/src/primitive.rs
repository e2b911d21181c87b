//! Primitives as the suite writes them, whoever it plays.

use serde_json::{Value, json};

use crate::peer::Message;

/// A request, with the members of `more` besides.
#[must_use]
pub fn request(op: u8, to: &str, fr: &str, rqi: &str, more: Value) -> Value {
    let message = json!({"op": op, "to": to, "fr": fr, "rqi": rqi, "rvi": "3"});
    with(message, more)
}

/// A message with further members; those that it has already are replaced.
#[must_use]
pub fn with(mut message: Value, more: Value) -> Value {
    if let Value::Object(more) = more {
        for (name, value) in more {
            message[name] = value;
        }
    }
    message
}

/// The response to a request; with `sid` exactly if the request has it, without `pc` if there is no content.
#[must_use]
pub fn response(request: &Message, rsc: u64, content: Value) -> Value {
    let mut message = json!({"rsc": rsc, "rqi": request.value["rqi"], "rvi": "3"});
    if let Some(sid) = request.value.get("sid") {
        message["sid"] = sid.clone();
    }
    if !content.is_null() {
        message["pc"] = content;
    }
    message
}
