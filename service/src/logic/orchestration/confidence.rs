//! How sure it is that a plan works out.

use super::figure;

/// What speaks against a plan, and for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// How sure the decomposition is of itself, 0 to 1.
    pub decomposition: f64,
    /// It costs more than there is.
    pub is_over_budget: bool,
    /// It takes longer than there is time.
    pub is_late: bool,
    /// Agents with places left, and all agents.
    pub available: (usize, usize),
}

impl Outlook {
    /// The contract's confidence: 0.1 to 0.95.
    pub fn confidence(self) -> f64 {
        let count = |count: usize| figure(i64::try_from(count).unwrap_or(i64::MAX));
        let mut confidence = self.decomposition;
        if self.is_over_budget {
            confidence *= 0.7;
        }
        if self.is_late {
            confidence *= 0.6;
        }
        if let (available, registered @ 1..) = self.available {
            confidence *= 0.5 + 0.5 * count(available) / count(registered);
        }
        confidence.clamp(0.1, 0.95)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Outlook =
        Outlook { decomposition: 0.8, is_over_budget: false, is_late: false, available: (3, 3) };

    #[test]
    fn the_figures_of_the_contract() {
        for (outlook, expected) in [
            (PLAIN, 0.8),
            (Outlook { is_over_budget: true, ..PLAIN }, 0.8 * 0.7),
            (Outlook { is_late: true, ..PLAIN }, 0.8 * 0.6),
            (Outlook { is_over_budget: true, is_late: true, ..PLAIN }, 0.8 * 0.7 * 0.6),
            (Outlook { available: (1, 3), ..PLAIN }, 0.8 * (0.5 + 0.5 / 3.0)),
            (Outlook { available: (0, 3), ..PLAIN }, 0.4),
            (Outlook { available: (0, 0), ..PLAIN }, 0.8),
            (Outlook { decomposition: 1.0, ..PLAIN }, 0.95),
            (Outlook { decomposition: 0.0, ..PLAIN }, 0.1),
        ] {
            assert!((outlook.confidence() - expected).abs() < 1e-12, "{outlook:?}");
        }
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds_and_trouble_never_raises_it(
            decomposition in 0.0..=1.0_f64, available in 0_usize..10, more in 0_usize..10,
        ) {
            let outlook = Outlook { decomposition, available: (available, available + more), ..PLAIN };
            let confidence = outlook.confidence();
            prop_assert!((0.1..=0.95).contains(&confidence));
            for worse in [
                Outlook { is_over_budget: true, ..outlook },
                Outlook { is_late: true, ..outlook },
                Outlook { available: (available, available + more + 1), ..outlook },
            ] {
                prop_assert!(worse.confidence() <= confidence + 1e-12);
            }
        }
    }
}
