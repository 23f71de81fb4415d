//! Permission to change something, as a value that every step which writes asks for.

/// Proof that whoever flips was asked, or needed not to be.
#[derive(Debug)]
pub struct Confirmed(());

impl Confirmed {
    /// They were asked and said yes, or what they did before (a command line without a terminal, a confirmed dialogue) is
    /// the permission.
    pub fn given() -> Self {
        Self(())
    }

    /// For a way back in an emergency: nothing is ever in its way.
    pub fn not_needed() -> Self {
        Self(())
    }
}
