//! What the colours of human output mean; the printer takes them away where they are not wanted.

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};

/// Headings and names.
pub(crate) const STRONG: Style = Style::new().bold();
/// Side remarks.
pub(crate) const DIM: Style = Style::new().dimmed();
/// As it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Needs a look.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
/// Wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// Places and addresses.
pub(crate) const PLACE: Style = AnsiColor::Cyan.on_default();

/// A value in a style.
pub(crate) struct Styled<T>(Style, T);

/// `value` in `style`.
pub(crate) fn paint<T: Display>(style: Style, value: T) -> Styled<T> {
    Styled(style, value)
}

impl<T: Display> Display for Styled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.render())?;
        self.1.fmt(f)?;
        write!(f, "{}", self.0.render_reset())
    }
}
