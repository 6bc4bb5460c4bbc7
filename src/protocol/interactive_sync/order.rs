//! The order of the members of JSON objects. [`Value`] sorts them by name, but the order in which a game lists its choices is the
//! order in which its viewers are to see them.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::Value;

/// The order of the members of all objects in a JSON text.
#[derive(Debug, PartialEq)]
pub(super) enum Order {
    /// An object: its members, and the order inside each.
    Members(Vec<(String, Order)>),
    /// A list: the order inside each element.
    Elements(Vec<Order>),
    /// Any other value.
    Plain,
}

impl Order {
    /// Returns the order inside a member of an object.
    pub(super) fn member(&self, name: &str) -> &Self {
        let Self::Members(members) = self else { return &Self::Plain };
        members.iter().find(|(member, _)| member == name).map_or(&Self::Plain, |(_, order)| order)
    }

    /// Writes `value` with the members of its objects in this order. Members that the order does not know follow them.
    pub(super) fn write(&self, value: &Value) -> String {
        serde_json::to_string(&Ordered { value, order: self }).expect("plain data")
    }
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrderVisitor)
    }
}

struct OrderVisitor;

impl<'de> Visitor<'de> for OrderVisitor {
    type Value = Order;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Order, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Order::Members(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Order, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Order::Elements(elements))
    }

    fn visit_str<E>(self, _: &str) -> Result<Order, E> {
        Ok(Order::Plain)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Order, E> {
        Ok(Order::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Order, E> {
        Ok(Order::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Order, E> {
        Ok(Order::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Order, E> {
        Ok(Order::Plain)
    }

    fn visit_unit<E>(self) -> Result<Order, E> {
        Ok(Order::Plain)
    }
}

/// A value whose members are written in an order of their own.
struct Ordered<'a> {
    value: &'a Value,
    order: &'a Order,
}

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.value, self.order) {
            (Value::Object(object), Order::Members(members)) => {
                let mut map = serializer.serialize_map(Some(object.len()))?;
                for (name, order) in members {
                    if let Some(value) = object.get(name) {
                        map.serialize_entry(name, &Ordered { value, order })?;
                    }
                }
                for (name, value) in object {
                    if members.iter().all(|(member, _)| member != name) {
                        map.serialize_entry(name, value)?;
                    }
                }
                map.end()
            }
            (Value::Array(list), Order::Elements(elements)) => {
                serializer.collect_seq(list.iter().zip(elements).map(|(value, order)| Ordered { value, order }))
            }
            (value, _) => value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> Order {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn a_text_is_written_as_it_was_ordered() {
        let texts = [
            r#"{"z":1,"a":{"10":null,"9":true,"b":-1},"m":[{"y":"x","c":1.5},[],{}]}"#,
            r#"[[{"2":"two","1":"one"}],"text"]"#,
            r#"{"\u00e9":1,"e":2}"#,
        ];
        for text in texts {
            let value: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(order(text).write(&value), text.replace("\\u00e9", "é"));
        }
    }

    #[test]
    fn what_was_filled_in_follows_and_what_was_left_out_is_not_written() {
        let (given, filled) =
            (order(r#"{"z":{"y":1,"b":"3000"},"gone":1,"a":1}"#), r#"{"a":1,"c":{"k":2},"z":{"b":3000,"x":4,"y":1}}"#);
        let filled: Value = serde_json::from_str(filled).expect("JSON");
        assert_eq!(given.write(&filled), r#"{"z":{"y":1,"b":3000,"x":4},"a":1,"c":{"k":2}}"#);
        assert_eq!(*order("1").member("z"), Order::Plain);
        assert_eq!(given.member("z").write(&filled["z"]), r#"{"y":1,"b":3000,"x":4}"#);
    }
}
