//! JSON in a browser, which parses it itself: a parser of our own would be a large part of what it downloads.
//!
//! The parsed value is read by serde, through a [`Deserializer`] that is made for size and does no more than the types of
//! [`wire`](super) need. With serde-wasm-bindgen, which tells why a value is not what is expected, the page is 10 % larger; nobody reads
//! that there. The types are tested natively, with serde_json.

use std::{cell::RefCell, fmt};

use js_sys::{Array, JSON, Object, Reflect};
use serde::{
    Deserialize,
    de::{self, DeserializeOwned, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor},
    forward_to_deserialize_any,
};
use wasm_bindgen::{JsCast, JsValue};

/// Largest number up to which a number of JavaScript tells integers apart.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// By this name [`Raw`] asks for a value as it is.
const RAW: &str = "live_chat::Raw";

thread_local! {
    /// A value on its way from the deserializer to [`Raw`], which serde has no way for.
    static ON_ITS_WAY: RefCell<JsValue> = const { RefCell::new(JsValue::UNDEFINED) };
}

/// A value that is read later, once its type is known.
#[derive(Clone, Debug)]
pub struct Raw(JsValue);

impl Raw {
    /// Reads the value. None if it is not what is expected.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(Value(self.0.clone())).ok()
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsItIs;

        impl Visitor<'_> for AsItIs {
            type Value = Raw;

            fn expecting(&self, _: &mut fmt::Formatter) -> fmt::Result {
                Ok(())
            }

            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw(ON_ITS_WAY.take()))
            }
        }

        deserializer.deserialize_newtype_struct(RAW, AsItIs)
    }
}

/// Reads a JSON text. None if it is not what is expected.
pub fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    Raw(JSON::parse(text).ok()?).read()
}

/// The value is not what is expected.
#[derive(Debug)]
struct Unexpected;

impl fmt::Display for Unexpected {
    fn fmt(&self, _: &mut fmt::Formatter) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Unexpected {}

impl de::Error for Unexpected {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }

    fn invalid_type(_: de::Unexpected, _: &dyn de::Expected) -> Self {
        Self
    }

    fn invalid_value(_: de::Unexpected, _: &dyn de::Expected) -> Self {
        Self
    }

    fn invalid_length(_: usize, _: &dyn de::Expected) -> Self {
        Self
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }

    fn missing_field(_: &'static str) -> Self {
        Self
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self
    }
}

struct Value(JsValue);

impl Value {
    fn is_missing(&self) -> bool {
        self.0.is_undefined() || self.0.is_null()
    }

    fn array(self) -> Result<Items, Unexpected> {
        Ok(Items { array: self.0.dyn_into().map_err(|_| Unexpected)?, next: 0 })
    }
}

impl<'de> de::Deserializer<'de> for Value {
    type Error = Unexpected;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unexpected> {
        if let Some(text) = self.0.as_string() {
            visitor.visit_string(text)
        } else if let Some(number) = self.0.as_f64() {
            match number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER {
                true if number < 0.0 => visitor.visit_i64(number as i64),
                true => visitor.visit_u64(number as u64),
                false => visitor.visit_f64(number),
            }
        } else if let Some(flag) = self.0.as_bool() {
            visitor.visit_bool(flag)
        } else if self.is_missing() {
            visitor.visit_unit()
        } else if Array::is_array(&self.0) {
            visitor.visit_seq(self.array()?)
        } else {
            self.deserialize_map(visitor)
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unexpected> {
        if self.is_missing() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Unexpected> {
        if name == RAW {
            ON_ITS_WAY.set(self.0);
            visitor.visit_unit()
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unexpected> {
        visitor.visit_seq(self.array()?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unexpected> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unexpected> {
        let object: Object = self.0.dyn_into().map_err(|_| Unexpected)?;
        let entries = Items { array: Object::entries(&object), next: 0 };
        visitor.visit_map(Entries { entries, value: JsValue::UNDEFINED })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unexpected> {
        if !self.0.is_object() {
            return Err(Unexpected);
        }
        visitor.visit_map(Fields { object: self.0, fields, next: 0, value: JsValue::UNDEFINED })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unexpected> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct tuple_struct identifier ignored_any
    }
}

/// A variant without data.
impl<'de> EnumAccess<'de> for Value {
    type Error = Unexpected;
    type Variant = Unit;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Unit), Unexpected> {
        Ok((seed.deserialize(self)?, Unit))
    }
}

struct Unit;

impl<'de> VariantAccess<'de> for Unit {
    type Error = Unexpected;

    fn unit_variant(self) -> Result<(), Unexpected> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Unexpected> {
        Err(Unexpected)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Unexpected> {
        Err(Unexpected)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Unexpected> {
        Err(Unexpected)
    }
}

/// The items of an array.
struct Items {
    array: Array,
    next: u32,
}

impl Items {
    fn next(&mut self) -> Option<JsValue> {
        let at = self.next;
        self.next += 1;
        (at < self.array.length()).then(|| self.array.get(at))
    }
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Unexpected;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unexpected> {
        self.next().map(|item| seed.deserialize(Value(item))).transpose()
    }
}

/// The keys and values of an object.
struct Entries {
    entries: Items,
    value: JsValue,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Unexpected;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unexpected> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        let entry = Array::from(&entry);
        self.value = entry.get(1);
        seed.deserialize(Value(entry.get(0))).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unexpected> {
        seed.deserialize(Value(std::mem::take(&mut self.value)))
    }
}

/// Those properties of an object that a type has. What else it holds is passed over.
struct Fields {
    object: JsValue,
    fields: &'static [&'static str],
    next: usize,
    value: JsValue,
}

impl Fields {
    /// Goes to the next field that the object has. Returns its number.
    fn step(&mut self) -> Option<usize> {
        while let Some(name) = self.fields.get(self.next) {
            self.next += 1;
            // It fails for no object.
            self.value = Reflect::get(&self.object, &JsValue::from_str(name)).unwrap_or_default();
            if !self.value.is_undefined() {
                return Some(self.next - 1);
            }
        }
        None
    }
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Unexpected;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unexpected> {
        self.step().map(|number| seed.deserialize(Field(number))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unexpected> {
        seed.deserialize(Value(std::mem::take(&mut self.value)))
    }
}

/// A field by its number among those of its type, which is less code than its name.
struct Field(usize);

impl<'de> de::Deserializer<'de> for Field {
    type Error = Unexpected;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unexpected> {
        visitor.visit_u64(self.0 as u64)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}
