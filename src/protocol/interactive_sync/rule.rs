//! Rules for JSON, as many of Joi's as the protocol needs: a value is checked, and filled in with its defaults. The first thing that is
//! wrong is told in Joi's words, which the protocol's clients are sent.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// What holds for a value.
pub(super) enum Rule {
    /// A text.
    Text(Text),
    /// A number, or a text that is one.
    Number { min: i32, max: i32 },
    /// True or false, or 1 or 0 for it.
    Boolean,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An object with these members and no others.
    Object(Vec<Member>),
    /// An object whose members are all alike.
    Map { name: Name, value: Box<Rule>, min: usize, max: usize },
    /// A list, no two of whose elements have the same of that member.
    List { element: Box<Rule>, min: usize, max: usize, unique: Option<&'static str> },
    /// What one of them holds for.
    Either(Box<[Rule; 2]>),
}

/// What holds for a text.
#[derive(Clone, Copy)]
pub(super) struct Text {
    pub(super) form: Form,
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) unit: Unit,
}

/// Of which characters a text is made.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// Any, and there may be none.
    Any,
    /// Any, but there must be some.
    Filled,
    /// Letters and digits.
    Alphanumeric,
    /// A letter first, then what an id in HTML 4 may have.
    Id,
}

/// In what the length of a text is counted.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unit {
    /// UTF-16 code units, as JavaScript does.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

/// The names of a map's members.
pub(super) enum Name {
    OneOf(&'static [&'static str]),
    Text(Text),
}

/// A member of an object.
pub(super) struct Member {
    name: &'static str,
    rule: Rule,
    presence: Presence,
}

pub(super) enum Presence {
    Optional,
    Required,
    /// If the object's `type` is one of these.
    RequiredFor(&'static [&'static str]),
    /// Filled in.
    Default(Value),
}

/// What is wrong with a value, as Joi says it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Detail {
    pub(super) message: String,
    pub(super) path: Vec<Value>,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) context: Map<String, Value>,
}

impl Member {
    pub(super) fn optional(name: &'static str, rule: Rule) -> Self {
        Self { name, rule, presence: Presence::Optional }
    }

    pub(super) fn required(name: &'static str, rule: Rule) -> Self {
        Self { name, rule, presence: Presence::Required }
    }

    pub(super) fn required_for(types: &'static [&'static str], name: &'static str, rule: Rule) -> Self {
        Self { name, rule, presence: Presence::RequiredFor(types) }
    }

    pub(super) fn default(name: &'static str, rule: Rule, value: Value) -> Self {
        Self { name, rule, presence: Presence::Default(value) }
    }
}

impl Rule {
    /// Checks a whole value.
    pub(super) fn apply(&self, value: &Value) -> Result<Value, Box<Detail>> {
        self.check(value, &mut Vec::new())
    }

    fn check(&self, value: &Value, path: &mut Vec<Value>) -> Result<Value, Box<Detail>> {
        match self {
            Self::Text(text) => text.check(value, path).map(|()| value.clone()),
            Self::Number { min, max } => number(value, *min, *max, path),
            Self::Boolean => boolean(value).ok_or_else(|| wrong(path, value, "boolean.base", "must be a boolean", json!({}))),
            Self::OneOf(texts) => match value.as_str().filter(|text| texts.contains(text)) {
                Some(_) => Ok(value.clone()),
                None => {
                    let message = format!("must be one of [{}]", texts.join(", "));
                    Err(wrong(path, value, "any.only", &message, json!({ "valids": texts })))
                }
            },
            Self::Object(members) => object(members, value, path),
            Self::Map { name, value: rule, min, max } => map(name, rule, (*min, *max), value, path),
            Self::List { element, min, max, unique } => list(element, (*min, *max), *unique, value, path),
            Self::Either(rules) => rules.iter().find_map(|rule| rule.check(value, path).ok()).ok_or_else(|| {
                let types = json!({ "types": ["string", "number"] });
                wrong(path, value, "alternatives.types", "must be one of [string, number]", types)
            }),
        }
    }
}

