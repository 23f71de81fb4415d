//! Who may write to whom.

/// Reputation from which on an agent may write to those whose contact it is not.
pub const LEAST_REPUTATION: i64 = 1000;

/// What two agents are to each other, and how the sender stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether both take part.
    pub both_authorized: bool,
    /// Whether either has blocked the other.
    pub is_blocked: bool,
    /// Whether the recipient is one of the sender's contacts.
    pub is_contact: bool,
    /// The sender's reputation; none where nobody knows it.
    pub reputation: Option<i64>,
}

/// Whether one may write to the other, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// One of them does not take part.
    NotAuthorized,
    /// One of them has blocked the other.
    Blocked,
    /// The recipient is a contact.
    Contact,
    /// The sender's reputation is good enough.
    Reputation,
    /// It is not.
    ReputationTooLow,
    /// Nobody knows it.
    ReputationUnknown,
}

impl Permission {
    /// The words, as answers show them.
    pub const WORDS: [&str; 6] = [
        "not_authorized",
        "blocked",
        "contact",
        "reputation",
        "reputation_too_low",
        "reputation_unknown",
    ];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotAuthorized => "not_authorized",
            Self::Blocked => "blocked",
            Self::Contact => "contact",
            Self::Reputation => "reputation",
            Self::ReputationTooLow => "reputation_too_low",
            Self::ReputationUnknown => "reputation_unknown",
        }
    }

    /// Whether the one may write to the other.
    pub const fn is_given(self) -> bool {
        matches!(self, Self::Contact | Self::Reputation)
    }
}

/// The contract's `can_communicate`, in its order.
pub fn can_communicate(standing: Standing) -> Permission {
    if !standing.both_authorized {
        return Permission::NotAuthorized;
    }
    if standing.is_blocked {
        return Permission::Blocked;
    }
    if standing.is_contact {
        return Permission::Contact;
    }
    match standing.reputation {
        Some(reputation) if reputation >= LEAST_REPUTATION => Permission::Reputation,
        Some(_) => Permission::ReputationTooLow,
        None => Permission::ReputationUnknown,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: Standing = Standing {
        both_authorized: true,
        is_blocked: false,
        is_contact: false,
        reputation: Some(LEAST_REPUTATION),
    };

    #[test]
    fn reputation_opens_what_no_contact_does() {
        for (reputation, permission) in [
            (Some(1000), Permission::Reputation),
            (Some(999), Permission::ReputationTooLow),
            (None, Permission::ReputationUnknown),
        ] {
            assert_eq!(can_communicate(Standing { reputation, ..GOOD }), permission);
        }
    }

    proptest! {
        #[test]
        fn blocks_are_stronger_than_contacts_and_nothing_helps_who_takes_no_part(
            is_contact in any::<bool>(), reputation in proptest::option::of(0_i64..20_000)
        ) {
            let blocked = Standing { is_blocked: true, is_contact, reputation, ..GOOD };
            prop_assert_eq!(can_communicate(blocked), Permission::Blocked);
            let outside = Standing { both_authorized: false, ..blocked };
            prop_assert_eq!(can_communicate(outside), Permission::NotAuthorized);
            let open = can_communicate(Standing { is_blocked: false, ..blocked });
            let may = is_contact || reputation.is_some_and(|r| r >= LEAST_REPUTATION);
            prop_assert_eq!(open.is_given(), may);
        }
    }
}
