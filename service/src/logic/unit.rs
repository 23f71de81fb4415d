//! The unit of an instance: its name, which must be safe in a file name and on a command line, and its text.

use std::fmt;

use crate::tables::integration::DeploymentInstance;

/// What every unit's name begins with. The monolith's units have it too, so that either side can take them down.
const PREFIX: &str = "aitbc-agent-";

/// The longest name of a unit that systemd takes, with its suffix.
const LONGEST: usize = 255;

/// The unit that is written unless an operator has another.
pub const TEMPLATE: &str = include_str!("unit.service");

/// The name of an instance's unit, with its suffix. Parts of it come from users, so it is made here or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitName(String);

/// A name that no unit can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the instance's name makes no unit name: letters, digits, '-', '_' and '.' only, and no more than 235"
)]
pub struct NoUnitName;

impl UnitName {
    /// The unit of an instance.
    ///
    /// Letters, digits, `-`, `_` and `.` are taken: nothing that separates folders, begins an option, names a template or is
    /// a specifier of systemd.
    pub fn of(instance_id: &str) -> Result<Self, NoUnitName> {
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let name = format!("{PREFIX}{instance_id}.service");
        if instance_id.is_empty() || name.len() > LONGEST || !instance_id.bytes().all(is_safe) {
            return Err(NoUnitName);
        }
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A unit that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name.
    pub name: UnitName,
    /// Its text.
    pub text: String,
}

/// The text of units, with `{instance_id}` and `{port}` where those of an instance come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// A template. One that says nothing of its instance's port would start the same thing for every instance.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        for needed in ["[Service]", "{port}"] {
            if !text.contains(needed) {
                return Err(format!("has no {needed}"));
            }
        }
        Ok(Self(text))
    }

    /// The unit of an instance.
    pub fn unit(&self, instance: &DeploymentInstance) -> Result<Unit, NoUnitName> {
        let name = UnitName::of(&instance.instance_id)?;
        let port = instance.port.as_ref().and_then(crate::tables::Int::get).unwrap_or_default();
        let text = self.0.replace("{instance_id}", &instance.instance_id);
        Ok(Unit { name, text: text.replace("{port}", &port.to_string()) })
    }
}

impl Default for Template {
    fn default() -> Self {
        Self(TEMPLATE.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logic::instances::tests::instance;

    #[test]
    fn names_come_from_harmless_letters_only() {
        assert_eq!(
            UnitName::of("four-production-0").map(|name| name.to_string()),
            Ok("aitbc-agent-four-production-0.service".to_owned())
        );
        for bad in [
            "", "a b", "a/b", "../x", "a@b", "a%n", "a\nb", "a;b", "a\\b", "ż", "$(x)", "a\0",
            "`x`",
        ] {
            assert_eq!(UnitName::of(bad), Err(NoUnitName), "{bad:?}");
        }
        assert!(UnitName::of(&"n".repeat(235)).is_ok());
        assert_eq!(UnitName::of(&"n".repeat(236)), Err(NoUnitName));
    }

    #[test]
    fn a_template_is_filled_in() {
        assert_eq!(Template::new("[Service]\n"), Err("has no {port}".to_owned()));
        assert_eq!(Template::new("{port}"), Err("has no [Service]".to_owned()));
        let template =
            Template::new("[Service]\nExecStart=/bin/agent {port} {instance_id}\n").unwrap();
        let unit = template.unit(&instance(3)).unwrap();
        assert_eq!(unit.text, "[Service]\nExecStart=/bin/agent 8003 four-production-3\n");
        let built_in = Template::default().unit(&instance(0)).unwrap().text;
        assert_eq!(Template::new(TEMPLATE), Ok(Template::default()));
        assert!(built_in.contains("AGENT_PORT=8000") && !built_in.contains('{'), "{built_in}");
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_folder_or_its_argument(id in any::<String>()) {
            if let Ok(name) = UnitName::of(&id) {
                let name = name.as_str();
                prop_assert!(name.starts_with("aitbc-agent-") && name.ends_with(".service"));
                prop_assert!(!name.contains(['/', ' ', '\n', '%', '@', '\\', '\0']));
            }
        }
    }
}