impl Text {
    fn check(&self, value: &Value, path: &[Value]) -> Result<(), Box<Detail>> {
        let refuse = |kind, message: &str, context| Err(wrong(path, value, kind, message, context));
        let Some(text) = value.as_str() else { return refuse("string.base", "must be a string", json!({})) };
        if text.is_empty() {
            return match self.form {
                Form::Any => Ok(()),
                _ => refuse("string.empty", "is not allowed to be empty", json!({})),
            };
        }
        if self.form == Form::Alphanumeric && !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return refuse("string.alphanum", "must only contain alpha-numeric characters", json!({}));
        }
        if self.form == Form::Id && !is_id(text) {
            let message = format!("with value {value} fails to match the required pattern: /^[A-Za-z]+[\\w\\-\\:\\.]*$/");
            return refuse("string.pattern.base", &message, json!({ "regex": {} }));
        }
        let length = if self.unit == Unit::Bytes { text.len() } else { text.encode_utf16().count() };
        let context = |limit: usize| match self.unit {
            Unit::Characters => json!({ "limit": limit }),
            Unit::Bytes => json!({ "limit": limit, "encoding": "utf8" }),
        };
        if length < self.min {
            return refuse("string.min", &format!("length must be at least {} characters long", self.min), context(self.min));
        }
        if length > self.max {
            let message = format!("length must be less than or equal to {} characters long", self.max);
            return refuse("string.max", &message, context(self.max));
        }
        Ok(())
    }
}

fn number(value: &Value, min: i32, max: i32, path: &[Value]) -> Result<Value, Box<Detail>> {
    let converted = value.as_str().and_then(|text| text.trim().parse::<serde_json::Number>().ok()).map(Value::Number);
    let value = converted.as_ref().unwrap_or(value);
    let Some(number) = value.as_f64() else { return Err(wrong(path, value, "number.base", "must be a number", json!({}))) };
    if number < f64::from(min) {
        let message = format!("must be greater than or equal to {min}");
        return Err(wrong(path, value, "number.min", &message, json!({ "limit": min })));
    }
    if number > f64::from(max) {
        let message = format!("must be less than or equal to {max}");
        return Err(wrong(path, value, "number.max", &message, json!({ "limit": max })));
    }
    Ok(value.clone())
}

fn boolean(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) => Some(value.clone()),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true.into()),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false.into()),
        Value::String(text) => text.parse::<bool>().ok().map(Value::Bool),
        _ => None,
    }
}

fn object(members: &[Member], value: &Value, path: &mut Vec<Value>) -> Result<Value, Box<Detail>> {
    let given = given(value, path)?;
    let kind = given.get("type").and_then(Value::as_str).unwrap_or_default();
    let mut object = Map::new();
    for Member { name, rule, presence } in members {
        if let Some(value) = given.get(*name) {
            let checked = inside(path, (*name).into(), |path| rule.check(value, path))?;
            object.insert((*name).to_owned(), checked);
            continue;
        }
        let is_missing = match presence {
            Presence::Optional => false,
            Presence::Required => true,
            Presence::RequiredFor(types) => types.contains(&kind),
            Presence::Default(value) => {
                object.insert((*name).to_owned(), value.clone());
                false
            }
        };
        if is_missing {
            return inside(path, (*name).into(), |path| Err(wrong(path, &Value::Null, "any.required", "is required", json!({}))));
        }
    }
    match given.iter().find(|(name, _)| members.iter().all(|member| member.name != *name)) {
        Some((name, value)) => Err(unknown(name, value, path)),
        None => Ok(Value::Object(object)),
    }
}

