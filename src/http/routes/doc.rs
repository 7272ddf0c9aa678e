//! What the documentation says of a route: a required part of its row, made from the very types the handler reads and
//! answers with.

use std::borrow::Cow;

use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::protocol::codes::Code;

/// A type as the documentation knows it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Its name among the schemas.
    pub name: fn() -> Cow<'static, str>,
    /// Its schema.
    pub schema: fn() -> RefOr<Schema>,
    /// The schemas it refers to.
    pub parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Shape {
    /// The shape of a type.
    pub const fn of<T: ToSchema>() -> Self {
        Self { name: T::name, schema: <T as PartialSchema>::schema, parts: T::schemas }
    }
}

/// A body or an answer.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    /// The media types it may have; the first is the usual one.
    pub media: &'static [&'static str],
    /// Its shape when it is JSON.
    pub shape: Option<Shape>,
}

/// One way a route answers when all goes well.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What is in it, if anything.
    pub content: Option<Content>,
}

/// What the documentation says of a route.
#[derive(Clone, Copy, Debug)]
pub struct Doc {
    /// One line.
    pub summary: &'static str,
    /// The query, as an object whose members are the parameters.
    pub query: Option<Shape>,
    /// The body it takes.
    pub body: Option<Content>,
    /// The answer when all goes well.
    pub answer: Answer,
    /// Another answer that is no error, or that is one but no problem document.
    pub other: Option<Answer>,
    /// The codes it can give besides those that every route of its kind can give.
    pub errors: &'static [Code],
}

const JSON: &[&str] = &["application/json"];

/// A route that answers 204 with nothing, as long as nothing else is said.
pub const fn doc(summary: &'static str) -> Doc {
    Doc { summary, query: None, body: None, answer: Answer { status: 204, content: None }, other: None, errors: &[] }
}

/// A route that answers with a page.
pub const fn page(summary: &'static str) -> Doc {
    doc(summary).bytes(200, &["text/html"])
}

impl Doc {
    /// Takes a JSON body of this type.
    pub const fn takes<T: ToSchema>(mut self) -> Self {
        self.body = Some(Content { media: JSON, shape: Some(Shape::of::<T>()) });
        self
    }

    /// Takes bytes of one of these media types.
    pub const fn takes_bytes(mut self, media: &'static [&'static str]) -> Self {
        self.body = Some(Content { media, shape: None });
        self
    }

    /// Takes the members of this type as its query.
    pub const fn query<T: ToSchema>(mut self) -> Self {
        self.query = Some(Shape::of::<T>());
        self
    }

    /// Answers 200 with JSON of this type.
    pub const fn gives<T: ToSchema>(mut self) -> Self {
        self.answer = Answer { status: 200, content: Some(Content { media: JSON, shape: Some(Shape::of::<T>()) }) };
        self
    }

    /// Answers with bytes of one of these media types.
    pub const fn bytes(mut self, status: u16, media: &'static [&'static str]) -> Self {
        self.answer = Answer { status, content: Some(Content { media, shape: None }) };
        self
    }

    /// Answers with this status and nothing.
    pub const fn empty(mut self, status: u16) -> Self {
        self.answer = Answer { status, content: None };
        self
    }

    /// May answer with this status and JSON of this type too.
    pub const fn or_gives<T: ToSchema>(mut self, status: u16) -> Self {
        self.other = Some(Answer { status, content: Some(Content { media: JSON, shape: Some(Shape::of::<T>()) }) });
        self
    }

    /// May answer 304 with nothing too.
    pub const fn or_unchanged(mut self) -> Self {
        self.other = Some(Answer { status: 304, content: None });
        self
    }

    /// Can give these codes.
    pub const fn errors(mut self, errors: &'static [Code]) -> Self {
        self.errors = errors;
        self
    }
}
