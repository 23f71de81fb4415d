//! Proves that figures lie within limits without showing them: Pedersen commitments, and one Bulletproofs+ proof for all.
//!
//! `tari_bulletproofs_plus` is used because it is maintained (0.5.3 of September 2026) and stands on the same
//! `curve25519-dalek` 5 and `rand_core` 0.10 as the signatures here. `bulletproofs` (5.0.0, of 2024) still needs the
//! generation before of both, and a C compiler for `clear_on_drop`.
//!
//! For limits `least..=most` and a commitment `C = v·H + r·G` the proof is that `C - least·H` and `most·H - C` both commit
//! to numbers below 2^32. Their sum is known, so neither can have wrapped around the order of the group.

use std::sync::LazyLock;

use curve25519_dalek::{RistrettoPoint, Scalar, ristretto::CompressedRistretto};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};
use tari_bulletproofs_plus::Transcript;
use tari_bulletproofs_plus::commitment_opening::CommitmentOpening;
use tari_bulletproofs_plus::errors::ProofError;
use tari_bulletproofs_plus::generators::pedersen_gens::ExtensionDegree;
use tari_bulletproofs_plus::range_parameters::RangeParameters;
use tari_bulletproofs_plus::range_proof::VerifyAction;
use tari_bulletproofs_plus::range_statement::RangeStatement;
use tari_bulletproofs_plus::range_witness::RangeWitness;
use tari_bulletproofs_plus::ristretto::{
    RistrettoRangeProof, create_pedersen_gens_with_extension_degree,
};

use super::Unproven;

/// The bits of a proven number.
const BITS: usize = 32;
/// Two for each figure that there can be.
const MOST_COMMITMENTS: usize = 4;
/// More than any proof of so many commitments has, in hexadecimal digits.
const MOST_DIGITS: usize = 4096;
const LABEL: &[u8] = b"agent-service step proof 1";

/// A figure and what it must be within, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The figure, as documents call it.
    pub name: &'static str,
    /// Its least value.
    pub least: u64,
    /// Its greatest value.
    pub most: u64,
}

/// Below an hour, in milliseconds, as the check of level `full` has it.
pub const TIME: Limit = Limit { name: "execution_time_ms", least: 1, most: 3_599_999 };
/// Below 8192 MB, in units of 1024 bytes, as the check of level `full` has it.
pub const MEMORY: Limit = Limit { name: "memory_kb", least: 1, most: 8_388_607 };

/// Figures that are proven to be within their limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranges {
    /// The execution time, and the memory where that is within its limits.
    pub figures: Vec<Figure>,
    /// One proof for all of them, in hexadecimal digits.
    pub proof: String,
}

/// A figure that is committed to, and the limits it is proven to be within.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Which one.
    pub name: String,
    /// Its least value.
    pub least: u64,
    /// Its greatest value.
    pub most: u64,
    /// The Pedersen commitment, a compressed Ristretto point in hexadecimal digits.
    pub commitment: String,
}

type Parameters = RangeParameters<RistrettoPoint>;

/// The generators, made on first use. They are the same for everybody, so nobody has to be trusted with them.
static PARAMETERS: LazyLock<Result<Parameters, ProofError>> = LazyLock::new(|| {
    let pedersen = create_pedersen_gens_with_extension_degree(ExtensionDegree::DefaultPedersen);
    Parameters::init(BITS, MOST_COMMITMENTS, pedersen)
});

fn parameters() -> Result<&'static Parameters, Unproven> {
    PARAMETERS.as_ref().map_err(|_why| Unproven::Malformed("set of generators"))
}