fn map(name: &Name, rule: &Rule, (min, max): (usize, usize), value: &Value, path: &mut Vec<Value>) -> Result<Value, Box<Detail>> {
    let given = given(value, path)?;
    let mut map = Map::new();
    for (key, value) in given {
        let is_known = match name {
            Name::OneOf(names) => names.contains(&key.as_str()),
            Name::Text(text) => text.check(&key.as_str().into(), path).is_ok(),
        };
        if !is_known {
            return Err(unknown(key, value, path));
        }
        map.insert(key.clone(), inside(path, key.as_str().into(), |path| rule.check(value, path))?);
    }
    let refuse =
        |kind, words, limit| Err(wrong(path, value, kind, &format!("must have {words} {limit} keys"), json!({ "limit": limit })));
    match map.len() {
        few if few < min => refuse("object.min", "at least", min),
        many if many > max => refuse("object.max", "less than or equal to", max),
        _ => Ok(Value::Object(map)),
    }
}

fn list(
    element: &Rule,
    (min, max): (usize, usize),
    unique: Option<&'static str>,
    value: &Value,
    path: &mut Vec<Value>,
) -> Result<Value, Box<Detail>> {
    let Value::Array(given) = value else { return Err(wrong(path, value, "array.base", "must be an array", json!({}))) };
    // Before its elements: a long list is not looked through.
    let refuse = |kind, words, limit| {
        Err(wrong(path, value, kind, &format!("must contain {words} {limit} items"), json!({ "limit": limit })))
    };
    match given.len() {
        few if few < min => return refuse("array.min", "at least", min),
        many if many > max => return refuse("array.max", "less than or equal to", max),
        _ => {}
    }
    let mut list = Vec::with_capacity(given.len());
    for (at, value) in given.iter().enumerate() {
        list.push(inside(path, at.into(), |path| element.check(value, path))?);
    }
    for (at, value) in list.iter().enumerate() {
        let same = |other: &Value| unique.is_some_and(|name| value.get(name).is_some() && value.get(name) == other.get(name));
        if let Some(first) = list[..at].iter().position(same) {
            let context = json!({ "pos": at, "dupePos": first, "dupeValue": list[first], "path": unique });
            return inside(path, at.into(), |path| {
                Err(wrong(path, value, "array.unique", "contains a duplicate value", context.clone()))
            });
        }
    }
    Ok(Value::Array(list))
}

fn given<'a>(value: &'a Value, path: &[Value]) -> Result<&'a Map<String, Value>, Box<Detail>> {
    let refused = || wrong(path, value, "object.base", "must be of type object", json!({ "type": "object" }));
    value.as_object().ok_or_else(refused)
}

fn inside<T>(path: &mut Vec<Value>, step: Value, check: impl Fn(&mut Vec<Value>) -> T) -> T {
    path.push(step);
    let checked = check(path);
    path.pop();
    checked
}

fn unknown(name: &str, value: &Value, path: &mut Vec<Value>) -> Box<Detail> {
    inside(path, name.into(), |path| wrong(path, value, "object.unknown", "is not allowed", json!({ "child": name })))
}

fn wrong(path: &[Value], value: &Value, kind: &'static str, message: &str, context: Value) -> Box<Detail> {
    let label = label(path);
    let Value::Object(mut context) = context else { unreachable!("written here, as an object") };
    context.insert("label".into(), label.clone().into());
    if !value.is_null() {
        context.insert("value".into(), value.clone());
    }
    if let Some(key) = path.last() {
        context.insert("key".into(), key.clone());
    }
    Box::new(Detail { message: format!("\"{label}\" {message}"), path: path.to_vec(), kind, context })
}

/// Where a value is, as Joi writes it: `panel.components[0].name`.
fn label(path: &[Value]) -> String {
    let mut label = String::new();
    for step in path {
        match step {
            Value::String(name) if label.is_empty() => label.push_str(name),
            Value::String(name) => label.extend([".", name]),
            index => label.push_str(&format!("[{index}]")),
        }
    }
    if label.is_empty() { "value".to_owned() } else { label }
}

fn is_id(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:.".contains(&byte);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(rest)
}
