//! Messages as a case gets them.

use serde_json::Value;

use crate::wire::{Primitive, Request, Response};

/// A message that arrived.
#[derive(Debug, Clone)]
pub struct Message {
    /// As it came.
    pub text: String,
    /// As JSON.
    pub value: Value,
    /// As a primitive.
    pub primitive: Primitive,
    pub(super) event: usize,
}

impl Message {
    /// Content, or null.
    #[must_use]
    pub fn content(&self) -> &Value {
        &self.value["pc"]
    }

    /// The member of the content with this name, or null.
    #[must_use]
    pub fn body(&self, name: &str) -> &Value {
        &self.value["pc"][name]
    }

    pub(super) fn response_to(&self, rqi: &str) -> bool {
        match &self.primitive {
            Primitive::Request(_) => false,
            Primitive::Response(response) => response.rqi.as_deref() == Some(rqi),
        }
    }

    pub(super) fn request(&self) -> Option<&Request> {
        match &self.primitive {
            Primitive::Request(request) => Some(request),
            Primitive::Response(_) => None,
        }
    }

    pub(super) fn response(&self) -> Option<&Response> {
        match &self.primitive {
            Primitive::Request(_) => None,
            Primitive::Response(response) => Some(response),
        }
    }
}