/// Proves each value to be within its limit. `context` is what the proof is about: it verifies with nothing else.
/// The blindings come from the secret, so that an opening with the secret also opens these commitments.
///
/// Fails where a value is not within its limit.
pub fn prove(values: &[(Limit, u64)], secret: &str, context: &str) -> Result<Ranges, Unproven> {
    let mut figures = Vec::new();
    let mut openings = Vec::new();
    for (limit, value) in values {
        let refused = Unproven::Range(limit.name);
        let above = value.checked_sub(limit.least).ok_or(refused)?;
        let below = limit.most.checked_sub(*value).ok_or(refused)?;
        let blinding = blinding(secret, limit.name);
        openings.push(CommitmentOpening::new(above, vec![blinding]));
        openings.push(CommitmentOpening::new(below, vec![-blinding]));
        figures.push(Figure {
            name: limit.name.to_owned(),
            least: limit.least,
            most: limit.most,
            commitment: commit(limit.name, *value, secret)?,
        });
    }
    let refused = |_why: ProofError| Unproven::Range("every figure");
    let statement = statement(&figures)?;
    let witness = RangeWitness::init(openings).map_err(refused)?;
    // The transcript mixes the witness in as well, so this need not be fresh, only unknown to others.
    let seed = Sha256::new().chain_update(LABEL).chain_update(secret).chain_update(context);
    let mut chance = StdRng::from_seed(seed.finalize().into());
    let mut transcript = transcript(&figures, context);
    let proof =
        RistrettoRangeProof::prove_with_rng(&mut transcript, &statement, &witness, &mut chance);
    Ok(Ranges { proof: hex::encode(proof.map_err(refused)?.to_bytes()), figures })
}

/// Checks that every figure is proven to be within its limit, for this context.
pub fn verify(ranges: &Ranges, context: &str) -> Result<(), Unproven> {
    const WHAT: &str = "every figure";
    let known = [TIME, MEMORY];
    let asked = ranges.figures.iter().zip(known).all(|(figure, limit)| {
        figure.name == limit.name && figure.least == limit.least && figure.most == limit.most
    });
    let counted = (1..=known.len()).contains(&ranges.figures.len());
    if !asked || !counted || ranges.proof.len() > MOST_DIGITS {
        return Err(Unproven::Malformed("range proof"));
    }
    let bytes = hex::decode(&ranges.proof).map_err(|_why| Unproven::Malformed("range proof"))?;
    let proof = RistrettoRangeProof::from_bytes(&bytes)
        .map_err(|_why| Unproven::Malformed("range proof"))?;
    let statement = statement(&ranges.figures)?;
    let mut transcripts = [transcript(&ranges.figures, context)];
    let action = VerifyAction::VerifyOnly;
    RistrettoRangeProof::verify_batch(&mut transcripts, &[statement], &[proof], action)
        .map(drop)
        .map_err(|_why| Unproven::Range(WHAT))
}

/// Whether the commitment of a figure is to this value, with this secret.
pub fn opens(figure: &Figure, value: u64, secret: &str) -> bool {
    commit(&figure.name, value, secret).is_ok_and(|commitment| commitment == figure.commitment)
}

fn commit(name: &str, value: u64, secret: &str) -> Result<String, Unproven> {
    let generators = parameters()?.pc_gens();
    let point = generators
        .commit(&Scalar::from(value), &[blinding(secret, name)])
        .map_err(|_why| Unproven::Malformed("commitment"))?;
    Ok(hex::encode(point.compress().as_bytes()))
}

fn blinding(secret: &str, name: &str) -> Scalar {
    let hash = Sha512::new().chain_update(LABEL).chain_update(name).chain_update(secret);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// What is to be proven: for each figure, the commitments to its distance from both limits.
fn statement(figures: &[Figure]) -> Result<RangeStatement<RistrettoPoint>, Unproven> {
    let parameters = parameters()?;
    let value_base = parameters.h_base();
    let mut commitments = Vec::new();
    for figure in figures {
        let point = point(&figure.commitment)?;
        commitments.push(point - Scalar::from(figure.least) * value_base);
        commitments.push(Scalar::from(figure.most) * value_base - point);
    }
    let no_promises = vec![None; commitments.len()];
    RangeStatement::init(parameters.clone(), commitments, no_promises, None)
        .map_err(|_why| Unproven::Malformed("range proof"))
}

fn point(digits: &str) -> Result<RistrettoPoint, Unproven> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_why| Unproven::Malformed("commitment"))?;
    CompressedRistretto(bytes).decompress().ok_or(Unproven::Malformed("commitment"))
}

