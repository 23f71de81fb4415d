//! What the five services offer: the list of services as clients see it, and the size of each model.

use serde_json::{Value, json};

/// Whisper's models.
pub const WHISPER_MODELS: &[&str] =
    &["tiny", "base", "small", "medium", "large", "large-v2", "large-v3"];

/// Stable Diffusion's models.
pub const SD_MODELS: &[&str] = &[
    "stable-diffusion-1.5",
    "stable-diffusion-2.1",
    "stable-diffusion-xl",
    "sdxl-turbo",
    "sdxl-refiner",
];

/// Language models.
pub const LLM_MODELS: &[&str] = &[
    "llama-7b",
    "llama-13b",
    "llama-70b",
    "mistral-7b",
    "mixtral-8x7b",
    "codellama-7b",
    "codellama-13b",
    "codellama-34b",
];

/// The GB of video memory that a model takes.
pub fn video_memory(model: &str) -> Option<i64> {
    Some(match model {
        "tiny" | "base" => 1,
        "small" => 2,
        "stable-diffusion-1.5" | "stable-diffusion-2.1" => 4,
        "medium" => 5,
        "stable-diffusion-xl"
        | "sdxl-turbo"
        | "sdxl-refiner"
        | "llama-7b"
        | "mistral-7b"
        | "codellama-7b" => 8,
        "large" | "large-v2" | "large-v3" => 10,
        "llama-13b" | "codellama-13b" => 16,
        "codellama-34b" => 32,
        "mixtral-8x7b" => 48,
        "llama-70b" => 64,
        _ => return None,
    })
}

/// What video can be turned into.
pub const CODECS: &[&str] = &["h264", "h265", "vp9", "av1"];

/// What renders scenes.
pub const ENGINES: &[&str] = &["cycles", "eevee", "eevee-next"];

/// The list of services.
pub fn services() -> Value {
    let needs = |gpu: &str, memory: i64| json!({"gpu": gpu, "min_vram_gb": memory});
    json!({"services": [
        {
            "type": "whisper",
            "name": "Whisper Speech Recognition",
            "description": "Transcribe and translate audio files",
            "models": WHISPER_MODELS,
            "constraints": needs("nvidia", 1),
        },
        {
            "type": "stable_diffusion",
            "name": "Stable Diffusion",
            "description": "Generate images from text prompts",
            "models": SD_MODELS,
            "constraints": needs("nvidia", 4),
        },
        {
            "type": "llm_inference",
            "name": "LLM Inference",
            "description": "Run inference on large language models",
            "models": LLM_MODELS,
            "constraints": needs("nvidia", 8),
        },
        {
            "type": "ffmpeg",
            "name": "FFmpeg Video Processing",
            "description": "Transcode and process video files",
            "codecs": CODECS,
            "constraints": needs("any", 0),
        },
        {
            "type": "blender",
            "name": "Blender Rendering",
            "description": "Render 3D scenes using Blender",
            "engines": ENGINES,
            "constraints": needs("any", 4),
        },
    ]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_a_size() {
        for model in [WHISPER_MODELS, SD_MODELS, LLM_MODELS].into_iter().flatten() {
            assert!(video_memory(model).is_some(), "{model}");
        }
        assert_eq!(video_memory("falcon-7b"), None);
    }
}
