//! JSON schemas as types of Python: what has fields is a `TypedDict`, and the same fields have one name wherever they stand.

use std::collections::{BTreeMap, BTreeSet};

use oas3::Spec;
use oas3::spec::{ObjectOrReference, ObjectSchema, Schema, SchemaType, SchemaTypeSet};
use serde_json::Value;

use super::python::{camel, is_name, text, unused};

/// Deepest nesting of a schema that is told.
const DEEPEST: usize = 40;
/// Longest type that is written out, in bytes: schemas without fields that refer to each other double with each step.
const LONGEST: usize = 2_000;

/// A type with fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The name.
    pub(crate) name: String,
    /// What it is, in the words of the document.
    pub(crate) about: Option<String>,
    /// Those that are always there.
    pub(crate) required: Vec<Field>,
    /// Those that may lack.
    pub(crate) optional: Vec<Field>,
}

/// A field of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// The name, as JSON has it.
    pub(crate) name: String,
    /// Its type.
    pub(crate) annotation: String,
}

/// The types of a document, as they are asked for.
pub(crate) struct Types<'s> {
    spec: &'s Spec,
    records: Vec<Record>,
    names: BTreeSet<String>,
    /// The names of those with fields, by what the schema says or by the reference to it.
    known: BTreeMap<String, String>,
    /// Whole types, by the reference.
    referred: BTreeMap<String, String>,
    /// References that are being followed, the outermost first.
    open: Vec<String>,
}

impl<'s> Types<'s> {
    pub(crate) fn of(spec: &'s Spec) -> Self {
        Self {
            spec,
            records: Vec::new(),
            names: BTreeSet::new(),
            known: BTreeMap::new(),
            referred: BTreeMap::new(),
            open: Vec::new(),
        }
    }

    /// The types with fields that were asked for, in that order.
    pub(crate) fn records(self) -> Vec<Record> {
        self.records
    }

