//! How many requests a client sends in a second. An estimate in fixed memory: however many clients there are, counting one
//! takes no lock and no allocation.

use std::net::IpAddr;
use std::time::Duration;

use pingora_limits::rate::Rate;

use super::connections::of_one_client;

/// Rows and columns of the estimate. It never counts too little, and too much only for a client that shares a counter with
/// others in every row.
const ROWS: usize = 4;
const COLUMNS: usize = 16_384;

/// Requests of each client in the second that is running.
pub(crate) struct RequestRates(Rate);

impl Default for RequestRates {
    fn default() -> Self {
        Self(Rate::new_with_estimator_config(Duration::from_secs(1), ROWS, COLUMNS))
    }
}

impl RequestRates {
    /// Counts a request; whether it is one of the first `most` of its client in this second.
    pub(crate) fn admits(&self, client: IpAddr, most: usize) -> bool {
        let count = self.0.observe(&of_one_client(client), 1);
        usize::try_from(count).is_ok_and(|count| count <= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_own_count() {
        let rates = RequestRates::default();
        let admits = |client: &str| rates.admits(client.parse().unwrap(), 3);
        // A second that ends in the middle would only admit more.
        let admitted = (0..20).filter(|_| admits("192.0.2.1")).count();
        assert!((3..20).contains(&admitted), "{admitted}");
        assert!(admits("192.0.2.2") && admits("2001:db8::1"));
    }
}
