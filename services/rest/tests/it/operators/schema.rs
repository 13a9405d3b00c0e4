//! Validates responses against `openapi.json`: the part of JSON Schema that the document uses. An unknown keyword fails.

use crate::harness::{JsonResponse, Rest};
use serde_json::{Map, Value};

/// Keywords that do not constrain a value.
const WORDS: [&str; 3] = ["description", "format", "default"];

pub struct Document(pub Value);

impl Document {
    pub async fn of(rest: &Rest) -> Self {
        let response = rest.get("/api/v1/openapi.json").await;
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 200") && head.contains("content-type: application/json"),
            "{head}"
        );
        Self(serde_json::from_str(body).unwrap())
    }

    /// Every operation: method in capitals, path, and its description.
    pub fn operations(&self) -> Vec<(String, &str, &Value)> {
        let paths = self.0["paths"].as_object().unwrap().iter();
        paths
            .flat_map(|(path, verbs)| {
                let verbs = verbs.as_object().unwrap().iter();
                verbs.map(move |(verb, operation)| (verb.to_uppercase(), path.as_str(), operation))
            })
            .collect()
    }

    /// Fails if the document does not describe the operation, the status, or the response.
    pub fn check(&self, method: &str, path: &str, response: &JsonResponse) {
        let path = path.split('?').next().unwrap();
        let operations = self.operations();
        let all = operations.iter().filter(|(verb, template, _)| verb == method && is_at(template, path));
        let (_, _, operation) =
            all.min_by_key(|(_, template, _)| template.matches('{').count()).unwrap_or_else(|| {
                panic!("{method} {path} is not in the document");
            });
        let described = self.follow(&operation["responses"][response.status.to_string()]);
        assert!(described.is_object(), "{method} {path}: {} is not in the document", response.status);
        let Some(content) = described["content"].as_object() else {
            return assert!(response.body.is_null(), "{method} {path}: unexpected body: {response:?}");
        };
        let (kind, media) = content.iter().next().unwrap();
        assert!(
            response.head.contains(&format!("content-type: {kind}")),
            "{method} {path}: {}",
            response.head
        );
        self.compare(&response.body, &media["schema"], &format!("{method} {path}"));
    }

    fn follow<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(place) => self.0.pointer(place.strip_prefix('#').unwrap()).unwrap(),
            None => value,
        }
    }

    /// Fails if a value does not match its schema.
    fn compare(&self, value: &Value, schema: &Value, at: &str) {
        if let Err(why) = self.fits(value, schema) {
            panic!("{at}: {why}");
        }
    }

    fn fits(&self, value: &Value, schema: &Value) -> Result<(), String> {
        let schema = self.follow(schema).as_object().expect("a schema is an object");
        for (keyword, wanted) in schema {
            let fits = match keyword.as_str() {
                word if WORDS.contains(&word) => true,
                "type" => is_of(value, wanted),
                "const" => value == wanted,
                "enum" => wanted.as_array().unwrap().contains(value),
                "minimum" => value.as_u64().is_none_or(|it| it >= wanted.as_u64().unwrap()),
                "maximum" => value.as_u64().is_none_or(|it| it <= wanted.as_u64().unwrap()),
                "minLength" => {
                    value.as_str().is_none_or(|it| it.chars().count() as u64 >= wanted.as_u64().unwrap())
                }
                "maxLength" => {
                    value.as_str().is_none_or(|it| it.chars().count() as u64 <= wanted.as_u64().unwrap())
                }
                "maxItems" => value.as_array().is_none_or(|it| it.len() as u64 <= wanted.as_u64().unwrap()),
                "anyOf" => wanted.as_array().unwrap().iter().any(|one| self.fits(value, one).is_ok()),
                "items" => self.each(value.as_array().into_iter().flatten(), wanted).map(|()| true)?,
                "required" => {
                    let names = wanted.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                    names.into_iter().all(|name| value.get(name).is_some())
                }
                "properties" => {
                    for (name, member_schema) in wanted.as_object().unwrap() {
                        value.get(name).map_or(Ok(()), |member| self.fits(member, member_schema))?;
                    }
                    true
                }
                "additionalProperties" => self.others(value, schema, wanted)?,
                other => panic!("unknown keyword {other}"),
            };
            if !fits {
                return Err(format!("{value} is not {keyword} {wanted}"));
            }
        }
        Ok(())
    }

    fn each<'a>(&self, values: impl Iterator<Item = &'a Value>, schema: &Value) -> Result<(), String> {
        values.into_iter().try_for_each(|value| self.fits(value, schema))
    }

    /// Whether members without an entry in `properties` are valid.
    fn others(&self, value: &Value, schema: &Map<String, Value>, wanted: &Value) -> Result<bool, String> {
        let known = schema.get("properties").and_then(Value::as_object);
        let members = value.as_object().into_iter().flatten();
        let mut others = members.filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
        match wanted {
            Value::Bool(false) => Ok(others.next().is_none()),
            members_schema => self.each(others.map(|(_, member)| member), members_schema).map(|()| true),
        }
    }
}

/// Whether a path matches the template.
fn is_at(template: &str, path: &str) -> bool {
    let (wanted, actual): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    wanted.len() == actual.len()
        && wanted.iter().zip(actual).all(|(wanted, actual)| wanted.starts_with('{') || *wanted == actual)
}

fn is_of(value: &Value, kinds: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        other => panic!("unknown type {other}"),
    };
    kinds.as_array().map_or_else(|| is(kinds), |kinds| kinds.iter().any(is))
}

#[test]
fn invalid_response_fails() {
    let document =
        serde_json::json!({ "components": { "schemas": { "Name": { "type": "string", "maxLength": 2 } } } });
    let document = Document(document);
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "name": { "$ref": "#/components/schemas/Name" },
            "ids": { "type": "array", "items": { "type": "integer", "minimum": 1 } },
            "call": { "anyOf": [{ "$ref": "#/components/schemas/Name" }, { "type": "null" }] },
        },
        "required": ["name"],
        "additionalProperties": false,
    });
    for (good, value) in [
        (true, r#"{"name":"ab","ids":[1,2],"call":null}"#),
        (true, r#"{"name":"ab"}"#),
        (false, r#"{"name":"abc"}"#),
        (false, r#"{"name":null}"#),
        (false, r#"{"ids":[]}"#),
        (false, r#"{"name":"ab","ids":[1,0]}"#),
        (false, r#"{"name":"ab","ids":["1"]}"#),
        (false, r#"{"name":"ab","call":1}"#),
        (false, r#"{"name":"ab","proof":"x"}"#),
        (false, "[]"),
    ] {
        assert_eq!(document.fits(&serde_json::from_str(value).unwrap(), &schema).is_ok(), good, "{value}");
    }
}
