//! What a message costs.

use rust_decimal::Decimal;

use crate::tables::money::Money;
use crate::tables::own::communication::MessageType;

/// Most bytes of a message.
pub const MOST_BYTES: usize = 100_000;

/// 0.001 for each begun and each further part of 1000 bytes, times what the type costs: the contract's formula,
/// `0.001 * max(1, bytes / 1000) * factor`, which has seven places.
pub fn price(bytes: usize, kind: MessageType) -> Money {
    let bytes = i64::try_from(bytes.min(MOST_BYTES)).unwrap_or(0);
    let thousands = Decimal::new(bytes, 3).max(Decimal::ONE);
    Money::round(Decimal::new(1, 3) * thousands * factor(kind))
}

fn factor(kind: MessageType) -> Decimal {
    let tenths = match kind {
        MessageType::System => 1,
        MessageType::Notification => 5,
        MessageType::Text => 10,
        MessageType::Data => 15,
        MessageType::TaskRequest | MessageType::TaskResponse => 20,
        MessageType::Collaboration => 30,
        MessageType::Urgent => 50,
        MessageType::Bulk => 100,
    };
    Decimal::new(tenths, 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prices_are_the_contracts() {
        for (bytes, kind, shown) in [
            (0, MessageType::Text, "0.001"),
            (1000, MessageType::Text, "0.001"),
            (1001, MessageType::Text, "0.001001"),
            (2500, MessageType::Data, "0.00375"),
            (40, MessageType::System, "0.0001"),
            (100_000, MessageType::Bulk, "1"),
            (1, MessageType::Urgent, "0.005"),
            (1, MessageType::Notification, "0.0005"),
            (3333, MessageType::Collaboration, "0.009999"),
            (1, MessageType::TaskRequest, "0.002"),
            (1, MessageType::TaskResponse, "0.002"),
        ] {
            assert_eq!(price(bytes, kind).to_string(), shown, "{bytes} {kind:?}");
        }
    }

    proptest! {
        #[test]
        fn the_exact_price_is_what_floats_only_come_near(
            bytes in 0_u32..=100_000, index in 0..MessageType::ALL.len()
        ) {
            let kind = MessageType::ALL[index];
            let float_factor = [1.0, 1.5, 2.0, 2.0, 3.0, 0.5, 0.1, 5.0, 10.0][index];
            let float = 0.001 * (f64::from(bytes) / 1000.0).max(1.0) * float_factor;
            let price_of = price(bytes as usize, kind);
            prop_assert!((price_of.number() - float).abs() < 1e-12);
            // Nothing was rounded, and more is never cheaper.
            let tenths = Decimal::from(bytes.max(1000)) * factor(kind);
            prop_assert_eq!(price_of.exact() * Decimal::from(1_000_000), tenths);
            prop_assert!(price(bytes as usize + 1, kind) >= price_of);
        }
    }
}
