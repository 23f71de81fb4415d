//! What the five services take: the fields of a typed request, with the monolith's bounds and defaults.

use std::sync::LazyLock;

use serde_json::Value;

use crate::http::endpoint::LazyShape;
use crate::logic::jobs::catalogue::{CODECS, ENGINES, LLM_MODELS, SD_MODELS, WHISPER_MODELS};
use crate::validation::kind::{Bounds, LazyPattern, pattern};
use crate::validation::shape::Field;
use crate::validation::{Kind, Shape, field};

const LANGUAGES: &[&str] = &["auto", "en", "es", "fr", "de", "it", "pt", "ru", "ja", "ko", "zh"];

const SIZES: &[&str] = &[
    "512x512",
    "512x768",
    "768x512",
    "768x768",
    "768x1024",
    "1024x768",
    "1024x1024",
    "1024x1536",
    "1536x1024",
];

const PRESETS: &[&str] = &[
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
];

/// Seeds that a request may give, one for each picture.
const MOST_SEEDS: usize = 4;

static RESOLUTION: LazyPattern = LazyLock::new(|| pattern(r"^\d+x\d+$"));
static BITRATE: LazyPattern = LazyLock::new(|| pattern(r"^\d+[kM]?$"));

/// A field that is null unless it is sent.
fn or_null(name: &'static str, kind: Kind) -> Field {
    field(name, kind.or_null()).default(Value::Null)
}

/// Whisper.
pub(super) static WHISPER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("audio_url", Kind::text()),
        field("model", Kind::Choice(WHISPER_MODELS)).default("base"),
        field("language", Kind::Choice(LANGUAGES)).default("auto"),
        field("task", Kind::Choice(&["transcribe", "translate"])).default("transcribe"),
        field("temperature", Kind::number_within(0.0, 1.0)).default(0.0),
        field("best_of", Kind::integer_within(1, 10)).default(5),
        field("beam_size", Kind::integer_within(1, 10)).default(5),
        field("patience", Kind::number_within(0.0, 2.0)).default(1.0),
        or_null("suppress_tokens", Kind::list_of(Kind::any_integer())),
        or_null("initial_prompt", Kind::text()),
        field("condition_on_previous_text", Kind::Boolean).default(true),
        field("fp16", Kind::Boolean).default(true),
        field("verbose", Kind::Boolean).default(false),
    ])
});

/// Stable Diffusion.
pub(super) static STABLE_DIFFUSION: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("prompt", Kind::text_within(1, 1000)),
        or_null("negative_prompt", Kind::text_up_to(1000)),
        field("model", Kind::Choice(SD_MODELS)).default("stable-diffusion-1.5"),
        field("size", Kind::Choice(SIZES)).default("512x512"),
        field("num_images", Kind::integer_within(1, 4)).default(1),
        field("num_inference_steps", Kind::integer_within(1, 100)).default(20),
        field("guidance_scale", Kind::number_within(1.0, 20.0)).default(7.5),
        or_null("seed", seeds()).rule(|seed, _| match seed.as_array() {
            Some(seeds) if seeds.len() > MOST_SEEDS => Err("Maximum 4 seeds allowed"),
            _ => Ok(()),
        }),
        field("scheduler", Kind::text()).default("DPMSolverMultistepScheduler"),
        field("enable_safety_checker", Kind::Boolean).default(true),
        or_null("lora", Kind::text()),
        field("lora_scale", Kind::number_within(0.0, 2.0)).default(1.0),
    ])
});

fn seeds() -> Kind {
    Kind::AnyOf(vec![
        ("int", Kind::any_integer()),
        ("list[int]", Kind::list_of(Kind::any_integer())),
    ])
}

/// Language models.
pub(super) static LLM: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("model", Kind::Choice(LLM_MODELS)),
        field("prompt", Kind::text_within(1, 10_000)),
        field("max_tokens", Kind::integer_within(1, 4096)).default(256),
        field("temperature", Kind::number_within(0.0, 2.0)).default(0.7),
        field("top_p", Kind::number_within(0.0, 1.0)).default(0.9),
        field("top_k", Kind::integer_within(0, 100)).default(40),
        field("repetition_penalty", Kind::number_within(0.0, 2.0)).default(1.1),
        or_null("stop_sequences", Kind::list_of(Kind::text())),
        field("stream", Kind::Boolean).default(false),
    ])
});

/// `FFmpeg`.
pub(super) static FFMPEG: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("input_url", Kind::text()),
        field("output_format", Kind::text()).default("mp4"),
        field("codec", Kind::Choice(CODECS)).default("h264"),
        field("preset", Kind::Choice(PRESETS)).default("medium"),
        field("crf", Kind::integer_within(0, 51)).default(23),
        or_null("resolution", Kind::text_like(&RESOLUTION)),
        or_null("bitrate", Kind::text_like(&BITRATE)),
        or_null("fps", Kind::integer_within(1, 120)),
        field("audio_codec", Kind::text()).default("aac"),
        field("audio_bitrate", Kind::text()).default("128k"),
        or_null("custom_args", Kind::list_of(Kind::text())),
    ])
});

/// Blender.
pub(super) static BLENDER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("blend_file_url", Kind::text()),
        field("engine", Kind::Choice(ENGINES)).default("cycles"),
        field("format", Kind::Choice(&["png", "jpg", "exr", "bmp", "tiff"])).default("png"),
        field("resolution_x", Kind::integer_within(1, 65_536)).default(1920),
        field("resolution_y", Kind::integer_within(1, 65_536)).default(1080),
        field("resolution_percentage", Kind::integer_within(1, 100)).default(100),
        field("samples", Kind::integer_within(1, 10_000)).default(128),
        field("frame_start", Kind::integer_from(1)).default(1),
        field("frame_end", Kind::integer_from(1)).default(1).rule(|last, before| {
            let first = before.get("frame_start").and_then(Value::as_i64);
            if last.as_i64() < first { Err("frame_end must be >= frame_start") } else { Ok(()) }
        }),
        field("frame_step", Kind::AnyInteger(Bounds { ge: Some(1.0), le: None })).default(1),
        field("denoise", Kind::Boolean).default(true),
        field("transparent", Kind::Boolean).default(false),
        or_null("custom_args", Kind::list_of(Kind::text())),
    ])
});