    /// The type with fields of a name.
    pub(crate) fn record(&self, name: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.name == name)
    }

    /// The type that a schema says; `name` is for one with fields that has no name of its own.
    pub(crate) fn annotation(&mut self, schema: Option<&Schema>, name: &str) -> String {
        schema.map_or_else(any, |schema| self.at(schema, name, 0))
    }

    fn at(&mut self, schema: &Schema, name: &str, depth: usize) -> String {
        let Schema::Object(schema) = schema else { return any() };
        if depth > DEEPEST {
            return any();
        }
        match &**schema {
            ObjectOrReference::Object(schema) => self.object(schema, name, depth, None),
            ObjectOrReference::Ref { ref_path, .. } => {
                if let Some(known) = self.referred.get(ref_path) {
                    return known.clone();
                }
                let own = ref_path.rsplit('/').next().unwrap_or(name);
                let target = self.spec.components.as_ref().and_then(|it| it.schemas.get(own));
                let Some(Schema::Object(target)) = target else { return any() };
                // It is in itself: what has fields has a name for that.
                if self.open.contains(ref_path) {
                    return self.again(ref_path, target);
                }
                self.open.push(ref_path.clone());
                let kind = match &**target {
                    ObjectOrReference::Object(target) => {
                        self.object(target, &camel(own), depth + 1, Some(ref_path))
                    }
                    ObjectOrReference::Ref { .. } => {
                        self.at(&Schema::Object(target.clone()), name, depth + 1)
                    }
                };
                self.open.pop();
                self.referred.insert(ref_path.clone(), kind.clone());
                kind
            }
        }
    }

    /// What a reference is inside of what it refers to.
    fn again(&self, ref_path: &str, target: &ObjectOrReference<ObjectSchema>) -> String {
        let (Some(name), ObjectOrReference::Object(target)) = (self.known.get(ref_path), target)
        else {
            return any();
        };
        let has_null = matches!(&target.schema_type,
            Some(SchemaTypeSet::Multiple(kinds)) if kinds.contains(&SchemaType::Null));
        if has_null { format!("{name} | None") } else { name.clone() }
    }

    fn object(
        &mut self,
        schema: &ObjectSchema,
        name: &str,
        depth: usize,
        reference: Option<&str>,
    ) -> String {
        if let Some(value) = &schema.const_value {
            return literal(&[value]).unwrap_or_else(any);
        }
        if !schema.enum_values.is_empty() {
            let values: Vec<&Value> = schema.enum_values.iter().collect();
            return literal(&values).unwrap_or_else(any);
        }
        let choices: Vec<&Schema> = schema.any_of.iter().chain(&schema.one_of).collect();
        if !choices.is_empty() {
            let many = choices.iter().filter(|choice| !is_null(choice)).count() > 1;
            let mut kinds = Vec::new();
            for (at, choice) in choices.into_iter().enumerate() {
                let name = if many { format!("{name}{}", at + 1) } else { name.to_owned() };
                kinds.push(self.at(choice, &name, depth + 1));
            }
            return union(&kinds);
        }
        match &schema.all_of[..] {
            [] => {}
            [only] if schema.properties.is_empty() => return self.at(only, name, depth + 1),
            _ => return "dict[str, Any]".to_owned(),
        }
        let kinds = match &schema.schema_type {
            None if !schema.properties.is_empty() => vec![SchemaType::Object],
            None => return any(),
            Some(SchemaTypeSet::Single(kind)) => vec![*kind],
            Some(SchemaTypeSet::Multiple(kinds)) => kinds.clone(),
        };
        let kinds = kinds.into_iter().map(|kind| match kind {
            SchemaType::Boolean => "bool".to_owned(),
            SchemaType::Integer => "int".to_owned(),
            SchemaType::Number => "float".to_owned(),
            SchemaType::String => "str".to_owned(),
            SchemaType::Null => "None".to_owned(),
            SchemaType::Array => {
                let item = format!("{name}Item");
                let item = schema.items.as_deref().map(|items| self.at(items, &item, depth + 1));
                format!("list[{}]", item.unwrap_or_else(any))
            }
            SchemaType::Object => self.fields(schema, name, depth, reference),
        });
        let kinds: Vec<String> = kinds.collect();
        union(&kinds)
    }

    fn fields(
        &mut self,
        schema: &ObjectSchema,
        name: &str,
        depth: usize,
        reference: Option<&str>,
    ) -> String {
        if schema.properties.is_empty() {
            let value = schema.additional_properties.as_ref();
            let value = value.map(|value| self.at(value, &format!("{name}Value"), depth + 1));
            return format!("dict[str, {}]", value.unwrap_or_else(any));
        }
        let says = reference.map_or_else(
            || serde_json::to_string(&(&schema.properties, &schema.required)).unwrap_or_default(),
            str::to_owned,
        );
        if let Some(known) = self.known.get(&says) {
            return known.clone();
        }
        let own = schema.title.as_deref().filter(|title| is_name(title)).unwrap_or(name);
        let own = unused(&mut self.names, camel(own));
        // Known before its fields are looked at: one of them may be the same again.
        self.known.insert(says, own.clone());
        let at = self.records.len();
        let about = schema.description.clone();
        let (required, optional) = (Vec::new(), Vec::new());
        self.records.push(Record { name: own.clone(), about, required, optional });
        let (mut required, mut optional) = (Vec::new(), Vec::new());
        for (key, value) in &schema.properties {
            let annotation = self.at(value, &format!("{own}{}", camel(key)), depth + 1);
            let field = Field { name: key.clone(), annotation };
            if schema.required.contains(key) { required.push(field) } else { optional.push(field) }
        }
        if let Some(record) = self.records.get_mut(at) {
            (record.required, record.optional) = (required, optional);
        }
        own
    }
}

fn any() -> String {
    "Any".to_owned()
}

fn is_null(schema: &Schema) -> bool {
    let Schema::Object(schema) = schema else { return false };
    matches!(&**schema, ObjectOrReference::Object(it)
        if it.schema_type == Some(SchemaTypeSet::Single(SchemaType::Null)))
}

/// Each kind once, `None` last; `Any` swallows all.
fn union(kinds: &[String]) -> String {
    let mut all: Vec<String> = Vec::new();
    for kind in kinds.iter().flat_map(|kind| split(kind)) {
        if kind == "Any" {
            return any();
        }
        if !all.iter().any(|known| known == kind) {
            all.push(kind.to_owned());
        }
    }
    all.sort_by_key(|kind| kind == "None");
    let text = all.join(" | ");
    if all.is_empty() || text.len() > LONGEST { any() } else { text }
}

/// The parts of a union, which brackets hold together.
fn split(kind: &str) -> Vec<&str> {
    if kind.contains('[') || kind.contains('"') { vec![kind] } else { kind.split(" | ").collect() }
}

fn literal(values: &[&Value]) -> Option<String> {
    let mut written = Vec::new();
    let mut has_none = false;
    for value in values {
        match value {
            Value::Null => has_none = true,
            Value::Bool(is) => written.push(if *is { "True" } else { "False" }.to_owned()),
            Value::Number(number) if number.is_i64() => written.push(number.to_string()),
            Value::String(word) => written.push(text(word)),
            _ => return None,
        }
    }
    let mut kinds = Vec::new();
    if !written.is_empty() {
        kinds.push(format!("Literal[{}]", written.join(", ")));
    }
    if has_none {
        kinds.push("None".to_owned());
    }
    Some(kinds.join(" | "))
}
