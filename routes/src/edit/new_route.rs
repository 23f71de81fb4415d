//! Adds a route at the end of a table's text.

use toml_edit::{Array, Document, Item, Value};

use super::{EditError, Planned, Splice};
use crate::stage::Stage;

/// A route that is to be added, at stage `monolith`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoute {
    /// Its name.
    pub name: String,
    /// Its pattern.
    pub path: String,
    /// Empty for every method.
    pub methods: Vec<String>,
    /// Where it comes from, for the comment above it.
    pub origin: String,
}

/// Plans to add a route; the check of the whole table says whether it fits.
pub(super) fn add(document: &Document<&str>, text: &str, route: &NewRoute) -> Planned {
    // `routes = [{ … }]` has no room for a section.
    if !matches!(document.get("routes"), None | Some(Item::ArrayOfTables(_))) {
        return Err(EditError::NoPlace("[[routes]]"));
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let quoted = |text: &str| Value::from(text).to_string();
    let mut lines = vec![
        format!("# {}", super::one_line(&route.origin)),
        "[[routes]]".to_owned(),
        format!("name = {}", quoted(&route.name)),
        format!("path = {}", quoted(&route.path)),
    ];
    if !route.methods.is_empty() {
        let methods: Array = route.methods.iter().map(String::as_str).collect();
        lines.push(format!("methods = {methods}"));
    }
    lines.push(format!("stage = {}", quoted(Stage::Monolith.as_str())));
    let before = match text {
        "" => "",
        text if text.ends_with('\n') => newline,
        _ => &newline.repeat(2),
    };
    let with = format!("{before}{}{newline}", lines.join(newline));
    Ok(Some(Splice { range: text.len()..text.len(), with }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Change, apply};

    fn added(text: &str, methods: &[&str]) -> Result<String, EditError> {
        let route = NewRoute {
            name: "jobs".to_owned(),
            path: "/v1/jobs/{*rest}".to_owned(),
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            origin: "app/jobs.py\n[[routes]]".to_owned(),
        };
        apply(text, &[Change::AddRoute { route }], 2)
    }

    #[test]
    fn a_route_comes_last_and_everything_else_stays() {
        let text = "format = 1\ngeneration = 1\n[[routes]] # one\nname = 'x'\npath = '/x'";
        let route =
            "# app/jobs.py [[routes]]\n[[routes]]\nname = \"jobs\"\npath = \"/v1/jobs/{*rest}\"\n";
        let before = text.replace("generation = 1", "generation = 2");
        assert_eq!(added(text, &[]).unwrap(), format!("{before}\n\n{route}stage = \"monolith\"\n"));
        let ended = added(&format!("{text}\n"), &["GET", "PUT"]).unwrap();
        let methods = "methods = [\"GET\", \"PUT\"]\n";
        assert_eq!(ended, format!("{before}\n\n{route}{methods}stage = \"monolith\"\n"));
        assert!(added("format = 1\r\n", &[]).unwrap().ends_with("\r\n\r\n# app/jobs.py [[routes]]\r\n[[routes]]\r\nname = \"jobs\"\r\npath = \"/v1/jobs/{*rest}\"\r\nstage = \"monolith\"\r\n"));
    }

    #[test]
    fn a_list_between_brackets_has_no_room() {
        let refused = added("format = 1\nroutes = [{ name = 'x', path = '/x' }]\n", &[]);
        assert!(matches!(refused, Err(EditError::NoPlace("[[routes]]"))));
    }
}