/// Begins the proof's transcript with all that the proof is about.
fn transcript(figures: &[Figure], context: &str) -> Transcript {
    let mut transcript = Transcript::new(LABEL);
    transcript.append_message(b"context", context.as_bytes());
    for figure in figures {
        transcript.append_message(b"name", figure.name.as_bytes());
        transcript.append_u64(b"least", figure.least);
        transcript.append_u64(b"most", figure.most);
        transcript.append_message(b"commitment", figure.commitment.as_bytes());
    }
    transcript
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "5ec3e7";

    fn proven(time: u64, memory: u64) -> Ranges {
        prove(&[(TIME, time), (MEMORY, memory)], SECRET, "step a").unwrap()
    }

    #[test]
    fn both_ends_of_both_limits_can_be_proven_and_nothing_beyond() {
        for (time, memory) in [(1, 1), (TIME.most, MEMORY.most), (51, 131_584)] {
            assert_eq!(verify(&proven(time, memory), "step a"), Ok(()), "{time} {memory}");
        }
        for (time, memory) in [(0, 1), (TIME.most + 1, 1), (u64::MAX, 1)] {
            let refused = prove(&[(TIME, time), (MEMORY, memory)], SECRET, "step a");
            assert_eq!(refused, Err(Unproven::Range("execution_time_ms")));
        }
        let refused = prove(&[(TIME, 1), (MEMORY, MEMORY.most + 1)], SECRET, "step a");
        assert_eq!(refused, Err(Unproven::Range("memory_kb")));
        let time_only = prove(&[(TIME, 7)], SECRET, "step a").unwrap();
        assert_eq!(verify(&time_only, "step a"), Ok(()));
    }

    #[test]
    fn a_proof_is_of_its_own_context_figures_and_limits() {
        let ranges = proven(51, 131_584);
        assert_eq!(verify(&ranges, "step b"), Err(Unproven::Range("every figure")));
        let mut swapped = ranges.clone();
        let memory = swapped.figures[1].commitment.clone();
        swapped.figures[0].commitment = memory;
        assert_eq!(verify(&swapped, "step a"), Err(Unproven::Range("every figure")));
        let mut wider = ranges.clone();
        wider.figures[0].most += 1;
        assert_eq!(verify(&wider, "step a"), Err(Unproven::Malformed("range proof")));
        let mut fewer = ranges.clone();
        fewer.figures.pop();
        assert_eq!(verify(&fewer, "step a"), Err(Unproven::Range("every figure")));
        let none = Ranges { figures: Vec::new(), ..ranges };
        assert_eq!(verify(&none, "step a"), Err(Unproven::Malformed("range proof")));
    }

    #[test]
    fn a_commitment_to_a_value_out_of_limits_has_no_proof() {
        // What a cheat would do: the proof of a good value beside the commitment to a bad one.
        let mut forged = proven(51, 131_584);
        forged.figures[0].commitment = commit(TIME.name, TIME.most + 1, SECRET).unwrap();
        assert_eq!(verify(&forged, "step a"), Err(Unproven::Range("every figure")));
    }

    #[test]
    fn a_commitment_opens_to_its_value_and_secret_only() {
        let ranges = proven(51, 131_584);
        assert!(opens(&ranges.figures[0], 51, SECRET));
        assert!(!opens(&ranges.figures[0], 52, SECRET));
        assert!(!opens(&ranges.figures[0], 51, "5ec3e8"));
        assert!(!opens(&ranges.figures[1], 51, SECRET));
    }

    #[test]
    fn what_is_no_proof_is_refused() {
        let ranges = proven(51, 131_584);
        for text in ["", "zz", "00", &"0".repeat(MOST_DIGITS + 2), &ranges.proof[2..]] {
            let broken = Ranges { proof: text.to_owned(), ..ranges.clone() };
            assert!(verify(&broken, "step a").is_err(), "{text:.20}");
        }
        let mut broken = ranges;
        broken.figures[0].commitment = "ff".repeat(32);
        assert_eq!(verify(&broken, "step a"), Err(Unproven::Malformed("commitment")));
    }

    static PROVEN: LazyLock<Ranges> = LazyLock::new(|| proven(51, 131_584));

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn no_bit_of_a_proof_can_be_changed(at in 0_usize..8192, bit in 0_u8..8) {
            let mut bytes = hex::decode(&PROVEN.proof).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let changed = Ranges { proof: hex::encode(bytes), ..PROVEN.clone() };
            prop_assert!(verify(&changed, "step a").is_err());
        }

        #[test]
        fn every_value_within_its_limits_has_a_proof(time in 1..=TIME.most, memory in 1..=MEMORY.most) {
            prop_assert_eq!(verify(&proven(time, memory), "step a"), Ok(()));
        }
    }
}
